"""Networks that grow by walks along their own ties: (n, arguments, seed, site) → Ties."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpmdsl.native.function import native
from lpmdsl.networks.random import SEED_MASK, WORLD_REPLICATE, below, philox
from lpmdsl.networks.storage.csr import Unbuildable, edges_to_ties
from lpmdsl.networks.world import Arguments, Ties

MOST_STEPS = 256
"""Steps of one walk at most."""
_WORLD = np.uint64(WORLD_REPLICATE)


def walk(n: int, arguments: Arguments, seed: int, site: int) -> Ties:
    """Newcomers meet somebody at random, then friends of friends (Vázquez 2003, Phys Rev E 67:056104).

    A newcomer ties to anybody there. With chance ``further`` the walk takes one of the ties of whom it has come to,
    each as likely, and the newcomer ties to whom it leads to, unless the two are tied already; and so on.
    """
    further = float(arguments["further"])  # type: ignore[arg-type]
    if not 0 <= further < 1:
        raise Unbuildable(f"`further` is {further:g}; a walk that ends goes on with a chance from 0 % to below 100 %.")
    threshold = np.uint64(np.floor(further * 2.0**32 + 0.5))
    return edges_to_ties(n, *_grown(n, threshold, np.uint64(seed & SEED_MASK), np.uint64(site)))


def _grown(n: int, threshold: np.uint64, seed: np.uint64, site: np.uint64) -> tuple[NDArray, NDArray]:
    """Both ends of every tie: newcomers come one after the other, and where room ends, there is twice as much."""
    first, size, room = (np.zeros(n, np.int64) for _ in range(3))
    pool, a, b = np.empty(8 * n + 8, np.int32), np.empty(4 * n + 4, np.int32), np.empty(4 * n + 4, np.int32)
    newcomer, used, count = 1, 0, 0
    while True:
        newcomer, used, count = _grow(newcomer, threshold, seed, site, used, count, first, size, room, pool, a, b)
        if newcomer == n:
            return a[:count], b[:count]
        pool, a, b = (_longer(values) for values in (pool, a, b))


def _longer(values: NDArray[np.int32]) -> NDArray[np.int32]:
    """The same values with room for more behind them."""
    return np.concatenate((values, np.empty(values.size + 4 * MOST_STEPS, np.int32)))


@native()
def _grow(start, threshold, seed, site, used, count, first, size, room, pool, a, b):
    """Let newcomers come from ``start`` on while there is room for whomever one may meet: the next one, the part of
    ``pool`` and the number of ties that are used. ``pool`` holds whom everyone knows: ``size`` from ``first`` on, in
    room for ``room``."""
    met = np.empty(MOST_STEPS + 1, np.int32)
    for newcomer in range(start, first.size):
        known = _met(newcomer, threshold, seed, site, first, size, pool, met)
        needed = max(4, 4 * known)
        for k in range(known):
            needed += max(4, 2 * room[met[k]])
        if count + known > a.size or used + needed > pool.size:
            return newcomer, used, count
        for k in range(known):
            a[count], b[count] = met[k], newcomer
            count += 1
            used = _note(newcomer, met[k], used, first, size, room, pool)
            used = _note(met[k], newcomer, used, first, size, room, pool)
    return first.size, used, count


@native()
def _note(one, other, used, first, size, room, pool):
    """Add a tie to those of ``one``, which move where they have more room if they must; the part of ``pool`` used."""
    if size[one] == room[one]:
        wanted = max(4, 2 * room[one])
        for j in range(size[one]):
            pool[used + j] = pool[first[one] + j]
        first[one], room[one] = used, wanted
        used += wanted
    pool[first[one] + size[one]] = other
    size[one] += 1
    return used


@native()
def _met(newcomer, threshold, seed, site, first, size, pool, met):
    """Return the number of those a newcomer ties to; ``met`` holds them."""
    _, _, w2, w3 = philox(seed, newcomer, site, 0, _WORLD)
    at = below(newcomer, w2, w3)
    met[0], known = at, 1
    for step in range(1, MOST_STEPS + 1):
        w0, _, w2, w3 = philox(seed, newcomer, site, step, _WORLD)
        if np.uint64(w0) >= threshold or size[at] == 0:
            break
        at = pool[first[at] + below(size[at], w2, w3)]
        is_new = True
        for k in range(known):
            is_new = is_new and met[k] != at
        if is_new:
            met[known] = at
            known += 1
    return known

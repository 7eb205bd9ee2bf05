"""Networks that grow by walks along their own ties: (n, arguments, seed, site) → Ties."""

from __future__ import annotations

import numpy as np

from lpmdsl.kept import njit
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
    a, b = _grown(n, threshold, np.uint64(seed & SEED_MASK), np.uint64(site))
    return edges_to_ties(n, a, b)


@njit(cache=True, nogil=True)
def _grown(n, threshold, seed, site):
    """Both ends of every tie. ``pool`` holds whom everyone knows: ``size`` from ``first`` on, in room for ``room``."""
    first, size, room = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    pool, used = np.empty(8 * n + 8, np.int32), 0
    a, b, count = np.empty(4 * n + 4, np.int32), np.empty(4 * n + 4, np.int32), 0
    met = np.empty(MOST_STEPS + 1, np.int32)
    for newcomer in range(1, n):
        known = _met(newcomer, threshold, seed, site, first, size, pool, met)
        for k in range(known):
            if count == a.size:
                a, b = _longer(a, 2 * a.size), _longer(b, 2 * b.size)
            a[count], b[count] = met[k], newcomer
            count += 1
            friend = np.int64(met[k])
            for one, other in ((newcomer, friend), (friend, newcomer)):
                if size[one] == room[one]:
                    wanted = max(4, 2 * room[one])
                    if used + wanted > pool.size:
                        pool = _longer(pool, 2 * pool.size + wanted)
                    for j in range(size[one]):
                        pool[used + j] = pool[first[one] + j]
                    first[one], room[one] = used, wanted
                    used += wanted
                pool[first[one] + size[one]] = other
                size[one] += 1
    return a[:count], b[:count]


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _longer(values, length):
    """The same values with room for more behind them."""
    made = np.empty(length, np.int32)
    made[: values.size] = values
    return made

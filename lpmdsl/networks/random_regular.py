"""Everyone with as many ties: a circle through all agents in one random order, and another, …: ``random_regular``.

Who stands beside whom is worked out from keys when it is asked for, so a network that memory cannot hold takes none.
A random order is a keyed permutation: a Feistel network (Luby & Rackoff 1988) on as many bits as the number of agents
needs, applied again until the result is an agent (Black & Rogaway 2002). Circles in random order make regular networks
that are, for many agents, like those drawn from all regular networks (Wormald 1999, Models of random regular graphs).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpmdsl.native.function import native
from lpmdsl.networks.random import SEED_MASK, WORLD_REPLICATE, philox
from lpmdsl.networks.random_graphs import even_degree
from lpmdsl.networks.storage.csr import shell_sort
from lpmdsl.networks.storage.parallel import each, spans
from lpmdsl.networks.world import Arguments, Circles, Ties

ROUNDS = 8
PIECE = 1 << 14
_32 = np.uint64(0xFFFFFFFF)


def circles(n: int, arguments: Arguments, seed: int, site: int, every: int = 0) -> Circles:
    """The keys of degree/2 circles; ``every``: steps after which they are drawn anew, 0: never."""
    return Circles(_keys(even_degree(n, arguments) // 2, seed, site, 0, 1), every, seed, site)


def keys_of_draws(network: Circles, draws: int) -> NDArray[np.int64]:
    """The keys of so many draws of a network, one draw after the other: (draws × circles, rounds)."""
    return _keys(len(network.keys), network.seed, network.site, 0, draws)


def rows_of_draw(network: Circles, draw: int, n: int) -> NDArray[np.int64]:
    """The ties of one draw of a network, (n, degree): of each agent in the order of its circles."""
    keys = _keys(len(network.keys), network.seed, network.site, draw, draw + 1)
    targets = np.empty((n, 2 * len(keys)), np.int64)
    each(lambda span: _write_draw(targets, keys, *span), spans(n, PIECE))
    return targets


def _keys(count: int, seed: int, site: int, first: int, last: int) -> NDArray[np.int64]:
    """Four rounds from each word (agent: the circle; episode: which four, and two further for each draw)."""
    circle = np.tile(np.arange(count), last - first)
    draw = np.repeat(np.arange(first, last), count)
    key, place, replicate = np.uint64(seed & SEED_MASK), np.uint64(site), np.uint64(WORLD_REPLICATE)
    parts = [philox.plainly(key, circle, place, 2 * draw + part, replicate) for part in range(ROUNDS // 4)]
    return np.stack([word for words in parts for word in words], axis=1).astype(np.int64)


def random_regular(n: int, arguments: Arguments, seed: int, site: int) -> Ties:
    """Circles through all agents, each in a random order: ``degree`` ties for everyone. Written out as rows."""
    keys = circles(n, arguments, seed, site).keys
    degree = 2 * len(keys)
    targets = np.empty((n, degree), np.int32)
    each(lambda span: _write_rows(targets, keys, *span), spans(n, PIECE))
    return Ties(np.arange(n + 1, dtype=np.int64) * degree, targets.reshape(-1))


@native()
def _write_draw(targets, keys, first, last):
    for i in range(first, last):
        for edge in range(targets.shape[1]):
            targets[i, edge] = neighbour(keys, i, edge, targets.shape[0])


@native()
def _write_rows(targets, keys, first, last):
    _write_draw(targets, keys, first, last)
    for i in range(first, last):
        shell_sort(targets[i], 0, targets.shape[1])


@native()
def _mixed(x, key):
    """A 32-bit word from another and a key: multiply and fold, twice (the mixer of Wellons 2018, ``lowbias32``)."""
    x = (x ^ key) & _32
    x ^= x >> np.uint64(16)
    x = (x * np.uint64(0x7FEB352D)) & _32
    x ^= x >> np.uint64(15)
    x = (x * np.uint64(0x846CA68B)) & _32
    return x ^ (x >> np.uint64(16))


@native()
def _halves(n):
    """Numbers of bits of the high and the low part of an agent's number: together enough for n numbers."""
    bits = np.uint64(2)
    while (np.int64(1) << np.int64(bits)) < n:
        bits += np.uint64(1)
    low = bits // np.uint64(2)
    return bits - low, low


@native()
def position(keys, circle, agent, n):
    """Position of an agent in a circle."""
    high_bits, bits = _halves(n)
    low_mask, high_mask = (np.uint64(1) << bits) - np.uint64(1), (np.uint64(1) << high_bits) - np.uint64(1)
    x = np.uint64(agent)
    while True:
        high, low = x >> bits, x & low_mask
        for r in range(0, ROUNDS, 2):
            high ^= _mixed(low, np.uint64(keys[circle, r])) & high_mask
            low ^= _mixed(high, np.uint64(keys[circle, r + 1])) & low_mask
        x = (high << bits) | low
        if x < np.uint64(n):
            return np.int64(x)


@native()
def stands_at(keys, circle, place, n):
    """Agent at a position of a circle: the rounds of ``position`` backwards."""
    high_bits, bits = _halves(n)
    low_mask, high_mask = (np.uint64(1) << bits) - np.uint64(1), (np.uint64(1) << high_bits) - np.uint64(1)
    x = np.uint64(place)
    while True:
        high, low = x >> bits, x & low_mask
        for r in range(ROUNDS - 2, -1, -2):
            low ^= _mixed(high, np.uint64(keys[circle, r + 1])) & low_mask
            high ^= _mixed(low, np.uint64(keys[circle, r])) & high_mask
        x = (high << bits) | low
        if x < np.uint64(n):
            return np.int64(x)


@native()
def neighbour(keys, agent, edge, n):
    """The ``edge``-th neighbour of an agent: before (even) or after (odd) it in circle ``edge // 2``."""
    circle = edge // 2
    here = position(keys, circle, agent, n)
    beside = here + 1 if edge % 2 else here - 1
    return stands_at(keys, circle, (beside + n) % n, n)

"""Keyed random words: Philox4x32-10 (Salmon et al. 2011, SC'11), the same bits on every machine.

A draw is named by what it is for, never by when it is made: (seed, agent, site, episode, replicate). The
contract is ``docs/numerics.md``. Everything here is integer arithmetic or plain ``+ − × ÷`` in float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpmdsl.native.function import is_ready, native
from lpmdsl.native.instructions import bits_float, float_bits
from lpmdsl.networks.storage.parallel import each, spans

WORLD_REPLICATE = 2**32 - 1
"""The replicate number under which the world is drawn, so that all replicates of a run share one population."""

SEED_MASK = 2**64 - 1
PIECE = 1 << 16
"""Agents that one thread draws for at a time."""
FEW = 1 << 15
"""So many agents are drawn for by numpy, with the same text and so the same bits, while LLVM is not loaded: that takes
ten times as long."""

_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)

_UNIT = 2.0**-52
_LN2_HI = 0.6931471803691238
_LN2_LO = 1.9082149292705877e-10


@native()
def philox(seed, agent, site, episode, replicate):
    """Four uint32 words: key = the 64-bit seed (low word, high word), counter = the four other numbers."""
    k0 = np.uint64(seed) & _LOW
    k1 = np.uint64(seed) >> _32
    c0 = np.uint64(agent) & _LOW
    c1 = np.uint64(site) & _LOW
    c2 = np.uint64(episode) & _LOW
    c3 = np.uint64(replicate) & _LOW
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _32) ^ c1 ^ k0
        c1 = p1 & _LOW
        c2 = (p0 >> _32) ^ c3 ^ k1
        c3 = p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return np.uint32(c0), np.uint32(c1), np.uint32(c2), np.uint32(c3)


@native()
def _words(seed, agents, site, episode, replicate, out):
    for i in range(agents.size):
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = philox(seed, agents[i], site, episode, replicate)


def _key(seed: int, site: int, episode: int, replicate: int) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    return np.uint64(seed & SEED_MASK), np.uint64(site), np.uint64(episode), np.uint64(replicate)


def words(
    seed: int, agents: int | NDArray, site: int, episode: int = 0, replicate: int = WORLD_REPLICATE
) -> NDArray[np.uint32]:
    """Shape (n, 4): the four words of every agent; ``agents`` is their numbers, or n for 0 … n−1."""
    numbers = np.arange(agents, dtype=np.int64) if isinstance(agents, int) else np.asarray(agents, dtype=np.int64)
    out = np.empty((numbers.size, 4), np.uint32)
    _words(np.uint64(seed & SEED_MASK), numbers, np.uint64(site), np.uint64(episode), np.uint64(replicate), out)
    return out


def uniforms(
    seed: int, agents: int | NDArray, site: int, episode: int = 0, replicate: int = WORLD_REPLICATE
) -> NDArray[np.float64]:
    """One number in (0, 1) per agent, 52 bits of the words w0 and w1: never 0, never 1."""
    key = _key(seed, site, episode, replicate)
    out = np.empty(agents if isinstance(agents, int) else len(agents))
    if out.size <= FEW and not is_ready():
        numbers = np.arange(agents) if isinstance(agents, int) else np.asarray(agents, np.int64)
        w0, w1, _, _ = philox.plainly(key[0], numbers, *key[1:])
        return _unit.plainly(w0, w1)

    def draw(span: tuple[int, int]) -> None:
        numbers = np.arange(*span) if isinstance(agents, int) else np.asarray(agents[slice(*span)], np.int64)
        _uniforms(numbers, *key, out[slice(*span)])

    each(draw, spans(out.size, PIECE))
    return out


@native()
def _uniforms(agents, seed, site, episode, replicate, out):
    for k in range(agents.size):
        w0, w1, _, _ = philox(seed, agents[k], site, episode, replicate)
        out[k] = _unit(w0, w1)


@native(inline=True)
def _unit(w0, w1):
    """The number in (0, 1) of two words, with 52 bits."""
    return (np.float64((np.int64(w0) << 20) + (np.int64(w1) >> 12)) + 0.5) * _UNIT


def in_keyed_order(
    seed: int, agents: NDArray, site: int, episode: int = 0, replicate: int = WORLD_REPLICATE, first: int | None = None
) -> NDArray[np.int64]:
    """The same agents, sorted by their word w0 and, where two are equal, by number; only the ``first`` so many."""
    key = _key(seed, site, episode, replicate)
    keys = np.empty(agents.size, np.uint64)
    if keys.size <= FEW and not is_ready():
        keys[:] = _priority.plainly(philox.plainly(key[0], agents, *key[1:])[0], agents)
    else:
        each(lambda span: _priorities(agents[slice(*span)], *key, keys[slice(*span)]), spans(keys.size, PIECE))
    if first is not None and first < keys.size:
        keys = np.partition(keys, first)[:first]
    keys.sort()
    keys &= _LOW
    return keys.view(np.int64)


@native()
def _priorities(agents, seed, site, episode, replicate, keys):
    for k in range(agents.size):
        w0, _, _, _ = philox(seed, agents[k], site, episode, replicate)
        keys[k] = _priority(w0, agents[k])


@native(inline=True)
def _priority(w0, agent):
    """A number that sorts by word w0, then by agent."""
    return np.uint64(w0) << _32 | np.uint64(agent)


@native()
def uniform(seed, agent, site, episode):
    """One number in (0, 1) of the world, with 52 bits."""
    w0, w1, _, _ = philox(seed, agent, site, episode, np.uint64(0xFFFFFFFF))
    return _unit(w0, w1)


@native()
def below(n, w0, w1):
    """A whole number in 0 … n−1 from two words: the high half of (w0·2³² + w1)·n, for n < 2³¹."""
    size = np.uint64(n)
    return np.int64((np.uint64(w0) * size + ((np.uint64(w1) * size) >> _32)) >> _32)


@native()
def log(x):
    """The natural logarithm of a normal x > 0 as in ``docs/numerics.md``; never the C library's."""
    bits = float_bits(x)
    e = (bits >> 52) - 1023
    m = bits_float((bits & 0xFFFFFFFFFFFFF) | (1023 << 52))
    if m > 1.4142135623730951:
        m, e = m * 0.5, e + 1
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1.0 / 21.0
    for k in range(19, 0, -2):
        p = p * z + 1.0 / k
    return e * _LN2_HI + ((2.0 * s) * p + e * _LN2_LO)


@native()
def uniform_rows(seed, agent, site, first, out):
    """Numbers in (0, 1) with 52 bits, two of each episode from ``first`` on: of w0 and w1, and of w2 and w3.

    A plain loop over episodes, so that the processor draws many at once. First all of w0 and w1, then the others.
    """
    half = out.size // 2
    for k in range(half):
        w0, w1, w2, w3 = philox(seed, agent, site, np.uint64(first + k), np.uint64(0xFFFFFFFF))
        out[k] = _unit(w0, w1)
        out[half + k] = _unit(w2, w3)


@native()
def logs(values, exponents):
    """``log`` of each, in place, the same bits: loops without branches over one kind of number each, so that the
    processor takes many at once. ``exponents``: room for as many."""
    bits = values.view(np.int64)
    for k in range(bits.size):
        fraction = bits[k] & 0xFFFFFFFFFFFFF
        large = np.int64(fraction > 0x6A09E667F3BCD)  # of the square root of 2
        exponents[k] = (bits[k] >> 52) - 1023 + large
        bits[k] = fraction | ((1023 - large) << 52)
    for k in range(values.size):
        s = (values[k] - 1.0) / (values[k] + 1.0)
        z = s * s
        p = z * (1.0 / 21.0) + 1.0 / 19.0
        p = p * z + 1.0 / 17.0
        p = p * z + 1.0 / 15.0
        p = p * z + 1.0 / 13.0
        p = p * z + 1.0 / 11.0
        p = p * z + 1.0 / 9.0
        p = p * z + 1.0 / 7.0
        p = p * z + 1.0 / 5.0
        p = p * z + 1.0 / 3.0
        p = p * z + 1.0
        e = np.float64(exponents[k])
        values[k] = e * _LN2_HI + ((2.0 * s) * p + e * _LN2_LO)


@native()
def word_rows(seed, first, site, episode, out):
    """``out[j, k]``: word j of agent ``first`` + k. A plain loop, so that the processor draws many at once."""
    for k in range(out.shape[1]):
        w0, w1, w2, w3 = philox(seed, np.uint64(first + k), site, episode, np.uint64(0xFFFFFFFF))
        out[0, k], out[1, k], out[2, k], out[3, k] = w0, w1, w2, w3

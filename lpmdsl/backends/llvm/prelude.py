"""The generator, and what is drawn with its words: ``docs/numerics.md`` states every formula.

The torch reference spells them a second time on its own.
"""

from __future__ import annotations

import numpy as np

from lpmdsl.backends.llvm.elementary import larger, log
from lpmdsl.native.function import native
from lpmdsl.native.instructions import float_bits

_U32 = np.uint64(0xFFFFFFFF)


@native()
def philox(seed, agent, site, episode, replicate):
    """Four 32-bit words as int64: Philox4x32-10 (Salmon et al. 2011, SC'11)."""
    k0, k1 = np.uint32(np.uint64(seed) & _U32), np.uint32(np.uint64(seed) >> np.uint64(32))
    c0, c1, c2, c3 = np.uint32(agent), np.uint32(site), np.uint32(episode), np.uint32(replicate)
    for _ in range(10):
        p0 = np.uint64(0xD2511F53) * np.uint64(c0)
        p1 = np.uint64(0xCD9E8D57) * np.uint64(c2)
        c0, c1, c2, c3 = (
            np.uint32(p1 >> np.uint64(32)) ^ c1 ^ k0,
            np.uint32(p1 & _U32),
            np.uint32(p0 >> np.uint64(32)) ^ c3 ^ k1,
            np.uint32(p0 & _U32),
        )
        k0 = np.uint32(k0 + np.uint32(0x9E3779B9))
        k1 = np.uint32(k1 + np.uint32(0xBB67AE85))
    return np.int64(c0), np.int64(c1), np.int64(c2), np.int64(c3)


@native()
def quarter(seed, agent, site, episode, replicate):
    """The agent's word of a draw that four share."""
    a, b, c, d = philox(seed, agent >> 2, site, episode, replicate)
    place = agent & 3
    return a if place == 0 else (b if place == 1 else (c if place == 2 else d))


@native(inline=True)
def _round(c0, c1, c2, c3, k0, k1):
    p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
    half = np.uint64(32)
    return (p1 >> half) ^ c1 ^ (k0 & _U32), p1 & _U32, (p0 >> half) ^ c3 ^ (k1 & _U32), p0 & _U32


@native()
def quarters(words, wanted, seed, lo, hi, site, episode, replicate):
    """Fill ``words`` with the ``quarter`` of every agent from ``lo``, a multiple of 4, to ``hi`` (uint32), and of up
    to three beyond; nothing unless they are wanted.

    Ten rounds in a row, so that the compiler draws for eight fours of agents at a time.
    """
    first = np.uint64(lo) >> np.uint64(2)
    count = np.uint64((hi - lo + 3) >> 2) if wanted else np.uint64(0)
    k0, k1 = np.uint64(seed) & _U32, np.uint64(seed) >> np.uint64(32)
    g0, g1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
    s, e, r = np.uint64(site), np.uint64(episode), np.uint64(replicate)
    for j in range(count):
        a, b, c, d = _round(first + j, s, e, r, k0, k1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(1) * g0, k1 + np.uint64(1) * g1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(2) * g0, k1 + np.uint64(2) * g1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(3) * g0, k1 + np.uint64(3) * g1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(4) * g0, k1 + np.uint64(4) * g1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(5) * g0, k1 + np.uint64(5) * g1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(6) * g0, k1 + np.uint64(6) * g1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(7) * g0, k1 + np.uint64(7) * g1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(8) * g0, k1 + np.uint64(8) * g1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(9) * g0, k1 + np.uint64(9) * g1)
        place = j << np.uint64(2)
        words[place], words[place + np.uint64(1)] = a, b
        words[place + np.uint64(2)], words[place + np.uint64(3)] = c, d


@native()
def threshold(high, low):
    """Exp(1) from two words, in units of 2⁻³², at least 1."""
    u = (np.float64((high << 20) | (low >> 12)) + 0.5) * 2.220446049250313e-16
    value = np.int64(np.floor(-log(u) * 4294967296.0 + 0.5))
    return larger(value, np.int64(1))


@native()
def quantile(table, row, word):
    """Ticks, at least 1, of a 32-bit word in a table of quantiles (``semantics.host.quantile_tables``)."""
    upper = np.int64(word >= 2147483648)
    v = 4294967295 - word if upper else word
    e = np.int64(0)
    if v >= 64:
        e = (float_bits(np.float64(v)) >> 52) - 1023 - 6
    cell = 64 * e + (v >> e)
    f = v & ((np.int64(1) << e) - 1)
    a = table[row, upper, cell]
    b = table[row, upper, cell + 1]
    return larger(np.int64(1), a + (((b - a) * (2 * f + 1)) >> (e + 1)))

"""Functions that the generated Numba modules call: the generator, our own mathematics, joins of partial sums.

``docs/numerics.md`` states every formula; the torch reference spells them a second time on its own.
"""

# pyright: reportCallIssue=false
# Numba itself passes the first argument of an intrinsic, the typing context.
from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lpmdsl.kept import njit

_LN2_HI, _LN2_LO, _LOG2_E = 0.6931471803691238, 1.9082149292705877e-10, 1.4426950408889634
_SQRT_2 = 1.4142135623730951
_TWO_OVER_PI, _HALF_PI_HI, _HALF_PI_LO = 0.6366197723675814, 1.5707963267341256, 6.077100506506192e-11
_U32 = np.uint64(0xFFFFFFFF)


@njit(cache=True)
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


@njit(cache=True)
def quarter(seed, agent, site, episode, replicate):
    """The agent's word of a draw that four share."""
    a, b, c, d = philox(seed, agent >> 2, site, episode, replicate)
    place = agent & 3
    return a if place == 0 else (b if place == 1 else (c if place == 2 else d))


@njit(inline="always")
def _round(c0, c1, c2, c3, k0, k1):
    p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
    half = np.uint64(32)
    return (p1 >> half) ^ c1 ^ (k0 & _U32), p1 & _U32, (p0 >> half) ^ c3 ^ (k1 & _U32), p0 & _U32


@njit(cache=True)
def quarters(wanted, seed, lo, hi, site, episode, replicate):
    """``quarter`` of every agent from ``lo``, a multiple of 4, to ``hi`` (uint32), and up to three beyond; nothing
    unless they are wanted.

    Ten rounds in a row, so that the compiler draws for eight fours of agents at a time.
    """
    first = np.uint64(lo) >> np.uint64(2)
    count = np.uint64((hi - lo + 3) >> 2) if wanted else np.uint64(0)
    words = np.empty(count << np.uint64(2), np.uint32)
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
    return words


@intrinsic
def _float_bits(typingctx, value):
    """The bits of a float64 as an int64."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), codegen


@intrinsic
def _bits_float(typingctx, value):
    """The float64 with the bits of an int64."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), codegen


@njit(cache=True)
def smaller(a, b):
    """Return the smaller; ``a`` where either has no number or both are equal."""
    return b if b < a else a


@njit(cache=True)
def larger(a, b):
    """Return the larger; ``a`` where either has no number or both are equal."""
    return b if b > a else a


@njit(cache=True)
def least(a, b):
    """The smaller one; no number if either is none."""
    return b if b < a or b != b else a


@njit(cache=True)
def greatest(a, b):
    """The larger one; no number if either is none."""
    return b if b > a or b != b else a


@njit(cache=True)
def log(x):
    """Natural logarithm from plain float64 arithmetic."""
    if not x > 0.0:
        return -np.inf if x == 0.0 else np.nan
    if x == np.inf:
        return np.inf
    bits = _float_bits(x)
    exponent = ((bits >> 52) & 0x7FF) - 1023
    m = _bits_float((bits & 0xFFFFFFFFFFFFF) | (1023 << 52))
    if m > _SQRT_2:
        m *= 0.5
        exponent += 1
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1.0 / 21.0
    p = p * z + 1.0 / 19.0
    p = p * z + 1.0 / 17.0
    p = p * z + 1.0 / 15.0
    p = p * z + 1.0 / 13.0
    p = p * z + 1.0 / 11.0
    p = p * z + 1.0 / 9.0
    p = p * z + 1.0 / 7.0
    p = p * z + 1.0 / 5.0
    p = p * z + 1.0 / 3.0
    p = p * z + 1.0
    e = np.float64(exponent)
    return e * _LN2_HI + ((2.0 * s) * p + e * _LN2_LO)


@njit(cache=True)
def exp(x):
    """Exponential from plain float64 arithmetic, its argument held to [−708, 709]."""
    if x != x:
        return x
    x = smaller(larger(x, -708.0), 709.0)
    k = np.floor(x * _LOG2_E + 0.5)
    r = (x - k * _LN2_HI) - k * _LN2_LO
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return p * _bits_float((np.int64(k) + 1023) << 52)


@njit(cache=True)
def _circular(x, shift):
    q = np.floor(x * _TWO_OVER_PI + 0.5)
    r = (x - q * _HALF_PI_HI) - q * _HALF_PI_LO
    z = r * r
    s = -1.0 / 1307674368000.0
    s = s * z + 1.0 / 6227020800.0
    s = s * z + -1.0 / 39916800.0
    s = s * z + 1.0 / 362880.0
    s = s * z + -1.0 / 5040.0
    s = s * z + 1.0 / 120.0
    s = s * z + -1.0 / 6.0
    s = s * z + 1.0
    c = 1.0 / 20922789888000.0
    c = c * z + -1.0 / 87178291200.0
    c = c * z + 1.0 / 479001600.0
    c = c * z + -1.0 / 3628800.0
    c = c * z + 1.0 / 40320.0
    c = c * z + -1.0 / 720.0
    c = c * z + 1.0 / 24.0
    c = c * z + -0.5
    c = c * z + 1.0
    quadrant = (np.int64(q) + shift) & 3
    sine = r * s
    if quadrant == 0:
        return sine
    if quadrant == 1:
        return c
    return -sine if quadrant == 2 else -c


@njit(cache=True)
def sin(x):
    """Sine of radians."""
    return _circular(x, 0)


@njit(cache=True)
def cos(x):
    """Cosine of radians."""
    return _circular(x, 1)


@njit(cache=True)
def threshold(high, low):
    """Exp(1) from two words, in units of 2⁻³², at least 1."""
    u = (np.float64((high << 20) | (low >> 12)) + 0.5) * 2.220446049250313e-16
    value = np.int64(np.floor(-log(u) * 4294967296.0 + 0.5))
    return larger(value, np.int64(1))


@njit(cache=True)
def quantile(table, row, word):
    """Ticks, at least 1, of a 32-bit word in a table of quantiles (``semantics.host.quantile_tables``)."""
    upper = np.int64(word >= 2147483648)
    v = 4294967295 - word if upper else word
    e = np.int64(0)
    if v >= 64:
        e = (_float_bits(np.float64(v)) >> 52) - 1023 - 6
    cell = 64 * e + (v >> e)
    f = v & ((np.int64(1) << e) - 1)
    a = table[row, upper, cell]
    b = table[row, upper, cell + 1]
    return larger(np.int64(1), a + (((b - a) * (2 * f + 1)) >> (e + 1)))


@njit(cache=True)
def clear(buffer):
    """Fill with zeros."""
    for k in range(buffer.shape[0]):
        buffer[k] = 0


@njit(cache=True)
def fold_add(tally, into):
    """Join the chunks' sums in order and empty them."""
    for g in range(into.shape[0]):
        into[g] = 0
    for chunk in range(tally.shape[0]):
        for g in range(into.shape[0]):
            into[g] += tally[chunk, g]
            tally[chunk, g] = 0


@njit(cache=True)
def fold_lanes(tally, into):
    """Join float64 sums: lane by lane the chunks in order, then the lanes in halves; and empty them."""
    lanes = np.empty(tally.shape[2])
    for g in range(into.shape[0]):
        lanes[:] = 0.0
        for chunk in range(tally.shape[0]):
            for k in range(lanes.size):
                lanes[k] += tally[chunk, g, k]
                tally[chunk, g, k] = 0.0
        half = lanes.size // 2
        while half > 0:
            for k in range(half):
                lanes[k] += lanes[half + k]
            half //= 2
        into[g] = lanes[0]


@njit(cache=True)
def fold_min(tally, into):
    """Join the chunks' minima and empty them."""
    for g in range(into.shape[0]):
        into[g] = np.inf
        for chunk in range(tally.shape[0]):
            into[g] = least(into[g], tally[chunk, g])
            tally[chunk, g] = np.inf


@njit(cache=True)
def fold_max(tally, into):
    """Join the chunks' maxima and empty them."""
    for g in range(into.shape[0]):
        into[g] = -np.inf
        for chunk in range(tally.shape[0]):
            into[g] = greatest(into[g], tally[chunk, g])
            tally[chunk, g] = -np.inf


@njit(cache=True)
def order_statistic(values, groups, level, into):
    """The number at a level of each group, as far between the two nearest values as it lies between their ranks."""
    sizes = np.zeros(into.shape[0] + 1, np.int64)
    for i in range(values.shape[0]):
        if groups[i] >= 0:
            sizes[groups[i] + 1] += 1
    begins = np.cumsum(sizes)
    place = begins.copy()
    ordered = np.empty(begins[-1])
    for i in range(values.shape[0]):
        if groups[i] >= 0:
            ordered[place[groups[i]]] = values[i]
            place[groups[i]] += 1
    for g in range(into.shape[0]):
        mine = np.sort(ordered[begins[g] : begins[g + 1]])  # what is no number comes last
        if mine.size == 0 or np.isnan(mine[-1]):
            into[g] = np.nan
            continue
        rank = level * np.float64(mine.size - 1)
        below = np.int64(np.floor(rank))
        low, high = mine[below], mine[min(below + 1, mine.size - 1)]
        into[g] = low if low == high else low + (rank - np.float64(below)) * (high - low)


@njit(cache=True)
def select_smallest(keys, limit, cutoff, chosen):
    """The largest of the ``limit`` smallest keys ≥ 0: a histogram of their high bits, then a sort of one bucket."""
    counts = np.zeros(65536, np.int64)
    eligible = 0
    for k in range(keys.shape[0]):
        if keys[k] >= 0:
            counts[keys[k] >> 47] += 1
            eligible += 1
    chosen[0] = smaller(np.int64(eligible), larger(np.int64(0), np.int64(limit)))
    cutoff[0] = -1
    if chosen[0] == 0:
        return
    before, bucket = np.int64(0), np.int64(0)
    while before + counts[bucket] < chosen[0]:
        before += counts[bucket]
        bucket += 1
    members = np.empty(counts[bucket], np.int64)
    filled = 0
    for k in range(keys.shape[0]):
        if keys[k] >= 0 and keys[k] >> 47 == bucket:
            members[filled] = keys[k]
            filled += 1
    cutoff[0] = np.sort(members)[chosen[0] - before - 1]

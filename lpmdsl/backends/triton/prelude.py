"""Functions that generated Triton modules call: the generator, our own mathematics, counters that many agents share.

``docs/numerics.md`` states every formula. A *mask* says which lanes of a block take part. Nothing here depends on the
size of a block or on the order in which blocks run: only integers are added between agents.
"""

# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false, reportOperatorIssue=false
# pyright: reportArgumentType=false, reportAssignmentType=false
# Triton compiles these functions itself; what looks like Python numbers are its tensors.
from __future__ import annotations

import triton
import triton.language as tl

LN2_HI = tl.constexpr(0.6931471803691238)
LN2_LO = tl.constexpr(1.9082149292705877e-10)
FAR = tl.constexpr(9223372036854775807)
TALLY_ROWS = tl.constexpr(64)  # programs add to different rows, so that they seldom wait for one another
LANES = tl.constexpr(1024)  # float sums of a chunk, as docs/numerics.md orders them
CHUNK = tl.constexpr(16384)
SHORT_ROW = tl.constexpr(32)  # ties that a lane walks alone; the rest of a longer row is walked by the whole block


@triton.jit
def some(mask):
    """True if any lane takes part: one truth value for the block."""
    return tl.max(mask.to(tl.int32), axis=0) > 0


@triton.jit
def is_closed(gates, member, GATE: tl.constexpr, GATES: tl.constexpr):
    """True if a kernel has nothing to do in this step for this replicate; gate −1 is always open."""
    if GATE < 0:
        return False
    else:
        return tl.load(gates + member * GATES + GATE) == 0


@triton.jit
def smaller(a, b):
    """Return the smaller; ``a`` where either has no number or both are equal."""
    return tl.where(b < a, b, a)


@triton.jit
def larger(a, b):
    """Return the larger; ``a`` where either has no number or both are equal."""
    return tl.where(b > a, b, a)


@triton.jit
def least(a, b):
    """The smaller one; no number if either is none."""
    return tl.where((b < a) | (b != b), b, a)


@triton.jit
def greatest(a, b):
    """The larger one; no number if either is none."""
    return tl.where((b > a) | (b != b), b, a)


@triton.jit
def least_of(lanes):
    """The least of a block; no number if any is none."""
    nobody = tl.max((lanes != lanes).to(tl.int32), axis=0) > 0
    return tl.where(nobody, float("nan"), tl.min(lanes, axis=0))


@triton.jit
def greatest_of(lanes):
    """The greatest of a block; no number if any is none."""
    nobody = tl.max((lanes != lanes).to(tl.int32), axis=0) > 0
    return tl.where(nobody, float("nan"), tl.max(lanes, axis=0))


@triton.jit
def floor_divide(a, b):
    """Quotient towards minus infinity of a positive ``b``; Triton's own goes towards zero."""
    quotient = a // b
    return quotient - (a - quotient * b < 0).to(tl.int64)


@triton.jit
def floor_modulo(a, b):
    """Remainder of the division that rounds down; it has the sign of ``b``."""
    return a - floor_divide(a, b) * b


@triton.jit
def philox(seed, agent, site: tl.constexpr, episode, replicate):
    """Four 32-bit words as int64: Philox4x32-10 (Salmon et al. 2011, SC'11)."""
    place = tl.full((), site, tl.uint32)
    times = (tl.full((), 0, tl.int64) + episode).to(tl.uint32)
    a, b, c, d = tl.philox(seed.to(tl.uint64), agent.to(tl.uint32), place, times, replicate.to(tl.uint32))
    return a.to(tl.int64), b.to(tl.int64), c.to(tl.int64), d.to(tl.int64)


@triton.jit
def quarter(seed, agent, site: tl.constexpr, episode, replicate):
    """The agent's word of a draw that four share."""
    a, b, c, d = philox(seed, agent >> 2, site, episode, replicate)
    place = agent & 3
    return tl.where(place == 0, a, tl.where(place == 1, b, tl.where(place == 2, c, d)))


# ------------------------------------------------------------------ mathematics, bit for bit the CPU's


@triton.jit
def rank_of(x):
    """An integer from 0 on in the order of the numbers: their bits, those of numbers below 0 the other way round."""
    bits = (x + 0.0).to(tl.int64, bitcast=True)
    return (tl.where(bits < 0, bits ^ 9223372036854775807, bits) >> 1) + 4611686018427387904


@triton.jit
def log(x):
    """Natural logarithm from plain float64 arithmetic."""
    bits = x.to(tl.int64, bitcast=True)
    exponent = ((bits >> 52) & 0x7FF) - 1023
    m = ((bits & 0xFFFFFFFFFFFFF) | 4607182418800017408).to(tl.float64, bitcast=True)
    high = m > 1.4142135623730951
    m = tl.where(high, m * 0.5, m)
    e = tl.where(high, exponent + 1, exponent).to(tl.float64)
    s = (m - 1.0) / (m + 1.0)
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
    value = e * LN2_HI + ((2.0 * s) * p + e * LN2_LO)
    value = tl.where(x == float("inf"), float("inf"), value)
    return tl.where(x > 0.0, value, tl.where(x == 0.0, float("-inf"), float("nan")).to(tl.float64))


@triton.jit
def exp(x):
    """Exponential from plain float64 arithmetic, its argument held to [−708, 709]."""
    held = tl.where(x > -708.0, x, -708.0)
    held = tl.where(held > 709.0, 709.0, held)
    k = tl.floor(held * 1.4426950408889634 + 0.5)
    r = (held - k * LN2_HI) - k * LN2_LO
    p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0
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
    value = p * ((k.to(tl.int64) + 1023) << 52).to(tl.float64, bitcast=True)
    return tl.where(x == x, value, x)


@triton.jit
def circular(x, shift: tl.constexpr):
    """Sine, or with ``shift`` 1 cosine."""
    q = tl.floor(x * 0.6366197723675814 + 0.5)
    r = (x - q * 1.5707963267341256) - q * 6.077100506506192e-11
    z = r * r
    s = z * (-1.0 / 1307674368000.0) + 1.0 / 6227020800.0
    s = s * z + -1.0 / 39916800.0
    s = s * z + 1.0 / 362880.0
    s = s * z + -1.0 / 5040.0
    s = s * z + 1.0 / 120.0
    s = s * z + -1.0 / 6.0
    s = s * z + 1.0
    c = z * (1.0 / 20922789888000.0) + -1.0 / 87178291200.0
    c = c * z + 1.0 / 479001600.0
    c = c * z + -1.0 / 3628800.0
    c = c * z + 1.0 / 40320.0
    c = c * z + -1.0 / 720.0
    c = c * z + 1.0 / 24.0
    c = c * z + -0.5
    c = c * z + 1.0
    quadrant = (q.to(tl.int64) + shift) & 3
    value = tl.where((quadrant & 1) == 0, r * s, c)
    return tl.where(quadrant > 1, -value, value)


@triton.jit
def sin(x):
    """Sine of radians."""
    return circular(x, 0)


@triton.jit
def cos(x):
    """Cosine of radians."""
    return circular(x, 1)


@triton.jit
def threshold(high, low):
    """Exp(1) from two words, in units of 2⁻³², at least 1."""
    u = (((high << 20) | (low >> 12)).to(tl.float64) + 0.5) * 2.220446049250313e-16
    value = tl.floor(-log(u) * 4294967296.0 + 0.5).to(tl.int64)
    return tl.where(value > 1, value, 1)


@triton.jit
def quantile(table, row, word, mask, CELLS: tl.constexpr):
    """Ticks, at least 1, of a 32-bit word in a table of quantiles (``semantics.host.quantile_tables``)."""
    upper = (word >= 2147483648).to(tl.int64)
    v = tl.where(upper > 0, 4294967295 - word, word)
    e = tl.where(v >= 64, (v.to(tl.float64).to(tl.int64, bitcast=True) >> 52) - 1029, 0)
    cell = 64 * e + (v >> e)
    f = v & ((e * 0 + 1 << e) - 1)
    place = table + ((row * 2 + upper) * CELLS + cell)
    a = tl.load(place, mask=mask, other=0)
    b = tl.load(place + 1, mask=mask, other=0)
    value = a + (((b - a) * (2 * f + 1)) >> (e + 1))
    return tl.where(value > 1, value, 1)


# ------------------------------------------------------------------ ties that are worked out from keys


@triton.jit
def _mixed(x, key):
    """A 32-bit word from another and a key (``networks.random_regular``)."""
    x = x ^ key
    x = (x ^ (x >> 16)) * 0x7FEB352D
    x = (x ^ (x >> 15)) * 0x846CA68B
    return x ^ (x >> 16)


@triton.jit
def neighbour(keys, agent, edge, n):
    """The agent before (even) or after (odd) another in circle ``edge // 2``; lanes out of range get somebody."""
    bits = edge * 0
    while (bits * 0 + 4 << bits) < n:
        bits += 1
    bits += 2
    low_bits = (bits // 2).to(tl.uint32)
    low_mask = (((bits * 0 + 1) << (bits // 2)) - 1).to(tl.uint32)
    high_mask = (((bits * 0 + 1) << (bits - bits // 2)) - 1).to(tl.uint32)
    row = keys + edge // 2 * 8
    least = tl.where(agent < n, agent, 0)
    x = least.to(tl.uint32)
    going = agent == agent
    while some(going):
        high, low = x >> low_bits, x & low_mask
        for r in range(0, 8, 2):
            high = high ^ (_mixed(low, tl.load(row + r).to(tl.uint32)) & high_mask)
            low = low ^ (_mixed(high, tl.load(row + r + 1).to(tl.uint32)) & low_mask)
        x = tl.where(going, (high << low_bits) | low, x)
        going = going & (x.to(tl.int64) >= n)
    beside = x.to(tl.int64) + edge % 2 * 2 - 1
    x = tl.where(beside < 0, n - 1, tl.where(beside >= n, 0, beside)).to(tl.uint32)
    going = agent == agent
    while some(going):
        high, low = x >> low_bits, x & low_mask
        for r in range(0, 8, 2):
            low = low ^ (_mixed(high, tl.load(row + 7 - r).to(tl.uint32)) & low_mask)
            high = high ^ (_mixed(low, tl.load(row + 6 - r).to(tl.uint32)) & high_mask)
        x = tl.where(going, (high << low_bits) | low, x)
        going = going & (x.to(tl.int64) >= n)
    return x.to(tl.int64)


# ------------------------------------------------------------------ adding to what agents share


@triton.jit
def add_shared(target, index, value, mask):
    """Adds to a few counters that many lanes mean: lanes of one counter are added up first, one atomic for all."""
    left = mask
    index = index.to(tl.int64)
    while some(left):
        first = tl.min(tl.where(left, index, FAR), axis=0)
        same = left & (index == first)
        tl.atomic_add(target + first, tl.sum(tl.where(same, value, 0).to(tl.int64), axis=0), sem="relaxed")
        left = left & (index != first)


@triton.jit
def add_along_rows(target, targets, start, stop, value, mask):
    """Adds ``value`` to the counter of every neighbour: short rows lane by lane, long ones by the whole block."""
    edge = start
    end = tl.minimum(stop, start + SHORT_ROW)
    going = mask & (edge < end)
    while some(going):
        neighbour = tl.load(targets + edge, mask=going, other=0).to(tl.int64)
        tl.atomic_add(target + neighbour, value, mask=going, sem="relaxed")
        edge += 1
        going = going & (edge < end)
    lane = tl.arange(0, mask.shape[0])
    long = mask & (stop > end)
    while some(long):
        row = tl.min(tl.where(long, lane, mask.shape[0]), axis=0)
        mine = lane == row
        last = tl.max(tl.where(mine, stop, 0), axis=0)
        amount = tl.sum(tl.where(mine, value, 0), axis=0)
        k = tl.max(tl.where(mine, end, 0), axis=0) + lane
        while some(k < last):
            neighbour = tl.load(targets + k, mask=k < last, other=0).to(tl.int64)
            tl.atomic_add(target + neighbour, tl.zeros_like(k) + amount, mask=k < last, sem="relaxed")
            k += mask.shape[0]
        long = long & (lane != row)


@triton.jit
def sum_along_rows(weights, targets, start, stop, mask):
    """The sum of the neighbours' weights: short rows lane by lane, long ones by the whole block."""
    edge = start
    end = tl.minimum(stop, start + SHORT_ROW)
    going = mask & (edge < end)
    total = tl.zeros_like(start)
    while some(going):
        neighbour = tl.load(targets + edge, mask=going, other=0).to(tl.int64)
        total += tl.load(weights + neighbour, mask=going, other=0)
        edge += 1
        going = going & (edge < end)
    lane = tl.arange(0, mask.shape[0])
    long = mask & (stop > end)
    while some(long):
        row = tl.min(tl.where(long, lane, mask.shape[0]), axis=0)
        mine = lane == row
        last = tl.max(tl.where(mine, stop, 0), axis=0)
        k = tl.max(tl.where(mine, end, 0), axis=0) + lane
        part = tl.zeros_like(total)
        while some(k < last):
            neighbour = tl.load(targets + k, mask=k < last, other=0).to(tl.int64)
            part += tl.load(weights + neighbour, mask=k < last, other=0)
            k += mask.shape[0]
        total = tl.where(mine, total + tl.sum(part, axis=0), total)
        long = long & (lane != row)
    return total


@triton.jit
def sum_reals_along_rows(weights, targets, start, stop, mask):
    """The same of floats, each row in its order, so that the sum has the bits of the processor's."""
    edge = start
    going = mask & (edge < stop)
    total = tl.zeros_like(start).to(tl.float64)
    while some(going):
        neighbour = tl.load(targets + edge, mask=going, other=0).to(tl.int64)
        total += tl.load(weights + neighbour, mask=going, other=0.0)
        edge += 1
        going = going & (edge < stop)
    return total


@triton.jit
def fold_add(tally, into, GROUPS: tl.constexpr):
    """Adds up the rows of a tally of counts, and empties them."""
    rows = tally + tl.arange(0, TALLY_ROWS) * GROUPS
    for group in range(GROUPS):
        tl.store(into + group, tl.sum(tl.load(rows + group), axis=0))
        tl.store(rows + group, tl.zeros((TALLY_ROWS,), tl.int64))

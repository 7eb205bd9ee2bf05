"""Kernels of the schedule that are the same for every model: clearing, joining partial results, selecting the smallest.

They stand between the generated kernels of a step; the launcher calls them by themselves.
"""

# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false, reportOperatorIssue=false
# pyright: reportArgumentType=false, reportAssignmentType=false
# Triton compiles these functions itself; what looks like Python numbers are its tensors.
from __future__ import annotations

import triton
import triton.language as tl

from lpmdsl.backends.triton.prelude import LANES, greatest, greatest_of, is_closed, least, least_of, some

DIGIT_BITS = tl.constexpr(11)
DIGITS = tl.constexpr(2048)
DIGIT_SHIFTS = (55, 44, 33, 22, 11, 0)
"""Shifts of the digits of a key: six of eleven bits cover its 63."""


@triton.jit
def clear_kernel(buffer, size, gates, GATE: tl.constexpr, GATES: tl.constexpr, BLOCK: tl.constexpr):
    """Zeros, where the gate is open."""
    replicate = tl.program_id(1).to(tl.int64)
    if is_closed(gates, replicate, GATE, GATES):
        return
    i = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    tl.store(buffer + replicate * size + i, tl.zeros((BLOCK,), tl.int64), mask=i < size)


@triton.jit
def fold_lanes_kernel(tally, into, chunks, gates, GATE: tl.constexpr, GATES: tl.constexpr, GROUPS: tl.constexpr):
    """The sum of one group over chunks and lanes, in the order of ``docs/numerics.md``."""
    replicate, group = tl.program_id(1).to(tl.int64), tl.program_id(0).to(tl.int64)
    if is_closed(gates, replicate, GATE, GATES):
        return
    rows = tally + (replicate * chunks * GROUPS + group) * LANES + tl.arange(0, LANES)
    total = tl.zeros((LANES,), tl.float64)
    chunk = tl.zeros((), tl.int64)
    while chunk < chunks:
        total += tl.load(rows + chunk * GROUPS * LANES)
        chunk += 1
    x = tl.sum(tl.reshape(total, (2, 512)), axis=0)
    x = tl.sum(tl.reshape(x, (2, 256)), axis=0)
    x = tl.sum(tl.reshape(x, (2, 128)), axis=0)
    x = tl.sum(tl.reshape(x, (2, 64)), axis=0)
    x = tl.sum(tl.reshape(x, (2, 32)), axis=0)
    x = tl.sum(tl.reshape(x, (2, 16)), axis=0)
    x = tl.sum(tl.reshape(x, (2, 8)), axis=0)
    x = tl.sum(tl.reshape(x, (2, 4)), axis=0)
    x = tl.sum(tl.reshape(x, (2, 2)), axis=0)
    tl.store(into + replicate * GROUPS + group, tl.sum(x, axis=0))


@triton.jit
def fold_extreme_kernel(
    tally, into, chunks, gates, GATE: tl.constexpr, GATES: tl.constexpr, GROUPS: tl.constexpr, LEAST: tl.constexpr
):
    """The least (or the largest) of one group over the chunks."""
    replicate, group = tl.program_id(1).to(tl.int64), tl.program_id(0).to(tl.int64)
    if is_closed(gates, replicate, GATE, GATES):
        return
    FILL: tl.constexpr = float("inf") if LEAST else float("-inf")
    best = tl.full((LANES,), FILL, tl.float64)
    chunk = tl.arange(0, LANES).to(tl.int64)
    while some(chunk < chunks):
        value = tl.load(tally + (replicate * chunks + chunk) * GROUPS + group, mask=chunk < chunks, other=FILL)
        best = least(best, value) if LEAST else greatest(best, value)
        chunk += LANES
    result = least_of(best) if LEAST else greatest_of(best)
    tl.store(into + replicate * GROUPS + group, result)


@triton.jit
def count_digits_kernel(
    keys, size, bins, search, gates, SHIFT: tl.constexpr, GATE: tl.constexpr, GATES: tl.constexpr, BLOCK: tl.constexpr
):
    """Count the keys that have each digit at ``SHIFT``, among those whose higher digits are already chosen."""
    replicate = tl.program_id(1).to(tl.int64)
    if is_closed(gates, replicate, GATE, GATES):
        return
    i = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    key = tl.load(keys + replicate * size + i, mask=i < size, other=-1)
    prefix = tl.load(search + replicate * 2)
    # Two shifts, because a shift by all 63 bits at the first digit would be one by more than the width allows.
    member = (key >= 0) & ((key >> SHIFT >> DIGIT_BITS) == prefix)
    digit = (key >> SHIFT) & (DIGITS - 1)
    tl.atomic_add(bins + replicate * DIGITS + digit, tl.zeros_like(key) + 1, mask=member, sem="relaxed")


@triton.jit
def pick_digit_kernel(
    bins, search, limit, cutoff, chosen, gates, SHIFT: tl.constexpr, FIRST: tl.constexpr, GATE: tl.constexpr,
    GATES: tl.constexpr,
):  # fmt: skip
    """The next digit of the ``limit``-th smallest key; ``search`` holds the digits so far and the rank among them."""
    replicate = tl.program_id(1).to(tl.int64)
    if is_closed(gates, replicate, GATE, GATES):
        return
    digit = tl.arange(0, DIGITS)
    counts = tl.load(bins + replicate * DIGITS + digit)
    tl.store(bins + replicate * DIGITS + digit, tl.zeros((DIGITS,), tl.int64))
    up_to = tl.cumsum(counts, axis=0)
    if FIRST:
        wanted = tl.maximum(tl.load(limit + replicate), 0)
        rank = tl.minimum(wanted, tl.sum(counts, axis=0))
        tl.store(chosen + replicate, rank)
        prefix = tl.full((), 0, tl.int64)
    else:
        prefix = tl.load(search + replicate * 2)
        rank = tl.load(search + replicate * 2 + 1)
    # The digit is the number of digits whose keys all come before the one looked for.
    before = up_to < rank
    place = tl.sum(before.to(tl.int64), axis=0)
    smaller_ones = tl.max(tl.where(before, up_to, 0), axis=0)
    found = (prefix << DIGIT_BITS) + place
    if SHIFT == 0:
        tl.store(cutoff + replicate, tl.where(rank > 0, found, -1))
        tl.store(search + replicate * 2, tl.full((), 0, tl.int64))
    else:
        tl.store(search + replicate * 2, found)
        tl.store(search + replicate * 2 + 1, rank - smaller_ones)

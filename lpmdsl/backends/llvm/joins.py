"""Joins of many values by one thread: sums and extremes of chunks, quantiles, the smallest keys."""

from __future__ import annotations

import numpy as np

from lpmdsl.backends.llvm.elementary import greatest, larger, least, smaller
from lpmdsl.native.function import native


@native(unit=True, apart=True)
def clear(buffer):
    """Fill with zeros."""
    for k in range(buffer.shape[0]):
        buffer[k] = 0


@native(unit=True, apart=True)
def fold_add(tally, into):
    """Join the chunks' sums in order and empty them."""
    for g in range(into.shape[0]):
        into[g] = 0
    for chunk in range(tally.shape[0]):
        for g in range(into.shape[0]):
            into[g] += tally[chunk, g]
            tally[chunk, g] = 0


@native(unit=True, apart=True)
def fold_lanes(tally, into):
    """Join float64 sums: lane by lane the chunks in order, then the lanes in halves; and empty them."""
    lanes = np.empty(tally.shape[2])
    for g in range(into.shape[0]):
        for k in range(lanes.size):
            lanes[k] = 0.0
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


@native(unit=True, apart=True)
def fold_min(tally, into):
    """Join the chunks' minima and empty them."""
    for g in range(into.shape[0]):
        into[g] = np.inf
        for chunk in range(tally.shape[0]):
            into[g] = least(into[g], tally[chunk, g])
            tally[chunk, g] = np.inf


@native(unit=True, apart=True)
def fold_max(tally, into):
    """Join the chunks' maxima and empty them."""
    for g in range(into.shape[0]):
        into[g] = -np.inf
        for chunk in range(tally.shape[0]):
            into[g] = greatest(into[g], tally[chunk, g])
            tally[chunk, g] = -np.inf


@native()
def ranked(values, first, last, rank):
    """Puts the values from ``first`` to ``last`` − 1 so that the ``rank``-th of them stands where it would if they were
    in order, none that is larger before it and none that is smaller behind it; returns it (Hoare 1961, find)."""
    low, high, wanted = first, last - 1, first + rank
    while low < high:
        pivot = values[(low + high) >> 1]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while pivot < values[j]:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if wanted <= j:
            high = j
        elif wanted >= i:
            low = i
        else:
            low = high
    return values[wanted]


@native(unit=True, apart=True)
def order_statistic(values, groups, level, into):
    """The number at a level of each group, as far between the two nearest values as it lies between their ranks."""
    ends = np.zeros(into.shape[0] + 1, np.int64)
    for i in range(values.shape[0]):
        if groups[i] >= 0:
            ends[groups[i] + 1] += 1
    for g in range(into.shape[0]):
        ends[g + 1] += ends[g]
    # Counted on from where each group begins: what is written last of a group leaves its end.
    ordered = np.empty(ends[into.shape[0]])
    for g in range(into.shape[0]):
        into[g] = 0.0
    for i in range(values.shape[0]):
        g = groups[i]
        if g >= 0:
            ordered[ends[g]] = values[i]
            ends[g] += 1
            if values[i] != values[i]:
                into[g] = np.nan
    first = 0
    for g in range(into.shape[0]):
        size = ends[g] - first
        if size == 0 or into[g] != into[g]:
            into[g] = np.nan
        else:
            rank = level * np.float64(size - 1)
            below = np.int64(np.floor(rank))
            low = ranked(ordered, first, first + size, below)
            high = ranked(ordered, first, first + size, min(below + 1, size - 1))
            into[g] = low if low == high else low + (rank - np.float64(below)) * (high - low)
        first += size


@native(inline=True)
def _comes_before(values, keys, i, j):
    return values[i] < values[j] or (values[i] == values[j] and keys[i] < keys[j])


@native(unit=True, apart=True)
def rank_by(values, keys, into):
    """The number of those with a key ≥ 0 who come before each of them, by value and then by key: sorted by merging."""
    order, merged = np.empty(keys.shape[0], np.int64), np.empty(keys.shape[0], np.int64)
    count = 0
    for i in range(keys.shape[0]):
        into[i] = -1
        if keys[i] >= 0:
            order[count] = i
            count += 1
    width = 1
    while width < count:
        for low in range(0, count, 2 * width):
            left, right = low, smaller(low + width, count)
            middle, high = right, smaller(low + 2 * width, count)
            for k in range(low, high):
                if left < middle and (right >= high or _comes_before(values, keys, order[left], order[right])):
                    merged[k] = order[left]
                    left += 1
                else:
                    merged[k] = order[right]
                    right += 1
        for k in range(count):
            order[k] = merged[k]
        width *= 2
    for k in range(count):
        into[order[k]] = k


@native(unit=True, apart=True)
def select_smallest(keys, limit, cutoff, chosen):
    """The largest of the ``limit`` smallest keys ≥ 0: a histogram of their high bits, then one bucket by rank."""
    counts = np.zeros(65536, np.int64)
    eligible = 0
    for k in range(keys.shape[0]):
        if keys[k] >= 0:
            counts[keys[k] >> 47] += 1
            eligible += 1
    chosen[0] = smaller(eligible, larger(0, np.int64(limit)))
    cutoff[0] = -1
    if chosen[0] == 0:
        return
    before, bucket = 0, 0
    while before + counts[bucket] < chosen[0]:
        before += counts[bucket]
        bucket += 1
    members = np.empty(counts[bucket], np.int64)
    filled = 0
    for k in range(keys.shape[0]):
        if keys[k] >= 0 and keys[k] >> 47 == bucket:
            members[filled] = keys[k]
            filled += 1
    cutoff[0] = ranked(members, 0, filled, chosen[0] - before - 1)

"""Rows of neighbours from pairs that come in ascending order: half the work of ``ties`` for a network drawn row by row.

A row is its neighbours below, then those above. Those above stand in order where they were drawn; only those below must
be brought from other rows. Nothing is sorted, and there are no doubles to look for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lpmdsl.native.function import native
from lpmdsl.networks.storage.csr import Edges, part_bits, waves_of
from lpmdsl.networks.storage.parallel import each, spans
from lpmdsl.networks.world import Ties

AT_ONCE = 1 << 24
"""Ends that are brought to their rows in one go, 128 MiB."""


def ascending_to_ties(n: int, pieces: Sequence[Edges], rows: int) -> Ties:
    """The network of pairs ``a < b``, each once, in ascending order; piece k has all with ``a // rows == k``.

    ``rows`` divides the number of rows of a part (``ties.PART_BITS``). The same as ``pieces_to_ties``.
    """
    # Numbers without a sign throughout: an index need not be asked whether it counts from the end.
    drawn = [(a.view(np.uint32), b.view(np.uint32)) for a, b in pieces]
    bits = part_bits(n)
    parts = spans(n, 1 << bits)
    below = np.zeros((len(drawn), len(parts)), np.int64)
    each(lambda k: _count_below(drawn[k][1], bits, below[k]), range(len(drawn)))
    each_part = (1 << bits) // rows
    of_part = [drawn[part * each_part : (part + 1) * each_part] for part in range(len(parts))]
    above = np.array([sum(a.size for a, _ in own) for own in of_part], np.int64)
    bounds = np.concatenate(([0], np.cumsum(below.sum(axis=0))))
    starts = np.concatenate(([0], np.cumsum(below.sum(axis=0) + above)))
    offsets, targets = np.zeros(n + 1, np.int64), np.empty(starts[-1], np.int32)
    waves = waves_of(bounds, AT_ONCE)
    entries = np.empty(1 + max((bounds[q] - bounds[p] for p, q in waves), default=0), np.uint64)
    # Where the ends of a piece go within a part: behind those of the drawn before it.
    firsts = bounds[:-1] + np.cumsum(below, axis=0) - below

    def join(part: int, skipped: int) -> None:
        (first, last), (lo, hi) = parts[part], bounds[part : part + 2] - skipped
        free = np.zeros(last - first + 1, np.int64)
        for a, _ in of_part[part]:
            _count_above(a, first, free)
        _open_rows(entries[lo:hi], free, starts[part], offsets[first + 1 : last + 1])
        _fill_below(entries[lo:hi], free, targets)
        for a, b in of_part[part]:
            _fill_above(a, b, first, free, targets)

    for p, q in waves:
        free, can_reach = firsts - bounds[p], range(min(len(drawn), q * each_part))
        each(lambda k, p=p, q=q, free=free: _spread_below(*drawn[k], bits, p, q, free[k], entries), can_reach)
        each(lambda part, skipped=bounds[p]: join(part, skipped), range(p, q))
    return Ties(offsets, targets)


@native()
def _count_below(b: NDArray, bits: int, counts: NDArray) -> None:
    """Count the pairs of a piece that end in each part."""
    for k in range(b.size):
        counts[np.uint64(b[k]) >> np.uint64(bits)] += 1


@native()
def _spread_below(a, b, bits, first, last, free, entries):
    """The lower end of every pair to the part of its upper end: the row in the high half, the neighbour in the low.

    Ends of other waves go to a place of no use behind all: a branch would be guessed wrong too often.
    """
    mask, shift, half = np.uint64((1 << bits) - 1), np.uint64(bits), np.uint64(32)
    begin, parts = np.uint64(first), np.uint64(last - first)
    own = np.empty(last - first + 1, np.uint64)
    for k in range(last - first):
        own[k] = np.uint64(free[first + k])
    own[last - first] = np.uint64(entries.size - 1)
    for k in range(a.size):
        row = np.uint64(b[k])
        part = (row >> shift) - begin  # below ``first`` it wraps round, beyond ``parts``
        is_here = part < parts
        part = part if is_here else parts
        at = own[part]
        entries[at] = (row & mask) << half | np.uint64(a[k])
        own[part] = at + np.uint64(is_here)


@native()
def _count_above(a, first, free):
    before = np.uint32(first - 1) if first > 0 else np.uint32(0xFFFFFFFF)
    for k in range(a.size):
        free[np.uint32(a[k] - before)] += 1


@native()
def _open_rows(entries, free, start, ends):
    """``free``: from the neighbours above of each row, one place later, to where each row begins; ``ends`` of rows."""
    for entry in entries:
        free[(entry >> np.uint64(32)) + np.uint64(1)] += 1
    free[0] = start
    for row in range(ends.size):
        free[row + 1] += free[row]
        ends[row] = free[row + 1]


@native()
def _fill_below(entries, free, targets):
    for entry in entries:
        row = entry >> np.uint64(32)
        at = free[row]
        targets[np.uint64(at)] = np.int32(np.uint32(entry))
        free[row] = at + 1


@native()
def _fill_above(a, b, first, free, targets):
    for k in range(a.size):
        row = np.uint32(a[k] - np.uint32(first))
        at = free[row]
        targets[np.uint64(at)] = b[k]
        free[row] = at + 1

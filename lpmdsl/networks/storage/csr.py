"""Edge lists become rows of neighbours; memory bandwidth, not arithmetic, is what this costs.

Every end of an edge goes to the part of the rows that it belongs to, and every part is sorted by row on its own: a part
fits in a core's cache, where scattering costs little. Parts, and the pieces that the edges come in, are shared between
threads. What an end finds in its part is in the order of the edges, so no number of threads shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lpmdsl.native.function import native
from lpmdsl.networks.storage.parallel import each, spans
from lpmdsl.networks.world import Ties

PIECE = 1 << 18
"""Edges of a list that one thread takes at a time."""
PART_BITS, MOST_PARTS = 14, 1024
"""Rows of a part: 2¹⁴, more where that would make more parts than can be written to side by side."""
AT_ONCE = 1 << 25
"""Ends that are spread to their parts in one go, 256 MiB."""
Edges = tuple[NDArray[np.int32], NDArray[np.int32]]


class Unbuildable(Exception):
    """A network that cannot be made as asked; whoever knows the place in the text turns it into a diagnostic."""

    def __init__(self, message: str, help: str = "") -> None:
        self.help = help
        super().__init__(message)


def edges_to_ties(n: int, a: NDArray, b: NDArray) -> Ties:
    """The network in which ``a[k]`` and ``b[k]`` know each other; self-ties and doubles are dropped."""
    a, b = np.ascontiguousarray(a, np.int32), np.ascontiguousarray(b, np.int32)
    return pieces_to_ties(n, [(a[lo:hi], b[lo:hi]) for lo, hi in spans(a.size, PIECE)])


def pieces_to_ties(n: int, pieces: Sequence[Edges]) -> Ties:
    """The same for a list of edges in pieces. Quickest if ``a < b`` throughout and both in ascending order."""
    bits = part_bits(n)
    parts = spans(n, 1 << bits)
    counts = np.zeros((len(pieces), 2, len(parts)), np.int64)
    each(lambda k: _count(*pieces[k], bits, counts[k]), range(len(pieces)))
    # Part by part, and in each the ends b before the ends a: neighbours below come before those above.
    ends = np.cumsum(counts.transpose(2, 1, 0).ravel()).reshape(len(parts), 2, len(pieces)).transpose(2, 1, 0)
    bounds = np.concatenate(([0], np.cumsum(counts.sum(axis=(0, 1)))))
    waves = waves_of(bounds, AT_ONCE)
    entries = np.empty(max((bounds[q] - bounds[p] for p, q in waves), default=0), np.int64)
    offsets, targets = np.zeros(n + 1, np.int64), np.empty(bounds[-1], np.int32)
    kept: list[int] = []

    def sort(part: int, skipped: int) -> int:
        (first, last), (lo, hi) = parts[part], bounds[part : part + 2]
        return _sort_part(entries[lo - skipped : hi - skipped], offsets[first + 1 : last + 1], targets[lo:hi])

    for p, q in waves:
        free = ends - counts - bounds[p]
        each(lambda k, p=p, q=q, free=free: _spread(*pieces[k], bits, p, q, free[k], entries), range(len(pieces)))
        kept += each(lambda part, skipped=bounds[p]: sort(part, skipped), range(p, q))
    return _closed(offsets, targets, parts, bounds, kept)


def part_bits(n: int) -> int:
    """log₂ of the rows of a part."""
    return max(PART_BITS, (max(n, 1) - 1).bit_length() - (MOST_PARTS.bit_length() - 1))


def waves_of(bounds: NDArray[np.int64], at_once: int) -> list[tuple[int, int]]:
    """Runs of parts with up to so many entries: fresh memory costs more than to read the edges once again."""
    waves, first = [], 0
    while first < bounds.size - 1:
        last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + at_once, side="right")) - 1)
        waves.append((first, last))
        first = last
    return waves


def _closed(offsets: NDArray, targets: NDArray, parts: list[tuple[int, int]], bounds: NDArray, kept: list[int]) -> Ties:
    """The rows of all parts side by side: gaps that doubles left are closed, ``offsets`` counted from the start."""
    end = 0
    for (first, last), old, size in zip(parts, bounds, kept, strict=False):
        offsets[first + 1 : last + 1] += end
        if old != end:
            targets[end : end + size] = targets[old : old + size]
        end += size
    return Ties(offsets, targets[:end])


@native()
def _count(a, b, bits, counts):
    """Count the ends of a piece that belong to each part: ``counts[0]`` of b, ``counts[1]`` of a."""
    for k in range(a.size):
        if a[k] != b[k]:
            counts[0, b[k] >> bits] += 1
            counts[1, a[k] >> bits] += 1


@native()
def _spread(a, b, bits, first, last, free, entries):
    """Every end that belongs to the parts ``first`` to ``last`` − 1 to its part: its row within the part in the high
    half, the other end in the low half."""
    mask = np.int64((1 << bits) - 1)
    for k in range(a.size):
        p, q = np.int64(a[k]), np.int64(b[k])
        part = q >> bits
        if first <= part < last and p != q:
            entries[free[0, part]] = (q & mask) << 32 | p
            free[0, part] += 1
        part = p >> bits
        if first <= part < last and p != q:
            entries[free[1, part]] = (p & mask) << 32 | q
            free[1, part] += 1


@native()
def _sort_part(entries, ends, targets):
    """Counting sort by row, then every row by itself, without doubles; ``ends`` of the rows. How many are kept."""
    free = np.zeros(ends.size + 1, np.int64)
    for entry in entries:
        free[(entry >> 32) + 1] += 1
    for row in range(ends.size):
        free[row + 1] += free[row]
    for entry in entries:
        targets[free[entry >> 32]] = np.int32(entry & 0xFFFFFFFF)
        free[entry >> 32] += 1
    kept = start = 0
    for row in range(ends.size):
        kept = _sort_row(targets, start, free[row], kept)
        start = free[row]
        ends[row] = kept
    return kept


@native()
def _sort_row(targets, start, end, kept):
    """Sorts ``targets[start:end]`` and moves what is no double to ``kept``; where the next row begins."""
    shell_sort(targets, start, end)
    last = -1
    for k in range(start, end):
        if targets[k] != last:
            last = targets[k]
            targets[kept] = last
            kept += 1
    return kept


@native()
def shell_sort(values, start, end):
    """Sorts ``values[start:end]``: an insertion sort for short rows, gaps 1, 4, 13, … (Knuth 1973) for long ones."""
    gap = 1
    while 9 * gap < end - start:
        gap = 3 * gap + 1
    while gap > 0:
        for k in range(start + gap, end):
            value = values[k]
            j = k
            while j - gap >= start and values[j - gap] > value:
                values[j] = values[j - gap]
                j -= gap
            values[j] = value
        gap //= 3

"""Edge lists become rows of neighbours; memory bandwidth, not arithmetic, is what this costs."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lpmdsl.networks.world import Ties


class Unbuildable(Exception):
    """A network that cannot be made as asked; whoever knows the place in the text turns it into a diagnostic."""

    def __init__(self, message: str, help: str = "") -> None:
        self.help = help
        super().__init__(message)


def edges_to_ties(n: int, a: NDArray, b: NDArray) -> Ties:
    """The network in which ``a[k]`` and ``b[k]`` know each other; self-ties and doubles are dropped."""
    offsets, targets = _rows(n, np.ascontiguousarray(a, np.int32), np.ascontiguousarray(b, np.int32))
    return Ties(offsets, targets)


@njit(cache=True, nogil=True)
def _rows(n, a, b):
    """Counting sort by both ends, then every row sorted by itself: two sequential passes and one scatter."""
    offsets = np.zeros(n + 1, np.int64)
    for k in range(a.size):
        if a[k] != b[k]:
            offsets[a[k] + 1] += 1
            offsets[b[k] + 1] += 1
    for i in range(n):
        offsets[i + 1] += offsets[i]
    targets = np.empty(offsets[n], np.int32)
    free = offsets[:n].copy()
    for k in range(a.size):
        if a[k] != b[k]:
            targets[free[a[k]]] = b[k]
            free[a[k]] += 1
            targets[free[b[k]]] = a[k]
            free[b[k]] += 1
    kept = _sort_rows(offsets, targets)
    return offsets, targets if kept == targets.size else targets[:kept].copy()


@njit(cache=True, nogil=True)
def _sort_rows(offsets, targets):
    """Sorts every row and closes the gaps that doubles leave, in place; how many entries are left."""
    kept = 0
    start = 0
    for i in range(offsets.size - 1):
        end = offsets[i + 1]
        _shell_sort(targets, start, end)
        last = -1
        for k in range(start, end):
            if targets[k] != last:
                last = targets[k]
                targets[kept] = last
                kept += 1
        offsets[i + 1] = kept
        start = end
    return kept


@njit(cache=True, nogil=True)
def _shell_sort(values, start, end):
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

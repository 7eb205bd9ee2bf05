"""Pairs tied independently: geometric jumps over the pairs of two groups (Batagelj & Brandes 2005), block by block.

Time goes by ties, not by pairs. A block of rows is drawn by one thread, its words many at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpmdsl.native.function import native
from lpmdsl.networks.random import log, logs, uniform_rows
from lpmdsl.networks.storage.csr import Edges
from lpmdsl.networks.storage.parallel import each, spans

BLOCK = 8192
"""Rows drawn under one key: their ties fit in a core's cache."""
DEVIATIONS = 10
"""Room for ties of a block, in standard deviations above their mean number."""
_AT_ONCE = 512


def tied_pairs(
    groups: NDArray[np.int32] | None, n: int, chances: NDArray[np.float64], seed: int, site: int
) -> list[Edges]:
    """The ties in pieces. ``groups`` None: all are alike, and the ties come in ascending order.

    ``chances[a, b]``: of a tie between an agent of group a and one of group b.
    """
    members = None if groups is None else np.argsort(groups, kind="stable").astype(np.int32)
    sizes = np.array([n]) if groups is None else np.bincount(groups, minlength=len(chances))
    first = np.concatenate(([0], np.cumsum(sizes)))
    blocks = _blocks(sizes, chances)

    def draw(number: int) -> Edges:
        g, h, lo, hi = blocks[number]
        a, b = _draw_block(lo, hi, int(sizes[h]), g == h, float(chances[g, h]), (seed, number, site))
        return (a, b) if members is None else (members[first[g] + a], members[first[h] + b])

    return each(draw, range(len(blocks)))


def rows_of_a_piece() -> int:
    """Rows of each piece of ``tied_pairs`` where all are alike; the last has fewer."""
    return BLOCK


def _blocks(sizes: NDArray, chances: NDArray[np.float64]) -> list[tuple[int, int, int, int]]:
    """(group of the rows, group of the columns, first row, last row) of all blocks that can hold a tie."""
    return [
        (g, h, lo, hi)
        for g in range(sizes.size)
        for h in range(g, sizes.size)
        if chances[g, h] > 0 and sizes[h] > 0
        for lo, hi in spans(int(sizes[g]), BLOCK)
    ]


def _draw_block(lo: int, hi: int, columns: int, same: bool, chance: float, key: tuple[int, int, int]) -> Edges:
    """The ties of some rows. There is room for nearly any number; beyond it, they are drawn again."""
    pairs = (hi - lo) * (columns - (lo + hi + 1) / 2 if same else columns)
    room = int(min(pairs, chance * pairs + DEVIATIONS * np.sqrt(chance * pairs) + 64))
    seed, block, site = (np.uint64(part) for part in key)
    while True:
        a, b = np.empty(room, np.int32), np.empty(room, np.int32)
        count = _jump(lo, hi, columns, same, chance, seed, block, site, a, b)
        if count <= room:
            return a[:count], b[:count]
        room = count


@native()
def _jump(lo, hi, columns, same, chance, seed, block, site, a, b):
    """Return the number of ties; as many as there is room for are written, as positions within their groups.

    ``column``: the next pair of this row to be looked at; a row of a group with itself begins beside the diagonal.
    """
    log_miss = log(1.0 - chance) if chance < 1.0 else -np.inf
    jumps, steps = np.empty(2 * _AT_ONCE), np.empty(2 * _AT_ONCE, np.int64)
    row, column = np.int64(lo), np.int64(lo + 1 if same else 0)
    count = drawn = 0
    while True:
        uniform_rows(seed, block, site, drawn, jumps)
        drawn += _AT_ONCE
        logs(jumps, steps)
        for k in range(jumps.size):
            # A chance of nearly 0 leads beyond any row: held to what int64 can add up.
            steps[k] = np.int64(min(jumps[k] / log_miss, 4e18))
        for step in steps:
            column += step
            while column >= columns:
                row += 1
                if row >= hi:
                    return count
                column += (row + 1 if same else 0) - columns
            if count < a.size:
                a[count] = row
                b[count] = column
            count += 1
            column += 1

"""Columns of a table of ties, kept beside the rows of the network in the same order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpmdsl.diagnostics import fail
from lpmdsl.networks.directed import ends, to_rows
from lpmdsl.networks.world import Ties
from lpmdsl.reading import cells
from lpmdsl.reading.people import Wanted, column_values
from lpmdsl.reading.problem import Problem
from lpmdsl.reading.tabular import DataFile


def with_columns(
    data: DataFile, n: int, of_rows: tuple[NDArray, NDArray], wanted: tuple[Wanted, ...], directed: bool
) -> Ties:
    """The network of a table's rows with what they say of each tie; ``of_rows``: the two ends of every row.

    A mutual tie says the same from both ends. E1129 for one that is there twice with different values.
    """
    a, b = of_rows
    row = np.arange(a.size)
    if not directed:
        a, b, row = np.concatenate((a, b)), np.concatenate((b, a)), np.concatenate((row, row))
    ties, first = to_rows(n, a, b)
    rows, others = ends(ties)
    apart = np.flatnonzero(a != b)
    at = np.searchsorted(rows * n + others, a[apart].astype(np.int64) * n + b[apart])
    columns: dict[str, NDArray] = {}
    for want in wanted:
        try:
            values = column_values(data, want).values
        except Problem as problem:
            raise problem.failure(want.span) from problem
        columns[want.name] = values[row[first]]
        differ = np.flatnonzero(values[row[apart]] != columns[want.name][at])
        if differ.size:
            both = sorted((int(row[first[at[differ[0]]]]), int(row[apart[differ[0]]])))
            _contradict(data, want, both[0], both[1], directed)
    return Ties(ties.offsets, ties.targets, not directed, columns)


def _contradict(data: DataFile, want: Wanted, first: int, second: int, directed: bool) -> None:
    """Raises E1129."""
    column = data.need(want.name)
    texts = cells.texts(data, column)
    one, other = data.shown(texts[first]), data.shown(texts[second])
    tie = "the same tie" if directed else "the same mutual tie"
    where = f"{data.row_word.lower()} {data.line(first)}"
    told = f"{data.where(second, column)}, is {other}: {where} is {tie}, and has {one}."
    raise fail("E1129", told, want.span, "Leave one of the two rows out, or write the same value into both.")

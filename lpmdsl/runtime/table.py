"""A table of a run: columns as arrays, and the few things that reports, comparisons and pages ask of it.

A frame of pandas says the same to a reader (``frame``); it takes a fifth of an installation and of a second that no
command has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lpmdsl.extras import optional

if TYPE_CHECKING:
    import pandas as pd

Codes = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns by name, all as long: texts as arrays of objects, numbers as they are."""

    columns: Mapping[str, NDArray] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> NDArray:
        """A column."""
        return self.columns[name]

    def where(self, column: str, value: str) -> Table:
        """The rows whose ``column`` says ``value``."""
        return self.take(np.flatnonzero(self.columns[column] == value))

    def take(self, rows: NDArray) -> Table:
        """Some rows, in the order in which they are named."""
        return Table({name: values[rows] for name, values in self.columns.items()})

    def having(self, **columns: NDArray) -> Table:
        """The same with other or more columns."""
        return Table({**self.columns, **columns})

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each row as a dictionary."""
        for values in zip(*(column.tolist() for column in self.columns.values()), strict=True):
            yield dict(zip(self.columns, values, strict=True))

    def groups(self, *keys: str) -> Groups:
        """The rows that agree in some columns, together."""
        found = np.zeros(len(self), np.int64)
        for key in keys:
            codes = _coded(self.columns[key])
            found = found * (int(codes.max(initial=0)) + 1) + codes
        _, first, of = np.unique(found, return_index=True, return_inverse=True)
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(first, kind="stable")] = np.arange(len(first))
        return Groups(rank[of.reshape(-1)], np.sort(first))

    def frame(self) -> pd.DataFrame:
        """The table as a frame of pandas. Raises ``LpmError`` (E0860) where pandas is not installed."""
        pandas = optional("pandas", otherwise="or read the columns of `table`, which are arrays")
        made = pandas.DataFrame(dict(self.columns))
        return made.astype({name: "str" for name, values in self.columns.items() if values.dtype == object})


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Groups of rows in order of first appearance. ``of``: of every row; ``first``: the first row of each."""

    of: Codes
    first: Codes

    def __len__(self) -> int:
        """Number of groups."""
        return len(self.first)

    def rows(self) -> list[Codes]:
        """The rows of each group."""
        order, starts = self._ordered()
        return np.split(order, starts[1:]) if len(self) else []

    def sums(self, values: Numbers) -> Numbers:
        """Sum of the values of each group."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.bincount(self.of, values, len(self)), np.float64)

    def counts(self) -> Codes:
        """Number of rows of each group."""
        return np.bincount(self.of, minlength=len(self))

    def lowest(self, values: Numbers) -> Numbers:
        """The smallest value of each group."""
        return self._reduced(np.minimum, values)

    def highest(self, values: Numbers) -> Numbers:
        """The largest value of each group."""
        return self._reduced(np.maximum, values)

    def last(self) -> Codes:
        """The last row of each group."""
        return self._reduced(np.maximum, np.arange(len(self.of)))

    def first_where(self, chosen: NDArray[np.bool_]) -> Codes:
        """The first of the chosen rows of each group; of each at least one is chosen."""
        return self._reduced(np.minimum, np.where(chosen, np.arange(len(self.of)), len(self.of)))

    def medians(self, values: Numbers) -> Numbers:
        """The median of each group as ``quantiles`` has it: without missing values, NaN where there are no others."""
        order = np.lexsort((values, self.of))
        ordered = values[order]  # in each group NaN come last
        count = np.bincount(self.of[~np.isnan(values)], minlength=len(self))
        start = np.concatenate([[0], np.cumsum(self.counts())[:-1]]).astype(np.int64)[: len(self)]
        most = np.maximum(count - 1, 0)
        low, high = ordered[start + most // 2], ordered[start + (most + 1) // 2]
        finite = np.isfinite(low) & np.isfinite(high)
        gap = np.where(finite, high, 0.0) - np.where(finite, low, 0.0)
        return np.where(finite, high - gap * np.where(most % 2, 0.5, 1.0), low)

    def _ordered(self) -> tuple[Codes, Codes]:
        """The rows group by group, and where each begins."""
        order = np.argsort(self.of, kind="stable")
        return order, np.concatenate([[0], np.cumsum(self.counts())[:-1]]).astype(np.int64)[: len(self)]

    def _reduced(self, function: np.ufunc, values: NDArray) -> NDArray:
        order, starts = self._ordered()
        return function.reduceat(values[order], starts) if len(self) else values[:0]


def joined(tables: Sequence[Table], empty: Table) -> Table:
    """The rows of several tables, one after the other; ``empty`` where there is none."""
    if not tables:
        return empty
    return Table({name: np.concatenate([t.columns[name] for t in tables]) for name in tables[0].columns})


def texts(value: str, rows: int) -> NDArray:
    """A column that says the same in every row."""
    return np.full(rows, value, dtype=object)


def pivot(table: Table, down: str, across: str, values: str) -> tuple[NDArray, Numbers]:
    """Values of the column ``down``, ascending, and (those, values of ``across``) sums; NaN where no row is."""
    rows, of_row = np.unique(table[down], return_inverse=True)
    columns, of_column = np.unique(table[across], return_inverse=True)
    place = of_row.reshape(-1) * len(columns) + of_column.reshape(-1)
    size = len(rows) * len(columns)
    with np.errstate(invalid="ignore"):
        sums = np.asarray(np.bincount(place, np.asarray(table[values], np.float64), size), np.float64)
    sums[np.bincount(place, minlength=size) == 0] = np.nan
    return rows, sums.reshape(len(rows), len(columns))


def _coded(values: NDArray) -> Codes:
    """A number for each different value."""
    if values.dtype != object:
        return np.unique(values, return_inverse=True)[1].reshape(-1)
    number: defaultdict[str, int] = defaultdict()
    number.default_factory = number.__len__
    return np.fromiter(map(number.__getitem__, values), np.int64, len(values))

"""The two columns of a table of ties that name its ends, and those that nobody reads."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lpmdsl.reading.problem import Problem
from lpmdsl.reading.tabular import Column, DataFile

_NAMED = (("source", "target"), ("from", "to"))
_VALUE = re.compile(r"[-+]?\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Ends:
    """The columns of either end, and those that are not used."""

    columns: tuple[Column, Column]
    unused: tuple[str, ...]


def ends_of(data: DataFile) -> Ends:
    """``source`` and ``target``, ``from`` and ``to``, else the first two. Raises ``Problem``: too few, or no header."""
    known = {c.name.casefold(): c for c in data.columns}
    pair = next(((known[a], known[b]) for a, b in _NAMED if a in known and b in known), None)
    if pair is None and len(data.columns) < 2:
        raise Problem(
            "column",
            f"`{data.name}` has {len(data.columns)} column; ties need two, one for either end.",
            "Write a header `source,target`, then one tie per line.",
        )
    ends = pair or (data.columns[0], data.columns[1])
    if data.text_header is not None and all(_VALUE.fullmatch(c.name) for c in ends):
        raise no_header(data)
    if pair is None and len(data.columns) > 2 and _numbers_rows(data, ends[0]):
        names = ", ".join(f"`{c.name}`" for c in data.columns[:3])
        raise Problem(
            "column",
            f"Column `{ends[0].name}` of `{data.name}` numbers the rows, and which two of {names}, … are the ends of a "
            "tie is not clear.",
            "Name the two `source` and `target`.",
        )
    return Ends(ends, tuple(c.name for c in data.columns if c not in ends))


def _numbers_rows(data: DataFile, column: Column) -> bool:
    """Return True if a column's first thousand cells count from 0 or 1, as R, pandas and spreadsheets number rows."""
    cells = [data.cells(column).text(row) for row in range(min(data.rows, 1_000))]
    return len(cells) > 1 and any(cells == [str(k + first) for k in range(len(cells))] for first in (0, 1))


def no_header(data: DataFile) -> Problem:
    """The first line is a tie, not the names of columns."""
    return Problem(
        "header",
        f"The first line of `{data.name}` is a tie, and not the names of its columns.",
        "Write a first line with the names: `source,target`.",
    )

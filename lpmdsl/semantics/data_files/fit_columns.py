"""Column of the data of a fit that says when: by its name, whatever its capitals, or by its cells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from lpmdsl.diagnostics import Report
from lpmdsl.reading.cells import MISSING, texts
from lpmdsl.reading.problem import Problem
from lpmdsl.reading.tabular import Column, DataFile
from lpmdsl.semantics.model import Fit, Model

Says = Literal["date", "first", "last", "day", "time"]
"""``first``, ``last``: the first or the last day of a period; ``date``: any of its days."""
_NAMES: dict[str, Says] = {
    "date": "date", "day": "day", "time": "time",
    "week_start": "first", "week_begin": "first", "week_beginning": "first", "week_commencing": "first",
    "week_of": "first", "start": "first", "start_date": "first",
    "week_end": "last", "week_ending": "last", "end": "last", "end_date": "last",
}  # fmt: skip
_UNCLEAR = {
    "t", "week", "weeks", "wk", "month", "year", "epiweek", "epi_week", "isoweek", "iso_week", "period", "days",
    "times", "datum", "fecha", "dates", "dt", "when", "onset", "timestamp",
}  # fmt: skip
"""Names that speak of time without saying how it is counted."""
_DATE = re.compile(r"\d{4}-\d\d(-\d\d([T ].*)?)?")
_OTHER_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./]\d{1,2}[./]\d{1,2}|\d{8}")
_HELP = (
    "Call the column `date` (or `week_start`, `week_end`) with dates such as 2024-10-01, `day` (the run's first is 0), "
    "or `time` (days since the start)."
)


@dataclass(frozen=True, slots=True)
class When:
    """The column that says when, and what it says; None: the rows are about one report after the other."""

    column: Column | None
    says: Says = "date"


def column_of_time(data: DataFile, fit: Fit, model: Model, report: Report) -> When | None:
    """The column that says when; None after a report (E0921): in doubt nothing is taken in the order of the file."""
    others = {fit.column, *fit.by, *(o.name for o in model.reported)}
    others |= {f.column for c in model.calibrations for f in c.fits}
    columns = [c for c in data.columns if c.name not in others]
    for name, says in _NAMES.items():
        column = next((c for c in columns if _plain(c.name) == name), None)
        if column is not None:
            return When(column, says)
    dated = [c for c in columns if _all(data, c, _DATE)]
    if len(dated) == 1:
        told = f"Column `{dated[0].name}` of `{data.name}` is read as the dates that its rows are about."
        report.add("N0920", told, fit.file_span, "Nothing is to be done if that is what they are.")
        return When(dated[0])
    unclear = dated or [c for c in columns if _plain(c.name) in _UNCLEAR or _all(data, c, _OTHER_DATE)]
    if unclear:
        names = " and ".join(f"`{c.name}`" for c in unclear[:2])
        told = f"It is not clear what {names} of `{data.name}` says about the time of its rows."
        report.add("E0921", told, fit.file_span, _HELP)
        return None
    if data.has_gaps():
        told = f"`{data.name}` has a line without a sign between its rows, and no column says when they are."
        report.add("E0921", told, fit.file_span, _HELP)
        return None
    return When(None)


def _plain(name: str) -> str:
    return re.sub(r"[\s.-]+", "_", name.strip().casefold())


def _all(data: DataFile, column: Column, pattern: re.Pattern[str]) -> bool:
    """Return True if all cells that hold something look like that. Raises ``Problem`` where one hides something."""
    try:
        cells = [cell for cell in texts(data, column) if cell not in MISSING]
    except Problem as problem:
        if problem.sort == "hidden":
            raise
        return False  # neither texts nor numbers
    return bool(cells) and all(pattern.fullmatch(cell) for cell in cells)

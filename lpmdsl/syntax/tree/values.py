"""The clock, parameters and tables."""

from __future__ import annotations

from lpmdsl.records import dataclass
from lpmdsl.source import Span
from lpmdsl.syntax.tree.expressions import Date, Distribution, Expr, Name, Quantity, TypeName


@dataclass(frozen=True, slots=True)
class Clock:
    """``from START for DURATION`` or ``from START to END``."""

    step: Expr | None
    start: Date | None
    duration: Expr | Date | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Parameter:
    """``parameter beta = 0.03 per contact`` and its clauses."""

    name: Name
    value: Expr
    prior: Distribution | None
    low: Expr | None
    high: Expr | None
    source: str | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class TableRow:
    """``adult elder 0.4 contacts per day``: keys as written (category labels or numbers), then the value, which is a
    label in a table of a category."""

    keys: tuple[Name, ...]
    value: Quantity | Name
    span: Span


@dataclass(frozen=True, slots=True)
class TablePoint:
    """``at 4 days 1.6``: a point of the line that a table over a number is."""

    at: Quantity | Date
    value: Quantity
    span: Span


@dataclass(frozen=True, slots=True)
class Table:
    """``by`` empty: a one-column list keyed by whatever the rows say (``household_sizes of share``).

    ``over``: what the straight lines between ``points`` run along, such as ``duration``.
    """

    name: Name
    by: tuple[Name, ...]
    of: TypeName
    file: str | None
    file_span: Span | None
    column: Name | None
    rows: tuple[TableRow, ...]
    source: str | None
    doc: str
    span: Span
    over: Name | None = None
    points: tuple[TablePoint, ...] = ()

"""The clock, parameters and tables."""

from __future__ import annotations

from lpmdsl.records import dataclass
from lpmdsl.source import Span
from lpmdsl.syntax.tree.expressions import Date, Distribution, Expr, Name, Quantity, TypeName


@dataclass(frozen=True, slots=True)
class Ending:
    """``until nobody is in E, I [of CONDITION]``."""

    states: tuple[Name, ...]
    of: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Clock:
    """``from START for DURATION`` or ``from START to END``, at most."""

    step: Expr | None
    start: Date | None
    duration: Expr | Date | None
    doc: str
    span: Span
    ending: Ending | None = None


@dataclass(frozen=True, slots=True)
class TableRow:
    """``adult elder 0.4 contacts per day``: keys as written (category labels or numbers), then the value, which is a
    label in a table of a category."""

    keys: tuple[Name, ...]
    value: Quantity | Name
    span: Span


@dataclass(frozen=True, slots=True)
class Covariates:
    """``from covariates "travel.csv" as network of 16``: a network with so many hidden units gives the parts."""

    file: str
    file_span: Span
    hidden: float
    span: Span


@dataclass(frozen=True, slots=True)
class Parameter:
    """``parameter beta = 0.03 per contact`` and its clauses.

    ``every`` and ``by`` make it a family: a parameter for each piece of time and each label, with the values of
    ``rows`` in place of ``value``. ``walk``: how each piece follows the one before it.
    ``covariates``: of what the parts are outputs of a network.
    """

    name: Name
    value: Expr
    prior: Distribution | None
    low: Expr | None
    high: Expr | None
    source: str | None
    doc: str
    span: Span
    every: Quantity | None = None
    by: tuple[Name, ...] = ()
    rows: tuple[TableRow, ...] = ()
    walk: Distribution | None = None
    covariates: Covariates | None = None

    @property
    def is_family(self) -> bool:
        """Return True if it is several parameters under one name."""
        return self.every is not None or bool(self.by)


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

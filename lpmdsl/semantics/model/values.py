"""Distributions, the clock, parameters and tables."""

from __future__ import annotations

from lpmdsl.distributions.table import DISTRIBUTIONS
from lpmdsl.quantities import NUMBER, Type
from lpmdsl.records import dataclass
from lpmdsl.semantics.model.expressions import Apply, Expr, Literal_
from lpmdsl.source import Span


class _Solved(Exception):
    """A parameter for which only numbers can be solved."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A family of ``distributions.table.DISTRIBUTIONS`` with its arguments by canonical name, in base units.

    ``empirical`` has ``table`` set, and as arguments the keys of all its categories but the last, which is drawn;
    ``categorical`` has ``weights`` in label order.
    """

    family: str
    arguments: tuple[tuple[str, Expr], ...]
    table: str | None
    weights: tuple[Expr, ...]
    type: Type
    span: Span

    @property
    def canonical(self) -> tuple[Expr, ...] | None:
        """The canonical parameters of the family as expressions of the arguments that are written.

        None where there are none: of shares of labels, and where only numbers can be solved for (a Weibull law by its
        mean): those have them at the values of their arguments alone (``semantics.host.laws``).
        """
        row = DISTRIBUTIONS[self.family].numbers
        try:
            return None if row is None else row.canonical(self._do, dict(self.arguments))
        except _Solved:
            return None

    def _do(self, op: str, *parts: Expr | float) -> Expr:
        made = tuple(Literal_(float(p), NUMBER, self.span) if isinstance(p, int | float) else p for p in parts)
        match op:
            case "positive":
                return made[0]
            case "log1p":
                return self._do("log", self._do("add", 1.0, *made))
            case "add" | "sub" | "mul" | "div" | "pow" | "log" | "exp" | "sqrt":
                return Apply(op, made, NUMBER, self.span)
            case _:
                raise _Solved(op)

    def argument(self, name: str) -> Expr | None:
        """The argument of that name, if it is written."""
        return dict(self.arguments).get(name)


@dataclass(frozen=True, slots=True)
class Clock:
    """``step`` and ``duration`` in days; ``steps`` is their quotient; ``start`` an ISO date or None.

    ``until``: a test at the end of every step, global: where it holds the run ends early.
    """

    step: float
    steps: int
    start: str | None
    span: Span
    until: Expr | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """``default`` is evaluated with the other parameters' values; ``unit`` is how to print it: name and scale.

    ``family``: the family of which it is a part, ``beta`` of ``beta[2]``; "": of none.
    """

    name: str
    default: Expr
    type: Type
    unit: str
    scale: float
    prior: Distribution | None
    low: float | None
    high: float | None
    source: str
    doc: str
    span: Span
    family: str = ""


def family_in(name: str) -> str:
    """The name before the brackets, ``beta`` of ``beta[2, Bronx]``: that of the family, if it is one of a part."""
    return name.partition("[")[0]


@dataclass(frozen=True, slots=True)
class Net:
    """A network that gives the parts of a family in a fit: each is its value as written times exp of the output at its
    row. ``names``: of the covariates; ``rows``: one a part, every covariate with mean 0 and standard deviation 1."""

    family: str
    parts: tuple[str, ...]
    names: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]
    hidden: int
    span: Span


@dataclass(frozen=True, slots=True)
class Curve:
    """Straight lines between ``points`` (where, value; base units), flat beyond, along what ``over`` names.

    ``per_cell``: cells from the first point on, one a unit of length; at most one point lies in each.
    """

    over: str
    points: tuple[tuple[float, float], ...]
    per_cell: float


@dataclass(frozen=True, slots=True)
class Table:
    """``values`` row-major over ``keys`` (one tuple of labels per dimension), in base units.

    ``key_attributes`` names the attribute that each dimension is ``by``; a one-column list (``of share`` without
    ``by``) has one dimension keyed by its own row labels and ``key_attributes == ("",)``. A table over a number has a
    ``curve``: its values are then the cells by which the value at a number is found (``checks/tables/curves.py``).
    """

    name: str
    key_attributes: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    values: tuple[float, ...]
    type: Type
    source: str
    doc: str
    span: Span
    curve: Curve | None = None

"""Quantities, names, expressions and the distributions made of them, as written."""

from __future__ import annotations

from lpmdsl.records import dataclass
from lpmdsl.source import Span


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as written: ``contacts per day per tie`` is ``(("contacts", 1), ("day", -1), ("tie", -1))``.

    ``per 100_000`` is kept in ``Quantity.per_number``; ``Quantity.value`` is divided by it.
    """

    parts: tuple[tuple[str, int], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Quantity:
    """A literal with its unit: ``0.02 per contact``, ``30 %``, ``50 per 100_000 per week``, ``12``."""

    number: float
    percent: bool
    per_number: float | None
    unit: Unit | None
    text: str
    span: Span

    @property
    def value(self) -> float:
        """The number before its unit counts: ``30 %`` is 0.3, ``50 per 100_000`` is 0.0005."""
        return self.number / (100 if self.percent else 1) / (self.per_number or 1)


@dataclass(frozen=True, slots=True)
class Name:
    """A bare name, to be resolved: parameter, attribute, category label, observation, table, …"""

    id: str
    span: Span


@dataclass(frozen=True, slots=True)
class OfTie:
    """``tie.weight``: that which is said of the tie to the agent in view."""

    id: str
    span: Span


@dataclass(frozen=True, slots=True)
class Theirs:
    """``their.opinion``: an attribute of the other agent inside an aggregate."""

    id: str
    span: Span


@dataclass(frozen=True, slots=True)
class Since:
    """``time since Flu``: since the agent's last move in a condition."""

    condition: Name
    span: Span


@dataclass(frozen=True, slots=True)
class YesNo:
    """``yes`` or ``no``"""

    value: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Date:
    """``2024-10-01``"""

    iso: str
    span: Span


@dataclass(frozen=True, slots=True)
class Lookup:
    """``hospital_risk[age_group]``"""

    table: Name
    keys: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """A function of numbers: ``abs(x)``, ``exp(x)``, ``min(a, b)``."""

    function: Name
    arguments: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    """``-x`` (op ``-``) or ``not x`` (op ``not``)."""

    op: str
    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """``+ - * / ^``, comparisons ``< <= > >=``, ``and``, ``or``."""

    op: str
    left: Expr
    right: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Is:
    """``Flu is I``, ``age_group is adult``, ``campaign is active``, ``Flu is not I``; several: ``Flu is I or H``."""

    subject: Expr
    values: tuple[Name, ...]
    negated: bool
    span: Span


LINKED = "linked"
"""The function of an ``Aggregate`` over one or none: ``infector.age``."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """``FUNCTION of WHAT over OVER where WHERE else OTHERWISE``.

    ``count`` and ``share`` name an agent or network directly: ``count of Person where …`` has
    ``what=None, over=Name("Person")``. ``mean of cases over 4 weeks`` has ``over=Quantity``, ``total of cases`` none.
    ``level``: the share below a quantile, ``90 %`` of ``quantile 90 % of age over Person``. ``group``: of those alone
    who have the same label as the agent, ``in their borough``.
    """

    function: str
    what: Expr | None
    over: Name | Quantity | None
    where: Expr | None
    otherwise: Expr | None
    span: Span
    level: Quantity | None = None
    group: Name | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """``(A where TEST, B where TEST, C otherwise)``: the value of the first case whose test holds."""

    cases: tuple[tuple[Expr, Expr], ...]
    otherwise: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Stepwise:
    """``0.3 until 2020-03-23, 0.1 after``: each value until its day begins, in brackets unless it is a parameter's."""

    pieces: tuple[tuple[Expr, Date], ...]
    after: Expr
    span: Span


Expr = (
    Quantity
    | Name
    | Theirs
    | OfTie
    | Since
    | YesNo
    | Date
    | Lookup
    | Call
    | Unary
    | Binary
    | Is
    | Aggregate
    | Choice
    | Stepwise
)


@dataclass(frozen=True, slots=True)
class Argument:
    """``mean 2 days`` (named) or ``0 years`` (positional, ``name=None``)."""

    name: str | None
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Distribution:
    """``gamma(mean 2 days, sd 1 day)``; a bare table name has no arguments; ``keys``: ``jobs[age_group]``."""

    name: Name
    arguments: tuple[Argument, ...]
    span: Span
    keys: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class GeneratorArgument:
    """``degree 12`` or ``degrees poisson(mean 4)``; ``poisson(4)``, without names, is read as a call."""

    name: str | None
    value: Expr | Distribution
    span: Span


@dataclass(frozen=True, slots=True)
class Generator:
    """``small_world(degree 12, rewiring 5 %)``: a network generator with its arguments."""

    name: Name
    arguments: tuple[GeneratorArgument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class TypeName:
    """``category``, ``yes/no``, ``duration``, ``probability``; or a unit: ``contacts per day``; ``money per week``
    keeps ``name="money"`` and the rest in ``unit``."""

    name: str
    unit: Unit | None
    span: Span

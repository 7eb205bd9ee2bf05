"""Observations and what they report."""

from __future__ import annotations

from lpmdsl.records import dataclass
from lpmdsl.source import Span
from lpmdsl.syntax.tree.expressions import Distribution, Expr, Name, Quantity


@dataclass(frozen=True, slots=True)
class Flow:
    """``number entering S, T [of CONDITION] per week``, or ``number going from`` the ``origins`` ``to`` the states."""

    states: tuple[Name, ...]
    of: Name | None
    per: Quantity
    span: Span
    origins: tuple[Name, ...] = ()
    is_cumulative: bool = False
    among: Quantity | None = None
    """Number of people per whom it is told: 100 000 of ``per 100_000``."""


@dataclass(frozen=True, slots=True)
class Spending:
    """``costs of vaccination, testing per week``: what these interventions cost together.

    ``is_number``: ``number of vaccination per week``, how many people their blocks reach.
    """

    interventions: tuple[Name, ...]
    per: Quantity
    span: Span
    is_number: bool = False
    is_cumulative: bool = False
    among: Quantity | None = None


@dataclass(frozen=True, slots=True)
class Observe:
    """``observe cases = number entering I per day`` and its clauses."""

    name: Name
    value: Flow | Spending | Expr
    where: Expr | None
    by: tuple[Name, ...]
    thinned: Expr | None
    delayed: Distribution | None
    every: Quantity | None
    doc: str
    span: Span

"""Interventions, and the moments at which they start and stop."""

from __future__ import annotations

from typing import Literal

from lpmdsl.records import dataclass
from lpmdsl.source import Span
from lpmdsl.syntax.tree.actions import Action
from lpmdsl.syntax.tree.expressions import Date, Expr, Name, Quantity
from lpmdsl.syntax.tree.rules import Paragraph, Rank


@dataclass(frozen=True, slots=True)
class Crossing:
    """``EXPR rises above LEVEL`` / ``falls below LEVEL``, optionally ``DELAY after``."""

    value: Expr
    rises: bool
    level: Expr
    delay: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class OnDay:
    """``on day 30``: the number of days since the clock's start."""

    day: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Elapsed:
    """``after DELAY``, ``lasts DELAY`` or ``DELAY after it starts``: ``words`` says which, for the formatter."""

    delay: Expr
    words: Literal["after", "lasts", "since"]
    span: Span


Moment = Date | OnDay | Elapsed | Crossing


@dataclass(frozen=True, slots=True)
class Repeated:
    """``every PERIOD [for [at most N | share P of] Person [where EXPR] [highest EXPR]]``, or ``on DATE``: once; and its
    actions, or paragraphs of them."""

    every: Quantity | Date
    kind: Name | None
    at_most: Expr | None
    where: Expr | None
    actions: tuple[Action, ...]
    span: Span
    share: Expr | None = None
    paragraphs: tuple[Paragraph, ...] = ()
    rank: Rank | None = None


@dataclass(frozen=True, slots=True)
class Together:
    """``at most N Person together [every PERIOD]``, or ``together with INTERVENTION``, which has such a line."""

    at_most: Expr | None
    kind: Name | None
    every: Quantity | None
    intervention: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class WhileActive:
    """``while active [for [share P of] Person [where EXPR]]`` and what holds then."""

    kind: Name | None
    where: Expr | None
    actions: tuple[Action, ...]
    span: Span
    share: Expr | None = None


@dataclass(frozen=True, slots=True)
class Intervention:
    """``intervention vaccination [of PLACE]`` and its clauses."""

    name: Name
    starts: Moment | None
    stops: Moment | None
    repeated: tuple[Repeated, ...]
    while_active: tuple[WhileActive, ...]
    costs: Quantity | None
    doc: str
    span: Span
    together: Together | None = None
    of: Name | None = None
    """The place of which each has one of its own; None: there is one for everybody."""

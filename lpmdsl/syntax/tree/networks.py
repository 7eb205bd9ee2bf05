"""Networks and how they come about."""

from __future__ import annotations

from lpmdsl.records import dataclass
from lpmdsl.source import Span
from lpmdsl.syntax.tree.agents import Attribute
from lpmdsl.syntax.tree.expressions import Date, Expr, Generator, Name, Quantity


@dataclass(frozen=True, slots=True)
class Sharing:
    """``sharing household``"""

    place: Name
    span: Span


@dataclass(frozen=True, slots=True)
class AtRandom:
    """``at random mixing by TABLE``"""

    mixing: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Generated:
    """``as small_world(degree 12, rewiring 5 %)``"""

    generator: Generator
    span: Span


@dataclass(frozen=True, slots=True)
class FromFile:
    """``from "edges.csv"``"""

    path: str
    span: Span


@dataclass(frozen=True, slots=True)
class BackOf:
    """The ties of a directed network, seen from their other ends; made of ``back NAME``."""

    network: Name
    span: Span


@dataclass(frozen=True, slots=True)
class SourceOf:
    """The source from whom somebody caught a condition; made of ``remembers the source as NAME``."""

    condition: Name
    span: Span


@dataclass(frozen=True, slots=True)
class Network:
    """``contacts`` is the rate after ``with``; ``days`` is ``weekdays``, ``weekends`` or None.

    ``closed``: on which of these days it does not run, from a day until another begins, or on one (None).
    ``directed``: where that word stands. ``back``: the name of the same ties seen from their other ends.
    ``attributes``: columns of the file that are the ties'. ``redrawn``: the period after which the ties are drawn anew.
    """

    name: Name
    joins: Name
    to: Name | None
    how: Sharing | AtRandom | Generated | FromFile | BackOf | SourceOf
    contacts: Quantity | Expr | None
    per_tie: bool
    days: str | None
    doc: str
    span: Span
    where: Expr | None = None
    closed: tuple[tuple[Date, Date | None], ...] = ()
    directed: Span | None = None
    back: Name | None = None
    attributes: tuple[Attribute, ...] = ()
    redrawn: Quantity | None = None

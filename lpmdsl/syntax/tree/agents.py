"""Kinds of agents, their attributes and their places."""

from __future__ import annotations

from lpmdsl.records import dataclass
from lpmdsl.source import Span
from lpmdsl.syntax.tree.expressions import Distribution, Expr, Name, Quantity, TypeName


@dataclass(frozen=True, slots=True)
class Band:
    """``band of age at 18 years, 65 years named child, adult, elder``"""

    of: Name
    cuts: tuple[Expr, ...]
    labels: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Attribute:
    """``age duration ~ uniform(…)`` (drawn), ``vaccinated yes/no = no`` (value), ``age_group category = band …``,
    ``borough category one of bronx, queens`` (labels; from a file), or just ``income money`` (from a file).

    ``between low and high``; ``missing as …``: what a missing value of the file means (a ``Name`` for a label).
    """

    name: Name
    type: TypeName
    value: Expr | Band | None
    drawn: Distribution | None
    labels: tuple[Name, ...]
    doc: str
    span: Span
    low: Expr | None = None
    high: Expr | None = None
    missing: Expr | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """``school place of size 400 within borough where …``.

    ``size`` is a distribution after ``~``, an expression or None (a file); ``within`` the attributes shared in a place.
    """

    name: Name
    size: Expr | Distribution | None
    within: tuple[Name, ...]
    where: Expr | None
    doc: str
    span: Span
    missing: Expr | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """``agent`` (``extends=False``) or ``extend`` (``extends=True``, no count and no file)."""

    name: Name
    extends: bool
    count: Quantity | None
    at_most: Quantity | None
    file: str | None
    file_span: Span | None
    attributes: tuple[Attribute | Place, ...]
    doc: str
    span: Span

"""Rules: paragraphs of what agents do on a schedule, to themselves and to one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lpmdsl.source import Span
from lpmdsl.syntax.tree.actions import Action
from lpmdsl.syntax.tree.expressions import Date, Expr, Name, Quantity


@dataclass(frozen=True, slots=True)
class Meeting:
    """``pick one of [other] WHOM …``, ``take one of …`` or ``each of WHOM [in the last PERIOD]``: who the other is.

    ``order``: ``by weight W``, ``with highest X``, ``with lowest X`` (of a take: ``choosing highest X``), or by lot;
    ``by`` is W or X. ``first``, ``first_by``: in which order agents take, ``first highest Y`` or by lot.
    """

    how: Literal["pick", "take", "each"]
    whom: Name
    is_other: bool
    where: Expr | None
    order: Literal["lot", "weight", "highest", "lowest"]
    by: Expr | None
    span: Span
    last: Quantity | None = None
    first: Literal["lot", "highest", "lowest"] = "lot"
    first_by: Expr | None = None


@dataclass(frozen=True, slots=True)
class Rank:
    """``highest EXPR`` or ``lowest EXPR`` of ``for at most N KIND``: those with most or least of it come first."""

    order: Literal["highest", "lowest"]
    by: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Paragraph:
    """An opener and the actions below it; ``joined``: ``and`` or ``otherwise`` before the opener."""

    joined: Literal["", "and", "otherwise"]
    where: Expr | None
    probability: Expr | None
    meeting: Meeting | None
    actions: tuple[Action, ...]
    span: Span
    """Place of the opener; of a paragraph without one, that of its first action."""
    has_opener: bool = True
    is_always: bool = False


@dataclass(frozen=True, slots=True)
class RuleTime:
    """``every PERIOD [after OFFSET] [on weekdays]``, ``on DATE``, ``at rate R`` or ``when TEST``, and for whom:
    ``[for [at most N] [KIND] [where EXPR] [highest EXPR]]``."""

    every: Quantity | None
    after: Quantity | None
    days: str | None
    at_most: Expr | None
    kind: Name | None
    where: Expr | None
    share: Expr | None
    span: Span
    date: Date | None = None
    rate: Expr | None = None
    test: Expr | None = None
    rank: Rank | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """``rule NAME of KIND``; ``time`` None: every step, everybody."""

    name: Name
    of: Name
    time: RuleTime | None
    paragraphs: tuple[Paragraph, ...]
    doc: str
    span: Span

"""Rules: paragraphs of what agents do at moments of a schedule, to themselves and to one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lpmdsl.semantics.model.conditions import Action
from lpmdsl.semantics.model.expressions import Expr
from lpmdsl.semantics.model.interventions import Repeated
from lpmdsl.source import Span


@dataclass(frozen=True, slots=True)
class CopyState:
    """Move of the agent's ``condition`` to the state that the other has in ``theirs``, which has the same states."""

    condition: str
    theirs: str
    probability: Expr | None
    span: Span


RuleAction = Action | CopyState


@dataclass(frozen=True, slots=True)
class Meeting:
    """Choice of the other agent of a paragraph: one who is picked, or each in turn.

    Of ``network``, or of everybody of the kind (``network`` ""), ``is_other``: but oneself. Picked by lot, with a
    chance in proportion to ``by``, or the one with most or least of ``by``, among equals by lot.
    """

    how: Literal["pick", "each"]
    network: str
    is_other: bool
    where: Expr | None
    order: Literal["lot", "weight", "highest", "lowest"]
    by: Expr | None
    site: str
    span: Span


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Actions of those for whom ``where`` holds, by their own luck, who found somebody if there is a ``meeting``.

    ``joined``: ``and`` for those alone for whom the paragraph before acted; ``otherwise`` for those for whom none of
    its chain did. ``site`` keys its draws.
    """

    joined: Literal["", "and", "otherwise"]
    where: Expr | None
    probability: Expr | None
    meeting: Meeting | None
    actions: tuple[RuleAction, ...]
    site: str
    span: Span


@dataclass(frozen=True, slots=True)
class Rule:
    """``block``: when the rule is due, and for whom, as in an intervention, without actions of its own.

    ``offset``: steps after the start at which it is first due. ``days``: ``weekdays``, ``weekends`` or "" (always).
    ``date``: it is due once, at the first step at or after this day. ``test``: in every step in which it holds, global.
    ``chance``: each for whom it is follows it with this chance, by own luck.
    """

    name: str
    of: str
    block: Repeated
    offset: int
    days: str
    paragraphs: tuple[Paragraph, ...]
    doc: str
    span: Span
    date: float | None = None
    test: Expr | None = None
    chance: Expr | None = None

    @property
    def actions(self) -> tuple[RuleAction, ...]:
        """All actions, from top to bottom."""
        return tuple(action for p in self.paragraphs for action in p.actions)

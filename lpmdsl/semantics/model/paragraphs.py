"""Paragraphs of what agents do at a moment, to themselves and to one another."""

from __future__ import annotations

from typing import Literal

from lpmdsl.records import dataclass
from lpmdsl.semantics.model.actions import Action
from lpmdsl.semantics.model.expressions import Expr
from lpmdsl.source import Span


@dataclass(frozen=True, slots=True)
class CopyState:
    """Move of the agent's ``condition`` to the state that the other has in ``theirs``, which has the same states."""

    condition: str
    theirs: str
    states: int
    """Number of states that it may come to."""
    probability: Expr | None
    span: Span


RuleAction = Action | CopyState


@dataclass(frozen=True, slots=True)
class Meeting:
    """Choice of the other agent of a paragraph: one who is picked, one who is taken, or each in turn.

    Of ``network``, or of everybody of the kind (``network`` ""), ``is_other``: but oneself. Picked by lot, with a
    chance in proportion to ``by``, or the one with most or least of ``by``, among equals by lot. Taken is the one who
    would be picked of those whom nobody has taken yet; agents take one after the other, by lot, or those ``first`` who
    have most or least of ``first_by``, among equals by lot.
    """

    how: Literal["pick", "take", "each"]
    network: str
    is_other: bool
    where: Expr | None
    order: Literal["lot", "weight", "highest", "lowest"]
    by: Expr | None
    site: str
    span: Span
    last: float = 0.0
    """Days, a whole number of steps, of which the ties that were drawn are meant; 0: those of the moment."""
    first: Literal["lot", "highest", "lowest"] = "lot"
    first_by: Expr | None = None


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

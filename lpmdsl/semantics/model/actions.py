"""Actions that change an agent at a moment: in blocks of interventions, in rules, on entering a state."""

from __future__ import annotations

from lpmdsl.records import dataclass
from lpmdsl.semantics.model.expressions import Expr
from lpmdsl.source import Span


@dataclass(frozen=True, slots=True)
class SetAttribute:
    """The attribute becomes ``value``; ``adds``: becomes more by it than what the actions before have made of it.

    ``theirs``: it is the other agent's.
    """

    attribute: str
    value: Expr
    probability: Expr | None
    span: Span
    adds: bool = False
    theirs: bool = False


@dataclass(frozen=True, slots=True)
class ForceMove:
    """Moves the agent's ``condition`` to ``state`` (index), entering it as any other move would.

    ``theirs``: it is the other agent's.
    """

    condition: str
    state: int
    probability: Expr | None
    span: Span
    theirs: bool = False


Action = SetAttribute | ForceMove

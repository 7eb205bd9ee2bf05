"""Rules: paragraphs that agents follow at moments of a schedule."""

from __future__ import annotations

from typing import assert_never

from lpmdsl.records import dataclass
from lpmdsl.semantics.model.conditions import Condition
from lpmdsl.semantics.model.expressions import Expr
from lpmdsl.semantics.model.interventions import Intervention, Repeated
from lpmdsl.semantics.model.paragraphs import Paragraph, RuleAction
from lpmdsl.source import Span


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
    is_after_moves: bool = False
    """It is followed at the end of every step, by those who entered a state in it; draws are keyed by the step."""

    @property
    def actions(self) -> tuple[RuleAction, ...]:
        """All actions, from top to bottom."""
        return tuple(action for p in self.paragraphs for action in p.actions)


def as_rule(one: Intervention, k: int) -> Rule:
    """The rule that the paragraphs of a block are: the intervention says when it is due, and for whom."""
    block = one.repeated[k]
    return Rule(f"{one.name}_{k}", block.of, block, 0, "", block.paragraphs, "", block.span)


def rules_in(part: Rule | Intervention | Condition) -> tuple[Rule, ...]:
    """Everything in a declaration that has paragraphs, as rules: itself, blocks, clauses on entering states."""
    match part:
        case Rule():
            return (part,)
        case Intervention():
            return tuple(as_rule(part, k) for k, block in enumerate(part.repeated) if block.paragraphs)
        case Condition():
            return tuple(entering_rules(part).values())
        case _:
            assert_never(part)


def entering_rules(condition: Condition) -> dict[str, Rule]:
    """The rules that paragraphs on entering states are, by the sites of their clauses, in written order."""
    found: dict[str, Rule] = {}
    for k, one in enumerate(condition.entering):
        if one.paragraphs:
            name = f"{condition.name}_entering_{k}"
            block = Repeated(condition.of, 0.0, None, None, (), one.site, one.span)
            found[one.site] = Rule(name, condition.of, block, 0, "", one.paragraphs, "", one.span, is_after_moves=True)
    return found

"""Actions, whom they are for, and what follows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from lpmdsl.syntax import tree as t
from lpmdsl.syntax.formatting.expressions import SUM, distribution, expression, label, labels, names
from lpmdsl.syntax.formatting.lines import Line, join, line_at, where_part


def change_text(node: t.Change) -> str:
    """A change of a parameter, or of some parts of it."""
    part = f"[{labels(node.part)}]" if node.part else ""
    return f"change {node.target.id}{part} to {expression(node.value)}"


def target_name(target: t.Name | t.Theirs) -> str:
    """The attribute that is set, as it is written: of oneself, or of another."""
    return f"their.{target.id}" if isinstance(target, t.Theirs) else target.id


def with_chance(e: t.Expr | None) -> str:
    """The words of a probability; nothing where there is none."""
    return "" if e is None else f"with probability {expression(e, SUM)}"


def acting(
    clause: t.While | t.OnEntering | t.Repeated | t.WhileActive, text: str, actions: Sequence[t.Action]
) -> Iterable[Line]:
    """A clause with the actions below it."""
    start = clause.span.start
    yield Line(start, start, 1, text)
    for action in actions:
        yield line_at(action.span, action_text(action), 2)


def for_whom(time: t.RuleTime | None) -> str:
    """Those whom a rule is for."""
    return "" if time is None else those_acted_on(time.kind, time.at_most, time.where, time.share, time.rank)


def action_text(action: t.Action) -> str:
    """One action."""
    match action:
        case t.SetTo(adds=True):
            into = target_name(action.target)
            return join("add", expression(action.value), "to", into, with_chance(action.probability))
        case t.SetTo():
            into = target_name(action.target)
            return join("set", into, "to", expression(action.value), with_chance(action.probability))
        case t.DrawTo():
            into, drawn = target_name(action.target), distribution(action.drawn)
            return join("set", into, "~", drawn, with_chance(action.probability))
        case t.MoveTo():
            state = target_name(action.state) if isinstance(action.state, t.Theirs) else label(action.state)
            return join("move", target_name(action.condition), "to", state, with_chance(action.probability))
        case t.Leave():
            return f"leave {names(action.networks)}"
        case t.Scale():
            return f"scale {names(action.networks)} by {expression(action.factor, SUM)}"
        case t.Change():
            return change_text(action)
        case _:
            assert_never(action)


def those_acted_on(
    kind: t.Name | None, at_most: t.Expr | None, where: t.Expr | None, share: t.Expr | None, rank: t.Rank | None = None
) -> str:
    """Those whom a block is for: how many or what share, of whom, in which order."""
    if kind is None:
        return ""
    if share is not None:
        return join(f"for share {expression(share, SUM)} of", kind.id, where_part(where))
    limit = at_most and f"at most {expression(at_most, SUM)}"
    ranked = rank and f"{rank.order} {expression(rank.by, SUM)}"
    return join("for", limit, kind.id, where_part(where), ranked)

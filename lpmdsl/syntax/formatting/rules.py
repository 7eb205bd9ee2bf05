"""The lines of a rule: its time and its paragraphs."""

from __future__ import annotations

from collections.abc import Iterable

from lpmdsl.syntax import tree as t
from lpmdsl.syntax.formatting.actions import action_text, for_whom, with_chance
from lpmdsl.syntax.formatting.expressions import SUM, expression
from lpmdsl.syntax.formatting.lines import Line, join, line_at, where_part


def rule(node: t.Rule) -> Iterable[Line]:
    """Lines below the first."""
    if node.time is not None:
        yield line_at(node.time.span, _time(node.time, for_whom(node.time)))
    yield from paragraphs(node.paragraphs, 1)


def paragraphs(nodes: Iterable[t.Paragraph], indent: int) -> Iterable[Line]:
    """Lines of paragraphs, the openers indented so deep."""
    for paragraph in nodes:
        if paragraph.has_opener:
            yield line_at(paragraph.span, _opener(paragraph), indent=indent)
        for one in paragraph.actions:
            yield line_at(one.span, action_text(one), indent=indent + 1 if paragraph.has_opener else indent)


def _time(node: t.RuleTime, target: str) -> str:
    if node.date is not None:
        return join(f"on {node.date.iso}", target)
    if node.rate is not None:
        return join(f"at rate {expression(node.rate, SUM, before='for')}", target)
    if node.test is not None:
        return join(f"when {expression(node.test, before='for')}", target)
    assert node.every is not None
    after = "" if node.after is None else f"after {node.after.text}"
    days = "" if node.days is None else f"on {node.days}"
    return join(f"every {node.every.text}", after, days, target)


def _opener(node: t.Paragraph) -> str:
    chance = with_chance(node.probability)
    if node.meeting is not None:
        return join(node.joined, _meeting(node.meeting, bool(chance)), chance)
    if node.where is not None:
        return join(node.joined, where_part(node.where, before="with" if chance else ""), chance)
    return join(node.joined, "always" if node.is_always else "", chance)


def _meeting(node: t.Meeting, has_chance: bool) -> str:
    if node.how == "each":
        last = node.last and f"in the last {node.last.text}"
        return join("each of", node.whom.id, last, where_part(node.where, before="with" if has_chance else ""))
    if node.how == "take":
        return _taking(node, has_chance)
    order = ""
    if node.by is not None:
        words = "by weight" if node.order == "weight" else f"with {node.order}"
        order = f"{words} {expression(node.by, SUM, before='with' if has_chance else '')}"
    before = "by" if node.order == "weight" else "with" if order or has_chance else ""
    return join("pick one of", "other" if node.is_other else "", node.whom.id,
                where_part(node.where, before=before), order)  # fmt: skip


def _taking(node: t.Meeting, has_chance: bool) -> str:
    parts = [("where", None, node.where), ("choosing", node.order, node.by), ("first", node.first, node.first_by)]
    given = [(word, how, value) for word, how, value in parts if value is not None]
    following = [*(word for word, _, _ in given[1:]), "with" if has_chance else ""]
    written = ["take one of", "other" if node.is_other else "", node.whom.id]
    for (word, how, value), before in zip(given, following, strict=False):
        if how is None:
            written.append(where_part(value, before=before))
        else:
            written.append(f"{word} {how} {expression(value, SUM, before=before)}")
    return join(*written)

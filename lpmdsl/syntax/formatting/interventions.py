"""Interventions: when they begin and end, for whom, and what they do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from lpmdsl.syntax import tree as t
from lpmdsl.syntax.formatting.actions import acting, those_acted_on
from lpmdsl.syntax.formatting.expressions import SUM, expression
from lpmdsl.syntax.formatting.lines import Line, join, line_at
from lpmdsl.syntax.formatting.rules import paragraphs


def intervention(node: t.Intervention) -> Iterable[Line]:
    """Lines of an intervention."""
    for word, when in (("starts", node.starts), ("stops", node.stops)):
        if when is not None:
            yield line_at(when.span, _moment(word, when))
    if node.together is not None:
        yield line_at(node.together.span, _together(node.together))
    for clause in node.repeated:
        target = those_acted_on(clause.kind, clause.at_most, clause.where, clause.share, clause.rank)
        when = f"on {clause.every.iso}" if isinstance(clause.every, t.Date) else f"every {clause.every.text}"
        yield from acting(clause, join(when, target), clause.actions)
        yield from paragraphs(clause.paragraphs, 2)
    for clause in node.while_active:
        target = those_acted_on(clause.kind, None, clause.where, clause.share)
        yield from acting(clause, join("while active", target), clause.actions)
    if node.costs is not None:
        yield line_at(node.costs.span, f"costs {node.costs.text}")


def _moment(word: str, when: t.Moment) -> str:
    match when:
        case t.Date():
            return f"{word} on {when.iso}"
        case t.OnDay():
            return f"{word} on day {expression(when.day, SUM)}"
        case t.Elapsed():
            delay = expression(when.delay, SUM)
            return {
                "after": f"{word} after {delay}",
                "lasts": f"lasts {delay}",
                "since": f"{word} {delay} after it starts",
            }[when.words]
        case t.Crossing():
            crosses = "rises above" if when.rises else "falls below"
            how = f"{expression(when.delay, SUM)} after" if when.delay is not None else "when"
            return f"{word} {how} {expression(when.value, SUM)} {crosses} {expression(when.level, SUM)}"
        case _:
            assert_never(when)


def _together(node: t.Together) -> str:
    if node.intervention is not None:
        return f"together with {node.intervention.id}"
    assert node.at_most is not None and node.kind is not None
    every = node.every and f"every {node.every.text}"
    return join(f"at most {expression(node.at_most, SUM)} {node.kind.id} together", every)

"""The clause lines of a behaviour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lpmdsl.syntax import tree as t
from lpmdsl.syntax.formatting.expressions import SUM, expression, expressions, labels, names, type_name
from lpmdsl.syntax.formatting.lines import Line, join, line_at, quoted


def behaviour(node: t.Behaviour) -> Iterable[Line]:
    """Every clause, in any order: lines are sorted by where they were written."""
    for decided in node.decides:
        yield line_at(decided.span, _decides(decided))
    if node.every is not None:
        yield line_at(node.every.span, f"every {node.every.text}")
    if node.when:
        yield line_at(node.when[0].span.to(node.when[-1].span), f"when {names(node.when)} changes")
    if node.after:
        yield line_at(node.after[0].span.to(node.after[-1].span), f"after {names(node.after)}")
    for clause in node.knows:
        yield line_at(clause.span, _knows(clause))
    if node.asks is not None:
        yield from _asks(node.asks)
    if node.represented is not None:
        yield line_at(node.represented.span, f"asks {node.represented.count.text} representatives by response")
    if node.system:
        first, *rest = node.system
        yield line_at(first.span, f"system {quoted(first.text)}")
        yield from _prompt(rest)
    yield from _decided(node)
    if node.validate is not None:
        yield line_at(node.validate.span, _validate(node.validate))


def _decided(node: t.Behaviour) -> Iterable[Line]:
    """Lines on what happens to a reply, or without one."""
    if node.remembers is not None:
        last = "decision" if node.remembers.number == 1 else "decisions"
        yield line_at(node.remembers.span, f"remembers the last {node.remembers.text} {last}")
    if node.shifted is not None:
        yield line_at(node.shifted.span, f"shifted by {expression(node.shifted, SUM)}")
    if node.blends is not None:
        rule, weight = expression(node.blends.rule, before="by"), expression(node.blends.weight, SUM)
        yield line_at(node.blends.span, f"blends with rule {rule} by weight {weight}")
    if node.otherwise:
        span = node.otherwise[0].span.to(node.otherwise[-1].span)
        yield line_at(span, f"otherwise {expressions(node.otherwise)}")
    if node.fallbacks is not None:
        yield line_at(node.fallbacks.span, f"at most {expression(node.fallbacks, SUM)} fallbacks")


def _decides(clause: t.Decides) -> str:
    rule = clause.rule and f"by rule {expression(clause.rule)}"
    answers = f"as {clause.answers[0].text} or {clause.answers[1].text}" if clause.answers else ""
    return join("decides", type_name(clause.type), _bounds(clause), "into", clause.into.id, answers, rule)


def _bounds(clause: t.Decides) -> str:
    if clause.among:
        return f"one of {labels(clause.among)}"
    if clause.low is None or clause.high is None:
        return ""
    return f"from {expression(clause.low, SUM)} to {expression(clause.high, SUM)}"


def _knows(clause: t.Knows) -> str:
    bands = f"in bands at {expressions(clause.cuts)}" if clause.cuts else ""
    said = "named " + ", ".join(quoted(word.text) for word in clause.labels) if clause.labels else ""
    value = f"= {expression(clause.value)}" if clause.value is not None else ""
    return join("knows", names(clause.names), value, bands, said)


def _asks(clause: t.Asks) -> Iterable[Line]:
    how = f"{clause.times.text} times per archetype" if clause.times is not None else "for probabilities"
    yield Line(clause.span.start, clause.span.start, 1, f"asks {how}")
    yield from _prompt(clause.prompt)


def _prompt(lines: Sequence[t.Text]) -> Iterable[Line]:
    for line in lines:
        yield line_at(line.span, quoted(line.text), 2)


def _validate(clause: t.Validate) -> str:
    by = f"by {names(clause.by)}" if clause.by else ""
    within = clause.at_most and f"within {expression(clause.at_most, SUM, before='by')}"
    distance = clause.distance and f"by {clause.distance.id.replace('_', ' ')}"
    return join("validate against", quoted(clause.file), "column", clause.column.id, by, within, distance)

"""The clause lines of each declaration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import assert_never

from lpmdsl.quantities import UNITS
from lpmdsl.syntax import tree as t
from lpmdsl.syntax.formatting.behaviour import behaviour
from lpmdsl.syntax.formatting.expressions import (
    SUM,
    distribution,
    expression,
    expressions,
    guard,
    label,
    labels,
    names,
    type_name,
)
from lpmdsl.syntax.formatting.lines import Line, between, join, line_at, quoted, where_part
from lpmdsl.syntax.formatting.rules import paragraphs, rule

# Keys that a table row would read as something else.
_NOT_KEYS = frozenset(UNITS) | {"source"}


def clauses(node: t.Header | t.Declaration) -> list[Line]:
    """Lines of a declaration below its first."""
    match node:
        case t.Clock():
            return _clock(node)
        case t.Parameter():
            return _parameter(node)
        case t.Table():
            points = [line_at(p.span, f"at {expression(p.at)} {p.value.text}") for p in node.points]
            return [*(line_at(row.span, _row(row)) for row in node.rows), *points, *_source(node)]
        case t.Agent() | t.Network():
            return _attributes(node.attributes)
        case t.Condition():
            return list(_condition(node))
        case t.Contagion():
            return [*map(_spread, node.spreads), *map(_scaled, node.scalings), *_remembered(node)]
        case t.Intervention():
            return list(_intervention(node))
        case t.Rule():
            return list(rule(node, _for_whom(node.time), _action))
        case t.Behaviour():
            return list(behaviour(node))
        case t.Calibrate():
            return _calibrate(node)
        case t.Scenario():
            return _scenario(node)
        case t.Compare():
            return _compare(node)
        case t.Header() | t.Use() | t.Observe() | t.CheckAlways() | t.CheckQuantity():
            return []
        case _:
            assert_never(node)


def _clock(node: t.Clock) -> list[Line]:
    made = [] if node.step is None else [line_at(node.step.span, f"step {expression(node.step, SUM)}")]
    places = [e.span for e in (node.start, node.duration) if e is not None]
    if places:
        start = node.start and f"from {node.start.iso}"
        made.append(line_at(places[0].to(places[-1]), join(start, _run_until(node.duration))))
    if node.ending is not None:
        of = node.ending.of and f"of {node.ending.of.id}"
        made.append(line_at(node.ending.span, join(f"until nobody is in {labels(node.ending.states)}", of)))
    return made


def _run_until(until: t.Expr | t.Date | None) -> str:
    if isinstance(until, t.Date):
        return f"to {until.iso}"
    return "" if until is None else f"for {expression(until, SUM)}"


def _parameter(node: t.Parameter) -> list[Line]:
    made = []
    if node.prior is not None:
        made.append(line_at(node.prior.span, f"prior {distribution(node.prior)}"))
    if node.low is not None and node.high is not None:
        made.append(line_at(node.low.span.to(node.high.span), between(node.low, node.high)))
    return [*(line_at(row.span, _row(row)) for row in node.rows), *made, *_source(node)]


def _source(node: t.Parameter | t.Table) -> list[Line]:
    """The ``source`` line, which keeps no place of its own in the tree."""
    if node.source is None:
        return []
    span = node.span
    found = re.compile(r'^[ \t\u00a0]*source\s*"', re.MULTILINE).search(span.source.text, span.start, span.end)
    start = found.end() - 1 if found else span.end
    return [Line(start, start, 1, f"source {quoted(node.source)}")]


def _row(row: t.TableRow) -> str:
    keys = [f'"{key.id}"' if key.id in _NOT_KEYS else label(key) for key in row.keys]
    value = label(row.value) if isinstance(row.value, t.Name) else row.value.text
    return " ".join([*keys, value])


def _attributes(attributes: Sequence[t.Attribute | t.Place]) -> list[Line]:
    made = []
    for _, group in groupby(attributes, key=lambda attribute: attribute.span):
        several = list(group)
        first = several[0]
        text = join(names([one.name for one in several]), *_attribute(first))
        made.append(line_at(first.span, text, doc=first.doc))
    return made


def _attribute(node: t.Attribute | t.Place) -> Iterable[str]:
    if isinstance(node, t.Place):
        yield "place"
        if isinstance(node.size, t.Distribution):
            yield f"of size ~ {distribution(node.size)}"
        elif node.size is not None:
            yield f"of size {expression(node.size, SUM, before='' if node.within else 'where')}"
        if node.within:
            yield f"within {names(node.within)}"
        yield where_part(node.where)
        yield _missing(node)
        return
    yield type_name(node.type)
    if node.labels:
        yield f"one of {labels(node.labels)}"
    if isinstance(node.value, t.Band):
        yield f"= band of {node.value.of.id} at {expressions(node.value.cuts)} named {labels(node.value.labels)}"
    elif node.value is not None:
        yield f"= {expression(node.value)}"
    if node.drawn is not None:
        yield f"~ {distribution(node.drawn)}"
    if node.low is not None and node.high is not None:
        yield between(node.low, node.high)
    yield _missing(node)


def _missing(node: t.Attribute | t.Place) -> str:
    if node.missing is None:
        return ""
    is_name = isinstance(node.missing, t.Name)
    return f"missing as {label(node.missing) if is_name else expression(node.missing, SUM)}"  # type: ignore[arg-type]


def _condition(node: t.Condition) -> Iterable[Line]:
    if node.states:
        yield line_at(node.states[0].span.to(node.states[-1].span), f"states {labels(node.states)}")
    if node.start is not None:
        yield from _start(node.start)
    for exit in node.exits:
        yield from _exit(exit)
    for clause in node.whiles:
        yield from _acting(clause, f"while {labels(clause.states)}", clause.actions)
    for clause in node.entering:
        yield from _acting(clause, f"on entering {labels(clause.states)}", clause.actions)
        yield from paragraphs(clause.paragraphs, _action, 2)
    if node.at_most_one:
        span = node.at_most_one[0].span.to(node.at_most_one[-1].span)
        yield line_at(span, f"at most one of {names(node.at_most_one)}")
    if node.removed:
        yield line_at(node.removed[0].span.to(node.removed[-1].span), f"removed in {labels(node.removed)}")
    if node.seen:
        yield line_at(node.seen[0].span.to(node.seen[-1].span), f"seen in {labels(node.seen)}")


def _start(start: t.Start) -> Iterable[Line]:
    """The starting state, and its exceptions on the rows on which they were written."""
    span, text = start.state.span, f"start {label(start.state)}"
    indent = 1
    for exception in start.exceptions:
        if exception.span.line == span.line:
            span, text = span.to(exception.span), f"{text} {_except(exception)}"
        else:
            yield line_at(span, text, indent)
            span, text, indent = exception.span, _except(exception), 2
    yield line_at(span, text, indent)


def _except(e: t.Except) -> str:
    words = ["except"]
    if e.share is not None:
        words += ["share", expression(e.share, SUM, before="in")]
    elif e.number is not None:
        assert e.kind is not None
        plain = isinstance(e.number, t.Quantity | t.Name)
        words += [expression(e.number) if plain else f"({expression(e.number)})", e.kind.id]
    if e.where is not None:
        words += ["where", guard(e.where)]
    return " ".join([*words, "in", label(e.state)])


def _exit(exit: t.Exit) -> Iterable[Line]:
    head = f"from {labels(exit.states)} {_trigger(exit.trigger)}"
    if exit.row is not None:
        yield line_at(exit.span, f"{head} to one of {distribution(exit.row)}")
        return
    if len(exit.branches) == 1:
        yield line_at(exit.span, f"{head} {_branch(exit.branches[0], alone=True)}")
        return
    yield line_at(exit.states[0].span.to(exit.trigger.span), head)
    for branch in exit.branches:
        yield line_at(branch.span, _branch(branch, alone=False), 2)


def _trigger(trigger: t.ByContagion | t.After | t.AtRate | t.Chance | t.When) -> str:
    match trigger:
        case t.ByContagion():
            return "by contagion"
        case t.After():
            return f"after {distribution(trigger.dwell)}"
        case t.AtRate():
            return f"at rate {expression(trigger.rate, SUM)}"
        case t.Chance():
            return f"with probability {expression(trigger.probability, SUM)} every {trigger.every.text}"
        case t.When():
            return f"when {expression(trigger.test)}"
        case _:
            assert_never(trigger)


def _branch(branch: t.Branch, alone: bool) -> str:
    chance = _probability(branch.probability) or ("" if alone else "otherwise")
    return join(f"to {label(branch.to)}", chance)


def _change(node: t.Change) -> str:
    part = f"[{labels(node.part)}]" if node.part else ""
    return f"change {node.target.id}{part} to {expression(node.value)}"


def _changed(target: t.Name | t.Theirs) -> str:
    return f"their.{target.id}" if isinstance(target, t.Theirs) else target.id


def _probability(e: t.Expr | None) -> str:
    return "" if e is None else f"with probability {expression(e, SUM)}"


def _acting(
    clause: t.While | t.OnEntering | t.Repeated | t.WhileActive, text: str, actions: Sequence[t.Action]
) -> Iterable[Line]:
    start = clause.span.start
    yield Line(start, start, 1, text)
    for action in actions:
        yield line_at(action.span, _action(action), 2)


def _for_whom(time: t.RuleTime | None) -> str:
    return "" if time is None else _target(time.kind, time.at_most, time.where, time.share, time.rank)


def _action(action: t.Action) -> str:
    match action:
        case t.SetTo(adds=True):
            into = _changed(action.target)
            return join("add", expression(action.value), "to", into, _probability(action.probability))
        case t.SetTo():
            into = _changed(action.target)
            return join("set", into, "to", expression(action.value), _probability(action.probability))
        case t.DrawTo():
            into, drawn = _changed(action.target), distribution(action.drawn)
            return join("set", into, "~", drawn, _probability(action.probability))
        case t.MoveTo():
            state = _changed(action.state) if isinstance(action.state, t.Theirs) else label(action.state)
            return join("move", _changed(action.condition), "to", state, _probability(action.probability))
        case t.Leave():
            return f"leave {names(action.networks)}"
        case t.Scale():
            return f"scale {names(action.networks)} by {expression(action.factor, SUM)}"
        case t.Change():
            return _change(action)
        case _:
            assert_never(action)


def _spread(spread: t.Spread) -> Line:
    text = f"from {labels(spread.states)} on {names(spread.networks)} at {expression(spread.rate, SUM)}"
    return line_at(spread.span, text)


def _scaled(scaled: t.Scaled) -> Line:
    factor = expression(scaled.factor, SUM, before="where")
    on = f"on {names(scaled.networks)}" if scaled.networks else ""
    return line_at(scaled.span, join(", ".join(scaled.ends), "scaled by", factor, where_part(scaled.where), on))


def _remembered(node: t.Contagion) -> Iterable[Line]:
    if node.remembers is not None:
        yield line_at(node.remembers.span, f"remembers the source as {node.remembers.id}")


def _intervention(node: t.Intervention) -> Iterable[Line]:
    for word, when in (("starts", node.starts), ("stops", node.stops)):
        if when is not None:
            yield line_at(when.span, _moment(word, when))
    if node.together is not None:
        yield line_at(node.together.span, _together(node.together))
    for clause in node.repeated:
        target = _target(clause.kind, clause.at_most, clause.where, clause.share, clause.rank)
        when = f"on {clause.every.iso}" if isinstance(clause.every, t.Date) else f"every {clause.every.text}"
        yield from _acting(clause, join(when, target), clause.actions)
        yield from paragraphs(clause.paragraphs, _action, 2)
    for clause in node.while_active:
        target = _target(clause.kind, None, clause.where, clause.share)
        yield from _acting(clause, join("while active", target), clause.actions)
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


def _target(
    kind: t.Name | None, at_most: t.Expr | None, where: t.Expr | None, share: t.Expr | None, rank: t.Rank | None = None
) -> str:
    if kind is None:
        return ""
    if share is not None:
        return join(f"for share {expression(share, SUM)} of", kind.id, where_part(where))
    limit = at_most and f"at most {expression(at_most, SUM)}"
    ranked = rank and f"{rank.order} {expression(rank.by, SUM)}"
    return join("for", limit, kind.id, where_part(where), ranked)


def _calibrate(node: t.Calibrate) -> list[Line]:
    made = [line_at(fit.span, _fit(fit)) for fit in node.fits]
    if node.estimate:
        span = node.estimate[0].span.to((node.method or node.estimate[-1]).span)
        by = node.method and f"by {node.method.id.replace('_', ' ')}"
        made.append(line_at(span, join("estimate", names(node.estimate), by)))
    if node.hold_out is not None:
        made.append(line_at(node.hold_out.span, f"hold out the last {node.hold_out.text}"))
    return made


def _fit(fit: t.Fit) -> str:
    by = f"by {names(fit.by)}" if fit.by else ""
    return join(
        "fit",
        fit.observation.id,
        "to",
        quoted(fit.file),
        "column",
        fit.column.id,
        by,
        "with",
        distribution(fit.likelihood),
    )


def _scenario(node: t.Scenario) -> list[Line]:
    return [
        *_rows("without", node.without),
        *_rows("with", node.include),
        *(line_at(change.span, _change(change)) for change in node.changes),
    ]


def _rows(word: str, them: Sequence[t.Name]) -> Iterable[Line]:
    """One line for each row of the original: the tree holds the names of several rows as one list."""
    for _, group in groupby(them, key=lambda name: name.span.line):
        row = list(group)
        yield line_at(row[0].span.to(row[-1].span), f"{word} {names(row)}")


def _summary(report: t.Summary) -> str:
    if report.observation is None:
        return report.function
    by = f" by {' and '.join(name.id for name in report.by)}" if report.by else ""
    return f"{report.function} of {report.observation.id}{by}"


def _compare(node: t.Compare) -> list[Line]:
    made = [] if node.repeat is None else [line_at(node.repeat.span, f"repeat {node.repeat.text} times")]
    if node.reports:
        text = ", ".join(_summary(report) for report in node.reports)
        made.append(line_at(node.reports[0].span.to(node.reports[-1].span), f"report {text}"))
    return made

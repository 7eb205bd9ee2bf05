"""The clause lines of each declaration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import assert_never

from lpmdsl.quantities import UNITS
from lpmdsl.syntax import tree as t
from lpmdsl.syntax.formatting.behaviour import behaviour
from lpmdsl.syntax.formatting.conditions import condition
from lpmdsl.syntax.formatting.expressions import (
    SUM,
    distribution,
    expression,
    expressions,
    label,
    labels,
    names,
    type_name,
)
from lpmdsl.syntax.formatting.interventions import intervention
from lpmdsl.syntax.formatting.lines import Line, between, join, line_at, quoted, where_part
from lpmdsl.syntax.formatting.rules import rule
from lpmdsl.syntax.formatting.studies import calibrate, compare, scenario

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
            return list(condition(node))
        case t.Contagion():
            return [*map(_spread, node.spreads), *map(_scaled, node.scalings), *_remembered(node)]
        case t.Intervention():
            return list(intervention(node))
        case t.Rule():
            return list(rule(node))
        case t.Behaviour():
            return list(behaviour(node))
        case t.Calibrate():
            return calibrate(node)
        case t.Scenario():
            return scenario(node)
        case t.Compare():
            return compare(node)
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

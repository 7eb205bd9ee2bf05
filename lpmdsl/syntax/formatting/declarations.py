"""The lines of each declaration, in the order in which they were written."""

from __future__ import annotations

from typing import assert_never

from lpmdsl.syntax import tree as t
from lpmdsl.syntax.formatting.clauses import clauses
from lpmdsl.syntax.formatting.expressions import (
    SUM,
    distribution,
    expression,
    generator,
    labels,
    names,
    stepwise,
    type_name,
)
from lpmdsl.syntax.formatting.lines import Line, between, join, quoted, where_part


def lines(node: t.Header | t.Declaration) -> list[Line]:
    """The first line of a declaration and then its clauses."""
    below = sorted(clauses(node), key=lambda line: line.start)
    # Comments before this offset stand above the first line: those inside its brackets.
    end = min([node.span.end, *(line.start for line in below)])
    if below:
        end = node.span.source.text.rfind("\n", node.span.start, end) + 1 or end
        end = len(node.span.source.text[node.span.start : end].rstrip()) + node.span.start
    first = Line(node.span.start, _code_end(node, end), 0, _first(node), node.doc)
    return [first, *below]


def _code_end(node: t.Header | t.Declaration, end: int) -> int:
    """Offset at which the first line ends: only values can go over several rows."""
    match node:
        case t.Parameter():
            return (node.walk or node.value).span.end
        case t.Use() | t.Network() | t.Observe() | t.CheckAlways() | t.CheckQuantity():
            return end
        case _:
            return node.span.start


def _first(node: t.Header | t.Declaration) -> str:
    match node:
        case t.Header():
            return join(node.kind, node.name.id, node.version and f"version {node.version}")
        case t.Use():
            return _use(node)
        case t.Clock():
            return "clock"
        case t.Parameter():
            return _parameter(node)
        case t.Table():
            return _table(node)
        case t.Agent():
            return _agent(node)
        case t.Network():
            return _network(node)
        case t.Condition():
            return f"condition {node.name.id} of {node.of.id}"
        case t.Contagion():
            return f"contagion of {node.of.id}"
        case t.Observe():
            return _observe(node)
        case t.Intervention():
            return join("intervention", node.name.id, node.of and f"of {node.of.id}")
        case t.Rule():
            return f"rule {node.name.id} of {node.of.id}"
        case t.Behaviour():
            return f"behaviour {node.name.id} of {node.of.id}"
        case t.Calibrate():
            return "calibrate"
        case t.Scenario():
            return f"scenario {node.name.id}"
        case t.Compare():
            return f"compare {names(node.scenarios)} with {node.baseline.id}"
        case t.CheckAlways() | t.CheckQuantity():
            return _check(node)
        case _:
            assert_never(node)


def _use(node: t.Use) -> str:
    only = ", ".join(f"{item.kind} {item.name.id}" for item in node.only)
    last = len(node.settings) - 1
    settings = ", ".join(
        f"{name.id} = {expression(value, before='' if i == last else ',')}"
        for i, (name, value) in enumerate(node.settings)
    )
    return join(
        "use",
        quoted(node.path),
        node.version and f"version {node.version}",
        only and f"only {only}",
        node.alias and f"as {node.alias.id}",
        settings and f"with {settings}",
    )


def _parameter(node: t.Parameter) -> str:
    every = node.every and f"every {node.every.text}"
    by = f"by {names(node.by)}" if node.by else ""
    value = stepwise(node.value) if isinstance(node.value, t.Stepwise) else expression(node.value)
    told = node.covariates
    network = told and f"from covariates {quoted(told.file)} as network of {told.hidden:g}"
    return join("parameter", node.name.id, every, by, network, "=", value, node.walk and f"~ {distribution(node.walk)}")


def _table(node: t.Table) -> str:
    file = "" if node.file is None else f"from {quoted(node.file)}"
    file += f" column {node.column.id}" if node.column else ""
    by = f"by {names(node.by)}" if node.by else ""
    over = node.over and f"over {node.over.id}"
    return join("table", node.name.id, by, over, "of", type_name(node.of), file)


def _agent(node: t.Agent) -> str:
    return join(
        "extend" if node.extends else "agent",
        node.name.id,
        node.count and f"count {node.count.text}",
        node.at_most and f"at most {node.at_most.text}",
        None if node.file is None else f"from {quoted(node.file)}",
    )


def _closing(first: t.Date, until: t.Date | None) -> str:
    return first.iso if until is None else f"{first.iso} to {until.iso}"


def _network(node: t.Network) -> str:
    contacts = None if node.contacts is None else f"with {expression(node.contacts, SUM)}"
    return join(
        "network",
        node.name.id,
        "joins",
        node.joins.id,
        node.to and f"to {node.to.id}",
        _how(node.how),
        node.redrawn and f"redrawn every {node.redrawn.text}",
        "directed" if node.directed is not None else "",
        node.back and f"back {node.back.id}",
        node.where and f"where {expression(node.where)}",
        contacts,
        "per tie" if node.per_tie else "",
        node.days and f"on {node.days}",
        f"except {', '.join(_closing(*one) for one in node.closed)}" if node.closed else None,
    )


def _how(how: t.Sharing | t.AtRandom | t.Generated | t.FromFile | t.BackOf | t.SourceOf) -> str:
    match how:
        case t.Sharing():
            return f"sharing {how.place.id}"
        case t.AtRandom():
            return join("at random", how.mixing and f"mixing by {how.mixing.id}")
        case t.Generated():
            return f"as {generator(how.generator)}"
        case t.FromFile():
            return f"from {quoted(how.path)}"
        case t.BackOf() | t.SourceOf():
            return ""  # stands in the line of the other network, or in a contagion
        case _:
            assert_never(how)


def _told(value: str, node: t.Flow | t.Spending) -> str:
    """The value with what is made of its count."""
    per = "" if node.among is None else f" per {node.among.text}"
    return f"{'cumulative ' if node.is_cumulative else ''}{value}{per}"


def _observe(node: t.Observe) -> str:
    if isinstance(node.value, t.Flow):
        of = f" of {node.value.of.id}" if node.value.of else ""
        ends = "entering" if not node.value.origins else f"going from {labels(node.value.origins)} to"
        value = f"number {ends} {labels(node.value.states)}{of} per {node.value.per.text}"
        value = _told(value, node.value)
    elif isinstance(node.value, t.Spending):
        what = "number" if node.value.is_number else "costs"
        value = _told(f"{what} of {names(node.value.interventions)} per {node.value.per.text}", node.value)
    else:
        value = expression(node.value)
    return join(
        "observe",
        node.name.id,
        "=",
        value,
        where_part(node.where),
        f"by {names(node.by)}" if node.by else "",
        node.thinned and f"thinned by {expression(node.thinned, SUM)}",
        node.delayed and f"delayed by {distribution(node.delayed)}",
        node.every and f"every {node.every.text}",
    )


def _check(node: t.CheckAlways | t.CheckQuantity) -> str:
    if isinstance(node, t.CheckAlways):
        bounds = between(node.low, node.high) if node.low is not None and node.high is not None else ""
        return join("check always", expression(node.test), bounds)
    head = f"check {node.quantity.id} of {node.of.id}"
    if node.low is None:
        return f"{head} at most {expression(node.high, SUM)}"
    return f"{head} {between(node.low, node.high)}"

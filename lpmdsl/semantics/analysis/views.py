"""Views: what a part of a model reads of all that agents see of their neighbours, in the order of their needs."""

from __future__ import annotations

from collections.abc import Iterator

from lpmdsl.semantics import model as m

MOST_BACK = 62
"""Steps that somebody may look back at most: presence in them is kept as the bits of one number."""
Seen = tuple[str, m.Attribute]
"""A kind of agents and the attribute that shows what they see."""


def seen_by(model: m.Model, part: object) -> tuple[Seen, ...]:
    """The views that a declaration, or any part of one, reads; those that others are made of come first."""
    found: dict[tuple[str, str], m.Attribute] = {}
    for expr in m.whole_expressions(part):
        _collect(model, expr, found)
    return tuple((kind, attribute) for (kind, _), attribute in found.items())


def _collect(model: m.Model, expr: m.Expr, found: dict[tuple[str, str], m.Attribute]) -> None:
    for ref in (e for e in m.walk(expr) if isinstance(e, m.AttributeRef)):
        seen = next((a for a in _attributes(model, ref.of) if a.name == ref.name), None)
        if seen is None or seen.view is None or (ref.of, ref.name) in found:
            continue
        for inner in m.children(seen.view):
            _collect(model, inner, found)
        found[ref.of, ref.name] = seen


def _attributes(model: m.Model, kind: str) -> Iterator[m.Attribute]:
    for agent in model.agents:
        if agent.name == kind:
            yield from agent.attributes


def looked_over(model: m.Model) -> list[m.Network]:
    """The networks over which somebody looks at neighbours, in written order."""
    names = {meeting.network for meeting in _meetings(model)}
    everywhere = m.every_expression((model.agents, model.rules, model.interventions, model.conditions))
    names |= {e.network for e in everywhere if isinstance(e, m.Neighbours)}
    return [n for n in model.networks if n.name in names]


def looked_back(model: m.Model) -> list[m.Network]:
    """The networks of which somebody looks back to ties that are over, in written order."""
    names = {meeting.network for meeting in _meetings(model) if meeting.last}
    return [n for n in model.networks if n.name in names]


def _meetings(model: m.Model) -> Iterator[m.Meeting]:
    return (p.meeting for rule in m.every_rule(model) for p in rule.paragraphs if p.meeting is not None)


def read_in_moves(model: m.Model) -> tuple[object, ...]:
    """The declarations whose expressions are read when agents move and infect."""
    return model.conditions, model.contagions, model.networks

"""Attributes that are formulas of what changes: from the start to the end of a run each is its formula, not a value.

The formula is written in stored attributes alone, so that it reads like what holds while something lasts: a computed
attribute in it becomes its own formula, and an attribute that reads otherwise in some state becomes that choice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce

from lpmdsl.diagnostics import Label, Report
from lpmdsl.quantities import BOOLEAN, NUMBER
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.events import first_writes

Change = Callable[[m.Expr], m.Expr]
Reading = Callable[[m.AttributeRef], m.Expr]


def follow(checked: m.Model, report: Report) -> m.Model:
    """The model in which computed attributes of what changes follow it; one that is set as well is reported (E0631)."""
    written = first_writes(checked, "attribute", "reading")
    agents = tuple(_followed(checked, agent, {n for k, n in written if k == agent.name}) for agent in checked.agents)
    _refuse(checked, agents, report)
    with_formulas = replace(checked, agents=agents)
    if agents == checked.agents:
        return checked
    return _plainly(with_formulas)


def _followed(checked: m.Model, agent: m.Agent, written: set[str]) -> m.Agent:
    """The kind with the formulas of its attributes that are made of what is written; these come first."""
    formulas: dict[str, m.Expr] = {}
    members: list[m.Attribute | m.Place] = []
    for member in agent.members:
        made = _formula(agent, member) if isinstance(member, m.Attribute) else None
        if made is not None and _read(made) & (written | formulas.keys()):
            assert isinstance(member, m.Attribute)
            formulas[member.name] = _expanded(made, lambda ref: _as_it_reads(checked, ref, formulas))
            member = replace(member, follows=formulas[member.name])
        members.append(member)
    return replace(agent, members=tuple(members)) if formulas else agent


def _formula(agent: m.Agent, attribute: m.Attribute) -> m.Expr | None:
    """The formula by which an attribute is made of others: what is computed, or the number of a band."""
    if attribute.band is None:
        return attribute.value
    name, cuts = attribute.band
    of = next(a for a in agent.attributes if a.name == name)
    read = m.AttributeRef(agent.name, name, of.type, attribute.span)
    one, none = (m.Literal_(x, NUMBER, attribute.span) for x in (1.0, 0.0))
    # The number of cuts that it has passed: a choice within a choice would be tested again and again on a GPU.
    passed = [_choice(m.Apply("ge", (read, cut), BOOLEAN, attribute.span), one, none) for cut in cuts]
    return reduce(lambda a, b: m.Apply("add", (a, b), attribute.type, attribute.span), passed)


def _choice(test: m.Expr, yes: m.Expr, no: m.Expr) -> m.Expr:
    return m.Apply("select", (test, yes, no), no.type, no.span)


def _read(expr: m.Expr) -> set[str]:
    return {e.name for e in m.walk(expr) if isinstance(e, m.AttributeRef)}


def _expanded(expr: m.Expr, read: Reading) -> m.Expr:
    """The expression with ``read`` of every attribute in the place of it."""
    if isinstance(expr, m.AttributeRef):
        return read(expr)
    return m.mapped(expr, lambda part: _expanded(part, read))


def _as_it_reads(checked: m.Model, ref: m.AttributeRef, formulas: dict[str, m.Expr]) -> m.Expr:
    """Value of an attribute in stored ones: its formula, and what holds while something lasts; the last wins."""
    value = formulas.get(ref.name, ref)
    for test, read in m.overlays(checked, ref.of, ref.name):
        value = _choice(test, read, value)
    return value


# ------------------------------------------------------------------ what is read from stored attributes


def _plainly(checked: m.Model) -> m.Model:
    """The model in which clauses that hold for a while read formulas of what is stored, as they read all else."""

    def plain(expr: m.Expr) -> m.Expr:
        return _expanded(expr, lambda ref: _stored(checked, ref))

    conditions = tuple(
        replace(c, whiles=tuple(w if w.value is None else replace(w, value=plain(w.value)) for w in c.whiles))
        for c in checked.conditions
    )
    interventions = tuple(replace(i, while_active=tuple(_clause(w, plain) for w in i.while_active))
                          for i in checked.interventions)  # fmt: skip
    return replace(checked, conditions=conditions, interventions=interventions)


def _clause(clause: m.WhileActive, plain: Change) -> m.WhileActive:
    if not clause.sets:
        return clause
    where = None if clause.where is None else plain(clause.where)
    return replace(clause, where=where, sets=tuple(replace(s, value=plain(s.value)) for s in clause.sets))


def _stored(checked: m.Model, ref: m.AttributeRef) -> m.Expr:
    """The formula of an attribute in what is stored, whatever holds for a while; itself if it has none."""
    agent = checked.agent(ref.of)
    found = next((a for a in agent.attributes if a.name == ref.name), None)
    if found is None or found.follows is None:
        return ref
    made = _formula(agent, found)
    assert made is not None
    return _expanded(made, lambda other: _stored(checked, other))


# ------------------------------------------------------------------ what cannot be both


def _refuse(checked: m.Model, agents: tuple[m.Agent, ...], report: Report) -> None:
    """Report attributes that are formulas of what changes and are set as well (E0631)."""
    written = first_writes(checked, "attribute")
    changing = first_writes(replace(checked, agents=agents), "attribute", "reading")
    for agent in agents:
        for attribute in (a for a in agent.attributes if a.follows is not None):
            if (agent.name, attribute.name) not in written:
                continue
            made = _formula(agent, attribute)
            assert made is not None
            behind = next((n for n in sorted(_read(made)) if (agent.name, n) in changing), "")
            labels = [Label(attribute.span, "and it is this formula")]
            labels += [Label(changing[agent.name, behind], f"of `{behind}`, which changes here")] if behind else []
            report.add(
                "E0631",
                f"`{attribute.name}` is set here, and is computed from what changes: it cannot be both.",
                written[agent.name, attribute.name],
                f"Drop this line, and it follows by itself; or drop its formula: `{attribute.name} "
                f"{_type_of(attribute)} = VALUE`.",
                labels,
            )


def _type_of(attribute: m.Attribute) -> str:
    text = attribute.span.source.text[attribute.span.start : attribute.span.end]
    return " ".join(text.split("=")[0].split()[1:]) or "TYPE"

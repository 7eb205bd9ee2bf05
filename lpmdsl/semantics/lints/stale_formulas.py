"""Ages that are drawn once and stay as they were."""

from __future__ import annotations

from lpmdsl.diagnostics import Report
from lpmdsl.quantities import TIME
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis import events
from lpmdsl.semantics.spans import word_span

YEAR = 365.25


def check_stale(checked: m.Model, report: Report) -> None:
    """Note ages that stay as they were drawn through years in which they are read (N0632)."""
    if checked.clock.step * checked.clock.steps <= YEAR + 1:
        return
    written = events.first_writes(checked, "attribute", "reading")
    for agent in checked.agents:
        _ages(checked, agent, set(written), report)


def _sources(attribute: m.Attribute) -> set[str]:
    """The attributes that one is computed from."""
    if attribute.band is not None:
        return {attribute.band[0]}
    if attribute.value is None:
        return set()
    return {e.name for e in m.walk(attribute.value) if isinstance(e, m.AttributeRef)}


def _behind(name: str, made_of: dict[str, set[str]]) -> list[str]:
    """All from which an attribute is computed, the nearest first."""
    found: list[str] = []
    waiting = [name]
    while waiting:
        for source in sorted(made_of.get(waiting.pop(0), ())):
            if source not in found:
                found.append(source)
                waiting.append(source)
    return found


def _ages(checked: m.Model, agent: m.Agent, written: set[tuple[str, str]], report: Report) -> None:
    """Notes of lengths of time in years that are read as they were drawn, though the run lasts for years."""
    read = _read_still(checked, agent.name)
    made_of = {a.name: _sources(a) for a in agent.attributes}
    for attribute in agent.attributes:
        if attribute.type.dimension != TIME or not attribute.unit.startswith("year"):
            continue
        if (agent.name, attribute.name) in written:
            continue
        if any(name == attribute.name or attribute.name in _behind(name, made_of) for name in read):
            years = checked.clock.step * checked.clock.steps / YEAR
            report.add(
                "N0632",
                f"`{attribute.name}` stays as it was drawn for the {years:.3g} years of the run: nobody ages.",
                word_span(attribute.span, attribute.name),
                f"Write `{attribute.name} + time` where the age of the moment counts; bands are made once.",
            )


def _read_still(checked: m.Model, kind: str) -> set[str]:
    """The attributes of a kind that a run reads after its start, other than beside the time that has passed."""
    courses = [(c.exits, c.whiles, c.entering) for c in checked.conditions]
    parts = (
        *courses,
        checked.contagions,
        checked.observations,
        checked.interventions,
        checked.behaviours,
        checked.rules,
        checked.networks,
    )
    read = list(m.every_expression(parts))
    sums = [e for e in read if isinstance(e, m.Apply) and e.op in ("add", "sub")]
    ageing = {id(x) for e in sums if any(isinstance(x, m.Time) for x in m.walk(e)) for x in m.walk(e)}
    mixed = {n.mixing for n in checked.networks if n.of == kind and n.mixing is not None}
    keys = {key for table in checked.tables if table.name in mixed for key in table.key_attributes}
    return keys | {e.name for e in read if isinstance(e, m.AttributeRef) and e.of == kind and id(e) not in ageing}

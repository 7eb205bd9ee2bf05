"""Infected who may be sources soon: what they weigh in the step of their infection is felt in that step."""

from __future__ import annotations

from typing import assert_never

from lpmdsl.lowering.relaxed.chances import Layout
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.exposure.second_look import is_looked_at_again
from lpmdsl.semantics.analysis.state_graph import caught


def susceptible_of(condition: m.Condition) -> tuple[int, ...]:
    """The states that have an exit by contagion."""
    return tuple(dict.fromkeys(e.state for e in condition.exits if isinstance(e.trigger, m.ByContagion)))


def sources_of(contagion: m.Contagion) -> frozenset[int]:
    """The states whose agents infect others."""
    return frozenset(s for spread in contagion.spreads for s in spread.states)


def to_sources(model: m.Model, contagion: m.Contagion) -> frozenset[int]:
    """The states that are sources, or from which one gets to a source without being infected."""
    exits = [e for e in model.condition(contagion.condition).exits if not isinstance(e.trigger, m.ByContagion)]
    found, before = sources_of(contagion), frozenset[int]()
    while found != before:
        before, found = found, found | {e.state for e in exits if any(b.to in found for b in e.branches)}
    return found


def reached_within(layout: Layout, contagion: m.Contagion) -> bool:
    """Return True if somebody can be a source in the step of the infection; or cease to be one by it."""
    condition, sources = layout.condition, sources_of(contagion)
    if sources & set(susceptible_of(condition)):
        return True
    waiting, seen = caught(condition), set[int]()
    while waiting:
        state = waiting.pop()
        seen.add(state)
        for exit_ in condition.exits_of(state):
            if _goes_at_once(layout, exit_):
                waiting |= {b.to for b in exit_.branches} - seen
    return bool(seen & sources)


def _goes_at_once(layout: Layout, exit_: m.Exit) -> bool:
    """Return True if one may leave through an exit in the step in which one came."""
    match exit_.trigger:
        case m.After():
            return layout.dwell[exit_.state][1].passes
        case m.AtRate() | m.ByContagion():
            return True
        case m.Chance() | m.When():
            return False
        case _:
            assert_never(exit_.trigger)


def looked_again(model: m.Model, parameters: dict[str, float]) -> frozenset[str]:
    """Names of the conditions that a step looks at twice, by these values of the parameters."""
    return frozenset(c.condition for c in model.contagions if is_looked_at_again(model, c, parameters))

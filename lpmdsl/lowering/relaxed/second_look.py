"""Infected who may be sources soon: what they weigh in the step of their infection is felt in that step."""

from __future__ import annotations

from functools import partial
from typing import assert_never

from lpmdsl.lowering.relaxed.chances import Layout
from lpmdsl.lowering.relaxed.stays.phase_type import means_of
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.state_graph import caught, shortest_way
from lpmdsl.semantics.host.evaluate import Scope, evaluate

SOON = 2.5
"""Steps from infection to being a source, in the mean, below which there is a second look."""


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
    """Names of the conditions where the mean time from infection to the first source state is below ``SOON`` steps."""
    found: set[str] = set()
    for contagion in model.contagions:
        condition = model.condition(contagion.condition)
        days = shortest_way(condition, caught(condition), sources_of(contagion), partial(_mean_stay, model, parameters))
        if days < SOON * model.clock.step:
            found.add(condition.name)
    return frozenset(found)


def _mean_stay(model: m.Model, parameters: dict[str, float], exit_: m.Exit) -> float:
    """Mean days until one leaves through an exit; the least of all groups; 0 where it hangs on what changes."""
    match exit_.trigger:
        case m.After(dwell):
            return min(means_of(dwell, model, parameters))
        case m.AtRate(rate) if m.is_constant(rate) and not any(isinstance(e, m.Population) for e in m.walk(rate)):
            return 1 / max(float(evaluate(rate, Scope(model, parameters))), 1e-300)
        case m.Chance():
            return exit_.trigger.every
        case m.AtRate() | m.When() | m.ByContagion():
            return 0.0
        case _:
            assert_never(exit_.trigger)

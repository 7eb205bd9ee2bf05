"""Parameters of dwell times along which a run can be moved: nothing that follows jumps when a time grows a little.

A source that stays a little longer adds its force at the moment of going to what others meet, and nothing else happens:
so the derivative goes by the chances of infections, and the times need no score of their own. That holds where times
decide over exposures alone. A report of those who go, a test of who is in a state, a chance that competes with a time:
each of them jumps at some length of it.

It is of use where many sources are met at once. Whoever meets one source alone, for a part c of a step, has the score
1 / c with a chance in proportion to c: no finite variance. So people must meet at random.
"""

from __future__ import annotations

from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.dependencies import acts_on, conditions_behind, observations_behind

SETTLED = m.Literal_ | m.ParameterRef | m.Follows | m.TableRef | m.Apply | m.Population | m.AttributeRef
"""Expressions whose value does not change while nothing changes attributes."""


def may_move(model: m.Model, parameter: str, observation: str) -> bool:
    """Return True if the derivative of an observation by a parameter of dwell times is had by moving them.

    All that the parameter does to dwell times must go through exposures; what else it does has a score.
    """
    behind = observations_behind(model, {observation})
    acting = any(i.repeated or any(w.sets for w in i.while_active) for i in model.interventions)
    if acting or model.behaviours or m.every_rule(model):
        return False
    observed = [model.observation(name) for name in behind]
    delays = tuple(o.delayed for o in observed if o.delayed is not None)
    if any(isinstance(o.value, m.Spending) for o in observed) or _acts_in(delays, parameter, model):
        return False
    watched = conditions_behind(model, {observation})
    moved = [c for c in model.conditions if c.name in watched and moved_states(model, c, parameter)]
    return bool(moved) and all(_only_exposes(model, c, parameter, observed) for c in moved)


def moved_states(model: m.Model, condition: m.Condition, parameter: str) -> frozenset[int]:
    """The states that are entered at a moment which a parameter of dwell times moves."""
    found: set[int] = set()
    for _ in condition.states:
        for exit_ in condition.exits:
            if isinstance(exit_.trigger, m.After) and (exit_.state in found or is_moved(model, exit_, parameter)):
                found |= {b.to for b in exit_.branches}
    return frozenset(found)


def is_moved(model: m.Model, exit_: m.Exit, parameter: str) -> bool:
    """Return True if a parameter acts on the dwell time of an exit."""
    return isinstance(exit_.trigger, m.After) and _acts_in(exit_.trigger.dwell, parameter, model)


def _acts_in(part: object, parameter: str, model: m.Model) -> bool:
    return any(acts_on(e, parameter, model) for e in m.whole_expressions(part))


def _only_exposes(model: m.Model, condition: m.Condition, parameter: str, observed: list[m.Observation]) -> bool:
    """Return True if times in a condition decide over exposures, at random, and over nothing else."""
    counted = moved_states(model, condition, parameter)
    flows = (o.value for o in observed if isinstance(o.value, m.Flow) and o.value.condition == condition.name)
    return (
        _is_plain(condition)
        and _spreads_at_random(model, condition)
        and not any(counted & set(flow.states) for flow in flows)
        and not _is_read(model, condition, observed)
    )


def _is_plain(condition: m.Condition) -> bool:
    """Return True if one is infected once, and then goes from state to state after one time in each."""
    more = condition.whiles or condition.entering or condition.removed or condition.excludes
    if more or condition.is_cyclic or condition.tells_since:
        return False
    for state in range(len(condition.states)):
        exits = condition.exits_of(state)
        if len(exits) > 1 or not all(isinstance(e.trigger, m.After | m.ByContagion) for e in exits):
            return False
    susceptible = _susceptible(condition)
    settled = (e.branches for e in condition.exits), (e.trigger for e in condition.exits)
    decided = (e for parts in settled for part in parts for e in m.every_expression(part))
    return all(isinstance(e, SETTLED) for e in decided) and not any(
        b.to in susceptible for e in condition.exits for b in e.branches
    )


def _susceptible(condition: m.Condition) -> set[int]:
    return {e.state for e in condition.exits if isinstance(e.trigger, m.ByContagion)}


def _spreads_at_random(model: m.Model, condition: m.Condition) -> bool:
    contagion = model.contagion_of(condition.name)
    if contagion is None or contagion.remembers:
        return False
    susceptible = _susceptible(condition)
    networks = [model.network(name) for name in contagion.networks]
    return all(n.layout == "random" and not n.is_between and n.where is None for n in networks) and not any(
        s.of or susceptible & set(s.states) for s in contagion.spreads
    )


def _is_read(model: m.Model, condition: m.Condition, observed: list[m.Observation]) -> bool:
    """Return True if something else than its sources hangs on who is in which state of a condition."""
    others = (tuple(c for c in model.conditions if c is not condition), model.contagions, model.networks, model.agents,
              model.interventions, tuple(observed))  # fmt: skip
    named = (e for part in others for e in m.every_expression(part))
    if any(isinstance(e, m.InState | m.StateOf | m.Since) and e.condition == condition.name for e in named):
        return True
    return any(s.of == condition.name for c in model.contagions for s in c.spreads)

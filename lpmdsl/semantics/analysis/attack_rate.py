"""The attack rate of an epidemic, observed where a comparison reports it: the share of a kind ever infected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from lpmdsl.quantities import PERSON, SHARE, TIME, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.state_graph import edges, reachable
from lpmdsl.semantics.context import Context
from lpmdsl.source import Span

FUNCTIONS = ("attack rate", "final size")
"""Both are the share infected by the end, as the field uses the words; those who begin infected are not among them."""

PEOPLE = Type(Kind.NUMBER, PERSON)


@dataclass(frozen=True, slots=True)
class Infections:
    """Moves of a condition that infect: from any of ``origins`` to any of ``states``."""

    condition: str
    origins: tuple[int, ...]
    states: tuple[int, ...]


def observe_attack_rate(
    ctx: Context,
    conditions: Sequence[model.Condition],
    interventions: Sequence[model.Intervention],
    function: str,
    span: Span,
) -> model.Observation | None:
    """The observation whose last report is the attack rate; None after reporting why there is none (E0752).

    It is the running total of the moves by contagion over the number of agents, once a step; the flow under it is
    observed too.
    """
    spreading = [c for c in conditions if any(isinstance(e.trigger, model.ByContagion) for e in c.exits)]
    if ctx.broken and not spreading:
        return None
    if len(spreading) != 1:
        names = " and ".join(f"`{c.name}`" for c in spreading)
        why = f"{names} are passed on by contagion" if spreading else "no condition is passed on by contagion"
        return _refuse(ctx, function, why, span)
    forced = {
        a.state for i in interventions for r in i.repeated for a in r.done
        if isinstance(a, model.ForceMove) and a.condition == spreading[0].name
    }  # fmt: skip
    found = _infections(spreading[0])
    why = _why_not(spreading[0], found, forced)
    return _observed(ctx, found, span) if why is None else _refuse(ctx, function, why, span)


def _infections(condition: model.Condition) -> Infections:
    exits = [e for e in condition.exits if isinstance(e.trigger, model.ByContagion)]
    states = {b.to for e in exits for b in e.branches}
    return Infections(condition.name, tuple(sorted({e.state for e in exits})), tuple(sorted(states)))


def _why_not(condition: model.Condition, found: Infections, forced: set[int]) -> str | None:
    """The reason why counting these moves would not count the people who were infected, each once."""
    graph = edges(condition)
    for state in graph:
        graph[state] |= forced - {state}
    names = condition.states
    again = reachable(set(found.states), graph) & set(found.origins)
    if again:
        return f"whoever has been infected may come to `{names[min(again)]}` and be infected once more"
    others = edges(condition, lambda e: not isinstance(e.trigger, model.ByContagion))
    for state in found.origins:
        for to in sorted((others[state] | forced) & set(found.states)):
            return f"there is another way from `{names[state]}` to `{names[to]}` than by contagion"
    return None


def _observed(ctx: Context, found: Infections, span: Span) -> model.Observation:
    kind = ctx.kind_of[found.condition]
    flow_name, name = _free(ctx, f"{found.condition}_infections"), _free(ctx, f"{found.condition}_attack_rate")
    flow = model.Flow(found.condition, found.states, ctx.step, found.origins)
    per_time = Type(Kind.NUMBER, PERSON / TIME)
    unit = "per day" if ctx.step == 1 else f"per {ctx.step:g} days"
    ctx.observations[flow_name] = model.Observation(
        flow_name, kind, flow, None, (), ("",), None, None, ctx.step, unit, 1 / ctx.step, per_time, "", span
    )
    total = model.Rolling(flow_name, inf, None, PEOPLE, span, "total")
    share = model.Apply("div", (total, model.Population(kind, PEOPLE, span)), SHARE, span)
    ctx.observations[name] = model.Observation(
        name, "", model.Derived(share), None, (), ("",), None, None, ctx.step, "", 1.0, SHARE, "", span
    )
    return ctx.observations[name]


def _free(ctx: Context, name: str) -> str:
    """The name, lengthened while the text declares something else of that name."""
    while ctx.names.word_of(name) is not None:
        name += "_"
    return name


def _refuse(ctx: Context, function: str, why: str, span: Span) -> None:
    flows = [o.name for o in ctx.observations.values() if isinstance(o.value, model.Flow)]
    count = "" if flows else "Observe it, `observe infections = number entering STATE per day`. "
    help = f"{count}Report the total of what you count: `report total of {flows[0] if flows else 'infections'}`."
    ctx.report.add("E0752", f"The {function} cannot be worked out: {why}.", span, help)

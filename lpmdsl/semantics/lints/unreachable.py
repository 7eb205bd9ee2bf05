"""Events of an illness or on a network that can never happen, and reports that are always 0, with the reason."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from dataclasses import replace

from lpmdsl.diagnostics import Report
from lpmdsl.distributions.table import DISTRIBUTIONS
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.events import Enter, Event, Leaving, events, forced_states
from lpmdsl.semantics.analysis.intervals import Bounds, Knowledge, bounds, starting, within_arguments
from lpmdsl.semantics.analysis.possible_tests import can_choose, can_hold
from lpmdsl.semantics.analysis.state_graph import starts
from lpmdsl.semantics.analysis.vertices import evaluate, view
from lpmdsl.semantics.context import text_of
from lpmdsl.semantics.lints.unread import is_never
from lpmdsl.semantics.spans import word_span
from lpmdsl.source import Span

TIMES = 200
"""Times of a run at which a rate that changes in time is looked at."""


def check_futile(checked: model.Model, report: Report) -> None:
    """Report exits nobody takes, networks nobody meets on, contagion that infects nobody, reports that are always 0."""
    known = Knowledge(checked, view(checked).values)
    reached = reached_states(known)
    for condition in checked.conditions:
        _starts(condition, known, report)
        _exits(condition, replace(known, states=reached), report)
        _negative_rates(condition, known, report)
    for network in checked.networks:
        _network(checked, network, report)
    for agent in checked.agents:
        _places(checked, agent, report)
    for contagion in checked.contagions:
        _contagion(checked, contagion, known, report)
    for intervention in checked.interventions:
        _days_of_blocks(checked, intervention, report)
    for observation in checked.observations:
        _always_zero(checked, observation, known, report)
        _never_counted(checked, observation, report)


def _end(checked: model.Model) -> float:
    """The end of the run in days."""
    return checked.clock.step * checked.clock.steps


# ------------------------------------------------------------------ states and exits


def reached_states(known: Knowledge) -> dict[str, frozenset[int]]:
    """The states that somebody can be in, each reached from those before it by something that can happen there."""
    reached = {c.name: frozenset(starts(c)) for c in known.model.conditions}
    while True:
        further = {c.name: _further(c, replace(known, states=reached)) for c in known.model.conditions}
        if further == reached:
            return reached
        reached = further


def _further(condition: model.Condition, known: Knowledge) -> frozenset[int]:
    """The states reached so far, and those one move away."""
    inside = set(known.states[condition.name])
    for event in events(known.model):
        moves = [e for e in event.effects if isinstance(e, Enter) and e.condition == condition.name]
        if moves and _can_happen(condition, event, known):
            inside |= {state for move in moves for state in move.states}
    return frozenset(inside)


def _can_happen(condition: model.Condition, event: Event, known: Knowledge) -> bool:
    if isinstance(event.when, Leaving):
        exit_ = event.when.exit
        return exit_.state in known.states[condition.name] and _is_taken(condition, exit_, known)
    return can_choose(event.guard, known)


def _is_taken(condition: model.Condition, exit_: model.Exit, known: Knowledge) -> bool:
    if not isinstance(exit_.trigger, model.When):
        return True
    here = {**known.states, condition.name: frozenset({exit_.state})}
    # What people are in now is one thing, what could have been done to them another: both must allow it.
    able = can_hold(exit_.trigger.test, known)
    return able and bounds(exit_.trigger.test, replace(known, states=here))[1] > 0


def support(dwell: model.Distribution, known: Knowledge) -> Bounds:
    """The shortest and the longest that a dwell time can be, in days."""
    if DISTRIBUTIONS[dwell.family].between is None:
        return 0.0, math.inf
    return within_arguments(dwell, known)


def _exits(condition: model.Condition, known: Knowledge, report: Report) -> None:
    for exit_ in condition.exits:
        if isinstance(exit_.trigger, model.When) and exit_.state in known.states[condition.name]:
            _test(condition, exit_, exit_.trigger.test, known, report)
        elif isinstance(exit_.trigger, model.After):
            _dwell(condition, exit_, exit_.trigger.dwell, known, report)


def _test(condition: model.Condition, exit_: model.Exit, test: model.Expr, known: Knowledge, report: Report) -> None:
    if _is_taken(condition, exit_, known):
        return
    report.add(
        "E0517",
        f"Nobody ever leaves `{condition.states[exit_.state]}` this way: {text_of(test.span)} is never true there.",
        test.span,
        "Let something make it true for those who are in this state, or delete the exit.",
    )


def _dwell(
    condition: model.Condition, exit_: model.Exit, dwell: model.Distribution, known: Knowledge, report: Report
) -> None:
    shortest, state = support(dwell, known)[0], condition.states[exit_.state]
    for other in condition.exits_of(exit_.state):
        if not isinstance(other.trigger, model.After) or other is exit_:
            continue
        longest = support(other.trigger.dwell, known)[1]
        if longest < shortest or (longest == shortest and other.index < exit_.index):
            where_to = ", ".join(condition.states[b.to] for b in other.branches)
            report.add(
                "E0517",
                f"Nobody ever leaves `{state}` this way: it takes {shortest:g} days or more, and all have left for "
                f"{where_to} after {longest:g}.",
                dwell.span,
                "Give this exit a shorter time or the other a longer one, or let one exit branch.",
            )
            return
    end = _end(known.model)
    if shortest >= end:
        report.add(
            "W0518",
            f"Nobody who enters `{state}` leaves it before the run ends: that takes {shortest:g} days or more, and the "
            f"run {end:g}.",
            dwell.span,
            "Write a longer run in `clock`, or leave the exit out.",
        )


def _starts(condition: model.Condition, known: Knowledge, report: Report) -> None:
    people = known.model.agent(condition.of).count
    for exception in condition.start.exceptions:
        if exception.where is not None and is_never(known.model, exception.where):
            report.add(
                "E0519",
                f"Nobody starts in `{condition.states[exception.state]}` this way: {text_of(exception.where.span)} is "
                "never true.",
                exception.where.span,
                "Check what follows `where`: the bands of a category say which numbers it holds.",
            )
            continue
        if people is None or exception.share is None:
            continue
        share = bounds(exception.share, known)[1]
        if share > 0 and starting(exception, (people, people), known)[1] < 1:
            report.add(
                "E0519",
                f"Nobody starts in `{condition.states[exception.state]}`: {text_of(exception.share.span)} of "
                f"{people:,} {condition.of} is {share * people:.2g} of one.",
                exception.share.span,
                "Write a number of agents, or a larger share.",
            )


# ------------------------------------------------------------------ rates that change in time


def _negative_rates(condition: model.Condition, known: Knowledge, report: Report) -> None:
    for exit_ in condition.exits:
        if not isinstance(exit_.trigger, model.AtRate):
            continue
        rate = exit_.trigger.rate
        if not any(isinstance(e, model.Time) for e in model.walk(rate)):
            continue
        least, day = min(_over_time(rate, known), default=(0.0, 0.0))
        if least < -1e-12:
            report.add(
                "E0316",
                f"{text_of(rate.span)} is negative on day {day:.0f} ({least:.3g} per day), and a rate cannot be.",
                rate.span,
                "Make the swing smaller than the mean, or write `max(0 per day, …)`.",
            )


def _over_time(expr: model.Expr, known: Knowledge) -> Iterator[tuple[float, float]]:
    """Value and day, where nothing but parameters, tables and time is read."""
    tables, end = view(known.model).tables, _end(known.model)
    for day in (end * k / TIMES for k in range(TIMES)):

        def lookup(node: model.Expr, day: float = day) -> float | None:
            match node:
                case model.Time():
                    return day
                case model.ParameterRef():
                    return known.values[node.name]
                case _:
                    return None

        value = evaluate(expr, lookup, tables)
        if not math.isnan(value):
            yield value, day


# ------------------------------------------------------------------ networks and contagion


def _network(checked: model.Model, network: model.Network, report: Report) -> None:
    if not network.days or checked.clock.start is None:
        return
    first = datetime.date.fromisoformat(checked.clock.start)
    longest = 7.0 if not network.closed else max(until for _, until in network.closed) + 7.0
    within = range(min(math.ceil(max(7.0, longest)), math.ceil(_end(checked))))
    open_ = (k for k in within if not any(start <= k < until for start, until in network.closed))
    days = (first + datetime.timedelta(k) for k in open_)
    if any((day.weekday() >= 5) == (network.days == "weekends") for day in days):
        return
    report.add(
        "E0620",
        f"Nobody ever meets on `{network.name}`: it is on {network.days}, and the run of {_end(checked):g} days from "
        f"{checked.clock.start} has none.",
        word_span(network.span, network.name),
        "Write a longer run or another first day in `clock`, or leave the days out.",
    )


def _days_of_blocks(checked: model.Model, intervention: model.Intervention, report: Report) -> None:
    """Report blocks on a day that no step of the run begins on or after (E1060)."""
    for block in intervention.repeated:
        last = checked.clock.step * (checked.clock.steps - 1)
        if block.on is not None and block.counts_people and not 0 <= block.on <= last:
            start = datetime.date.fromisoformat(checked.clock.start or "")
            ends = start + datetime.timedelta(math.floor(last))
            report.add(
                "E1060",
                f"This is done on {start + datetime.timedelta(block.on)}, and the steps of the run begin from {start} "
                f"to {ends}: it is never done.",
                block.span,
                "Correct the day, or let the run be longer in `clock`.",
            )


def _places(checked: model.Model, agent: model.Agent, report: Report) -> None:
    for place in agent.places:
        if place.where is not None and is_never(checked, place.where):
            report.add(
                "E0620",
                f"Nobody has a `{place.name}`: {text_of(place.where.span)} is never true.",
                place.where.span,
                "Check what follows `where`: the bands of a category say which numbers it holds.",
            )


def _contagion(checked: model.Model, contagion: model.Contagion, known: Knowledge, report: Report) -> None:
    used = set(contagion.networks)
    for scaling in contagion.scalings:
        everywhere = scaling.where is None and (not scaling.networks or used <= set(scaling.networks))
        if everywhere and bounds(scaling.factor, known)[1] <= 0:
            report.add(
                "E0619",
                f"Nobody can be infected: the factor {text_of(scaling.factor.span)} is 0 for everybody.",
                scaling.factor.span,
                "Check the numbers that it is made of.",
            )
    for spread in contagion.spreads:
        source = checked.source_of(contagion, spread)
        if not all(_stays_away(source, state, spread.network) for state in spread.states):
            continue
        names = ", ".join(source.states[s] for s in spread.states)
        gone = all(s in source.removed for s in spread.states)
        why = f"those in {names} {'are removed' if gone else 'leave it'}, so they are never there to spread"
        instead = f"take {names} out of `removed in`" if gone else f"do not let {names} leave `{spread.network}`"
        report.add(
            "E0619",
            f"Nobody is infected on `{spread.network}`: {why}.",
            spread.span,
            f"Spread from another state, on another network, or {instead}.",
        )


def _stays_away(condition: model.Condition, state: int, network: str) -> bool:
    leaves = any(state in clause.states and network in clause.networks for clause in condition.whiles)
    return leaves or state in condition.removed


# ------------------------------------------------------------------ reports


def _always_zero(checked: model.Model, observation: model.Observation, known: Knowledge, report: Report) -> None:
    if not isinstance(observation.value, model.Flow):
        return
    why, span = _why_zero(checked, observation, observation.value, known)
    if why:
        report.add(
            "E0717", f"`{observation.name}` is always 0: {why}.", span, "Observe another state, or change what it says."
        )


def _never_counted(checked: model.Model, observation: model.Observation, report: Report) -> None:
    """Warns of a ``where`` in an observation that nobody can satisfy."""
    aggregates = (e for e in model.every_expression(observation.value) if isinstance(e, model.Aggregate))
    for where in (observation.where, *(e.where for e in aggregates)):
        if where is not None and is_never(checked, where):
            report.add(
                "W0630",
                f"{text_of(where.span)} is never true, so `{observation.name}` counts nobody.",
                where.span,
                "Check what follows `where`: the bands of a category say which numbers it holds.",
            )


def _why_zero(
    checked: model.Model, observation: model.Observation, flow: model.Flow, known: Knowledge
) -> tuple[str, Span]:
    condition = checked.condition(flow.condition)
    from_here = [e for e in condition.exits if not flow.origins or e.state in flow.origins]
    entered = {b.to for e in from_here for b in e.branches}
    entered |= forced_states(checked, flow.condition)  # from wherever they are
    if flow.origins and not entered & set(flow.states):
        ends = [", ".join(f"`{condition.states[s]}`" for s in part) for part in (flow.origins, flow.states)]
        return f"no exit leads from {ends[0]} to {ends[1]}", word_span(observation.span, observation.name)
    if not entered & set(flow.states):
        names = ", ".join(f"`{condition.states[s]}`" for s in flow.states)
        return f"no exit leads to {names}, so nobody enters it", word_span(observation.span, observation.name)
    end = _end(checked)
    if observation.delayed is not None and support(observation.delayed, known)[0] >= end:
        delay = support(observation.delayed, known)[0]
        return f"it is delayed by {delay:g} days, and the run has ended after {end:g}", observation.delayed.span
    return "", observation.span

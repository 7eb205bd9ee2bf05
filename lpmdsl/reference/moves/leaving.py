"""Leaving a state: which exit comes first (phases 3 and 5 of a step)."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import assert_never

import torch
from torch import Tensor

from lpmdsl.reference.arithmetic import CERTAIN, TICK_BITS, TICKS, capped, log, rounded, share
from lpmdsl.reference.contagion.exposure import Met, Stay, add_owed
from lpmdsl.reference.contagion.presence import SLACK
from lpmdsl.reference.contagion.ties import drawn_sources
from lpmdsl.reference.expressions import Moment, over_agents
from lpmdsl.reference.months import months
from lpmdsl.reference.moves.courses import NEVER, Body, Course
from lpmdsl.reference.moves.entering import branch, enter
from lpmdsl.reference.watched import look_at
from lpmdsl.semantics.analysis.exposure.largest_hazards import rate_in_a_step
from lpmdsl.semantics.model import After, AtRate, ByContagion, Chance, Condition, When


def keep_apart(body: Body, met: dict[str, Met], t: int) -> None:
    """Of conditions that exclude each other, who would catch several in a step meets only what is caught first."""
    order = [name for name, course in body.courses.items() if course.condition.excludes and name in met]
    caught = {name: _caught_at(body.courses[name], met[name], t) for name in order}
    for number, name in enumerate(order):
        for other_number, other in enumerate(order):
            if other in body.courses[name].condition.excludes:
                first = caught[other] <= caught[name] if other_number < number else caught[other] < caught[name]
                met[name].total = torch.where(first & (caught[name] < NEVER), 0, met[name].total)


def _caught_at(course: Course, met: Met, t: int) -> Tensor:
    """The tick at which each agent in the start state would catch the condition in step ``t``; NEVER if not."""
    start = course.condition.start.state
    agents = torch.nonzero(course.state == start).flatten()
    ticks = torch.full_like(course.state, NEVER)
    for number, exit in enumerate(course.exits):
        if exit.state == start and isinstance(exit.trigger, ByContagion):
            ticks[agents] = _caught(course, course.remaining[number].clone(), agents, t, met, True)
    return ticks


def make_own_moves(body: Body, course: Course, t: int, seen: Moment) -> None:
    """Every move of the condition in step ``t`` that hangs on nobody else, up to a state with an exit by contagion."""
    _move_all(body, course, t, None, True, seen)


def look(body: Body, course: Course, t: int, met: Met, is_first: bool, seen: Moment) -> None:
    """The infections of step ``t``, the exits that compete with them, and what follows from both in the step.

    The second look of a step is for those alone whom its infections touched.
    """
    _move_all(body, course, t, met, is_first, seen)


def _move_all(body: Body, course: Course, t: int, met: Met | None, is_first: bool, seen: Moment) -> None:
    everyone = torch.arange(len(course.state))
    moving = everyone[course.is_open(everyone) == (met is not None)]
    for turn in itertools.count():
        if met is None:
            arrived, moving = moving[course.is_open(moving)], moving[~course.is_open(moving)]
            _weigh(body, course, arrived, torch.full_like(arrived, NEVER), t, seen)
        tick, number = _earliest(body, course, moving, t, met, turn == 0, is_first, seen)
        leaving = tick <= (t + 1) * TICKS
        until = torch.where(leaving, tick, NEVER)
        _weigh(body, course, moving, until, t, seen, is_look=met is not None, is_first_turn=turn == 0)
        moving, tick, number = moving[leaving], tick[leaving], number[leaving]
        if not len(moving):
            return
        to = course.leads_to[moving].clone()
        for k, exit in enumerate(course.exits):
            mine = number == k
            if not isinstance(exit.trigger, After) and mine.any():
                word = body.draws.words(moving[mine], exit.site, course.episodes(moving[mine]))[3]
                to[mine] = branch(exit, word, moving[mine], course.condition.of, seen)
        if met is not None:
            caught = [k for k, exit in enumerate(course.exits) if isinstance(exit.trigger, ByContagion)]
            remember_sources(body, course.condition, moving[torch.isin(number, torch.tensor(caught))], t, met)
        enter(body, course, moving, to, tick, t, seen)


def remember_sources(body: Body, condition: Condition, infected: Tensor, t: int, met: Met) -> None:
    """Keeps from whom each of ``infected`` caught the condition in step ``t``, where a contagion remembers it."""
    contagion = body.now.model.contagion_of(condition.name)
    if contagion is None or not contagion.remembers or not len(infected):
        return
    words = body.draws.words(infected, f"{condition.name}.source", torch.full_like(infected, t))
    moment = replace(body.now, time=t * body.now.model.clock.step)
    sources = drawn_sources(contagion.networks, infected, met.apart, met.sent, words, moment, body.world)
    body.now.attributes[(condition.of, contagion.remembers)][infected] = sources.to(torch.float64)


def _weigh(
    body: Body, course: Course, agents: Tensor, until: Tensor, t: int, seen: Moment, is_look: bool = False,
    is_first_turn: bool = False,
) -> None:  # fmt: skip
    """Adds to what is owed the time that ``agents`` spent in their states, less what the exposure counts whole.

    Before the exposure that is the state in which their own moves end, in a look the one in which it found them. Who
    does not move owes nothing.
    """
    chosen = torch.ones_like(agents, dtype=torch.bool) if not is_first_turn else until < NEVER
    agents, until = agents[chosen], until[chosen]
    name = course.condition.name
    states, entered = {**seen.states, name: course.state}, {**seen.entered, name: course.entered}
    moment = replace(body.now, states=states, entered=entered, time=seen.time)
    begin, end = torch.clamp(course.entered[agents], min=t * TICKS), (t + 1) * TICKS
    counted, counted_at = torch.zeros_like(agents), torch.full_like(agents, t * TICKS + TICKS // 2)
    if not is_look:
        counted = torch.where(until == NEVER, TICKS, counted)
    elif is_first_turn:
        counted, counted_at = end - begin, (begin + end) >> 1
    add_owed(body.owed, name, moment, Stay(agents, begin, torch.clamp(until, max=end), counted, counted_at))


def _earliest(
    body: Body, course: Course, agents: Tensor, t: int, met: Met | None, is_first_turn: bool, is_first: bool,
    seen: Moment,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Tick and number of the exit that comes first for each agent; NEVER if none does in this step."""
    tick, chosen = torch.full_like(agents, NEVER), torch.full_like(agents, -1)
    for number, exit in enumerate(course.exits):
        here = course.state[agents] == exit.state
        if isinstance(exit.trigger, When):
            here = here & (course.entered[agents] <= t * TICKS) & is_first_turn
        if is_first_turn and not is_first and not isinstance(exit.trigger, ByContagion):
            continue  # the first look has seen to these
        if not here.any():
            continue
        candidate = torch.full_like(agents, NEVER)
        candidate[here] = _candidate(body, course, number, agents[here], t, met, seen)
        sooner = candidate < tick
        tick, chosen = torch.where(sooner, candidate, tick), torch.where(sooner, number, chosen)
    return tick, chosen


def _candidate(
    body: Body, course: Course, number: int, agents: Tensor, t: int, met: Met | None, seen: Moment
) -> Tensor:
    """The tick at which one exit would happen to ``agents``, who are in its state; NEVER if not in step ``t``."""
    exit, end = course.exits[number], (t + 1) * TICKS
    remaining = course.remaining[number]
    match exit.trigger:
        case After():
            due = course.due[agents]
            return torch.where((course.planned[agents] == number) & (due <= end), due, NEVER)
        case ByContagion():
            if met is None:
                return torch.full_like(agents, NEVER)
            is_contested = bool(course.condition.excludes) or len(course.condition.exits_of(exit.state)) > 1
            return _caught(course, remaining, agents, t, met, is_contested)
        case AtRate():
            return _at_rate(exit.trigger, remaining, course, agents, t, seen)
        case Chance():
            return _tried(exit.trigger, remaining, course, agents, t, seen)
        case When():
            holds_now = over_agents(exit.trigger.test, course.condition.of, seen)[agents] != 0
            return torch.where(holds_now, end, NEVER)
        case _:
            assert_never(exit.trigger)


def _caught(course: Course, remaining: Tensor, agents: Tensor, t: int, met: Met, is_contested: bool) -> Tensor:
    """Takes the exposure of the step from what is left of thresholds; the tick at which one is used up, else NEVER.

    The tick is read from the end of the step backwards, by the force that holds there; where none does, the sources
    left within the step, and a third of it was over in the mean. In a second look two thirds were. Where something else
    may come first, it is read as if the exposure were the same all through the step, which is fair to both.
    """
    begin, end = torch.clamp(course.entered[agents], min=t * TICKS), (t + 1) * TICKS
    held, total = remaining[agents], met.total[agents]
    remaining[agents] -= share(total, end - begin)
    if met.is_first and is_contested:
        part = held.to(torch.float64) / total.clamp(min=1).to(torch.float64)
        tick = begin + torch.floor(part.clamp(max=1.0) * float(TICKS)).to(torch.int64) + 1
        return torch.where(remaining[agents] <= 0, tick.clamp(max=end), NEVER)
    force = met.force[agents]
    back = torch.minimum(-remaining[agents], force).to(torch.float64) / force.clamp(min=1).to(torch.float64)
    ticks = torch.floor(back * float(TICKS)).to(torch.int64)
    ticks = torch.where(force > 0, ticks, 2 * TICKS // 3)
    tick = end - ticks if met.is_first else torch.full_like(begin, end - TICKS // 3)
    return torch.where(remaining[agents] <= 0, torch.maximum(tick, begin + 1), NEVER)


def _at_rate(trigger: AtRate, remaining: Tensor, course: Course, agents: Tensor, t: int, seen: Moment) -> Tensor:
    """The tick within the step at which the rate, constant over it, has used up the threshold."""
    rate = over_agents(trigger.rate, course.condition.of, seen)
    look_at(trigger.rate, "rate", rate, agents, course.condition.of, seen)
    hazard = rate * seen.model.clock.step
    look_at(rate_in_a_step(seen.model, trigger), "hazard", hazard, agents, course.condition.of, seen)
    h = capped(hazard[agents])
    begin, end = torch.clamp(course.entered[agents], min=t * TICKS), (t + 1) * TICKS
    part, left = (h * (end - begin)) >> TICK_BITS, remaining[agents]
    happens = left <= part
    remaining[agents] = torch.where(happens, left, left - part)
    tick = begin + ((left << TICK_BITS) + h - 1) // torch.clamp(h, min=1)
    return torch.where(happens, tick, NEVER)


def _tried(trigger: Chance, remaining: Tensor, course: Course, agents: Tensor, t: int, seen: Moment) -> Tensor:
    """The tick of the try that uses up the threshold, of those in the step: one every period after one came.

    By months of the calendar there is one at the end of a step in which a month ends. A try is −log(1 − p) in units of
    2⁻³².
    """
    kind, step, came, end = course.condition.of, seen.model.clock.step, course.entered[agents], (t + 1) * TICKS
    begin = torch.clamp(came, min=t * TICKS)
    if trigger.months:
        after, before = (months(seen.model.clock, 0, at) // trigger.months for at in (t + 1, t))
        tries, done = torch.where(came < end, after - before, 0), torch.zeros_like(came)
    else:
        a_tick = step / trigger.every / TICKS
        done, after_ = (torch.floor((at - came).to(torch.float64) * a_tick + SLACK).to(torch.int64)
                        for at in (begin, torch.full_like(came, end)))  # fmt: skip
        tries = after_ - done
    p = over_agents(trigger.probability, kind, seen)
    look_at(trigger.probability, "probability", p, agents[tries > 0], kind, seen)
    hazard = torch.clamp(rounded(-log(torch.clamp(1.0 - p, min=0.0)) * 2.0**32), min=0)
    hazard = torch.where(p >= 1.0, CERTAIN, hazard)[agents]
    left = remaining[agents]
    remaining[agents] = left - tries * hazard
    needed = done + (left + hazard - 1) // hazard.clamp(min=1)
    ticks = torch.floor(needed.to(torch.float64) * (trigger.every / step * TICKS)).to(torch.int64)
    tick = (
        torch.full_like(came, end) if trigger.months else torch.clamp(torch.maximum(came + ticks, begin + 1), max=end)
    )
    return torch.where((remaining[agents] <= 0) & (tries > 0), tick, NEVER)

"""Moves between states: what is drawn on entering one, and which exit comes first (phase 5 of a step)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import assert_never

import torch
from torch import Tensor

from lpmdsl.reference.arithmetic import (
    CERTAIN,
    TICK_BITS,
    TICKS,
    Draws,
    capped,
    fixed,
    log,
    quantile,
    rounded,
    threshold,
)
from lpmdsl.reference.contagion import SLACK
from lpmdsl.reference.expressions import Moment, over_agents, table_rows
from lpmdsl.reference.months import months
from lpmdsl.reference.reports import Entries, Reports
from lpmdsl.reference.watched import look_at
from lpmdsl.semantics.model import (
    After,
    AtRate,
    ByContagion,
    Chance,
    Condition,
    Exit,
    Expr,
    SetAttribute,
    When,
)

NEVER = 1 << 62
MOST_MOVES = 16
"""Moves of one agent in one condition in one step; what is still due then waits for the next step."""


@dataclass(frozen=True, slots=True)
class Course:
    """State of everyone in one condition: int64 tensors over agents, written in place.

    ``entered``: tick of the last entry; ``moves`` made; ``due``, ``planned``, ``leads_to``: tick, exit and target of
    the timed exit that was drawn on entry; ``remaining``: what is left of each exit's threshold.
    """

    condition: Condition
    exits: tuple[Exit, ...]
    state: Tensor
    entered: Tensor
    moves: Tensor
    due: Tensor
    planned: Tensor
    leads_to: Tensor
    remaining: tuple[Tensor, ...]

    def episodes(self, agents: Tensor) -> Tensor:
        """Episodes that draws of ``agents`` are keyed by; 0 where a state is entered once."""
        return self.moves[agents] if self.condition.is_cyclic else torch.zeros_like(agents)


@dataclass(frozen=True, slots=True)
class Body:
    """State of a run for moves: the live moment, its courses and reports, draws, and tables of dwell times by site."""

    now: Moment
    courses: dict[str, Course]
    reports: Reports
    draws: Draws
    dwells: dict[str, Tensor]
    limits: dict[str, int] = field(default_factory=dict)
    """Rest of limits that blocks share, by the intervention that states them."""


def course_from_start(condition: Condition, state: Tensor) -> Course:
    """Everyone in its start state at tick 0, nothing drawn yet."""
    exits = tuple(sorted(condition.exits, key=lambda e: (e.state, e.index)))
    entered, moves, due, planned, leads_to = (torch.zeros_like(state) for _ in range(5))
    remaining = tuple(torch.zeros_like(state) for _ in exits)
    return Course(condition, exits, state, entered, moves, due, planned, leads_to, remaining)


# ------------------------------------------------------------------ entering


def draw_exits(body: Body, course: Course, agents: Tensor, seen: Moment) -> None:
    """Draws all that the present states of ``agents`` need: the planned exit and the thresholds of the others."""
    kind = course.condition.of
    course.due[agents] = NEVER
    for number, exit in enumerate(course.exits):
        here = agents[course.state[agents] == exit.state]
        w0, w1, _, _ = body.draws.words(here, exit.site, course.episodes(here))
        if not isinstance(exit.trigger, After):
            course.remaining[number][here] = threshold(w0, w1)
            continue
        rows = table_rows(exit.trigger.dwell, kind, seen)[here]
        due = course.entered[here] + quantile(body.dwells[exit.site], rows, w0)
        first = due < course.due[here]
        here, due = here[first], due[first]
        course.due[here], course.planned[here] = due, number
        course.leads_to[here] = branch(exit, w1[first], here, kind, seen)


def branch(exit: Exit, word: Tensor, agents: Tensor, kind: str, seen: Moment) -> Tensor:
    """The state that each agent's word picks among the exit's branches."""
    to = torch.full_like(agents, exit.branches[-1].to)
    open_ = torch.ones_like(agents, dtype=torch.bool)
    cumulated = torch.zeros(len(agents), dtype=torch.float64)
    for one in exit.branches[:-1]:
        assert one.probability is not None
        p = over_agents(one.probability, kind, seen)
        look_at(one.probability, "probability", p, agents, kind, seen)
        cumulated = cumulated + p[agents]
        hit = open_ & (word < fixed(cumulated))
        to, open_ = torch.where(hit, one.to, to), open_ & ~hit
    return to


def enter(body: Body, course: Course, agents: Tensor, to: Tensor, ticks: Tensor, t: int, seen: Moment) -> None:
    """Moves ``agents`` into states at ticks: draws, counts and acts as any entry in step ``t`` does."""
    left = course.state[agents].clone()
    course.state[agents], course.entered[agents] = to, ticks
    course.moves[agents] += 1
    draw_exits(body, course, agents, seen)
    episodes = course.episodes(agents)
    body.reports.count(Entries(course.condition, agents, left, to, ticks, episodes, t, seen, body.now))
    act_on_entering(body, course, agents, to, seen)


def act_on_entering(body: Body, course: Course, agents: Tensor, to: Tensor, seen: Moment) -> None:
    """Act as ``on entering`` says on ``agents``, who have just entered the states ``to``."""
    kind, episodes = course.condition.of, course.episodes(agents)
    for clause in course.condition.entering:
        inside = torch.isin(to, torch.tensor(clause.states))
        for number, action in enumerate(clause.actions):
            site = f"{clause.site}.action{number}"
            chosen = acts(body.draws, action.probability, agents[inside], episodes[inside], site, kind, seen)
            write(body.now, kind, action, chosen, seen)


def acts(
    draws: Draws, probability: Expr | None, agents: Tensor, episodes: Tensor, site: str, kind: str, seen: Moment
) -> Tensor:
    """Those of ``agents`` for whom an action happens."""
    if probability is None:
        return agents
    word = draws.words(agents, site, episodes)[0]
    p = over_agents(probability, kind, seen)
    look_at(probability, "probability", p, agents, kind, seen)
    return agents[word < fixed(p[agents])]


def write(now: Moment, kind: str, action: SetAttribute, agents: Tensor, seen: Moment) -> None:
    """Set an attribute of ``agents``, or add to it, by values of the moment ``seen``."""
    value = over_agents(action.value, kind, seen)
    look_at(action.value, "value", value, agents, kind, seen)
    stored = now.attributes[(kind, action.attribute)]
    stored[agents] = stored[agents] + value[agents] if action.adds else value[agents]


# ------------------------------------------------------------------ leaving


def keep_apart(body: Body, met: dict[str, Tensor], t: int) -> None:
    """Of conditions that exclude each other, who would catch several in a step meets only what is caught first."""
    order = [name for name, course in body.courses.items() if course.condition.excludes and name in met]
    caught = {name: _caught_at(body, body.courses[name], met[name], t) for name in order}
    for number, name in enumerate(order):
        for other_number, other in enumerate(order):
            if other in body.courses[name].condition.excludes:
                first = caught[other] <= caught[name] if other_number < number else caught[other] < caught[name]
                met[name] = torch.where(first & (caught[name] < NEVER), 0, met[name])


def _caught_at(body: Body, course: Course, hazard: Tensor, t: int) -> Tensor:
    """The tick at which each agent in the start state would catch the condition in step ``t``; NEVER if not."""
    start = course.condition.start.state
    agents = torch.nonzero(course.state == start).flatten()
    ticks = torch.full_like(course.state, NEVER)
    for number, exit in enumerate(course.exits):
        if exit.state == start and isinstance(exit.trigger, ByContagion):
            word = body.draws.words(agents, exit.site, course.episodes(agents))[2]
            falls = course.remaining[number][agents] - hazard[agents] <= 0
            ticks[agents] = torch.where(falls, t * TICKS + (word >> 12) + 1, NEVER)
    return ticks


def move_all(body: Body, course: Course, t: int, hazard: Tensor | None, seen: Moment) -> None:
    """Every move of the condition in step ``t``; only those who have just moved can move again."""
    moving = torch.arange(len(course.state))
    for turn in range(MOST_MOVES):
        tick, number = _earliest(body, course, moving, t, hazard, turn == 0, seen)
        leaving = tick <= (t + 1) * TICKS
        moving, tick, number = moving[leaving], tick[leaving], number[leaving]
        if not len(moving):
            return
        to = course.leads_to[moving].clone()
        for k, exit in enumerate(course.exits):
            if not isinstance(exit.trigger, After):
                mine = number == k
                word = body.draws.words(moving[mine], exit.site, course.episodes(moving[mine]))[3]
                to[mine] = branch(exit, word, moving[mine], course.condition.of, seen)
        enter(body, course, moving, to, tick, t, seen)


def _earliest(
    body: Body, course: Course, agents: Tensor, t: int, hazard: Tensor | None, is_first: bool, seen: Moment
) -> tuple[Tensor, Tensor]:
    """Tick and number of the exit that comes first for each agent; NEVER if none does in this step."""
    tick, chosen = torch.full_like(agents, NEVER), torch.full_like(agents, -1)
    began_here = (course.entered[agents] <= t * TICKS) & is_first
    for number, exit in enumerate(course.exits):
        here = course.state[agents] == exit.state
        if not isinstance(exit.trigger, After | AtRate):
            here = here & began_here
        candidate = torch.full_like(agents, NEVER)
        candidate[here] = _candidate(body, course, number, agents[here], t, hazard, seen)
        sooner = candidate < tick
        tick, chosen = torch.where(sooner, candidate, tick), torch.where(sooner, number, chosen)
    return tick, chosen


def _candidate(
    body: Body, course: Course, number: int, agents: Tensor, t: int, hazard: Tensor | None, seen: Moment
) -> Tensor:
    """The tick at which one exit would happen to ``agents``, who are in its state; NEVER if not in step ``t``."""
    exit, end = course.exits[number], (t + 1) * TICKS
    remaining = course.remaining[number]
    match exit.trigger:
        case After():
            due = course.due[agents]
            return torch.where((course.planned[agents] == number) & (due <= end), due, NEVER)
        case ByContagion():
            word = body.draws.words(agents, exit.site, course.episodes(agents))[2]
            remaining[agents] -= 0 if hazard is None else hazard[agents]
            return torch.where(remaining[agents] <= 0, t * TICKS + (word >> 12) + 1, NEVER)
        case AtRate():
            return _at_rate(exit.trigger, remaining, course, agents, t, seen)
        case Chance():
            remaining[agents] -= _chance_hazard(exit.trigger, course.condition.of, t, seen, agents)[agents]
            return torch.where(remaining[agents] <= 0, end, NEVER)
        case When():
            holds_now = over_agents(exit.trigger.test, course.condition.of, seen)[agents] != 0
            return torch.where(holds_now, end, NEVER)
        case _:
            assert_never(exit.trigger)


def _at_rate(trigger: AtRate, remaining: Tensor, course: Course, agents: Tensor, t: int, seen: Moment) -> Tensor:
    """The tick within the step at which the rate, constant over it, has used up the threshold."""
    rate = over_agents(trigger.rate, course.condition.of, seen)
    look_at(trigger.rate, "rate", rate, agents, course.condition.of, seen)
    h = capped(rate[agents] * seen.model.clock.step)
    begin, end = torch.clamp(course.entered[agents], min=t * TICKS), (t + 1) * TICKS
    part, left = (h * (end - begin)) >> TICK_BITS, remaining[agents]
    happens = left <= part
    remaining[agents] = torch.where(happens, left, left - part)
    tick = begin + ((left << TICK_BITS) + h - 1) // torch.clamp(h, min=1)
    return torch.where(happens, tick, NEVER)


def _chance_hazard(trigger: Chance, kind: str, t: int, seen: Moment, agents: Tensor) -> Tensor:
    """−log(1 − p) in units of 2⁻³² for each try that falls into the step; it is read for ``agents``."""
    step, every = seen.model.clock.step, trigger.every
    if trigger.months:
        after, before = (months(seen.model.clock, 0, at) // trigger.months for at in (t + 1, t))
        tries = after - before
    else:
        tries = math.floor((t + 1) * step / every + SLACK) - math.floor(t * step / every + SLACK)
    p = over_agents(trigger.probability, kind, seen)
    if tries:
        look_at(trigger.probability, "probability", p, agents, kind, seen)
    hazard = torch.clamp(rounded(-log(torch.clamp(1.0 - p, min=0.0)) * 2.0**32), min=0)
    return tries * torch.where(p >= 1.0, CERTAIN, hazard)

"""Interventions: when they are active, whom they choose and what they do (phases 1 and 2 of a step)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal, assert_never

import torch
from torch import Tensor

from lpmdsl.networks.world import World
from lpmdsl.reference import neighbours
from lpmdsl.reference.arithmetic import rounded
from lpmdsl.reference.blocks import chosen, episodes, is_period_over, move
from lpmdsl.reference.contagion.presence import SLACK
from lpmdsl.reference.expressions import Moment, evaluate
from lpmdsl.reference.months import months
from lpmdsl.reference.moves.courses import Body
from lpmdsl.reference.moves.entering import acts, write
from lpmdsl.reference.rules.following import act
from lpmdsl.reference.rules.turns import Turn
from lpmdsl.reference.watched import look_at_number
from lpmdsl.semantics.model import (
    Clock,
    Crossing,
    Elapsed,
    ForceMove,
    Intervention,
    Neighbours,
    OnDate,
    Repeated,
    SetAttribute,
    as_rule,
    every_expression,
)


@dataclass(slots=True)
class Policy:
    """One intervention in a run, or that of one place: its status and what it has done so far.

    ``boundary``: the step at which a pending one becomes active; ``since``: the one at which it did; ``ending``: the
    one at which it stops, once its end is certain; ``was_beyond``: what its starting level said a step ago; ``runs``:
    how often each block has run.
    """

    intervention: Intervention
    status: Literal["inactive", "pending", "active"] = "inactive"
    boundary: int = 0
    since: int = 0
    ending: int | None = None
    was_beyond: bool = False
    starts: int = 0
    active_steps: int = 0
    runs: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Policies:
    """An intervention in a run: the one of everybody, or one of each place. ``treated``: people chosen."""

    intervention: Intervention
    each: list[Policy]
    treated: int = 0

    @property
    def paid(self) -> int:
        """Amount paid for until now: whole steps, people or starts."""
        match self.intervention.costs_per:
            case "day":
                return sum(policy.active_steps for policy in self.each)
            case "person":
                return self.treated
            case "start":
                return sum(policy.starts for policy in self.each)
            case "":
                return 0
            case _:
                assert_never(self.intervention.costs_per)


def begin(one: Intervention, world: World, now: Moment) -> Policies:
    """The intervention before the first step, active nowhere."""
    places = places_of(one, world)
    now.active[one.name] = False if places is None else torch.zeros(places, dtype=torch.bool)
    runs = len(one.repeated)
    return Policies(one, [Policy(one, runs=[0] * runs) for _ in range(1 if places is None else places)])


def places_of(one: Intervention, world: World) -> int | None:
    """The number of places of which each has the intervention; None where there is one for everybody."""
    return max(1, world.place_counts[(one.of, one.place)]) if one.place else None


# ------------------------------------------------------------------ triggers


def look(policies: Policies, t: int, now: Moment, body: Body) -> None:
    """Stops, starts or leaves the intervention as it is at the start of step ``t``, in each place where it is of each;
    notes where it is active, and where its blocks are due."""
    one = policies.intervention
    if not one.place:
        trigger(policies.each[0], t, now)
        now.active[one.name] = policies.each[0].status == "active"
        return
    parts = [e for e in every_expression((one.starts, one.stops)) if isinstance(e, Neighbours)]
    seen = {e: neighbours.of_members(e, now, body.world, body.draws) for e in parts}
    inhabited = set(body.world.attributes[(one.of, one.place)].tolist())
    for place, policy in enumerate(policies.each):
        if place in inhabited:
            trigger(policy, t, replace(now, seen_of_others={e: values[place] for e, values in seen.items()}))
    now.active[one.name] = torch.tensor([policy.status == "active" for policy in policies.each])
    for k, block in enumerate(one.repeated):
        due = [p.status == "active" and is_due(block, p.since, t, now.model.clock) for p in policies.each]
        now.active[f"{one.name}.{k}"] = torch.tensor(due)


def trigger(policy: Policy, t: int, now: Moment) -> None:
    """Stops, starts or leaves one intervention as it is at the start of step ``t``."""
    starts = policy.intervention.starts
    crossed = isinstance(starts, Crossing) and _crosses(policy, starts, now)
    if policy.status == "active":
        _stop(policy, t, now)
    if policy.status == "pending" and t >= policy.boundary:
        _start(policy, t)
    if policy.status == "inactive":
        match starts:
            case None:
                if policy.starts == 0:
                    _start(policy, t)
            case OnDate():
                if policy.starts == 0 and _has_come(starts, now):
                    _start(policy, t)
            case Elapsed():
                if policy.starts == 0 and _is_over(starts, 0, t, now):
                    _start(policy, t)
            case Crossing():
                if crossed:
                    _start_after(policy, starts, t, now)
            case _:
                assert_never(starts)
    policy.active_steps += int(policy.status == "active")


def _start(policy: Policy, t: int) -> None:
    policy.status, policy.since, policy.starts = "active", t, policy.starts + 1


def _stop(policy: Policy, t: int, now: Moment) -> None:
    stops = policy.intervention.stops
    if policy.ending is None and _stops(policy, t, now):
        policy.ending = t + (max(0, _wait(stops, now)) if isinstance(stops, Crossing) else 0)
    if policy.ending is not None and t >= policy.ending:
        policy.status, policy.ending = "inactive", None


def _wait(crossing: Crossing, now: Moment) -> int:
    """The delay of a crossing in steps."""
    delay = 0.0 if crossing.delay is None else evaluate(crossing.delay, now).item()
    return math.ceil(delay / now.model.clock.step - SLACK)


def _start_after(policy: Policy, crossing: Crossing, t: int, now: Moment) -> None:
    steps = _wait(crossing, now)
    if steps <= 0:
        _start(policy, t)
    else:
        policy.status, policy.boundary = "pending", t + steps


def _has_come(date: OnDate, now: Moment) -> bool:
    return now.time + SLACK >= date.day


def _is_over(elapsed: Elapsed, since: int, t: int, now: Moment) -> bool:
    """Return True if the time is over that began at the boundary ``since``."""
    clock = now.model.clock
    if elapsed.months:
        return months(clock, since, t) >= elapsed.months
    return t - since >= math.ceil(evaluate(elapsed.delay, now).item() / clock.step - SLACK)


def _stops(policy: Policy, t: int, now: Moment) -> bool:
    stops = policy.intervention.stops
    match stops:
        case None:
            return False
        case OnDate():
            return _has_come(stops, now)
        case Elapsed():
            return _is_over(stops, policy.since, t, now)
        case Crossing():
            return _is_beyond(stops, now)
        case _:
            assert_never(stops)


def _is_beyond(crossing: Crossing, now: Moment) -> bool:
    value, level = evaluate(crossing.value, now).item(), evaluate(crossing.level, now).item()
    return value > level if crossing.rises else value < level


def _crosses(policy: Policy, crossing: Crossing, now: Moment) -> bool:
    """Return True if the level is passed now and was not at the last step's reading; remembers this reading."""
    before, policy.was_beyond = policy.was_beyond, _is_beyond(crossing, now)
    return policy.was_beyond and not before


# ------------------------------------------------------------------ blocks


def fill_limits(body: Body, t: int, time: float) -> None:
    """Fills the limits that blocks share, at the start of each of their periods."""
    clock = body.now.model.clock
    for intervention in body.now.model.interventions:
        limit = intervention.together
        if limit is None:
            continue
        if limit.months:
            done = [months(clock, 0, at) // limit.months for at in (t, max(0, t - 1))]
            due = t == 0 or done[0] > done[1]
        else:
            due = t % max(1, round(limit.every / clock.step)) == 0
        if due:
            seen = body.now.seen(time)
            look_at_number(limit.at_most, "limit", seen)
            body.limits[intervention.name] = max(0, int(rounded(evaluate(limit.at_most, seen))))


def intervene(body: Body, policies: Policies, t: int, time: float) -> None:
    """Runs the blocks of an active intervention that are due at the start of step ``t``."""
    one = policies.intervention
    for number, block in enumerate(one.repeated):
        due = _due(body, policies, number, t)
        if not due:
            continue
        neighbours.look(replace(body.now, time=time), block, body.world, body.draws)
        seen = body.now.seen(time)
        run = _run(body, policies, number)
        shared = one.limited_by if block.counts_people else ""
        reached = chosen(body, block, run, seen, body.limits.get(shared))
        if shared:
            body.limits[shared] -= len(reached)
        if block.paragraphs:
            act(Turn(body, as_rule(one, number), body.now.seen(time), time, t, run), reached)
        for position, action in enumerate(block.actions):
            _act(body, block, position, action, reached, run, t, seen)
        policies.treated += len(reached) if block.counts_people else 0
        for policy in due:
            policy.runs[number] += 1


def _due(body: Body, policies: Policies, number: int, t: int) -> list[Policy]:
    """Those of the intervention, one or one of each place, in which a block is due."""
    one = policies.intervention
    if one.place:
        due = body.now.active[f"{one.name}.{number}"]
        assert not isinstance(due, bool)
        return [policy for policy, is_due in zip(policies.each, due.tolist(), strict=True) if is_due]
    clock = body.now.model.clock
    return [p for p in policies.each if p.status == "active" and is_due(one.repeated[number], p.since, t, clock)]


def _run(body: Body, policies: Policies, number: int) -> int | Tensor:
    """Number of times that a block was due before: for all, or for everybody in its own place."""
    one = policies.intervention
    runs = [policy.runs[number] for policy in policies.each]
    if not one.place:
        return runs[0]
    return torch.tensor(runs)[torch.clamp(body.now.attributes[(one.of, one.place)].to(torch.int64), min=0)]


def is_due(block: Repeated, since: int, t: int, clock: Clock) -> bool:
    """Return True if the period of a block, counted from the start of its intervention, is over at step ``t``."""
    if block.on is not None:
        return t == math.ceil(block.on / clock.step - SLACK)
    return is_period_over(block, since, t, clock)


def _act(
    body: Body,
    block: Repeated,
    position: int,
    action: SetAttribute | ForceMove,
    reached: Tensor,
    run: int | Tensor,
    t: int,
    seen: Moment,
) -> None:
    site = f"{block.site}.action{position}"
    agents = acts(body.draws, action.probability, reached, episodes(run, reached), site, block.of, seen)
    match action:
        case SetAttribute():
            write(body.now, block.of, action, agents, seen)
        case ForceMove():
            move(body, action.condition, agents, torch.full_like(agents, action.state), t, seen)
        case _:
            assert_never(action)

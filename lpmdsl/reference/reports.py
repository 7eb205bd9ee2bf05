"""Observations, counted and reported at the boundaries of steps (phase 6 of a step)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import assert_never

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lpmdsl.networks.world import World
from lpmdsl.reference import neighbours
from lpmdsl.reference.arithmetic import TICKS, Draws, fixed, quantile
from lpmdsl.reference.expressions import (
    Moment,
    aggregate,
    evaluate,
    holds,
    over_agents,
    table_rows,
)
from lpmdsl.reference.months import months
from lpmdsl.reference.watched import look_at
from lpmdsl.semantics.host.quantile_tables import radix
from lpmdsl.semantics.model import (
    Condition,
    Derived,
    Flow,
    InState,
    Intervention,
    Level,
    Model,
    Observation,
    ObservationRef,
    Rolling,
    Spending,
    StateOf,
    walk,
)


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries of one condition in step ``t``: who, from and into which state, at which tick, in which episode.

    ``seen`` is what the phase reads; ``now`` has the states after the moves.
    """

    condition: Condition
    agents: Tensor
    left: Tensor
    states: Tensor
    ticks: Tensor
    episodes: Tensor
    t: int
    seen: Moment
    now: Moment


def price(one: Intervention, count: int, step: float) -> float:
    """Cost of so many people, starts or active steps of an intervention."""
    each = one.costs or 0.0
    return each * (count * step) if one.costs_per == "day" else each * count


def group_of(o: Observation, seen: Moment, now: Moment) -> Tensor:
    """For every agent its group, row-major over ``by``: attributes as the phase sees them, states as they are."""
    group = torch.zeros(seen.counts[o.of], dtype=torch.int64)
    for leaf in o.by:
        moment = now if isinstance(leaf, StateOf | InState) else seen
        group = group * radix(leaf) + over_agents(leaf, o.of, moment).to(torch.int64)
    return group


def formula(o: Observation, now: Moment) -> Tensor:
    """(groups,): values of an observation that is a formula of others, by what was reported until now."""
    assert isinstance(o.value, Derived)
    moments = (replace(now, group=(o.groups, g)) for g in range(len(o.groups)))
    return torch.stack([evaluate(o.value.formula, m) for m in moments])


@dataclass(frozen=True, slots=True)
class Schedule:
    """Observations that report, and when. ``done``: for every boundary how many periods of each are complete."""

    model: Model
    done: dict[str, list[int]]

    @classmethod
    def of(cls, model: Model, steps: int) -> Schedule:
        """The schedule of a run of so many steps."""
        return cls(model, {o.name: [completed(model, o, b) for b in range(steps + 1)] for o in model.observations})

    def due(self, boundary: int) -> list[tuple[Observation, int]]:
        """Observations of which a report is complete at a boundary (0 is the start), each with the report's number:
        flows, levels and costs, then formulas, those first that others read."""
        found: list[tuple[Observation, int]] = []
        for o in self.model.observations:
            done, late = self.done[o.name], int(not self.looks_at_start(o))
            if done[boundary] != (done[boundary - 1] if boundary else late - 1):
                found.append((o, done[boundary] - late))
        formulas = {o.name: (o, index) for o, index in found if isinstance(o.value, Derived)}
        found = [(o, index) for o, index in found if o.name not in formulas]
        while formulas:
            ready = [o for o, _ in formulas.values() if not any(p.name in formulas for p in self._parts(o))]
            assert ready, "observations that are formulas of each other"
            found += [formulas.pop(o.name) for o in ready]
        return found

    def reports(self, o: Observation) -> int:
        """Number of reports of an observation in the whole run."""
        return self.done[o.name][-1] + int(self.looks_at_start(o))

    def looks_at_start(self, o: Observation) -> bool:
        """Return True if report 0 is at time 0 (levels) and not at the end of the first period (flows).

        A formula reports like the part with the longest period; among equals a flow decides.
        """
        match o.value:
            case Flow() | Spending():
                return False
            case Level():
                return True
            case Derived():
                parts = self._parts(o)
                longest = max((p.every for p in parts), default=0.0)
                return all(self.looks_at_start(p) for p in parts if p.every == longest)
            case _:
                assert_never(o.value)

    def _parts(self, o: Observation) -> list[Observation]:
        if not isinstance(o.value, Derived):
            return []
        read = (e for e in walk(o.value.formula) if isinstance(e, ObservationRef | Rolling))
        return [self.model.observation(e.observation) for e in read]


def completed(model: Model, o: Observation, boundary: int) -> int:
    """Number of periods of an observation that are complete at a boundary."""
    if o.months:
        return months(model.clock, 0, boundary) // o.months
    return boundary // max(1, round(o.every / model.clock.step))


@dataclass(frozen=True, slots=True)
class Reports:
    """``counts[flow]``: entries by report and group (int64); ``history``: completed reports in base units;
    ``out``: what is handed back, in the reader's units, NaN where not reached."""

    model: Model
    schedule: Schedule
    draws: Draws
    delays: dict[str, Tensor]
    history: dict[str, list[Tensor]]
    world: World
    paid: dict[str, int] = field(default_factory=dict)
    """Amount that every intervention is paid for until now: people, starts or active steps."""
    reached: dict[str, int] = field(default_factory=dict)
    """Number of people whom every intervention has reached until now."""
    paid_before: dict[str, dict[str, int]] = field(default_factory=dict)
    """The same at the last report of an observation of costs."""
    counts: dict[str, Tensor] = field(default_factory=dict)
    out: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def prepare(self) -> None:
        """Makes room for all reports of the run."""
        for o in self.model.observations:
            shape = (self.schedule.reports(o), len(o.groups))
            self.out[o.name] = np.full(shape, np.nan)
            self.counts[o.name] = torch.zeros(shape, dtype=torch.int64)

    # -------------------------------------------------------------- entries

    def count(self, entries: Entries) -> None:
        """Adds the entries to every flow that counts them."""
        for o in self.model.observations:
            if isinstance(o.value, Flow) and o.value.condition == entries.condition.name:
                for state in o.value.states:
                    self._count_into(o, state, entries)

    def _count_into(self, o: Observation, state: int, e: Entries) -> None:
        counted = (e.states == state) & holds(o.where, o.of, e.seen)[e.agents]
        if isinstance(o.value, Flow) and o.value.origins:
            counted = counted & torch.isin(e.left, torch.tensor(o.value.origins))
        if not counted.any():
            return
        path = f"{o.name}.{e.condition.name}.{e.condition.states[state]}"
        if o.thinned is not None:
            thinning = self.draws.words(e.agents, path, e.episodes)[0]
            p = over_agents(o.thinned, o.of, e.seen)
            look_at(o.thinned, "probability", p, e.agents[counted], o.of, e.seen)
            counted = counted & (thinning < fixed(p[e.agents]))
        ticks = e.ticks
        if o.delayed is not None:
            delay = self.draws.words(e.agents, path, e.episodes)[1]
            ticks = ticks + quantile(self.delays[o.name], table_rows(o.delayed, o.of, e.seen)[e.agents], delay)
        done = self.schedule.done[o.name]
        report = torch.tensor(done)[torch.clamp((ticks - 1) // TICKS, min=e.t, max=len(done) - 1)]
        group = group_of(o, e.seen, e.now)[e.agents]
        counted = counted & (report < len(self.counts[o.name]))
        place = (report * len(o.groups) + group)[counted]
        self.counts[o.name].view(-1).index_add_(0, place, torch.ones_like(place))

    # -------------------------------------------------------------- reports

    def report(self, boundary: int, now: Moment) -> None:
        """Completes every report that is due at a boundary (0 is the start)."""
        for o, index in self.schedule.due(boundary):
            match o.value:
                case Flow():
                    self._report_flow(o, index)
                case Spending():
                    self._report_spending(o, o.value, index)
                case Level():
                    neighbours.look(now, o, self.world, self.draws, at_end=True)
                    self._publish(o, index, self._levels(o, o.value, index, now))
                case Derived():
                    self._publish(o, index, formula(o, now))
                case _:
                    assert_never(o.value)

    def _report_flow(self, o: Observation, index: int) -> None:
        # Divided once by every·scale, which is 1 where the reader's unit is the period: reports are then whole.
        count = self.counts[o.name][index].to(torch.float64)
        self.history[o.name].append(count / o.every)
        self.out[o.name][index] = (count / (o.every * o.scale)).numpy()

    def _report_spending(self, o: Observation, spending: Spending, index: int) -> None:
        before = self.paid_before.get(o.name, {})
        so_far = self.reached if spending.is_number else self.paid
        spent = 0.0
        for name in spending.interventions:
            one, count = self.model.intervention(name), so_far.get(name, 0) - before.get(name, 0)
            spent += count if spending.is_number else price(one, count, self.model.clock.step)
        self.paid_before[o.name] = dict(so_far)
        # Kept as the money of the period; who reads it divides by the period.
        self.history[o.name].append(torch.tensor([spent], dtype=torch.float64))
        self.out[o.name][index] = spent / round(o.every * o.scale, 12)

    def _publish(self, o: Observation, index: int, values: Tensor) -> None:
        self.history[o.name].append(values)
        self.out[o.name][index] = (values / o.scale).numpy()

    def _levels(self, o: Observation, level: Level, index: int, now: Moment) -> Tensor:
        watched = holds(o.where, o.of, now)
        counted = None
        if o.thinned is not None:
            agents = torch.arange(now.counts[o.of])
            word = self.draws.words(agents, f"{o.name}.thinned", torch.full_like(agents, index))[0]
            p = over_agents(o.thinned, o.of, now)
            look_at(o.thinned, "probability", p, watched & holds(level.aggregate.where, o.of, now), o.of, now)
            counted = word < fixed(p)
        group = group_of(o, now, now)
        values = [aggregate(level.aggregate, now, watched & (group == g), counted) for g in range(len(o.groups))]
        return torch.stack(values)

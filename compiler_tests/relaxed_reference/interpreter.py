"""The relaxation written a second time: a slow reference over whole tensors, differentiable by torch itself.

It reads the Model and shares nothing with lowering, so that the compiler's adjoint can be held to torch's autograd.
``docs/numerics.md`` says what the relaxation is. Float64; every agent at once; one kind of agent at a time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from compiler_tests.relaxed_reference.reports import Reports
from compiler_tests.relaxed_reference.stages import Stages, stages
from compiler_tests.relaxed_reference.values import NOBODY, ONE, Tensor, truth
from compiler_tests.relaxed_reference.ways import to_sources
from lpmdsl.networks.world import World
from lpmdsl.quantities import BOOLEAN
from lpmdsl.reference.months import months
from lpmdsl.semantics import model as m


def relaxed_reports(
    model: m.Model, world: World, parameters: Mapping[str, Tensor], steps: int, disabled: frozenset[str] = frozenset()
) -> dict[str, Tensor]:
    """(reports, groups) of every observation in base units (flows: counts). ``parameters``: float64 scalars."""
    run = _Run(model, world, dict(parameters), steps, disabled)
    run.begin()
    for step in range(steps):
        run.step(step)
    return run.finished()


@dataclass(slots=True)
class _Run(Reports):
    """The start, the triggers and blocks, and the order of a step."""

    def begin(self) -> None:
        for agent in self.model.agents:
            for attribute in (a for a in agent.attributes if a.is_changed):
                column = np.asarray(self.world.attributes[agent.name, attribute.name])
                self.yes[agent.name, attribute.name] = torch.tensor(column, dtype=torch.float64)
        for condition in self.model.conditions:
            for exit_ in condition.exits:
                if isinstance(exit_.trigger, m.After):
                    timed = exit_.state in to_sources(self.model, condition)
                    self.law[condition.name, exit_.state] = self._stages(exit_.trigger.dwell, timed)
            self._start(condition)
        for observation in self.model.observations:
            self.reports[observation.name] = {}
            if observation.delayed is not None:
                law = self._stages(observation.delayed)
                self.law[observation.name] = law
                self.waiting[observation.name] = torch.zeros(
                    (len(observation.groups), law.within.shape[1]), dtype=torch.float64
                )
        self.observe()

    def _stages(self, law: m.Distribution, timed: bool = False) -> Stages:
        arguments = {name: self.value(e) for name, e in law.arguments}
        return stages(law, arguments, self.model, timed)

    def _start(self, condition: m.Condition) -> None:
        agents = self.world.counts[condition.of]
        start = [torch.zeros(agents, dtype=torch.float64) for _ in condition.states]
        free = torch.ones(agents, dtype=torch.float64)
        for exception in condition.start.exceptions:
            fit = torch.ones(agents, dtype=torch.float64)
            if exception.where is not None:
                fit = self.value(exception.where).expand(agents)
            if exception.number is None and exception.share is None:
                taken = fit
                start = [s * (1 - taken) for s in start]
                start[exception.state] = start[exception.state] + taken
                free = free * (1 - taken)
                continue
            written = exception.number if exception.number is not None else exception.share
            assert written is not None
            asked = self.value(written) * (1 if exception.number is not None else fit.sum())
            part = fit * asked / (free * fit).sum()
            start[exception.state] = start[exception.state] + free * part
            free = free * (1 - part)
        start[condition.start.state] = start[condition.start.state] + free
        self.chance[condition.name] = [self._at_boundary(condition, s, amount) for s, amount in enumerate(start)]

    # ------------------------------------------------------------------ a step

    def step(self, step: int) -> None:
        self.now = step
        for one in self.model.interventions:
            if one.name not in self.disabled:
                self._trigger(one)
        forced: dict[tuple[str, int], Tensor] = {}
        for one in self.model.interventions:
            for block in one.repeated:
                if self.phase.get(one.name) == "active":
                    every = max(1, round(block.every / self.model.clock.step))
                    if (step - self.since[one.name]) % every == 0:
                        self._act(block, forced)
        new: dict[str, list[Tensor]] = {}
        entered: dict[str, dict[int, Tensor]] = {}
        for condition in self.model.conditions:
            new[condition.name], entered[condition.name] = self._moves(condition)
        for (name, state), amount in forced.items():
            entered[name][state] = entered[name].get(state, torch.zeros(1, dtype=torch.float64)) + amount
        self._count(entered)
        self.chance = new
        self.now = step + 1
        self.observe()

    def _past(self, crossing: m.Crossing) -> bool:
        value, level = float(self.value(crossing.value).detach()), float(self.value(crossing.level).detach())
        return value > level if crossing.rises else value < level

    def _wait(self, delay: m.Expr | None) -> int:
        return 0 if delay is None else math.ceil(float(self.value(delay).detach()) / self.model.clock.step - 1e-9)

    def _trigger(self, one: m.Intervention) -> None:
        phase, day = self.phase.get(one.name, "off"), self.now * self.model.clock.step + 1e-9
        if one.stops is not None and phase == "active":
            over = self._over(one.stops, self.since[one.name], day)
            delayed = isinstance(one.stops, m.Crossing) and one.stops.delay is not None
            if delayed and over and one.name not in self.ending:
                assert isinstance(one.stops, m.Crossing)
                self.ending[one.name] = self.now + max(0, self._wait(one.stops.delay))
            if (over and not delayed) or self.now >= self.ending.get(one.name, self.now + 1):
                phase = "off"
                self.ending.pop(one.name, None)
        if phase == "pending" and self.now >= self.since[one.name]:
            phase, self.since[one.name] = "active", self.now
        if isinstance(one.starts, m.Crossing):
            past = self._past(one.starts)
            if phase == "off" and past and not self.seen.get(one.name, False):
                wait = self._wait(one.starts.delay)
                phase, self.since[one.name] = ("pending" if wait > 0 else "active"), self.now + max(0, wait)
            self.seen[one.name] = past
        elif phase == "off" and one.name not in self.done and (one.starts is None or self._over(one.starts, 0, day)):
            phase, self.since[one.name] = "active", self.now
            self.done.add(one.name)
        self.phase[one.name] = phase

    def _over(self, moment: m.OnDate | m.Elapsed | m.Crossing, since: int, day: float) -> bool:
        """Return True if a date has come, a time since a boundary is over, or a level is passed."""
        match moment:
            case m.OnDate():
                return day >= moment.day
            case m.Elapsed(delay, 0, _):
                return self.now >= since + self._wait(delay)
            case m.Elapsed():
                return months(self.model.clock, since, self.now) >= moment.months
            case m.Crossing():
                return self._past(moment)

    def _act(self, block: m.Repeated, forced: dict[tuple[str, int], Tensor]) -> None:
        """Everything from the chances before the block."""
        removed = [c for c in self.model.conditions if c.of == block.of and c.removed]
        who = [m.InState(c.name, c.removed, BOOLEAN, c.span) for c in removed]
        exprs: list[m.Expr] = [*who, *([block.where] if block.where is not None else [])]

        def eligible() -> Tensor:
            ok = ONE
            for condition in removed:
                ok = ok * truth(self.case[condition.name] not in condition.removed)
            return ok if block.where is None else ok * self.value(block.where)

        share = ONE
        if block.at_most is not None:
            agents = torch.ones(self.world.counts[block.of], dtype=torch.float64)
            count = (self.mean(exprs, {}, eligible) * agents).sum()
            limit = torch.clamp(self.value(block.at_most), min=0.0)
            share = torch.clamp(limit / torch.clamp(count, min=NOBODY), max=1.0)
        yes, chance = dict(self.yes), {c: list(s) for c, s in self.chance.items()}
        for action in block.actions:
            more = [] if action.probability is None else [action.probability]

            def happens(action: m.Action = action) -> Tensor:
                p = ONE
                return share * eligible() * (p if action.probability is None else self.value(action.probability))

            if isinstance(action, m.SetAttribute):
                key = (block.of, action.attribute)
                own = m.AttributeRef(*key, action.value.type, action.span)

                def change(action: m.SetAttribute = action, key: tuple[str, str] = key) -> Tensor:
                    stored = self.case[key]
                    assert isinstance(stored, Tensor)
                    return happens(action) * (self.value(action.value) - stored)

                yes[key] = self.yes[key] + self.mean([own, action.value, *exprs, *more], {}, change)
            else:
                condition = self.model.condition(action.condition)
                moved = torch.zeros(self.world.counts[block.of], dtype=torch.float64)
                for state in (s for s in range(len(condition.states)) if s != action.state):
                    part = self.mean([*exprs, *more], {condition.name: state}, happens)
                    gone = self.chance[condition.name][state] * (part[:, None] if part.dim() else part)
                    chance[condition.name][state] = self.chance[condition.name][state] - gone
                    moved = moved + gone.sum(dim=1)
                arrives = self._at_boundary(condition, action.state, moved)
                chance[condition.name][action.state] = self.chance[condition.name][action.state] + arrives
                key2 = (condition.name, action.state)
                forced[key2] = forced.get(key2, torch.zeros(1, dtype=torch.float64)) + moved
        self.yes, self.chance = yes, chance

"""The relaxation written a second time: a slow reference over whole tensors, differentiable by torch itself.

It reads the Model and shares nothing with lowering, so that the compiler's adjoint can be held to torch's autograd.
``docs/numerics.md`` says what the relaxation is. Float64; every agent at once; one kind of agent at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import torch

from compiler_tests.relaxed_reference.marginals import NOBODY, ONE, Tensor
from compiler_tests.relaxed_reference.reports import Reports
from compiler_tests.relaxed_reference.stages import Stages, stages
from compiler_tests.relaxed_reference.ways import to_sources
from lpmdsl.networks.world import World
from lpmdsl.reference.blocks import may_reach
from lpmdsl.reference.expressions import Moment, evaluate
from lpmdsl.reference.interventions import Policies, begin, is_due, trigger
from lpmdsl.reference.reports import Schedule
from lpmdsl.semantics import model as m


def relaxed_reports(
    model: m.Model, world: World, parameters: Mapping[str, Tensor], steps: int, disabled: frozenset[str] = frozenset()
) -> dict[str, Tensor]:
    """(reports, groups) of every observation in base units (flows: counts). ``parameters``: float64 scalars."""
    run = _Run(model, world, dict(parameters), Schedule.of(model, steps))
    run.begin(disabled)
    for step in range(steps):
        run.step(step)
    return run.finished()


@dataclass(slots=True)
class _Run(Reports):
    """The start, what blocks do, and the order of a step."""

    policies: list[Policies] = field(default_factory=list)

    def begin(self, disabled: frozenset[str]) -> None:
        self.set_out()
        begun = [begin(one, self.world, self.moment()) for one in self.model.interventions]
        self.policies = [p for p in begun if p.intervention.name not in disabled]
        for condition in self.model.conditions:
            for exit_ in condition.exits:
                if isinstance(exit_.trigger, m.After):
                    timed = exit_.state in to_sources(self.model, condition)
                    self.law[condition.name, exit_.state] = self._stages(exit_.trigger.dwell, timed)
            self._start(condition)
        for observation in self.model.observations:
            if observation.delayed is not None:
                law = self._stages(observation.delayed)
                self.law[observation.name] = law
                self.waiting[observation.name] = torch.zeros(
                    (len(observation.groups), law.within.shape[1]), dtype=torch.float64
                )
        self.observe()

    def _stages(self, law: m.Distribution, timed: bool = False) -> Stages:
        arguments = {name: evaluate(e, self.moment()) for name, e in law.arguments}
        return stages(law, arguments, self.model, timed)

    def _start(self, condition: m.Condition) -> None:
        agents = self.world.counts[condition.of]
        start = [torch.zeros(agents, dtype=torch.float64) for _ in condition.states]
        free = torch.ones(agents, dtype=torch.float64)
        for exception in condition.start.exceptions:
            fit = torch.ones(agents, dtype=torch.float64)
            if exception.where is not None:
                fit = evaluate(exception.where, self.moment()).expand(agents)
            if exception.number is None and exception.share is None:
                taken = fit
                start = [s * (1 - taken) for s in start]
                start[exception.state] = start[exception.state] + taken
                free = free * (1 - taken)
                continue
            written = exception.number if exception.number is not None else exception.share
            assert written is not None
            asked = evaluate(written, self.moment()) * (1 if exception.number is not None else fit.sum())
            part = fit * asked / (free * fit).sum()
            start[exception.state] = start[exception.state] + free * part
            free = free * (1 - part)
        start[condition.start.state] = start[condition.start.state] + free
        self.chance[condition.name] = [self._at_boundary(condition, s, amount) for s, amount in enumerate(start)]

    # ------------------------------------------------------------------ a step

    def step(self, step: int) -> None:
        self.now = step
        for (policy,) in (p.each for p in self.policies):
            trigger(policy, step, self.moment())
            self.active[policy.intervention.name] = policy.status == "active"
        forced: dict[tuple[str, int], Tensor] = {}
        for (policy,) in (p.each for p in self.policies):
            for block in policy.intervention.repeated:
                if policy.status == "active" and is_due(block, policy.since, step, self.model.clock):
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

    def _act(self, block: m.Repeated, forced: dict[tuple[str, int], Tensor]) -> None:
        """Everything from the chances before the block."""
        share = ONE
        if block.at_most is not None:
            count = self.mean({}, partial(may_reach, block)).sum()
            limit = torch.clamp(evaluate(block.at_most, self.moment()), min=0.0)
            share = torch.clamp(limit / torch.clamp(count, min=NOBODY), max=1.0)
        yes, chance = dict(self.yes), {c: list(s) for c, s in self.chance.items()}
        for action in block.actions:

            def happens(now: Moment, action: m.Action = action) -> Tensor:
                reached = share * may_reach(block, now)
                return reached if action.probability is None else reached * evaluate(action.probability, now)

            if isinstance(action, m.SetAttribute):
                key = (block.of, action.attribute)

                def change(now: Moment, action: m.SetAttribute = action, key: tuple[str, str] = key) -> Tensor:
                    return happens(now, action) * (evaluate(action.value, now) - now.attributes[key])

                yes[key] = self.yes[key] + self.mean({}, change)
            else:
                condition = self.model.condition(action.condition)
                moved = torch.zeros(self.world.counts[block.of], dtype=torch.float64)
                for state in (s for s in range(len(condition.states)) if s != action.state):
                    part = self.mean({condition.name: state}, happens)
                    gone = self.chance[condition.name][state] * part[:, None]
                    chance[condition.name][state] = self.chance[condition.name][state] - gone
                    moved = moved + gone.sum(dim=1)
                arrives = self._at_boundary(condition, action.state, moved)
                chance[condition.name][action.state] = self.chance[condition.name][action.state] + arrives
                key2 = (condition.name, action.state)
                forced[key2] = forced.get(key2, torch.zeros(1, dtype=torch.float64)) + moved
        self.yes, self.chance = yes, chance

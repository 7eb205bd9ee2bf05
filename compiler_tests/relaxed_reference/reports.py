"""The reference of the relaxation, observations: flows, delays, levels and formulas."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch

from compiler_tests.relaxed_reference.marginals import Case, Tensor
from compiler_tests.relaxed_reference.moves import Moves
from lpmdsl.reference.expressions import Moment, evaluate
from lpmdsl.reference.months import months
from lpmdsl.semantics import model as m


@dataclass(slots=True)
class Reports(Moves):
    """What is counted in a step, and what is reported at its end."""

    def _groups(self, observation: m.Observation, amount: Tensor, given: Case, weights: Iterable[m.Expr]) -> Tensor:
        """(groups,): an amount of every agent, times all the weights, added up by group."""

        def one(now: Moment) -> tuple[Tensor, Tensor]:
            code, weight = torch.zeros((), dtype=torch.long), amount
            for leaf in observation.by:
                size = len(leaf.type.labels) if leaf.type.labels else 2
                code = code * size + evaluate(leaf, now).long()
            for e in weights:
                weight = weight * evaluate(e, now)
            return code.expand(len(amount)), weight

        total = torch.zeros(len(observation.groups), dtype=torch.float64)
        for chance, (code, weight) in self.cases(given, one):
            total = total.index_add(0, code, chance * weight)
        return total

    def _count(self, entered: dict[str, dict[int, Tensor]]) -> None:
        for observation in self.model.observations:
            flow = observation.value
            if not isinstance(flow, m.Flow):
                continue
            reads = [e for e in (observation.where, observation.thinned) if e is not None]
            came = torch.zeros(len(observation.groups), dtype=torch.float64)
            for state in flow.states:
                if state in entered[flow.condition]:
                    amount = entered[flow.condition][state]
                    came = came + self._groups(observation, amount, {flow.condition: state}, reads)
            if observation.delayed is not None:
                came = self._delayed(observation, came)
            row = done(self.model, observation.name, self.now)
            counts = self.counts.setdefault(observation.name, {})
            counts[row] = counts[row] + came if row in counts else came

    def _delayed(self, observation: m.Observation, came: Tensor) -> Tensor:
        law, waiting = self.law[observation.name], self.waiting[observation.name]
        gone = waiting * law.leaves[0]
        shifted = torch.cat([torch.zeros((len(came), 1), dtype=torch.float64), gone[:, :-1]], dim=1)
        self.waiting[observation.name] = waiting - gone + shifted + came[:, None] * law.within[0]
        return gone[:, -1] + came * (1 - law.within[0].sum())

    def observe(self) -> None:
        """Flows and levels, and formulas after what they read."""
        for observation in self.model.observations:
            name, row = observation.name, done(self.model, observation.name, self.now)
            if isinstance(observation.value, m.Level) and is_due(self.model, name, self.now):
                self.history[name].append(self._level(observation, observation.value.aggregate))
            if isinstance(observation.value, m.Flow) and is_due(self.model, name, self.now) and row > 0:
                self.history[name].append(self.counts[name][row - 1] / observation.every)
        pending = [o for o in self.model.observations if isinstance(o.value, m.Derived)]
        while pending:
            waiting = {o.name for o in pending}
            ready = [o for o in pending if not {e.observation for e in m.walk(o.value.formula)  # type: ignore[union-attr]
                     if isinstance(e, m.ObservationRef | m.Rolling)} & waiting]  # fmt: skip
            for observation in ready:
                self._formula(observation)
                pending.remove(observation)

    def _formula(self, observation: m.Observation) -> None:
        assert isinstance(observation.value, m.Derived)
        formula, late = observation.value.formula, 1 if covers(self.model, observation.name) else 0
        row = done(self.model, observation.name, self.now) - late
        if is_due(self.model, observation.name, self.now) and row >= 0:
            moments = [replace(self.moment(), group=(observation.groups, g)) for g in range(len(observation.groups))]
            self.history[observation.name].append(torch.stack([evaluate(formula, now) for now in moments]))

    def _level(self, observation: m.Observation, aggregate: m.Aggregate) -> Tensor:
        people = torch.ones(self.world.counts[aggregate.of], dtype=torch.float64)
        wheres = [e for e in (aggregate.where, observation.where) if e is not None]
        thin = [] if observation.thinned is None else [observation.thinned]
        what = [] if aggregate.what is None else [aggregate.what]
        above = self._groups(observation, people, {}, [*wheres, *thin, *what])
        match aggregate.function:
            case "count" | "sum":
                return above
            case "share":
                return above / torch.clamp(self._groups(observation, people, {}, []), min=1e-12)
            case _:
                return above / torch.clamp(self._groups(observation, people, {}, [*wheres, *thin]), min=1e-12)

    def finished(self) -> dict[str, Tensor]:
        """Reports that are complete: of flows, counts."""
        made: dict[str, Tensor] = {}
        for observation in self.model.observations:
            rows = self.history[observation.name]
            empty = torch.full((0, len(observation.groups)), math.nan, dtype=torch.float64)
            made[observation.name] = torch.stack(rows) if rows else empty
            if isinstance(observation.value, m.Flow):
                made[observation.name] = made[observation.name] * observation.every
        return made


def done(model: m.Model, name: str, boundary: int) -> int:
    """Number of periods of an observation are complete at a boundary."""
    observation = model.observation(name)
    if observation.months:
        return months(model.clock, 0, boundary) // observation.months
    return boundary // max(1, round(observation.every / model.clock.step))


def is_due(model: m.Model, name: str, boundary: int) -> bool:
    """Return True if a report is made at a boundary."""
    return boundary == 0 or done(model, name, boundary) > done(model, name, boundary - 1)


def covers(model: m.Model, name: str) -> bool:
    """Whether a report covers the period before it."""
    observation = model.observation(name)
    if not isinstance(observation.value, m.Derived):
        return isinstance(observation.value, m.Flow)
    formula = observation.value.formula
    parts = {e.observation for e in m.walk(formula) if isinstance(e, m.ObservationRef | m.Rolling)}
    longest = max((model.observation(p).every for p in parts), default=0)
    return any(covers(model, p) for p in parts if model.observation(p).every == longest)

"""The reference of the relaxation, observations: flows, delays, levels and formulas."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from compiler_tests.relaxed_reference.marginals import NONE, Case, Tensor
from compiler_tests.relaxed_reference.moves import Moves
from lpmdsl.reference.expressions import Moment, evaluate
from lpmdsl.reference.reports import formula, group_of
from lpmdsl.semantics import model as m


@dataclass(slots=True)
class Reports(Moves):
    """What is counted in a step, and what is reported at its end."""

    def _groups(self, observation: m.Observation, amount: Tensor, given: Case, weights: Iterable[m.Expr]) -> Tensor:
        """(groups,): an amount of every agent, times all the weights, added up by group."""

        def one(now: Moment) -> tuple[Tensor, Tensor]:
            weight = amount
            for e in weights:
                weight = weight * evaluate(e, now)
            return group_of(observation, now, now), weight

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
            period = self.schedule.done[observation.name][self.now]
            counts = self.counts.setdefault(observation.name, {})
            counts[period] = counts.get(period, NONE) + came

    def _delayed(self, observation: m.Observation, came: Tensor) -> Tensor:
        law, waiting = self.law[observation.name], self.waiting[observation.name]
        gone = waiting * law.leaves[0]
        shifted = torch.cat([torch.zeros((len(came), 1), dtype=torch.float64), gone[:, :-1]], dim=1)
        self.waiting[observation.name] = waiting - gone + shifted + came[:, None] * law.within[0]
        return gone[:, -1] + came * (1 - law.within[0].sum())

    def observe(self) -> None:
        """Completes every report that is due."""
        for observation, index in self.schedule.due(self.now):
            match observation.value:
                case m.Flow():
                    report = self.counts[observation.name][index] / observation.every
                case m.Level(aggregate):
                    report = self._level(observation, aggregate)
                case _:
                    report = formula(observation, self.moment())
            self.history[observation.name].append(report)

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

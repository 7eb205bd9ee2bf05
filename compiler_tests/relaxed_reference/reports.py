"""The reference of the relaxation, observations: flows, delays, levels and formulas."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from compiler_tests.relaxed_reference.moves import Moves
from compiler_tests.relaxed_reference.values import ONE, Tensor, covers, done, is_due
from lpmdsl.semantics import model as m


@dataclass(slots=True)
class Reports(Moves):
    """What is counted in a step, and what is reported at its end."""

    def _groups(self, observation: m.Observation, amount: Tensor, given: Mapping[str, int], more: list[m.Expr],
                weight: Callable[[], Tensor]) -> Tensor:  # fmt: skip
        """(groups,): an amount of every agent, times a weight, added up by group."""
        total = torch.zeros(len(observation.groups), dtype=torch.float64)
        for chance in self.cases([*observation.by, *more], given):
            code = torch.zeros((), dtype=torch.long)
            for leaf in observation.by:
                size = len(leaf.type.labels) if leaf.type.labels else 2
                code = code * size + self.value(leaf).long()
            part = (amount * chance * weight()).expand(len(amount))
            total = total.index_add(0, code.expand(len(part)), part)
        return total

    def _count(self, entered: dict[str, dict[int, Tensor]]) -> None:
        for observation in self.model.observations:
            flow = observation.value
            if not isinstance(flow, m.Flow):
                continue
            reads = [e for e in (observation.where, observation.thinned) if e is not None]

            def weight(reads: list[m.Expr] = reads) -> Tensor:
                product_ = ONE
                for e in reads:
                    product_ = product_ * self.value(e)
                return product_

            came = torch.zeros(len(observation.groups), dtype=torch.float64)
            for state in flow.states:
                if state in entered[flow.condition]:
                    given = {flow.condition: state}
                    amount = entered[flow.condition][state]
                    came = came + self._groups(observation, amount, given, reads, weight)
            if observation.delayed is not None:
                came = self._delayed(observation, came)
            row = done(self.model, observation.name, self.now)
            reports = self.reports[observation.name]
            reports[row] = reports[row] + came if row in reports else came

    def _delayed(self, observation: m.Observation, came: Tensor) -> Tensor:
        law, waiting = self.law[observation.name], self.waiting[observation.name]
        gone = waiting * law.leaves[0]
        shifted = torch.cat([torch.zeros((len(came), 1), dtype=torch.float64), gone[:, :-1]], dim=1)
        self.waiting[observation.name] = waiting - gone + shifted + came[:, None] * law.within[0]
        return gone[:, -1] + came * (1 - law.within[0].sum())

    def observe(self) -> None:
        """Levels, and formulas after what they read."""
        for observation in self.model.observations:
            name = observation.name
            if isinstance(observation.value, m.Level) and is_due(self.model, name, self.now):
                level = self._level(observation, observation.value.aggregate)
                self.reports[name][done(self.model, name, self.now)] = level
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
            groups = len(observation.groups)
            values = [self.value(formula, g if groups > 1 else None) for g in range(groups)]
            self.reports[observation.name][row] = torch.stack(values)

    def _level(self, observation: m.Observation, aggregate: m.Aggregate) -> Tensor:
        people = torch.ones(self.world.counts[aggregate.of], dtype=torch.float64)
        wheres = [e for e in (aggregate.where, observation.where) if e is not None]
        thin = [] if observation.thinned is None else [observation.thinned]
        what = [] if aggregate.what is None else [aggregate.what]

        def total(exprs: list[m.Expr]) -> Tensor:
            def weight() -> Tensor:
                product_ = ONE
                for e in exprs:
                    product_ = product_ * self.value(e)
                return product_

            return self._groups(observation, people, {}, exprs, weight)

        above = total([*wheres, *thin, *what])
        match aggregate.function:
            case "count" | "sum":
                return above
            case "share":
                return above / torch.clamp(total([]), min=1e-12)
            case _:
                return above / torch.clamp(total([*wheres, *thin]), min=1e-12)

    def finished(self) -> dict[str, Tensor]:
        """Reports that are complete."""
        made: dict[str, Tensor] = {}
        for observation in self.model.observations:
            count = done(self.model, observation.name, self.steps)
            count += 0 if covers(self.model, observation.name) else 1
            empty = torch.full((len(observation.groups),), math.nan, dtype=torch.float64)
            rows = [self.reports[observation.name].get(r, empty) for r in range(count)]
            made[observation.name] = torch.stack(rows) if rows else empty[None][:0]
        return made

"""The reference of the relaxation, contagion: expected weights over parts of a step, and the force on everyone."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass

import numpy as np
import torch

from compiler_tests.relaxed_reference.values import ALONE, NOBODY, ONE, Tensor, Values, truth
from lpmdsl.quantities import BOOLEAN
from lpmdsl.semantics import model as m

Covered = dict[int, Tensor]
"""By state, (agents,): the mean part of the step for which one is in it."""


@dataclass(slots=True)
class Contagion(Values):
    """Presence, weights and forces at the present step."""

    def _present(self, network: m.Network) -> Tensor:
        """1 where the agent takes part, in the case that is set."""
        stays = ONE
        for condition in (c for c in self.model.conditions if c.of == network.of):
            gone = [condition.removed, *(w.states for w in condition.whiles if network.name in w.networks)]
            for states in (g for g in gone if g):
                stays = stays * truth(self.case[condition.name] not in states)
        for intervention in self.model.interventions:
            for clause in intervention.while_active:
                if network.name in clause.networks and clause.of == network.of:
                    active = truth(self.phase.get(intervention.name) == "active")
                    told = active if clause.where is None else active * self.value(clause.where)
                    stays = stays * (1 - told)
        if network.layout == "place":
            place = torch.tensor(np.asarray(self.world.attributes[network.of, network.place]))
            stays = stays * (place >= 0).double()
        return stays

    def _presence_reads(self, network: m.Network) -> list[m.Expr]:
        found: list[m.Expr] = []
        for condition in (c for c in self.model.conditions if c.of == network.of):
            if condition.removed or any(network.name in w.networks for w in condition.whiles):
                found.append(m.StateOf(condition.name, BOOLEAN, condition.span))
        for intervention in self.model.interventions:
            for clause in intervention.while_active:
                if network.name in clause.networks and clause.where is not None:
                    found.append(clause.where)
        return found

    def _scaled(self, contagion: m.Contagion, network: m.Network, end: str) -> Tensor:
        value = ONE
        mine = self._scalings(contagion, network, end)
        for scaling in mine:
            factor = self.value(scaling.factor)
            if scaling.where is not None:
                inside = self.value(scaling.where)
                factor = inside * factor + (1 - inside)
            value = value * factor
        return torch.clamp(value, min=0.0) if mine else value

    @staticmethod
    def _scalings(contagion: m.Contagion, network: m.Network, end: str) -> list[m.Scaling]:
        return [s for s in contagion.scalings if s.end == end and (not s.networks or network.name in s.networks)]

    def _scaling_reads(self, contagion: m.Contagion, network: m.Network, end: str) -> list[m.Expr]:
        mine = self._scalings(contagion, network, end)
        return [e for s in mine for e in (s.factor, s.where) if e is not None]

    def _forces(self, contagion: m.Contagion, covered: Covered) -> dict[int, Tensor]:
        """By susceptible state, (agents,): the expected force in this step of who is a source for parts of it."""
        condition = self.model.condition(contagion.condition)
        susceptible = {e.state for e in condition.exits if isinstance(e.trigger, m.ByContagion)}
        agents = self.world.counts[condition.of]
        total = {s: torch.zeros(agents, dtype=torch.float64) for s in susceptible}
        for name in dict.fromkeys(s.network for s in contagion.spreads):
            network = self.model.network(name)
            if not self._runs(network):
                continue
            felt = self._felt(contagion, network, agents, covered)
            reads = [*self._scaling_reads(contagion, network, "target"), *self._presence_reads(network)]
            for state in susceptible:
                factor = self.mean(reads, {condition.name: state}, lambda n=network: self._reached(contagion, n))
                total[state] = total[state] + factor * felt
        return total

    def _reached(self, contagion: m.Contagion, network: m.Network) -> Tensor:
        return self._scaled(contagion, network, "target") * self._present(network)

    def _runs(self, network: m.Network) -> bool:
        if not network.days:
            return True
        assert self.model.clock.start is not None
        day = datetime.date.fromisoformat(self.model.clock.start).weekday()
        weekend = (day + math.floor(self.now * self.model.clock.step + 1e-9)) % 7 >= 5
        return weekend == (network.days == "weekends")

    def _felt(self, contagion: m.Contagion, network: m.Network, agents: int, covered: Covered) -> Tensor:
        weight = torch.zeros(agents, dtype=torch.float64)
        dt = self.model.clock.step
        for spread in (s for s in contagion.spreads if s.network == network.name):
            reads = [spread.rate, *self._scaling_reads(contagion, network, "source"), *self._presence_reads(network)]
            contacts = network.contacts if network.mixing is None else None
            reads += [] if contacts is None else [contacts]

            def one(spread: m.Spread = spread, contacts: m.Expr | None = contacts) -> Tensor:
                rate = self.value(spread.rate) * (1 if contacts is None else self.value(contacts)) * dt
                return rate * self._scaled(contagion, network, "source") * self._present(network)

            for state in (s for s in spread.states if s in covered):
                each = self.mean(reads, {contagion.condition: state}, one)
                weight = weight + covered[state] * each
        here = self.mean(self._presence_reads(network), {}, lambda: self._present(network)).expand(agents)
        evenly = network.contacts is not None and not network.per_tie
        match network.layout:
            case "ties":
                ties = self.world.ties[network.name]
                rows = torch.repeat_interleave(torch.arange(agents), torch.tensor(np.diff(ties.offsets)))
                ends = torch.tensor(ties.targets).long()

                def add(x: Tensor) -> Tensor:
                    return torch.zeros(agents, dtype=torch.float64).index_add(0, rows, x[ends])

                return add(weight) / torch.clamp(add(here), min=ALONE) if evenly else add(weight)
            case "place":
                place = torch.tensor(np.asarray(self.world.attributes[network.of, network.place])).long()
                size = int(place.max().clamp(min=0)) + 1
                inside = place >= 0

                def at_place(x: Tensor) -> Tensor:
                    sums = torch.zeros(size, dtype=torch.float64).index_add(0, place[inside], x[inside])
                    return sums[place.clamp(min=0)] * inside

                felt = at_place(weight) - weight
                return felt / torch.clamp(at_place(here) - here, min=ALONE) if evenly else felt
            case _:
                return self._mixed(network, weight, here)

    def _mixed(self, network: m.Network, weight: Tensor, here: Tensor) -> Tensor:
        if network.mixing is None:
            return (weight.sum() - weight) / torch.clamp(here.sum(), min=NOBODY)
        table = self.model.table(network.mixing)
        size = len(table.keys[0])
        contacts = torch.tensor(table.values, dtype=torch.float64).reshape(size, size)
        group = torch.tensor(np.asarray(self.world.attributes[network.of, table.key_attributes[0]])).long()
        total = torch.zeros(size, dtype=torch.float64).index_add(0, group, weight)
        number = torch.clamp(torch.zeros(size, dtype=torch.float64).index_add(0, group, here), min=NOBODY)
        return (contacts @ (total / number))[group] - contacts[group, group] * weight / number[group]

"""The reference of the relaxation, contagion: expected weights over parts of a step, and the force on everyone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch

from compiler_tests.relaxed_reference.marginals import Tensor, Values
from lpmdsl.reference.contagion.networks import from_others
from lpmdsl.reference.contagion.presence import present, runs_on
from lpmdsl.reference.contagion.weights import factor_at_target, weights
from lpmdsl.reference.expressions import Moment
from lpmdsl.semantics import model as m

Covered = dict[int, Tensor]
"""By state, (agents,): the mean part of the step for which one is in it."""


@dataclass(slots=True)
class Contagion(Values):
    """Weights and forces at the present step."""

    def _forces(self, contagion: m.Contagion, covered: Covered) -> dict[int, Tensor]:
        """By susceptible state, (agents,): the expected force in this step of who is a source for parts of it."""
        condition = self.model.condition(contagion.condition)
        susceptible = {e.state for e in condition.exits if isinstance(e.trigger, m.ByContagion)}
        agents = self.world.counts[condition.of]
        total = {s: torch.zeros(agents, dtype=torch.float64) for s in susceptible}
        for network in (self.model.network(name) for name in contagion.networks):
            if runs_on(network, self.model.clock, self.now * self.model.clock.step):
                felt = self._felt(contagion, network, covered)
                for state in susceptible:
                    factor = self.mean({condition.name: state}, partial(_reached, contagion, network))
                    total[state] = total[state] + factor * felt
        return total

    def _felt(self, contagion: m.Contagion, network: m.Network, covered: Covered) -> Tensor:
        weight = torch.zeros(self.world.counts[network.of], dtype=torch.float64)
        for state in contagion.sources_on(network.name):
            if state in covered:
                each = self.mean({contagion.condition: state}, partial(weights, contagion, network))
                weight = weight + covered[state] * each
        here = self.mean({}, lambda now: present(network, network.of, now).double())
        return from_others(network, weight, weight, network.of, here, self.moment(), self.world)


def _reached(contagion: m.Contagion, network: m.Network, now: Moment) -> Tensor:
    there = present(network, network.of, now)
    factor = factor_at_target(contagion, network, network.of, there, now)
    return there.double() if factor is None else there * factor

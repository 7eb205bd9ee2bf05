"""Exposure that everybody meets in a step (phases 4 and 5 of a step), and what sources owe."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from lpmdsl.networks.world import World
from lpmdsl.reference.arithmetic import SURE, rounded, share
from lpmdsl.reference.contagion.networks import from_others
from lpmdsl.reference.contagion.presence import present, runs_on
from lpmdsl.reference.contagion.weights import factor_at_target, weights
from lpmdsl.reference.expressions import Moment
from lpmdsl.semantics.model import Contagion, Model, Network

Owed = dict[tuple[str, str], Tensor]
"""Debts of each source beside its weight of a whole step, in units of 2⁻³² (int64), by condition and network."""


def nothing_owed(model: Model, counts: dict[str, int]) -> Owed:
    """Debts before the first step, none, by numbers of agents of each kind."""
    pairs = {(c, s.network) for c in model.contagions for s in c.spreads}
    kinds = {(c.condition, n): model.condition(c.source_on(n)).of for c, n in pairs}
    return {key: torch.zeros(counts[kind], dtype=torch.int64) for key, kind in kinds.items()}


@dataclass(slots=True)
class Met:
    """Exposure of everybody in a look: in ``total``, and the ``force`` at the end of the step by which an
    infection is dated (int64 over agents, units of 2⁻³² a step). A second look dates infections otherwise."""

    total: Tensor
    force: Tensor
    is_first: bool = True
    apart: dict[str, Tensor] = field(default_factory=dict)
    """Exposure of everybody on each network, and in ``sent`` what every source sent on it."""
    sent: dict[str, Tensor] = field(default_factory=dict)


def exposure(contagion: Contagion, moment: Moment, world: World, owed: Owed, is_first: bool) -> Met:
    """Exposure of every agent, summed over networks: by whole weights and what is owed, or by what is owed alone."""
    kind = moment.model.condition(contagion.condition).of
    nothing = torch.zeros(moment.counts[kind], dtype=torch.int64)
    met = Met(nothing, nothing, is_first)
    for network in moment.model.networks:
        if contagion.spreads_on(network.name):
            due = owed[contagion.condition, network.name]
            total, force, sent = _met_on(contagion, network, moment, world, due, is_first)
            met = replace(met, total=met.total + total, force=met.force + force)
            met.apart[network.name], met.sent[network.name] = total, sent
    return met


def _met_on(
    c: Contagion, network: Network, moment: Moment, world: World, owed: Tensor, is_first: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Exposure of everybody on one network, the force on them as the step ends, and what every source sent."""
    kind = moment.model.condition(c.condition).of
    counts = is_first and runs_on(network, moment.model.clock, moment.time)
    moment = moment if counts else replace(moment, watched={})
    there = present(network, kind, moment)
    weight = weights(c, network, moment) if counts else torch.zeros_like(owed)
    total = from_others(network, weight + owed, weight, kind, there, moment, world)
    force = from_others(network, weight, weight, kind, there, moment, world)
    factor = factor_at_target(c, network, kind, there, moment)
    return _felt(total, factor, there), _felt(force, factor, there), weight + owed


def _felt(met: Tensor, factor: Tensor | None, there: Tensor) -> Tensor:
    if factor is not None:
        met = rounded((met.to(torch.float64) * factor).clamp(max=SURE))
    return torch.clamp(torch.where(there, met, 0), min=0)


@dataclass(frozen=True, slots=True)
class Stay:
    """Ticks from ``begin`` to ``end`` in which ``agents`` weigh, of which ``counted`` are counted already, as they are
    weighed at the tick ``counted_at``. All are int64 over ``agents``."""

    agents: Tensor
    begin: Tensor
    end: Tensor
    counted: Tensor
    counted_at: Tensor


def add_owed(owed: Owed, condition: str, moment: Moment, stay: Stay) -> None:
    """Adds what sources of ``condition`` weigh in a stay, less what is counted of them, on every network that runs.

    What hangs on the time since a move is read in the middle of the stay. ``moment``: with the states in which they
    were then.
    """
    if not len(stay.agents):
        return
    quiet = replace(moment, watched={})
    agents, ticks = stay.agents, stay.end - stay.begin
    for c in moment.model.contagions:
        for network in (n for n in moment.model.networks if c.spreads_on(n.name)):
            if c.source_on(network.name) == condition and runs_on(network, moment.model.clock, moment.time):
                sums = owed[c.condition, network.name]
                then, before = (
                    weights(c, network, quiet, _of_everybody(sums, agents, at))[agents]
                    for at in ((stay.begin + stay.end) >> 1, stay.counted_at)
                )
                sums[agents] += share(then, ticks) - share(before, stay.counted)


def _of_everybody(like: Tensor, agents: Tensor, at: Tensor) -> Tensor:
    """Ticks of ``agents`` as ticks of everybody, 0 of the others."""
    ticks = torch.zeros_like(like)
    ticks[agents] = at
    return ticks

"""Both ends of a contact: weights of sources, and factors of those at risk."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from lpmdsl.reference.arithmetic import TICKS
from lpmdsl.reference.contagion.presence import present
from lpmdsl.reference.expressions import Moment, evaluate, holds, in_states, over_agents
from lpmdsl.reference.watched import look_at
from lpmdsl.semantics.analysis.exposure.largest_hazards import weight_in_a_step
from lpmdsl.semantics.model import ByContagion, Contagion, Network, Scaling, Spread


def weights(c: Contagion, network: Network, moment: Moment, at: Tensor | None = None) -> Tensor:
    """Weight of everybody of the source's kind on the network, in a whole step in which it runs (2⁻³²).

    ``at``: the tick at which the time since a move is read; None: the middle of the step.
    """
    kind = moment.model.condition(c.source_on(network.name)).of
    if at is None:
        at = torch.tensor(round(moment.time / moment.model.clock.step) * TICKS + TICKS // 2)
    there = present(network, kind, moment)
    return _weights(c, c.spreads_on(network.name), network, kind, there, replace(moment, since_at=at))


def _weights(
    c: Contagion, spreads: tuple[Spread, ...], network: Network, kind: str, there: Tensor, moment: Moment
) -> Tensor:
    """Weight of each agent on the network in this step, in units of 2⁻³²: 0 unless present in a source state."""
    state = moment.states[spreads[0].of or c.condition]
    total = torch.zeros_like(state)
    for spread in spreads:
        x = over_agents(spread.rate, kind, moment)
        here = there & in_states(state, spread.states)
        look_at(spread.rate, "rate", x, here, kind, moment)
        if network.contacts is not None and network.mixing is None:
            contacts = evaluate(network.contacts, moment)
            look_at(network.contacts, "contacts", contacts, here, kind, moment)
            x = x * contacts
        x = x * moment.model.clock.step
        x = _scaled(x, _scalings(c, "source", network), kind, here, moment)
        look_at(weight_in_a_step(moment.model, c, network, spread), "hazard", x, here, kind, moment)
        total = total + torch.where(here, moment.domain.weight(x), 0)
    return total


def factor_at_target(c: Contagion, network: Network, kind: str, there: Tensor, moment: Moment) -> Tensor | None:
    """Everybody's factor of what it meets; None where nothing scales it."""
    scalings = _scalings(c, "target", network)
    if not scalings:
        return None
    condition = moment.model.condition(c.condition)
    exposed = tuple(e.state for e in condition.exits if isinstance(e.trigger, ByContagion))
    here = there & in_states(moment.states[c.condition], exposed)
    y = _scaled(torch.ones(moment.counts[kind], dtype=torch.float64), scalings, kind, here, moment)
    return torch.clamp(y, min=0.0)


def _scaled(x: Tensor, scalings: tuple[Scaling, ...], kind: str, here: Tensor, moment: Moment) -> Tensor:
    """Everybody's number times the factors that hold for them; they are read for those who are ``here``."""
    for scaling in scalings:
        meant, factor = holds(scaling.where, kind, moment), evaluate(scaling.factor, moment)
        look_at(scaling.factor, "factor", factor, here & meant, kind, moment)
        x = torch.where(meant, x * factor, x)
    return x


def _scalings(contagion: Contagion, end: str, network: Network) -> tuple[Scaling, ...]:
    on_network = (s for s in contagion.scalings if not s.networks or network.name in s.networks)
    return tuple(s for s in on_network if s.end == end)

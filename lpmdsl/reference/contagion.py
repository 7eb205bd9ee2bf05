"""Presence in networks, and the hazard of infection that each one meets in a step (phases 3 and 4 of a step)."""

from __future__ import annotations

import datetime
import math
from typing import assert_never

import torch
from torch import Tensor

from lpmdsl.networks.world import Ties, World
from lpmdsl.reference.arithmetic import capped, rounded
from lpmdsl.reference.expressions import Moment, evaluate, everyone, holds, in_states, over_agents
from lpmdsl.reference.watched import look_at
from lpmdsl.semantics.model import AttributeRef, ByContagion, Clock, Contagion, Network, Scaling, Spread

CONTACT, MOST_CONTACTS = 65_536.0, 65_536.0
"""Contacts per day that people have of their own are added up in units of 2⁻¹⁶, at most so many each."""
SLACK = 1e-9
"""A point in time this many periods before a boundary is on it: products of a step that is no binary fraction."""


def hazards(contagion: Contagion, moment: Moment, world: World) -> Tensor:
    """For every agent the hazard of infection in this step, in units of 2⁻³², summed over networks (int64)."""
    kind = moment.model.condition(contagion.condition).of
    total = torch.zeros(moment.counts[kind], dtype=torch.int64)
    for network in moment.model.networks:
        spreads = tuple(s for s in contagion.spreads if s.network == network.name)
        if spreads:
            there = present(network, kind, moment)
            if network.is_between:
                met = _met_of_other_kind(contagion, spreads, network, moment)
            else:
                weight = _weights(contagion, spreads, network, kind, there, moment)
                met = _met(network, weight, there, moment, world)
            total = total + torch.where(there, _scaled_at_target(contagion, network, kind, met, there, moment), 0)
    return total


# ------------------------------------------------------------------ presence


def present(network: Network, kind: str, moment: Moment) -> Tensor:
    """For every agent of a kind that the network joins, whether it is there in this step."""
    if not runs_on(network, moment.model.clock, moment.time):
        return torch.zeros(moment.counts[kind], dtype=torch.bool)
    there = ~removed(kind, moment) & ~_kept_away(network, kind, moment)
    there = there & holds(network.where, kind, moment)
    for intervention in moment.model.interventions:
        for clause in intervention.while_active:
            leaves = clause.of == kind and network.name in clause.networks
            if leaves and moment.active[intervention.name]:
                there = there & ~holds(clause.where, kind, moment)
    if network.layout == "place":
        there = there & (moment.attributes[(network.of, network.place)] >= 0)
    return there


def runs_on(network: Network, clock: Clock, time: float) -> bool:
    """Return True if the weekday of the date at ``time`` (days since the start) is one of the network's."""
    if not network.days or clock.start is None:
        return True
    date = datetime.date.fromisoformat(clock.start) + datetime.timedelta(days=math.floor(time + SLACK))
    return (date.weekday() < 5) == (network.days == "weekdays")


def removed(kind: str, moment: Moment) -> Tensor:
    """For every agent whether any of its conditions is in a removed state."""
    gone = ~everyone(kind, moment)
    for condition in moment.model.conditions:
        if condition.of == kind:
            gone = gone | in_states(moment.states[condition.name], condition.removed)
    return gone


def _kept_away(network: Network, kind: str, moment: Moment) -> Tensor:
    away = ~everyone(kind, moment)
    for condition in moment.model.conditions:
        for clause in condition.whiles:
            if condition.of == kind and network.name in clause.networks:
                away = away | in_states(moment.states[condition.name], clause.states)
    return away


# ------------------------------------------------------------------ both ends


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
        total = total + torch.where(here, capped(x), 0)
    return total


def _scaled_at_target(
    c: Contagion, network: Network, kind: str, hazard: Tensor, there: Tensor, moment: Moment
) -> Tensor:
    scalings = _scalings(c, "target", network)
    if not scalings:
        return hazard
    condition = moment.model.condition(c.condition)
    exposed = tuple(e.state for e in condition.exits if isinstance(e.trigger, ByContagion))
    here = there & in_states(moment.states[c.condition], exposed)
    y = _scaled(torch.ones(moment.counts[kind], dtype=torch.float64), scalings, kind, here, moment)
    return rounded(hazard.to(torch.float64) * torch.clamp(y, min=0.0))


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


# ------------------------------------------------------------------ between them


def _met(network: Network, weight: Tensor, there: Tensor, moment: Moment, world: World) -> Tensor:
    """Hazard at each agent from the others' weights, before target scaling."""
    match network.layout:
        case "place":
            return _met_in_place(network, weight, there, moment, world)
        case "ties":
            return _met_on_ties(network, weight, there, world.ties[network.name])
        case "random":
            if network.mixing is not None:
                return _met_mixing(network, weight, there, moment)
            return _met_at_random(network, weight, there, moment)
        case _:
            assert_never(network.layout)


def _met_in_place(network: Network, weight: Tensor, there: Tensor, moment: Moment, world: World) -> Tensor:
    places = world.place_counts[(network.of, network.place)]
    place = moment.attributes[(network.of, network.place)].to(torch.int64)
    here = torch.clamp(place, min=0)
    sums = torch.zeros(places + 1, dtype=torch.int64).index_add(0, here, torch.where(there, weight, 0))
    others = torch.zeros(places + 1, dtype=torch.int64).index_add(0, here, there.to(torch.int64))[here] - 1
    return _evenly(network, sums[here] - weight, others)


def _met_on_ties(network: Network, weight: Tensor, there: Tensor, ties: Ties) -> Tensor:
    agents = torch.arange(len(weight))
    row = torch.repeat_interleave(agents, torch.diff(torch.from_numpy(ties.offsets)))
    neighbour = torch.from_numpy(ties.targets).to(torch.int64)
    sums = torch.zeros_like(weight).index_add(0, row, weight[neighbour])
    others = torch.zeros_like(weight).index_add(0, row, there.to(torch.int64)[neighbour])
    return _evenly(network, sums, others)


def _evenly(network: Network, sums: Tensor, others: Tensor) -> Tensor:
    """Shared out among those present where contacts are spread evenly, whole where they are per tie."""
    if network.per_tie or network.contacts is None:
        return sums
    return torch.where(others > 0, sums // torch.clamp(others, min=1), 0)


def _met_at_random(network: Network, weight: Tensor, there: Tensor, moment: Moment) -> Tensor:
    """Weight of all, shared among those present, or among all contacts where everybody has a number of their own."""
    everyone_present = there.sum().to(torch.float64)
    if network.is_by_person:
        assert network.contacts is not None
        own = over_agents(network.contacts, network.of, moment)
        look_at(network.contacts, "contacts", own, there, network.of, moment)
        own = torch.clamp(own, 0.0, MOST_CONTACTS)
        everyone_present = torch.where(there, rounded(own * CONTACT), 0).sum().to(torch.float64) / CONTACT
    return rounded((weight.sum() - weight).to(torch.float64) / everyone_present)


def _met_of_other_kind(c: Contagion, spreads: tuple[Spread, ...], network: Network, moment: Moment) -> Tensor:
    """The hazard from those of the other kind: what they weigh, shared among those present of the second kind."""
    other = moment.model.condition(spreads[0].of).of
    weight = _weights(c, spreads, network, other, present(network, other, moment), moment)
    number = int(present(network, network.to, moment).sum())
    if number == 0:
        return torch.zeros((), dtype=torch.int64)
    return rounded(weight.sum().to(torch.float64) / float(number))


def _met_mixing(network: Network, weight: Tensor, there: Tensor, moment: Moment) -> Tensor:
    """Group by group: contacts per day with the group, times the mean weight (of a step) of those present in it."""
    table = moment.model.table(network.mixing or "")
    size = len(table.keys[0])
    own = over_agents(_mixing_attribute(network, moment), network.of, moment).to(torch.int64)
    contacts = torch.tensor(table.values, dtype=torch.float64).reshape(size, size)
    total = torch.zeros_like(weight)
    for group in range(size):
        number = int((there & (own == group)).sum())
        if number > 0:
            others = weight[own == group].sum() - torch.where(own == group, weight, 0)
            total = total + rounded((contacts[own, group] * others.to(torch.float64)) / float(number))
    return total


def _mixing_attribute(network: Network, moment: Moment) -> AttributeRef:
    name = moment.model.table(network.mixing or "").key_attributes[0]
    declared = next(a for a in moment.model.agent(network.of).attributes if a.name == name)
    return AttributeRef(network.of, name, declared.type, network.span)

"""Presence in networks, and the exposure that everybody meets in a step (phases 4 and 5 of a step)."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, field, replace
from typing import assert_never

import numpy as np
import torch
from torch import Tensor

from lpmdsl.networks.world import World
from lpmdsl.reference.arithmetic import SURE, TICKS, rounded, share
from lpmdsl.reference.expressions import Moment, evaluate, everyone, holds, in_states, over_agents
from lpmdsl.reference.ties import ends_of_ties
from lpmdsl.reference.watched import look_at
from lpmdsl.semantics.analysis.exposure.largest_hazards import weight_in_a_step
from lpmdsl.semantics.model import AttributeRef, ByContagion, Clock, Contagion, Model, Network, Rule, Scaling, Spread

CONTACT, MOST_CONTACTS = 65_536.0, 65_536.0
"""Contacts per day that people have of their own are added up in units of 2⁻¹⁶, at most so many each."""
SLACK = 1e-9
"""A point in time this many periods before a boundary is on it: products of a step that is no binary fraction."""


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


def weights(c: Contagion, network: Network, moment: Moment, at: Tensor | None = None) -> Tensor:
    """Weight of everybody of the source's kind on the network, in a whole step in which it runs (2⁻³²).

    ``at``: the tick at which the time since a move is read; None: the middle of the step.
    """
    kind = moment.model.condition(c.source_on(network.name)).of
    if at is None:
        at = torch.tensor(round(moment.time / moment.model.clock.step) * TICKS + TICKS // 2)
    there = present(network, kind, moment)
    return _weights(c, c.spreads_on(network.name), network, kind, there, replace(moment, since_at=at))


# ------------------------------------------------------------------ presence


def present(network: Network, kind: str, moment: Moment) -> Tensor:
    """For every agent of a kind that the network joins, whether it takes part on the days on which it runs."""
    if network.remembers:
        return everyone(kind, moment)
    there = ~removed(kind, moment) & ~_kept_away(network, kind, moment)
    there = there & holds(network.where, kind, moment)
    for intervention in moment.model.interventions:
        for clause in intervention.while_active:
            if clause.of == kind and network.name in clause.networks:
                leaves = holds(intervention.active(clause.span), kind, moment)
                there = there & ~(leaves & holds(clause.where, kind, moment))
    if network.layout == "place":
        there = there & (moment.attributes[(network.of, network.place)] >= 0)
    return there


def runs_on(network: Network | Rule, clock: Clock, time: float) -> bool:
    """Return True if the weekday of the date at ``time`` (days since the start) is one of a network's or a rule's."""
    if not network.days or clock.start is None:
        return True
    day = math.floor(time + SLACK)
    if isinstance(network, Network) and any(first <= day < until for first, until in network.closed):
        return False
    date = datetime.date.fromisoformat(clock.start) + datetime.timedelta(days=day)
    return (date.weekday() < 5) == (network.days == "weekdays")


def removed(kind: str, moment: Moment) -> Tensor:
    """For every agent whether any of its conditions is in a removed state."""
    gone = ~everyone(kind, moment)
    for condition in moment.model.conditions:
        if condition.of == kind and condition.removed:
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


# ------------------------------------------------------------------ between them


def from_others(
    network: Network, sent: Tensor, own: Tensor, kind: str, there: Tensor, moment: Moment, world: World
) -> Tensor:
    """Exposure of each agent by what the others ``sent``, before target scaling; ``own``: of which this is its own.

    ``there``: of each agent whether it is present, or the chance that it is.
    """
    if network.is_between:
        return _met_of_other_kind(network, sent, moment)
    match network.layout:
        case "place":
            return _met_in_place(network, sent, own, there, moment, world)
        case "ties":
            return _met_on_ties(network, sent, there, ends_of_ties(world, network, moment, moment.time), moment)
        case "random":
            if network.mixing is not None:
                return _met_mixing(network, sent, own, there, moment)
            return _met_at_random(network, sent, own, there, moment)
        case _:
            assert_never(network.layout)


def _met_in_place(network: Network, sent: Tensor, own: Tensor, there: Tensor, moment: Moment, world: World) -> Tensor:
    places = world.place_counts[(network.of, network.place)]
    place = moment.attributes[(network.of, network.place)].to(torch.int64)
    here = torch.clamp(place, min=0)
    sums = torch.zeros(places + 1, dtype=sent.dtype).index_add(0, here, torch.where(place >= 0, sent, 0))
    number = there.to(sent.dtype)
    others = torch.zeros(places + 1, dtype=sent.dtype).index_add(0, here, number)[here] - number
    return _evenly(network, sums[here] - own, others, moment)


def _met_on_ties(
    network: Network, sent: Tensor, there: Tensor, ties: tuple[np.ndarray, np.ndarray], moment: Moment
) -> Tensor:
    row, neighbour = (torch.from_numpy(ends) for ends in ties)
    sums = torch.zeros_like(sent).index_add(0, row, sent[neighbour])
    others = torch.zeros_like(sent).index_add(0, row, there.to(sent.dtype)[neighbour])
    return _evenly(network, sums, others, moment)


def _evenly(network: Network, sums: Tensor, others: Tensor, moment: Moment) -> Tensor:
    """Shared out among those present where contacts are spread evenly, whole where they are per tie."""
    if network.per_tie or network.contacts is None:
        return sums
    return moment.domain.evenly(sums, others)


def _met_at_random(network: Network, sent: Tensor, own: Tensor, there: Tensor, moment: Moment) -> Tensor:
    """Weight of all, shared among those present, or among all contacts where everybody has a number of their own."""
    everyone_present = there.sum().to(torch.float64)
    if network.is_by_person:
        assert network.contacts is not None
        contacts = over_agents(network.contacts, network.of, moment)
        look_at(network.contacts, "contacts", contacts, there, network.of, moment)
        contacts = torch.clamp(contacts, 0.0, MOST_CONTACTS)
        everyone_present = torch.where(there, rounded(contacts * CONTACT), 0).sum().to(torch.float64) / CONTACT
    return moment.domain.among(sent.sum() - own, everyone_present)


def _met_of_other_kind(network: Network, sent: Tensor, moment: Moment) -> Tensor:
    """Exposure by those of the other kind: what they sent, shared among those present of the second kind."""
    number = int(present(network, network.to, moment).sum())
    if number == 0:
        return torch.zeros((), dtype=torch.int64)
    return rounded(sent.sum().to(torch.float64) / float(number))


def _met_mixing(network: Network, sent: Tensor, own: Tensor, there: Tensor, moment: Moment) -> Tensor:
    """Group by group: contacts per day with the group, times the mean weight (of a step) of those present in it."""
    table = moment.model.table(network.mixing or "")
    size = len(table.keys[0])
    mine = over_agents(_mixing_attribute(network, moment), network.of, moment).to(torch.int64)
    contacts = torch.tensor(table.values, dtype=torch.float64).reshape(size, size)
    total = torch.zeros_like(sent)
    for group in range(size):
        inside = mine == group
        number = torch.where(inside, there, 0).sum().to(torch.float64)
        if number > 0:
            others = sent[inside].sum() - torch.where(inside, own, 0)
            total = total + moment.domain.among(contacts[mine, group] * others.to(torch.float64), number)
    return total


def _mixing_attribute(network: Network, moment: Moment) -> AttributeRef:
    name = moment.model.table(network.mixing or "").key_attributes[0]
    declared = next(a for a in moment.model.agent(network.of).attributes if a.name == name)
    return AttributeRef(network.of, name, declared.type, network.span)

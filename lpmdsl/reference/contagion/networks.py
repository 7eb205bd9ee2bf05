"""Exposure by others over a network: in places, along ties, at random, by mixing, between kinds."""

from __future__ import annotations

from typing import assert_never

import numpy as np
import torch
from torch import Tensor

from lpmdsl.networks.world import World
from lpmdsl.reference.arithmetic import rounded
from lpmdsl.reference.contagion.presence import present
from lpmdsl.reference.contagion.ties import ends_of_ties
from lpmdsl.reference.expressions import Moment, over_agents
from lpmdsl.reference.watched import look_at
from lpmdsl.semantics.model import AttributeRef, Network

CONTACT, MOST_CONTACTS = 65_536.0, 65_536.0
"""Contacts per day that people have of their own are added up in units of 2⁻¹⁶, at most so many each."""


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

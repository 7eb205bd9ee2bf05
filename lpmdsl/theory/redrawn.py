"""Ties that are drawn anew, on paper: contacts with anybody, as many as one has ties."""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.quantities import CONTACT_RATE, Kind, Type
from lpmdsl.semantics import model as m


def as_random_contacts(model: m.Model) -> m.Model:
    """The model with contacts at random in the place of ties that are drawn anew; itself where there are none.

    Who is infected once is nobody's neighbour the next time but by chance. Within a period one meets the same people
    again, which this leaves out.
    """
    if not any(n.redrawn and n.layout == "ties" for n in model.networks):
        return model
    return replace(model, networks=tuple(_at_random(n) if n.redrawn else n for n in model.networks))


def _at_random(network: m.Network) -> m.Network:
    if network.layout != "ties" or network.generator is None:
        return network
    degree = next(value for name, value in network.generator.arguments if name == "degree")
    assert not isinstance(degree, m.Distribution)
    if network.contacts is None:
        contacts: m.Expr = degree
    else:
        rate = Type(Kind.NUMBER, CONTACT_RATE)
        contacts = m.Apply("mul", (degree, network.contacts), rate, network.contacts.span)
    return replace(network, layout="random", contacts=contacts, per_tie=False, generator=None)

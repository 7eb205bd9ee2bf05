"""Presence: who takes part in a network, and on which days it runs."""

from __future__ import annotations

import datetime
import math

from torch import Tensor

from lpmdsl.reference.expressions import Moment, everyone, holds, in_states
from lpmdsl.semantics.model import Clock, Network, Rule

SLACK = 1e-9
"""A point in time this many periods before a boundary is on it: products of a step that is no binary fraction."""


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

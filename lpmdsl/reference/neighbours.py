"""Sight of neighbours, over all pairs of a network at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lpmdsl.networks.world import World
from lpmdsl.reference.arithmetic import Draws, sqrt
from lpmdsl.reference.contagion.presence import present, removed, runs_on
from lpmdsl.reference.contagion.ties import ends_of_draw, ends_of_ties, in_places
from lpmdsl.reference.expressions import Moment, evaluate, holds, over_agents
from lpmdsl.semantics.analysis.views import looked_back, seen_by
from lpmdsl.semantics.model import Expr, Neighbours, Network


def look(moment: Moment, part: object, world: World, draws: Draws, at_end: bool = False) -> None:
    """Brings up to date what a part of the model reads of neighbours, in the live moment.

    ``at_end`` of a step, when those of its day are still met.
    """
    day = max(0.0, moment.time - moment.model.clock.step) if at_end else moment.time
    for kind, seen in seen_by(moment.model, part):
        assert seen.view is not None
        values = looked_at(seen.view, moment, moment, world, draws, day)
        moment.attributes[(kind, seen.name)] = values


def looked_at(expr: Neighbours, own: Moment, others: Moment, world: World, draws: Draws, day: float) -> Tensor:
    """For every agent what it sees of its neighbours on a day: itself as in ``own``, they as in ``others``."""
    network = own.model.network(expr.network)
    count = own.counts[network.of]
    mine, theirs = pairs(network, own, others, world, day)
    met = torch.bincount(mine, minlength=count)
    mine, theirs = _where(expr.where, network.of, mine, theirs, own, others, world)
    number = torch.bincount(mine, minlength=count)
    if expr.function == "count":
        return number.to(torch.float64)
    if expr.function == "share":
        values, of_whom = number.to(torch.float64) / met.to(torch.float64), met
    else:
        assert expr.what is not None
        between = facing(network.of, mine, theirs, own, others, world)
        values, of_whom = _summary(expr, over_agents(expr.what, network.of, between), mine, number, draws), number
    if expr.function == "sum":
        return values
    if expr.otherwise is None:
        nobody = torch.full_like(values, 0.0 if expr.function == "commonest" else torch.nan)
    else:
        nobody = over_agents(expr.otherwise, network.of, own)
    return torch.where(of_whom == 0, nobody, values)


def of_members(expr: Neighbours, now: Moment, world: World, draws: Draws) -> Tensor:
    """For every place what it sees of its members who are not removed."""
    place = torch.from_numpy(world.attributes[(expr.of, expr.place)].astype(np.int64))
    count = max(1, world.place_counts[(expr.of, expr.place)])
    members = torch.nonzero((place >= 0) & ~removed(expr.of, now)).flatten()
    members = members[torch.argsort(place[members], stable=True)]
    met = torch.bincount(place[members], minlength=count)
    members = members[holds(expr.where, expr.of, now)[members]]
    mine = place[members]
    number = torch.bincount(mine, minlength=count)
    if expr.function in ("count", "share"):
        values = number.to(torch.float64)
        values, of_whom = (values, None) if expr.function == "count" else (values / met.to(torch.float64), met)
    else:
        assert expr.what is not None
        values, of_whom = _summary(expr, over_agents(expr.what, expr.of, now)[members], mine, number, draws), number
    if of_whom is None or expr.function == "sum":
        return values
    nobody = torch.tensor(torch.nan, dtype=torch.float64) if expr.otherwise is None else evaluate(expr.otherwise, now)
    return torch.where(of_whom == 0, nobody, values)


def pairs(network: Network, own: Moment, others: Moment, world: World, day: float) -> tuple[Tensor, Tensor]:
    """Both ends of every tie on which both are present, by the first end and then in the order of its row."""
    kind = network.of
    if not runs_on(network, own.model.clock, day):
        return torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    if network.layout == "place":
        mine, theirs = in_places(world.attributes[(kind, network.place)])
    else:
        mine, theirs = ends_of_ties(world, network, own, day)
    first, second = torch.from_numpy(mine), torch.from_numpy(theirs)
    both = present(network, kind, own)[first] & present(network, kind, others)[second]
    return first[both], second[both]


def note_presence(kept: dict[str, list[Tensor]], moment: Moment) -> None:
    """Notes who takes part in this step, of networks to whose ties somebody looks back."""
    for network in looked_back(moment.model):
        runs = runs_on(network, moment.model.clock, moment.time)
        kept.setdefault(network.name, []).append(present(network, network.of, moment) & runs)


def pairs_before(
    network: Network, days: float, kept: list[Tensor], world: World, moment: Moment
) -> tuple[Tensor, Tensor]:
    """Both ends of every tie over which two met in the steps of so many days that are over, by the first end.

    Two who were tied in several draws stand in it for each, in their order.
    """
    every, count = world.circles[network.name].every, world.counts[network.of]
    steps = range(max(0, len(kept) - round(days / moment.model.clock.step)), len(kept))
    none = torch.zeros(0, dtype=torch.int64)
    found = [(none, none)]
    for draw in sorted({step // every for step in steps}):
        mine, theirs = (torch.from_numpy(ends) for ends in ends_of_draw(world, network.name, count, draw))
        together = torch.zeros(len(mine), dtype=torch.bool)
        for step in (s for s in steps if s // every == draw):
            together |= kept[step][mine] & kept[step][theirs]
        found.append((mine[together], theirs[together]))
    mine, theirs = (torch.cat(ends) for ends in zip(*found, strict=True))
    order = torch.argsort(mine, stable=True)
    return mine[order], theirs[order]


def facing(kind: str, mine: Tensor, theirs: Tensor, own: Moment, others: Moment, world: World) -> Moment:
    """A moment in which every pair is an agent that has the other in view."""
    beside = _gathered(kind, theirs, others)
    return replace(_gathered(kind, mine, own), theirs=beside, pairs=(world.ties, mine, theirs))


def _gathered(kind: str, agents: Tensor, moment: Moment) -> Moment:
    attributes = {k: v[agents] if k[0] == kind else v for k, v in moment.attributes.items()}
    of = {c.name for c in moment.model.conditions if c.of == kind}
    states = {name: v[agents] if name in of else v for name, v in moment.states.items()}
    entered = {name: v[agents] if name in of else v for name, v in moment.entered.items()}
    counts = {**moment.counts, kind: len(agents)}
    seen = {expr: v[agents] for expr, v in moment.seen_of_others.items()}
    return replace(moment, attributes=attributes, states=states, entered=entered, counts=counts, seen_of_others=seen)


def _where(
    where: Expr | None, kind: str, mine: Tensor, theirs: Tensor, own: Moment, others: Moment, world: World
) -> tuple[Tensor, Tensor]:
    if where is None:
        return mine, theirs
    holds = over_agents(where, kind, facing(kind, mine, theirs, own, others, world)) != 0
    return mine[holds], theirs[holds]


def _summary(expr: Neighbours, values: Tensor, mine: Tensor, number: Tensor, draws: Draws) -> Tensor:
    count = len(number)
    if expr.function == "quantile":
        return _quantiles(values, mine, number, expr.level)
    if expr.function == "commonest":
        return _commonest(expr, values.to(torch.int64), mine, count, draws)
    if expr.function in ("min", "max"):
        found = np.full(count, np.inf if expr.function == "min" else -np.inf)
        (np.minimum if expr.function == "min" else np.maximum).at(found, mine.numpy(), values.numpy())
        return torch.from_numpy(found)
    total = _added(values, mine, count)
    if expr.function == "sum":
        return total
    mean = total / number.to(torch.float64)
    if expr.function == "mean":
        return mean
    square = _added(values * values, mine, count) / number.to(torch.float64)
    variance = square - mean * mean
    return sqrt(torch.where(torch.isnan(variance), variance, torch.clamp(variance, min=0.0)))


def _added(values: Tensor, mine: Tensor, count: int) -> Tensor:
    """Sums in the order of the pairs, one after the other."""
    total = np.zeros(count)
    np.add.at(total, mine.numpy(), values.numpy())
    return torch.from_numpy(total)


def _quantiles(values: Tensor, mine: Tensor, number: Tensor, level: float) -> Tensor:
    order = np.lexsort((values.numpy(), mine.numpy()))
    ordered = torch.cat((values[torch.from_numpy(order)], torch.zeros(1, dtype=torch.float64)))
    begin = torch.cumsum(number, 0) - number
    place = level * (number - 1).to(torch.float64)
    below = torch.clamp(torch.floor(place).to(torch.int64), min=0)
    above = torch.minimum(below + 1, torch.clamp(number - 1, min=0))
    last = len(ordered) - 1
    low, high = (ordered[torch.clamp(begin + rank, max=last)] for rank in (below, above))
    between = low + (place - below.to(torch.float64)) * (high - low)
    unknown = torch.bincount(mine, weights=torch.isnan(values).to(torch.float64), minlength=len(number)) > 0
    return torch.where(unknown, torch.nan, torch.where(low == high, low, between))


def _commonest(expr: Neighbours, labels: Tensor, mine: Tensor, count: int, draws: Draws) -> Tensor:
    """The label that most have, and of those that are equally common the one with the lowest lot."""
    assert expr.what is not None
    number = max(2, len(expr.what.type.labels))
    having = torch.bincount(mine * number + labels, minlength=count * number).reshape(count, number)
    agents = torch.arange(count)
    path = f"{expr.network}.commonest"
    lots = torch.stack([draws.words(agents, path, torch.full_like(agents, k))[0] for k in range(number)], dim=1)
    lots = torch.where(having == having.max(dim=1, keepdim=True).values, lots, 1 << 40)
    return torch.argmin(lots, dim=1).to(torch.float64)

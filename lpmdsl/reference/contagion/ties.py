"""Both ends of every tie at a moment, also of ties that are drawn anew; and from whom over them one caught it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from lpmdsl.networks.random_regular import rows_of_draw
from lpmdsl.networks.world import Circles, World
from lpmdsl.reference.expressions import Moment
from lpmdsl.semantics.model import Network

Ends = tuple[np.ndarray, np.ndarray]


def ends_of_ties(world: World, network: Network, moment: Moment, day: float) -> Ends:
    """The two agents of every tie on a day (days since the start), by the first and then in the order of its row."""
    count = world.counts[network.of]
    if network.remembers:
        source = moment.attributes[(network.of, network.name)].numpy().astype(np.int64)
        infected = np.flatnonzero(source >= 0)
        return infected, source[infected]
    if network.name in world.circles:
        step = max(0, round(day / moment.model.clock.step))
        return ends_of_draw(world, network.name, count, step // world.circles[network.name].every)
    ties = world.ties[network.name]
    return np.repeat(np.arange(count), np.diff(ties.offsets)), ties.targets.astype(np.int64)


def ends_of_draw(world: World, name: str, count: int, draw: int) -> Ends:
    """The same of one draw of a network that is drawn anew."""
    circles = world.circles[name]
    return _drawn(circles.seed, circles.site, len(circles.keys), draw, count)


def in_places(places: np.ndarray) -> Ends:
    """Everybody with everybody else of the same place, in the order of agents."""
    order = np.argsort(places, kind="stable")
    order = order[places[order] >= 0]
    begin = np.searchsorted(places[order], places[order], side="left")
    end = np.searchsorted(places[order], places[order], side="right")
    mine = np.repeat(order, end - begin)
    within = np.arange(len(mine)) - np.repeat(np.cumsum(end - begin) - (end - begin), end - begin)
    theirs = order[np.repeat(begin, end - begin) + within]
    by_agent = np.lexsort((theirs, mine))
    mine, theirs = mine[by_agent], theirs[by_agent]
    return mine[mine != theirs], theirs[mine != theirs]


@lru_cache(maxsize=16)
def _drawn(seed: int, site: int, circles: int, draw: int, count: int) -> Ends:
    keys = np.empty((circles, 0), np.int64)
    rows = rows_of_draw(Circles(keys, 1, seed, site), draw, count)
    return np.repeat(np.arange(count), rows.shape[1]), rows.reshape(-1)


# ------------------------------------------------------------------ sources


def drawn_sources(
    names: Sequence[str], infected: Tensor, apart: Mapping[str, Tensor], sent: Mapping[str, Tensor],
    words: Sequence[Tensor], moment: Moment, world: World,
) -> Tensor:  # fmt: skip
    """The number of the agent from whom each of ``infected`` caught it; -1 where nobody was found.

    First one of the networks ``names``, in proportion to what was met on each (``apart``), then one of those who
    ``sent`` something there.
    """
    who, on = _uniform(words[0], words[1]), _uniform(words[2], words[3])
    felt = torch.stack([apart[name][infected] for name in names])
    so_far = torch.cumsum(felt, 0).to(torch.float64)
    through = (on * so_far[-1] >= so_far).sum(0) if len(names) > 1 else torch.zeros_like(infected)
    found = torch.full_like(infected, -1)
    for number, name in enumerate(names):
        here = through == number
        network = moment.model.network(name)
        found[here] = _on(network, infected[here], who[here], sent[name], moment, world)
    return found


def _on(network: Network, agents: Tensor, who: Tensor, sent: Tensor, moment: Moment, world: World) -> Tensor:
    """One of those on a network for each of ``agents``, who are in order, in proportion to what they sent."""
    if network.layout == "place":
        ends = in_places(world.attributes[(network.of, network.place)])
    else:
        ends = ends_of_ties(world, network, moment, moment.time)
    mine, theirs = (torch.from_numpy(end) for end in ends)
    asked = torch.full((len(sent),), -1, dtype=torch.int64)
    asked[agents] = torch.arange(len(agents))
    of_asked = asked[mine] >= 0
    row, theirs = asked[mine[of_asked]], theirs[of_asked]
    amounts = sent[theirs].clamp(min=0)
    total = torch.zeros_like(agents).index_add(0, row, amounts)
    upto, begin = torch.cumsum(amounts, 0), torch.cumsum(total, 0) - total
    reached = who[row] * total[row].to(torch.float64) < (upto - begin[row]).to(torch.float64)
    row, theirs = row[reached], theirs[reached]
    first = torch.ones_like(row, dtype=torch.bool)
    first[1:] = row[1:] != row[:-1]
    found = torch.full_like(agents, -1)
    found[row[first]] = theirs[first]
    return found


def _uniform(high: Tensor, low: Tensor) -> Tensor:
    return (((high << 20) + (low >> 12)).to(torch.float64) + 0.5) * 2.0**-52

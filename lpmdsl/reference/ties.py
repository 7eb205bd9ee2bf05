"""Both ends of every tie at a moment: of ties that stay, and of those that are drawn anew."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lpmdsl.networks.random_regular import rows_of_draw
from lpmdsl.networks.world import Circles, World
from lpmdsl.reference.expressions import Moment
from lpmdsl.semantics.model import Network

Ends = tuple[np.ndarray, np.ndarray]


def ends_of_ties(world: World, network: Network, moment: Moment, day: float) -> Ends:
    """The two agents of every tie on a day (days since the start), by the first and then in the order of its row."""
    count = world.counts[network.of]
    if network.name in world.circles:
        step = max(0, round(day / moment.model.clock.step))
        return ends_of_draw(world, network.name, count, step // world.circles[network.name].every)
    ties = world.ties[network.name]
    return np.repeat(np.arange(count), np.diff(ties.offsets)), ties.targets.astype(np.int64)


def ends_of_draw(world: World, name: str, count: int, draw: int) -> Ends:
    """The same of one draw of a network that is drawn anew."""
    circles = world.circles[name]
    return _drawn(circles.seed, circles.site, len(circles.keys), draw, count)


@lru_cache(maxsize=16)
def _drawn(seed: int, site: int, circles: int, draw: int, count: int) -> Ends:
    keys = np.empty((circles, 0), np.int64)
    rows = rows_of_draw(Circles(keys, 1, seed, site), draw, count)
    return np.repeat(np.arange(count), rows.shape[1]), rows.reshape(-1)

"""Synthetic places: households, schools and workplaces of drawn sizes, filled with the agents who belong to one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lpmdsl.networks.random import in_keyed_order
from lpmdsl.networks.storage.csr import Unbuildable

SizeOf = Callable[[NDArray[np.int64]], NDArray]
"""The drawn sizes of the places with these numbers; a place's size depends on its number alone."""

BATCH = 4096


def allocate(
    n: int, members: NDArray[np.bool_] | None, size_of: SizeOf, order: tuple[int, int] | None
) -> tuple[NDArray[np.int32], int]:
    """The place of every agent (int32, −1: none) and how many places there are.

    Places are filled one after the other in the order of their numbers; the last takes whoever is left, so it may be
    smaller than drawn. A drawn size of 0 makes no place. ``members``: who belongs to a place (None: everyone).
    ``order``: the (seed, site) that keys a random order of the members. None puts members of a place side by side in
    memory; for agents who differ in nothing yet that is the same law as a random order.
    """
    agents = np.arange(n, dtype=np.int64) if members is None else np.flatnonzero(members)
    sizes = _sizes_for(agents.size, size_of)
    if order is not None:
        agents = in_keyed_order(order[0], agents, order[1])
    places = np.full(n, -1, np.int32)
    places[agents] = np.repeat(np.arange(sizes.size, dtype=np.int32), sizes)
    return places, int(sizes.size)


def allocate_within(
    groups: NDArray[np.int64],
    number: int,
    members: NDArray[np.bool_] | None,
    sizes_in: Callable[[int], SizeOf],
    order: tuple[int, int] | None,
) -> tuple[NDArray[np.int32], int]:
    """Places of which each holds people of one group only, group after group; see ``allocate``.

    ``groups``: each agent's group, 0 … ``number`` − 1. ``sizes_in``: what draws the sizes of a group's places, which
    are numbered from 0 in each. In every group the last place takes whoever is left.
    """
    places, first = np.full(groups.size, -1, np.int32), 0
    for group in range(number):
        inside = groups == group if members is None else members & (groups == group)
        own, count = allocate(groups.size, inside, sizes_in(group), order)
        places[inside] = own[inside] + first
        first += count
    return places, first


def constant(size: float) -> SizeOf:
    """Places that all have the same size."""
    return lambda numbers: np.full(numbers.size, size)


def _sizes_for(people: int, size_of: SizeOf) -> NDArray[np.int64]:
    """Sizes of as many places as hold ``people``, adding up to exactly that; none is 0."""
    drawn: list[NDArray[np.int64]] = []
    total, first = 0, 0
    while total < people:
        count = BATCH if total == 0 else max(BATCH, (people - total) * first // total * 11 // 10)
        sizes = _whole_sizes(size_of(np.arange(first, first + min(count, people + BATCH), dtype=np.int64)))
        drawn.append(sizes[sizes > 0])
        total, first = total + int(sizes.sum()), first + sizes.size
        if first > 100 * people + BATCH:
            raise Unbuildable("the sizes drawn are nearly all 0, so nobody finds a place", "Give a larger mean size.")
    kept = np.concatenate([np.empty(0, np.int64), *drawn])
    filled = np.minimum(np.cumsum(kept), people)
    used = int(np.searchsorted(filled, people)) + 1 if people else 0
    return np.diff(filled[:used], prepend=0)


def _whole_sizes(sizes: NDArray) -> NDArray[np.int64]:
    if not np.all(np.isfinite(sizes)) or sizes.max(initial=0) >= 2**31:
        raise Unbuildable("a size drawn is not a number of people", "Look at the arguments of the size.")
    return np.maximum(np.floor(np.asarray(sizes, np.float64) + 0.5), 0).astype(np.int64)

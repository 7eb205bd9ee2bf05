"""Groups of kinds of people by what they answer: k-medoids, one of each group being asked for all of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 100
"""Rounds in which medoids may still move; a few are enough."""


def medoids(answers: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """For every row of ``answers`` (kinds, numbers) the row that stands for it, at most ``count`` different ones.

    Distances are sums of absolute differences. The first medoids are those that lower the sum of distances most, one
    after the other (Kaufman & Rousseeuw 1990, Finding Groups in Data, ch. 2: BUILD); then each group takes its own
    middle until none moves (Park & Jun 2009, Expert Syst Appl 36:3336). Of equals the first is taken: nothing is drawn.
    """
    apart = np.abs(answers[:, None, :] - answers[None, :, :]).sum(axis=2)
    chosen = _built(apart, count)
    for _ in range(ROUNDS):
        group = chosen[np.argmin(apart[:, chosen], axis=1)]
        moved = np.array([_middle(apart, np.flatnonzero(group == medoid)) for medoid in chosen])
        if np.array_equal(moved, chosen):
            break
        chosen = np.unique(moved)
    return chosen[np.argmin(apart[:, chosen], axis=1)]


def _built(apart: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The first medoids, in the order of rows: fewer than ``count`` where kinds answer the same."""
    chosen = [int(np.argmin(apart.sum(axis=1)))]
    nearest = apart[chosen[0]]
    while len(chosen) < count:
        gains = np.maximum(nearest[None, :] - apart, 0.0).sum(axis=1)
        best = int(np.argmax(gains))
        if gains[best] <= 0:
            break
        chosen.append(best)
        nearest = np.minimum(nearest, apart[best])
    return np.array(sorted(chosen))


def _middle(apart: NDArray[np.float64], members: NDArray[np.int64]) -> int:
    return int(members[np.argmin(apart[np.ix_(members, members)].sum(axis=1))])

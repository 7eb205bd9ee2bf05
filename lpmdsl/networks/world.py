"""The world of a run: the people, their places and their ties, as plain arrays that every back end reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Arguments = Mapping[str, float | NDArray]
"""The arguments of a network generator by name, evaluated."""


@dataclass(frozen=True, slots=True)
class Ties:
    """A network as compressed sparse rows: the neighbours of agent i are
    ``targets[offsets[i]:offsets[i + 1]]`` (int64 offsets of length N + 1, int32 targets, rows sorted).

    ``mutual``: symmetric; else of a directed network, each tie in one row. No agent is its own neighbour; no tie twice,
    but for the few pairs that two circles of ``random_regular`` share. ``columns``: what is said of each tie, in the
    order of ``targets``, stored as attributes are.
    """

    offsets: NDArray[np.int64]
    targets: NDArray[np.int32]
    mutual: bool = True
    columns: Mapping[str, NDArray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Circles:
    """A network that is not written out: ``keys`` (circles, rounds), which say who is beside whom.

    ``every``: steps after which all circles are drawn anew, 0: never; ``keys`` are those of the first draw then, and
    those of the others follow from ``seed`` and ``site`` (``random_regular.keys_of_draws``).
    """

    keys: NDArray[np.int64]
    every: int = 0
    seed: int = 0
    site: int = 0


@dataclass(frozen=True, slots=True)
class World:
    """``counts``: agents per kind. ``attributes[(kind, name)]``: float64 for numbers, uint8 for yes/no and categories,
    int32 for places (-1: none). ``place_sizes[(kind, place)]``: how many places there are. ``ties[network]``: rows;
    ``circles[network]``: the keys of one that memory would not hold.
    """

    counts: dict[str, int]
    attributes: dict[tuple[str, str], NDArray]
    place_counts: dict[tuple[str, str], int]
    ties: dict[str, Ties] = field(default_factory=dict)
    circles: dict[str, Circles] = field(default_factory=dict)

    def members(self, kind: str, place: str) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Beginnings of the rows of places, and members of each in order; who has no place comes last."""
        column = self.attributes[(kind, place)]
        places = max(1, self.place_counts[(kind, place)])
        inside = column >= 0
        rows = np.concatenate(([0], np.cumsum(np.bincount(column[inside], minlength=places))))
        order = np.argsort(np.where(inside, column, places), kind="stable")
        return rows.astype(np.int64), order.astype(np.int32)

    def tie_counts(self, kinds: Mapping[str, str]) -> dict[str, int]:
        """Number of ties every network has that is made of them; a mutual one is in two rows. ``kinds``: of whom, by
        network.

        A network that is not written out has a tie from everyone to the next in each of its circles.
        """
        written = {name: int(ties.targets.size) // (2 if ties.mutual else 1) for name, ties in self.ties.items()}
        return written | {name: len(c.keys) * self.counts[kinds[name]] for name, c in self.circles.items()}

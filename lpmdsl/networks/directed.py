"""Directed networks: a tie stands in the row of the agent that it comes from, and there alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpmdsl.networks.generators import NetworkGenerator
from lpmdsl.networks.pairs import tied_pairs
from lpmdsl.networks.random import SEED_MASK, uniforms
from lpmdsl.networks.random_graphs import chance_of_a_pair
from lpmdsl.networks.storage.csr import Unbuildable
from lpmdsl.networks.world import Arguments, Ties


def directed_graph(row: NetworkGenerator, n: int, arguments: Arguments, seed: int, sites: tuple[int, int]) -> Ties:
    """A generator's network with directions (``DIRECTED`` in ``networks.generators``); ``sites`` of two sets of draws.

    Raises ``Unbuildable`` as the generator does.
    """

    match row.directed:
        case "drawn":
            return _drawn_degrees(n, np.asarray(arguments["degrees"], np.int64), seed, sites[0])
        case "newcomers":
            a, b = ends(row.function(n, arguments, seed, sites[0]))
            return to_rows(n, a[a > b], b[a > b])[0]  # agents come in the order of their numbers
        case "pairs":
            return _ordered_pairs(n, arguments, seed, sites)
        case "":
            raise AssertionError(f"ties of {row.name} have no direction")


def _ordered_pairs(n: int, arguments: Arguments, seed: int, sites: tuple[int, int]) -> Ties:
    """Every ordered pair tied independently: of two draws of all pairs one says which ties lead from the agent of the
    earlier group, or of the lower number in the same, and one which lead back."""
    groups = None
    if "ties" in arguments:
        groups = np.asarray(arguments["groups"], np.int32)
        chances = _between_groups(np.asarray(arguments["ties"], np.float64), groups, arguments)
    else:
        chances = np.array([[chance_of_a_pair(n, arguments)]])
    there = tied_pairs(groups, n, np.triu(chances) + np.triu(chances, 1).T, seed & SEED_MASK, sites[0])
    back = tied_pairs(groups, n, np.tril(chances) + np.tril(chances, -1).T, seed & SEED_MASK, sites[1])
    pairs = [*there, *((b, a) for a, b in back)]
    a, b = (np.concatenate([np.empty(0, np.int32), *(pair[k] for pair in pairs)]) for k in (0, 1))
    return to_rows(n, a, b)[0]


def _between_groups(means: NDArray[np.float64], groups: NDArray, arguments: Arguments) -> NDArray[np.float64]:
    """Chances of a tie from an agent of the row's group to one of the column's. Raises ``Unbuildable``."""
    others = np.bincount(groups, minlength=len(means)).astype(np.float64)[None, :] - np.eye(len(means))
    chances = np.divide(means, others, out=np.zeros_like(means), where=others > 0)
    if chances.max(initial=0.0) > 1 or chances.min(initial=0.0) < 0:
        a, b = np.argwhere((chances > 1) | (chances < 0))[0]
        names = np.asarray(arguments.get("labels", np.arange(1, len(means) + 1)))
        raise Unbuildable(
            f"Each of group `{names[a]}` would have {means[a, b]:g} ties to others of group `{names[b]}`, which has "
            f"{others[a, b]:,.0f} of them.",
            "Numbers of ties are 0 or more, and no more than there are others.",
        )
    return chances


def ends(ties: Ties) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The agent of every entry's row, and the one that it names."""
    rows = np.repeat(np.arange(ties.offsets.size - 1), np.diff(ties.offsets))
    return rows, ties.targets.astype(np.int64)


def _drawn_degrees(n: int, degrees: NDArray[np.int64], seed: int, site: int) -> Ties:
    """Each agent's ties lead to others who are drawn evenly; whoever is drawn twice is tied to once."""
    if degrees.min(initial=0) < 0 or degrees.max(initial=0) >= max(n, 1):
        wrong = degrees[(degrees < 0) | (degrees >= n)][0]
        raise Unbuildable(f"A degree must lie between 0 and {n - 1}; one is {wrong}.")
    a = np.repeat(np.arange(n), degrees)
    other = (uniforms(seed, a.size, site) * (n - 1)).astype(np.int64)
    return to_rows(n, a, np.where(other >= a, other + 1, other))[0]


def to_rows(n: int, a: NDArray, b: NDArray) -> tuple[Ties, NDArray[np.int64]]:
    """The network with a tie from each ``a[k]`` to ``b[k]``, and for every entry of its rows the first such k.

    Ties to oneself and doubles are dropped.
    """
    between = np.flatnonzero(a != b)
    keys, first = np.unique(a[between].astype(np.int64) * n + b[between], return_index=True)
    offsets = np.concatenate(([0], np.cumsum(np.bincount(keys // max(n, 1), minlength=n)))).astype(np.int64)
    return Ties(offsets, (keys % max(n, 1)).astype(np.int32), mutual=False), between[first]


def both_ways(ties: Ties) -> Ties:
    """Those of the ties that lead back as well."""
    rows, others = ends(ties)
    n = ties.offsets.size - 1
    mutual = np.isin(rows * n + others, others * n + rows)
    return to_rows(n, rows[mutual], others[mutual])[0]


def turned(ties: Ties) -> Ties:
    """The same ties in the rows of those they lead to."""
    rows, others = ends(ties)
    order = np.argsort(others, kind="stable")  # rows come in ascending order already
    counts = np.bincount(others, minlength=ties.offsets.size - 1)
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    columns = {name: column[order] for name, column in ties.columns.items()}
    return Ties(offsets, rows[order].astype(np.int32), False, columns)

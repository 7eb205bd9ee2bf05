"""Networks without chance: (n, arguments, seed, site) → Ties; seed and site are not used."""

from __future__ import annotations

import math

import numpy as np

from lpmdsl.networks.random_graphs import even_degree, whole
from lpmdsl.networks.storage.csr import Unbuildable, edges_to_ties
from lpmdsl.networks.world import Arguments, Ties


def complete(n: int, arguments: Arguments, seed: int, site: int) -> Ties:
    """Everyone knows everyone."""
    others = np.broadcast_to(np.arange(n - 1, dtype=np.int32), (n, n - 1)) if n > 1 else np.empty((n, 0), np.int32)
    targets = (others + (others >= np.arange(n)[:, None])).astype(np.int32).reshape(-1)
    return Ties(np.arange(n + 1, dtype=np.int64) * max(n - 1, 0), targets)


def ring(n: int, arguments: Arguments, seed: int, site: int) -> Ties:
    """Agents in a circle, each tied to the ``degree`` nearest: the circulant network, degree/2 on either side."""
    degree = even_degree(n, arguments)
    me = np.tile(np.arange(n, dtype=np.int64), degree // 2)
    steps = np.repeat(np.arange(1, degree // 2 + 1), n)
    return edges_to_ties(n, me, (me + steps) % n)


def lattice(n: int, arguments: Arguments, seed: int, site: int) -> Ties:
    """Agent i stands at column i mod ``width``, row i div ``width``, tied to its 4 or 8 ``neighbours``."""
    width = whole(arguments, "width", 1)
    height = whole(arguments, "height", 1) if "height" in arguments else math.ceil(n / width)
    wrapping = bool(arguments.get("wrapping", 0.0))
    if n > width * height or (wrapping and n != width * height):
        raise Unbuildable(
            f"A lattice of {width} by {height} has {width * height} places, but there are {n} agents.",
            "Give as many agents as width × height" + ("." if wrapping else ", or fewer."),
        )
    ways = {4: ((1, 0), (0, 1)), 8: ((1, 0), (0, 1), (1, 1), (-1, 1))}.get(whole(arguments, "neighbours"))
    if ways is None:
        raise Unbuildable("`neighbours` on a lattice is 4 (sides) or 8 (sides and corners).")
    ends = [_step(n, width, height, right, down, wrapping) for right, down in ways]
    return edges_to_ties(n, np.concatenate([a for a, _ in ends]), np.concatenate([b for _, b in ends]))


def _step(n: int, width: int, height: int, right: int, down: int, wrapping: bool) -> tuple[np.ndarray, np.ndarray]:
    """Each agent and whoever stands one step away in one direction, where someone does."""
    me = np.arange(n, dtype=np.int64)
    column, row = me % width + right, me // width + down
    if wrapping:
        return me, (row % height) * width + column % width
    there = (column >= 0) & (column < width) & (row * width + column < n)
    return me[there], (row * width + column)[there]

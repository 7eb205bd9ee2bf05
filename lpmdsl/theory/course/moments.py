"""Moments of one timed exit as if it were alone: a rule on the quantiles of its law, or the times at which it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lpmdsl.distributions.family import Law
from lpmdsl.distributions.table import WHOLE, law, numbers, parameters
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.evaluate import Scope, evaluate

Rows = NDArray[np.float64]
MOST_TIMES = 4_000
"""Moments of a chance that are added one by one; what is left after them is as good as exponential."""
NEARLY = 1e-12


def rows_of(value: object, size: int) -> Rows:
    """A value for each of so many people."""
    return np.broadcast_to(np.asarray(value, np.float64), (size,))


@dataclass(frozen=True, slots=True)
class Moments:
    """Time of an exit if it were alone. ``cdf`` None: at ``lengths`` only. Weights below 1 in all: or never."""

    lengths: Rows
    weights: Rows
    cdf: Callable[[Rows], Rows] | None = None
    law: Law | None = None
    least: float = -np.inf

    def later(self, than: Rows, or_then: bool) -> Rows:
        """The chance that it comes later than each moment, or (``or_then``) then."""
        if self.cdf is not None:
            return 1 - np.asarray(self.cdf(np.maximum(than, 1e-300)), np.float64)
        edge = than + (-NEARLY if or_then else NEARLY) * np.maximum(1.0, np.abs(than))
        passed = np.concatenate([[0.0], np.cumsum(self.weights)])
        return 1 - passed[np.searchsorted(self.lengths, edge, side="right")]


def timed_by_law(dwell: m.Distribution, scope: Scope, size: int) -> tuple[tuple[Rows, ...], Callable[..., Moments]]:
    """The arguments of a dwell time for each of the people, and the moments that follow from them."""
    if dwell.family == "empirical":
        table = scope.model.table(dwell.table or "")
        days, shares = np.array([float(x) for x in table.keys[0]]), np.asarray(table.values) / np.sum(table.values)
        order = np.argsort(days)
        return (), lambda fine: Moments(days[order], shares[order])
    names = [name for name, _ in dwell.arguments]
    values = tuple(rows_of(evaluate(expr, scope), size) for _, expr in dwell.arguments)
    if dwell.family == "fixed":
        return values, lambda fine, days: Moments(np.array([max(days, 0.0)]), np.ones(1))

    def moments(fine: bool, *arguments: float) -> Moments:
        written = dict(zip(names, arguments, strict=True))
        curve = law(dwell.family, written)
        if dwell.family in WHOLE:
            days = np.arange(float(curve.isf(1e-15)) + 1)
            return Moments(days, np.diff(np.concatenate([[0.0], np.asarray(curve.cdf(days), np.float64)])))
        tail, weights = _tail(fine)
        days = np.maximum(np.concatenate([curve.ppf(tail), curve.isf(tail)]), 0.0)
        return Moments(days, np.tile(weights, 2), curve.cdf, curve, _least(dwell.family, written))

    return values, moments


def _least(family: str, written: dict[str, float]) -> float:
    """The θ down to which E e^(−θX) is finite: 0 for tails heavier than every exponential."""
    return 0.0 if numbers(family).is_heavy(*parameters(family, written)) else -np.inf


@lru_cache
def _tail(fine: bool) -> tuple[Rows, Rows]:
    """Probabilities in (0, 1/2) and their weights, which add up to 1/2: as many nodes in each of ever smaller parts."""
    parts, nodes, ratio = (44, 8, 2.0) if fine else (6, 4, 6.0)
    edges = np.concatenate([[0.0], 0.5 * ratio ** -np.arange(parts - 1.0, -1.0, -1.0)])
    x, w = np.polynomial.legendre.leggauss(nodes)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + x)).reshape(-1), (half * w).reshape(-1)


def tries(p: float, every: float, step: float) -> Moments:
    """A chance at every multiple of ``every``, for somebody who comes at any step between two of them."""
    if every < step:
        p, every = 1 - (1 - p) ** (step / every), step
    phases = max(1, round(every / step))
    if p <= 0:
        return Moments(np.zeros(0), np.zeros(0))
    times = max(1, MOST_TIMES // phases)
    if p < 1:
        times = min(times, int(np.ceil(np.log(NEARLY / 1e4) / np.log1p(-p))) + 1)
    first = np.arange(1, phases + 1) * (every / phases)
    k = np.arange(times if p < 1 else 1)
    lengths = (k[:, None] * every + first).reshape(-1)
    weights = np.repeat(p * (1 - p) ** k, phases) / phases
    left = (1 - p) ** len(k)
    if left > NEARLY:
        tail, w = _tail(True)
        rest = -np.concatenate([np.log1p(-tail), np.log(tail)]) * (every / p)
        lengths = np.concatenate([lengths, lengths[-1] + rest])
        weights = np.concatenate([weights, left * np.tile(w, 2)])
    order = np.argsort(lengths, kind="stable")
    return Moments(lengths[order], weights[order])

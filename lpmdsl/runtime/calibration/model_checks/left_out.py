"""The data held against what is expected of each point by everything but that point.

A curve that was chosen because it meets the data meets them too well. Each report is therefore compared with curves
that are weighed by all the *other* reports: importance weights 1/p(point | curve) take a point out of the posterior of
parameters and curves (Gelfand, Dey & Chang 1992; Vehtari, Gelman & Gabry 2017, Stat Comput 27:1413). If the model is
right, the probability integral transforms are uniform, so half of the points lie within the 50 % band.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Array = NDArray[np.float64]
RIDGE = 1e-6
"""Keeps the quadratic bounded where no curve of many draws meets the data at all."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Of every report: ``below`` and ``at``, the probabilities of less than what was seen and of just that; ``data``
    (draws, reports), what could have been seen there; ``effective_size``, the effective number of curves behind it."""

    below: Array
    at: Array
    data: Array
    effective_size: Array


def posterior_logs(each: Array, fitted: NDArray[np.bool_], draws: Array) -> Array:
    """(draws, replicates): log weight of every curve in the posterior of parameters and curves, up to a constant.

    ``each``: (draws, replicates, reports) log likelihoods; only ``fitted`` reports weigh. ``draws``: (draws,
    parameters) from the posterior, so that a curve weighs its likelihood over the mean of that at its parameters. That
    mean comes from all draws (``smooth_mean``): over the mean of a draw's own few curves, draws whose curves happen to
    miss a report would weigh most where it is left out, and the bands would avoid the data.
    """
    total = np.where(fitted, each, 0.0).sum(axis=2)
    top = total.max()
    if not np.isfinite(top):
        return np.full_like(total, -np.inf)
    logs = total - top - smooth_mean(np.exp(total - top).mean(axis=1), draws)[:, None]
    return np.where(np.isfinite(logs), logs, -np.inf)


def smooth_mean(values: Array, draws: Array) -> Array:
    """(draws,): logarithm of the expected ``values`` (0 or more, with noise), as a quadratic in the parameters.

    A generalised linear model with gamma variance and logarithmic link (McCullagh & Nelder 1989, ch. 8), so that it is
    the values, not their logarithms, that are met in the mean. Products of different parameters have a part in it where
    there are five draws for each of its numbers.
    """
    design = _quadratic(draws)

    def deviance(b: Array) -> tuple[float, Array]:
        linear = np.clip(design @ b, -600, 600)
        ratio = values * np.exp(-linear)
        return float(np.mean(linear + ratio) + RIDGE * b @ b), design.T @ (1 - ratio) / len(ratio) + 2 * RIDGE * b

    start = np.zeros(design.shape[1])
    start[0] = np.log(values.mean())
    return design @ minimize(deviance, start, jac=True, method="BFGS").x


def _quadratic(draws: Array) -> Array:
    """(draws, columns): 1, every parameter that varies in standard deviations, its square, and products."""
    spread = draws.std(axis=0)
    x = (draws - draws.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    columns = [np.ones(len(x)), *x.T, *(x.T**2)]
    products = [x[:, i] * x[:, k] for i in range(x.shape[1]) for k in range(i)]
    return np.stack(columns + (products if 5 * (len(columns) + len(products)) <= len(x) else []), axis=1)


def normalised(logs: Array) -> Array:
    """exp of ``logs`` scaled so that each column adds up to 1; level where all are 0."""
    highest = logs.max(axis=0)
    weights = np.exp(logs - np.where(np.isfinite(highest), highest, 0.0))
    sums = weights.sum(axis=0)
    return np.divide(weights, sums, out=np.full_like(weights, 1 / len(weights)), where=sums > 0)


def left_out_weights(posterior: Array, each: Array, fitted: NDArray[np.bool_]) -> Array:
    """(curves, reports): the weight of every curve for every report, that report left out; columns add up to 1.

    ``posterior``: ``posterior_logs`` of ``each``.
    """
    mine = np.where(fitted, each, 0.0)
    return normalised((posterior[:, :, None] - mine).reshape(-1, each.shape[2]))


def effective_size(weights: Array) -> Array:
    """(reports,): effective number of curves, 1 / the sum of squared weights (Kish)."""
    return 1 / (weights**2).sum(axis=0)


def covered(found: LeftOut, chosen: NDArray[np.bool_], share: float) -> Array:
    """(chosen reports,): how much of each point lies within the middle ``share`` of what was expected of it.

    A count stands for the whole stretch of probability from ``below`` to ``below + at``; the part of it inside the band
    counts, so that the mean is ``share`` for a right model however small the counts are.
    """
    low, high = (1 - share) / 2, (1 + share) / 2
    below, at = found.below[chosen], found.at[chosen]
    inside = np.clip(np.minimum(below + at, high) - np.maximum(below, low), 0, at)
    is_within = ((below >= low) & (below <= high)).astype(np.float64)
    # Weights add up to 1 but for their rounding, which would make 13 of 14 points a little less than that.
    return np.divide(inside, at, out=is_within, where=at > 1e-12).round(9)


def surprise(found: LeftOut, chosen: NDArray[np.bool_]) -> Array:
    """(chosen reports,): the two-sided probability of a point at least as far out."""
    below, at = found.below[chosen], found.at[chosen]
    return np.clip(2 * np.minimum(below + at, 1 - below), 0, 1)

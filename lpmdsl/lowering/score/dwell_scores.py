"""The score of a drawn time: what ∂ log density is made of, and the means and products of that under the law itself.

The score of a family is linear in the time and in statistics of it (``distributions.family.Score``). Means are taken
over the very table of quantiles from which the engine draws, so the score of a draw is zero in the mean to nine digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpmdsl.distributions.table import numbers, score_of
from lpmdsl.lowering.parts import SLOPE_ZERO
from lpmdsl.lowering.score.statistics import Stay
from lpmdsl.semantics.analysis.dependencies import acts_on
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.semantics.host.quantile_tables import CELLS, TICKS, knots, parameters_by_row, quantile_table
from lpmdsl.semantics.model import Distribution, Model

Array = NDArray[np.float64]
H = 1e-3
"""Of a parameter: step of the differences through the arguments of a law, whose error is of the fourth order."""


@dataclass(frozen=True, slots=True)
class StayScore:
    """For each row of the table, over time (ticks) and statistics: ``slopes`` (rows, 1 + statistics, parameters);
    ``means`` (rows, 1 + statistics); ``products`` (rows, 1 + statistics): covariance with the time itself."""

    slopes: Array
    means: Array
    products: Array


def stay_score(stay: Stay, model: Model, values: dict[str, float], names: tuple[str, ...]) -> StayScore:
    """Slopes that make sums of times and statistics a score by the parameters ``names`` at their ``values``."""
    means, products = _moments(stay, quantile_table(stay.law, model, values, model.clock.step))
    slopes = np.zeros((stay.rows, 1 + len(stay.statistics), len(names)))
    score = score_of(stay.law.family)
    if stay.statistics and not isinstance(score, str):
        here = parameters_by_row(stay.law, model, values)
        for k, name in enumerate(names):
            for row, change in enumerate(_changes(stay, model, values, name)):
                slopes[row, :, k] = score.slopes(here[row], change, model.clock.step / TICKS)
    return StayScore(slopes, means, products)


def quantile_slopes(law: Distribution, model: Model, values: dict[str, float], name: str) -> NDArray[np.int64]:
    """int64 (rows, 2, CELLS + 1): ∂ quantile / ∂ log of a parameter (of ``unit_of`` it), in ticks from ``SLOPE_ZERO``.

    The knots are those of ``quantile_table``, so that one word gives a time and its derivative.
    """
    lower, upper = knots()

    def days(moved: dict[str, float]) -> Array:
        curves = (numbers(law.family).law(*own) for own in parameters_by_row(law, model, moved))
        return np.stack([np.stack([c.ppf(lower), c.isf(upper)]) for c in curves])

    ticks = slope_by(model, values, name, days) * unit_of(values[name]) / model.clock.step * TICKS
    return np.clip(np.rint(ticks), 1 - SLOPE_ZERO, SLOPE_ZERO - 1).astype(np.int64) + SLOPE_ZERO


def unit_of(value: float) -> float:
    """The change of a parameter by which moves of times are counted: the parameter itself, 1 where it is 0."""
    return abs(value) or 1.0


def _changes(stay: Stay, model: Model, values: dict[str, float], name: str) -> Array:
    """Derivatives of the canonical parameters of the law by a parameter, (rows, canonical)."""
    return slope_by(model, values, name, lambda moved: np.array(parameters_by_row(stay.law, model, moved), np.float64))


def slope_by(model: Model, values: dict[str, float], name: str, of: Callable[[dict[str, float]], Array]) -> Array:
    """Derivative by a parameter of what is worked out of the values of all, those computed from it moved with it."""
    step = H * (abs(values[name]) or 1.0)
    free = {p.name: values[p.name] for p in model.parameters if _stands_alone(model, p.name, name)}

    def at(k: int) -> Array:
        return of(parameter_values(model, {**free, name: values[name] + k * step}))

    return (at(-2) - 8 * at(-1) + 8 * at(1) - at(2)) / (12 * step)


def _stands_alone(model: Model, other: str, name: str) -> bool:
    return other != name and not acts_on(model.parameter(other).default, name, model)


# ------------------------------------------------------------------ moments


def _moments(stay: Stay, table: NDArray[np.int64]) -> tuple[Array, Array]:
    """Means of time and statistics, and their covariances with the time, over all words that can be drawn."""
    cells = np.arange(CELLS)
    octave = np.maximum(cells // 64 - 1, 0)
    first = np.where(cells < 128, cells, (cells - 64 * octave) << octave).astype(np.float64)
    width = (1 << octave).astype(np.float64)
    nodes, weights = np.polynomial.legendre.leggauss(6)
    at = np.where(octave[:, None] > 2, (nodes + 1) / 2, 0.5)
    share = np.where(octave[:, None] > 2, weights / 2, 1 / len(nodes)) * width[:, None] / 2.0**32
    tail = (first[:, None] + at * width[:, None]) / 2.0**32
    tail = np.where(octave[:, None] > 2, tail, (first[:, None] + 0.5 * width[:, None]) / 2.0**32)
    z = np.stack([-np.log1p(-tail), -np.log(tail)])
    p = np.broadcast_to(share, z.shape)
    means, products = [], []
    for row in table:
        low, high = row[:, :-1, None].astype(np.float64), row[:, 1:, None].astype(np.float64)
        x = np.maximum(1.0, low + (high - low) * at)
        columns = [x, *(_STATISTICS[s](x, z) for s in stay.statistics)]
        mean = np.array([(p * c).sum() for c in columns])
        means.append(mean)
        products.append([(p * (c - m) * (x - mean[0])).sum() for c, m in zip(columns, mean, strict=True)])
    return np.array(means), np.array(products)


_STATISTICS: dict[str, Callable[[Array, Array], Array]] = {
    "log": lambda x, z: np.log(x),
    "log squared": lambda x, z: np.log(x) ** 2,
    "z": lambda x, z: z,
    "log z": lambda x, z: np.log(z),
    "z log z": lambda x, z: z * np.log(z),
}

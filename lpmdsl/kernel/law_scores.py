"""The score of a drawn time: what ∂ log density is made of, and the means and products of that under the law itself.

Every family of ``semantics.scored.SCORED_LAWS`` has a score that is linear in the time and the ``STATISTICS`` of the
ledger. Means are taken over the very table of quantiles from which the engine draws, so the score of a draw is zero in
the mean to nine digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log, log1p, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lpmdsl.distributions.waiting import weibull_shape
from lpmdsl.kernel.dwell import CELLS, TICKS, arguments_by_row, quantile_table
from lpmdsl.kernel.ledger import Stay
from lpmdsl.semantics.dependencies import acts_on
from lpmdsl.semantics.evaluate import parameter_values
from lpmdsl.semantics.model import Model

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
    """What makes sums of times and statistics a score by the parameters ``names`` at their ``values``."""
    means, products = _moments(stay, quantile_table(stay.law, model, values, model.clock.step))
    slopes = np.zeros((stay.rows, 1 + len(stay.statistics), len(names)))
    if stay.statistics:
        here = [_SHAPES[stay.law.family](a) for a in arguments_by_row(stay.law, model, values)]
        for k, name in enumerate(names):
            for row, change in enumerate(_changes(stay, model, values, name)):
                slopes[row, :, k] = _SLOPES[stay.law.family](here[row], change, model.clock.step / TICKS)
    return StayScore(slopes, means, products)


def _changes(stay: Stay, model: Model, values: dict[str, float], name: str) -> Array:
    """How the shape of the law changes with a parameter, (rows, shapes)."""
    step = H * (abs(values[name]) or 1.0)
    free = {p.name: values[p.name] for p in model.parameters if _stands_alone(model, p.name, name)}

    def at(k: int) -> Array:
        moved = parameter_values(model, {**free, name: values[name] + k * step})
        rows = arguments_by_row(stay.law, model, moved)
        return np.array([_SHAPES[stay.law.family](a) for a in rows])

    return (at(-2) - 8 * at(-1) + 8 * at(1) - at(2)) / (12 * step)


def _stands_alone(model: Model, other: str, name: str) -> bool:
    return other != name and not acts_on(model.parameter(other).default, name, model)


# ------------------------------------------------------------------ families

Shape = tuple[float, ...]


def _gamma(a: dict[str, float]) -> Shape:
    if "shape" not in a:
        return (a["mean"] / a["sd"]) ** 2, a["sd"] ** 2 / a["mean"]
    if "scale" in a:
        return a["shape"], a["scale"]
    return a["shape"], a["mean"] / a["shape"] if "mean" in a else 1 / a["rate"]


def _weibull(a: dict[str, float]) -> Shape:
    k = weibull_shape(a["sd"] / a["mean"]) if "sd" in a else a["k"] if "k" in a else a["shape"]
    return k, a["scale"] if "scale" in a else a["mean"] / float(special.gamma(1 + 1 / k))


def _lognormal(a: dict[str, float]) -> Shape:
    if "median" in a:
        return log(a["median"]), log(a["spread"])
    variance = log1p((a["sd"] / a["mean"]) ** 2)
    return log(a["mean"]) - variance / 2, sqrt(variance)


_SHAPES: dict[str, Callable[[dict[str, float]], Shape]] = {
    "exponential": lambda a: (a["mean"] if "mean" in a else 1 / a["rate"],),
    "gamma": _gamma,
    "erlang": _gamma,
    "weibull": _weibull,
    "lognormal": _lognormal,
}


def _gamma_slopes(shape: Shape, change: Array, tick: float) -> list[float]:
    _, scale = shape
    return [change[1] / scale**2 * tick, change[0]]


def _weibull_slopes(shape: Shape, change: Array, tick: float) -> list[float]:
    k, scale = shape
    return [0.0, k / scale * change[1], change[0] / k, -change[0] / k]


def _lognormal_slopes(shape: Shape, change: Array, tick: float) -> list[float]:
    mu, sigma = shape[0] - log(tick), shape[1]
    by_sigma = change[1] / sigma**3
    return [0.0, change[0] / sigma**2 - 2 * mu * by_sigma, by_sigma]


_SLOPES: dict[str, Callable[[Shape, Array, float], list[float]]] = {
    "exponential": lambda shape, change, tick: [0.0, change[0] / shape[0]],
    "gamma": _gamma_slopes,
    "erlang": _gamma_slopes,
    "weibull": _weibull_slopes,
    "lognormal": _lognormal_slopes,
}

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

"""How data scatter about what a replicate reports: log densities and draws of the likelihood families.

Formulas are written once for numpy and torch. What is expected of a count is never below ``FLOOR``: a report of
nobody would make a single stray case impossible.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Values = Any  # a float64 array of numpy or torch
FLOOR = 1e-3
LEAST_SHARE = 1e-6
HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, slots=True)
class Ops:
    """The functions that the formulas are made of."""

    log: Callable[[Values], Values]
    gammaln: Callable[[Values], Values]
    clip: Callable[[Values, float, float], Values]


NUMPY = Ops(np.log, special.gammaln, np.clip)


def log_density(
    family: str, a: Mapping[str, Values], expected: Values, seen: Values, is_share: bool = False, ops: Ops = NUMPY
) -> Values:
    """log p(seen | expected), element by element; the observation is the mean (of a lognormal: the median).

    ``a``: the arguments by name. ``is_share``: the observation is a share, so a binomial's probability is itself.
    """
    match family:
        case "poisson":
            mean = ops.clip(expected, FLOOR, math.inf)
            return seen * ops.log(mean) - mean - ops.gammaln(seen + 1)
        case "negative_binomial":
            mean, k = ops.clip(expected, FLOOR, math.inf), a["dispersion"]
            counted = ops.gammaln(seen + k) - ops.gammaln(k) - ops.gammaln(seen + 1)
            return counted + k * ops.log(k / (k + mean)) + seen * ops.log(mean / (k + mean))
        case "normal":
            return -0.5 * ((seen - expected) / a["sd"]) ** 2 - ops.log(a["sd"]) - HALF_LOG_TAU
        case "lognormal":
            width, mean = ops.log(a["spread"]), ops.clip(expected, FLOOR, math.inf)
            apart = (ops.log(seen) - ops.log(mean)) / width
            return -0.5 * apart**2 - ops.log(width) - ops.log(seen) - HALF_LOG_TAU
        case "binomial":
            n = a["trials"]
            p = ops.clip(expected if is_share else expected / n, LEAST_SHARE, 1 - LEAST_SHARE)
            ways = ops.gammaln(n + 1) - ops.gammaln(seen + 1) - ops.gammaln(n - seen + 1)
            return ways + seen * ops.log(p) + (n - seen) * ops.log(1 - p)
        case _:
            raise ValueError(f"no likelihood is called {family}")


def law(family: str, a: Mapping[str, Values], expected: NDArray[np.float64], is_share: bool = False) -> Any:
    """The law of the data about every expected value, as a distribution of ``scipy.stats``."""
    mean = np.clip(expected, FLOOR, math.inf)
    match family:
        case "poisson":
            return stats.poisson(mean)
        case "negative_binomial":
            return stats.nbinom(a["dispersion"], a["dispersion"] / (a["dispersion"] + mean))
        case "normal":
            return stats.norm(expected, a["sd"])
        case "lognormal":
            return stats.lognorm(np.log(a["spread"]), scale=mean)
        case "binomial":
            share = np.clip(expected if is_share else expected / a["trials"], LEAST_SHARE, 1 - LEAST_SHARE)
            return stats.binom(np.asarray(a["trials"], np.int64), share)
        case _:
            raise ValueError(f"no likelihood is called {family}")


def draw(
    family: str,
    a: Mapping[str, Values],
    expected: NDArray[np.float64],
    random: np.random.Generator,
    is_share: bool = False,
) -> NDArray[np.float64]:
    """One draw of the data for every expected value."""
    drawn = law(family, a, expected, is_share).rvs(size=np.shape(expected), random_state=random)
    return np.asarray(drawn, np.float64)


def below_and_at(
    family: str,
    a: Mapping[str, Values],
    expected: NDArray[np.float64],
    seen: NDArray[np.float64],
    is_share: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """P(data < seen) and P(data = seen) about every expected value; the second is 0 where data are continuous."""
    about = law(family, a, expected, is_share)
    if isinstance(about.dist, stats.rv_discrete):
        at = about.pmf(seen)
        return about.cdf(seen) - at, at
    return about.cdf(seen), np.zeros(np.broadcast_shapes(np.shape(expected), np.shape(seen)))


def unbiased_log_mean_exp(values: NDArray[np.float64]) -> float:
    """The same without most of the bias of a logarithm: the log of a noisy mean lies half its variance too low.

    A surface of logs would else bend too much, as estimates are noisier away from its peak.
    """
    most = float(values.max())
    if not math.isfinite(most) or len(values) < 2:
        return log_mean_exp(values)
    weights = np.exp(values - most)
    return log_mean_exp(values) + 0.5 * float(weights.var(ddof=1) / weights.mean() ** 2) / len(values)


def log_mean_exp(values: NDArray[np.float64]) -> float:
    """log of the mean of exp(values): the estimate of a likelihood from its replicates; -inf if all are."""
    most = float(values.max())
    return most + math.log(float(np.exp(values - most).mean())) if math.isfinite(most) else -math.inf

"""Scatter of data about what a replicate reports: log densities and draws of the likelihood families.

Formulas are those of ``distributions.family.Likelihood``, written once for numpy and torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from lpmdsl.distributions.family import Ops
from lpmdsl.distributions.table import frozen, likelihood

Values = Any  # a float64 array of numpy or torch


NUMPY = Ops(np.log, special.gammaln, np.clip)


def log_density(
    family: str, a: Mapping[str, Values], expected: Values, seen: Values, is_share: bool = False, ops: Ops = NUMPY
) -> Values:
    """log p(seen | expected), element by element; the observation is the mean (of a lognormal: the median).

    ``a``: the arguments by name. ``is_share``: the observation is a share, so a binomial's probability is itself.
    """
    row = likelihood(family)
    return row.log_density(ops, row.about(ops, a, expected, is_share), seen)


def law(family: str, a: Mapping[str, Values], expected: NDArray[np.float64], is_share: bool = False) -> Any:
    """The law of the data about every expected value, as a distribution of ``scipy.stats``."""
    return frozen(family, likelihood(family).about(NUMPY, a, expected, is_share))


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

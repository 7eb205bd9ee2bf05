"""Families of counts, yes/no and labels: Bernoulli, binomial, Poisson, negative binomial, shares."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpmdsl.distributions.family import Arguments, Family, Formulas, Law, Likelihood, Numbers, Ops, stated_mean, uses
from lpmdsl.distributions.laws import from_stats, positive
from lpmdsl.distributions.waiting import FLOOR

LEAST_SHARE = 1e-6

# ------------------------------------------------------------------ Bernoulli, binomial


def _bernoulli_frozen(probability: Any) -> Any:
    from scipy import stats

    return stats.bernoulli(probability)


BERNOULLI = Family(
    "bernoulli",
    ((("probability", "probability"),),),
    "yes/no",
    uses("draw"),
    "bernoulli(20 %)",
    Numbers(
        canonical=lambda do, a: (a["probability"],),
        law=from_stats(_bernoulli_frozen),
        moments=lambda p: (p, p * (1 - p)),
        frozen=_bernoulli_frozen,
        formulas=Formulas(lambda a: a["probability"]),
    ),
)


def _binomial_of(trials: Any, probability: Any) -> Any:
    """The binomial distribution; of trials that are no whole number it has no numbers."""
    from scipy import stats

    return stats.binom(trials, probability)


def _binomial_frozen(trials: Any, probability: Any) -> Any:
    return _binomial_of(np.asarray(trials, np.int64), probability)


def _binomial_about(ops: Ops, a: Arguments, expected: Any, is_share: bool) -> dict[str, Any]:
    share = expected if is_share else expected / a["trials"]
    return {"trials": a["trials"], "probability": ops.clip(share, LEAST_SHARE, 1 - LEAST_SHARE)}


def _binomial_density(ops: Ops, a: Arguments, seen: Any) -> Any:
    n, p = a["trials"], a["probability"]
    ways = ops.gammaln(n + 1) - ops.gammaln(seen + 1) - ops.gammaln(n - seen + 1)
    return ways + seen * ops.log(p) + (n - seen) * ops.log(1 - p)


BINOMIAL = Family(
    "binomial",
    ((("trials", "whole number"), ("probability", "probability")),),
    "whole",
    uses("draw likelihood"),
    "binomial(trials 10, probability 20 %)",
    Numbers(
        canonical=lambda do, a: (a["trials"], a["probability"]),
        law=from_stats(_binomial_of),
        moments=lambda n, p: (n * p, n * p * (1 - p)),
        frozen=_binomial_frozen,
        formulas=Formulas(lambda a: a["trials"] * a["probability"]),
    ),
    Likelihood(((("trials", "whole number"),),), _binomial_about, _binomial_density),
)

# ------------------------------------------------------------------ Poisson, negative binomial


MOST_TABLED = 200.0
"""A Poisson mean up to which one table of chances holds all numbers."""


def _poisson_law(mean: Any) -> Law:
    mean = positive(mean)
    if np.ndim(mean) == 0 and mean <= MOST_TABLED:
        return _tabled(poisson_table(float(mean)))
    return _poisson_of_many(mean)


def poisson_table(mean: float) -> NDArray[np.float64]:
    """The chances of 0 and less, 1 and less, … until nothing is left; each tail is added up from its own end.

    Written here because the library that has it takes as long to load as a whole check, and sizes of places are asked
    for in every check of a promised R0.
    """
    number = np.arange(1, int(mean + 12 * np.sqrt(mean)) + 40)
    chance = np.cumprod(np.concatenate([[np.exp(-mean)], mean / number]))
    chance /= chance.sum()
    above = np.append(np.cumsum(chance[:0:-1])[::-1], 0.0)
    return np.where(np.arange(chance.size) <= mean, np.cumsum(chance), 1.0 - above)


def _tabled(table: NDArray[np.float64]) -> Law:
    """The law of counts whose chances of so many and less are known; of no probability there is no quantile."""

    def ppf(p: Any) -> Any:
        p = np.asarray(p, np.float64)
        return np.where((p >= 0) & (p < 1), np.searchsorted(table, p), np.nan)

    def cdf(x: Any) -> Any:
        x = np.asarray(x, np.float64)
        at = np.clip(np.nan_to_num(x), 0, table.size - 1).astype(np.int64)
        return np.where(x >= 0, table[at], np.where(x < 0, 0.0, np.nan))

    return Law(ppf, lambda p: ppf(1.0 - np.asarray(p, np.float64)), cdf)


def _poisson_of_many(mean: Any) -> Law:
    """The law of large means, or of one for each agent."""
    from scipy import special

    def ppf(p: Any) -> Any:
        # pdtrik solves for a real k and may end just above a whole one: then the one below it holds p already.
        above = np.ceil(special.pdtrik(p, mean))
        below = np.maximum(above - 1, 0)
        return np.where(special.pdtr(below, mean) >= p, below, above)

    return Law(ppf, lambda p: ppf(1.0 - p), lambda x: special.pdtr(np.floor(x), mean))


def _poisson_frozen(mean: Any) -> Any:
    from scipy import stats

    return stats.poisson(mean)


POISSON = Family(
    "poisson",
    ((("mean", "positive number"),),),
    "whole",
    uses("draw likelihood"),
    "poisson(4)",
    Numbers(
        canonical=lambda do, a: (a["mean"],),
        law=_poisson_law,
        moments=lambda mean: (mean, mean),
        frozen=_poisson_frozen,
        formulas=Formulas(stated_mean),
    ),
    Likelihood(
        ((),),
        lambda ops, a, expected, _: {"mean": ops.clip(expected, FLOOR, np.inf)},
        lambda ops, a, seen: seen * ops.log(a["mean"]) - a["mean"] - ops.gammaln(seen + 1),
    ),
)


def _negative_binomial_frozen(mean: Any, dispersion: Any) -> Any:
    from scipy import stats

    return stats.nbinom(dispersion, dispersion / (dispersion + mean))


def _negative_binomial_density(ops: Ops, a: Arguments, seen: Any) -> Any:
    mean, k = a["mean"], a["dispersion"]
    counted = ops.gammaln(seen + k) - ops.gammaln(k) - ops.gammaln(seen + 1)
    return counted + k * ops.log(k / (k + mean)) + seen * ops.log(mean / (k + mean))


NEGATIVE_BINOMIAL = Family(
    "negative_binomial",
    ((("mean", "positive number"), ("dispersion", "positive number")),),
    "whole",
    uses("draw likelihood"),
    "negative_binomial(mean 4, dispersion 2)",
    Numbers(
        canonical=lambda do, a: (a["mean"], a["dispersion"]),
        law=from_stats(_negative_binomial_frozen),
        moments=lambda mean, k: (mean, mean + mean**2 / k),
        frozen=_negative_binomial_frozen,
        formulas=Formulas(stated_mean),
    ),
    Likelihood(
        ((("dispersion", "positive number"),),),
        lambda ops, a, expected, _: {"mean": ops.clip(expected, FLOOR, np.inf), "dispersion": a["dispersion"]},
        _negative_binomial_density,
    ),
)

# ------------------------------------------------------------------ shares of labels

CATEGORICAL = Family("categorical", (), "labels", uses("draw"), "categorical(north 40 %, south 60 %)", None)
EMPIRICAL = Family("empirical", (), "labels", uses("draw"), "household_sizes", None)

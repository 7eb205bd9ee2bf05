"""Families of times: exponential, gamma, lognormal, Weibull."""

from __future__ import annotations

from math import exp, gamma, log, pi, sqrt
from typing import Any

import numpy as np

from lpmdsl.distributions.family import (
    Arguments,
    Do,
    Family,
    Formulas,
    Law,
    Likelihood,
    Numbers,
    Ops,
    Score,
    stated_mean,
    uses,
)
from lpmdsl.distributions.laws import in_symbols, scaled

FLOOR = 1e-3
"""Lower bound of the expectation of a count: a report of nobody would make a single stray case impossible."""
HALF_LOG_TAU = 0.5 * log(2 * pi)

# ------------------------------------------------------------------ exponential


def _exponential_law(mean: Any) -> Law:
    return scaled(Law(lambda p: -np.log1p(-p), lambda p: -np.log(p), lambda x: -np.expm1(-x)), mean)


def _exponential_frozen(mean: Any) -> Any:
    from scipy import stats

    return stats.expon(scale=mean)


def _exponential(do: Do, a: Arguments) -> tuple[Any]:
    return (a["mean"] if "mean" in a else do("div", 1, a["rate"]),)


def _exponential_mean(a: Arguments) -> Any:
    return _exponential(in_symbols, a)[0]


EXPONENTIAL = Family(
    "exponential",
    ((("mean", "positive value"),), (("rate", "per value"),)),
    "positive",
    uses("dwell draw prior"),
    "exponential(mean 5 days)",
    Numbers(
        canonical=_exponential,
        law=_exponential_law,
        moments=lambda mean: (mean, mean**2),
        frozen=_exponential_frozen,
        formulas=Formulas(_exponential_mean, lambda sp, rate, a: 1 / (1 + rate * _exponential_mean(a))),
        stages="one",
        score=Score(("z",), lambda shape, change, tick: [0.0, change[0] / shape[0]]),
        is_memoryless=True,
    ),
)

# ------------------------------------------------------------------ gamma


def _gamma(do: Do, a: Arguments) -> tuple[Any, Any]:
    if "scale" in a:
        return a["shape"], a["scale"]
    if "shape" in a:
        return a["shape"], do("div", a["mean"], a["shape"]) if "mean" in a else do("div", 1, a["rate"])
    sd = do("positive", a["sd"])
    return do("pow", do("div", a["mean"], sd), 2), do("div", do("pow", sd, 2), a["mean"])


def _gamma_law(shape: Any, scale: Any) -> Law:
    from scipy import special

    standard = Law(
        lambda p: special.gammaincinv(shape, p),
        lambda p: special.gammainccinv(shape, p),
        lambda x: special.gammainc(shape, x),
    )
    return scaled(standard, scale, shape)


def _gamma_frozen(shape: Any, scale: Any) -> Any:
    from scipy import stats

    return stats.gamma(shape, scale=scale)


def _gamma_mean(a: Arguments) -> Any:
    if "mean" in a:
        return a["mean"]
    return a["shape"] * a["scale"] if "scale" in a else a["shape"] / a["rate"]


def _gamma_discounted(_: Any, rate: Any, a: Arguments) -> Any:
    shape, _ = _gamma(in_symbols, a)
    return (1 + rate * _gamma_mean(a) / shape) ** -shape


def _gamma_slopes(shape: tuple[Any, ...], change: Any, tick: float) -> list[float]:
    return [change[1] / shape[1] ** 2 * tick, change[0]]


_GAMMA = Numbers(
    canonical=_gamma,
    law=_gamma_law,
    moments=lambda shape, scale: (shape * scale, shape * scale**2),
    frozen=_gamma_frozen,
    formulas=Formulas(_gamma_mean, _gamma_discounted),
    stages="spread",
    score=Score(("log",), _gamma_slopes),
    is_gamma=True,
)
GAMMA = Family(
    "gamma",
    (
        (("mean", "positive value"), ("sd", "positive value")),
        (("shape", "positive number"), ("scale", "positive value")),
        (("shape", "positive number"), ("rate", "per value")),
        (("shape", "positive number"), ("mean", "positive value")),
    ),
    "positive",
    uses("dwell draw prior"),
    "gamma(mean 5 days, sd 2 days)",
    _GAMMA,
)
ERLANG = Family(
    "erlang",
    (
        (("mean", "positive value"), ("shape", "whole number")),
        (("shape", "whole number"), ("scale", "positive value")),
        (("shape", "whole number"), ("rate", "per value")),
    ),
    "positive",
    uses("dwell draw prior"),
    "erlang(mean 5 days, shape 3)",
    _GAMMA,
)

# ------------------------------------------------------------------ lognormal


def _lognormal(do: Do, a: Arguments) -> tuple[Any, Any]:
    if "median" in a:
        return do("log", a["spread"]), a["median"]
    variance = do("log1p", do("pow", do("div", do("positive", a["sd"]), a["mean"]), 2))
    return do("sqrt", variance), do("div", a["mean"], do("exp", do("div", variance, 2)))


def _lognormal_law(sigma: Any, scale: Any) -> Law:
    from scipy import special

    standard = Law(
        lambda p: np.exp(sigma * special.ndtri(p)),
        lambda p: np.exp(sigma * -special.ndtri(p)),
        lambda x: special.ndtr(np.log(x) / sigma),
    )
    return scaled(standard, scale, sigma)


def _lognormal_moments(sigma: Any, scale: Any) -> tuple[Any, Any]:
    variance = sigma**2
    mean = scale * np.exp(variance / 2)
    return mean, mean**2 * (np.exp(variance) - 1)


def _lognormal_frozen(sigma: Any, scale: Any) -> Any:
    from scipy import stats

    return stats.lognorm(sigma, scale=scale)


def _lognormal_slopes(shape: tuple[Any, ...], change: Any, tick: float) -> list[float]:
    sigma, scale = shape
    mu = log(scale) - log(tick)
    by_sigma = change[0] / sigma**3
    return [0.0, change[1] / scale / sigma**2 - 2 * mu * by_sigma, by_sigma]


def _lognormal_density(ops: Ops, a: Arguments, seen: Any) -> Any:
    width = ops.log(a["spread"])
    apart = (ops.log(seen) - ops.log(a["median"])) / width
    return -0.5 * apart**2 - ops.log(width) - ops.log(seen) - HALF_LOG_TAU


LOGNORMAL = Family(
    "lognormal",
    (
        (("median", "positive value"), ("spread", "above one")),
        (("mean", "positive value"), ("sd", "positive value")),
    ),
    "positive",
    uses("dwell draw prior likelihood"),
    "lognormal(median 5 days, spread 1.5)",
    Numbers(
        canonical=_lognormal,
        law=_lognormal_law,
        moments=_lognormal_moments,
        frozen=_lognormal_frozen,
        formulas=Formulas(stated_mean),
        stages="spread",
        score=Score(("log", "log squared"), _lognormal_slopes),
        is_lognormal=True,
        is_heavy=lambda *_: True,
    ),
    Likelihood(
        ((("spread", "above one"),),),
        lambda ops, a, expected, _: {"median": ops.clip(expected, FLOOR, np.inf), "spread": a["spread"]},
        _lognormal_density,
    ),
)

# ------------------------------------------------------------------ Weibull


def _weibull(do: Do, a: Arguments) -> tuple[Any, Any]:
    k = do("weibull shape", a["sd"], a["mean"]) if "sd" in a else a["k"] if "k" in a else a["shape"]
    return k, a["scale"] if "scale" in a else do("weibull scale", a["mean"], k)


def _scale_of_mean(mean: Any, k: Any) -> Any:
    from scipy import special

    return mean / special.gamma(1 + 1 / k)


def weibull_shape(variation: float) -> float:
    """The shape k whose coefficient of variation is ``variation``, by halving the range of log k 60 times."""
    low, high = log(0.08), log(80.0)
    for _ in range(60):
        middle = (low + high) / 2
        k = exp(middle)
        # The variation falls as k grows.
        if sqrt(max(gamma(1 + 2 / k) / gamma(1 + 1 / k) ** 2 - 1, 0)) > variation:
            low = middle
        else:
            high = middle
    return exp((low + high) / 2)


def _weibull_law(k: Any, scale: Any) -> Law:
    standard = Law(
        lambda p: (-np.log1p(-p)) ** (1 / k), lambda p: (-np.log(p)) ** (1 / k), lambda x: -np.expm1(-(x**k))
    )
    return scaled(standard, scale, k)


def _weibull_moments(k: Any, scale: Any) -> tuple[Any, Any]:
    from scipy import special

    first, second = special.gamma(1 + 1 / k), special.gamma(1 + 2 / k)
    return scale * first, scale**2 * (second - first**2)


def _weibull_frozen(k: Any, scale: Any) -> Any:
    from scipy import stats

    return stats.weibull_min(k, scale=scale)


def _weibull_slopes(shape: tuple[Any, ...], change: Any, tick: float) -> list[float]:
    k, scale = shape
    return [0.0, k / scale * change[1], change[0] / k, -change[0] / k]


WEIBULL = Family(
    "weibull",
    (
        (("k", "positive number"), ("scale", "positive value")),
        (("k", "positive number"), ("mean", "positive value")),
        (("shape", "positive number"), ("scale", "positive value")),
        (("shape", "positive number"), ("mean", "positive value")),
        (("mean", "positive value"), ("sd", "positive value")),
    ),
    "positive",
    uses("dwell draw prior"),
    "weibull(k 2, scale 5 days)",
    Numbers(
        canonical=_weibull,
        law=_weibull_law,
        moments=_weibull_moments,
        frozen=_weibull_frozen,
        formulas=Formulas(stated_mean),
        stages="spread",
        score=Score(("z", "log z", "z log z"), _weibull_slopes),
        # A share 2^(−40^k) is left after 40 medians: more than 2^(−39) where k is below 1 by more than rounding.
        is_heavy=lambda k, scale: 40.0**k < 39.0,
        # The gamma function, and a root: no expression of the language.
        solved=(
            ("weibull shape", lambda sd, mean: weibull_shape(float(sd) / float(mean))),
            ("weibull scale", _scale_of_mean),
        ),
    ),
)

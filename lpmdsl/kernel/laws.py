"""The distributions of the language by their quantile functions, from whichever arguments were written.

Most come from ``scipy.special``, the rest from ``scipy.stats``, which takes a second to load and is loaded when one of
them is asked for. ``compiler_tests/test_laws.py`` holds the first to the second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, gamma, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

Curve = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Law:
    """``ppf(p)``: the value below which a share p lies; ``isf(p)``: above which; ``cdf(x)``: the share up to x."""

    ppf: Curve
    isf: Curve
    cdf: Curve


def law(family: str, args: dict[str, Any]) -> Law:
    """The law of a family with its arguments in base units (floats or arrays); NaN where they make no sense.

    Gamma, lognormal and beta by mean and sd use the method of moments; lognormal also by median and spread (the
    geometric standard deviation); Weibull by shape (k) and scale or mean, or mean and sd solved for k.
    """
    return _FAMILIES[family](args)


def _positive(x: Any) -> Any:
    """x, or NaN where it is not above 0: squared, a negative standard deviation would pass for one."""
    return np.where(np.asarray(x) > 0, x, np.nan)


def _scaled(standard: Law, scale: Any, *shapes: Any) -> Law:
    """``scale`` times the standard law; NaN where the scale or a shape is not above 0."""
    sound = np.logical_and.reduce(np.broadcast_arrays(*(np.asarray(x) > 0 for x in (scale, *shapes))))
    return Law(
        lambda p: np.where(sound, standard.ppf(p) * scale, np.nan),
        lambda p: np.where(sound, standard.isf(p) * scale, np.nan),
        lambda x: np.where(sound, standard.cdf(x / scale), np.nan),
    )


# ------------------------------------------------------------------ families from scipy.special


def _exponential(a: dict[str, Any]) -> Law:
    standard = Law(lambda p: -np.log1p(-p), lambda p: -np.log(p), lambda x: -np.expm1(-x))
    return _scaled(standard, a["mean"] if "mean" in a else 1 / a["rate"])


def _gamma(a: dict[str, Any]) -> Law:
    if "shape" in a:
        scale = a["scale"] if "scale" in a else (a["mean"] / a["shape"] if "mean" in a else 1 / a["rate"])
        return _gamma_law(a["shape"], scale)
    sd = _positive(a["sd"])
    return _gamma_law((a["mean"] / sd) ** 2, sd**2 / a["mean"])


def _gamma_law(shape: Any, scale: Any) -> Law:
    standard = Law(
        lambda p: special.gammaincinv(shape, p),
        lambda p: special.gammainccinv(shape, p),
        lambda x: special.gammainc(shape, x),
    )
    return _scaled(standard, scale, shape)


def _lognormal(a: dict[str, Any]) -> Law:
    if "median" in a:
        return _lognormal_law(np.log(a["spread"]), a["median"])
    variance = np.log1p((_positive(a["sd"]) / a["mean"]) ** 2)
    return _lognormal_law(np.sqrt(variance), a["mean"] / np.exp(variance / 2))


def _lognormal_law(sigma: Any, scale: Any) -> Law:
    standard = Law(
        lambda p: np.exp(sigma * special.ndtri(p)),
        lambda p: np.exp(sigma * -special.ndtri(p)),
        lambda x: special.ndtr(np.log(x) / sigma),
    )
    return _scaled(standard, scale, sigma)


def _weibull(a: dict[str, Any]) -> Law:
    k = weibull_shape(float(a["sd"]) / float(a["mean"])) if "sd" in a else a["k"] if "k" in a else a["shape"]
    scale = a["scale"] if "scale" in a else a["mean"] / special.gamma(1 + 1 / k)
    standard = Law(
        lambda p: (-np.log1p(-p)) ** (1 / k), lambda p: (-np.log(p)) ** (1 / k), lambda x: -np.expm1(-(x**k))
    )
    return _scaled(standard, scale, k)


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


def _uniform(a: dict[str, Any]) -> Law:
    low, width = a["min"], a["max"] - a["min"]
    standard = _scaled(Law(lambda p: p, lambda p: 1.0 - p, lambda x: np.clip(x, 0.0, 1.0)), width)
    return _shifted(standard, low)


def _triangular(a: dict[str, Any]) -> Law:
    low, high = np.asarray(a["low"], np.float64), np.asarray(a["high"], np.float64)
    width = high - low
    rise, fall = a["mode"] - low, high - a["mode"]
    sound = (rise >= 0) & (fall >= 0) & (width > 0)

    def quantile(below: Any, above: Any) -> Any:
        """The value below which the share ``below`` lies and above which the rest, ``above``, does."""
        up, down = low + np.sqrt(below * width * rise), high - np.sqrt(above * width * fall)
        return np.where(sound, np.where(below * width <= rise, up, down), np.nan)

    def cdf(x: Any) -> Any:
        up = np.clip(x - low, 0.0, None) ** 2 / (width * np.maximum(rise, 1e-300))
        down = 1.0 - np.clip(high - x, 0.0, None) ** 2 / (width * np.maximum(fall, 1e-300))
        return np.where(sound, np.where(x < a["mode"], up, down), np.nan)

    return Law(lambda p: quantile(p, 1.0 - p), lambda p: quantile(1.0 - p, p), cdf)


def _normal(a: dict[str, Any]) -> Law:
    standard = Law(special.ndtri, lambda p: -special.ndtri(p), special.ndtr)
    return _shifted(_scaled(standard, a["sd"]), a["mean"])


def _shifted(centred: Law, by: Any) -> Law:
    return Law(lambda p: centred.ppf(p) + by, lambda p: centred.isf(p) + by, lambda x: centred.cdf(x - by))


def _beta(a: dict[str, Any]) -> Law:
    if "a" in a:
        return _beta_law(a["a"], a["b"])
    total = a["mean"] * (1 - a["mean"]) / _positive(a["sd"]) ** 2 - 1
    return _beta_law(a["mean"] * total, (1 - a["mean"]) * total)


def _beta_law(a: Any, b: Any) -> Law:
    standard = Law(
        lambda p: special.betaincinv(a, b, p),
        lambda p: special.betainccinv(a, b, p),
        lambda x: special.betainc(a, b, x),
    )
    return _scaled(standard, 1.0, a, b)


def _poisson(a: dict[str, Any]) -> Law:
    mean = _positive(a["mean"])

    def ppf(p: Any) -> Any:
        # pdtrik solves for a real k and may end just above a whole one: then the one below it holds p already.
        above = np.ceil(special.pdtrik(p, mean))
        below = np.maximum(above - 1, 0)
        return np.where(special.pdtr(below, mean) >= p, below, above)

    return Law(ppf, lambda p: ppf(1.0 - p), lambda x: special.pdtr(np.floor(x), mean))


# ------------------------------------------------------------------ families from scipy.stats


def _of_stats(name: str, *arguments: ArrayLike) -> Law:
    from scipy import stats  # heavy: see the top of this file

    frozen = getattr(stats, name)(*arguments)
    return Law(frozen.ppf, frozen.isf, frozen.cdf)


_FAMILIES: dict[str, Callable[[dict[str, Any]], Law]] = {
    "exponential": _exponential,
    "gamma": _gamma,
    "erlang": _gamma,
    "lognormal": _lognormal,
    "weibull": _weibull,
    "uniform": _uniform,
    "triangular": _triangular,
    "normal": _normal,
    "beta": _beta,
    "bernoulli": lambda a: _of_stats("bernoulli", a["probability"]),
    "binomial": lambda a: _of_stats("binom", a["trials"], a["probability"]),
    "poisson": _poisson,
    "negative_binomial": lambda a: _of_stats(
        "nbinom", a["dispersion"], a["dispersion"] / (a["dispersion"] + a["mean"])
    ),
}

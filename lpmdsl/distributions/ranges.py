"""Families of values between ends or on the whole line: fixed, uniform, triangular, normal, beta."""

from __future__ import annotations

from typing import Any

import numpy as np

from lpmdsl.distributions.family import Arguments, Do, Family, Formulas, Law, Likelihood, Numbers, stated_mean, uses
from lpmdsl.distributions.laws import scaled, shifted
from lpmdsl.distributions.waiting import HALF_LOG_TAU

# ------------------------------------------------------------------ fixed


def _fixed_law(value: Any) -> Law:
    return Law(
        lambda p: value + np.zeros(np.shape(p)),
        lambda p: value + np.zeros(np.shape(p)),
        lambda x: np.asarray(x >= value, np.float64),
    )


FIXED = Family(
    "fixed",
    ((("value", "value"),),),
    "real",
    uses("dwell draw"),
    "fixed(5 days)",
    Numbers(
        canonical=lambda do, a: (a["value"],),
        law=_fixed_law,
        moments=lambda value: (value, 0.0 * value),
        frozen=None,
        formulas=Formulas(lambda a: a["value"], lambda sp, rate, a: sp.exp(-rate * a["value"])),
        stages="atoms",
    ),
    between=("value", "value"),
)

# ------------------------------------------------------------------ uniform, triangular


def _uniform_law(low: Any, high: Any) -> Law:
    standard = scaled(Law(lambda p: p, lambda p: 1.0 - p, lambda x: np.clip(x, 0.0, 1.0)), high - low)
    return shifted(standard, low)


def _uniform_frozen(low: Any, high: Any) -> Any:
    from scipy import stats

    return stats.uniform(low, high - low)


UNIFORM = Family(
    "uniform",
    ((("min", "value"), ("max", "value")),),
    "real",
    uses("dwell draw prior"),
    "uniform(2 days, 6 days)",
    Numbers(
        canonical=lambda do, a: (a["min"], a["max"]),
        law=_uniform_law,
        moments=lambda low, high: ((low + high) / 2, (high - low) ** 2 / 12),
        frozen=_uniform_frozen,
        formulas=Formulas(lambda a: (a["min"] + a["max"]) / 2),
        stages="spread",
    ),
    between=("min", "max"),
)


def _triangular_law(low: Any, mode: Any, high: Any) -> Law:
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    width = high - low
    rise, fall = mode - low, high - mode
    sound = (rise >= 0) & (fall >= 0) & (width > 0)

    def quantile(below: Any, above: Any) -> Any:
        """The value below which the share ``below`` lies and above which the rest, ``above``, does."""
        up, down = low + np.sqrt(below * width * rise), high - np.sqrt(above * width * fall)
        return np.where(sound, np.where(below * width <= rise, up, down), np.nan)

    def cdf(x: Any) -> Any:
        up = np.clip(x - low, 0.0, None) ** 2 / (width * np.maximum(rise, 1e-300))
        down = 1.0 - np.clip(high - x, 0.0, None) ** 2 / (width * np.maximum(fall, 1e-300))
        return np.where(sound, np.where(x < mode, up, down), np.nan)

    return Law(lambda p: quantile(p, 1.0 - p), lambda p: quantile(1.0 - p, p), cdf)


def _triangular_moments(low: Any, mode: Any, high: Any) -> tuple[Any, Any]:
    squares = low**2 + mode**2 + high**2 - low * mode - low * high - mode * high
    return (low + mode + high) / 3, squares / 18


def _triangular_frozen(low: Any, mode: Any, high: Any) -> Any:
    from scipy import stats

    return stats.triang((mode - low) / (high - low), low, high - low)


TRIANGULAR = Family(
    "triangular",
    ((("low", "value"), ("mode", "value"), ("high", "value")),),
    "real",
    uses("dwell draw prior"),
    "triangular(1 day, 3 days, 9 days)",
    Numbers(
        canonical=lambda do, a: (a["low"], a["mode"], a["high"]),
        law=_triangular_law,
        moments=_triangular_moments,
        frozen=_triangular_frozen,
        formulas=Formulas(lambda a: (a["low"] + a["mode"] + a["high"]) / 3),
        stages="spread",
    ),
    between=("low", "high"),
)

# ------------------------------------------------------------------ normal, beta


def _normal_law(mean: Any, sd: Any) -> Law:
    from scipy import special

    return shifted(scaled(Law(special.ndtri, lambda p: -special.ndtri(p), special.ndtr), sd), mean)


def _normal_frozen(mean: Any, sd: Any) -> Any:
    from scipy import stats

    return stats.norm(mean, sd)


NORMAL = Family(
    "normal",
    ((("mean", "value"), ("sd", "positive value")),),
    "real",
    uses("draw prior likelihood"),
    "normal(mean 0, sd 1)",
    Numbers(
        canonical=lambda do, a: (a["mean"], a["sd"]),
        law=_normal_law,
        moments=lambda mean, sd: (mean, sd**2),
        frozen=_normal_frozen,
        formulas=Formulas(stated_mean),
        stages="spread",
    ),
    Likelihood(
        ((("sd", "positive value"),),),
        lambda ops, a, expected, _: {"mean": expected, "sd": a["sd"]},
        lambda ops, a, seen: -0.5 * ((seen - a["mean"]) / a["sd"]) ** 2 - ops.log(a["sd"]) - HALF_LOG_TAU,
    ),
)


def _beta(do: Do, a: Arguments) -> tuple[Any, Any]:
    if "a" in a:
        return a["a"], a["b"]
    rest, variance = do("sub", 1, a["mean"]), do("pow", do("positive", a["sd"]), 2)
    total = do("sub", do("div", do("mul", a["mean"], rest), variance), 1)
    return do("mul", a["mean"], total), do("mul", rest, total)


def _beta_law(a: Any, b: Any) -> Law:
    from scipy import special

    standard = Law(
        lambda p: special.betaincinv(a, b, p),
        lambda p: special.betainccinv(a, b, p),
        lambda x: special.betainc(a, b, x),
    )
    return scaled(standard, 1.0, a, b)


def _beta_frozen(a: Any, b: Any) -> Any:
    from scipy import stats

    return stats.beta(a, b)


BETA = Family(
    "beta",
    ((("mean", "probability"), ("sd", "positive number")), (("a", "positive number"), ("b", "positive number"))),
    "unit",
    uses("draw prior"),
    "beta(mean 30 %, sd 10 %)",
    Numbers(
        canonical=_beta,
        law=_beta_law,
        moments=lambda a, b: (a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))),
        frozen=_beta_frozen,
        formulas=Formulas(lambda a: a["mean"] if "mean" in a else a["a"] / (a["a"] + a["b"])),
    ),
)

"""What is believed of a parameter before the data, and the way from the real line to its possible values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lpmdsl.distributions.waiting import weibull_shape
from lpmdsl.runtime.settings import limits
from lpmdsl.semantics.evaluate import Scope, evaluate
from lpmdsl.semantics.model import Distribution, Model, Parameter

EDGE = 1e-12
"""How near to its bounds, as a share of their distance, a parameter can come."""


def frozen(family: str, a: Mapping[str, float]) -> Any:
    """The prior as a distribution of ``scipy.stats``, from whichever arguments were written (base units)."""
    match family:
        case "exponential":
            return stats.expon(scale=a["mean"] if "mean" in a else 1 / a["rate"])
        case "gamma" | "erlang":
            shape = a["shape"] if "shape" in a else (a["mean"] / a["sd"]) ** 2
            scale = a["scale"] if "scale" in a else 1 / a["rate"] if "rate" in a else a["mean"] / shape
            return stats.gamma(shape, scale=scale)
        case "lognormal":
            if "median" in a:
                return stats.lognorm(math.log(a["spread"]), scale=a["median"])
            width = math.log1p((a["sd"] / a["mean"]) ** 2)
            return stats.lognorm(math.sqrt(width), scale=a["mean"] * math.exp(-width / 2))
        case "weibull":
            k = a.get("k", a.get("shape"))
            k = weibull_shape(a["sd"] / a["mean"]) if k is None else k
            return stats.weibull_min(k, scale=a["scale"] if "scale" in a else a["mean"] / math.gamma(1 + 1 / k))
        case "uniform":
            return stats.uniform(a["min"], a["max"] - a["min"])
        case "triangular":
            width = a["high"] - a["low"]
            return stats.triang((a["mode"] - a["low"]) / width, a["low"], width)
        case "normal":
            return stats.norm(a["mean"], a["sd"])
        case "beta":
            if "a" in a:
                return stats.beta(a["a"], a["b"])
            size = a["mean"] * (1 - a["mean"]) / a["sd"] ** 2 - 1
            return stats.beta(a["mean"] * size, (1 - a["mean"]) * size)
        case _:
            raise ValueError(f"no prior is called {family}")


def arguments(law: Distribution, model: Model, values: Mapping[str, float]) -> dict[str, float]:
    """The arguments of a distribution as numbers, with parameters at some values."""
    scope = Scope(model, values)
    return {name: float(evaluate(expr, scope)) for name, expr in law.arguments}


@dataclass(frozen=True, slots=True)
class Free:
    """A parameter that is estimated: its prior, and its least and greatest value in base units."""

    parameter: Parameter
    prior: Distribution
    low: float
    high: float

    @property
    def name(self) -> str:
        return self.parameter.name

    def value(self, z: Any) -> Any:
        """From the real line: a logistic curve between two bounds, an exponential from one, else the number itself."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            share = np.clip(1 / (1 + np.exp(-np.clip(z, -500, 500))), EDGE, 1 - EDGE)
            return self.low + (self.high - self.low) * share
        if math.isfinite(self.low):
            return self.low + np.exp(np.clip(z, -500, 500))
        return self.high - np.exp(np.clip(z, -500, 500)) if math.isfinite(self.high) else z

    def real(self, value: Any) -> Any:
        """Back to the real line."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            share = np.clip((value - self.low) / (self.high - self.low), EDGE, 1 - EDGE)
            return np.log(share / (1 - share))
        if math.isfinite(self.low):
            return np.log(np.maximum(value - self.low, 1e-300))
        return np.log(np.maximum(self.high - value, 1e-300)) if math.isfinite(self.high) else value

    def log_slope(self, z: float) -> float:
        """log |d value / dz|."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            return math.log(self.high - self.low) - abs(z) - 2 * math.log1p(math.exp(-abs(z)))
        return z if math.isfinite(self.low) or math.isfinite(self.high) else 0.0


def free_parameter(model: Model, parameter: Parameter) -> Free:
    """An estimated parameter with its bounds: those written, those of its type, those of its prior."""
    assert parameter.prior is not None
    low, high = limits(parameter)
    least, most = -math.inf, math.inf
    match parameter.prior.family:
        case "exponential" | "gamma" | "erlang" | "lognormal" | "weibull":
            least = 0.0
        case "beta":
            least, most = 0.0, 1.0
        case "uniform":
            a = arguments(parameter.prior, model, _defaults(model))
            least, most = a["min"], a["max"]
        case "triangular":
            a = arguments(parameter.prior, model, _defaults(model))
            least, most = a["low"], a["high"]
        case _:
            pass
    return Free(parameter, parameter.prior, max(least, -math.inf if low is None else low),
                min(most, math.inf if high is None else high))  # fmt: skip


def _defaults(model: Model) -> dict[str, float]:
    from lpmdsl.semantics.evaluate import parameter_values

    return parameter_values(model, {})


def log_prior(frees: tuple[Free, ...], model: Model, values: Mapping[str, float]) -> float:
    """The sum of the log densities of the priors (up to the constants that bounds cut off)."""
    total = 0.0
    for free in frees:
        total += float(frozen(free.prior.family, arguments(free.prior, model, values)).logpdf(values[free.name]))
    return total if not math.isnan(total) else -math.inf


def prior_draws(
    free: Free, model: Model, values: Mapping[str, float], random: np.random.Generator, count: int
) -> NDArray[np.float64]:
    """Draws of one prior within the parameter's bounds."""
    law = frozen(free.prior.family, arguments(free.prior, model, values))
    below, above = float(law.cdf(free.low)), float(law.cdf(free.high))
    return np.clip(law.ppf(below + (above - below) * random.random(count)), free.low, free.high)

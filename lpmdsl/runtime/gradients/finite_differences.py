"""Gradients of what is expected of a run, by central differences on common random numbers, with a certificate.

The estimate is the five-point difference (error of the fourth order in the step); the certificate compares it, on the
same replicates, with the difference over the widest pair alone. Where these do not agree within 10 %, the step is
halved. L'Ecuyer & Perron 1994, Oper Res 42:643, on differences with common random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lpmdsl.runtime.settings import limits
from lpmdsl.semantics.model import Parameter

Values = NDArray[np.float64]
Evaluate = Callable[[Mapping[str, float]], Values]

STEP = 0.1
"""Of a parameter's value."""
HALVINGS = 3
AGREES = 0.10
TWO_SIDED_95 = 1.959964
ROUNDING = 1e-13


@dataclass(frozen=True, slots=True)
class Stencil:
    """At which multiples of the step to evaluate, and the weights of the estimate and of the wide difference."""

    at: tuple[int, ...]
    estimate: tuple[float, ...]
    wide: tuple[float, ...]


CENTRAL = Stencil((-2, -1, 1, 2), (1 / 12, -8 / 12, 8 / 12, -1 / 12), (-1 / 4, 0.0, 0.0, 1 / 4))
FORWARD = Stencil((0, 1, 2), (-3 / 2, 2.0, -1 / 2), (-1 / 2, 0.0, 1 / 2))
BACKWARD = Stencil((0, -1, -2), (3 / 2, -2.0, 1 / 2), (1 / 2, 0.0, -1 / 2))


@dataclass(frozen=True, slots=True)
class Certificate:
    """``ratio``: of two estimates, the wide difference over the one used, the one used over differences along random
    directions, or, where these are noisier, these over the one used, with its 95 % interval; ``holds`` if that is
    within ±10 %.

    ``cosine``: of the angle between the two over the directions. ``growth``: how often the ratio doubles when a run is
    twice as long: 0 for an estimator that is right.
    """

    holds: bool
    ratio: float
    low: float
    high: float
    words: str
    cosine: float = math.nan
    growth: float = math.nan


def untold(words: str = "too few replicates to tell") -> Certificate:
    """Certificate where there is no ratio."""
    return Certificate(False, math.nan, math.nan, math.nan, words)


def equivalence(
    ratio: float, half: float, words: tuple[str, str, str], cosine: float = math.nan, growth: float = math.nan,
    is_surely_off: bool = False,
) -> Certificate:  # fmt: skip
    """The certificate of a ratio with an interval of ``half`` its width: equivalence to 1 within ±10 % passes.

    ``words``: for one that passes, one that is surely off, and one of which nothing can be said.
    """
    low, high = ratio - half, ratio + half
    holds = low >= 1 - AGREES and high <= 1 + AGREES
    is_off = is_surely_off or low > 1 + AGREES or high < 1 - AGREES
    return Certificate(holds, ratio, low, high, words[0] if holds else words[1 if is_off else 2], cosine, growth)


UNCHANGED = untold("nothing changed in any replicate: too few to tell")
UNCERTAIN = "too few replicates to tell within 10 %"
STEPS = (
    "differences over one and two steps agree within 10 %",
    "differences over one and two steps disagree: the response bends",
    UNCERTAIN,
)
"""Of differences over one step, beside those over two."""


@dataclass(frozen=True, slots=True)
class Slope:
    """The derivative of the mean of one number, its standard error, the step used and the certificate."""

    gradient: float
    se: float
    step: float
    certificate: Certificate


def slope(parameter: Parameter, value: float, evaluate: Evaluate) -> Slope:
    """The derivative with respect to one parameter at ``value`` (base units); ``evaluate`` gives (replicates, 1)."""
    stencil, step = stencil_at(parameter, value)
    seen = cache(lambda at: evaluate({parameter.name: at})[:, 0])
    for _ in range(HALVINGS):
        found = _slope(stencil, step, value, seen)
        apart = abs(found.certificate.ratio - 1)
        width = found.certificate.high - found.certificate.low
        # Halve for what is seen to bend, not for what is only uncertain.
        if not apart > max(AGREES, width):
            return found
        step /= 2
    return _slope(stencil, step, value, seen)


def stencil_at(parameter: Parameter, value: float) -> tuple[Stencil, float]:
    """The points within the parameter's limits and the step between them."""
    low, high = limits(parameter)
    below = math.inf if low is None else value - low
    above = math.inf if high is None else high - value
    step = STEP * abs(value) or STEP * min(1.0, above if above > 0 else below)
    least = 0.2 * step
    if min(below, above) / 2 >= least:
        return CENTRAL, min(step, min(below, above) / 2)
    return (FORWARD, min(step, above / 2)) if above > below else (BACKWARD, min(step, below / 2))


def _slope(stencil: Stencil, step: float, value: float, seen: Callable[[float], Values]) -> Slope:
    values = np.stack([seen(value + k * step) for k in stencil.at])
    each, wide = (_weighed(np.asarray(w), values) / step for w in (stencil.estimate, stencil.wide))
    return Slope(float(each.mean()), standard_error(each), step, certificate(each, wide))


def _weighed(weights: Values, values: Values) -> Values:
    """A difference of values, exactly 0 where it is no more than the rounding of their sum."""
    found = np.tensordot(weights, values, 1)
    return np.where(np.abs(found) <= ROUNDING * np.abs(values).max(axis=0), 0.0, found)


def standard_error(values: Values) -> float:
    """Of the mean of independent replicates; NaN for one."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def certificate(each: Values, wide: Values) -> Certificate:
    """Agreement of two estimators on the same replicates: equivalence of their ratio to 1 within ±10 % (Fieller's
    interval to first order)."""
    mean = float(each.mean())
    if not np.any(each) and not np.any(wide):
        return UNCHANGED
    if mean == 0 or len(each) < 2:
        return untold()
    ratio = float(wide.mean()) / mean
    return equivalence(ratio, TWO_SIDED_95 * standard_error(wide - ratio * each) / abs(mean), STEPS)


def agreement(ours: Values, truth: Values, words: tuple[str, str, str]) -> Certificate:
    """Agreement of slopes with others of the same directions: equivalence to 1 within ±10 % of the slope, through the
    origin, of one on the other (its error from the residuals, White 1980, Econometrica 48:817)."""
    sound = np.isfinite(ours) & np.isfinite(truth)
    ours, truth = ours[sound], truth[sound]
    size = float((truth**2).sum())
    if len(ours) < 4 or size == 0:
        return untold()
    ratio = float((ours * truth).sum()) / size
    error = TWO_SIDED_95 * math.sqrt(float((truth**2 * (ours - ratio * truth) ** 2).sum())) / size
    cosine = float((ours * truth).sum() / math.sqrt(size * float((ours**2).sum()) + 1e-300))
    return equivalence(ratio, error, words, cosine)

"""Times that are sums of others: two exponential stages in a row."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import Any

import numpy as np

from lpmdsl.distributions.family import Arguments, Family, Formulas, Law, Numbers, uses

SERIES = 0.5
"""Below it a difference of an exponential and its first terms is a sum of those that follow."""
TERMS = 18
MOST_STEPS = 60
"""Steps to a quantile; a halving gains one bit, Newton's method doubles them."""
NEAR = 1e-8
"""The last step; what is left after it is its square. Rounding may lead so far out of the bounds."""


def _beyond(u: Any) -> Any:
    """e^u − 1 − u, to its last bits near 0."""
    near = np.where(np.abs(u) < SERIES, u, 0.0)
    series = np.zeros(np.shape(u))
    for k in range(TERMS, 1, -1):
        series = series * near + 1 / factorial(k)
    return np.where(np.abs(u) < SERIES, series * near * near, np.expm1(u) - u)


def _share(y: Any) -> Any:
    """(1 − e^(−y)) / y, 1 at 0."""
    some = np.where(y == 0, 1.0, y)
    return np.where(y == 0, 1.0, -np.expm1(-some) / some)


def _longer(x: Any, slow: Any, fast: Any) -> Any:
    """The share that stays longer than x: all terms are above 0, so that none is lost where it is small."""
    return np.exp(-x / slow) * (1 + x / slow * _share(x * (1 / fast - 1 / slow)))


def _shorter(x: Any, slow: Any, fast: Any) -> Any:
    """The share up to x, from what is left of the exponential series where that is small."""
    u, y = np.minimum(x / slow, 1.0), x * (1 / fast - 1 / slow)
    some = np.where(y == 0, 1.0, y)
    small = np.exp(-u) * (_beyond(u) + u * np.where(y == 0, 0.0, _beyond(-some) / some))
    return np.where(x < slow, small, 1 - _longer(x, slow, fast))


def _density(x: Any, slow: Any, fast: Any) -> Any:
    return np.exp(-x / slow) * x / (slow * fast) * _share(x * (1 / fast - 1 / slow))


def _solved(low: Any, high: Any, share: Callable[[Any], Any], wanted: Any, density: Callable[[Any], Any]) -> Any:
    """The x between two bounds at which a share, falling or rising, is as wanted: Newton's method on logarithms."""
    rises = share(low) <= share(high)
    x = np.sqrt(low * high)
    for _ in range(MOST_STEPS):
        found = share(x)
        above = (found > wanted) == rises
        low, high = np.where(above, low, x), np.where(above, x, high)
        step = np.log(found / wanted) * found / (x * density(x))
        moved = x * np.exp(np.clip(np.where(rises, -step, step), -1.0, 1.0))
        inside = (moved >= low * (1 - NEAR)) & (moved <= high * (1 + NEAR))
        moved = np.where(inside, moved, np.sqrt(low * high))
        near = np.abs(moved - x) <= NEAR * x
        x = moved
        if np.all(near):
            break
    return x


def _law(first: Any, second: Any) -> Law:
    """Between the longer stage alone or two of the shorter, and two of the longer, lie all quantiles."""
    from scipy import special

    slow, fast = np.maximum(first, second), np.minimum(first, second)
    sound = np.asarray(fast) > 0

    def quantile(p: Any, two: Any, share: Callable[..., Any]) -> Any:
        with np.errstate(all="ignore"):
            own = -np.log1p(-p) if share is _shorter else -np.log(p)
            found = _solved(
                np.maximum(slow * own, fast * two), slow * two, lambda x: share(x, slow, fast), p,
                lambda x: _density(x, slow, fast),
            )  # fmt: skip
        return np.where(sound, np.where(two == 0, 0.0, np.where(np.isinf(two), np.inf, found)), np.nan)

    return Law(
        lambda p: quantile(p, special.gammaincinv(2.0, p), _shorter),
        lambda p: quantile(p, special.gammainccinv(2.0, p), _longer),
        lambda x: np.where(sound, np.where(np.asarray(x) > 0, _shorter(np.maximum(x, 0.0), slow, fast), 0.0), np.nan),
    )


def _mean(a: Arguments) -> Any:
    return a["mean"] + a["mean 2"]


HYPOEXPONENTIAL = Family(
    "hypoexponential",
    ((("mean", "positive value"), ("mean 2", "positive value")),),
    "positive",
    uses("dwell draw"),
    "hypoexponential(mean 2 days, mean 3 days)",
    Numbers(
        canonical=lambda do, a: (a["mean"], a["mean 2"]),
        law=_law,
        moments=lambda first, second: (first + second, first**2 + second**2),
        frozen=None,
        formulas=Formulas(_mean, lambda sp, rate, a: 1 / ((1 + rate * a["mean"]) * (1 + rate * a["mean 2"]))),
        stages="spread",
        score="the score of a `{family}` time is not made of a few sums over draws",
    ),
)

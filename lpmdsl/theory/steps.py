"""Growth in the steps of the clock, of a contagion whose sources count for exactly the time they are infectious.

The force of a step is the mean over it, so whoever is infected at a moment of one step meets those infected in the
k-th step after it with a weight that is a hat over k steps: the discount e^(−ra) of Euler and Lotka becomes the
polygon through its values at whole steps. Over a step the mean of the polygon is (rh/2)/tanh(rh/2) times that of the
exponential, 1 + (rh)²/12 and less: second order in the step h.

Infections of one step that are infectious within it make up the matrix K, hats over no step at all. Those infected by
what the step knew at its beginning infect in the same step once more; what these infect in turn is made up in the next.
Per step: i = x + Kx, x = C(1 + K)x + K²x/ρ with C the hats over one step and more, and ρ = e^(rh). That all are
infected evenly over their step is taken for granted; runs date them by the force at its end, and lose a little less.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
TERMS = 12
"""Of Gaver and Stehfest's formula: 12 are right to about 10⁻⁴ for a function that is smooth twice over."""


def within_a_step(discounted: Callable[[float], Matrix], step: float) -> Matrix:
    """The matrix K of infections by somebody infected in the same step of ``step`` days: ∫₀ʰ (1 − a/h) A(a) da.

    ``discounted``: the next-generation matrix by the discount per day, the Laplace transform of A. That integral is
    the twice integrated A at h, divided by h; its transform is that of A by θ² (Stehfest 1970, Comm ACM 13:47).
    """
    rate = math.log(2) / step
    terms = [weight * discounted(k * rate) / (k * rate) ** 2 for k, weight in enumerate(_stehfest(), start=1)]
    return np.maximum(rate * sum(terms[1:], terms[0]) / step, 0.0)


@cache
def _stehfest() -> tuple[float, ...]:
    half = TERMS // 2
    f = math.factorial
    return tuple(
        (-1) ** (k + half)
        * sum(
            j**half * f(2 * j) / (f(half - j) * f(j) * f(j - 1) * f(k - j) * f(2 * j - k))
            for j in range((k + 1) // 2, min(k, half) + 1)
        )
        for k in range(1, TERMS + 1)
    )


def in_steps(discounted: Matrix, within: Matrix, r: float, step: float) -> Matrix:
    """The matrix that takes infections of one step to the next, discounted by e^(−r·step): with 1 as its largest
    eigenvalue, r is the growth in steps of ``step`` days. ``discounted``: the next-generation matrix at r."""
    half = r * step / 2
    polygon = half / math.tanh(half) if half else 1.0
    later = polygon * discounted - within
    return later @ (np.eye(len(within)) + within) + within @ within * math.exp(-r * step)

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


def is_above_one(discounted: Matrix, at_step: Matrix, r: float, step: float) -> bool:
    """Return True if ``in_steps`` has an eigenvalue of 1 or more for certain, whatever ``within`` is.

    ``at_step``: the next-generation matrix at the discount 1/h, which bounds K because 1 − a/h ≤ e^(−a/h). With λ and
    u the leading eigenvalue and left vector of the polygon, u·(the matrix of steps) − u ≥ (λ−1)u − (1−1/ρ)·u·K²; where
    no element of that is below 0, Collatz and Wielandt's inequality holds.
    """
    if not (np.all(np.isfinite(discounted)) and np.all(np.isfinite(at_step))):
        return False
    value, left = leading(_polygon(r, step) * discounted.T)
    again = left @ at_step @ at_step * -math.expm1(-r * step)
    return value >= 1 and bool(np.all(again <= (value - 1) * left))


def leading(matrix: Matrix) -> tuple[float, Matrix]:
    """The largest eigenvalue of a matrix without negative elements and its vector, which adds up to 1."""
    if not np.all(np.isfinite(matrix)):
        return float("inf"), np.full(len(matrix), 1 / len(matrix))
    found = np.linalg.eig(matrix)
    values, vectors = np.real(found.eigenvalues), np.real(found.eigenvectors)
    k = int(np.argmax(values))
    vector = np.abs(vectors[:, k])
    return float(max(0.0, values[k])), vector / vector.sum() if vector.sum() > 0 else vector


def in_steps(discounted: Matrix, within: Matrix, r: float, step: float) -> Matrix:
    """The matrix that takes infections of one step to the next, discounted by e^(−r·step): with 1 as its largest
    eigenvalue, r is the growth in steps of ``step`` days. ``discounted``: the next-generation matrix at r."""
    later = _polygon(r, step) * discounted - within
    return later @ (np.eye(len(within)) + within) + within @ within * math.exp(-r * step)


def _polygon(r: float, step: float) -> float:
    half = r * step / 2
    return half / math.tanh(half) if half else 1.0

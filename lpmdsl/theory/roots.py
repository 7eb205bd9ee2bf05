"""The root of a function of one number between two at which its signs differ."""

from __future__ import annotations

from collections.abc import Callable
from sys import float_info

MOST_STEPS = 1_000
Point = tuple[float, float]
"""A place and the function's value there."""


def root(function: Callable[[float], float], low: float, high: float, within: float) -> float:
    """The place where ``function`` is 0, to ``within``, by Brent's method.

    R. P. Brent (1973), Algorithms for Minimization without Derivatives, chapter 4.
    Raises ``ValueError`` unless the signs at ``low`` and ``high`` differ. Written here because the library that has it
    takes half a second to load, which every check of a promised R0 would wait for.
    """
    far, best = (low, function(low)), (high, function(high))
    if far[1] * best[1] > 0:
        raise ValueError(f"the signs at {low:g} and {high:g} do not differ")
    if abs(far[1]) < abs(best[1]):
        far, best = best, far
    before, lengths = far, (high - low, high - low)
    for _ in range(MOST_STEPS):
        least = within / 2 + 2 * float_info.epsilon * abs(best[0])
        middle = (far[0] - best[0]) / 2
        if best[1] == 0 or abs(middle) <= least:
            break
        step = _proposed(before, best, far)
        # A step is taken if it stays inside and is less than half of that before the last.
        inside = abs(step) < min(abs(lengths[0]) / 2, 1.5 * abs(middle)) and step * middle >= 0
        lengths = (lengths[1], step) if inside else (middle, middle)
        moved = lengths[1] if abs(lengths[1]) > least else (least if middle > 0 else -least)
        place = best[0] + moved
        before, best = best, (place, function(place))
        if best[1] * far[1] > 0:
            far, lengths = before, (best[0] - before[0], best[0] - before[0])
        if abs(far[1]) < abs(best[1]):
            before, best, far = best, far, best
    return best[0]


def _proposed(before: Point, best: Point, far: Point) -> float:
    """Distance from the best place to where the line, or the inverse parabola, through the known points crosses 0."""
    (a, fa), (b, fb), (c, fc) = before, best, far
    if fa == fb or abs(fa) <= abs(fb):
        return float("inf")
    if a == c or fa == fc or fb == fc:
        return -fb * (b - a) / (fb - fa)
    r, s, t = fb / fc, fb / fa, fa / fc
    p = s * (t * (r - t) * (c - b) - (1 - r) * (b - a))
    return p / ((t - 1) * (r - 1) * (s - 1))

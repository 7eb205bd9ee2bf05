"""The certificate of any estimator: along random directions, against differences, which are without bias.

A direction moves all parameters at once, each by a random share of its size, so one difference of four runs tests the
whole gradient however many parameters there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpmdsl.runtime.engine.replicates import Repeats
from lpmdsl.runtime.gradients.finite_differences import CENTRAL, STEP, TWO_SIDED_95, Certificate, equivalence, untold
from lpmdsl.runtime.objective import weights_of
from lpmdsl.runtime.settings import limits
from lpmdsl.semantics.model import Model

Array = NDArray[np.float64]

COUNT = 2
BEYOND = 1e3
"""An estimate so many times the difference is wrong, however noisy both are."""


@dataclass(frozen=True, slots=True)
class Probe:
    """``directions`` (directions, parameters) in base units; ``slopes`` (replicates, directions): the differences.

    ``early``: the same of the first half of the reports alone, where the quantity is a sum of reports.
    """

    names: tuple[str, ...]
    directions: Array
    slopes: Array
    early: Array | None = None


def probe(
    repeats: Repeats, names: Sequence[str], values: Mapping[str, float], replicates: int, seed: int,
    weights: Array | None = None,
) -> Probe:  # fmt: skip
    """Differences along random directions on the first replicates; each takes four runs of every replicate.

    ``weights``: of the numbers of the quantity, if it has several.
    """
    draw = np.random.default_rng(seed)
    sizes = np.array([size(repeats.model, n, values[n]) for n in names])
    random = draw.standard_normal((COUNT if len(names) > 1 else 1, len(names)))
    directions = random / np.linalg.norm(random, axis=1, keepdims=True) * sizes
    free = repeats.free(values)
    columns = [_along(repeats, names, free, values, d, replicates, weights) for d in directions]
    slopes = np.stack(columns, axis=1)
    return Probe(tuple(names), directions, slopes[:, :, 0], slopes[:, :, 1] if slopes.shape[2] > 1 else None)


def size(model: Model, name: str, value: float) -> float:
    """The unit in which a parameter is moved: its size, or less near a limit of what it may be."""
    low, high = limits(model.parameter(name))
    room = min(math.inf if low is None else value - low, math.inf if high is None else high - value)
    return min(abs(value) or 1.0, room / (2 * STEP))


def _along(repeats: Repeats, names: Sequence[str], free: Mapping[str, float], values: Mapping[str, float],
           direction: Array, replicates: int, weights: Array | None) -> Array:  # fmt: skip
    """(replicates, 1 or 2): the difference of the quantity, and of the first half of its reports."""
    total = np.zeros(())
    for k, share in zip(CENTRAL.at, CENTRAL.estimate, strict=True):
        moved = {n: values[n] + k * STEP * d for n, d in zip(names, direction, strict=True)}
        reports = repeats.reports({**free, **moved}, replicates)
        total = total + share * _numbers(repeats, reports, weights)
    return total / STEP


def _numbers(repeats: Repeats, reports: Array, weights: Array | None) -> Array:
    """The quantity of every replicate, and the part of it that comes from the first half of the reports."""
    function = repeats.quantity.function
    linear = weights if not function else weights_of(function, reports)
    factor = 1.0 if not function or weights is None else float(weights[0])
    if linear is None:
        return factor * np.array([repeats.quantity.number(repeats.model, r) for r in reports])[:, None]
    return factor * np.nan_to_num(reports) @ np.stack([linear, linear * first_half(len(linear))], axis=1)


def first_half(reports: int) -> Array:
    """1 for the first half of the reports, 0 for the others."""
    return (np.arange(reports) < reports / 2).astype(np.float64)


def certify(each: Array, tested: Probe, what: str, early: Array | None = None) -> Certificate:
    """Agreement of an estimator, (replicates, parameters) or one row for all, with the differences of a probe.

    The ratio is that of the projections on the directions; equivalence to 1 within ±10 % passes (Fieller's interval to
    first order, replicate by replicate where both come from the same). ``early``: the same estimator for the first half
    of the reports.
    """
    slopes = tested.slopes
    mean = slopes.mean(axis=0)
    square = float(mean @ mean)
    if len(slopes) < 2 or square == 0:
        return untold()
    along = each @ tested.directions.T @ mean / square
    ratio = float(along.mean())
    error = TWO_SIDED_95 * _error(along, slopes @ mean / square, ratio)
    words = (
        f"{what} and differences agree along random directions within 10 %",
        f"{what} is {ratio:.3g} times the difference along random directions: it is wrong here",
        f"too few replicates to tell {what} from differences within 10 %",
    )
    cosine = _cosine(each.mean(axis=0) @ tested.directions.T, mean)
    return equivalence(ratio, error, words, cosine, _growth(ratio, early, tested), abs(ratio) > BEYOND)


def _cosine(a: Array, b: Array) -> float:
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 0 else math.nan


def _growth(ratio: float, early: Array | None, tested: Probe) -> float:
    """log2 of the ratio at the end over that at half the time."""
    if early is None or tested.early is None:
        return math.nan
    mean = tested.early.mean(axis=0)
    square = float(mean @ mean)
    before = float(early.mean(axis=0) @ tested.directions.T @ mean) / square if square > 0 else 0.0
    return math.log2(abs(ratio / before)) if ratio and before else math.nan


def _error(along: Array, slopes: Array, ratio: float) -> float:
    """Of the ratio of means, whose numerator may have more replicates than its denominator, or one and no error."""
    shared = min(len(along), len(slopes))
    if len(along) == 1:
        return abs(ratio) * float(slopes.std(ddof=1)) / math.sqrt(len(slopes))
    if len(along) == len(slopes):
        return float((along - ratio * slopes).std(ddof=1)) / math.sqrt(len(slopes))
    product = np.cov(along[:shared], slopes[:shared])[0, 1]
    own = along.var(ddof=1) / len(along) + ratio**2 * slopes.var(ddof=1) / len(slopes)
    return math.sqrt(max(0.0, own - 2 * ratio * product / max(len(along), len(slopes))))


def is_convicted(found: Certificate) -> bool:
    """Return True if an estimator was found to be wrong, not only not found to be right."""
    return not found.holds and "wrong" in found.words

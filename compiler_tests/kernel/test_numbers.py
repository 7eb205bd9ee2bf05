"""Our own log, exp, sin and cos: the same bits in numpy, machine code and torch, and close to the mathematics."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lpmdsl.backends.llvm import elementary
from lpmdsl.native.function import native
from lpmdsl.reference import arithmetic
from lpmdsl.semantics.host import numbers

POINTS = 100_000
NAMES = ("log", "exp", "sin", "cos")
EDGES = {
    "log": [1.0, np.nextafter(1.0, 2), np.nextafter(1.0, 0), 2.0, math.sqrt(2), 0.0, -1.0, 1e308, 2.3e-308, math.inf],
    "exp": [0.0, -0.0, 1.0, -1.0, 709.0, 710.0, 1e9, -708.0, -709.0, -1e9, math.inf, -math.inf, math.nan],
    "sin": [0.0, math.pi / 4, math.pi / 2, math.pi, -math.pi, 1e-300, 1e5],
    "cos": [0.0, math.pi / 4, math.pi / 2, math.pi, -math.pi, 1e-300, 1e5],
}


def points(name: str) -> NDArray[np.float64]:
    """Points of the sizes that models have, the edges first."""
    rng = np.random.default_rng(4)
    match name:
        case "log":
            spread = np.exp(rng.uniform(-600, 600, POINTS // 2))
            x = np.concatenate([spread, rng.uniform(0.3, 3.0, POINTS // 2)])
        case "exp":
            x = np.concatenate([rng.uniform(-700, 700, POINTS // 2), rng.normal(size=POINTS // 2)])
        case _:
            x = np.concatenate([rng.uniform(-1e4, 1e4, POINTS // 2), rng.uniform(-7, 7, POINTS // 2)])
    return np.concatenate([EDGES[name], x])


@native()
def _logs(x, out):
    for k in range(len(x)):
        out[k] = elementary.log(x[k])


@native()
def _exps(x, out):
    for k in range(len(x)):
        out[k] = elementary.exp(x[k])


@native()
def _sines(x, out):
    for k in range(len(x)):
        out[k] = elementary.sin(x[k])


@native()
def _cosines(x, out):
    for k in range(len(x)):
        out[k] = elementary.cos(x[k])


CHOSEN: dict[str, Callable] = dict(zip(NAMES, (_logs, _exps, _sines, _cosines), strict=True))


def compiled(name: str, x: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.empty_like(x)
    CHOSEN[name](x, out)
    return out


@pytest.mark.parametrize("name", NAMES)
def test_three_spellings_give_the_same_bits(name: str) -> None:
    x = points(name)
    ours = np.asarray(getattr(numbers, name)(x))
    in_torch = getattr(arithmetic, name)(torch.from_numpy(x)).numpy()
    for other in (compiled(name, x), in_torch):
        # Equal bits, but for the sign that no NaN means.
        different = (ours.view(np.int64) != other.view(np.int64)) & ~(np.isnan(ours) & np.isnan(other))
        assert not different.any(), f"{name}({x[different][0]!r}): {ours[different][0]!r}, {other[different][0]!r}"


def ulps(ours: NDArray[np.float64], exact: NDArray[np.float64], floor: float) -> float:
    """The largest error in units in the last place of the exact value, or of ``floor`` where that is smaller."""
    return float(np.max(np.abs(ours - exact) / np.spacing(np.maximum(np.abs(exact), floor))))


@pytest.mark.parametrize(("name", "floor"), [("log", 0.0), ("exp", 0.0), ("sin", 0.1), ("cos", 0.1)])
def test_errors_are_at_most_two_units_in_the_last_place(name: str, floor: float) -> None:
    """Beside the C library's values; sin and cos near their zeros: 2 ulp of 0.1, as π/2 is held in two parts."""
    x = points(name)[len(EDGES[name]) :]
    exact = np.array([getattr(math, name)(v) for v in x.tolist()])
    assert ulps(np.asarray(getattr(numbers, name)(x)), exact, floor) <= 2.0


def test_edges() -> None:
    assert numbers.log(1.0) == 0.0 and numbers.exp(0.0) == 1.0 and numbers.sin(0.0) == 0.0 and numbers.cos(0.0) == 1.0
    assert numbers.log(0.0) == -math.inf and np.isnan(numbers.log(-1.0)) and numbers.log(math.inf) == math.inf
    assert numbers.exp(-1e9) == numbers.exp(-708.0) > 0.0 and np.isnan(numbers.exp(math.nan))

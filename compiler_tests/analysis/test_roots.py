"""Roots by our own method against SciPy's, which is not loaded by a check."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from scipy.optimize import brentq

from lpmdsl.theory.roots import root

FUNCTIONS: dict[str, Callable[[float], float]] = {
    "exponential": lambda x: math.exp(3 * x) - 2 - 3 * x * x,
    "cubic": lambda x: x**3 - 0.2,
    "a steep step": lambda x: math.tanh(200 * (x - 0.37)),
    "a pole beside": lambda x: 1 / (1.001 - x) - 5,
    "nearly at the end": lambda x: x - 1 + 1e-9,
    "Euler and Lotka": lambda r: 2.5 / (1 + 4 * r) ** 3 - 1,
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.1, 1.0)])
def test_roots_are_those_of_scipy(name: str, low: float, high: float) -> None:
    function, calls = FUNCTIONS[name], [0, 0]

    def counted(which: int) -> Callable[[float], float]:
        def call(x: float) -> float:
            calls[which] += 1
            return function(x)

        return call

    found = root(counted(0), low, high, 1e-12)
    wanted = brentq(counted(1), low, high, xtol=1e-12)  # type: ignore[arg-type]
    assert found == pytest.approx(wanted, abs=2e-12) and calls[0] <= calls[1] + 2


def test_a_root_at_an_end_is_found_and_one_outside_refused() -> None:
    assert root(lambda x: x, 0.0, 1.0, 1e-9) == 0.0 and root(lambda x: x - 1, 0.0, 1.0, 1e-9) == 1.0
    with pytest.raises(ValueError, match="do not differ"):
        root(lambda x: x * x + 1, -1.0, 1.0, 1e-9)


@pytest.mark.parametrize("power", [3, 9])
def test_a_flat_root_is_found_where_scipy_gives_up(power: int) -> None:
    assert root(lambda x: (x - 0.1) ** power, 0.0, 1.0, 1e-12) == pytest.approx(0.1, abs=2e-12)

"""Tracing of contacts in households and on redrawn ties, against a branching process with tracing worked out here."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.both_backends import request_of, runner

MODELS = Path(__file__).parent.parent.parent / "models"

TEXT = """model traced version 1.0

clock
  step 3 hours
  from 2024-01-01 for {days} days

agent Person count 200_000
  household place of size 2
  generation number = -1
  told yes/no = no

network homes joins Person sharing household where not told
network met joins Person as random_regular(degree 2) redrawn every 3 hours where not told

condition Flu of Person
  states S, E, I, R
  start S except 100 Person in E
  from S by contagion to E
  from E after fixed({latent} days) to I
  from I after fixed(4 days) to R
  on entering E
    always
      set generation to (infector.generation else -1) + 1
  on entering R
    each of homes where their.Flu is E or their.Flu is I with probability {at_home}
      set their.told to yes
    each of met in the last 5 days where their.Flu is E or their.Flu is I with probability {outside}
      set their.told to yes

contagion of Flu
  from I on met at {outside_hazard} per day
  from I on homes at {home_hazard} per day
  remembers the source as infector

observe first = count of Person where generation > 0.5 and generation < 1.5
observe second = count of Person where generation > 1.5 and generation < 2.5
observe third = count of Person where generation > 2.5 and generation < 3.5
"""
INDEX, INFECTIOUS, STEP = 100, 4.0, 0.125
GRID = np.linspace(0.0, INFECTIOUS, 1_601)


class Branching:
    """Mean numbers of descendants by generation of somebody who is infectious for the first f of four days.

    People are found at the end of these four days. Whom they infected s days after they became infectious is told then
    with a chance, ``STEP``/2 later in the mean, and infectious for max(0, 4 − s − latent) days in all. Of two in a
    household one is infected outside, and only if the other is susceptible.
    """

    def __init__(self, outside: float, home: float, told_outside: float, told_at_home: float, latent: float) -> None:
        self.rates, self.told, self.latent = (outside, home), (told_outside, told_at_home), latent
        rest = np.ones_like(GRID)
        self.means = [(rest, rest)]
        """By generation: of those infected outside and of those at home, by f."""

    def generation(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean number of descendants of a generation, by f: of who was infected outside, and at home."""
        while len(self.means) <= number:
            self.means.append(self._next(late=True))
        return self.means[number]

    def of_index(self, number: int) -> float:
        """The same of a first case, whose end is that of a step."""
        self.generation(number - 1)
        saved, self.means = self.means, self.means[:number]
        value = float(self._next(late=False)[0][-1])
        self.means = saved
        return value

    def _next(self, late: bool) -> tuple[np.ndarray, np.ndarray]:
        before_outside, before_home = self.means[-1]
        (outside, home), (told_outside, told_at_home) = self.rates, self.told
        by_met = outside * self._child(before_outside, told_outside, late)
        at_home = home * np.exp(-home * GRID) * self._child(before_home, told_at_home, late)
        return _summed(by_met + at_home), _summed(by_met)

    def _child(self, means: np.ndarray, told: float, late: bool) -> np.ndarray:
        """Descendants of a child infected after s days of its parent's being infectious, by s."""
        delays = (np.arange(8) + 0.5) / 8 * STEP if late else np.zeros(1)
        if_told = [np.interp(np.clip(INFECTIOUS - GRID + d - self.latent, 0, INFECTIOUS), GRID, means) for d in delays]
        return (1 - told) * means[-1] + told * np.mean(if_told, axis=0)


def _summed(values: np.ndarray) -> np.ndarray:
    """Integral from 0 to every point of the grid."""
    return np.concatenate(([0.0], np.cumsum((values[1:] + values[:-1]) / 2) * (GRID[1] - GRID[0])))


def simulated(seeds: int, days: int, **numbers: float) -> np.ndarray:
    """Numbers in generations 1 to 3, a row for each seed."""
    model = lpmdsl.load(TEXT.format(days=days, **numbers)).model
    run = runner(model, "cpu")
    runs = [run(request_of(model, None, seed)).observations for seed in range(1, seeds + 1)]
    return np.array([[float(found[n].ravel()[-1]) for n in ("first", "second", "third")] for found in runs])


def rate_outside(hazard: float) -> float:
    """Infections a day over two ties, each of which lasts a step."""
    return 2 * (1 - np.exp(-hazard * STEP)) / STEP


def test_reproduction_is_that_of_the_formula() -> None:
    """R (1 − c (1 − θ)) for R 2.5, c 60 % and θ 20 %: 1.3. Latent for 4 (1 − √0.4) days, one in five infections of a
    contact comes before it is told; sixteen runs, |z| < 4, with half a step of delay."""
    latent, hazard = 4 * (1 - np.sqrt(0.4)), -np.log(1 - 2.5 / 64) / STEP
    found = simulated(16, 12, latent=latent, outside=0.6, at_home=0, outside_hazard=hazard, home_hazard=0)
    ratios = found[:, 1] / found[:, 0]
    told = Branching(rate_outside(hazard), 0.0, 0.6, 0.0, latent)
    exact = told.of_index(2) / told.of_index(1)
    assert abs(told.of_index(1) - 2.5) < 1e-3 and abs(exact - 1.3) < 2e-3
    assert abs(ratios.mean() - exact) < 4 * ratios.std(ddof=1) / np.sqrt(16)
    assert ratios.std(ddof=1) / np.sqrt(16) < 0.035


@pytest.mark.parametrize(("outside", "at_home"), [(0.0, 0.0), (0.0, 0.8), (0.6, 0.0), (0.6, 0.8)])
def test_generations_are_those_of_a_branching_process_with_tracing(outside: float, at_home: float) -> None:
    """Three generations in households of two and on redrawn ties; eight runs, |z| < 4."""
    hazard, home, latent = 0.2, 0.3, 2.0
    found = simulated(8, 19, latent=latent, outside=outside, at_home=at_home, outside_hazard=hazard, home_hazard=home)
    process = Branching(rate_outside(hazard), home, outside, at_home, latent)
    for number in range(3):
        sizes = found[:, number] / INDEX
        error = sizes.std(ddof=1) / np.sqrt(len(sizes))
        assert abs(sizes.mean() - process.of_index(number + 1)) < 4 * error, (number, sizes.mean(), error)
        assert error < 0.12 * sizes.mean()


# ------------------------------------------------------------------ the models


def infections(name: str, scenarios: list[str], agents: int) -> Any:
    """Infections in all: a row for each of ten replicates, a column for each scenario."""
    run = lpmdsl.load(MODELS / f"{name}.lpm").run(seed=1, replicates=10, scenario=scenarios, agents={"Person": agents})
    rows: Any = run.observations[run.observations["observation"] == "infections"]
    return rows.groupby(["scenario", "replicate"])["value"].sum().unstack(0)


def sure(differences: Any) -> float:
    """Number of standard errors by which the mean of differences between pairs is above 0."""
    return float(differences.mean() / (differences.std(ddof=1) / sqrt(len(differences))))


def test_telling_those_who_were_met_avoids_infections() -> None:
    found = infections("tracing", ["baseline", "nobody_traced", "slow"], 10_000)
    assert sure(found["nobody_traced"] - found["baseline"]) > 5
    assert sure(found["slow"] - found["baseline"]) > 5


def test_each_step_of_tracing_avoids_infections() -> None:
    found = infections("test_trace_isolate", ["baseline", "isolation_alone", "households_alone", "late"], 20_000)
    assert sure(found["isolation_alone"] - found["households_alone"]) > 4
    assert sure(found["households_alone"] - found["baseline"]) > 4
    assert sure(found["late"] - found["baseline"]) > 4

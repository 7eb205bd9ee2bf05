"""Claims of the models of profiles, waning and zombies, against exact results and their own equations."""

from __future__ import annotations

from math import exp, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import lpmdsl

MODELS = Path(__file__).parent.parent.parent / "models"


def series(run: lpmdsl.Results, name: str) -> np.ndarray:
    """Values of one report: a row for each replicate, in the order of time."""
    rows = run.observations[run.observations["observation"] == name]
    return rows.pivot(index="replicate", columns="time", values="value").to_numpy()


def apart(found: np.ndarray, expected: float) -> float:
    """How many standard errors the mean of replicates is from what is expected."""
    return float((found.mean() - expected) / (found.std(ddof=1) / sqrt(len(found))))


# ------------------------------------------------------------------ infectiousness by time since infection

GROWING = 1.125**4
"""R of growth by 0.1 a day with generations of gamma(mean 5 days, shape 4): (1 + r · 5 / 4)⁴."""


def profile() -> tuple[np.ndarray, np.ndarray]:
    """Days and values of the table in the model's text."""
    lines = (MODELS / "gradabm_sir.lpm").read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines if line.startswith("  at ")]
    return np.array([float(r[1]) for r in rows]), np.array([float(r[3]) for r in rows])


def renewal(days: int, people: int, first: int, steps: int = 40) -> np.ndarray:
    """Infections by day of the renewal equation: i(t) = R · S(t) / N · (first · f(t) + ∫ i(t − a) f(a) da)."""
    f = np.interp((np.arange(days * steps) + 0.5) / steps, *profile()) / steps
    made, left = np.zeros(days * steps), float(people - first)
    for t in range(days * steps):
        force = GROWING * (first * f[t] + made[:t] @ f[:t][::-1]) / people
        made[t] = left * (1 - exp(-force))
        left -= made[t]
    return made.reshape(days, steps).sum(axis=1)


def test_growth_of_a_tenth_is_the_reproduction_number_of_its_generations() -> None:
    ages = np.linspace(0, 20, 20_001)
    f = np.interp(ages, *profile())
    assert np.trapezoid(f, ages) == pytest.approx(1, abs=1e-3)
    assert np.trapezoid(ages * f, ages) == pytest.approx(5, abs=0.01)
    growth = brentq(lambda r: GROWING * np.trapezoid(np.exp(-r * ages) * f, ages) - 1, 0, 1)
    assert pytest.approx(1.601806641) == GROWING and growth == pytest.approx(0.1, abs=1e-3)


def test_the_profile_is_integrated_over_steps_of_a_day() -> None:
    """Infections of 28 days and of the last week, 16 replicates of 100 000 people: |z| < 4 of the renewal equation."""
    text = (MODELS / "gradabm_sir.lpm").read_text(encoding="utf-8").replace("except 100 P", "except 1_000 P")
    run = lpmdsl.load(text).run(seed=7, steps=28, replicates=16, agents={"Person": 100_000},
                                parameters={"reproduction": str(GROWING)})  # fmt: skip
    found, expected = series(run, "infections")[:, -28:], renewal(28, 100_000, 1_000)
    for days in (slice(None), slice(-7, None)):
        counted = found[:, days].sum(axis=1)
        assert abs(apart(counted, expected[days].sum())) < 4, (counted.mean(), expected[days].sum())
        assert counted.std(ddof=1) / sqrt(16) < 0.02 * counted.mean()


# ------------------------------------------------------------------ waning and a season


def flow(t: float, y: np.ndarray, amplitude: float) -> list[float]:
    season = 1 + amplitude * np.cos(2 * np.pi * (t - 199) / 365.25)
    new, healed, waned = 0.5 * season * y[0] * y[1], y[1] / 5, (1 - y[0] - y[1]) / 365.25
    return [waned - new, new - healed]


def test_waning_without_a_season_settles_where_it_must() -> None:
    """S = N / R0 and I = N (1 − 1/R0) D / (D + L), in the mean of the last 2 years of 4; 8 replicates, within 2 %."""
    run = lpmdsl.load(MODELS / "waning_seasons.lpm").run(
        seed=4, steps=1_460, replicates=8, parameters={"amplitude": "0 %"})  # fmt: skip
    ill = series(run, "infectious")[:, -730:].mean() / 20_000
    well = series(run, "susceptible")[:, -730:].mean()
    assert well == pytest.approx(0.4, rel=0.02)
    assert ill == pytest.approx(0.6 * 5 / 370.25, rel=0.02)


def test_a_season_makes_the_winters_of_its_equations() -> None:
    """People infectious on four days of the first year, 16 runs of 50 000, against the equations: |z| < 4."""
    run = lpmdsl.load(MODELS / "waning_seasons.lpm").run(seed=4, steps=300, replicates=16, agents={"Person": 50_000})
    found = series(run, "infectious")
    solved, flat = (
        solve_ivp(flow, (0, 300), [0.44, 0.01], args=(amplitude,), t_eval=np.arange(301), rtol=1e-8)
        for amplitude in (0.1, 0)
    )
    for day in (40, 100, 150, 199):
        assert abs(apart(found[:, day], 50_000 * solved.y[1][day])) < 4, day
        assert found[:, day].std(ddof=1) / 4 < 0.08 * found[:, day].mean()
    assert solved.y[1][150] > 2 * flat.y[1][150], "the season is what makes the winter"


# ------------------------------------------------------------------ zombies


def test_zombies_die_out_as_often_as_a_gambler_is_ruined() -> None:
    """(α / β)³ from three zombies: each meeting is a bite or a destruction; 400 replicates of 1 000, |z| < 4."""
    run = lpmdsl.load(MODELS / "zombies.lpm").run(seed=9, steps=1_200, replicates=400, agents={"Person": 1_000})
    gone, alive = series(run, "zombies")[:, -1] == 0, series(run, "alive")[:, -1]
    assert ((alive == 0) | gone).all()
    chance = (0.5 / 0.95) ** 3
    z = (gone.mean() - chance) / sqrt(chance * (1 - chance) / 400)
    assert abs(z) < 4, f"{gone.mean():.3f} for {chance:.3f}"


def test_where_zombies_win_as_many_are_left_as_meetings_leave() -> None:
    """Until all 1 997 are bitten 1 997 α / β zombies are destroyed in the mean. Within 2 %, four standard errors of 100
    runs; that only runs which zombies win are looked at is worth 3 of 946."""
    run = lpmdsl.load(MODELS / "zombies.lpm").run(seed=10, steps=1_200, replicates=200, agents={"Person": 2_000})
    left = series(run, "zombies")[:, -1]
    won = left[left > 0]
    assert len(won) > 100
    assert won.mean() == pytest.approx(1_997 * (1 - 0.5 / 0.95), rel=0.02)


def test_zombies_that_rise_again_leave_nobody() -> None:
    run = lpmdsl.load(MODELS / "zombies.lpm").run(seed=9, replicates=20, steps=1_440, scenario="rising_again")
    final = series(run, "alive")[:, -1]
    assert (final == 0).mean() > 0.5

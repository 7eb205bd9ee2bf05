"""Models in the language against answers that are known exactly, on both back ends.

Seeds are fixed. Every bound is |z| < 3 in standard errors that the test states, so a right program passes with 99.7 %
before the seed is chosen, and always after.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats
from scipy.integrate import solve_ivp

import lpmdsl
from compiler_tests.example_models.exact_models import CONTACTS, COURSES, ROOMS, TOWN
from compiler_tests.support.both_backends import BACKENDS, request_of, runner
from lpmdsl.backends.request import RunRequest, RunResult
from lpmdsl.semantics.model import Model

Z = 3.0
EACH = pytest.mark.parametrize("backend", BACKENDS)


@cache
def running(text: str, backend: str) -> tuple[Model, Callable[[RunRequest], RunResult]]:
    """The model in a text and a function that runs it."""
    model = lpmdsl.load(text).model
    return model, runner(model, backend)


def run(request: RunRequest, text: str, backend: str) -> RunResult:
    return running(text, backend)[1](request)


def series(result: RunResult, name: str, group: int = 0) -> NDArray[np.float64]:
    return result.observations[name][:, group]


def z_of_mean(observed: ArrayLike, expected: float, variance: float | None = None) -> float:
    """Deviation of the mean of independent values, in standard errors √(variance/n) (None: the sample's)."""
    values = np.asarray(observed, float)
    spread = values.var(ddof=1) if variance is None else variance
    return abs(float(values.mean()) - expected) / math.sqrt(float(spread) / len(values))


def z_of_share(share: float, p: float, n: int) -> float:
    """Deviation of a share of n independent people from p, in standard errors √(p(1 − p)/n)."""
    return abs(share - p) / math.sqrt(p * (1 - p) / n)


# ------------------------------------------------------------------ rooms: chains of infection, enumerated


@cache
def rooms(
    backend: str, size: int, seeds: int, number: int, steps: int, per_tie: float, recovery: float, illness: float
) -> dict[str, NDArray[np.int64]]:
    """How many were infected in each room beside its ``seeds``, in either condition."""
    model, _ = running(ROOMS, backend)
    n = size * number
    settings = {"per_tie": per_tie, "recovery": recovery, "illness": illness}
    made = request_of(model, n, 7, settings=settings)
    agents = np.arange(n)
    world = replace(
        made.world,
        attributes=made.world.attributes | {("Person", "room"): (agents // size).astype(np.int32)},
        place_counts={("Person", "room"): number},
    )
    first = (agents % size < seeds).astype(np.uint8)
    result = run(replace(made, world=world, start={"Flu": first, "Cold": first}, steps=steps), ROOMS, backend)
    return {name: (states.reshape(number, size) != 0).sum(axis=1) - seeds for name, states in result.states.items()}


@EACH
@pytest.mark.parametrize("condition", ["Flu", "Cold"])
def test_reed_frost(backend: str, condition: str) -> None:
    """S₀ = 4, I₀ = 1, p = 0.3, infectious for one step (Bailey 1975, ch. 14): sizes, and their mean 2.1011298.

    ``with probability 100 % every day`` and ``fixed(1 day)`` both make one whole infectious step.
    """
    number = 8_000
    sizes = rooms(backend, 5, 1, number, 6, -math.log(0.7), 1.0, 1.0)[condition]
    chances = (0.2401, 0.1411788, 0.1524731, 0.2099876, 0.2562605)
    for size, p in enumerate(chances):
        assert z_of_share(float(np.mean(sizes == size)), p, number) < Z
    variance = sum(p * (k - 2.1011298) ** 2 for k, p in enumerate(chances))
    assert z_of_mean(sizes, 2.1011298, variance) < Z


@EACH
def test_chain_binomial_in_groups_of_thirty(backend: str) -> None:
    """n = 30, 2 seeds, β = 0.012 a tie and day, γ = 0.15, to the end: 19.532259 infected beside the seeds."""
    infected = rooms(backend, 30, 2, 600, 150, -math.log(1 - 0.012), 0.15, 1.0)["Flu"]
    assert z_of_mean(infected, 19.532259) < Z


def expected_cases(susceptible: int, infectious: int, hazard: float, recovery: float) -> float:
    """Mean number ever infected by enumeration: a day's infections and recoveries both read its beginning."""

    @cache
    def mean(s: int, i: int) -> float:
        if s == 0 or i == 0:
            return 0.0
        total = 0.0
        for k in range(s + 1):
            for r in range(i + 1):
                p = float(stats.binom.pmf(k, s, 1 - math.exp(-hazard * i)) * stats.binom.pmf(r, i, recovery))
                total += p * (k + (mean(s - k, i + k - r) if (k, r) != (0, 0) else 0.0))
        stays = math.exp(-hazard * i * s) * (1 - recovery) ** i
        return total / (1 - stays)

    return mean(susceptible, infectious)


@EACH
@pytest.mark.parametrize("condition", ["Flu", "Cold"])
def test_household_secondary_attack_rate(backend: str, condition: str) -> None:
    """Households of four, one index, 0.15 a tie and day; ill until a daily chance of 30 %, or for three whole days.

    Three whole days infect like Reed–Frost with one step of three times the hazard: only who infects whom matters.
    """
    infected = rooms(backend, 4, 1, 6_000, 60, 0.15, 0.3, 3.0)[condition]
    exact = expected_cases(3, 1, 0.15, 0.3) if condition == "Flu" else expected_cases(3, 1, 0.45, 1.0)
    assert z_of_mean(infected / 3, exact / 3) < Z


def test_the_enumeration_is_right() -> None:
    """It gives the Reed–Frost mean, and two in a room meet with β/(β + γ − βγ)."""
    assert expected_cases(4, 1, -math.log(0.7), 1.0) == pytest.approx(2.1011298, abs=1e-7)
    beta, gamma = 0.2, 0.3
    assert expected_cases(1, 1, -math.log(1 - beta), gamma) == pytest.approx(beta / (beta + gamma - beta * gamma))


# ------------------------------------------------------------------ a town: large populations and small steps


N = 100_000


def town(backend: str, step: float, seed: int, infectious: int, steps: int, **settings: float) -> RunResult:
    text = TOWN.replace("STEP", f"{step}")
    model, _ = running(text, backend)
    made = request_of(model, N, seed, settings=settings)
    start = (np.arange(N) < infectious).astype(np.uint8)
    return run(replace(made, start={"Flu": start}, steps=steps), text, backend)


def final_size(r0: float, s0: float = 1.0, seeding: float = 0.0) -> float:
    """Share of all infected later: z = s₀ − s∞ with s∞ = s₀·exp(−R₀ z − seeding) (Kermack and McKendrick 1927)."""
    root = optimize.root_scalar(lambda z: s0 * math.exp(-r0 * z - seeding) - (s0 - z), bracket=(1e-6, s0))
    return float(root.root)


def final_size_variance(z: float, r0: float, cv2: float) -> float:
    """Variance of √N·(final size/N): Andersson and Britton 2000, theorem 4.2, infectious periods of squared CV cv2."""
    s = 1 - z
    return (s * (1 - s) + cv2 * r0**2 * s**2 * (1 - s)) / (1 - r0 * s) ** 2


@EACH
def test_final_size_of_a_large_epidemic(backend: str) -> None:
    """N = 100 000, R₀ = 2, 200 seeds: no early extinction, z = 0.7968121 but for what the seeds add.

    A seed enters at time 0, so it is infectious for E⌈D/h⌉ = 1/(1 − e^(−h/2.5)) steps h; all others for 2.5 days.
    """
    assert final_size(2.0) == pytest.approx(0.7968121, abs=1e-7)
    step, seeds = 0.5, 200
    replicates = 30 if backend == "cpu" else 1
    sizes = []
    for seed in range(replicates):
        result = town(backend, step, 100 + seed, seeds, 160)
        state = result.states["Flu"]
        assert np.mean(state == 1) < 1e-3
        sizes.append(float(np.mean(state != 0)) - seeds / N)
    seeding = 0.8 * seeds / N * step / (1 - math.exp(-step / 2.5))
    z = final_size(2.0, 1 - seeds / N, seeding)
    # The number of steps in an illness varies by 1/6 of a squared step more than the illness does.
    variance = final_size_variance(z, 2.0, 1 + step**2 / 6 / 2.5**2) / N
    assert z_of_mean(sizes, z, variance) < Z
    if backend == "cpu":
        # A variance from n normal values has the standard error √(2/(n − 1)) of itself.
        assert abs(np.var(sizes, ddof=1) / variance - 1) < Z * math.sqrt(2 / (replicates - 1))


def sir(beta: float, gamma: float, infectious: float, until: float) -> tuple[float, float]:
    """Share infectious at a time in the ODE, and its standard deviation times √N (Kurtz 1971, linear noise)."""

    def slopes(_: float, y: NDArray) -> NDArray:
        s, i, c = y[0], y[1], y[2:].reshape(2, 2)
        infections, recoveries = beta * s * i, gamma * i
        slope = np.array([[-beta * i, -beta * s], [beta * i, beta * s - gamma]])
        noise = np.array([[infections, -infections], [-infections, infections + recoveries]])
        return np.concatenate([[-infections, infections - recoveries], (slope @ c + c @ slope.T + noise).ravel()])

    start = [1 - infectious, infectious, 0, 0, 0, 0]
    y = solve_ivp(slopes, (0, until), start, rtol=1e-10, atol=1e-12).y[:, -1]
    return float(y[1]), math.sqrt(y[5])


@EACH
def test_small_steps_approach_the_differential_equation(backend: str) -> None:
    """β = 1, γ = 0.5 a day, 1 % infectious: share infectious on day 5, within 3 SE at half a day as at 1/32."""
    exact, deviation = sir(1.0, 0.5, 0.01, 5.0)
    replicates = 4 if backend == "cpu" else 1
    se = deviation / math.sqrt(N * replicates)
    errors = []
    for step in (0.5, 0.125, 0.03125):
        steps = round(5 / step)
        runs = [town(backend, step, 7 + k, N // 100, steps, beta=1.0, illness=2.0) for k in range(replicates)]
        errors.append(abs(float(np.mean([series(r, "infectious")[steps] for r in runs])) - exact))
    assert max(errors) < Z * se


# ------------------------------------------------------------------ courses: no contagion


PEOPLE = 20_000
IN_WAVES = (10, 60, 30, 10, PEOPLE - 110)


@cache
def courses(backend: str) -> RunResult:
    """One run of all the courses, so many people in each wave."""
    model, _ = running(COURSES, backend)
    made = request_of(model, PEOPLE, 5)
    waves = np.repeat(np.arange(5, dtype=np.uint8), IN_WAVES)
    world = replace(made.world, attributes=made.world.attributes | {("Person", "wave"): waves})
    return run(replace(made, world=world), COURSES, backend)


@EACH
def test_two_state_chain(backend: str) -> None:
    """P(B at day 10) = a/(a + b)·(1 − (1 − a − b)¹⁰) = 0.2484883 with a = 0.1, b = 0.3, from A."""
    assert z_of_share(series(courses(backend), "in_b")[10], 0.2484883, PEOPLE) < Z


@EACH
@pytest.mark.parametrize(
    ("name", "mean", "variance"),
    [("ill_weibull", 4.4311346, 25 * (1 - math.pi / 4)), ("ill_gamma", 5.0, 4.0)],
)
def test_dwell_times_keep_their_mean_on_a_daily_step(backend: str, name: str, mean: float, variance: float) -> None:
    """Entered at a uniform time of day, an illness T is seen on T mornings on average, with 1/6 more variance."""
    mornings = float(series(courses(backend), name).sum())
    assert abs(mornings - mean) < Z * math.sqrt((variance + 1 / 6) / PEOPLE)


@EACH
def test_competing_exits(backend: str) -> None:
    """Rates 0.1 and 0.3 a day race to 2.5 days: e⁻¹ are timed out, the others split 1 to 3."""
    state, lost = courses(backend).states["Race"], math.exp(-1.0)
    for code, p in ((1, 0.25 * (1 - lost)), (2, 0.75 * (1 - lost)), (3, lost)):
        assert z_of_share(float(np.mean(state == code)), p, PEOPLE) < Z


@EACH
def test_thinned_and_delayed_reports(backend: str) -> None:
    """30 % are seen; reports come 3 days late on average (per person: variance 1, and 1/6 from looking once a day)."""
    result = courses(backend)
    wells, seen, late = (series(result, name) for name in ("wells", "seen", "late"))
    assert wells.sum() == PEOPLE and late.sum() == PEOPLE
    assert np.all(seen <= wells)
    assert z_of_share(seen.sum() / PEOPLE, 0.3, PEOPLE) < Z
    days = np.arange(len(wells))
    delay = float((days * late).sum() - (days * wells).sum()) / PEOPLE
    assert abs(delay - 3.0) < Z * math.sqrt((1 + 1 / 6) / PEOPLE)


@EACH
def test_triggers_read_completed_weeks_with_hysteresis(backend: str) -> None:
    """Weekly reports of 10, 60, 30, 10, very many and 0 cases; on above 50 after two days, off below 20.

    60 is out on day 14: on from day 16, through the week of 30, to day 28. Very many on day 35: on from day 37 to 42.
    """
    result = courses(backend)
    assert series(result, "cases")[:6].tolist() == [*IN_WAVES, 0]
    active = [t for t in range(84) if 16 <= t < 28 or 37 <= t < 42]
    expected = [sum(t < boundary for t in active) for boundary in range(85)]
    assert series(result, "counted").tolist() == expected


# ------------------------------------------------------------------ contacts: the hazard of the next step


@cache
def contacts(backend: str, steps: int) -> tuple[RunRequest, RunResult]:
    model, _ = running(CONTACTS, backend)
    made = replace(request_of(model, PEOPLE, 9), steps=steps)
    return made, run(made, CONTACTS, backend)


def infectious_at_start(made: RunRequest, condition: str) -> NDArray:
    """For everyone whether they are infectious: 1 or 0."""
    return (made.start[condition] == 2).astype(np.int64)


def caught(result: RunResult, condition: str) -> NDArray:
    """For everyone whether they were infected: 1 or 0."""
    return (result.states[condition] == 1).astype(np.int64)


def z_of_infections(hazard: NDArray, was: NDArray, now: NDArray, among: NDArray | None = None) -> float:
    """Deviation of the infections of one step from Σ (1 − e^(−h)), in standard errors √(Σ p(1 − p))."""
    chosen = (was == 0) if among is None else (was == 0) & among
    p = 1 - np.exp(-hazard[chosen])
    return abs(float(now[chosen].sum()) - p.sum()) / math.sqrt(float((p * (1 - p)).sum()))


def others_in_homes(made: RunRequest, condition: str) -> tuple[NDArray, NDArray]:
    """For everyone how many others live in the home, and how many of them are infectious."""
    home, ill = made.world.attributes[("Person", "home")], infectious_at_start(made, condition)
    living = np.bincount(home)[home]
    return living - 1, np.bincount(home, weights=ill)[home] - ill


@EACH
def test_contacts_spread_evenly_and_contacts_per_tie(backend: str) -> None:
    """At home 4 contacts a day over n − 1 others: 0.4·I/(n − 1); per tie 2 with each: 0.2·I. Also in large homes."""
    made, result = contacts(backend, 1)
    for condition, rate in (("Even", 0.4), ("Each", 0.2)):
        others, ill = others_in_homes(made, condition)
        hazard = rate * ill / np.maximum(others, 1) if condition == "Even" else rate * ill
        was, now = infectious_at_start(made, condition), caught(result, condition)
        assert z_of_infections(hazard, was, now) < Z
        assert z_of_infections(hazard, was, now, others >= 4) < Z
        assert not np.any(now[(was == 0) & (ill == 0)])


@EACH
def test_mixing_by_table(backend: str) -> None:
    """Group a: 0.1·Σ_b C[a, b]·I_b/N_b a day, group by group."""
    made, result = contacts(backend, 1)
    group, was = made.world.attributes[("Person", "age_group")], infectious_at_start(made, "Mixed")
    infectious = np.bincount(group, weights=was) / np.bincount(group)
    hazard = (0.1 * np.array([[6.0, 2.0], [1.0, 4.0]]) @ infectious)[group]
    for label in (0, 1):
        assert z_of_infections(hazard, was, caught(result, "Mixed"), group == label) < Z
        cases = result.observations["mixed_cases"][0, label]
        assert cases == np.sum(caught(result, "Mixed")[group == label])


@EACH
def test_nothing_spreads_at_the_office_at_the_weekend(backend: str) -> None:
    """From a Saturday: none, none, and on Monday 10 contacts a day at random, 0.1·10·I/N."""
    made, result = contacts(backend, 3)
    was = infectious_at_start(made, "Office")
    assert series(result, "office_cases")[:2].tolist() == [0, 0]
    hazard = np.full(PEOPLE, was.sum() / PEOPLE)
    assert z_of_infections(hazard, was, caught(result, "Office")) < Z

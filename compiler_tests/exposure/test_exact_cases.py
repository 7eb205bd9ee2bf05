"""First cases, households, heavy hazards and short stages against exact numbers, at steps as long as an illness.

Seeds are fixed; |z| < 3 in standard errors that each test states.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

import lpmdsl
from compiler_tests.exposure.test_same_people import request_for
from compiler_tests.support.both_backends import BACKENDS, runner
from lpmdsl.backends.request import RunRequest, RunResult
from lpmdsl.semantics.model import Model

Z = 3.0
STEPS = ("1 day", "6 hours", "1 hour")
EACH = pytest.mark.parametrize("backend", BACKENDS)
RUNS = pytest.mark.parametrize(
    ("step", "backend"), [("1 day", "reference"), *((step, "cpu") for step in STEPS)], ids="{}".format
)


@cache
def running(text: str, backend: str) -> tuple[Model, Callable[[RunRequest], RunResult]]:
    model = lpmdsl.load(text).model
    return model, runner(model, backend)


def run(text: str, backend: str = "cpu", seed: int = 1) -> RunResult:
    model, go = running(text, backend)
    return go(request_for(model, seed=seed))


# ------------------------------------------------------------------ how many the first ones infect

INDEX = """\
model index_case_infects version 1.0

clock
  step STEP
  from 2024-01-01 for 25 days

parameter beta = 0.03 per contact

agent Person count 200_000
  shedding number ~ gamma(mean 1, sd 2.5)

network all joins Person at random with 100 contacts per day

condition C of Person
  states S, I, R, Hit
  start S except SEEDED Person in I
  from S by contagion to Hit
  from I after exponential(mean 1 day) to R

contagion of C
  from I on all at beta
SCALED
observe infected = count of Person where C is Hit every day
"""
IMPORTED = (
    INDEX.replace("SEEDED Person in I", "1 Person in R").replace("SCALED", "")
    + """
intervention import
  starts on 2024-01-03
  stops on 2024-01-04
  every day for at most 4_000 Person where C is S
    move C to I
"""
)
SHEDDING = INDEX.replace("SCALED", "  source scaled by shedding\n").replace("exponential(mean 1 day)", "fixed(1 day)")


def offspring_z(hit: float, sources: int, variance_of_one: float, people: int = 200_000) -> float:
    """Deviation from 3 infected by each of so many, among so many people whom others may have infected before.

    ``variance_of_one``: of how much one source weighs in all, whose mean is 3.
    """
    at_risk = people - sources
    escaped = math.exp(-3 * sources / people)
    variance = at_risk * escaped * (1 - escaped) + (escaped * at_risk / people) ** 2 * sources * variance_of_one
    return abs(hit - at_risk * (1 - escaped)) / math.sqrt(variance)


@RUNS
def test_an_index_case_infects_three(step: str, backend: str) -> None:
    """3 a day for an exponential day; whoever is infected infects nobody: 3.00, with a step as long as the illness."""
    text = INDEX.replace("SCALED", "").replace("SEEDED", "4_000").replace("STEP", step)
    assert offspring_z(run(text, backend).observations["infected"][-1, 0], 4_000, 9.0) < Z


@RUNS
def test_a_case_from_elsewhere_infects_three(step: str, backend: str) -> None:
    assert offspring_z(run(IMPORTED.replace("STEP", step), backend).observations["infected"][-1, 0], 4_000, 9.0) < Z


@pytest.mark.parametrize(
    "text", [INDEX.replace("SCALED", "").replace("SEEDED", "4_000"), IMPORTED], ids=["index", "imported"]
)
def test_first_cases_infect_the_same_people_on_any_step(text: str) -> None:
    """Of those at risk; whom an intervention picks among the susceptible of that moment is a decision."""
    first, *others = [run(text.replace("STEP", step)).states["C"] for step in STEPS]
    for other in others:
        assert np.sum(first != other) <= len(first) // 50_000


@EACH
def test_whoever_sheds_most_is_not_cut(backend: str) -> None:
    """Infectiousness of a gamma law, k = 0.16: three a day on average, of some thirty in one step: mean 3.00."""
    text = SHEDDING.replace("SEEDED", "8_000").replace("STEP", "1 day")
    result = run(text, backend)
    assert offspring_z(result.observations["infected"][-1, 0], 8_000, 9 * 2.5**2) < Z


CHAIN = """\
model chain version 1.0

clock
  step 1 day
  for 7 days

agent Person count 40_000

network all joins Person at random with 20 contacts per day

condition C of Person
  states S, I, Hit
  start S except 2_000 Person in I
  from S by contagion to Hit

contagion of C
  from I on all at 0.5 per contact

observe left = count of Person where C is S every day
"""


@EACH
def test_ten_infections_a_day_from_each_are_not_cut(backend: str) -> None:
    """20 contacts at 50 %: of 38 000 at risk the share e^(−10 · 7 · 2000/40 000) is left after a week."""
    p = math.exp(-10 * 7 * 2_000 / 40_000)
    left = run(CHAIN, backend).observations["left"][-1, 0]
    assert abs(left - 38_000 * p) / math.sqrt(38_000 * p * (1 - p)) < Z


# ------------------------------------------------------------------ what competes within a step

COMPETING = """\
model competing version 1.0

clock
  step 1 day
  for 10 days

agent Person count 40_000
  pair place of size 2

network pairs joins Person sharing pair with 1 contact per day per tie

condition C of Person
  states S, I, R, Hit, Gone
  start S except 1 Person in I
  from S by contagion to Hit
  from S at rate RATE to Gone
  from I after exponential(mean MEAN days) to R

contagion of C
  from I on pairs at 1 per contact * 70

observe hit = count of Person where C is Hit every day
"""


def in_places(model: Model, request: RunRequest, size: int) -> RunRequest:
    """The same request with the only place shared in the order of agents' numbers, the first in each infectious."""
    count = request.world.counts["Person"]
    agents = np.arange(count)
    (key,) = request.world.place_counts
    attributes = request.world.attributes | {key: (agents // size).astype(np.int32)}
    world = replace(request.world, attributes=attributes, place_counts={key: -(-count // size)})
    name = model.conditions[0].name
    first = model.conditions[0].states.index("I")
    return replace(request, world=world, start={name: np.where(agents % size == 0, first, 0).astype(np.uint8)})


@EACH
@pytest.mark.parametrize(
    ("rate", "mean"), [("0 per day", "0.02"), ("50 per day", "1000")], ids=["source recovers", "target leaves"]
)
def test_infection_and_recovery_compete_within_a_step(rate: str, mean: str, backend: str) -> None:
    """At 70 a day against 50 a day: 70/120 = 0.5833 are infected, whichever of the two is who may go first."""
    model, go = running(COMPETING.replace("RATE", rate).replace("MEAN", mean), backend)
    share = go(in_places(model, request_for(model), 2)).observations["hit"][-1, 0] / 20_000
    p = 70 / 120
    assert abs(share - p) / math.sqrt(p * (1 - p) / 20_000) < Z


# ------------------------------------------------------------------ households

HOUSEHOLDS = """\
model households version 1.0

clock
  step 1 day
  for 60 days

parameter beta = 0.15 per contact

agent Person count 80_000
  home place of size 4

network homes joins Person sharing home with 1 contact per day per tie

condition C of Person
  states S, I, R
  start S
  from S by contagion to I
  from I after LAW to R

contagion of C
  from I on homes at beta

observe ever = count of Person where C is not S every day
"""


def household_sizes(at_risk: int, transform: Callable[[float], float]) -> np.ndarray:
    """The chances that 0, 1, … of those at risk beside one index case are infected in the end (Ball 1986, Adv Appl Prob
    18:289). ``transform``: that of the infectious time at so many times the hazard of a tie."""
    found = np.zeros(at_risk + 1)
    for j in range(at_risk + 1):
        before = sum(math.comb(at_risk - i, j - i) * found[i] / transform(at_risk - j) ** (i + 1) for i in range(j))
        found[j] = (math.comb(at_risk, j) - before) * transform(at_risk - j) ** (j + 1)
    return found


def gamma_transform(rate: float, mean: float, sd: float) -> Callable[[float], float]:
    return lambda k: (1 + k * rate * sd**2 / mean) ** (-((mean / sd) ** 2))


ROOMS = {
    "four, gamma": ("gamma(mean 4 days, sd 2 days)", 4, 0.15, gamma_transform(0.15, 4, 2), 1.871),
    "four, as short as a step": ("exponential(mean 1 day)", 4, 1.0, gamma_transform(1, 1, 1), 95 / 48),
    "four, shorter": ("gamma(mean 0.5 days, sd 0.3 days)", 4, 1.5, gamma_transform(1.5, 0.5, 0.3), None),
    "three": ("exponential(mean 2 days)", 3, 0.4, gamma_transform(0.4, 2, 2), 1.041),
    "three, fixed": ("fixed(2 days)", 3, 0.4, lambda k: math.exp(-2 * 0.4 * k), None),
}


@EACH
@pytest.mark.parametrize("room", ROOMS)
def test_households_come_out_as_large_as_they_are(room: str, backend: str) -> None:
    """One index case in each: the number of further cases at a daily step, and its distribution by χ² (p > 0.001)."""
    law, size, beta, transform, stated = ROOMS[room]
    chances = household_sizes(size - 1, transform)
    mean = float(chances @ np.arange(size))
    assert chances.sum() == pytest.approx(1.0)
    assert stated is None or mean == pytest.approx(stated, abs=0.0006)
    model, go = running(HOUSEHOLDS.replace("LAW", law).replace("0.15", f"{beta}"), backend)
    request = request_for(model, {"Person": 20_000 * size})
    states = go(in_places(model, request, size)).states["C"]
    cases = (states.reshape(-1, size) != 0).sum(axis=1) - 1
    assert abs(cases.mean() - mean) / math.sqrt(chances @ (np.arange(size) - mean) ** 2 / len(cases)) < Z
    assert stats.chisquare(np.bincount(cases, minlength=size), chances * len(cases)).pvalue > 0.001


# ------------------------------------------------------------------ many short stages in one step


def stages(count: int, how: str) -> str:
    states = [f"E{k}" for k in range(count)] + ["R"]
    exits = "".join(f"  from {a} {how} to {b}\n" for a, b in pairwise(states))
    return (
        "model stages version 1.0\n\nclock\n  step 1 day\n  for 6 days\n\nagent Person count 100_000\n\n"
        f"condition C of Person\n  states {', '.join(states)}\n  start E0\n{exits}\n"
        "observe done = share of Person where C is R every day\n"
    )


@EACH
def test_ten_stages_left_at_a_rate_are_an_erlang_time(backend: str) -> None:
    """Ten at 20 a day: 1 − 0.00500 have left after a day."""
    p = float(stats.gamma.cdf(1, 10, scale=1 / 20))
    assert p == pytest.approx(1 - 0.00500, abs=1e-5)
    done = run(stages(10, "at rate 20 per day"), backend).observations["done"]
    assert abs(done[1, 0] - p) / math.sqrt(p * (1 - p) / 100_000) < Z
    assert done[2, 0] > 0.99999


@EACH
def test_any_number_of_moves_fits_into_a_step(backend: str) -> None:
    """Twenty of one hour each: all have left after twenty hours."""
    assert run(stages(20, "after fixed(1 hour)"), backend).observations["done"][:2, 0].tolist() == [0.0, 1.0]

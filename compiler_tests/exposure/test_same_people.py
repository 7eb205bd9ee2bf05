"""The same people fall ill on any step, on every back end: thresholds and total exposure alone say who is infected.

Models are generated (``random_models``), from fixed seeds. At steps of 1, 6 and 24 hours everybody ends in the same
state, but for at most one in 50 000 whom the rounding of fixed-point numbers moves. Where people return to where they
can be infected, a difference of one grows without end, as in any such process; there the means agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

import lpmdsl
from compiler_tests.exposure.random_models import AGENTS, COURSES, CYCLES, MOSQUITOES, Drawn, drawn
from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, runner
from lpmdsl.backends.request import RunRequest, RunResult
from lpmdsl.population.people import build_world, start_states
from lpmdsl.runtime.engine.gpu.run import gpu_runner
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.semantics.model import Model

STEPS = ("1 hour", "6 hours", "1 day")
TRIED = [(kind, number) for kind in COURSES for number in (1, 2, 3)]
ENDED = {"R", "S", "Clear", "Dead"}


def request_for(model: Model, agents: Mapping[str, int] | None = None, seed: int = 1, replicate: int = 0) -> RunRequest:
    values = parameter_values(model)
    world = build_world(model, values, seed, dict(agents or {}))
    start = start_states(model, world, values, seed, replicate)
    return RunRequest(model, world, values, start, seed, replicate, model.clock.steps)


def final(text: str) -> tuple[Model, dict[str, NDArray[np.uint8]]]:
    model = lpmdsl.load(text).model
    return model, runner(model, "cpu")(request_for(model)).states


def same_people(case: Drawn, one_in: int, steps: Sequence[str] = STEPS) -> None:
    """Each condition ends alike on any step, but for one of so many; and everything has come to its end."""
    model, fine = final(case.at(steps[0]))
    for condition in model.conditions:
        states = fine[condition.name]
        names = {condition.states[k] for k in np.unique(states)}
        assert names <= ENDED, f"{case.name}: somebody is still in {names - ENDED}"
        assert 0.15 < np.mean(states != condition.start.state) < 0.98, f"{case.name}: a choice that nothing hangs on"
    for step in steps[1:]:
        _, coarse = final(case.at(step))
        for name, states in fine.items():
            others = int(np.sum(states != coarse[name]))
            assert others <= len(states) / one_in, f"{case.name}, {name}: {others} others at {step} than at {steps[0]}"


@pytest.mark.parametrize(("kind", "number"), TRIED, ids=[f"{k} {n}" for k, n in TRIED])
def test_the_same_people_fall_ill_on_any_step(kind: str, number: int) -> None:
    """One of each course at an hour too, which takes four times as long as the others together."""
    same_people(drawn(kind, number), AGENTS, STEPS if number == 1 else STEPS[1:])


def test_people_and_mosquitoes_fall_ill_alike_on_any_step() -> None:
    same_people(MOSQUITOES, 20_000)


WEEKDAYS = """\
model weekdays version 1.0

clock
  step STEP
  from 2024-01-01 for 60 days

agent Person count 50_000
  office place of size 20

network offices joins Person sharing office with 1 contact per day per tie on weekdays
network town joins Person at random with 4 contacts per day on weekends

condition Flu of Person
  states S, I, R, Hit
  start S except 5 % in I
  from S by contagion to Hit
  from I after gamma(mean 9 days, sd 4 days) to R

contagion of Flu
  from I on offices, town at 0.05 per contact

observe hit = count of Person where Flu is Hit every day
"""


def test_who_meets_on_weekdays_is_exposed_for_the_same_hours() -> None:
    """Sources that begin at one moment: the days on which a network runs then cover the same part of their times."""
    _, fine = final(WEEKDAYS.replace("STEP", "1 hour"))
    assert 0.2 < np.mean(fine["Flu"] == 3) < 0.8
    for step in STEPS[1:]:
        _, coarse = final(WEEKDAYS.replace("STEP", step))
        assert np.sum(fine["Flu"] != coarse["Flu"]) <= 1


# ------------------------------------------------------------------ who can be infected again


@pytest.mark.parametrize("kind", CYCLES)
def test_where_people_return_the_means_agree(kind: str) -> None:
    """The mean number of the infectious from day 100 to 250, five replicates a step: |z| < 4 and a hundredth."""
    means = {}
    for step in ("6 hours", "1 day"):
        model = lpmdsl.load(drawn(kind, 1).at(step)).model
        run = runner(model, "cpu")
        requests = [request_for(model, {"Person": 20_000}, replicate=k) for k in range(5)]
        halves = [replace(q, steps=round(251 / model.clock.step)) for q in requests]
        means[step] = np.array([run(q).observations["infectious"][100:251].mean() for q in halves])
    fine, coarse = means.values()
    error = np.sqrt((fine.var(ddof=1) + coarse.var(ddof=1)) / 5)
    assert fine.mean() > 500
    assert abs(fine.mean() - coarse.mean()) < 4 * error + 0.01 * fine.mean()


# ------------------------------------------------------------------ every back end


def everywhere(model: Model, request: RunRequest) -> RunResult:
    """The result of the sparse program, after reference, dense program and Triton's interpreter were found to agree."""
    made = compiled(model)
    result = cpu_run(made)(request)
    assert_same(result, runner(model, "reference")(request))
    assert_same(result, cpu_run(replace(made, cpu=made.program))(request))
    assert_same(result, gpu_runner(made, None)([request], None)[0])
    return result


@pytest.mark.parametrize("kind", [*COURSES, *CYCLES])
def test_every_back_end_counts_the_same(kind: str) -> None:
    """Steps of a day and of a quarter of it; Triton's interpreter takes a tenth of a second for each."""
    for number, step in ((1, "1 day"), (2, "6 hours")):
        model = lpmdsl.load(drawn(kind, number).at(step)).model
        result = everywhere(model, replace(request_for(model, {"Person": 1_000}), steps=25))
        assert np.mean(result.states["Flu"] != 0) > 0.01


def test_every_back_end_counts_the_same_of_two_kinds() -> None:
    model = lpmdsl.load(MOSQUITOES.at("1 day")).model
    result = everywhere(model, replace(request_for(model, {"Human": 600, "Mosquito": 1_000}), steps=25))
    assert np.mean(result.states["Carriage"] != 0) > 0.02

"""One model with the clock, triggers and targets of interventions, the same on every back end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of, runner
from lpmdsl.backends.request import RunResult
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Report
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source

KITCHEN = """\
model kitchen version 1.0
clock
  step 12 hours
  from 2024-01-31 for 4 months
agent Person count 300
  older yes/no ~ bernoulli(40 %)
  careful yes/no = no
  vaccinated yes/no = no
network town joins Person at random with 8 contacts per day
network friends joins Person as erdos_renyi(degree 4)
condition Flu of Person
  states S, I, R
  start S except 20 Person in I
  from S by contagion to I
  from S at rate 0.003 per day to I
  from I after gamma(mean 5 days, sd 2 days) to R
  from R with probability 70 % every month to S
contagion of Flu
  from I on town at 0.03 per contact
  from I on friends at 0.03 per day
  source scaled by 0.5 where careful
  target scaled by 0.5 where vaccinated
observe cases = number entering I per day
observe of_months = number entering I per month by older
observe late = number entering I per month thinned by 60 % delayed by gamma(mean 20 days, sd 9 days)
observe ill = count of Person where Flu is I every month
observe thin = count of Person where Flu is not S thinned by 50 % every 2 months
observe both = of_months + late
observe usual = mean of of_months over 2 months
observe done = count of Person where careful or vaccinated
intervention monthly
  starts after 1 month
  every month for 5 Person where not vaccinated
    set vaccinated to yes with probability 80 %
  costs 1 USD per person
intervention waves
  starts when cases rises above 5 per day
  lasts 3 days
  every day for 2 Person where not careful
    set careful to yes
  costs 1 USD per day
intervention limited
  at most 6 Person together every 2 days
  every day for 4 Person where older and not vaccinated
    set vaccinated to yes
  every week for share 20 % of Person where not vaccinated
    set vaccinated to yes
  starts after 10 days
  costs 1 USD per person
intervention more
  together with limited
  every day for 5 Person where not careful
    set careful to yes
  costs 1 USD per person
intervention distance
  starts when cases rises above 3 per day
  lasts 5 days
  while active for share 50 % of Person where not older
    leave town, friends
intervention early
  starts on day 5
  stops 1 month after it starts
  while active for Person where older
    leave friends
  costs 1 USD per day
"""


def model_of(text: str) -> Model:
    report = Report()
    made = check_source(Source("kitchen.lpm", text), report)
    assert made is not None, report
    return made[0]


@pytest.fixture(scope="module")
def results() -> dict[str, RunResult]:
    model = model_of(KITCHEN)
    request, made = request_of(model, 300), compiled(model)
    return {
        "reference": runner(model, "reference")(request),
        "sparse": cpu_run(made)(request),
        "dense": cpu_run(replace(made, cpu=made.program))(request),
    }


@pytest.mark.parametrize("backend", ["sparse", "dense"])
def test_back_ends_agree(results: dict[str, RunResult], backend: str) -> None:
    assert_same(results["reference"], results[backend])
    assert results["reference"].costs == results[backend].costs


def test_much_happens(results: dict[str, RunResult]) -> None:
    found = results["reference"]
    assert found.observations["of_months"].shape == (4, 2)
    assert np.all(found.observations["of_months"].sum(axis=1) > 0)
    assert found.costs["early"] == 29  # from 5 February to 5 March
    assert 3 < found.costs["waves"] < 60 and found.costs["monthly"] == 20

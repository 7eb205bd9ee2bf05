"""Running totals, quantiles, flows by both ends and fixed delays: right values, the same on every back end."""

from __future__ import annotations

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of
from lpmdsl.backends.request import RunRequest, RunResult
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.reference import interpreter
from lpmdsl.runtime.engine.gpu.run import gpu_runner
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

MODEL = """\
model observing version 1.0
clock
  step 1 day
  for 21 days
parameter lag = 2 days
agent Person count 400
  age duration ~ uniform(0 years, 90 years)
  year number = floor(age / (1 year))
  age_group category = band of age at 18 years, 65 years named child, adult, elder
  vaccinated yes/no ~ bernoulli(30 %)
network town joins Person at random with 10 contacts per day
condition Flu of Person
  states S, E, I, R
  start S except 20 Person in E
  from S by contagion to E
  from E after gamma(mean 2 days, sd 1 day) to I
  from I after gamma(mean 3 days, sd 2 days) to R with probability 80 %
    to S otherwise
contagion of Flu
  from I on town at 0.05 per contact
observe infections = number entering E per day by age_group, vaccinated
observe ill = number entering I per week
observe lagged = number entering I per day delayed by 3 days
observe lagged_too = number entering I per day delayed by lag
observe cumulative = total of infections
observe of_children = total of infections[child, no]
observe weekly_ill = total of ill
observe last_three = total of lagged over 3 days
observe share_so_far = total of ill / population
observe from_e = number going from E to I per day
observe susceptible_again = number going from I to S per day
observe recovered = number going from I, E to R per day
observe caught = number going from S to E, I per day
observe forced = number going from S, R to R per day
observe ended = number entering R per day
observe entered = number entering I per day
observe median_age = median of age over Person where Flu is I every day
observe oldest = quantile 90 % of year over Person where Flu is not S by age_group, vaccinated every week
observe spread = quantile 0 % of year over Person every week
observe top = quantile 100 % of year over Person every week
observe half = median of year over Person where age > 200 years else -1 every week
observe none = median of year over Person where age > 200 years every week
intervention rescue
  starts when total of infections rises above 60 people
  every day for at most 5 Person where Flu is S
    move Flu to R
check always median of year over Person < 60
"""


@pytest.fixture(scope="module")
def request_() -> RunRequest:
    return request_of(lpmdsl.load(MODEL).model, 400)


@pytest.fixture(scope="module")
def told(request_: RunRequest) -> RunResult:
    return interpreter.run(request_)


def test_a_running_total_is_the_sum_of_all_reports(told: RunResult) -> None:
    seen = told.observations
    assert np.array_equal(seen["cumulative"], np.cumsum(seen["infections"], axis=0))
    assert np.array_equal(seen["of_children"][:, 0], np.cumsum(seen["infections"][:, 0]))
    assert np.array_equal(seen["weekly_ill"][:, 0], np.cumsum(seen["ill"][:, 0]))
    assert seen["ill"].sum() > 50 and seen["weekly_ill"][-1, 0] == seen["ill"].sum()
    three = seen["lagged"][:, 0]
    assert np.array_equal(seen["last_three"][2:, 0], three[:-2] + three[1:-1] + three[2:])


def test_a_fixed_delay_moves_a_flow_by_its_days(told: RunResult) -> None:
    seen = told.observations
    assert np.array_equal(seen["lagged"][3:, 0], seen["entered"][:-3, 0])
    assert np.array_equal(seen["lagged_too"][2:, 0], seen["entered"][:-2, 0])


def test_flows_by_both_ends_part_those_by_one(told: RunResult) -> None:
    seen = {name: reports.sum(axis=1) for name, reports in told.observations.items()}
    assert np.array_equal(seen["from_e"], seen["entered"])
    assert np.array_equal(seen["caught"], seen["infections"])
    assert np.array_equal(seen["recovered"] + seen["forced"], seen["ended"])
    assert seen["susceptible_again"].sum() > 5 and seen["recovered"].sum() > 50
    assert set(seen["forced"]) == {0.0, 5.0}


def test_quantiles_are_those_of_the_people(request_: RunRequest, told: RunResult) -> None:
    seen = told.observations
    year = request_.world.attributes[("Person", "year")]
    ages = request_.world.attributes[("Person", "age")]
    sick = told.states["Flu"] == 2
    assert seen["median_age"][-1, 0] == pytest.approx(np.median(ages[sick]), rel=1e-12)
    assert (seen["spread"] == year.min()).all() and (seen["top"] == year.max()).all()
    assert (seen["half"] == -1).all() and np.isnan(seen["none"]).all()
    group = request_.world.attributes[("Person", "age_group")] * 2 + request_.world.attributes[("Person", "vaccinated")]
    for g in range(6):
        mine = year[(group == g) & (told.states["Flu"] != 0)]
        assert seen["oldest"][-1, g] == pytest.approx(np.quantile(mine, 0.9), rel=1e-12), g


def test_every_back_end_agrees(request_: RunRequest, told: RunResult) -> None:
    made = compiled(request_.model)
    assert_same(told, cpu_run(made, threads=2)(request_))
    assert_same(told, gpu_runner(made, None)([request_], None)[0])


def formatted(text: str) -> str:
    return format_module(parse(Source("observing.lpm", text), Report()))


def test_the_formatter_keeps_every_new_clause() -> None:
    once = formatted(MODEL)
    assert formatted(once) == once
    for line in (
        "observe cumulative = total of infections",
        "observe last_three = total of lagged over 3 days",
        "observe caught = number going from S to E, I per day",
        "observe median_age = median of age over Person where Flu is I every day",
        "observe lagged = number entering I per day delayed by fixed(3 days)",
    ):
        assert line in once


@pytest.mark.parametrize(
    ("line", "code", "help"),
    [
        ("observe x = total of median_age", "E0716", "number entering STATE per day"),
        ("observe x = total of age", "E0716", "total of OBSERVATION"),
        ("observe x = sum of infections over 3 days", "E0716", "total of OBSERVATION"),
        ("observe x = count where Flu is I", "E0750", "count of Person where"),
        ("observe x = quantile 2 of age over Person", "E0751", "quantile 90 %"),
        ("observe x = quantile 5 % of age over Person thinned by 10 %", "E0704", "Thin a count"),
        ("observe x = number going from Q to I per day", "E0203", ""),
    ],
)
def test_what_cannot_be_observed_says_what_can(line: str, code: str, help: str) -> None:
    with pytest.raises(LpmError) as caught:
        lpmdsl.load(MODEL + line + "\n")
    told = [d for d in caught.value.report.sorted() if d.code == code]
    assert told and help in told[0].help, str(caught.value)


@pytest.mark.parametrize("estimator", ["relaxation"])
def test_what_the_relaxation_has_not_is_refused(estimator: str) -> None:
    with pytest.raises(LpmError) as caught:
        text = MODEL.replace("at 0.05 per contact", "at chance")
        text = text.replace("parameter lag", "parameter chance = 0.05 per contact\nparameter lag")
        lpmdsl.load(text).gradient("total of infections", estimator=estimator)
    assert "E0846" in str(caught.value)

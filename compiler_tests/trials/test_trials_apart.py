"""Conditions that exclude each other, and weekdays on long steps: right values on both back ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of, runner
from lpmdsl.backends.request import RunResult
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source


def model_of(text: str) -> Model:
    report = Report()
    made = check_source(Source("apart.lpm", text), report)
    if made is None or report.has_errors:
        raise LpmError(report)
    return made[0]


STRAINS = """\
model strains version 1.0
clock
  step 2 days
  for 60 days
agent Person count 600
network town joins Person at random with 8 contacts per day
condition Alpha of Person
  states S, I
  start S except share 10 % in I
  from S by contagion to I
  from I after fixed(6 days) to S
condition Beta of Person
  states S, I
  start S except share 10 % in I
  at most one of Alpha, Beta
  from S by contagion to I
  from I after gamma(mean 5 days, sd 2 days) to S
contagion of Alpha
  from I on town at 0.06 per contact
contagion of Beta
  from I on town at 0.06 per contact
observe alphas = number entering I of Alpha per 2 days
observe betas = number entering I of Beta per 2 days
observe both = count of Person where Alpha is I and Beta is I
observe a_ill = count of Person where Alpha is I
observe b_ill = count of Person where Beta is I
intervention forced
  every 6 days for at most 20 Person
    move Beta to I
"""


def test_nobody_has_both() -> None:
    model = model_of(STRAINS)
    result = runner(model, "reference")(request_of(model, 600))
    assert result.observations["both"].max() == 0
    assert result.observations["a_ill"][0, 0] == 60 and result.observations["b_ill"][0, 0] == 60
    assert result.observations["alphas"].sum() > 200 and result.observations["betas"].sum() > 200


def test_without_the_line_some_have_both() -> None:
    model = model_of(STRAINS.replace("  at most one of Alpha, Beta\n", ""))
    result = runner(model, "reference")(request_of(model, 600))
    assert result.observations["both"].max() > 0


def test_what_is_caught_first_is_kept() -> None:
    """One long step in which nearly everybody would catch both: half of them catch either one first."""
    text = (
        STRAINS.replace("0.06 per contact", "5 per contact")
        .replace("for 60 days", "for 2 days")
        .replace("10 %", "40 %")
        .replace("gamma(mean 5 days, sd 2 days)", "fixed(6 days)")
    )
    model = model_of(text[: text.index("intervention")])
    result = runner(model, "reference")(request_of(model, 600))
    alphas, betas = result.observations["alphas"][0, 0], result.observations["betas"][0, 0]
    assert 115 <= alphas + betas <= 120  # of those who start with neither
    assert abs(alphas - betas) < 4 * np.sqrt(alphas + betas)


def test_back_ends_agree_on_three_conditions() -> None:
    gamma = STRAINS[STRAINS.index("condition Beta") : STRAINS.index("contagion of Alpha")].replace("Beta", "Gamma")
    gamma = gamma.replace("at most one of Alpha, Gamma", "at most one of Alpha, Beta, Gamma")
    more = gamma + "contagion of Gamma\n  from I on town at 0.3 per contact\n"
    more += "observe others = count of Person where Gamma is I and (Alpha is I or Beta is I)\n"
    model = model_of(STRAINS.replace("0.06 per contact", "0.3 per contact") + more)
    request, made = request_of(model, 300), compiled(model)
    results: list[RunResult] = [runner(model, "reference")(request), cpu_run(made)(request)]
    results.append(cpu_run(replace(made, cpu=made.program))(request))
    for other in results[1:]:
        assert_same(results[0], other)
    assert results[0].observations["both"].max() == 0 and results[0].observations["others"].max() == 0


@pytest.mark.parametrize(
    ("was", "written"),
    [
        ("at most one of Alpha, Beta", "at most one of Beta"),
        ("from S by contagion to I\n  from I after fixed", "from S at rate 0.1 per day to I\n  from I after fixed"),
    ],
)
def test_what_cannot_be_kept_apart_is_told(was: str, written: str) -> None:
    with pytest.raises(LpmError, match=r"E0727|E0508|E0619"):
        model_of(STRAINS.replace(was, written))


WEEKLY = """\
model weekly version 1.0
clock
  step {step}
  from 2024-10-05 for 28 days
agent Person count 3_000
network offices joins Person at random with 8 contacts per day{days}
condition Flu of Person
  states S, I
  start S except share 50 % in I
  from S by contagion to I
contagion of Flu
  from I on offices at {rate} per contact
observe cases = number entering I per week
"""


@pytest.mark.parametrize(("days", "share"), [(" on weekdays", 5 / 7), (" on weekends", 2 / 7)])
@pytest.mark.parametrize("step", ["1 week", "2 weeks"])
def test_weeks_have_their_share_of_weekdays(step: str, days: str, share: float) -> None:
    """The run begins on a Saturday; the steps have the hazard of the days that the network runs on."""
    text = WEEKLY.replace("per week", f"per {step}" if step[0] != "1" else "per week")
    long = model_of(text.format(step=step, days=days, rate="0.01"))
    plain = model_of(text.format(step=step, days="", rate=repr(0.01 * share)))
    found, wanted = (runner(m, "reference")(request_of(m, 3000)).observations["cases"] for m in (long, plain))
    assert abs(found.sum() - wanted.sum()) <= 2


@pytest.mark.parametrize("step", ["2 days", "16 hours", "3.5 days"])
def test_steps_across_days_are_told(step: str) -> None:
    with pytest.raises(LpmError, match="E0725"):
        model_of(WEEKLY.replace("per week", "per 28 days").format(step=step, days=" on weekdays", rate="0.01"))

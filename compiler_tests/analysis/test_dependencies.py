"""Dependencies: whichever declaration reads a report, its parameters stand behind what people see."""

from __future__ import annotations

import pytest

from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Report
from lpmdsl.semantics.analysis.dependencies import conditions_behind, observations_behind, parameters_behind, readers_of
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source

FEAR = """\
model fear version 1.0

clock
  step 1 day
  from 2024-01-01 for 60 days

parameter beta = 0.03 per contact
parameter scare = 2
parameter idle = 3
parameter kept_in = 2 * scare

agent Person count 1_000

network town joins Person at random with 8 contacts per day

condition Cold of Person
  states S, I, R
  start S except 10 Person in I
  from S by contagion to I
  from I EXIT to R

condition Other of Person
  states Well, Unwell
  start Well
  from Well at rate 0.01 per day to Unwell

contagion of Cold
  from I on town at BETA

observe all_cases = number entering I per week
observe cases = number entering I per day
observe fear = cases * kept_in / (100 people per day)
observe unread = cases * idle
observe unwell = count of Person where Other is Unwell
"""


def made(leaves: str = "after exponential(mean 5 days)", at: str = "beta") -> Model:
    text = FEAR.replace("EXIT", leaves).replace("BETA", at)
    report = Report()
    found = check_source(Source("fear.lpm", text), report)
    assert found is not None, report.diagnostics
    return found[0]


@pytest.mark.parametrize(
    "where",
    [
        {"at": "beta / (1 + fear)"},
        {"leaves": "at rate (1 + fear) * 0.2 per day"},
    ],
    ids=["contagion", "condition"],
)
def test_a_report_that_the_course_reads_brings_its_parameters(where: dict[str, str]) -> None:
    model = made(**where)
    assert observations_behind(model, {"all_cases"}) == {"all_cases", "cases", "fear"}
    assert parameters_behind(model, {"all_cases"}) >= {"scare", "kept_in"}
    assert "idle" not in parameters_behind(model, {"all_cases"})


def test_what_no_report_reads_stands_behind_nothing() -> None:
    model = made()
    assert observations_behind(model, {"all_cases"}) == {"all_cases"}
    assert parameters_behind(model, {"all_cases"}) == {"beta"}
    assert parameters_behind(model, {"fear"}) == {"beta", "scare", "kept_in"}
    assert conditions_behind(model, {"all_cases"}) == {"Cold"}
    assert conditions_behind(model, {"all_cases", "unwell"}) == {"Cold", "Other"}
    assert readers_of(model)["parameter scare"] == {"parameter kept_in"}
    assert readers_of(model)["observe cases"] == {"observe fear", "observe unread"}

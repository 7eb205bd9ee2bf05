"""Rates and contacts that hang on the agent, on time and on interventions: right values, on both back ends."""

from __future__ import annotations

import pytest

import lpmdsl
from lpmdsl.diagnostics import LpmError
from lpmdsl.runtime.results import Results

HEAD = """
model trial version 1.0

clock
  step 1 day
  from 2024-10-01 for {days} days
"""


def run(text: str, days: int = 40, agents: int = 4_000, backend: str = "reference", **options) -> Results:
    return lpmdsl.load(HEAD.format(days=days) + text).run(agents={"Person": agents}, backend=backend, **options)


def errors(text: str) -> list[str]:
    with pytest.raises(LpmError) as caught:
        lpmdsl.load(HEAD.format(days=40) + text)
    return [f"{d.code} {d.message} {d.help}" for d in caught.value.report.sorted()]


# ------------------------------------------------------------------ choices

LEAVE = """
agent Person
  old yes/no ~ bernoulli(50 %)
  masked yes/no ~ bernoulli(50 %)
condition Job of Person
  states A, B
  start A
  from A with probability {chance} every 40 days to B
observe gone_old = share of Person where Job is B and old every 40 days
observe gone_young = share of Person where Job is B and not old every 40 days
"""


def last(results: Results, name: str) -> float:
    table = results.observations
    return float(table[table.observation == name].value.iloc[-1])


def test_the_first_case_that_holds_is_taken() -> None:
    text = LEAVE.replace("agent Person\n", "agent Person count 4_000\n")
    everyone = run(text.format(chance="(100 % where old, 100 % where masked, 0 % otherwise)"))
    assert last(everyone, "gone_old") == pytest.approx(0.5, abs=0.03)
    assert last(everyone, "gone_young") == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("(1 day where old, 50 % otherwise)", "E0302"),
        ("(old where masked, 50 % otherwise)", "E0306"),
        ("(10 % where 3, 50 % otherwise)", "E0306"),
        ("(10 % where old, 150 % otherwise)", "E0504"),
        ("0.5 * old", "(0.5 where old, 0 otherwise)"),
        ("(1 - old * 0.25)", "(0.75 where old, 1 otherwise)"),
    ],
)
def test_a_choice_is_checked_like_its_values(choice: str, told: str) -> None:
    text = LEAVE.replace("agent Person\n", "agent Person count 4_000\n")
    assert any(told in line for line in errors(text.format(chance=choice)))

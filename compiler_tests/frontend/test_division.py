"""Fractions of rates: `1 / 7 per day` is reported wherever it stands, and what the message says to write is right."""

from __future__ import annotations

import re

import pytest

import lpmdsl
from lpmdsl.diagnostics import LpmError
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.evaluate import Scope, evaluate, parameter_values

TEXT = """model fractions version 1.0
clock
  step 1 day
  for 5 days
parameter speed = SPEED
agent Person count 100
condition Flu of Person
  states S, I, R
  start S
  from S after exponential(STAY) to I
  from I at rate RATE to R
  from R at rate speed to S
"""
GOOD = {"SPEED": "1 / 7 days", "STAY": "mean 7 days", "RATE": "1 / 7 days"}


def written(**changed: str) -> str:
    text = TEXT
    for name, value in (GOOD | changed).items():
        text = text.replace(name, value)
    return text


def helps(text: str) -> list[str]:
    with pytest.raises(LpmError) as caught:
        lpmdsl.load(text)
    return [d.help for d in caught.value.report.sorted() if d.code == "E0743"]


@pytest.mark.parametrize("place", ["SPEED", "STAY", "RATE"])
@pytest.mark.parametrize("fraction", ["1 / 7 per day", "1/7 per day", "1 / (7 per day)"])
def test_a_fraction_of_a_rate_is_told_in_every_place(place: str, fraction: str) -> None:
    [help] = helps(written(**{place: fraction}))
    assert "`1 / 7 days`" in help and "`exponential(mean 7 days)`" in help and "`1 day / 7`" in help


def test_a_rate_of_a_distribution_and_other_fractions_are_told() -> None:
    assert "`1 / 7 days`" in helps(written(STAY="rate 1 / 7 per day"))[0]
    assert "`exponential(mean 7 weeks / 3)`" in helps(written(STAY="3 / 7 per week"))[0]
    assert "`0.4 per contact`" in helps(written(SPEED="2 / 5 per contact"))[0]


def test_what_the_message_says_is_a_rate_of_a_seventh_and_a_mean_of_seven_days() -> None:
    model = lpmdsl.load(written()).model
    values = parameter_values(model)
    assert values["speed"] == pytest.approx(1 / 7)
    stay, rate, _ = (e.trigger for e in model.conditions[0].exits)
    assert isinstance(stay, m.After) and isinstance(rate, m.AtRate)
    assert evaluate(dict(stay.dwell.arguments)["mean"], Scope(model, values)) == pytest.approx(7)
    assert evaluate(rate.rate, Scope(model, values)) == pytest.approx(1 / 7)
    [help] = helps(written(SPEED="3 / 7 per week"))
    said = re.findall("`([^`]*)`", help)
    assert parameter_values(lpmdsl.load(written(SPEED=said[0])).model)["speed"] == pytest.approx(3 / 49)
    for value, right in ((said[1], 49 / 3), (said[3], 3)):
        text = written() + f"parameter stay = {value}\n"
        assert parameter_values(lpmdsl.load(text).model)["stay"] == pytest.approx(right)


@pytest.mark.parametrize("fine", ["1 / 0.2 per day", "1 / 1 per day", "1 day / 7"])
def test_times_that_are_meant_stay(fine: str) -> None:
    assert lpmdsl.load(written(STAY=f"mean {fine}")).model is not None

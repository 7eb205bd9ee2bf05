"""Tables over a number: straight lines between points, the same bits on every back end, and what cannot be one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.agreement import agreed, checked, first_error, formatted, found
from compiler_tests.support.both_backends import compiled, cpu_run, request_of
from lpmdsl.compiler import compile_scored, relaxed_programs

TEXT = """\
model lines version 1.0

clock
  step 6 hours
  from 2024-10-01 for 30 days

parameter beta = 0.04 per contact

table course over duration of number
  at 0 days 0.2
  at 4 days 1.6
  at 4.5 days 1.5
  at 30 days -0.1
  source "by hand"

table rain over date of number
  at 2024-10-03 1
  at 2024-10-13 2
  at 2024-10-21 0.5

table by_age over age of probability
  at 0 years 2 %
  at 40 years 10 %
  at 80 years 30 %

table activity over hour of number
  at 6 0.4
  at 12 hours 1.6
  at 18 1.2

table bill over money of number
  at 0 USD 0
  at 100 USD 1

agent Person count 400
  age duration ~ uniform(0 years, 90 years)
  mobility number = 1 + by_age[age]

network town joins Person at random with 8 contacts per day

condition Flu of Person
  states S, I, R
  start S except 20 Person in I
  from S by contagion to I
  from I after gamma(mean 4 days, sd 2 days) to R
  from I at rate 0.1 per day * by_age[age] to R

contagion of Flu
  from I on town at beta * rain[now] * activity[now] * mobility
  target scaled by 1 - by_age[age]

observe infections = number entering I per day where by_age[age] > 5 %
observe at_time = course[time] every 6 hours
observe rainy = rain[now] every 6 hours
observe busy = activity[now] every 6 hours
observe risks = sum of by_age[age] over Person
observe least = min of by_age[age + time] over Person every 5 days
"""
TEXT = TEXT.replace("over money", "over USD")
HOURLY = np.arange(121) / 4


def test_lines_are_straight_between_points_and_flat_beyond() -> None:
    """The bits are those of the stated arithmetic: value + (x - where) * slope, held between the least and the most."""
    everybody = agreed(TEXT, steps=16).observations
    model = checked(TEXT)
    run = cpu_run(compiled(model))(request_of(model, 400))
    seen = {name: np.ravel(values) for name, values in run.observations.items()}
    assert everybody["infections"].sum() > 10
    days = np.array([0.0, 4.0, 4.5, 30.0]), np.array([0.2, 1.6, 1.5, -0.1])
    np.testing.assert_allclose(seen["at_time"], np.interp(HOURLY, *days), rtol=0, atol=1e-14)
    assert seen["at_time"][16] == 1.6 and seen["at_time"][-1] == -0.1, "a point is met exactly"
    np.testing.assert_allclose(seen["rainy"], np.interp(HOURLY, [2, 12, 20], [1, 2, 0.5]), rtol=0, atol=1e-14)
    hours = np.interp(HOURLY % 1 * 24, [-6, 6, 12, 18, 30], [1.2, 0.4, 1.6, 1.2, 0.4])
    np.testing.assert_allclose(seen["busy"], hours, rtol=0, atol=1e-14)


def test_they_are_formatted_as_they_are_written() -> None:
    assert formatted(TEXT) == TEXT


def test_relaxation_and_score_take_them() -> None:
    """Numbers that people keep, and the time, are no chances: the lines are worked out as they are."""
    text = TEXT.replace("observe least = min of by_age[age + time] over Person every 5 days\n", "")
    model = checked(text)
    assert all(program.kernels for program in relaxed_programs(model))
    scored, ledger = compile_scored(compiled(model), ("beta",), "infections")
    assert scored.cpu is not None and ledger is not None


def test_many_points_of_a_file_are_found_in_any_order(tmp_path: Path) -> None:
    """200 points at uneven distances, shuffled: the model's values are numpy's."""
    rng = np.random.default_rng(3)
    places = np.sort(rng.choice(np.arange(1, 3000), 200, replace=False)) / 100
    values = rng.uniform(0, 5, 200)
    rows = [f"{x},{y}" for x, y in zip(places, values, strict=True)]
    rng.shuffle(rows)
    (tmp_path / "line.csv").write_text("duration [days],load\n" + "\n".join(rows) + "\n", encoding="utf-8")
    head, tail = TEXT.split("table course over duration of number\n")
    table = 'table course over duration of number from "line.csv" column load\n\n'
    text = head + table + tail[tail.index("table rain") :]
    (tmp_path / "model.lpm").write_text(text, encoding="utf-8")
    model = lpmdsl.load(tmp_path / "model.lpm").model
    seen = cpu_run(compiled(model))(request_of(model, 100)).observations["at_time"]
    np.testing.assert_allclose(np.ravel(seen), np.interp(HOURLY, places, values), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("over duration of", "over height of", "E1051", "`height`"),
        ("table course over", "table course by Flu over", "E1051", "one or the other"),
        ("  at 0 days 0.2\n", "  S 0.2\n", "E1052", "names a label"),
        ("table course over duration of", "table course of", "E1052", "does not say"),
        ("  at 0 days 0.2\n", "  at 0.2 0.2\n", "E1053", "`0.2`"),
        ("  at 6 0.4\n", "  at 26 0.4\n", "E1053", "`26`"),
        ("  at 2024-10-03 1\n", "  at 3 days 1\n", "E1053", "2024-10-01"),
        ("  at 4 days 1.6\n  at 4.5 days 1.5\n  at 30 days -0.1\n", "", "E1055", "1 point"),
        ("  at 4.5 days 1.5\n", "  at 96 hours 1.5\n", "E0402", "at 4 days"),
        ("  at 4.5 days 1.5\n", "  at 4.00001 days 1.5\n", "E1055", "unevenly"),
        ("  at 40 years 10 %\n", "  at 40 years 110 %\n", "E0313", "1.1"),
        ("course[time]", "course[beta]", "E0303", "per contact"),
        ("course[time]", "course", "E0206", "`course[…]`"),
        ("course[time]", "course[time, time]", "E0412", "takes 1 in brackets"),
        ("rain[now] every", "rain[3 days] every", "E0416", "a day"),
        ("from 2024-10-01 for", "for", "E0610", "no date"),
        ("at random with 8 contacts per day", "at random mixing by activity", "E0608", "line over hour"),
        ("mobility number = 1 + by_age[age]", "mobility number ~ by_age", "E0312", "line over age"),
    ],
)
def test_what_is_no_line_is_refused(old: str, new: str, code: str, words: str) -> None:
    assert old in TEXT
    told = first_error(TEXT.replace(old, new, 1))
    assert told.code == code and words in told.message + told.help, told


def test_an_hour_on_a_daily_step_is_warned_of() -> None:
    told = [d for d in found(TEXT.replace("step 6 hours", "step 1 day").replace("every 6 hours", "every day"))
            if d.code == "W1070"]  # fmt: skip
    assert told and "`activity`" in told[0].message
    assert not [d for d in found(TEXT) if d.code == "W1070"]

"""``time since CONDITION``: by hand, the same on every back end, and infectiousness by it: exact on any step."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.agreement import agreed, checked, first_error, formatted
from compiler_tests.support.both_backends import compiled, cpu_run, request_of
from lpmdsl.compiler import relaxed_programs
from lpmdsl.diagnostics import LpmError

TEXT = """\
model since version 1.0

clock
  step 1 day
  for 40 days

table infectivity over duration of number
  at 0 days 0
  at 2 days 1.6
  at 6.5 days 0.3
  at 10 days 0

agent Person count 500
  home place of size 4
  tested yes/no = no

network homes joins Person sharing home with 3 contacts per day
network friends joins Person as erdos_renyi(degree 5) with 2 contacts per day per tie
network town joins Person at random with 3 contacts per day

condition Flu of Person
  states S, I, R
  start S except 10 Person in I
  from S by contagion to I
  from I after gamma(mean 6 days, sd 2 days) to R
  from R at rate (0 per day where time since Flu < 5 days, 0.3 per day otherwise) to S

condition Job of Person
  states W, H
  start W
  from W when Flu is I and time since Flu > 1 day to H
  from H after fixed(3.3 days)
    to H2 with probability min(1, time since Job / 10 days)
    to W otherwise
  from H2 after fixed(1 day) to W

contagion of Flu
  from I on homes, town, friends at 0.1 per contact * infectivity[time since Flu]
  source scaled by 0.5 where time since Job > 1 day
  target scaled by (0.5 where time since Flu < 20 days, 1 otherwise)

observe infections = number entering I per day
observe late = number entering R of Flu per day where time since Job > 3 days
observe long = count of Person where Flu is I and time since Flu > 3 days every day
observe waited = mean of time since Flu over Person every day
observe at_home = number entering H, H2 per day

intervention test
  every 2 days for at most 30 Person where Flu is I and time since Flu > 2 days and not tested
    set tested to yes
    move Job to H with probability min(1, infectivity[time since Flu])
"""
TEXT = TEXT.replace("states W, H\n", "states W, H, H2\n")

BY_HAND = """\
model by_hand version 1.0

clock
  step {step}
  for 12 days

agent Person count 10

condition Light of Person
  states Red, Green
  start Red except where yes in Green
  from Red after fixed(3 days) to Green
  from Green after fixed(1.5 days) to Red

observe waited = mean of time since Light over Person every day
observe long = count of Person where time since Light > 1 day every day
"""

PAIRS = """\
model pairs version 1.0

clock
  step {step}
  for 12 days

parameter beta = 0.3 per day

table infectivity over duration of number
  at 1 day 0
  at 3 days 2
  at 8 days 0.4

agent Person count 40_000
  first yes/no ~ bernoulli(50 %)

network pairs joins Person from "pairs.csv"

condition Flu of Person
  states S, I, R, Caught
  start S except where first in I
  from S by contagion to Caught
  from I after fixed(6.5 days) to R

contagion of Flu
  from I on pairs at beta * infectivity[time since Flu]

observe caught = count of Person where Flu is Caught every day
"""


def test_every_back_end_counts_the_same() -> None:
    seen = agreed(TEXT, 300, steps=16).observations
    assert seen["infections"].sum() > 50 and seen["late"].sum() > 0 and seen["at_home"].sum() > 10


def test_it_is_formatted_as_it_is_written() -> None:
    assert formatted(TEXT) == TEXT


@pytest.mark.parametrize("step", ["1 day", "12 hours", "3 hours"])
def test_it_runs_from_the_real_time_of_the_last_move(step: str) -> None:
    """Red till 3, green till 4.5, red till 7.5, green till 9, red: at the days, the time since the last of these."""
    seen = agreed(BY_HAND.format(step=step).replace("except where yes in Green", ""), 10, steps=None).observations
    moves = [0, 3, 4.5, 7.5, 9, 12]
    wanted = [day - max(m for m in moves if m <= day) for day in range(13)]
    np.testing.assert_allclose(np.ravel(seen["waited"]), wanted, rtol=0, atol=1e-5)
    assert list(np.ravel(seen["long"]) > 0) == [w > 1 for w in wanted]


def caught(step: str, folder: Path) -> np.ndarray:
    """Who has caught it of his partner in the end, on a step."""
    (folder / "pairs.csv").write_text(
        "source,target\n" + "".join(f"{2 * k},{2 * k + 1}\n" for k in range(20_000)), encoding="utf-8"
    )
    (folder / "pairs.lpm").write_text(PAIRS.format(step=step), encoding="utf-8")
    model = lpmdsl.load(folder / "pairs.lpm").model
    result = cpu_run(compiled(model))(request_of(model, 40_000, 5))
    return np.asarray(result.states["Flu"]) == 3


def test_a_profile_is_integrated_over_the_time_of_a_source(tmp_path: Path) -> None:
    """A partner who is ill for 6.5 days from the start weighs beta times the integral of the profile up to then.

    The profile is straight within each step, so the middle of what a step covers is exact, on any step: the same people
    are infected, and of the pairs of one ill and one well the share is 1 - exp(-exposure) (3 standard errors).
    """
    daily, hourly = caught("1 day", tmp_path), caught("2 hours", tmp_path)
    assert np.count_nonzero(daily != hourly) <= 1
    places, values = np.array([1.0, 3.0, 8.0]), np.array([0.0, 2.0, 0.4])
    grid = np.linspace(0, 6.5, 65_001)
    exposure = 0.3 * np.trapezoid(np.interp(grid, places, values), grid)
    share = 1 - math.exp(-exposure)
    model = lpmdsl.load(tmp_path / "pairs.lpm").model
    ill = np.asarray(request_of(model, 40_000, 5).start["Flu"]) == 1
    mixed = np.count_nonzero(ill[0::2] != ill[1::2])
    assert abs(np.count_nonzero(daily) / mixed - share) < 3 * math.sqrt(share * (1 - share) / mixed)


def test_the_relaxation_refuses_it_by_name_and_line() -> None:
    with pytest.raises(LpmError) as told:
        relaxed_programs(checked(TEXT))
    found = {d.message: d.span.line for d in told.value.report.diagnostics}
    assert found["The relaxation has no `time since Flu`."] > 1 and "The relaxation has no `time since Job`." in found


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("mean 6 days", "mean time since Flu", "E0314", "changes all the time"),
        ("fixed(1 day)", "fixed(time since Job)", "E0314", "changes all the time"),
        ("tested yes/no = no", "tested yes/no = time since Flu > 1 day", "E0314", "changes all the time"),
        ("time since Flu > 2 days and", "time since Flue > 2 days and", "E0201", "`Flu`"),
        ("time since Flu > 2 days and", "time since tested > 2 days and", "E0201", "now - tested"),
        ("time since Flu > 2 days and", "time since Flu > 2 and", "E0301", "days"),
        ("observe at_home = number entering H, H2 per day", "observe at_home = time since Flu / (1 day)", "E0314",
         "nobody in particular"),
    ],
)  # fmt: skip
def test_where_it_has_no_value_is_refused(old: str, new: str, code: str, words: str) -> None:
    assert old in TEXT
    told = first_error(TEXT.replace(old, new, 1))
    assert told.code == code and words in told.message + told.help, told

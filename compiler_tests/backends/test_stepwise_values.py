"""Values by days, ``0.3 until 2020-03-23, 0.1 after``, and attributes that hold a day: by hand, on every back end."""

from __future__ import annotations

import numpy as np
import pytest

from compiler_tests.support.agreement import agreed, checked, first_error, formatted
from lpmdsl.compiler import relaxed_programs

TEXT = """\
model stepwise version 1.0

clock
  step 12 hours
  from 2020-03-20 for 10 days

parameter beta = 0.3 per day until 2020-03-23, 0.1 per day until 2020-03-26, 0.2 per day after

table waning over duration of share
  at 0 days 90 %
  at 10 days 10 %

agent Person count 400
  vaccinated yes/no = no
  vaccinated_at date = 2020-01-01

network town joins Person at random

condition Flu of Person
  states S, I, R
  start S except 40 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R

contagion of Flu
  from I on town at beta
  target scaled by 1 - waning[now - vaccinated_at] where vaccinated

observe infections = number entering I per day
observe rate = beta every 12 hours
observe doubled = (1 until 2020-03-21, 2 after) * pi every 12 hours
observe protection = mean of waning[now - vaccinated_at] over Person where vaccinated else 0 % every 12 hours

intervention campaign
  starts on 2020-03-22
  every 2 days for at most 50 Person where not vaccinated
    set vaccinated to yes
    set vaccinated_at to now
"""


def test_each_value_holds_until_its_day_begins() -> None:
    seen = {name: np.ravel(values) for name, values in agreed(TEXT, steps=20).observations.items()}
    assert list(seen["rate"]) == [0.3] * 6 + [0.1] * 6 + [0.2] * 9
    assert list(seen["doubled"] / np.pi) == [1.0] * 2 + [2.0] * 19
    # 50 on days 2, 4, 6 and 8 after the start; what is set in a step is seen at its end.
    given = [d for d in (2, 4, 6, 8) for _ in range(50)]
    for k, told in enumerate(seen["protection"]):
        ages = [k / 2 - d for d in given if k / 2 > d]
        assert told == pytest.approx(np.mean([0.9 - 0.08 * min(a, 10) for a in ages]) if ages else 0.0, abs=1e-12)


def test_both_are_formatted_as_they_are_written() -> None:
    assert formatted(TEXT) == TEXT


def test_the_relaxation_follows_a_stepwise_rate() -> None:
    text = TEXT.split("intervention campaign")[0].replace("where vaccinated\n", "\n").replace(
        "observe protection", "observe unread")  # fmt: skip
    assert all(program.kernels for program in relaxed_programs(checked(text)))


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("until 2020-03-26", "until 2020-03-23", "E1057", "in their order"),
        ("until 2020-03-26, 0.2 per day after", "until 2020-03-26, 0.2 after", "E0301", "per day"),
        ("from 2020-03-20 for", "for", "E0610", "no date"),
        ("exponential(mean 5 days)", "exponential(mean 1 / beta)", "E0740", "reads the time"),
        ("0.2 per day after", "0.2 per day", "E0101", "after"),
        ("set vaccinated_at to now", "set vaccinated_at to 3 days", "E0416", "is a day"),
    ],
)
def test_what_is_no_stepwise_value_is_refused(old: str, new: str, code: str, words: str) -> None:
    assert old in TEXT
    told = first_error(TEXT.replace(old, new, 1))
    assert told.code == code and words in told.message + told.help, told

"""``on DATE for 10 Person …`` in an intervention: done once, on that day, on every back end."""

from __future__ import annotations

import numpy as np
import pytest

from compiler_tests.support.agreement import agreed, checked, first_error, formatted
from lpmdsl.compiler import relaxed_programs

TEXT = """\
model once version 1.0

clock
  step 12 hours
  from 2024-02-01 for 10 days

agent Person count 400
  age duration ~ uniform(0 years, 90 years)
  vaccinated yes/no = no
  visits number = 0

network town joins Person at random

condition Flu of Person
  states S, I, R
  start S
  from S by contagion to I
  from I after exponential(mean 5 days) to R

contagion of Flu
  from I on town at 0.1 per day
  target scaled by 0.5 where vaccinated

observe vaccinated_ones = count of Person where vaccinated every 12 hours
observe ill = count of Person where not Flu is S every 12 hours
observe visits_in_all = sum of visits over Person every 12 hours

intervention arrivals
  on 2024-02-01 for at most 10 Person where age < 20 years
    move Flu to I
  on 2024-02-03 for at most 20 Person
    set vaccinated to yes
  on 2024-02-05 for share 50 % of Person where vaccinated
    add 1 to visits
  on 2024-02-06
    add 1 to visits

intervention late
  starts on 2024-02-07
  on 2024-02-04
    add 100 to visits
  on 2024-02-08 for at most 5 Person
    add 1 to visits
"""


def test_it_is_done_once_at_the_first_step_on_or_after_the_day() -> None:
    """Reports of half days: what is done in step t is seen in report t + 1. What is not active by then is not done."""
    seen = {name: np.ravel(values) for name, values in agreed(TEXT, 400, steps=18).observations.items()}
    assert list(seen["vaccinated_ones"]) == [0] * 5 + [20] * 14
    assert seen["ill"][0] == 0 and seen["ill"][1] == 10
    visits = seen["visits_in_all"]
    assert not visits[:9].any() and 3 < visits[9] < 17 and visits[9] == visits[10]
    assert visits[11] == visits[9] + 400 == visits[14] and visits[15] == visits[14] + 5 == visits[18]


def test_it_is_formatted_as_it_is_written() -> None:
    assert formatted(TEXT) == TEXT


def test_the_relaxation_takes_it() -> None:
    text = TEXT.split("  on 2024-02-05")[0].replace("  visits number = 0\n", "").replace(
        "observe visits_in_all = sum of visits over Person every 12 hours\n", "")  # fmt: skip
    assert all(program.kernels for program in relaxed_programs(checked(text)))


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("on 2024-02-03 for", "on 2024-03-03 for", "E1060", "never done"),
        ("on 2024-02-03 for", "on 2024-01-31 for", "E1060", "never done"),
        ("on 2024-02-03 for", "on 2024-02-30 for", "E0101", "no day `2024-02-30`"),
        ("from 2024-02-01 for", "for", "E0610", "no date"),
        ("  on 2024-02-06\n    add 1 to visits\n", "  on 2024-02-06\n    leave town\n", "E0709", "while active"),
    ],
)
def test_what_is_never_done_is_refused(old: str, new: str, code: str, words: str) -> None:
    assert old in TEXT
    told = first_error(TEXT.replace(old, new, 1))
    assert told.code == code and words in told.message + told.help, told

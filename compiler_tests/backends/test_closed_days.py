"""``on weekdays except DATE to DATE``: the days on which a network runs, by hand and on every back end."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from compiler_tests.support.agreement import agreed, checked, first_error, formatted
from lpmdsl.compiler import relaxed_programs

TEXT = """\
model holidays version 1.0

clock
  step 12 hours
  from 2024-12-16 for 28 days

agent Person count 400
  school place of size 40

network classes joins Person sharing school with 8 contacts per day on weekdays except HOLIDAYS

condition Flu of Person
  states S, I, R
  start S except 100 Person in I
  from S by contagion to R

contagion of Flu
  from I on classes at 0.02 per contact

observe caught = number entering R per day
""".replace("HOLIDAYS", "2024-12-18, 2024-12-23 to 2025-01-06")


def test_nobody_meets_on_closed_days() -> None:
    """Two Wednesdays and two weeks are free: nobody is infected in them, and somebody on every other weekday."""
    caught = np.ravel(agreed(TEXT, 400, steps=50).observations["caught"])
    first = datetime.date(2024, 12, 16)
    for k, number in enumerate(caught):
        day = first + datetime.timedelta(k)
        free = day == datetime.date(2024, 12, 18) or datetime.date(2024, 12, 23) <= day < datetime.date(2025, 1, 6)
        assert (number > 0) == (day.weekday() < 5 and not free), (day, number)


def test_they_are_formatted_as_they_are_written() -> None:
    assert formatted(TEXT) == TEXT


def test_the_relaxation_takes_them() -> None:
    assert all(program.kernels for program in relaxed_programs(checked(TEXT)))


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("2024-12-23 to 2025-01-06", "2025-01-06 to 2024-12-23", "E1059", "until 2024-12-23"),
        ("2024-12-23 to 2025-01-06", "2024-12-23 to 2024-12-23", "E1059", "that day alone"),
        ("2024-12-18, 2024-12-23 to 2025-01-06", "2024-12-10 to 2025-03-01", "E0620", "Nobody ever meets"),
        ("from 2024-12-16 for 28 days", "for 28 days", "E0610", "which day"),
        ("step 12 hours", "step 1 week", "E0725", "several days"),
        ("on weekdays except", "except", "E0101", "except"),
    ],
)
def test_what_leaves_no_day_is_refused(old: str, new: str, code: str, words: str) -> None:
    assert old in TEXT
    told = first_error(TEXT.replace(old, new, 1))
    assert told.code == code and words in told.message + told.help, told

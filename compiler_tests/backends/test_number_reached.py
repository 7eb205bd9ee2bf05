"""``number of campaign per day``: whom the blocks of an intervention reach, by hand and on every back end."""

from __future__ import annotations

import numpy as np
import pytest

from compiler_tests.support.agreement import agreed, checked, first_error, formatted
from lpmdsl.compiler import relaxed_programs
from lpmdsl.diagnostics import LpmError

TEXT = """\
model reached version 1.0

clock
  step 1 day
  from 2024-10-01 for 28 days

agent Person count 300
  doses number = 0
  old yes/no ~ bernoulli(30 %)

network town joins Person at random

condition Flu of Person
  states S, I, R
  start S except 10 Person in I
  from S by contagion to I
  from I after fixed(5 days) to R

contagion of Flu
  from I on town at 0.3 per day
  target scaled by 0.5 where doses > 0

observe given = number of campaign per day
observe weekly = number of campaign, visits per week
observe in_all = total of given
observe doses_in_all = sum of doses over Person every day
observe ill = count of Person where Flu is I every day
observe per_person = given / population

intervention campaign
  starts after 2 days
  lasts 10 days
  every day for at most 7 Person where old
    add 1 to doses with probability 50 %
  on 2024-10-06 for at most 20 Person
    add 1 to doses
  costs 100 USD per day

intervention visits
  every 2 days for Person where Flu is I
    add 1 to doses
  costs 5 USD per person
"""


def test_those_reached_are_counted_whatever_it_costs() -> None:
    """Seven a day for ten days from day 2, and twenty once on day 5; a report of a day has the step before it."""
    seen = {name: np.ravel(values) for name, values in agreed(TEXT, 300, steps=22).observations.items()}
    given = [7.0 if 2 <= t < 12 else 0.0 for t in range(22)]
    given[5] += 20
    assert list(seen["given"][:22]) == given
    visited = [seen["ill"][t] if t % 2 == 0 else 0 for t in range(21)]
    weekly = np.add(given[:21], visited).reshape(3, 7).sum(axis=1)
    assert np.array_equal(seen["weekly"][:3], weekly) and visited[4] > 0
    assert np.array_equal(np.round(seen["in_all"][:22]), np.cumsum(given))
    assert seen["per_person"][5] == pytest.approx(27 / 300)


def test_it_is_formatted_as_it_is_written() -> None:
    assert formatted(TEXT) == TEXT


def test_the_relaxation_refuses_it_by_name() -> None:
    with pytest.raises(LpmError) as told:
        relaxed_programs(checked(TEXT))
    assert any("people whom an intervention reaches" in d.message for d in told.value.report.diagnostics)


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("number of campaign per day", "number of campain per day", "E0201", "`campaign`"),
        ("number of campaign per day", "number of Person per day", "E0206", "count of KIND"),
        ("number of campaign per day", "number of campaign", "E0101", "number of campaign per day"),
        ("number of campaign per day", "number of campaign per day by old", "E0704", "not by whom"),
        ("number of campaign, visits", "number of campaign, campaign", "E0673", "duplicate"),
        ("every 2 days for Person where Flu is I\n    add 1 to doses\n  costs 5 USD per person",
         "while active\n    scale town by 50 %", "E1061", "visits is active"),
    ],
)  # fmt: skip
def test_what_reaches_nobody_is_refused(old: str, new: str, code: str, words: str) -> None:
    assert old in TEXT
    told = first_error(TEXT.replace(old, new, 1))
    assert told.code == code and words in told.message + told.help, told

"""``doses is 1``, an exit back to its own state, and ``campaign is active`` as an observation: on every back end."""

from __future__ import annotations

import numpy as np
import pytest

from compiler_tests.support.agreement import agreed, checked, first_error, formatted
from lpmdsl.population.people import build_world
from lpmdsl.runtime.gradients.relaxed.forward_backward import Relaxations
from lpmdsl.semantics.host.evaluate import parameter_values

TEXT = """\
model again version 1.0

clock
  step 1 day
  for 30 days

agent Person count 400
  doses number = 0

condition Life of Person
  states Alive, Dead
  start Alive
  from Alive at rate 0.1 per day to Alive
  from Alive after fixed(30.5 days) to Dead
  on entering Alive
    add 1 to doses

condition Round of Person
  states A, B
  start A
  from A after fixed(1.5 days) to A
  from A at rate 0.05 per day to B
  from B with probability 50 % every day
    to B with probability 50 %
    to A otherwise

observe came = number entering Alive per day
observe rounds = number entering A of Round per day
observe in_all = sum of doses over Person every day
observe ones = count of Person where doses is 1 every day
observe few = count of Person where doses in 1, 2 every day
observe not_one = count of Person where doses is not 1 every day
observe busy = rest is active
observe twice = (2 where rest is active, 1 otherwise) * ones

intervention rest
  starts after 5 days
  lasts 10 days
  every day for at most 10 Person where doses is 2
    add 1 to doses
"""
ALONE = """\
model alone version 1.0

clock
  step 1 day
  for 12 days

agent Person count 100

condition Life of Person
  states A
  start A
  from A {trigger} to A

observe came = number entering A per day
"""


def test_they_count_the_same_everywhere_and_add_up() -> None:
    """Everybody entered Alive at time 0, so has one dose; each return is one more, and ten a day come from day 5."""
    seen = {name: np.ravel(values) for name, values in agreed(TEXT, 400, steps=18).observations.items()}
    given = np.minimum(np.arange(19) - 5, 10).clip(0) * 10
    assert np.array_equal(seen["in_all"], 400 + np.concatenate([[0], np.cumsum(seen["came"])]) + given)
    assert np.array_equal(seen["ones"] + seen["not_one"], np.full(19, 400.0))
    assert seen["ones"][0] == 400 and np.all(seen["few"] >= seen["ones"]) and seen["few"][-1] > seen["ones"][-1] > 0
    assert list(seen["busy"]) == [0.0] * 6 + [1.0] * 10 + [0.0] * 3
    assert np.array_equal(seen["twice"], seen["ones"] * (1 + seen["busy"]))
    # 18 days at 0.1 a day from 400: 720 and 3 standard errors.
    assert abs(seen["came"].sum() - 720) < 3 * np.sqrt(720)


def test_they_are_formatted_as_they_are_written() -> None:
    assert formatted(TEXT) == TEXT


@pytest.mark.parametrize(
    ("trigger", "wanted"),
    [("at rate 0.1 per day", [10.0] * 12), ("after fixed(3 days)", [0.0, 0.0, 100.0] * 4)],
)
def test_the_relaxation_begins_anew_too(trigger: str, wanted: list[float]) -> None:
    model = checked(ALONE.format(trigger=trigger))
    values = parameter_values(model)
    run = Relaxations(model).run(build_world(model, values, 1, {"Person": 100}), values, 12)
    np.testing.assert_allclose(np.ravel(run.reports("came")), wanted, rtol=0, atol=0.6)


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("doses is 1 every", "doses is one every", "E0306", "pure number"),
        ("from Alive at rate 0.1 per day to Alive", "from Alive when doses > 3 to Alive", "E0506", "again and again"),
        ("after fixed(1.5 days)", "after fixed(0 days)", "E0507", "without any time"),
        ("observe busy = rest is active", "observe busy = rest is over_now", "E0307", "`rest is active`"),
    ],
)
def test_what_means_nothing_is_refused(old: str, new: str, code: str, words: str) -> None:
    assert old in TEXT
    told = first_error(TEXT.replace(old, new, 1))
    assert told.code == code and words in told.message + told.help, told

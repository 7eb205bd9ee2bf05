"""Cases in every expression, and tables by the states of a condition: the same on every back end, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from compiler_tests.support.agreement import agreed, checked, first_error, formatted
from lpmdsl.compiler import relaxed_programs

TEXT = """\
model tested version 1.0

clock
  step 1 day
  for 20 days

table sensitivity by Flu, vaccinated of probability
  S no 0 %
  S yes 0 %
  I no 100 %
  I yes 100 %
  R no 0 %
  R yes 100 %

agent Person count 400
  vaccinated yes/no ~ bernoulli(50 %)
  found yes/no = no
  kind category one of none, ill, past = none

network town joins Person at random with 10 contacts per day

condition Flu of Person
  states S, I, R
  start S except 20 Person in I
  from S by contagion to I
  from I after fixed(5 days) to R

contagion of Flu
  from I on town at (0.05 per contact where vaccinated, 0.08 per contact otherwise)
  target scaled by 1 - 0.5 * sensitivity[Flu, vaccinated]

observe ill = count of Person where Flu is I every day
observe over_vaccinated = count of Person where Flu is R and vaccinated every day
observe would_be_found = sum of sensitivity[Flu, vaccinated] over Person every day
observe found_ones = count of Person where found every day
observe ill_ones = count of Person where kind is ill every day

intervention testing
  every day
    set found to (yes where sensitivity[Flu, vaccinated] > 0.5, no otherwise)
    set kind to (none where Flu is S, ill where Flu is I, past otherwise)
"""


def test_a_table_by_states_reads_the_state_of_the_moment() -> None:
    """Reports are of the state before the interventions of a step: what is set in one is counted in the next."""
    seen = {name: np.ravel(values) for name, values in agreed(TEXT).observations.items()}
    assert np.array_equal(seen["would_be_found"], seen["ill"] + seen["over_vaccinated"])
    assert np.array_equal(seen["found_ones"][1:], seen["would_be_found"][:-1])
    assert np.array_equal(seen["ill_ones"][1:], seen["ill"][:-1])
    assert seen["ill"].max() > 50


def test_both_are_formatted_as_they_are_written() -> None:
    assert formatted(TEXT) == TEXT


def test_the_relaxation_takes_the_states_one_by_one() -> None:
    text = TEXT.split("intervention testing")[0].replace("observe found_ones", "observe unread").replace(
        "  kind category one of none, ill, past = none\n", "").replace(
        "observe ill_ones = count of Person where kind is ill every day\n", "")  # fmt: skip
    assert all(program.kernels for program in relaxed_programs(checked(text)))


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("sensitivity[Flu, vaccinated] over", "sensitivity[Cold, vaccinated] over", "E0307", "neither a label"),
        ("  R no 0 %\n", "", "E0401", "`R no`"),
        ("  R no 0 %\n", "  D no 0 %\n", "E0403", "label of `Flu`"),
        ("agent Person count 400\n", "agent Person count 400\n  risk number = sensitivity[Flu, yes]\n",
         "E0314", "not yet known"),
    ],
)  # fmt: skip
def test_keys_that_are_no_state_are_refused(old: str, new: str, code: str, words: str) -> None:
    told = first_error(TEXT.replace(old, new))
    assert told.code == code and words in told.message + told.help, told

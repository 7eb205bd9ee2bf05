"""Attributes computed from what changes are their formula at every moment, on every back end."""

from __future__ import annotations

import numpy as np
import pytest

from compiler_tests.support.agreement import agreed, checked, first_error, found
from compiler_tests.support.four_ways import same_four_ways
from lpmdsl.compiler import relaxed_programs

TEXT = """\
model following version 1.0

clock
  step 1 day
  for 30 days

parameter old = 65 years

table contacts by age_group, age_group of contacts per day
  child child 4
  child adult 1
  child elder 1
  adult child 1
  adult adult 3
  adult elder 1
  elder child 1
  elder adult 1
  elder elder 2

table stays by age_group of duration
  child 2 days
  adult 4 days
  elder 8 days

agent Person count 600
  age duration ~ uniform(0 years, 90 years)
  age_group category = band of age at 18 years, old named child, adult, elder
  is_elder yes/no = age_group is elder
  burden number = 2 * age / (10 years)
  weak yes/no = no
  risk number = (burden * 2 where weak and is_elder, burden otherwise)

network town joins Person at random mixing by contacts
network friends joins Person as erdos_renyi(degree 4) with 1 contacts per day per tie

condition Flu of Person
  states S, I, R
  start S except 60 Person in I
  from S by contagion to I
  from I after exponential(mean stays[age_group])
    to R with probability min(1, risk / 40)
    to S otherwise
  on entering R
    set age to 70 years
  while I
    set weak to yes

contagion of Flu
  from I on town, friends at 0.03 per contact * (1 + risk / 20)
  target scaled by 0.5 where is_elder

observe infections = number entering I per day by age_group
observe groups = count of Person where not is_elder by age_group every day
observe elders = count of Person where age_group is elder every day
observe olds = count of Person where age >= 65 years every day
observe risks = sum of risk over Person every day
observe burdens = sum of 2 * age / (10 years) * (2 where Flu is I and age >= old, 1 otherwise) over Person every day

intervention birthdays
  every 3 days for at most 20 Person where age_group is child
    set age to 20 years
"""


def test_a_band_and_a_formula_are_what_they_are_made_of_at_every_moment() -> None:
    seen = {name: np.asarray(values) for name, values in agreed(TEXT, 500, steps=14).observations.items()}
    assert np.array_equal(seen["elders"], seen["olds"]) and seen["elders"][-1] > seen["elders"][0]
    assert np.array_equal(seen["risks"], seen["burdens"])
    groups = seen["groups"]
    assert groups[-1, 0] < groups[0, 0] and not groups[:, 2].any(), "children grow up, and no elder is no elder"
    assert seen["infections"].sum() > 100


def test_a_mixing_group_may_be_another_while_one_is_in_a_state() -> None:
    banded = "category = band of age at 18 years, old named child, adult, elder"
    assert banded in TEXT
    text = TEXT.replace(banded, "category ~ categorical(child 30 %, adult 50 %, elder 20 %)")
    text = text.replace("    set weak to yes", "    set age_group to child")
    text += "\nobserve ill = count of Person where Flu is I by age_group every day\n"
    seen = same_four_ways(checked(text), 500).observations
    assert not seen["ill"][:, 1:].any() and seen["ill"].sum() > 200, "whoever is ill counts as a child"


def test_what_nothing_changes_is_stored_as_before() -> None:
    text = TEXT.replace("    set age to 70 years\n", "    set weak to no\n").split("intervention birthdays")[0]
    model = checked(text.replace("  while I\n    set weak to yes\n", ""))
    follows = [a.name for a in model.agents[0].attributes if a.follows is not None]
    assert follows == ["risk"], "weak is set on entering R, age by nothing"


def test_the_relaxation_follows_yes_and_no() -> None:
    text = """\
model relaxed version 1.0

clock
  step 1 day
  for 20 days

agent Person count 100
  frail yes/no ~ bernoulli(30 %)
  masked yes/no = no
  safe yes/no = masked and not frail

network town joins Person at random

condition Flu of Person
  states S, I, R
  start S except 10 Person in I
  from S by contagion to I
  from I after exponential(mean 4 days) to R

contagion of Flu
  from I on town at 0.4 per day
  target scaled by 0.2 where safe

observe cases = number entering I per day
observe safe_ones = count of Person where safe every day

intervention masks
  starts after 3 days
  every day for share 10 % of Person
    set masked to yes
"""
    assert all(program.kernels for program in relaxed_programs(checked(text)))
    seen = agreed(text, 300, steps=12).observations
    assert seen["safe_ones"][-1] > seen["safe_ones"][4] > 0


@pytest.mark.parametrize(
    ("what", "where"),
    [("set age to 20 years", "set burden to 3"), ("set age to 20 years", "set is_elder to yes")],
)
def test_a_formula_of_what_changes_that_is_set_as_well_says_which_to_drop(what: str, where: str) -> None:
    told = first_error(TEXT.replace(what, f"{what}\n    {where}"))
    name = where.split()[1]
    assert told.code == "E0631" and f"`{name}`" in told.message
    assert "Drop this line" in told.help and f"`{name} " in told.help and len(told.labels) == 2, told


def test_setting_what_is_computed_from_what_stays_is_a_value_to_begin_with() -> None:
    text = TEXT.replace("    set age to 70 years\n", "    add 1 to burden\n").replace(
        "set age to 20 years", "set burden to 3"
    )
    assert not [d for d in found(text) if d.code.startswith("E")], found(text)

"""Answers to every action in every block: a model that runs, or an error of the user's, and never one of ours."""

from __future__ import annotations

import itertools

import pytest

from compiler_tests.support.agreement import found

ACTIONS = (
    "set x to 3",
    "set x ~ uniform(0, 1)",
    "set x ~ uniform(0, 1) with probability 50 %",
    "add 1 to x",
    "move Flu to R",
    "move Flu to their.Flu",
    "move their.Flu to R",
    "set their.x to 1",
    "set their.x to x",
    "set their.x ~ uniform(0, 1)",
    "add 1 to their.x",
    "leave friends",
    "scale friends by 90 %",
    "change pressure to 3",
)
BLOCKS = {
    "while": "  while I\n    {}",
    "on entering": "  on entering I\n    {}",
    "while active": "intervention campaign\n  starts on day 3\n  while active\n    {}",
    "every": "intervention campaign\n  starts on day 3\n  every day for 3 Person\n    {}",
    "paragraph": "intervention campaign\n  starts on day 3\n  every day\n    each of friends\n      {}",
    "rule": "rule change of Person\n  every day\n  {}",
    "take": "rule change of Person\n  every day\n  take one of friends first highest x\n    {}",
    "take in a block": "intervention campaign\n  starts on day 3\n  every day\n    take one of friends\n      {}",
    "take on entering": "  on entering I\n    take one of friends choosing highest their.x\n      {}",
    "each of": "rule change of Person\n  every day\n  each of friends\n    {}",
}
MODEL = """model blocks version 1.0
clock
  step 1 day
  for 30 days
parameter pressure = 1
agent Person count 100
  x number = 0
network friends joins Person as erdos_renyi(degree 4) with 1 contact per day
condition Flu of Person
  states S, I, R
  start S except 20 Person in I
  from S by contagion to I
  from I after fixed(5 days) to R
{}
contagion of Flu
  from I on friends at 0.1 per contact
observe total = number entering I per day
observe mean_x = mean of x over Person every day
{}
"""


@pytest.mark.parametrize(("action", "block"), list(itertools.product(ACTIONS, BLOCKS)))
def test_each_action_is_taken_or_refused_in_each_block(action: str, block: str) -> None:
    clause = BLOCKS[block].format(action)
    text = MODEL.format(clause, "") if clause.startswith(" ") else MODEL.format("", clause)
    codes = {d.code for d in found(text)}
    assert "E0101" not in codes, "each action reads in each block"
    lasts = block in ("while", "while active")
    is_at_a_moment = action.split()[0] in ("set", "add", "move") and action != "set x to 3"
    if lasts and is_at_a_moment:
        assert {"E0709", "E1101"} & codes
    if not lasts and not is_at_a_moment and action != "set x to 3":
        assert "E0709" in codes

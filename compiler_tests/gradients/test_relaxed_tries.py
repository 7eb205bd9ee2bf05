"""Exits with a chance a period in the relaxation: tried from when one came, as every other back end does."""

from __future__ import annotations

import numpy as np
import pytest

import lpmdsl
from lpmdsl.lowering.relaxed.rounds import MOST_ROUND, Round, round_of
from lpmdsl.population.people import build_world
from lpmdsl.runtime.gradients.relaxed.forward_backward import Relaxations
from lpmdsl.semantics.host.evaluate import parameter_values

TEXT = """\
model tries version 1.0

clock
  step {step}
  for 40 days

agent Person count {people}

condition Job of Person
  states Out, In, Away
  start {start}
{exits}

observe out = count of Person where Job is Out every day
observe inside = count of Person where Job is In every day
observe away = count of Person where Job is Away every day
"""
PEOPLE = 200_000
HOME = "  from Away after fixed(99 days) to In"
ROUND = """\
  from Out at rate 0.05 per day to In
  from In with probability 40 % every 3 days to Away
  from Away with probability 30 % every day to Out"""
TWO_EXITS = """\
  from Out at rate 0.05 per day to In
  from In with probability 20 % every 3 days to Away
  from In with probability 30 % every 3 days to Out
  from Away with probability 30 % every day to Out"""


def expected(step: str, exits: str, start: str, name: str, people: int) -> np.ndarray:
    model = lpmdsl.load(TEXT.format(step=step, exits=exits, start=start, people=people)).model
    values = parameter_values(model)
    run = Relaxations(model).run(build_world(model, values, 1, {}), values, model.clock.steps)
    return run.reports(name).reshape(-1)


@pytest.mark.parametrize("step", ["1 day", "12 hours"])
def test_who_starts_tries_after_whole_periods(step: str) -> None:
    """After ⌊t / 7⌋ tries: the same at a step of half a day, of twice as many stages."""
    left = expected(step, f"  from Out with probability 40 % every 7 days to Away\n{HOME}", "Out", "out", 1)
    assert np.allclose(left, 0.6 ** np.floor(np.arange(41) / 7 + 1e-9), rtol=0, atol=1e-14)


@pytest.mark.parametrize("exits", [ROUND, TWO_EXITS])
def test_counts_are_those_of_a_drawn_run(exits: str) -> None:
    """In every state on every day, |z| < 4 of 123 counts among 200 000 people (seed 1): everybody comes at another time
    of a step, and tries at that time."""
    drawn = lpmdsl.load(TEXT.format(step="1 day", exits=exits, start="Out", people=PEOPLE)).run(seed=1)
    for name in ("out", "inside", "away"):
        mean = PEOPLE * expected("1 day", exits, "Out", name, 1)
        rows = drawn.observations[drawn.observations["observation"] == name]
        found = np.asarray(rows["value"])
        sd = np.sqrt(mean * (1 - mean / PEOPLE))
        assert np.all(np.abs(found - mean) <= 4 * sd + 1e-6), name


def test_stages_of_a_round() -> None:
    """A step each; none where periods differ or are too long, and one more where exposure hangs on the state."""
    model = lpmdsl.load(TEXT.format(step="1 day", exits=ROUND, start="Out", people=1)).model
    (condition,) = model.conditions
    assert round_of(condition.exits_of(0), 1.0, is_timed=False) is None
    assert round_of(condition.exits_of(1), 1.0, is_timed=False) == Round(3, waits=False)
    assert round_of(condition.exits_of(1), 0.5, is_timed=True) == Round(6, waits=True)
    assert round_of(condition.exits_of(1), 3 / (MOST_ROUND + 1), is_timed=False) == Round(1, waits=False)
    assert round_of((*condition.exits_of(1), *condition.exits_of(2)), 1.0, is_timed=False) == Round(1, waits=False)

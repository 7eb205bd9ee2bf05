"""A contagion, and a rate by the number of infectious friends: the same law; 400 replicates each, |z| < 3.

A rate is held over the step, so it counts sources at the boundaries that lie in their illness: as many on average as
the illness has steps, but not for each. The contagion counts each for exactly as long.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.both_backends import request_of, runner

TEXT = """model two_ways

clock
  step {step}
  for 60 days

agent Person count 300

network friends joins Person as small_world(degree 8, rewiring 20 %)

condition Flu of Person
  states S, I, R
  start S except 15 Person in I
  {infection}
  from I after exponential(mean 5 days) to R

{contagion}
observe infections = number entering I per day
"""
WAYS = {
    "contagion": ("from S by contagion to I", "contagion of Flu\n  from I on friends at 0.06 per day\n"),
    "rate": ("from S at rate 0.06 per day * (count of friends where their.Flu is I) to I", ""),
}


def outcomes(way: str, step: str) -> tuple[np.ndarray, np.ndarray]:
    """Final sizes and peaks of 400 replicates, each with people and ties of its own."""
    infection, contagion = WAYS[way]
    model = lpmdsl.load(TEXT.format(step=step, infection=infection, contagion=contagion)).model
    run = runner(model, "cpu")
    found = []
    for k in range(20):
        request = request_of(model, 300, seed=1_000 + k)
        found += [run(replace(request, replicate=r)).observations["infections"].ravel() for r in range(20)]
    days = np.array(found)
    return days.sum(axis=1), days.max(axis=1)


@pytest.mark.parametrize("step", ["1 hour", "1 day"])
def test_final_sizes_agree_in_law(step: str) -> None:
    ours, theirs = outcomes("contagion", step)[0], outcomes("rate", step)[0]
    z = (ours.mean() - theirs.mean()) / np.hypot(ours.std(ddof=1), theirs.std(ddof=1)) * np.sqrt(len(ours))
    assert abs(z) < 3, (ours.mean(), theirs.mean(), z)
    assert 0.85 < ours.std() / theirs.std() < 1.18


def test_peaks_agree_at_an_hour_and_the_rate_lags_at_a_day() -> None:
    exact, held = outcomes("contagion", "1 hour")[1], outcomes("rate", "1 hour")[1]
    z = (exact.mean() - held.mean()) / np.hypot(exact.std(ddof=1), held.std(ddof=1)) * np.sqrt(len(exact))
    assert abs(z) < 3, z
    daily = outcomes("rate", "1 day")[1]
    assert daily.mean() < 0.97 * exact.mean(), "a rate that is held over a day knows nobody who is infected in it"

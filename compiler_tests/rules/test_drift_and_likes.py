"""Rules whose laws are known in closed form: drift of two types, and what is liked being liked more."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import lpmdsl
from compiler_tests.support.both_backends import request_of, runner
from compiler_tests.support.four_ways import same_four_ways

DRIFT = """\
model drift version 1.0
clock
  step 1 day
  for 50 days
agent Cell count 100
condition Type of Cell
  states Resident, Mutant
  start Resident except 50 Cell in Mutant
rule parents of Cell
  every day
  pick one of Cell
    move Type to their.Type
observe mutants = count of Cell where Type is Mutant every day
"""

LIKES = """\
model likes version 1.0
clock
  step 1 day
  from 2024-01-01 for 101 days
agent Person count 102
  likes number = 0
  is_posted yes/no = no
  has_read yes/no = no
intervention posts
  on 2024-01-01 for 2 Person
    set is_posted to yes
    set has_read to yes
rule reading of Person
  every day after 1 day for at most 1 Person where not has_read
  pick one of Person where their.is_posted by weight their.likes + 1
    add 1 to their.likes
    set has_read to yes
observe most = max of likes over Person every 101 days
observe both = sum of likes over Person every 101 days
"""


def test_drift_takes_the_share_of_differing_pairs_that_it_should() -> None:
    """Wright and Fisher: E[2x(1 − x)] falls by 1 − 1/N a generation, to 0.605006007 after 50 of N = 100 (Crow & Kimura
    1970, An Introduction to Population Genetics Theory, 7.3); 600 replicates, |z| < 3."""
    model = lpmdsl.load(DRIFT).model
    run = runner(model, "cpu")
    x = np.array([run(request_of(model, 100, 11, replicate=k)).observations["mutants"][[9, 49], 0] for k in range(600)])
    differ = 2 * (x / 100) * (1 - x / 100) / 0.5
    for found, exact in zip(differ.T, (0.99**10, 0.605006007), strict=True):
        assert abs(found.mean() - exact) < 3 * found.std(ddof=1) / np.sqrt(len(found))


def test_likes_bring_likes() -> None:
    """Pólya's urn with one ball of each colour: after 100 draws every number from 0 to 100 is as likely (Eggenberger &
    Pólya 1923): variance of the share 0.081699346. χ² at 0.001 over the larger of the two; 800 replicates."""
    model = lpmdsl.load(LIKES).model
    run = runner(model, "cpu")
    most = []
    for k in range(800):
        result = run(request_of(model, 102, 5, replicate=k)).observations
        assert result["both"][-1, 0] == 100
        most.append(int(result["most"][-1, 0]))
    counts = np.bincount(np.array(most) - 50, minlength=51)
    pairs = np.add.reduceat(counts[1:], np.arange(0, 50, 2))  # 51 and 52, …, 99 and 100: each of two ways
    chances = np.full(26, 4 / 101)
    chances[0] = 1 / 101
    statistic = stats.chisquare(np.concatenate([counts[:1], pairs]), chances * len(most)).statistic
    assert statistic < stats.chi2.ppf(0.999, 25)
    # E[(x − 1/2)²] by the larger share, whose distance from a half is that of either.
    away = (np.array(most) / 100 - 0.5) ** 2
    assert abs(away.mean() - 0.085) < 3 * away.std(ddof=1) / np.sqrt(len(away))


@pytest.mark.parametrize("text", [DRIFT, LIKES], ids=["drift", "likes"])
def test_all_ways_drift_alike(text: str) -> None:
    same_four_ways(lpmdsl.load(text).model, None)

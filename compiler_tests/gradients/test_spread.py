"""Differences spread over the replicates: exact for what is linear, derivatives of a chain, what they cost."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import lpmdsl
from lpmdsl.runtime.engine.replicates import Repeats
from lpmdsl.runtime.gradients import random_directions
from lpmdsl.runtime.gradients.finite_differences import TWO_SIDED_95
from lpmdsl.runtime.gradients.random_directions import directions, least_squares, one_by_one

Z = 3.5

CHAIN = """\
model chain version 1.0

clock
  step 1 day
  for 12 days

parameter ab = 10 %
parameter bc = 20 %
parameter cd = 15 %
parameter back = 30 %
parameter lost = 5 %
parameter young = 40 %
parameter half = lost / 2

agent Person count 20_000
  is_young yes/no ~ bernoulli(young)

condition Job of Person
  states A, B, C, D
  start A
  from A with probability ab every day to B
  from B with probability bc every day to C
  from C with probability cd every day to D
  from D with probability back every day to A

condition Luck of Person
  states Good, Bad
  start Good
  from Good with probability half every day to Bad

observe in_c = share of Person where Job is C every day
observe lucky = share of Person where Job is C and Luck is Good and is_young every day
"""
NAMES = ("ab", "bc", "cd", "back")
VALUES = (0.10, 0.20, 0.15, 0.30)


def share_in_c(values: np.ndarray) -> float:
    """After twelve days, from A: the product of transition matrices."""
    ab, bc, cd, back = values
    step = np.array([[1 - ab, ab, 0, 0], [0, 1 - bc, bc, 0], [0, 0, 1 - cd, cd], [back, 0, 0, 1 - back]])
    return float(np.linalg.matrix_power(step, 12)[0, 2])


def exact() -> np.ndarray:
    step, at = 1e-6, np.array(VALUES)
    ways = np.eye(4) * step
    return np.array([(share_in_c(at + w) - share_in_c(at - w)) / (2 * step) for w in ways])


@pytest.mark.parametrize(("replicates", "most"), [(12, 0.08), (60, 0.05)])
def test_a_chain_of_four_states_exactly(replicates: int, most: float) -> None:
    """Four parameters, moved together (12 replicates) and each in replicates of its own (60): |z| < 3.5."""
    found = lpmdsl.load(CHAIN).gradient("final of in_c", NAMES, replicates=replicates, seed=4)
    assert {f.estimator for f in found} == {"spread"}
    truth = exact()
    z = [(f.gradient - t) / f.se for f, t in zip(found, truth, strict=True)]
    assert max(map(abs, z)) < Z, z
    assert max(f.se for f in found) < most * np.abs(truth).max()
    assert found[0].mean == pytest.approx(share_in_c(np.array(VALUES)), abs=0.002)


def test_backward_pass_takes_them_too() -> None:
    """Of the whole series at once, each report with a weight."""
    run = lpmdsl.load(CHAIN).simulator("in_c", NAMES, replicates=40, seed=2)
    theta = torch.tensor(VALUES, dtype=torch.float64, requires_grad=True)
    values = run(theta)
    values[-1].backward()
    assert theta.grad is not None
    # The errors of one seed are not passed to torch: 5 % of the largest slope is about five of them.
    assert np.abs(theta.grad.numpy() - exact()).max() < 0.05 * np.abs(exact()).max()


@pytest.mark.parametrize(("estimator", "replicates"), [("spread", 40), ("score", 400)])
def test_backward_passes_follow_what_is_computed_from_what_is_moved(estimator: str, replicates: int) -> None:
    """`half` is half of `lost`, also where `lost` is not what the model says; set by hand, it follows no longer."""
    model = lpmdsl.load(CHAIN)

    def by_lost(names: tuple[str, ...], at: tuple[float, ...], how: str, count: int) -> float:
        theta = torch.tensor(at, dtype=torch.float64, requires_grad=True)
        model.simulator("final of lucky", names, replicates=count, seed=2, estimator=how)(theta).sum().backward()
        assert theta.grad is not None
        return float(theta.grad[0])

    follows = by_lost(("lost",), (0.2,), "differences", 40)
    assert by_lost(("lost",), (0.2,), estimator, replicates) == pytest.approx(follows, rel=0.1)
    assert abs(by_lost(("lost", "half"), (0.2, 0.03), estimator, replicates)) < 1e-9


def test_what_cannot_be_moved_with_others_goes_alone() -> None:
    """People are drawn with `young`, computed from `share_young`; `half` follows `lost`, unless it is moved itself."""
    text = CHAIN.replace("parameter young = 40 %", "parameter share_young = 40 %\nparameter young = share_young")
    names = [*NAMES, "lost", "half", "young", "share_young"]
    found = {f.parameter: f for f in lpmdsl.load(text).gradient("final of lucky", names, replicates=40, seed=1)}
    assert {n for n, f in found.items() if f.estimator == "differences"} == {"half", "young", "share_young"}
    assert "people are drawn with it" in found["share_young"].why
    # Luck stays good with (1 - half)^12, so d ln E / d half = -12 / (1 - half), and half of that by `lost`.
    slope = -12 / (1 - 0.025)
    for name, factor in (("half", 1.0), ("lost", 0.5)):
        f = found[name]
        assert abs(f.gradient / f.mean - factor * slope) < Z * f.se / f.mean + 0.02 * abs(slope), name


STEEP = (
    CHAIN.replace("parameter young = 40 %", "parameter young = 40 %\nparameter power = 1")
    .replace("with probability half every day to Bad", "at rate 0.01 per day * power ^ 25 to Bad")
    .replace("where Job is C and Luck is Good and is_young", "where Luck is Good")
)


def test_a_response_that_bends_is_taken_over_shorter_steps() -> None:
    """E = exp(-0.12 a^25): 10 % of `a` both ways give 1.35 times the slope, 5 % 1.135 and 2.5 % 1.035 times."""
    names = [*NAMES, "power"]
    rows = lpmdsl.load(STEEP).gradient("final of lucky", names, replicates=50, seed=1, estimator="spread")
    found = {f.parameter: f for f in rows}
    exact = -25 * 0.12 * math.exp(-0.12)
    power = found["power"]
    assert power.estimator == "spread" and power.certificate.holds
    assert abs(power.gradient - 1.035 * exact) < Z * power.se + 0.01 * abs(exact)


def test_what_never_changed_is_not_certified() -> None:
    """One person who is lucky for sure: nothing moves, and that is no proof."""
    text = CHAIN.replace("count 20_000", "count 1").replace("parameter lost = 5 %", "parameter lost = 0.001 %")
    found = {f.parameter: f for f in lpmdsl.load(text).gradient("final of lucky", [*NAMES, "lost"], replicates=16)}
    assert (found["lost"].gradient, found["lost"].se) == (0.0, 0.0)
    assert not found["lost"].certificate.holds and "too few to tell" in found["lost"].certificate.words


def test_a_gradient_of_many_costs_at_most_four_runs_of_every_replicate(monkeypatch: pytest.MonkeyPatch) -> None:
    """And two more for every time that the step is halved, as it is among 1 000, where the score is taken.

    Runs that are counted, those of the score, which is tried, among them; twenty parameters of a town. Among 300 nobody
    is ill.
    """
    from lpmdsl.runtime.gradients.score.runs import ScoredRepeats

    runs, rounds = [0], [0]
    once, scored, moved = Repeats._one, ScoredRepeats.runs, random_directions._Moved.slopes

    def counted(self: Repeats, *given):
        runs[0] += 1
        return once(self, *given)

    def all_counted(self: ScoredRepeats, values, replicates=None):
        made = scored(self, values, replicates)
        runs[0] += len(made)
        return made

    def rounds_counted(self: random_directions._Moved, ways, step):
        rounds[0] += len(ways) == len(self.numbers)
        return moved(self, ways, step)

    monkeypatch.setattr(Repeats, "_one", counted)
    monkeypatch.setattr(ScoredRepeats, "runs", all_counted)
    monkeypatch.setattr(random_directions._Moved, "slopes", rounds_counted)
    model = lpmdsl.load(Path(__file__).parent.parent.parent / "benchmarks" / "twenty_parameters.lpm")
    for people, replicates, estimator, halved in (
        (10_000, 40, "spread", 0), (2_000, 100, "spread", 0), (1_000, 100, "score", 1), (300, 40, "spread", 0),
    ):  # fmt: skip
        runs[0] = rounds[0] = 0
        found = model.gradient("total of infections", replicates=replicates, agents={"Person": people}, steps=40)
        assert len(found) == 19 and {f.estimator for f in found} == {estimator}, people
        assert rounds[0] - 1 == halved, people
        assert runs[0] - replicates <= (4 + 2 * halved) * replicates, "beside those of the mean"


# ------------------------------------------------------------------ the estimator itself


def test_directions_are_orthogonal_in_sets() -> None:
    made = directions(10, 4, seed=3)
    assert np.allclose(made[:4] @ made[:4].T, np.eye(4)) and np.allclose(made[4:8] @ made[4:8].T, np.eye(4))
    assert np.allclose(np.linalg.norm(made, axis=1), 1.0)


def test_without_noise_the_gradient_is_exact() -> None:
    truth = np.array([3.0, -1.0, 0.0, 1e-3])
    together, alone = directions(14, 4, seed=1), np.eye(4)[np.arange(20) % 4]
    assert np.allclose(least_squares(together, together @ truth)[0], truth, atol=1e-12)
    assert np.allclose(one_by_one(alone, alone @ truth)[0], truth, atol=1e-12)


@pytest.mark.parametrize("alone", [False, True])
def test_intervals_hold_the_truth(alone: bool) -> None:
    """1.96 standard errors hold it in 95 % of 2 000 trials of four slopes, |z| < 4 (binomial)."""
    random, truth, held = np.random.default_rng(8), np.array([3.0, -1.0, 0.0, 0.5]), []
    for trial in range(2_000):
        ways = np.eye(4)[np.arange(20) % 4] if alone else directions(14, 4, seed=trial)
        slopes = ways @ truth + 0.7 * random.standard_normal(len(ways))
        found, se = one_by_one(ways, slopes) if alone else least_squares(ways, slopes)
        held.append(np.abs(found - truth) <= TWO_SIDED_95 * se)
    share, error = float(np.mean(held)), math.sqrt(0.95 * 0.05 / np.size(held))
    assert abs(share - 0.95) < 4 * error * 1.5  # slopes of one trial share the scatter that their errors come from

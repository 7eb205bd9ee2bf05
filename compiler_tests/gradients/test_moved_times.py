"""Dwell times that are moved with a parameter: where that may be, the same by both programs, right, and less noisy."""

from __future__ import annotations

import numpy as np
import pytest

import lpmdsl
from lpmdsl.config import RunOptions
from lpmdsl.lowering.dense.program import lower
from lpmdsl.lowering.parts import SLOPE_ZERO
from lpmdsl.lowering.score.dwell_scores import quantile_slopes
from lpmdsl.lowering.score.program import new_ledger, scored as with_score
from lpmdsl.program.passes.draws import expand_draws
from lpmdsl.program.passes.fusion import optimise
from lpmdsl.runtime.api import repeats_of
from lpmdsl.runtime.engine.execute import buffers_after
from lpmdsl.runtime.engine.kernels import kernels_of
from lpmdsl.runtime.gradients.score.estimator import best_of_both, still_to_come, with_controls
from lpmdsl.runtime.gradients.score.gradient import by_score
from lpmdsl.runtime.gradients.score.runs import ScoredRepeats
from lpmdsl.runtime.objective import boundaries_of
from lpmdsl.semantics.analysis.exposure.moved_times import may_move
from lpmdsl.semantics.host.quantile_tables import TICKS, quantile_table
from lpmdsl.semantics.model import After

TOWN = """\
model town version 1.0

clock
  step 1 day
  for 40 days

parameter rate = 8 % per contact
parameter latent = 1.2 days
parameter mild = 4 days
parameter long = 6 days
parameter told = 80 %

table mixing by age, age of contacts per day
  young young 5
  young old 2
  old young 3
  old old 4

agent Person count {people}
  age category ~ categorical(young 60 %, old 40 %)

network town joins Person at random{mixing}

condition Flu of Person
  states S, E, A, I, H, R
  start S except share 4 % in I
  from S by contagion to E
  from E after exponential(mean latent)
    to A with probability 40 %
    to I otherwise
  from A after weibull(shape 2, scale mild) to R
  from I after gamma(mean long, sd 2 days) to H
  from H after fixed(3 days) to R

contagion of Flu
  from A on town at 0.5 * rate
  from I on town at rate
  target scaled by 0.7 where age is old

observe infections = number entering E per day
observe ill = number entering I per day
observe cases = number entering E per week thinned by told delayed by gamma(mean 3 days, sd 1 day)
observe well = number entering R per day
"""
TIMES = ("latent", "mild", "long")


def town(people: int = 200, mixing: str = " mixing by mixing") -> str:
    """An epidemic at random, whose latent time is so short that a step is looked at twice."""
    return TOWN.format(people=people, mixing=mixing)


@pytest.fixture(scope="module")
def scored() -> ScoredRepeats:
    repeats = repeats_of(lpmdsl.load(town()), "total of infections", RunOptions(seed=1, replicates=300), True)
    return ScoredRepeats(repeats, ("rate", *TIMES))


# ------------------------------------------------------------------ where it may be

JAB = """\
intervention jab
  every day for Person where age is old
    move Flu to R with probability 1 %

"""
SHUT = """\
intervention shut
  starts when well rises above 9 people per day
  while active for Person where age is old
    leave town

"""


@pytest.mark.parametrize(
    ("observation", "parameters"),
    [
        ("infections", TIMES), ("cases", TIMES), ("ill", ("mild", "long")), ("well", ()),
    ],
)  # fmt: skip
def test_what_is_counted_must_not_move(observation: str, parameters: tuple[str, ...]) -> None:
    model = lpmdsl.load(town()).model
    assert tuple(p.name for p in model.parameters if may_move(model, p.name, observation)) == parameters


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("at random mixing by mixing", "as configuration(degrees fixed(6)) with 6 contacts per day"),
        ("where age is old", "where Flu is S"),
        ("  from H after fixed(3 days) to R\n", "  from H after fixed(3 days) to S\n"),
        ("  from H after fixed(3 days) to R\n", "  from H at rate 0.2 per day to R\n"),
        ("  from H after fixed(3 days) to R\n", "  from H after fixed(3 days) to R\n  removed in R\n"),
        ("observe ill", JAB + "observe ill"),
        ("observe ill", SHUT + "observe ill"),
    ],
)  # fmt: skip
def test_times_that_decide_over_more_than_exposures_are_not_moved(written: str, instead: str) -> None:
    text = town()
    assert text.count(written) >= 1
    model = lpmdsl.load(text.replace(written, instead)).model
    assert not any(may_move(model, p, "infections") for p in TIMES)


# ------------------------------------------------------------------ the derivative of a time


@pytest.mark.parametrize(
    ("state", "parameter", "slope"), [("E", "latent", 1.0), ("A", "mild", 1.0), ("A", "latent", 0.0)]
)
def test_slopes_of_a_scale_are_the_times_themselves(state: str, parameter: str, slope: float) -> None:
    model = lpmdsl.load(town()).model
    flu = model.condition("Flu")
    (exit_,) = flu.exits_of(flu.states.index(state))
    assert isinstance(exit_.trigger, After)
    values = {p: lpmdsl.load(town()).parameters[p] for p in ("rate", *TIMES, "told")}
    times = quantile_table(exit_.trigger.dwell, model, values, model.clock.step)
    slopes = quantile_slopes(exit_.trigger.dwell, model, values, parameter) - SLOPE_ZERO
    np.testing.assert_allclose(slopes, slope * times, rtol=1e-9, atol=1.01)
    assert times.max() > 4 * TICKS


# ------------------------------------------------------------------ the ledger


def test_both_programs_move_times_by_the_same_integers(scored: ScoredRepeats) -> None:
    """Everyone looked at in each step, or only who changes, on one thread and on two."""
    model = scored.repeats.model
    assert scored.moved == (1, 2, 3)
    request = scored.repeats.request(scored.repeats.plan.variants[0].parameters, 3)
    sparse = buffers_after(scored.kernels, request, None).buffers
    twice = buffers_after(scored.kernels, request, None, threads=2).buffers
    ledger = new_ledger(model, scored.names, "infections")
    program = optimise(expand_draws(with_score(lower(model, tuple(ledger.parts)), ledger)))
    dense = buffers_after(kernels_of(program), request, None).buffers
    mine, its = scored.ledger.decisions["Flu.S.exit0"], ledger.decisions["Flu.S.exit0"]
    assert [t.slopes[0][0] for t in mine.terms[-3:]] == ["latent moved", "mild moved", "long moved"]
    for one, other in zip(mine.terms, its.terms, strict=True):
        for a, b in zip(one.score, other.score, strict=True):
            assert np.any(sparse["scored_Person"][:, a[0]])
            np.testing.assert_array_equal(sparse["scored_Person"][:, a[0]], dense["scored_Person"][:, b[0]])
    np.testing.assert_array_equal(sparse["scored_Person"], twice["scored_Person"])


def test_scores_along_moved_times_are_zero_in_the_mean(scored: ScoredRepeats) -> None:
    runs = scored.runs({})
    score = np.stack([r.score.sum(axis=0) for r in runs])
    products = np.stack([r.products.sum(axis=0) for r in runs])
    controls = np.stack([r.controls.sum(axis=0) for r in runs])
    assert score.shape == (300, 7)
    for values in (score, score[:, None, :] * controls[:, :, None] - products):
        error = values.std(axis=0) / np.sqrt(len(values))
        assert np.abs(values.mean(axis=0) / np.where(error > 0, error, np.inf)).max() < 4.0


# ------------------------------------------------------------------ the estimate


def both(text: str, of: str, parameter: str, replicates: int) -> np.ndarray:
    """ĝ of every replicate: by drawn times, by moved ones, and by what is made of both."""
    repeats = repeats_of(lpmdsl.load(text), of, RunOptions(seed=5, replicates=replicates), True)
    told, slices = by_score(repeats, [parameter]).told({}, replicates)
    reports = told.reports.shape[1]
    boundaries = boundaries_of(repeats.model, repeats.quantity.observation, reports)
    each = with_controls(told, still_to_come(told.reports, np.ones(reports), boundaries, slices), slices)
    return np.column_stack([each, best_of_both(each, told.moved)])


SMALL = """\
model small version 1.0

clock
  step 1 day
  for 250 days

parameter ill = 5 days
agent Person count 60
network town joins Person at random

condition Flu of Person
  states S, I, R
  start S except 6 Person in I
  from S by contagion to I
  from I after exponential(mean ill) to R

contagion of Flu
  from I on town at 0.3 per day

observe infections = number entering I per day
"""


def final_size(people: int, seeds: int, r0: float) -> float:
    """E[infections but the seeds] of the general epidemic: one after the other is infected or recovers."""
    chances = np.zeros((people + 1, people + 2))
    chances[people - seeds, seeds] = 1.0
    for left in range(people - seeds, -1, -1):
        for ill in range(people - left, 0, -1):
            infects = left * r0 / (left * r0 + people)
            chances[left, ill - 1] += (1 - infects) * chances[left, ill]
            if left:
                chances[left - 1, ill + 1] += infects * chances[left, ill]
    return float((people - seeds - np.arange(people + 1)) @ chances[:, 0])


def test_the_final_size_of_a_small_epidemic_is_exact() -> None:
    """Who is infected in the end does not hang on the step (Sellke 1983), so the jump chain has the derivative."""
    exact = (final_size(60, 6, 0.3 * 5.001) - final_size(60, 6, 0.3 * 4.999)) / 0.002
    each = both(SMALL, "total of infections", "ill", 1_500)
    for found in each.T:
        error = found.std() / np.sqrt(len(found))
        assert abs(found.mean() - exact) < 3 * error < 0.25 * exact, (found.mean(), error, exact)


@pytest.mark.parametrize(("parameter", "of", "ratio"), [("long", "ill", 0.5), ("latent", "infections", 0.1)])
def test_moved_times_leave_less_noise(parameter: str, of: str, ratio: float) -> None:
    """And the mean stays that of differences on the same replicates."""
    text = town(600, " with 6 contacts per day")
    drawn, moved, best = both(text, f"total of {of}", parameter, 200).T
    assert moved.var() < ratio * drawn.var() and best.var() < ratio * drawn.var()
    [by] = lpmdsl.load(text).gradient(f"total of {of}", [parameter], replicates=60, seed=5, estimator="differences")
    assert abs(best.mean() - by.gradient) < 3 * np.hypot(best.std() / np.sqrt(200), by.se)


def test_the_better_of_two_is_weighed_on_other_replicates() -> None:
    random = np.random.default_rng(4)
    noise = random.standard_normal((400, 3))
    drawn, other, moved = 1 + 3 * noise[:, 0], 2 + noise[:, 1], 1 + 0.3 * noise[:, 2]
    best = best_of_both(np.column_stack([drawn, other, moved]), (0,))
    np.testing.assert_array_equal(best[:, 1], other)
    np.testing.assert_allclose(best[:, 0], moved, atol=0.3)
    kept = best_of_both(np.column_stack([moved, other, drawn]), (0,))
    np.testing.assert_allclose(kept[:, 0], moved, atol=0.3)

"""The ledger of draws and the score estimator: zero in the mean, the same by both programs, right by differences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.example_models.exact_gradients import COMPLETE
from compiler_tests.example_models.exact_models import ROOMS
from compiler_tests.example_models.scored_models import EVERYTHING
from lpmdsl.compiler import check_source, compile_model, compile_scored
from lpmdsl.config import RunOptions
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.lowering.dense.program import lower
from lpmdsl.lowering.score.program import new_ledger, scored as with_score
from lpmdsl.program.passes.draws import expand_draws
from lpmdsl.program.passes.fusion import optimise
from lpmdsl.program.verify import verify
from lpmdsl.runtime.api import repeats_of
from lpmdsl.runtime.engine.execute import buffers_after
from lpmdsl.runtime.engine.kernels import kernels_of
from lpmdsl.runtime.gradients.gradient_check import Probe, certify, is_convicted
from lpmdsl.runtime.gradients.score.estimator import (
    Ledgers,
    Slices,
    slices_of,
    still_to_come,
    with_controls,
    without_controls,
)
from lpmdsl.runtime.gradients.score.gradient import by_score
from lpmdsl.runtime.gradients.score.runs import ScoredRepeats
from lpmdsl.semantics.analysis.dependencies import conditions_behind
from lpmdsl.semantics.analysis.score_support import unscored
from lpmdsl.source import Source

PARAMETERS = (
    "at_home", "outside", "season", "mask", "by_age", "shield", "worry", "leaving", "healing", "ward", "intensive",
    "mean_latency", "shape", "scale", "median", "spread", "stay", "told", "lag", "jab", "cautious", "shedding",
)  # fmt: skip


@pytest.fixture(scope="module")
def scored() -> ScoredRepeats:
    repeats = repeats_of(lpmdsl.load(EVERYTHING), "total of cases", RunOptions(seed=1, replicates=400), True)
    return ScoredRepeats(repeats, PARAMETERS)


def z_of(values: np.ndarray) -> np.ndarray:
    """Means over replicates in standard errors; 0 where nothing varies."""
    error = values.std(axis=0) / np.sqrt(len(values))
    return values.mean(axis=0) / np.where(error > 0, error, np.inf)


def test_scores_and_controls_are_zero_in_the_mean(scored: ScoredRepeats) -> None:
    """Σ ∂ log p over every kind of draw by every parameter, and the products that the controls promise."""
    runs = scored.runs({})
    score = np.stack([r.score.sum(axis=0) for r in runs])
    controls = np.stack([r.controls.sum(axis=0) for r in runs])
    products = np.stack([r.products.sum(axis=0) for r in runs])
    assert np.all(score.std(axis=0) > 0), "every parameter has a score"
    # 22 scores and 15 controls: the largest of 37 standard normal numbers lies beyond 3.5 once in 60 seeds.
    assert np.abs(z_of(score)).max() < 3.5
    assert np.abs(z_of(controls)).max() < 3.5
    assert np.abs(z_of(score[:, None, :] * controls[:, :, None] - products)).max() < 4.2


def test_both_programs_write_the_same_integers(scored: ScoredRepeats) -> None:
    """Everyone looked at in each step, or only who changes, on one thread and on two."""
    model = scored.repeats.model
    request = scored.repeats.request(scored.repeats.plan.variants[0].parameters, 3)
    sparse = buffers_after(scored.kernels, request, None).buffers
    twice = buffers_after(scored.kernels, request, None, threads=2).buffers
    ledger = new_ledger(model, PARAMETERS, "cases")
    program = optimise(expand_draws(with_score(lower(model, tuple(ledger.parts)), ledger)))
    verify(program)
    dense = buffers_after(kernels_of(program), request, None).buffers
    for name, decision in scored.ledger.decisions.items():
        for mine, its in zip(decision.terms, ledger.decisions[name].terms, strict=True):
            for a, b in zip(mine.score, its.score, strict=True):
                np.testing.assert_array_equal(sparse["scored_Person"][:, a[0]], dense["scored_Person"][:, b[0]])
    np.testing.assert_array_equal(sparse["scored_Person"], twice["scored_Person"])


def test_a_ledger_changes_no_count(scored: ScoredRepeats) -> None:
    plain = scored.repeats.values({}, 5)[:, 0]
    with_ledger = [np.nansum(r.values) for r in scored.runs({}, range(5))]
    np.testing.assert_array_equal(plain, with_ledger)


def test_the_score_is_that_of_differences() -> None:
    """On the same people: hazards, scalings that differ between agents, branches, stays, reports that are thinned."""
    names = ["at_home", "by_age", "mask", "healing", "scale", "told"]
    model = lpmdsl.load(EVERYTHING)
    repeats = repeats_of(model, "total of cases", RunOptions(seed=2, replicates=400), True)
    each = by_score(repeats, PARAMETERS).each({}, 400)[:, [PARAMETERS.index(n) for n in names]]
    other = model.gradient("total of cases", names, replicates=50, seed=2, estimator="differences")
    for found, b in zip(each.T, other, strict=True):
        error = np.hypot(found.std() / np.sqrt(len(found)), b.se)
        assert abs(found.mean() - b.gradient) < 3 * error, (b, found.mean(), error)


TOWN = """\
model town version 1.0

clock
  step 1 day
  for 20 days

parameter rate = 0.5 per day
parameter many = 20
parameter level = 30 people per day
parameter length = 3 days
parameter share_ill = 5 %
parameter factor = 2
parameter unit = 2

agent Person count 300
  risk number = 1 + 0.1 * many

network town joins Person at random

condition Flu of Person
  states S, E, I, R
  start S except share share_ill in I
  from S by contagion to E
  from E after uniform(1 day, length) to I
  from I after fixed(4 days) to R

contagion of Flu
  from I on town at rate * floor(factor + 0.5) * risk

observe infections = number entering I per day
observe scaled = infections * unit

intervention alarm
  starts when infections rises above level
  every day for Person where Flu is S
    move Flu to R with probability 1 %
"""


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ("rate", None), ("many", "who and where people are"), ("level", "starts or stops"), ("length", "density"),
        ("share_ill", "starts in which state"), ("factor", "has no derivative"), ("unit", None),
    ],
)  # fmt: skip
def test_what_the_score_does_not_see_is_named(parameter: str, words: str | None) -> None:
    found = unscored(lpmdsl.load(TOWN).model, parameter, "infections")
    assert (found is None) if words is None else (found is not None and words in found and "<text>:" in found)
    if parameter == "unit":
        assert "computed with it" in (unscored(lpmdsl.load(TOWN).model, "unit", "scaled") or "")


def test_draws_that_cannot_move_what_is_observed_are_left_out() -> None:
    """Two illnesses side by side: what one draws is noise to the other, unless an attribute joins them."""
    text = ROOMS + "\nobserve infections = number entering I per day\n"
    model = lpmdsl.load(text).model
    assert conditions_behind(model, {"infections"}) == {"Flu"}
    joined_ = text.replace("at per_tie\ncontagion of Cold", "at per_tie\n  target scaled by 2 where Cold is Ill\n"
                           "contagion of Cold")  # fmt: skip
    assert conditions_behind(lpmdsl.load(joined_).model, {"infections"}) == {"Flu", "Cold"}
    removed = text.replace("  from Ill after fixed(illness) to Over\n", "  from Ill after fixed(illness) to Over\n"
                           "  removed in Over\n")  # fmt: skip
    assert conditions_behind(lpmdsl.load(removed).model, {"infections"}) == {"Flu", "Cold"}
    repeats = repeats_of(lpmdsl.load(text), "total of infections", RunOptions(seed=1, replicates=2), True)
    ledger = ScoredRepeats(repeats, ("per_tie",)).ledger
    assert {d.name.split(".")[0] for d in ledger.decisions.values()} == {"Flu"}


def test_parameters_that_the_score_does_not_see_go_to_differences() -> None:
    model = lpmdsl.load(TOWN)
    by_rate, by_level = model.gradient("total of infections", ["rate", "level"], replicates=10, estimator="score")
    assert (by_rate.estimator, by_level.estimator) == ("score", "differences")
    assert "starts or stops" in by_level.why and by_rate.why == "asked for"
    with pytest.raises(LpmError, match="E0845"):
        model.gradient("total of infections", ["level"], replicates=2, estimator="score")


def test_auto_tries_both_and_says_why() -> None:
    """Few parameters one by one; fewer replicates than parameters: the score; else whichever is more exact."""
    model = lpmdsl.load(EVERYTHING)
    few = model.gradient("total of cases", ["at_home", "mask"], replicates=4)
    assert {f.estimator for f in few} == {"differences"} and "compiled anew" in few[0].why
    for replicates, taken, other in ((14, "score", ""), (30, "spread", "the score"), (400, "score", "differences")):
        found = model.gradient("total of cases", list(PARAMETERS), replicates=replicates, seed=1)
        assert {f.estimator for f in found} == {taken}, replicates
        assert (f"; {other} would take" in found[0].why) == bool(other), found[0].why


def test_a_parameter_that_is_set_by_hand_follows_no_other() -> None:
    """hazard is computed from beta; set by hand, beta acts no longer, by either estimator."""
    model = lpmdsl.load(COMPLETE)
    for estimator in ("differences", "score"):
        [found] = model.gradient("total of infections", ["hazard"], replicates=40, estimator=estimator,
                                 parameters={"hazard": 0.03})  # fmt: skip
        assert found.value == 0.03 and found.mean > 25 and found.gradient != 0
    [still] = model.gradient("total of infections", ["beta"], replicates=4, parameters={"hazard": 0.03})
    assert (still.gradient, still.se) == (0.0, 0.0)


# ------------------------------------------------------------------ the certificate


def test_the_certificate_convicts_and_passes() -> None:
    random = np.random.default_rng(3)
    directions = np.array([[1.0, 0.0], [0.6, 0.8]])
    truth = np.array([3.0, -1.0])
    slopes = truth @ directions.T + 0.5 * random.standard_normal((200, 2))
    tested = Probe(("a", "b"), directions, slopes)
    right = truth + 0.5 * random.standard_normal((200, 2))
    assert certify(right, tested, "the score").holds
    wrong = certify((3 * truth)[None, :], tested, "straight-through")
    assert is_convicted(wrong) and "straight-through is 2.98 times" in wrong.words
    unsure = certify(truth + 40 * random.standard_normal((30, 2)), tested, "the score")
    assert not unsure.holds and not is_convicted(unsure)
    few = certify(right[:1], Probe(("a",), directions[:1, :1], slopes[:1, :1]), "the score")
    assert "too few" in few.words


# ------------------------------------------------------------------ the estimator itself


def made_up(replicates: int, noise: float):
    """Two slices, one control that explains the quantity but for ``noise``; d E[F] / dθ = 2."""
    random = np.random.default_rng(5)
    control = random.standard_normal((replicates, 2, 1))
    score = control[:, :, 0][:, :, None].copy()
    reports = np.cumsum(control[:, :, 0], axis=1) * [0.0, 2.0] / 2 + noise * random.standard_normal((replicates, 2))
    reports[:, 1] = control[:, :, 0].sum(axis=1) + noise * random.standard_normal(replicates)
    return Ledgers(reports, score, control, np.ones((replicates, 2, 1, 1)))


@pytest.mark.parametrize("replicates", [16, 60, 400])
def test_controls_take_away_what_they_explain(replicates: int) -> None:
    """F = M + noise, s = M: with controls nothing of the noise in s·F is left but what nothing explains."""
    told, slices = made_up(replicates, 0.0), Slices(np.array([0, 1]))
    to_come = still_to_come(told.reports, np.array([0.0, 1.0]), np.array([1, 2]), slices)
    plain, better = without_controls(told, to_come), with_controls(told, to_come, slices)
    for each in (plain, better):
        assert abs(each.mean() - 2) < 3.5 * each.std() / np.sqrt(replicates) + 1e-6
    assert better.std() < 0.05 * plain.std()


def test_what_was_reported_before_a_draw_is_not_its_doing() -> None:
    reports, slices = np.array([[1.0, 10.0, np.nan]]), Slices(np.array([0, 2]))
    to_come = still_to_come(reports, np.ones(3), np.array([1, 2, 3]), slices)
    np.testing.assert_array_equal(to_come, [[11.0, 10.0]])


def test_slices_are_few_whatever_the_number_of_steps(scored: ScoredRepeats) -> None:
    (run,) = scored.runs({}, range(1))
    slices = slices_of(run)
    assert slices.starts[0] == 0 and len(slices.starts) <= 64
    for count in (1, 2, 4, 7):
        np.testing.assert_allclose(slices.parts(count).sum(axis=0), 1.0)


def test_few_replicates_get_the_plain_score() -> None:
    repeats = repeats_of(lpmdsl.load(TOWN), "peak of infections", RunOptions(seed=1, replicates=4), True)
    estimator = by_score(repeats, ["rate", "level"])
    assert estimator.names == ("rate",) and "level" in estimator.refused
    assert estimator.each({}, 4).shape == (4, 1)


def test_every_generated_program_with_a_ledger_is_sound() -> None:
    """Lowering, optimising and verifying, both ways, for the models of the distribution."""
    for path in sorted((Path(__file__).parent.parent.parent / "models").glob("*.lpm")):
        checked = check_source(Source(path.name, path.read_text(encoding="utf-8"), path), Report())
        assert checked is not None, path
        model, facts = checked
        names = tuple(p.name for p in model.parameters)
        observed = model.observations[-1].name
        ledger = new_ledger(model, names, observed)
        verify(optimise(expand_draws(with_score(lower(model, tuple(ledger.parts)), ledger))))
        compiled, _ = compile_scored(compile_model(model, facts), names, observed)
        verify(compiled.cpu_program)

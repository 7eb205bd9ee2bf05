"""The fitted model against its data: what speaks against the model, each with the next thing to do."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lpmdsl.config import Checked, Score
from lpmdsl.runtime.calibration.model_checks.left_out import surprise
from lpmdsl.runtime.calibration.model_checks.predict import Predictive, among_all
from lpmdsl.runtime.calibration.model_checks.summaries import Summary, summaries
from lpmdsl.runtime.calibration.problem import Piece, Problem

LEAST_POINTS = 5
UNLIKELY = 0.005
"""Chance of so few covered points under a right model, below which they speak against this one."""
OUTLIER = 0.01
"""Chance that the farthest of all points of a fit lies so far out under a right model."""
FEW_CURVES = 20.0


def checked(problem: Problem, predictive: Predictive) -> tuple[Checked, ...]:
    """The summaries of the fitted data of every fit, all groups together, beside what the model makes of them."""
    found = []
    for piece in problem.pieces:
        series, times, at = _series(piece)
        if len(series):
            anew, along = (_together(one[:, piece.at], piece, at) for one in (predictive.anew, predictive.data))
            summed = summaries(series, anew, along, times, problem.model.clock.start)
            found += [_record(piece, summary) for summary in summed]
    return tuple(found)


def doubts(
    problem: Problem, predictive: Predictive, scores: tuple[Score, ...], checks: tuple[Checked, ...]
) -> list[str]:
    """Reasons why the model does not give its data back, in words; nothing if there is no reason."""
    said = [line for score in scores if score.part == "fitted" for line in _coverage(score)]
    said += [line for piece in problem.pieces for line in _outliers(problem, piece, predictive)]
    return [*said, *(_unlike(check) for check in checks if check.is_flagged)]


def few_curves(problem: Problem, predictive: Predictive) -> list[str]:
    """A note where so few curves come near the data that the check itself says little."""
    fitted = np.concatenate([p.fitted for p in problem.pieces])
    size = float(np.median(predictive.left_out.effective_size[fitted]))
    if size >= FEW_CURVES:
        return []
    return [
        f"the model is held against its data by {size:.0f} effective curves only: with more `--replicates` the "
        "check says more"
    ]


def _coverage(score: Score) -> list[str]:
    if score.points < LEAST_POINTS:
        return []
    for share, seen in ((0.5, score.coverage_50), (0.95, score.coverage_95)):
        if stats.binom.cdf(round(seen * score.points), score.points, share) < UNLIKELY:
            return [
                f"the fitted model does not give the data back: {seen:.0%} of `{score.observation}` lie within the "
                f"{share:.0%} that it expects of each from all others; let the likelihood scatter more, or the model "
                "lacks something"
            ]
    return []


def _outliers(problem: Problem, piece: Piece, predictive: Predictive) -> list[str]:
    """The farthest point of a fit, if it is farther than the farthest of a right model would be."""
    at = among_all(piece, piece.fitted, len(predictive.left_out.below))
    chances = surprise(predictive.left_out, at)
    if not len(chances) or chances.min() >= OUTLIER / len(chances):
        return []
    k = int(np.argmin(chances))
    row = int(np.flatnonzero(piece.fitted)[k]) // len(piece.data.groups)
    place = _moment(float(piece.data.times[row]), problem.model.clock.start)
    return [
        f"one point of `{piece.data.fit.observation}` lies far outside what all others let expect: "
        f"{piece.seen[piece.fitted][k]:g} {place}; look at this cell of the data"
    ]


def _moment(day: float, start: str | None) -> str:
    if start is None:
        return f"on day {day:g}"
    return f"on {date.fromisoformat(start[:10]) + timedelta(days=day)}"


def _unlike(check: Checked) -> str:
    return (
        f"the data are unlike those of the fitted model: {check.name} of `{check.observation}` is {check.seen:.3g}, "
        f"the model makes it {check.low:.3g} to {check.high:.3g}; the model lacks what makes this"
    )


def _record(piece: Piece, found: Summary) -> Checked:
    return Checked(
        observation=piece.data.fit.observation, name=found.name, seen=found.seen, low=found.low, high=found.high,
        probability=found.probability, is_flagged=found.is_flagged,
    )  # fmt: skip


def _series(piece: Piece) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """The fitted data with all groups together, their days, and which reports have all groups."""
    whole = np.asarray(piece.fitted.reshape(piece.data.values.shape).all(axis=1), bool)
    return piece.data.values[whole].sum(axis=1), np.asarray(piece.data.times)[whole], whole


def _together(drawn: NDArray[np.float64], piece: Piece, whole: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(draws, reports) of data sets with all groups together."""
    return drawn.reshape(len(drawn), *piece.data.values.shape)[:, whole].sum(axis=2)

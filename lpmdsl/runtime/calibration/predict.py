"""What the fitted model says of the data: replicates weighed by how they meet them, and scores.

For a draw of the parameters, one replicate is chosen among several in proportion to its likelihood on the fitted data:
so the curves are those of the epidemic that happened, and what is held out is a forecast from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpmdsl.config import Score
from lpmdsl.runtime.calibration.extras import needed
from lpmdsl.runtime.calibration.posterior import Tell
from lpmdsl.runtime.calibration.problem import Piece, Problem, keyed, replicate_numbers

Array = NDArray[np.float64]
PREDICT = 3
"""First key of the luck that is spent here."""
MOST = 200
ALPHAS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Those of the COVID-19 Forecast Hub (Bracher et al. 2021, PLoS Comput Biol 17:e1008618)."""


@dataclass(frozen=True, slots=True)
class Predictive:
    """(draws, all reports): what is ``expected``, and ``data`` as they could have been. ``spread``: of the estimated
    log likelihood at the middle of the posterior."""

    expected: Array
    data: Array
    spread: float
    log_likelihood: float
    runs: int


def predict(problem: Problem, draws: Array, replicates: int, tell: Tell) -> Predictive | None:
    """Curves for some of the draws, (chains, draws, parameters); None if asked to stop."""
    flat = draws.reshape(-1, draws.shape[-1])
    chosen = flat[np.linspace(0, len(flat) - 1, min(MOST, len(flat))).astype(int)]
    expected, data, seen = [], [], 0
    for k, z in enumerate(chosen):
        if not tell("predictive", k, len(chosen), ""):
            return None
        random = keyed(problem.options.seed, PREDICT, k)
        runs = problem.run(z, replicate_numbers(random, replicates))
        each = problem.log_likelihoods(z, runs)
        seen += replicates
        if not np.isfinite(each).any():
            continue
        weights = np.exp(each - each.max())
        expected.append(runs[random.choice(len(runs), p=weights / weights.sum())])
        data.append(problem.data_draws(z, expected[-1], random))
    spread, likelihood, more = _spread(problem, np.median(flat, axis=0), replicates)
    shape = (-1, problem.pieces[-1].at.stop)
    return Predictive(np.reshape(expected, shape), np.reshape(data, shape), spread, likelihood, seen + more)


REPEATS = 12


def _spread(problem: Problem, z: Array, replicates: int) -> tuple[float, float, int]:
    """Standard deviation and mean of the estimate of the log likelihood at one point, and the replicates spent."""
    from lpmdsl.runtime.calibration.densities import log_mean_exp

    random = keyed(problem.options.seed, PREDICT, MOST)
    each = problem.log_likelihoods(z, problem.run(z, replicate_numbers(random, REPEATS * replicates)))
    found = np.array([log_mean_exp(part) for part in each.reshape(REPEATS, replicates)])
    finite = found[np.isfinite(found)]
    spread = float(finite.std(ddof=1)) if len(finite) == REPEATS else float("nan")
    return spread, log_mean_exp(each), REPEATS * replicates


# ------------------------------------------------------------------ scores


def scores(problem: Problem, predictive: Predictive) -> tuple[Score, ...]:
    """Weighted interval score, CRPS and coverage of the fitted and of the held-out data of every fit."""
    found = []
    for piece in problem.pieces:
        for part, chosen in (("fitted", piece.fitted), ("held out", piece.held_out)):
            if chosen.any() and len(predictive.data):
                found.append(_score(piece, part, chosen, predictive.data[:, piece.at][:, chosen]))
    return tuple(found)


def _score(piece: Piece, part: str, chosen: NDArray[np.bool_], drawn: Array) -> Score:
    rules = needed("scoringrules")
    seen = piece.seen[chosen]
    alphas = np.array(ALPHAS)
    low, high = (np.quantile(drawn, q, axis=0).T for q in (alphas / 2, 1 - alphas / 2))
    wis = rules.weighted_interval_score(seen, np.median(drawn, axis=0), low, high, alphas)
    return Score(
        observation=piece.data.fit.observation,
        part=part,  # type: ignore[arg-type]
        points=len(seen),
        wis=float(np.mean(wis)),
        crps=float(np.mean(rules.crps_ensemble(seen, drawn.T))),
        coverage_50=_covered(seen, drawn, 0.5),
        coverage_95=_covered(seen, drawn, 0.95),
    )


def _covered(seen: Array, drawn: Array, share: float) -> float:
    low, high = np.quantile(drawn, [(1 - share) / 2, (1 + share) / 2], axis=0)
    return float(np.mean((seen >= low) & (seen <= high)))

"""The fitted model beside the data: curves weighed by the data, each point against the others, and scores.

For some draws of the parameters, several replicates are run. Weighed by how they meet the fitted data they are the
epidemics that may have happened, and what is held out is a forecast from them. A fitted point is compared with curves
that have not seen it (``left_out``); summaries of the data with those of whole data sets (``summaries``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpmdsl.config import Score
from lpmdsl.extras import optional
from lpmdsl.runtime.calibration.densities import below_and_at, draw, log_density, log_mean_exp
from lpmdsl.runtime.calibration.model_checks.left_out import (
    LeftOut,
    covered,
    effective_size,
    left_out_weights,
    normalised,
    posterior_logs,
)
from lpmdsl.runtime.calibration.posterior import Tell
from lpmdsl.runtime.calibration.priors import arguments
from lpmdsl.runtime.calibration.problem import Piece, Problem, keyed, replicate_numbers

Array = NDArray[np.float64]
Laws = tuple[dict[str, Array], ...]
"""(draws,) of every argument of every fit's likelihood."""
PREDICT = 3
"""First key of the draws that are made here."""
MOST = 200
DRAWN = 2000
"""Data sets drawn for summaries, and draws of what is expected of each point."""
LEAST_REPLICATES, MOST_NUMBERS = 16, 12_000_000
"""Replicates of a draw, and reports in all that are kept at once (a few hundred megabytes)."""
ALPHAS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Those of the COVID-19 Forecast Hub (Bracher et al. 2021, PLoS Comput Biol 17:e1008618)."""


@dataclass(frozen=True, slots=True)
class Predictive:
    """``data`` (draws, all reports): data sets along the epidemics that may have happened; ``anew``: of other epidemics
    with the fitted parameters; ``left_out``: each report against all others. ``spread``: standard deviation of the
    estimated log likelihood at the middle of the posterior; ``runs``: replicates run."""

    data: Array
    anew: Array
    left_out: LeftOut
    spread: float
    log_likelihood: float
    runs: int


def predict(problem: Problem, draws: Array, replicates: int, tell: Tell) -> Predictive | None:
    """Curves for some of the draws, (chains, draws, parameters); None if asked to stop."""
    flat = draws.reshape(-1, draws.shape[-1])
    chosen = flat[np.linspace(0, len(flat) - 1, min(MOST, len(flat))).astype(int)]
    reports = problem.pieces[-1].at.stop
    replicates = min(replicates, max(LEAST_REPLICATES, MOST_NUMBERS // (len(chosen) * reports)))
    curves = []
    for k, z in enumerate(chosen):
        if not tell("predictive", k, len(chosen), ""):
            return None
        curves.append(problem.run(z, replicate_numbers(keyed(problem.options.seed, PREDICT, k), replicates)))
    spread, likelihood, more = _spread(problem, np.median(flat, axis=0), replicates)
    found = Curves(problem, chosen, np.array(curves))
    data, anew, left_out = found.drawn(keyed(problem.options.seed, PREDICT, MOST + 1))
    return Predictive(data, anew, left_out, spread, likelihood, len(chosen) * replicates + more)


@dataclass(frozen=True, slots=True)
class Curves:
    """``curves`` (draws, replicates, all reports): replicates of the draws ``chosen`` (draws, parameters)."""

    problem: Problem
    chosen: Array
    curves: Array

    def drawn(self, random: np.random.Generator) -> tuple[Array, Array, LeftOut]:
        """Data sets along the data and anew, and every report left out."""
        fitted = np.concatenate([p.fitted for p in self.problem.pieces])
        laws = tuple(self._arguments(piece) for piece in self.problem.pieces)
        each, below, at = self._points(laws)
        reports, many = each.shape[2], each.shape[0] * each.shape[1]
        posterior = posterior_logs(each, fitted, self.chosen)
        weights = left_out_weights(posterior, each, fitted)
        rows = np.stack([random.choice(many, DRAWN, p=weights[:, t]) for t in range(reports)], axis=1)
        left_out = LeftOut(
            (weights * below.reshape(many, -1)).sum(axis=0), (weights * at.reshape(many, -1)).sum(axis=0),
            self._data(rows, laws, random), effective_size(weights),
        )  # fmt: skip
        along = random.choice(many, DRAWN, p=normalised(posterior.reshape(-1)))
        anew = random.permutation(np.resize(np.arange(many), DRAWN))
        whole = np.ones(reports, np.int64)
        data, others = (self._data(np.outer(chosen, whole), laws, random) for chosen in (along, anew))
        return data, others, left_out

    def _points(self, laws: Laws) -> tuple[Array, Array, Array]:
        """Log likelihood, P(less than seen), P(just that): (draws, replicates, reports), 0 where nothing is known."""
        found = []
        for piece, law in zip(self.problem.pieces, laws, strict=True):
            family = piece.data.fit.likelihood.family
            a = {name: values[:, None, None] for name, values in law.items()}
            known = ~np.isnan(piece.seen)
            seen, expected = np.where(known, piece.seen, 1.0), self.curves[..., piece.at]
            each = log_density(family, a, expected, seen, piece.is_share)
            below, at = below_and_at(family, a, expected, seen, piece.is_share)
            found.append(tuple(np.where(known, one, 0.0) for one in (each, below, at)))
        each, below, at = (np.concatenate(parts, axis=2) for parts in zip(*found, strict=True))
        return each, below, at

    def _data(self, rows: NDArray[np.int64], laws: Laws, random: np.random.Generator) -> Array:
        """(draws, reports) of data about the reports of the curves that ``rows`` (the same shape) names."""
        flat = self.curves.reshape(-1, self.curves.shape[2])
        expected, owner = np.take_along_axis(flat, rows, axis=0), rows // self.curves.shape[1]
        drawn = np.empty_like(expected)
        for piece, law in zip(self.problem.pieces, laws, strict=True):
            a = {name: values[owner[:, piece.at]] for name, values in law.items()}
            family = piece.data.fit.likelihood.family
            drawn[:, piece.at] = draw(family, a, expected[:, piece.at], random, piece.is_share)
        return drawn

    def _arguments(self, piece: Piece) -> dict[str, Array]:
        """(draws,) of every argument of a fit's likelihood."""
        model, law = self.problem.model, piece.data.fit.likelihood
        each = [arguments(law, model, self.problem.everything(self.problem.values(z))) for z in self.chosen]
        return {name: np.array([one[name] for one in each]) for name, _ in law.arguments}


REPEATS = 12


def _spread(problem: Problem, z: Array, replicates: int) -> tuple[float, float, int]:
    """Standard deviation and mean of the estimate of the log likelihood at one point, and the replicates spent."""
    random = keyed(problem.options.seed, PREDICT, MOST)
    each = problem.log_likelihoods(z, problem.run(z, replicate_numbers(random, REPEATS * replicates)))
    found = np.array([log_mean_exp(part) for part in each.reshape(REPEATS, replicates)])
    finite = found[np.isfinite(found)]
    spread = float(finite.std(ddof=1)) if len(finite) == REPEATS else float("nan")
    return spread, log_mean_exp(each), REPEATS * replicates


# ------------------------------------------------------------------ scores


def scores(problem: Problem, predictive: Predictive) -> tuple[Score, ...]:
    """Weighted interval score, CRPS and coverage of the fitted and of the held-out data of every fit."""
    return tuple(
        _score(piece, part, chosen, predictive.left_out)
        for piece in problem.pieces
        for part, chosen in (("fitted", piece.fitted), ("held out", piece.held_out))
        if chosen.any()
    )


def _score(piece: Piece, part: str, chosen: NDArray[np.bool_], left_out: LeftOut) -> Score:
    rules = optional("scoringrules")
    seen, at = piece.seen[chosen], among_all(piece, chosen, len(left_out.below))
    drawn, alphas = left_out.data[:, at], np.array(ALPHAS)
    low, high = (np.quantile(drawn, q, axis=0).T for q in (alphas / 2, 1 - alphas / 2))
    wis = rules.weighted_interval_score(seen, np.median(drawn, axis=0), low, high, alphas)
    return Score(
        observation=piece.data.fit.observation,
        part=part,  # type: ignore[arg-type]
        points=len(seen),
        wis=float(np.mean(wis)),
        crps=float(np.mean(rules.crps_ensemble(seen, drawn.T))),
        coverage_50=float(covered(left_out, at, 0.5).mean()),
        coverage_95=float(covered(left_out, at, 0.95).mean()),
    )


def among_all(piece: Piece, chosen: NDArray[np.bool_], reports: int) -> NDArray[np.bool_]:
    """Indices, among all reports of a calibration, of the chosen ones of one fit."""
    where = np.zeros(reports, bool)
    where[piece.at] = chosen
    return where

"""Starts: rounds of weighted draws that move from the prior towards the posterior (adaptive importance
sampling, after Cappé et al. 2004, J Comput Graph Stat 13:907), and how many replicates a likelihood needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from lpmdsl.diagnostics import fail
from lpmdsl.runtime.calibration.densities import log_mean_exp
from lpmdsl.runtime.calibration.posterior import Tell
from lpmdsl.runtime.calibration.problem import Problem, keyed, replicate_numbers

Array = NDArray[np.float64]
ROUNDS = 5
POINTS = 48
RUNS = 24
FREEDOM = 5
EFFECTIVE_SIZE = 12
"""Weights are flattened until the effective sample size of a round is this."""
START = 1
"""First key of the draws that are made here."""
KEPT = "start "
"""First word of the names under which a checkpoint has a start."""
MOST_REPLICATES = 256
TRIED = 256
NOISE = 0.7
"""Of the log likelihood. Doucet et al. 2015, Biometrika 102:295, find 1.0 to 1.7 to cost least; few replicates show a
part of the spread only, so less is aimed at."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """``points``: (n, parameters) on the real line by their weight; ``centre`` and ``covariance`` of the last round."""

    points: Array
    weights: Array
    centre: Array
    covariance: Array
    best: Array
    runs: int

    def arrays(self) -> dict[str, NDArray]:
        """The fields as arrays, for a checkpoint."""
        return {f"{KEPT}{name}": np.asarray(value) for name, value in asdict(self).items()}

    @staticmethod
    def restored(kept: Mapping[str, NDArray]) -> Beginning:
        """A beginning from what a checkpoint has under ``KEPT``."""
        return Beginning(
            kept["points"], kept["weights"], kept["centre"], kept["covariance"], kept["best"], int(kept["runs"])
        )


def begin(problem: Problem, tell: Tell, rounds: int = ROUNDS) -> Beginning | None:
    """Points near the posterior; None if asked to stop. Raises ``LpmError`` (E0862) if nothing can give the data."""
    random = keyed(problem.options.seed, START, 0)
    points = problem.prior_on_the_line(lambda _: random, POINTS)
    proposal = np.array([problem.log_prior(z) for z in points])
    best, best_value = points[0], -math.inf
    for number in range(rounds):
        values = np.full(POINTS, -math.inf)
        for k, z in enumerate(points):
            if not tell("looking for a start", number * POINTS + k, rounds * POINTS, ""):
                return None
            values[k] = log_posterior(problem, z, replicate_numbers(random, RUNS))
        if not np.isfinite(values).any():
            raise fail("E0862", "No values that the priors allow give these data: not one of "
                       f"{POINTS * RUNS:,} replicates can.", problem.calibrate.span,
                       "Look at the unit of the column, at the priors and at the likelihood.")  # fmt: skip
        if values.max() > best_value:
            best, best_value = points[int(values.argmax())], float(values.max())
        weights = flattened(values - proposal, EFFECTIVE_SIZE)
        centre, covariance = _moments(points, weights)
        if number == rounds - 1:
            return Beginning(points, weights, centre, covariance, best, rounds * POINTS * RUNS)
        points, proposal = _around(centre, covariance, random)
    raise AssertionError("there is at least one round")


def log_posterior(
    problem: Problem, z: Array, numbers: NDArray[np.int64], estimate: Callable[[Array], float] = log_mean_exp
) -> float:
    """The log posterior at one point, up to a constant, from replicates with these numbers."""
    prior = problem.log_prior(z)
    if not math.isfinite(prior):
        return -math.inf
    return prior + estimate(problem.log_likelihoods(z, problem.run(z, numbers)))


def flattened(log_weights: Array, effective_size: float) -> Array:
    """Weights that add up to 1, to the power at which their effective sample size is at least this."""
    known = np.isfinite(log_weights)
    heights = np.where(known, log_weights, 0.0)

    def at(power: float) -> Array:
        raised = np.where(known, power * heights, -math.inf)
        w = np.exp(raised - raised.max())
        return w / w.sum()

    def missing(power: float) -> float:
        return effective_size - 1 / float((at(power) ** 2).sum())

    if missing(1.0) <= 0:
        return at(1.0)
    return at(optimize.brentq(missing, 0.0, 1.0) if missing(0.0) < 0 else 0.0)  # type: ignore[arg-type]


def _moments(points: Array, weights: Array) -> tuple[Array, Array]:
    centre = weights @ points
    apart = points - centre
    covariance = (weights[:, None] * apart).T @ apart / max(1 - float((weights**2).sum()), 0.1)
    return centre, covariance + np.diag(1e-6 + 1e-3 * np.diag(covariance))


def _around(centre: Array, covariance: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """Points from a Student's t with 5 degrees of freedom, wider than what was found, and their log densities."""
    n, wider = len(centre), 2.0
    root = np.linalg.cholesky(wider * covariance)
    apart = student_t(random, POINTS, n, FREEDOM)
    return centre + apart @ root.T, log_student_t(apart, FREEDOM)


def student_t(random: np.random.Generator, count: int, n: int, freedom: int) -> Array:
    """(count, n): draws of a Student's t about 0 with unit scale."""
    return random.standard_normal((count, n)) / np.sqrt(random.chisquare(freedom, (count, 1)) / freedom)


def log_student_t(apart: NDArray, freedom: int) -> Array:
    """Log densities (count,) of a Student's t about 0 with unit scale at points (count, n)."""
    scale: Any = np.eye(apart.shape[1])
    return np.atleast_1d(stats.multivariate_t.logpdf(apart, shape=scale, df=freedom)).astype(np.float64)


def enough_replicates(problem: Problem, points: Array, key: int) -> int:
    """Replicates that bring the standard deviation of the estimated log likelihood to ``NOISE``, from the spread of
    the weights of single replicates.

    ``points``: (n, parameters); ``key``: the key of its draws.
    """
    random, needed = keyed(problem.options.seed, START, 1, key), []
    for z in points:
        each = problem.log_likelihoods(z, problem.run(z, replicate_numbers(random, TRIED)))
        if np.isfinite(each).any():
            weights = np.exp(each - each.max())
            # The variance of the log of a mean of n is this over n, to first order.
            needed.append(float(weights.var(ddof=1) / weights.mean() ** 2))
    wanted = float(np.mean(needed)) / NOISE**2 if needed else MOST_REPLICATES
    return int(min(MOST_REPLICATES, max(16, 8 * math.ceil(wanted / 8))))

"""The posterior about a peak: points drawn around it, each weighted by an estimate of its likelihood.

The estimate is unbiased, so the weighted points become the exact posterior as they grow in number, however noisy each
is (Tran et al. 2013, arXiv:1309.3339). What a normal curve at the peak has wrong is put right: a slant, long
tails, a curvature that the logs of noisy estimates made too sharp, a centre that is a little off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpmdsl.runtime.calibration.methods.quadratic_peak import Peak
from lpmdsl.runtime.calibration.methods.start import log_posterior, log_student_t, student_t
from lpmdsl.runtime.calibration.posterior import Tell
from lpmdsl.runtime.calibration.problem import Problem, keyed, replicate_numbers

Array = NDArray[np.float64]
WEIGHTED = 8
"""First key of the draws that are made here."""
ROUNDS = 8
POINTS_EACH = 8
"""Points of a round for every number that a quadratic has."""
FREEDOM = 6
WIDER = 1.5
"""The points come from a Student's t with so many degrees of freedom, its scale so much larger than the covariance."""
WANTED, ENOUGH = 200, 50
"""Effective sample size at which the rounds end; points of fewer than ``ENOUGH`` are not used."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """``points``: (n, parameters) on the real line; ``weights`` add up to 1. ``runs``: replicates that they took."""

    points: Array
    weights: Array
    runs: int

    @property
    def effective_size(self) -> float:
        """Effective sample size (Kish's formula)."""
        return 1 / float((self.weights**2).sum())

    def moments(self) -> tuple[Array, Array]:
        """Mean and covariance."""
        mean = self.weights @ self.points
        apart = self.points - mean
        return mean, (self.weights[:, None] * apart).T @ apart

    def draws(self, seed: int, chains: int, count: int) -> Array:
        """(chains, count, parameters): independent draws of a smooth density with these moments, a normal kernel about
        every point (West 1993, J R Stat Soc B 55:409)."""
        random, n = keyed(seed, WEIGHTED, 10**6), self.points.shape[1]
        width = min(0.9, (4 / (n + 2)) ** (1 / (n + 4)) * self.effective_size ** (-1 / (n + 4)))
        mean, covariance = self.moments()
        chosen = self.points[random.choice(len(self.points), (chains, count), p=self.weights)]
        kernel = random.standard_normal((chains, count, n)) @ _root(covariance).T
        return mean + math.sqrt(1 - width**2) * (chosen - mean) + width * kernel


def weigh(problem: Problem, peak: Peak, replicates: int, tell: Tell) -> Weighted | None:
    """Rounds of points, each about the mean of all before, until the effective sample suffices; None if asked to stop.

    A point's weight is its posterior over the mean density of all the rounds at that point, so that no round need be
    thrown away (Veach & Guibas 1995, SIGGRAPH 419: the balance heuristic).
    """
    n = len(peak.centre)
    each = POINTS_EACH * (n + 1) * (n + 2) // 2
    centre, covariance, found = peak.centre, peak.covariance + peak.error, None
    proposals: list[tuple[Array, Array]] = []
    points, values = np.empty((0, n)), np.empty(0)
    for number in range(ROUNDS):
        proposals.append((centre, _root(WIDER * covariance)))
        new = _drawn(proposals[-1], keyed(problem.options.seed, WEIGHTED, number), each)
        heights = _heights(problem, new, replicates, number, tell)
        if heights is None:
            return None
        points, values = np.concatenate([points, new]), np.concatenate([values, heights])
        if not np.isfinite(values).any():
            return Weighted(points, np.full(len(points), 1 / len(points)), len(points) * replicates)
        found = Weighted(points, _weights(points, values, proposals), len(points) * replicates)
        if found.effective_size >= WANTED:
            break
        centre, covariance = _learned(found, peak)
    return found


def _heights(problem: Problem, points: Array, replicates: int, number: int, tell: Tell) -> Array | None:
    """The estimated log posterior of every point of a round."""
    random, found = keyed(problem.options.seed, WEIGHTED, 10**5, number), np.full(len(points), -math.inf)
    for k, z in enumerate(points):
        if not tell("weighing", number * len(points) + k, ROUNDS * len(points), ""):
            return None
        found[k] = log_posterior(problem, z, replicate_numbers(random, replicates))
    return found


def _drawn(proposal: tuple[Array, Array], random: np.random.Generator, count: int) -> Array:
    centre, root = proposal
    return centre + student_t(random, count, len(centre), FREEDOM) @ root.T


def _weights(points: Array, values: Array, proposals: list[tuple[Array, Array]]) -> Array:
    """The posterior over the mean density of the proposals; all have drawn equally often."""
    densities = [
        log_student_t(np.linalg.solve(root, (points - centre).T).T, FREEDOM) - np.log(np.diag(root)).sum()
        for centre, root in proposals
    ]
    ratio = values - np.logaddexp.reduce(densities, axis=0)
    weights = np.exp(ratio - ratio.max())
    return weights / weights.sum()


def _learned(found: Weighted, peak: Peak) -> tuple[Array, Array]:
    """Proposal of the next round: what was found, over the peak as if that had been ten points a parameter."""
    mean, covariance = found.moments()
    trust = found.effective_size / (found.effective_size + 10 * len(mean))
    return trust * mean + (1 - trust) * peak.centre, trust * covariance + (1 - trust) * (peak.covariance + peak.error)


def _root(covariance: Array) -> Array:
    """Its lower root, also where all weight is on a few points."""
    sound = covariance + np.diag(1e-9 + 1e-4 * np.diag(covariance))
    return np.linalg.cholesky(sound).astype(np.float64)


def notes_on(found: Weighted) -> tuple[str, ...]:
    """Notes where the effective sample size is too small for the points to be used, in words."""
    if found.effective_size >= ENOUGH:
        return ()
    return (
        "the likelihood is too noisy for weighted points (effective sample size "
        f"{found.effective_size:.0f}, and {ENOUGH} are "
        "needed): this is the normal curve at the peak, as a rule a little too narrow; --replicates should be larger",
    )

"""The peak of the posterior: a quadratic fitted to estimates of the log posterior at many points around it.

Each estimate is noisy; a regression over points that lie as wide as the posterior averages the noise away and says how
much of it is left, where differences over small steps would show nothing else (compare Ionides et al. 2017, J R Soc
Interface 14:20170126). ``weighted`` goes on from there to the posterior itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpmdsl.runtime.calibration.densities import unbiased_log_mean_exp
from lpmdsl.runtime.calibration.methods.start import log_posterior
from lpmdsl.runtime.calibration.posterior import Tell
from lpmdsl.runtime.calibration.problem import Problem, keyed, replicate_numbers

Array = NDArray[np.float64]
CURVATURE = 4
"""First key of the draws that are made here."""
ROUNDS = 5
POINTS_EACH = 5
"""Points of a round for every number that the quadratic has."""
WIDER = 1.5
LONGEST = 1.5
"""Longest move of the peak in a round, in standard deviations."""
SURE = 0.35
"""Standard error of the peak, in standard deviations of the posterior, beyond which it is not known."""


@dataclass(frozen=True, slots=True)
class Peak:
    """``centre`` and ``covariance`` of the posterior on the real line, and its ``height``.

    ``error``: covariance of the centre that the draws of the replicates leave. ``is_peak``: it bends down in every
    direction.
    """

    centre: Array
    covariance: Array
    error: Array
    height: float
    is_peak: bool
    runs: int

    def worst_error(self) -> float:
        """The largest standard error of the centre in standard deviations of the posterior."""
        root = np.linalg.inv(np.linalg.cholesky(self.covariance))
        return math.sqrt(max(0.0, float(np.linalg.eigvalsh(root @ self.error @ root.T).max())))

    def draws(self, seed: int, chains: int, count: int) -> Array:
        """(chains, count, parameters): independent draws of the normal curve, with the error of the centre in it."""
        root = np.linalg.cholesky(self.covariance + self.error)
        shape = (chains, count, len(self.centre))
        return self.centre + keyed(seed, CURVATURE, 10**6).standard_normal(shape) @ root.T


def climb_quadratic(problem: Problem, centre: Array, covariance: Array, replicates: int, tell: Tell) -> Peak | None:
    """The peak near ``centre``; None if asked to stop."""
    n = len(centre)
    each = POINTS_EACH * (n + 1) * (n + 2) // 2
    random, points, values = keyed(problem.options.seed, CURVATURE, 0), np.empty((0, n)), np.empty(0)
    peak = Peak(centre, covariance, covariance, -math.inf, False, 0)
    for number in range(ROUNDS):
        root = np.linalg.cholesky(WIDER * peak.covariance)
        new = peak.centre + random.standard_normal((each, n)) @ root.T
        found = np.full(each, -math.inf)
        for k, z in enumerate(new):
            if not tell("curvature", number * each + k, ROUNDS * each, ""):
                return None
            found[k] = log_posterior(problem, z, replicate_numbers(random, replicates), unbiased_log_mean_exp)
        points, values = np.concatenate([points, new]), np.concatenate([values, found])
        peak = _fitted(points, values, peak, ROUNDS * each * replicates)
    return peak


def _fitted(points: Array, values: Array, before: Peak, runs: int) -> Peak:
    """Weighted least squares in coordinates in which what was found before is the unit ball."""
    n = len(before.centre)
    root = np.linalg.cholesky(before.covariance)
    unit = np.linalg.solve(root, (points - before.centre).T).T
    weights = np.exp(-(unit**2).sum(axis=1) / 8) * np.isfinite(values)
    pairs = [(i, j) for i in range(n) for j in range(i, n)]
    columns = [np.ones(len(unit)), unit, *(unit[:, i] * unit[:, j] for i, j in pairs)]
    design = np.column_stack(columns).astype(np.float64)
    seen = np.where(np.isfinite(values), values, 0.0)
    weights *= _robust(design, seen, weights)
    inverse = np.linalg.pinv((design * weights[:, None]).T @ design)
    solved = inverse @ (design * weights[:, None]).T @ seen
    residual = seen - design @ solved
    noise = float((weights * residual**2).sum() / max(weights.sum() - design.shape[1] * weights.mean(), 1.0))
    spread = inverse @ ((design * (weights**2 * noise)[:, None]).T @ design) @ inverse
    hessian = np.zeros((n, n))
    for value, (i, j) in zip(solved[n + 1 :], pairs, strict=True):
        hessian[i, j] += value
        hessian[j, i] += value
    bends, axes = np.linalg.eigh(-hessian)
    bounded = np.clip(bends, 1 / 4, 16.0)  # at most twice as wide as before, at least a quarter
    shape = axes @ np.diag(1 / bounded) @ axes.T
    move = shape @ solved[1 : n + 1]
    move *= min(1.0, LONGEST / max(float(np.linalg.norm(move)), 1e-12))
    height = float(solved[0] + solved[1 : n + 1] @ move + 0.5 * move @ hessian @ move)
    error = shape @ spread[1 : n + 1, 1 : n + 1] @ shape
    return Peak(before.centre + root @ move, root @ shape @ root.T, root @ error @ root.T, height,
                bool(bends.min() > 1 / 16), runs)  # fmt: skip


def _robust(design: Array, seen: Array, weights: Array) -> Array:
    """Less weight for points far below the surface: estimates whose replicates all missed (Huber's weights)."""
    robust = np.ones(len(seen))
    for _ in range(8):
        w = weights * robust
        solved = np.linalg.pinv((design * w[:, None]).T @ design) @ (design * w[:, None]).T @ seen
        residual = seen - design @ solved
        scale = 1.4826 * float(np.median(np.abs(residual[weights > 0]))) + 1e-9
        robust = np.minimum(1.0, 2 * scale / np.maximum(np.abs(residual), 1e-12))
    return robust


def doubts_of(peak: Peak) -> list[str]:
    """Reasons to doubt the peak, in words."""
    found = []
    if not peak.is_peak:
        found.append("the log posterior does not bend down in every direction: the data do not tell parameters apart")
    if peak.worst_error() > SURE:
        found.append(f"the noise of the replicates moves the peak by {peak.worst_error():.2f} standard deviations of "
                     f"the posterior, and {SURE} is allowed: --replicates must be larger")  # fmt: skip
    return found

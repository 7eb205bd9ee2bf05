"""A peak as draws, and the hands empty."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpmdsl.config import Certified
from lpmdsl.runtime.calibration.curvature import Peak
from lpmdsl.runtime.calibration.posterior import STOPPED, Posterior
from lpmdsl.runtime.calibration.problem import Problem

Array = NDArray[np.float64]


def from_peak(
    problem: Problem, peak: Peak, replicates: int, runs: int, doubts: list[str], certificate: Certified | None,
    history: tuple[tuple[str, Array], ...],
) -> Posterior:  # fmt: skip
    """Independent draws of the normal posterior about a peak."""
    options = problem.options
    draws = peak.draws(options.seed, options.chains, options.draws)
    unknown = np.full(draws.shape[:2], np.nan)
    return Posterior(draws, unknown, replicates, runs, certificate=certificate, independent=True, doubts=tuple(doubts),
                     history=history)  # fmt: skip


def stopped_posterior(problem: Problem) -> Posterior:
    """Nothing to draw from yet: the checkpoint has what there is."""
    empty = np.empty((0, 0, len(problem.free)))
    return Posterior(empty, np.empty((0, 0)), 0, 0, independent=True, stopped=STOPPED)

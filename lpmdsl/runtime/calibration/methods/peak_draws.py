"""A peak, or weighted points about it, as draws; and the hands empty."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpmdsl.config import Certified
from lpmdsl.runtime.calibration.methods.importance_sampling import ENOUGH, notes_on, weigh
from lpmdsl.runtime.calibration.methods.quadratic_peak import Peak, doubts_of
from lpmdsl.runtime.calibration.posterior import STOPPED, Posterior, Tell
from lpmdsl.runtime.calibration.problem import Problem

Array = NDArray[np.float64]


def from_peak(
    problem: Problem, peak: Peak, replicates: int, runs: int, doubts: list[str], certificate: Certified | None,
    history: tuple[tuple[str, Array], ...], tell: Tell,
) -> Posterior:  # fmt: skip
    """Independent draws of the posterior about a peak. ``runs``, ``doubts``: what was run before, what it found."""
    weighted, options = weigh(problem, peak, replicates, tell), problem.options
    if weighted is None:
        return stopped_posterior(problem)
    source = weighted if weighted.effective_size >= ENOUGH else peak
    draws = source.draws(options.seed, options.chains, options.draws)
    return Posterior(draws, np.full(draws.shape[:2], np.nan), replicates, runs + peak.runs + weighted.runs,
                     certificate=certificate, independent=True, doubts=tuple(doubts_of(peak) + doubts),
                     notes=notes_on(weighted), history=history)  # fmt: skip


def stopped_posterior(problem: Problem) -> Posterior:
    """Nothing to draw from yet: the checkpoint has what there is."""
    empty = np.empty((0, 0, len(problem.free)))
    return Posterior(empty, np.empty((0, 0)), 0, 0, independent=True, stopped=STOPPED)

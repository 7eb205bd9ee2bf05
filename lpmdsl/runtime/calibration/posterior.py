"""The result of every method: draws of the parameters, and what is known of how they were made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lpmdsl.config import Certified

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Posterior:
    """``draws``: (chains, draws, parameters) on the real line; ``log_likelihood``: (chains, draws), NaN if unknown.

    ``spread``: standard deviation of the estimated log likelihood at the middle. ``runs``: replicates run in all.
    ``independent``: the draws of a chain do not follow from each other. ``doubts``: what else speaks against the
    result, in words. ``notes``: what else is to be known. ``history``: (what, values): what went on, for the report.
    ``networks``: the trained weights of every family that a network gives.
    """

    draws: Array
    log_likelihood: Array
    replicates: int
    runs: int
    acceptance: float | None = None
    spread: float | None = None
    certificate: Certified | None = None
    independent: bool = False
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    history: tuple[tuple[str, Array], ...] = ()
    stopped: str = ""
    networks: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


STOPPED = "interrupted from the keyboard"
Tell = Callable[[str, int, int, str], bool]
"""Told the stage, how much of it is done and of how much, and a word on how it goes; says whether to go on."""

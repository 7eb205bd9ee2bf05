"""The score estimator for a model that is run: which parameters it serves, and one ĝ for every replicate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lpmdsl.runtime.engine.replicates import Repeats
from lpmdsl.runtime.gradients.gradient_check import first_half
from lpmdsl.runtime.gradients.score.estimator import (
    Ledgers,
    Slices,
    best_of_both,
    cut,
    joined,
    slices_of,
    still_to_come,
    with_controls,
    without_controls,
)
from lpmdsl.runtime.gradients.score.runs import ScoredRepeats
from lpmdsl.runtime.objective import boundaries_of, weights_of
from lpmdsl.semantics.analysis.score_support import unscored

Array = NDArray[np.float64]

FEWEST = 8
"""With fewer replicates nothing can be fitted, and the plain score is given."""
AT_ONCE = 64
"""Replicates that are run before they are cut into slices."""


@dataclass(slots=True)
class ByScore:
    """The score by some parameters of a model, compiled once. ``refused``: those that it does not serve, and why."""

    repeats: Repeats
    names: tuple[str, ...]
    refused: dict[str, str]
    _scored: ScoredRepeats | None = field(default=None)

    @property
    def scored(self) -> ScoredRepeats:
        """Runs that keep a ledger, compiled the first time."""
        if self._scored is None:
            self._scored = ScoredRepeats(self.repeats, self.names)
        return self._scored

    def told(self, values: Mapping[str, float], replicates: int) -> tuple[Ledgers, Slices]:
        """The ledgers of the first replicates; one more run than those says how they are cut."""
        (pilot,) = self.scored.runs(dict(values), range(replicates, replicates + 1))
        slices = slices_of(pilot)
        runs = []
        for first in range(0, replicates, AT_ONCE):
            batch = range(first, min(replicates, first + AT_ONCE))
            runs += [cut(run, slices) for run in self.scored.runs(dict(values), batch)]
        return joined(runs, self.scored.moved), slices

    def each(self, values: Mapping[str, float], replicates: int) -> Array:
        """ĝ of the quantity for every replicate, (replicates, parameters)."""
        return self.pulled_back(np.ones(1), values, replicates)

    def each_and_early(self, values: Mapping[str, float], replicates: int) -> tuple[Array, Array | None]:
        """``each``, and the same of the first half of the reports if the quantity is a sum of reports."""
        ledgers, slices = self.told(values, replicates)
        weights = weights_of(self.repeats.quantity.function, ledgers.reports)
        if weights is None:
            return self._of_whole(ledgers, slices, 1.0), None
        half = weights * first_half(len(weights))
        return self.weighed(ledgers, slices, weights), self.weighed(ledgers, slices, half)

    def pulled_back(self, factors: Array, values: Mapping[str, float], replicates: int) -> Array:
        """ĝ of a weighed sum of the quantity's numbers for every replicate."""
        ledgers, slices = self.told(values, replicates)
        function = self.repeats.quantity.function
        weights = factors if not function else weights_of(function, ledgers.reports)
        if weights is not None:
            return self.weighed(ledgers, slices, weights if not function else weights * factors[0])
        return self._of_whole(ledgers, slices, factors[0])

    def _of_whole(self, ledgers: Ledgers, slices: Slices, factor: float) -> Array:
        """ĝ of a number that is no sum of reports: all of it may come after any draw."""
        quantity, model = self.repeats.quantity, self.repeats.model
        whole = factor * np.array([quantity.number(model, reports) for reports in ledgers.reports])
        return estimates(ledgers, np.repeat(whole[:, None], len(slices.starts), axis=1), slices)

    def weighed(self, ledgers: Ledgers, slices: Slices, weights: Array) -> Array:
        """ĝ of a weighed sum of the reports for every replicate."""
        observation = self.repeats.quantity.observation
        boundaries = boundaries_of(self.repeats.model, observation, ledgers.reports.shape[1])
        return estimates(ledgers, still_to_come(ledgers.reports, weights, boundaries, slices), slices)


def estimates(ledgers: Ledgers, to_come: Array, slices: Slices) -> Array:
    """ĝ with controls where there are replicates enough to weigh them."""
    if len(to_come) < FEWEST:
        return without_controls(ledgers, to_come)[:, : ledgers.score.shape[2] - len(ledgers.moved)]
    return best_of_both(with_controls(ledgers, to_come, slices), ledgers.moved)


def by_score(repeats: Repeats, names: Sequence[str]) -> ByScore:
    """The estimator for those of the parameters that it can serve."""
    observation = repeats.quantity.observation
    refused = {n: why for n in names if (why := unscored(repeats.model, n, observation)) is not None}
    return ByScore(repeats, tuple(n for n in names if n not in refused), refused)

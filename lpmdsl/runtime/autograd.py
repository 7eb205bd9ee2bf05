"""A whole run as one differentiable function of torch: ``loss(m.simulator(…)(theta)).backward()``.

A backward pass takes differences (``runtime.differences``, four runs for each parameter) or the score (one run more for
all of them, ``runtime.score_estimator``), whichever costs less for the same error: that is tried at the first backward
pass with more than three parameters. A forward derivative (``jvp``) takes four runs in all. Neither keeps steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from lpmdsl.diagnostics import fail
from lpmdsl.runtime.choice import FEW, PROBED, check_estimator, cost
from lpmdsl.runtime.differences import CENTRAL, Stencil, stencil_at
from lpmdsl.runtime.directions import probe
from lpmdsl.runtime.gradient_by_score import ByScore, by_score
from lpmdsl.runtime.relaxed_autograd import RelaxedSimulator, relaxed_simulator
from lpmdsl.runtime.relaxed_estimator import RELAXED
from lpmdsl.runtime.repeats import Repeats
from lpmdsl.runtime.settings import is_within, limits_text
from lpmdsl.runtime.whole_run import apply


@dataclass(frozen=True, slots=True)
class Simulator:
    """Parameters in base units, (parameters,) → the mean over replicates of the quantity, (numbers,).

    With ``each`` the replicates themselves, (replicates, numbers): for the mean of a loss, not the loss of a mean.
    ``estimator``: of backward passes; the score has none for ``each``. Raises ``LpmError`` (E0805) for a value outside
    a parameter's limits.
    """

    repeats: Repeats
    names: tuple[str, ...]
    each: bool = False
    estimator: str = "auto"
    _tried: dict[str, object] = field(default_factory=dict, compare=False)

    def __call__(self, theta: torch.Tensor) -> torch.Tensor:
        return apply(theta, self)

    def at(self, theta: np.ndarray) -> np.ndarray:
        """The values at one point, without derivatives."""
        for name, value in zip(self.names, theta, strict=True):
            parameter = self.repeats.model.parameter(name)
            if not is_within(parameter, float(value)):
                message = f"`{name}` cannot be {value:g}: {limits_text(parameter)}."
                raise fail("E0805", message, parameter.span, "Transform it, so that every value is possible.")
        found = self.repeats.values(dict(zip(self.names, map(float, theta), strict=True)))
        return found if self.each else found.mean(axis=0)

    def pulled_back(self, theta: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(parameters,): how a weighed sum of the values changes with every parameter."""
        found = np.full(len(self.names), np.nan)
        if self._takes_score(theta, weights):
            served = [self.names.index(n) for n in self._score.names]
            found[served] = self._score_each(theta, weights).mean(axis=0)
        for k in np.flatnonzero(~np.isfinite(found)):
            found[k] = (weights * self._column(theta, int(k))).sum()
        return found

    def _column(self, theta: np.ndarray, k: int) -> np.ndarray:
        """How the values change with one parameter."""
        stencil, step = stencil_at(self.repeats.model.parameter(self.names[k]), float(theta[k]))
        return self.along(theta, np.eye(len(theta))[k], stencil, step)

    @property
    def _score(self) -> ByScore:
        if "score" not in self._tried:
            self._tried["score"] = by_score(self.repeats, self.names)
        return self._tried["score"]  # type: ignore[return-value]

    def _score_each(self, theta: np.ndarray, weights: np.ndarray) -> np.ndarray:
        values = dict(zip(self.names, map(float, theta), strict=True))
        return self._score.pulled_back(weights, values, self.repeats.plan.options.replicates)

    def _takes_score(self, theta: np.ndarray, weights: np.ndarray) -> bool:
        """Whether backward passes go by the score; tried once, at the first of them."""
        if self.each or self.estimator == "differences":
            return False
        if self.estimator == "score":
            return bool(self._score.names)
        if "is_cheaper" not in self._tried:
            self._tried["is_cheaper"] = len(self._score.names) > FEW and self._is_cheaper(theta, weights)
        return bool(self._tried["is_cheaper"])

    def _is_cheaper(self, theta: np.ndarray, weights: np.ndarray) -> bool:
        each, options = self._score_each(theta, weights), self.repeats.plan.options
        if len(each) < 2 or not np.isfinite(each).all():
            return False
        values = self.repeats.plan.variants[0].parameters | dict(zip(self.names, map(float, theta), strict=True))
        replicates = min(PROBED, options.replicates)
        tested = probe(self.repeats, self._score.names, values, replicates, options.seed, weights)
        return cost(self._score.names, each, tested) <= 1

    def along(self, theta: np.ndarray, direction: np.ndarray, stencil: Stencil, step: float) -> np.ndarray:
        """The derivative along a direction."""
        values = np.stack([self.at(theta + k * step * direction) for k in stencil.at])
        return np.tensordot(np.asarray(stencil.estimate), values, 1) / step

    def pushed_forward(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """The derivative along a direction, as far along it as every parameter's own step allows."""
        moved = np.abs(direction) > 0
        if not moved.any():
            return np.zeros_like(self.at(theta))
        steps = [stencil_at(self.repeats.model.parameter(n), float(v))[1]
                 for n, v in zip(self.names, theta, strict=True)]  # fmt: skip
        step = float(np.min(np.asarray(steps)[moved] / np.abs(direction)[moved]))
        return self.along(theta, direction, CENTRAL, step)


def simulator(
    repeats: Repeats, names: Sequence[str], each: bool = False, estimator: str = "auto"
) -> Simulator | RelaxedSimulator:
    """The differentiable function of some parameters; ``each`` is for estimators that have replicates.

    Raises ``LpmError`` (E0841).
    """
    check_estimator(estimator)
    if estimator in RELAXED:
        return relaxed_simulator(repeats, names, estimator)
    return Simulator(repeats, tuple(names), each, estimator)

"""A whole run as one differentiable function of torch: ``loss(m.simulator(…)(theta)).backward()``.

A backward pass takes differences, four runs for each parameter (``runtime.gradients.finite_differences``) or two for
any number of them (``runtime.gradients.random_directions``); with fewer replicates than parameters the score, less than
two runs for all (``runtime.gradients.score.estimator``). A forward derivative (``jvp``) takes four runs in all. Neither
keeps steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from lpmdsl.diagnostics import fail
from lpmdsl.runtime.engine.replicates import Repeats
from lpmdsl.runtime.gradients.auto import FEW, check_estimator
from lpmdsl.runtime.gradients.autograd_function import apply
from lpmdsl.runtime.gradients.finite_differences import CENTRAL, Stencil, stencil_at
from lpmdsl.runtime.gradients.random_directions import can_spread, spread
from lpmdsl.runtime.gradients.relaxed.autograd import RelaxedSimulator, relaxed_simulator
from lpmdsl.runtime.gradients.relaxed.estimator import RELAXED
from lpmdsl.runtime.gradients.score.gradient import FEWEST, ByScore, by_score
from lpmdsl.runtime.settings import is_within, limits_text


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
    _compiled: dict[str, ByScore] = field(default_factory=dict, compare=False)

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
        values = dict(zip(self.names, map(float, theta), strict=True))
        together = can_spread(self.repeats, self.names, values) if self._may_spread() else ()
        if together:
            at = [self.names.index(n) for n in together]
            found[at] = spread(self.repeats, together, values, weights).gradient
        elif self._takes_score():
            served = [self.names.index(n) for n in self._score.names]
            found[served] = self._score.pulled_back(weights, values, self.repeats.plan.options.replicates).mean(axis=0)
        for k in np.flatnonzero(~np.isfinite(found)):
            found[k] = (weights * self._column(theta, int(k))).sum()
        return found

    def _may_spread(self) -> bool:
        """Return True if parameters are moved together: not by name of another estimator, nor for each replicate."""
        return not self.each and (self.estimator == "spread" or (self.estimator == "auto" and len(self.names) > FEW))

    def _column(self, theta: np.ndarray, k: int) -> np.ndarray:
        """Differences of the values by one parameter."""
        stencil, step = stencil_at(self.repeats.model.parameter(self.names[k]), float(theta[k]))
        return self.along(theta, np.eye(len(theta))[k], stencil, step)

    @property
    def _score(self) -> ByScore:
        if "score" not in self._compiled:
            self._compiled["score"] = by_score(self.repeats, self.names)
        return self._compiled["score"]

    def _takes_score(self) -> bool:
        if self.each or self.estimator in ("differences", "spread"):
            return False
        if self.estimator == "score":
            return bool(self._score.names)
        return len(self._score.names) > FEW and self.repeats.plan.options.replicates >= FEWEST

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

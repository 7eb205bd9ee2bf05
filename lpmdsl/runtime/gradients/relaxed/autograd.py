"""The relaxed model, or straight-through, as one differentiable function of torch (``gradients.autograd``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lpmdsl.runtime.engine.replicates import Repeats
from lpmdsl.runtime.gradients.autograd_function import apply
from lpmdsl.runtime.gradients.finite_differences import CENTRAL
from lpmdsl.runtime.gradients.relaxed.estimator import RelaxedObjective, check_seen, free_values

STEP = 1e-3
"""Of a direction's length: the relaxed model is smooth, so its differences are good to ten digits."""


@dataclass(frozen=True, slots=True)
class RelaxedSimulator:
    """Parameters in base units, (parameters,) → the quantity, (numbers,).

    ``relaxation``: of the relaxed model. ``surrogate``: the mean over replicates as drawn, with the gradient of
    straight-through. A backward pass costs one backward run, whatever the number of parameters.
    """

    objective: RelaxedObjective
    names: tuple[str, ...]
    estimator: str

    def __call__(self, theta: torch.Tensor) -> torch.Tensor:
        return apply(theta, self)

    def settings(self, theta: np.ndarray) -> dict[str, float]:
        """Values of all free parameters, with those of ``theta``."""
        repeats = self.objective.repeats
        free = free_values(repeats.model, repeats.plan.variants[0].parameters)
        return {**free, **dict(zip(self.names, map(float, theta), strict=True))}

    def at(self, theta: np.ndarray) -> np.ndarray:
        """The values at one point."""
        if self.estimator == "surrogate":
            return self.objective.repeats.values(self.settings(theta)).mean(axis=0)
        return self.objective.value(self.objective.run(self.settings(theta)))

    def pulled_back(self, theta: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(parameters,): how a weighed sum of the values changes with every parameter."""
        settings = self.settings(theta)
        if self.estimator == "surrogate":
            return self.objective.surrogate(settings, self.names, weights)[1].mean(axis=0)
        return self.objective.gradient(self.objective.run(settings), self.names, weights)

    def pushed_forward(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """The derivative of the values along a direction, of the relaxed model."""
        size = np.max(np.abs(direction) / np.maximum(np.abs(theta), 1e-12))
        step = STEP / size if size > 0 else STEP
        runs = [self.objective.value(self.objective.run(self.settings(theta + k * step * direction)))
                for k in CENTRAL.at]  # fmt: skip
        return np.tensordot(np.asarray(CENTRAL.estimate), np.stack(runs), 1) / step


def relaxed_simulator(repeats: Repeats, names: Sequence[str], estimator: str) -> RelaxedSimulator:
    """The differentiable function. Raises ``LpmError`` (E0846, E0847)."""
    check_seen(repeats, tuple(names))
    return RelaxedSimulator(RelaxedObjective(repeats), tuple(names), estimator)

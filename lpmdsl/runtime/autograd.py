"""A whole run as one differentiable function of torch: ``loss(m.simulator(…)(theta)).backward()``.

The derivative is that of ``runtime.differences``: unbiased up to the fourth order of the step, whatever in the model is
discrete. A backward pass costs four runs for every parameter, a forward derivative (``jvp``) four runs in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lpmdsl.diagnostics import fail
from lpmdsl.runtime.differences import CENTRAL, Stencil, stencil_at
from lpmdsl.runtime.relaxed_autograd import RelaxedSimulator, relaxed_simulator
from lpmdsl.runtime.relaxed_estimator import RELAXED
from lpmdsl.runtime.repeats import Repeats
from lpmdsl.runtime.settings import is_within, limits_text


@dataclass(frozen=True, slots=True)
class Simulator:
    """Parameters in base units, (parameters,) → the mean over replicates of the quantity, (numbers,).

    With ``each`` the replicates themselves, (replicates, numbers): for the mean of a loss, not the loss of a mean.
    Raises ``LpmError`` (E0805) for a value outside a parameter's limits.
    """

    repeats: Repeats
    names: tuple[str, ...]
    each: bool = False

    def __call__(self, theta: torch.Tensor) -> torch.Tensor:
        if theta.shape != (len(self.names),):
            raise ValueError(f"theta has the shape {tuple(theta.shape)}, and ({len(self.names)},) is needed")
        return _WholeRun.apply(theta, self)  # type: ignore[no-any-return]

    def at(self, theta: np.ndarray) -> np.ndarray:
        """The values at one point, without derivatives."""
        for name, value in zip(self.names, theta, strict=True):
            parameter = self.repeats.model.parameter(name)
            if not is_within(parameter, float(value)):
                message = f"`{name}` cannot be {value:g}: {limits_text(parameter)}."
                raise fail("E0805", message, parameter.span, "Transform it, so that every value is possible.")
        found = self.repeats.values(dict(zip(self.names, map(float, theta), strict=True)))
        return found if self.each else found.mean(axis=0)

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        """(…, parameters): how the values change with every parameter."""
        columns = []
        for k, name in enumerate(self.names):
            stencil, step = stencil_at(self.repeats.model.parameter(name), float(theta[k]))
            columns.append(self.along(theta, np.eye(len(theta))[k], stencil, step))
        return np.stack(columns, axis=-1)

    def along(self, theta: np.ndarray, direction: np.ndarray, stencil: Stencil, step: float) -> np.ndarray:
        """The derivative along a direction."""
        values = np.stack([self.at(theta + k * step * direction) for k in stencil.at])
        return np.tensordot(np.asarray(stencil.estimate), values, 1) / step


class _WholeRun(torch.autograd.Function):
    """The run as one node of the graph; steps and agents never enter it."""

    @staticmethod
    def forward(theta: torch.Tensor, simulator: Simulator) -> torch.Tensor:
        return _tensor(simulator.at(_array(theta)), theta)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor, Simulator], output: torch.Tensor) -> None:
        theta, ctx.simulator = inputs
        ctx.save_for_backward(theta)
        ctx.save_for_forward(theta)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        (theta,) = ctx.saved_tensors
        jacobian = _tensor(ctx.simulator.jacobian(_array(theta)), theta)
        return torch.tensordot(grads[0], jacobian, dims=grads[0].dim()), None

    @staticmethod
    def jvp(ctx: Any, *tangents: torch.Tensor) -> torch.Tensor:
        (theta,) = ctx.saved_tensors
        at, direction = _array(theta), _array(tangents[0])
        steps = [stencil_at(ctx.simulator.repeats.model.parameter(n), float(v))[1]
                 for n, v in zip(ctx.simulator.names, at, strict=True)]  # fmt: skip
        moved = np.abs(direction) > 0
        if not moved.any():
            return torch.zeros_like(_tensor(ctx.simulator.at(at), theta))
        # As far along the direction as every parameter's own step allows.
        step = float(np.min(np.asarray(steps)[moved] / np.abs(direction)[moved]))
        return _tensor(ctx.simulator.along(at, direction, CENTRAL, step), theta)


def _array(theta: torch.Tensor) -> np.ndarray:
    return theta.detach().cpu().numpy().astype(np.float64)


def _tensor(values: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(values, dtype=like.dtype, device=like.device)


def simulator(
    repeats: Repeats, names: Sequence[str], each: bool = False, estimator: str = "auto"
) -> Simulator | RelaxedSimulator:
    """The differentiable function of some parameters; ``each`` is for estimators that have replicates."""
    if estimator in RELAXED:
        return relaxed_simulator(repeats, names, estimator)
    return Simulator(repeats, tuple(names), each)

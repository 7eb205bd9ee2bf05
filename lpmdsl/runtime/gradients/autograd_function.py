"""A whole run as one node of torch's graph; steps and agents never enter it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch


class Differentiable(Protocol):
    """Parameters in base units, (parameters,) → values, with derivatives both ways."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        ...

    def at(self, theta: np.ndarray) -> np.ndarray:
        """The values at one point."""
        ...

    def pulled_back(self, theta: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(parameters,): how a weighed sum of the values changes with every parameter."""
        ...

    def pushed_forward(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """The derivative of the values along a direction."""
        ...


def apply(theta: torch.Tensor, simulator: Differentiable) -> torch.Tensor:
    """The values as a function of torch. Raises ``ValueError`` for a ``theta`` of another shape."""
    if theta.shape != (len(simulator.names),):
        raise ValueError(f"theta has the shape {tuple(theta.shape)}, and ({len(simulator.names)},) is needed")
    return _WholeRun.apply(theta, simulator)  # type: ignore[no-any-return]


class _WholeRun(torch.autograd.Function):
    @staticmethod
    def forward(theta: torch.Tensor, simulator: Differentiable) -> torch.Tensor:
        return _tensor(simulator.at(_array(theta)), theta)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor, Differentiable], output: torch.Tensor) -> None:
        theta, ctx.simulator = inputs
        ctx.save_for_backward(theta)
        ctx.save_for_forward(theta)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        (theta,) = ctx.saved_tensors
        return _tensor(ctx.simulator.pulled_back(_array(theta), _array(grads[0])), theta), None

    @staticmethod
    def jvp(ctx: Any, *tangents: torch.Tensor) -> torch.Tensor:
        (theta,) = ctx.saved_tensors
        return _tensor(ctx.simulator.pushed_forward(_array(theta), _array(tangents[0])), theta)


def _array(theta: torch.Tensor) -> np.ndarray:
    return theta.detach().cpu().numpy().astype(np.float64)


def _tensor(values: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(values, dtype=like.dtype, device=like.device)

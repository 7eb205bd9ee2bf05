"""Networks of a fit: from weights to the parts of families on the real line, and the derivatives by the weights.

A network has one layer of hyperbolic tangents. Weights are normal about 0 with a standard deviation of 1, and scaled so
that a part lies within a factor of 1.86 of its value as written in two cases of three, however many units there are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpmdsl.semantics.model import Net

Array = NDArray[np.float64]
SCALE = 0.5


@dataclass(frozen=True, slots=True)
class Network:
    """``covariates``: (parts, d); ``about``: the logs of the parts as written."""

    net: Net
    covariates: Array
    about: Array

    @property
    def size(self) -> int:
        """Number of weights."""
        return 1 + self.net.hidden * (2 + self.covariates.shape[1])

    def names(self) -> tuple[str, ...]:
        """Names of the weights, in their order: of the output, then of each hidden unit."""
        units = range(1, self.net.hidden + 1)
        out = ["out", *(f"out of {j}" for j in units)]
        return (*out, *(f"into {j}" for j in units), *(f"into {j} from {c}" for j in units for c in self.net.names))

    def logs(self, weights: Array) -> Array:
        """(parts,): the logs of the parts."""
        bias, out, _, _ = self._split(weights)
        return self.about + SCALE * (bias + self._hidden(weights) @ out / math.sqrt(self.net.hidden))

    def slopes(self, weights: Array) -> Array:
        """(parts, weights): their derivatives."""
        _, out, _, _ = self._split(weights)
        hidden, root = self._hidden(weights), math.sqrt(self.net.hidden)
        into = (1 - hidden**2) * out / root  # (parts, units)
        d = max(self.covariates.shape[1], 1)
        from_each = into[:, :, None] * self.covariates[:, None, :] / math.sqrt(d)
        columns = [np.ones((len(hidden), 1)), hidden / root, into, from_each.reshape(len(hidden), -1)]
        return SCALE * np.concatenate(columns, axis=1)

    def _hidden(self, weights: Array) -> Array:
        """(parts, units)."""
        _, _, bias, into = self._split(weights)
        return np.tanh(bias + self.covariates @ into.T / math.sqrt(max(self.covariates.shape[1], 1)))

    def _split(self, weights: Array) -> tuple[float, Array, Array, Array]:
        h = self.net.hidden
        return float(weights[0]), weights[1 : 1 + h], weights[1 + h : 1 + 2 * h], weights[1 + 2 * h :].reshape(h, -1)


def network_of(net: Net, values: dict[str, float]) -> Network:
    """The network of a family whose parts are written with these values."""
    about = np.log([values[part] for part in net.parts])
    return Network(net, np.array(net.rows, np.float64), about)

"""Dwell times as stages that one leaves with the same probability in each step: what the relaxed program has for them.

Let N be the number of step boundaries that somebody spends in a state. One who enters at a time that is uniform within
a step has the mean of N equal to the mean dwell time in steps, because exits take effect at the first boundary at or
after them (``docs/language/semantics.md``); one who enters at a boundary stays half a step longer, on average, as
those see it who look at boundaries. A chain of J stages with leaving probability p has mean J / p and variance
J (1 − p) / p². J is a mixture of two neighbouring whole numbers, as Tijms (1994) mixes Erlang laws; the mean is met
exactly, the variance up to the variance of the mixture, a quarter of a squared stage at most. Where one stage would
already be too narrow, one stage is entered with probability below 1 and the rest passes through at once. An exponential
dwell time is no chain but a hazard.

A source counts for the part of each step in which it is one: all of a step at whose end it is in the state as at its
beginning, and a part of the steps of entering and leaving. Who leaves misses ``rest`` of that step, half of it for
chains, and who enters and stays has ``rest`` of the step of entering; so everybody counts for μ steps in the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpmdsl.distributions.table import DISTRIBUTIONS, moments as moments_of
from lpmdsl.semantics.analysis.derivative import derivative
from lpmdsl.semantics.host.evaluate import evaluate
from lpmdsl.semantics.host.quantile_tables import _scope as scope_of_row, plan, radix
from lpmdsl.semantics.model import Distribution, Model

MOST_STAGES = 60
"""A longer chain is cut to so many stages: the mean stays right, the law becomes a little wider."""
STAGES = {"empirical": "atoms"} | {
    row.name: row.numbers.stages
    for row in DISTRIBUTIONS.values()
    if row.numbers is not None and row.numbers.stages is not None
}
"""Families that can be stages, and how (``distributions.family.Numbers``)."""
TINY = 1e-30
"""The imaginary step of derivatives by complex numbers, which cancel nothing (Squire & Trapp 1998, SIAM Rev 40:110)."""


LEAVES, REST, ENTRY = 0, 1, 2
"""Columns of a dwell time's numbers: see ``Shape``."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Number of stages of a dwell time; the flat buffer of its numbers is (rows, columns).

    Columns: the leaving probability; the part of a step that one who leaves in it misses; then for every stage the
    probability of entering there from within a step; then the same for those who enter at a boundary. ``passes``: the
    first sum may be less than 1, and the rest passes through at once. ``is_hazard``, of one stage: the second is the
    hazard of a step, and the last the part of a step that one who comes within it stays.
    ``is_timed``: exposure hangs on the state, so who enters at a boundary leaves in the middle of a step in the mean.
    """

    stages: int
    rows: int
    is_hazard: bool = False
    passes: bool = True
    is_timed: bool = False

    @property
    def columns(self) -> int:
        """Number of columns of the buffer of a dwell time's numbers."""
        return ENTRY + 2 * self.stages


def shape_of(
    distribution: Distribution, model: Model, parameters: dict[str, float], is_timed: bool = False
) -> Shape:  # fmt: skip
    """The number of stages that the parameters ask for (the largest of all rows)."""
    rows = _arguments(distribution, model, parameters)
    lengths = [_length(distribution, row, model) for row in rows]
    is_hazard = STAGES[distribution.family] == "one"
    # One more for those who enter at a boundary.
    stages = max(max(1, int(np.ceil(length - 1e-9))) for length in lengths) + (not is_hazard)
    return Shape(stages, len(rows), is_hazard, is_hazard or min(lengths) <= 1, is_timed)


def stage_numbers(
    distribution: Distribution, shape: Shape, model: Model, parameters: dict[str, float]
) -> NDArray[np.float64]:
    """float64 (rows × columns,): see ``Shape``."""
    rows = _arguments(distribution, model, parameters)
    return np.concatenate([np.real(_row(distribution, row, shape, model)) for row in rows])


def stage_derivatives(
    distribution: Distribution, shape: Shape, model: Model, parameters: dict[str, float], parameter: str
) -> NDArray[np.float64]:
    """The derivatives of ``stage_numbers`` by a parameter."""
    rows = _arguments(distribution, model, parameters)
    slopes = _arguments(distribution, model, parameters, parameter)
    moved = [
        _row(distribution, {k: row[k] + 1j * TINY * slope[k] for k in row}, shape, model)
        for row, slope in zip(rows, slopes, strict=True)
    ]
    return np.imag(np.concatenate(moved)) / TINY


def _arguments(
    distribution: Distribution, model: Model, parameters: dict[str, float], by: str | None = None
) -> list[dict[str, float]]:
    """The arguments for every combination of what they read, or their derivatives by a parameter."""
    leaves = plan(distribution)
    sizes = [radix(leaf) for leaf in leaves]
    found = []
    for key in np.ndindex(*sizes):
        scope = scope_of_row(model, parameters, leaves, key)
        written = distribution.arguments
        exprs = {k: e if by is None else derivative(e, by, model) for k, e in written}
        found.append({k: float(evaluate(e, scope)) for k, e in exprs.items()})
    return found


# ------------------------------------------------------------------ moments


def moments(distribution: Distribution, a: dict[str, Any], model: Model) -> tuple[Any, Any]:
    """Mean and variance of the dwell time in days; complex where an argument is."""
    if distribution.family == "empirical":
        return _table_moments(distribution, model)
    return moments_of(distribution.family, a)


def _table_moments(distribution: Distribution, model: Model) -> tuple[float, float]:
    table = model.table(distribution.table or "")
    days = np.array([float(label) for label in table.keys[0]])
    weights = np.asarray(table.values) / np.sum(table.values)
    mean = float(weights @ days)
    return mean, float(weights @ (days - mean) ** 2)


# ------------------------------------------------------------------ stages


def _counted(distribution: Distribution, a: dict[str, Any], model: Model) -> tuple[Any, Any]:
    """Mean and second moment of N of those who enter within a step."""
    step = model.clock.step
    mean, variance = moments(distribution, a, model)
    mean, variance = mean / step, variance / step**2
    if not np.real(mean) > 0:
        raise ValueError("a dwell time whose mean is not above 0")
    if STAGES[distribution.family] == "one":
        leaves = 1 - np.exp(-1 / mean)
        return mean, mean * (2 - leaves) / leaves
    part = mean - np.floor(np.real(mean))
    least = part * (1 - part)  # no law on whole numbers of this mean is narrower
    spread = variance + 1 / 6 if STAGES[distribution.family] != "atoms" else variance + least
    spread = spread if np.real(spread) > np.real(least) else least
    return mean, mean**2 + spread


def _lengths(mean: Any, second: Any) -> Any:
    """The number of stages, not rounded, that has this mean and variance; 1 or less: one stage."""
    return mean**2 / (second - mean**2 + mean)


def _length(distribution: Distribution, a: dict[str, Any], model: Model) -> float:
    return min(float(np.real(_lengths(*_counted(distribution, a, model)))), MOST_STAGES - 1)


def _row(distribution: Distribution, a: dict[str, Any], shape: Shape, model: Model) -> NDArray[np.complex128]:
    """The columns of one row; stages are filled from the last backwards, so shorter chains fit in longer ones."""
    mean, second = _counted(distribution, a, model)
    leaves, within, chain = _chain(mean, second, shape.stages)
    at_boundary = np.zeros(shape.stages, np.complex128)
    at_boundary[shape.stages - len(chain) :] = chain
    if shape.is_hazard:
        return np.array([leaves, 1 / mean, within[0], mean * (1 - within[0])])
    wait = _wait(distribution, mean, shape.is_timed)
    if np.real(_lengths(mean, second)) > 1:
        at_boundary = _later(at_boundary, leaves, wait)
    elif np.real((mean + wait) * leaves) > 1:
        # One stage: its mean is 1 / leaves, and mean + wait is wanted; the rest waits in the stage before it.
        at_boundary = _later(at_boundary, leaves, mean + wait - 1 / leaves)
    rest = at_boundary @ np.arange(shape.stages, 0, -1) / leaves - mean
    return np.concatenate([[leaves, rest if np.real(rest) < 1 else 1.0], within, at_boundary])


def _chain(mean: Any, second: Any, stages: int) -> tuple[Any, NDArray[np.complex128], NDArray[np.complex128]]:
    """The leaving probability, where one enters from within a step, and the same without those who pass at once."""
    length = _lengths(mean, second)
    within = np.zeros(stages, np.complex128)
    if np.real(length) <= 1:
        leaves = 2 * mean / (second + mean)
        within[-1] = mean * leaves
        return leaves, within, np.array([1.0 + 0j])
    length = length if np.real(length) < MOST_STAGES - 1 else MOST_STAGES - 1 + 0j
    whole = max(1, int(np.ceil(np.real(length) - 1e-9)))
    longer = length - (whole - 1)
    chain = np.zeros(whole, np.complex128)
    chain[:2] = [longer, 1 - longer] if whole > 1 else [1.0]
    within[stages - whole :] = chain
    return length / mean, within, chain


def _wait(distribution: Distribution, mean: Any, is_timed: bool) -> Any:
    """Number of boundaries beyond the mean until one leaves who entered at a boundary."""
    if STAGES[distribution.family] == "atoms" and not is_timed:
        return np.ceil(np.real(mean) - 1e-9) - mean
    return 0.5


def _later(entry: NDArray[np.complex128], leaves: Any, wait: Any) -> NDArray[np.complex128]:
    """The same entry with one stage more for a share, so that the mean grows by ``wait``."""
    share = leaves * wait
    share = share if np.real(share) < 1 else 1.0
    moved = np.zeros_like(entry)
    moved[:-1] = entry[1:] * share
    return entry * (1 - share) + moved

"""``relaxation`` and ``surrogate`` as estimators: gradients that are inexpensive and biased, and said to be so.

``relaxation`` is the exact gradient of a deterministic model that is near the stochastic one, or is not: its
certificate compares it with differences on common random numbers along one direction. ``surrogate`` is
straight-through: the drawn run forwards, the relaxation's derivatives at what was drawn backwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.request import RunResult
from lpmdsl.compiler import compile_model
from lpmdsl.diagnostics import fail
from lpmdsl.lowering.relaxed.supported import unseen
from lpmdsl.networks.world import World
from lpmdsl.population.people import build_world
from lpmdsl.runtime.engine.engines import threads_here
from lpmdsl.runtime.engine.kernels import build
from lpmdsl.runtime.engine.replicates import Repeats
from lpmdsl.runtime.gradients.finite_differences import (
    CENTRAL,
    TWO_SIDED_95,
    UNCERTAIN,
    Certificate,
    equivalence,
    standard_error,
    untold,
)
from lpmdsl.runtime.gradients.relaxed.forward_backward import Relaxations, RelaxedRun
from lpmdsl.runtime.gradients.relaxed.straight_through import surrogate_gradient
from lpmdsl.runtime.objective import PEAK_DAY, Quantity
from lpmdsl.runtime.scenarios import world_key
from lpmdsl.runtime.settings import is_within
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.semantics.model import Model, ParameterRef, walk
from lpmdsl.source import Source, Span
from lpmdsl.terminal import err

Array = NDArray[np.float64]
RELAXED = ("relaxation", "surrogate")
SURROGATE_WARNING = (
    "warning: `surrogate` is straight-through: derivatives go through draws as if a draw were its probability. It can"
    " be wrong by orders of magnitude; `auto` and `differences` are not."
)
STEP = 0.05


def check_seen(repeats: Repeats, names: tuple[str, ...]) -> None:
    """Raises ``LpmError`` (E0847) for the first parameter of which the relaxation does not see all that it does, and
    for a quantity that has no derivative by the reports."""
    model, quantity = repeats.model, repeats.quantity
    if quantity.function == PEAK_DAY:
        text = f"{quantity.function} of {quantity.observation}"
        raise fail("E0847", "The day of a peak jumps from one report to another, so a relaxed run has no slope of it.",
                   Span(Source("--of", text), 0, len(text)), "Use `--estimator differences`, or `auto`.")  # fmt: skip
    for name in names:
        found = unseen(model, name)
        if found is not None:
            reason, span = found
            raise fail("E0847", f"The relaxation does not see `{name}`: {reason}.", span,
                       "Use `--estimator differences` for it.")  # fmt: skip


def free_values(model: Model, values: Mapping[str, float]) -> dict[str, float]:
    """The values of parameters that stand for themselves: those computed from others follow them."""
    computed = {p.name for p in model.parameters if any(isinstance(e, ParameterRef) for e in walk(p.default))}
    return {n: v for n, v in values.items() if n not in computed}


def weights_for(quantity: Quantity, reports: Array, given: Array | None = None) -> Array:
    """(reports,): the derivative of the quantity (or of Σ given · reports) by every report."""
    seen = ~np.isnan(reports)
    if not quantity.function:
        return np.where(seen, np.ones(len(reports)) if given is None else given, 0.0)
    factor = 1.0 if given is None else float(np.asarray(given).reshape(-1)[0])
    chosen = np.zeros(len(reports))
    match quantity.function:
        case "total":
            chosen[seen] = 1.0
        case "mean":
            chosen[seen] = 1.0 / seen.sum()
        case "final":
            chosen[np.flatnonzero(seen)[-1]] = 1.0
        case "median":
            order = np.argsort(reports)[: seen.sum()]  # what is missing comes last
            middle = order[[(len(order) - 1) // 2, len(order) // 2]]
            np.add.at(chosen, middle, 0.5)
        case "min":
            chosen[int(np.nanargmin(reports))] = 1.0
        case _:
            chosen[int(np.nanargmax(reports))] = 1.0
    return factor * chosen


@dataclass(slots=True)
class RelaxedObjective:
    """A quantity of the relaxed model at any parameter values, on the people of the first replicate."""

    repeats: Repeats
    programs: Relaxations = field(init=False)
    _worlds: dict[tuple[float, ...], World] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.programs = Relaxations(self.repeats.model)

    def run(self, settings: Mapping[str, float]) -> RelaxedRun:
        """The relaxed model with some parameters at other values (base units)."""
        model, plan = self.repeats.model, self.repeats.plan
        values = parameter_values(model, dict(settings))
        key = world_key(model, values)
        if key not in self._worlds:
            self._worlds[key] = build_world(model, values, plan.options.seed, plan.counts)
        threads = threads_here(plan.options.threads)
        return self.programs.run(self._worlds[key], values, plan.steps, plan.variants[0].disabled, threads)

    def reports(self, run: RelaxedRun) -> Array:
        """(reports,) of the observation; groups of people are added up."""
        return run.reports(self.repeats.quantity.observation).sum(axis=1)

    def value(self, run: RelaxedRun) -> Array:
        """One number, or all reports."""
        name = self.repeats.quantity.observation
        result = RunResult({name: run.reports(name)}, (), {}, {}, run.steps)
        return self.repeats.quantity.of(self.repeats.model, result)

    def gradient(self, run: RelaxedRun, names: tuple[str, ...], given: Array | None = None) -> Array:
        """(names,): the derivatives of the quantity, or of Σ given · reports."""
        weights = weights_for(self.repeats.quantity, self.reports(run), given)
        groups = run.reports(self.repeats.quantity.observation).shape[1]
        wide = np.repeat(weights[:, None], groups, axis=1)
        return run.pulled_back({self.repeats.quantity.observation: wide}, names)

    def surrogate(
        self, settings: Mapping[str, float], names: tuple[str, ...], given: Array | None = None
    ) -> tuple[Array, Array]:
        """Straight-through: the values (replicates, numbers) as drawn, and the gradients (replicates, names)."""
        err(SURROGATE_WARNING)
        run, kernels = self.run(settings), build(compile_model(self.repeats.model, self.repeats.facts))
        each = [
            surrogate_gradient(self.repeats, kernels, run, replicate, names,
                               lambda reports: weights_for(self.repeats.quantity, reports, given))
            for replicate in range(self.repeats.plan.options.replicates)
        ]  # fmt: skip
        return np.stack([values for values, _ in each]), np.stack([gradient for _, gradient in each])


# ------------------------------------------------------------------ sensitivities


@dataclass(frozen=True, slots=True)
class RelaxedSlopes:
    """``gradient`` and its standard errors by parameter; ``mean``: of the quantity by the estimator itself."""

    mean: float
    gradient: dict[str, float]
    se: dict[str, float]
    certificate: Certificate


def relaxed_slopes(
    repeats: Repeats, names: tuple[str, ...], values: Mapping[str, float], estimator: str
) -> RelaxedSlopes:
    """The gradient by ``relaxation`` or ``surrogate``, with its certificate. Raises ``LpmError``: E0846, E0847."""
    check_seen(repeats, names)
    objective = RelaxedObjective(repeats)
    if estimator == "surrogate":
        drawn, each = objective.surrogate(free_values(repeats.model, values), names)
        gradient, mean = each.mean(axis=0), float(drawn.mean())
        errors = [standard_error(each[:, k]) for k in range(len(names))]
    else:
        run = objective.run(free_values(repeats.model, values))
        gradient, mean = objective.gradient(run, names), float(objective.value(run)[0])
        errors = [0.0] * len(names)
    certificate = _certificate(repeats, names, values, gradient, estimator)
    return RelaxedSlopes(mean, dict(zip(names, map(float, gradient), strict=True)),
                         dict(zip(names, errors, strict=True)), certificate)  # fmt: skip


def _certificate(
    repeats: Repeats, names: tuple[str, ...], values: Mapping[str, float], gradient: Array, estimator: str
) -> Certificate:
    """The estimator's slope over that of differences, along the direction in which the estimator is steepest."""
    at = np.array([values[n] for n in names])
    elasticity = gradient * at
    size = float(np.sqrt(np.sum(elasticity**2)))
    if size == 0:
        return Certificate(False, math.nan, math.nan, math.nan, f"the {estimator} has no slope to test")
    direction = elasticity / size * at
    points = [dict(zip(names, at + k * STEP * direction, strict=True)) for k in CENTRAL.at]
    if not all(is_within(repeats.model.parameter(n), v) for point in points for n, v in point.items()):
        return Certificate(False, math.nan, math.nan, math.nan, "too near a parameter's limit to test")
    others = {n: v for n, v in free_values(repeats.model, values).items() if n not in names}
    runs = np.stack([repeats.values({**others, **point})[:, 0] for point in points])
    each = np.tensordot(np.asarray(CENTRAL.estimate), runs, 1) / STEP
    return _compared(each, float(gradient @ direction), estimator)


def _compared(each: Array, slope: float, estimator: str) -> Certificate:
    mean, error = float(each.mean()), standard_error(each)
    if mean == 0 or not math.isfinite(error):
        return untold()
    ratio = slope / mean
    told = f"along its steepest direction the {estimator} has {ratio:.3g} times the slope of differences"
    words = told, f"{told}: it is off; use `auto` or `differences`", f"{told}, with {UNCERTAIN}"
    return equivalence(ratio, TWO_SIDED_95 * error / abs(mean) * abs(ratio), words)

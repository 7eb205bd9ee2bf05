"""Inputs of a relaxed program from the host, and the chain rule from them to parameters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.request import RunRequest
from lpmdsl.lowering.relaxed.phase_type import stage_derivatives, stage_numbers
from lpmdsl.lowering.relaxed.program import Relaxed
from lpmdsl.networks.world import World
from lpmdsl.program import handles
from lpmdsl.program.ir import Buffer, ColumnChances, Constants, StageNumbers, StartChances
from lpmdsl.runtime.engine.filling import Host
from lpmdsl.semantics.analysis.derivative import derivative
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.model import Condition, Expr, Model

Array = NDArray[np.float64]


def given(relaxed: Relaxed, request: RunRequest) -> dict[str, NDArray]:
    """The buffers that are known before the run, by name."""
    host = Host(relaxed.program, request)
    filled = {b.name: _given(relaxed, b, host) for b in relaxed.program.buffers}
    return {name: values for name, values in filled.items() if values is not None}


def _given(relaxed: Relaxed, buffer: Buffer, host: Host) -> NDArray | None:
    """Contents of a buffer before the run; None: its fill."""
    request = host.request
    model, world, parameters = request.model, request.world, request.parameters
    match buffer.filled:
        case Constants():
            return host.values(buffer) if relaxed.program.constants else np.zeros(1)
        case StageNumbers():
            law, shape = relaxed.dwells[buffer.name]
            return stage_numbers(law, shape, model, dict(parameters))
        case StartChances(condition):
            return start_chances(model.condition(condition), model, world, parameters, ())[0]
        case ColumnChances(kind, attribute):  # yes is 1, no is 0
            return np.array(world.attributes[kind, attribute], np.float64)
        case _:
            return host.values(buffer)


# ------------------------------------------------------------------ the start


def start_chances(
    condition: Condition, model: Model, world: World, parameters: Mapping[str, float], by: tuple[str, ...]
) -> tuple[Array, dict[str, Array]]:
    """float64 (agents, states): where everyone may begin; and its derivatives by parameters.

    A number or share is spread evenly over those whom the exceptions before it left and for whom its ``where`` holds.
    """
    agents, states = world.counts[condition.of], len(condition.states)
    chance, slopes = np.zeros((agents, states)), {p: np.zeros((agents, states)) for p in by}
    free, free_slopes = np.ones(agents), {p: np.zeros(agents) for p in by}
    scope = Scope(model, parameters, world.attributes, {}, world.counts)
    for exception in condition.start.exceptions:
        fit = np.ones(agents, bool)
        if exception.where is not None:
            fit = np.broadcast_to(np.asarray(evaluate(exception.where, scope)) != 0, (agents,))
        if exception.number is None and exception.share is None:
            taken = fit
            for array in (chance, *slopes.values()):
                array[taken] = 0.0
            chance[taken, exception.state] = 1.0
            for array in (free, *free_slopes.values()):
                array[taken] = 0.0
            continue
        whole = exception.number is None
        written, scale = (exception.share, int(fit.sum())) if whole else (exception.number, 1)
        assert written is not None
        left = max(float(free[fit].sum()), 1e-300)
        part = float(evaluate(written, scope)) * scale / left
        for p in by:
            change = _slope(written, p, model, scope) * scale / left - part * float(free_slopes[p][fit].sum()) / left
            moved = (free_slopes[p] * part + free * change) * fit
            slopes[p][:, exception.state] += moved
            free_slopes[p] = free_slopes[p] - moved
        chance[:, exception.state] += free * part * fit
        free = free * (1 - part * fit)
    chance[:, condition.start.state] += free
    for p in by:
        slopes[p][:, condition.start.state] += free_slopes[p]
    return chance, slopes


def _slope(written: Expr, parameter: str, model: Model, scope: Scope) -> float:
    return float(evaluate(derivative(written, parameter, model), scope))


# ------------------------------------------------------------------ parameters


def by_parameters(
    relaxed: Relaxed,
    model: Model,
    world: World,
    parameters: Mapping[str, float],
    adjoints: Mapping[str, NDArray],
    names: tuple[str, ...],
) -> Array:
    """Derivatives by each parameter, (names,), from the adjoints of constants, stages and the start."""
    scope = Scope(model, parameters, counts=world.counts)
    found = np.zeros(len(names))
    starts = {c.name: start_chances(c, model, world, parameters, names)[1] for c in model.conditions}
    for k, name in enumerate(names):
        for constant in relaxed.program.constants:
            slope = evaluate(derivative(constant.expression, name, model), scope)  # type: ignore[arg-type]
            found[k] += adjoints["constants"][constant.index] * float(slope)
        for buffer, (law, shape) in relaxed.dwells.items():
            if buffer in adjoints:
                found[k] += adjoints[buffer] @ stage_derivatives(law, shape, model, dict(parameters), name)
        for condition in model.conditions:
            found[k] += float((adjoints[handles.start_chances(condition.name)] * starts[condition.name][name]).sum())
    return found

"""Inputs of a relaxed program from the host, and the chain rule from them to parameters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lpmdsl.lowering.relaxed.program import Relaxed
from lpmdsl.lowering.relaxed.stays.phase_type import stage_derivatives, stage_numbers
from lpmdsl.networks.world import World
from lpmdsl.runtime.engine.buffers import rows_of_other_ends, runs_on
from lpmdsl.semantics.analysis.derivative import derivative
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.model import Condition, Expr, Model

Array = NDArray[np.float64]


def given(
    relaxed: Relaxed, model: Model, world: World, parameters: Mapping[str, float], steps: int, disabled: frozenset[str]
) -> dict[str, NDArray]:
    """The buffers that are known before the run, by name."""
    scope = Scope(model, parameters, counts=world.counts)
    constants = [float(evaluate(c.expression, scope)) for c in relaxed.program.constants]  # type: ignore[arg-type]
    found: dict[str, NDArray] = {"constants": np.array(constants or [0.0])}
    found |= {f"table_{t.name}": np.array(t.values, np.float64) for t in model.tables}
    for name, (law, shape) in relaxed.dwells.items():
        found[name] = stage_numbers(law, shape, model, dict(parameters))
    for (kind, name), column in world.attributes.items():
        found[f"{kind}_{name}"] = column
        found[f"{kind}_{name}_chance"] = np.array(column, np.float64)  # those that change: yes is 1, no is 0
    for condition in model.conditions:
        found[f"{condition.name}_start"], _ = start_chances(condition, model, world, parameters, ())
    for network, ties in world.ties.items():
        found[f"{network}_offsets"], found[f"{network}_targets"] = ties.offsets, ties.targets
    found |= rows_of_other_ends(model, world, {b.name for b in relaxed.program.buffers} - found.keys())
    for network in model.networks:
        if network.days:
            found[f"{network.name}_runs"] = runs_on(network, model, steps)
        if network.layout == "place":
            found |= world.members(network.of, network.place)
    for intervention in model.interventions:
        found[f"{intervention.name}_disabled"] = np.array([intervention.name in disabled], np.int64)
    return found


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
            found[k] += float((adjoints[f"{condition.name}_start"] * starts[condition.name][name]).sum())
    return found

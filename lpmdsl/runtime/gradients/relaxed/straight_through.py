"""Straight-through: one drawn run forwards, then the adjoint of the relaxed program at the states that were drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.request import RunRequest
from lpmdsl.population.people import start_states
from lpmdsl.program import handles
from lpmdsl.runtime.engine.buffers import make_buffers, size_values
from lpmdsl.runtime.engine.execute import Team, result_of
from lpmdsl.runtime.engine.kernels import Kernels
from lpmdsl.runtime.engine.replicates import Repeats
from lpmdsl.runtime.gradients.relaxed.forward_backward import RelaxedRun
from lpmdsl.semantics.model import Flow, Model

Array = NDArray[np.float64]
Boundary = dict[str, NDArray]


def surrogate_gradient(
    repeats: Repeats, kernels: Kernels, run: RelaxedRun, replicate: int, names: tuple[str, ...],
    weights: Callable[[Array], Array],
) -> tuple[Array, Array]:  # fmt: skip
    """The quantity as it was drawn (numbers,), and the straight-through gradient (names,) of one replicate.

    ``kernels``: those of the model as it is drawn.
    """
    model, seed = repeats.model, repeats.plan.options.seed
    start = start_states(model, run.world, run.parameters, seed, replicate)
    request = RunRequest(model, run.world, run.parameters, start, seed, replicate, run.steps, run.disabled)
    boundaries, buffers = _drawn(model, kernels, request)
    result = result_of(request, dict(buffers), run.steps, {})
    name = repeats.quantity.observation
    reports = result.observations[name]
    wide = np.repeat(weights(reports.sum(axis=1))[:, None], reports.shape[1], axis=1)
    outputs = _outputs(model, buffers, run)
    gradient = run.pulled_back(
        {name: wide}, names, instead=lambda step, states: _hard(run, boundaries[step + 1], states), outputs=outputs
    )
    return repeats.quantity.of(model, result), gradient


def _drawn(model: Model, kernels: Kernels, request: RunRequest) -> tuple[list[Boundary], Boundary]:
    """States of agents and interventions at every boundary, the first being the start; and the buffers at the end."""
    program = kernels.program
    sizes = size_values(program, request)
    buffers = make_buffers(program, request, sizes)
    driver = kernels.drivers(request.seed, request.replicate, sizes, buffers)
    begin, run_steps = driver("begin"), driver("run_steps")
    kept = [b.name for b in program.buffers if b.role == "control"]
    kept += [c.name for c in model.conditions]
    kept += [handles.attribute(a.name, x.name) for a in model.agents for x in a.attributes if x.is_changed]
    boundaries: list[Boundary] = []
    with Team(1) as team:
        team.run(begin, -1, 0)
        boundaries.append({n: buffers[n].copy() for n in kept})
        for step in range(request.steps):
            team.run(run_steps, step, step + 1)
            boundaries.append({n: buffers[n].copy() for n in kept})
    return boundaries, buffers


def _hard(run: RelaxedRun, drawn: Boundary, states: Boundary) -> Boundary:
    """The relaxed states at a boundary with what was drawn in place of chances.

    Which stage of a dwell time one is in was not drawn: that is taken from the relaxation.
    """
    made = {name: drawn.get(name, value) for name, value in states.items()}
    for layout in run.pair.relaxed.layouts.values():
        state = drawn[layout.condition.name].astype(np.int64)
        soft, hard = states[layout.buffer], np.zeros_like(states[layout.buffer])
        for k, (first, count) in enumerate(zip(layout.first, layout.counts, strict=True)):
            mine = state == k
            part = soft[mine, first : first + count]
            total = part.sum(axis=1, keepdims=True)
            even = np.eye(count)[np.zeros(len(part), np.int64)]
            hard[mine, first : first + count] = np.where(total > 0, part / np.where(total > 0, total, 1.0), even)
        made[layout.buffer] = hard
    for agent in run.model.agents:
        for attribute in (a for a in agent.attributes if a.is_changed):
            made[handles.chance(agent.name, attribute.name)] = drawn[
                handles.attribute(agent.name, attribute.name)
            ].astype(np.float64)
    return made


def _outputs(model: Model, buffers: Boundary, run: RelaxedRun) -> Boundary:
    """Reports in the relaxed program's type; it has the flows of each step from the relaxation."""
    made: Boundary = {}
    for observation in model.observations:
        name = handles.observed(observation.name)
        raw = buffers[name].astype(np.float64)
        target = run.buffers[name].copy()
        target[: len(raw)] = raw
        made[name] = target
        assert isinstance(observation.value, Flow) or target.shape[1] == raw.shape[1]
    return made

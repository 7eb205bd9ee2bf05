"""Buffers of a run on the CPU: their sizes, what fills them, and where they lie in memory."""

from __future__ import annotations

import datetime
import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.llvm.worklists import CHUNK
from lpmdsl.backends.request import RunRequest
from lpmdsl.lowering.dense.months import DAYS, LAST, PASSED
from lpmdsl.lowering.score.dwell_scores import quantile_slopes
from lpmdsl.lowering.sparse.worklists import BLOCK
from lpmdsl.networks.directed import turned
from lpmdsl.networks.random_regular import keys_of_draws
from lpmdsl.networks.world import World
from lpmdsl.program.ir import NEVER, Buffer, Program, QuantileTable, Spend
from lpmdsl.program.nodes import HAZARD_ONE
from lpmdsl.runtime.engine.room import together
from lpmdsl.semantics.analysis.archetypes import asks_by_itself
from lpmdsl.semantics.analysis.exposure.largest_hazards import refuse_hazards
from lpmdsl.semantics.host.calendar import day_table, months_passed
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.host.quantile_tables import CELLS, quantile_table
from lpmdsl.semantics.host.report_times import report_count
from lpmdsl.semantics.model import Distribution, Model, Network, Rule

_NUMPY = {"bool": np.bool_, "u8": np.uint8, "i16": np.int16, "i32": np.int32, "u32": np.uint32, "i64": np.int64,
          "f64": np.float64}  # fmt: skip


def size_values(program: Program, request: RunRequest) -> dict[str, int]:
    """The value of every symbolic dimension."""
    model, world = request.model, request.world
    sizes = {"steps": request.steps, "steps+1": request.steps + 1, "cells": CELLS + 1}
    sizes["constants"] = len(program.constants)
    for kind, count in world.counts.items():
        # Twice, as one may move in a look, and on its own in the next step before the sums are brought up to date.
        sizes |= {
            kind: count,
            f"{kind}+1": count + 1,
            f"twice_{kind}": 2 * count,
            f"chunks_{kind}": max(1, -(-count // CHUNK)),
        }
        # Everyone stands in the calendar at most once; each step has at most one block that is not full.
        sizes[f"words_{kind}"] = -(-count // 64)
        sizes[f"blocks_{kind}"] = count // (BLOCK - 2) + request.steps + 2
    for (kind, place), count in world.place_counts.items():
        sizes |= {f"{kind}_{place}_places": max(1, count), f"{kind}_{place}_places+1": max(1, count) + 1}
    for network, ties in world.ties.items():
        sizes[f"{network}_ties"] = len(ties.targets)
        if not ties.mutual:
            sizes[f"{model.network(network).other_ends(model.networks)}_ties"] = len(ties.targets)
    for observation in model.observations:
        sizes[f"reports_{observation.name}"] = report_count(model, observation.name, request.steps)
    return sizes


def make_buffers(program: Program, request: RunRequest, sizes: dict[str, int]) -> dict[str, NDArray]:
    """Every buffer, filled: constants and tables from the parameters, inputs from the world, states from the start."""
    given = given_buffers(program, request)
    buffers = {b.name: given[b.name] if b.name in given else empty_buffer(b, sizes) for b in program.buffers}
    for name in (*_of_agents(program), *(f"{b.name}_archetype" for b in request.model.behaviours if asks_by_itself(b))):
        # Numbers without a sign are widened for nothing where they become a place in memory.
        buffers[name] = buffers[name].view(f"u{buffers[name].itemsize}")
    for name in (n for n in buffers if n.endswith("_offsets")):
        if buffers[name][-1] < 2**32:
            buffers[name] = buffers[name].astype(np.uint32)
    longest = {b.name: _longest(given[b.rows], b.rows) for b in program.buffers if b.rows}
    for name in (n for n, most in longest.items() if most < 256):
        buffers[name] = buffers[name].astype(np.uint8)
    for buffer in program.buffers:
        if buffer.hazard >= 0 and 4.1 * HAZARD_ONE * buffers["constants"][buffer.hazard] < np.iinfo(np.int32).max:
            buffers[buffer.name] = buffers[buffer.name].astype(np.int32)
    for item in (i for i in program.step if isinstance(i, Spend)):
        most = longest.get(item.counts, NEVER)
        _narrow(buffers, item, most * (request.steps + 1), most)
    shared = {b.name for b in program.buffers if b.role in ("input", "constant")}
    zeros = {b.name for b in program.buffers if b.name not in given and b.fill == 0}
    return buffers | together(buffers, shared, zeros)


def _longest(rows: NDArray, name: str) -> int:
    """The most ties of one agent, from degrees or from offsets."""
    return int((rows if name.endswith("_degree") else np.diff(rows)).max(initial=0))


def _narrow(buffers: dict[str, NDArray], item: Spend, most: int, longest: int) -> None:
    """Waiting for contacts in half the memory, where nobody can have as many as fit into it."""
    never = 2 * (most + longest) + 2  # from half of it on nobody is susceptible who can be reached
    if never + longest + 4 <= np.iinfo(np.int16).max:  # what neighbours owe is carried to and fro
        buffers[item.left] = np.full(buffers[item.left].shape, never, np.int16)
        buffers[item.never] = np.array([never])


def rows_of_other_ends(model: Model, world: World, wanted: Collection[str]) -> dict[str, NDArray]:
    """The rows of directed ties from their other ends, of which a buffer is wanted."""
    found: dict[str, NDArray] = {}
    for network in (n for n in model.networks if n.directed and n.name in world.ties):
        name = network.other_ends(model.networks)
        if f"{name}_offsets" in wanted:
            ties = turned(world.ties[network.name])
            found |= {f"{name}_offsets": ties.offsets, f"{name}_targets": ties.targets}
    return found


def _of_agents(program: Program) -> list[str]:
    """The buffers of agents' numbers: lists, and the ends of ties."""
    lists = {k.over for k in program.kernels}
    return [
        b.name
        for b in program.buffers
        if b.dtype == "i32" and (b.name in lists or b.name.endswith(("_targets", "_members")))
    ]


def empty_buffer(buffer: Buffer, sizes: dict[str, int]) -> NDArray:
    """A buffer that nothing is known of yet: its fill."""
    shape = tuple(sizes[d] if isinstance(d, str) else d for d in buffer.shape)
    if buffer.fill == 0:
        return np.zeros(shape, _NUMPY[buffer.dtype])
    return np.full(shape, buffer.fill, _NUMPY[buffer.dtype])


def _table(table: QuantileTable, request: RunRequest) -> NDArray[np.int64]:
    law, model = table.distribution, request.model
    assert isinstance(law, Distribution)
    if table.slope_by:
        return quantile_slopes(law, model, request.parameters, table.slope_by)
    return quantile_table(law, model, request.parameters, model.clock.step)


def given_buffers(program: Program, request: RunRequest) -> dict[str, NDArray]:
    """The buffers that the host fills: constants, tables, people, ties, start states. Raises ``LpmError`` (E0776)."""
    model, world = request.model, request.world
    refuse_hazards(model, request.parameters, world.counts)
    scope = Scope(model, request.parameters, counts=world.counts)
    constants = [evaluate(c.expression, scope) for c in program.constants]  # type: ignore[arg-type]
    given: dict[str, NDArray] = {"constants": np.array(constants, np.float64)}
    for table in model.tables:
        given[f"table_{table.name}"] = np.array(table.values, np.float64)
    for q in program.quantiles:
        given[q.buffer] = _table(q, request)
    changed = {(a.name, x.name) for a in model.agents for x in a.attributes if x.is_changed}
    for (kind, name), column in world.attributes.items():
        given[f"{kind}_{name}"] = column.copy() if (kind, name) in changed else column
    for condition, states in request.start.items():
        given[condition] = states.copy()
    for network, circles in world.circles.items():
        draws = -(-request.steps // circles.every) if circles.every else 1
        given[f"{network}_circles"] = keys_of_draws(circles, draws) if circles.every else circles.keys
        given[f"{network}_degree"] = np.array([2 * len(circles.keys)])
    for network, ties in world.ties.items():
        given[f"{network}_offsets"], given[f"{network}_targets"] = ties.offsets, ties.targets
        given |= {f"{network}_tie_{name}": column for name, column in ties.columns.items()}
    given |= rows_of_other_ends(model, world, {b.name for b in program.buffers} - given.keys())
    rows = {b.name for b in program.buffers if b.name.endswith("_members")}
    for kind, place in (at for at in world.place_counts if f"{at[0]}_{at[1]}_members" in rows):
        given |= world.members(kind, place)
    if any(b.name == PASSED for b in program.buffers):
        given[PASSED] = np.array(months_passed(model.clock, request.steps), np.int64)
    given[LAST] = np.array([request.steps], np.int64)
    if any(b.name == DAYS for b in program.buffers):
        given[DAYS] = np.array(day_table(model.clock, request.steps), np.int64)
    for network in model.networks:
        if network.days:
            given[f"{network.name}_runs"] = runs_on(network, model, request.steps)
    for intervention in model.interventions:
        disabled = intervention.name in request.disabled
        given[f"{intervention.name}_disabled"] = np.array([disabled], np.int64)
    for rule in model.rules:
        given[f"{rule.name}_disabled"] = np.array([rule.name in request.disabled], np.int64)
        if rule.days:
            given[f"{rule.name}_days"] = runs_on(rule, model, request.steps)
    for behaviour in model.behaviours:
        given[f"{behaviour.name}_rests"] = np.array([behaviour.name in request.disabled], np.int64)
    return given


def runs_on(network: Network | Rule, model: Model, steps: int) -> NDArray[np.uint8]:
    """1 for the steps whose first day is one of the days of a network or a rule."""
    assert model.clock.start is not None
    first = datetime.date.fromisoformat(model.clock.start)
    days = [math.floor(t * model.clock.step + 1e-9) for t in range(steps)]
    weekend = np.array([(first.weekday() + day) % 7 >= 5 for day in days], bool)
    closed = network.closed if isinstance(network, Network) else ()
    shut = np.array([any(start <= day < end for start, end in closed) for day in days], bool)
    return ((weekend if network.days == "weekends" else ~weekend) & ~shut).astype(np.uint8)

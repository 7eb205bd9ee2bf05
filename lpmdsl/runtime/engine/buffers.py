"""Buffers of a run on the CPU: their sizes, what fills them, and where they lie in memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.llvm.worklists import CHUNK
from lpmdsl.backends.request import RunRequest
from lpmdsl.lowering.sparse.worklists import BLOCK
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    NEVER,
    Buffer,
    CircleDegree,
    Filled,
    Members,
    Program,
    Reports,
    Spend,
    TieOffsets,
    TieTargets,
    every_item,
    extent_of,
)
from lpmdsl.program.nodes import HAZARD_ONE
from lpmdsl.runtime.engine.filling import given_buffers
from lpmdsl.runtime.engine.room import together
from lpmdsl.semantics.analysis.archetypes import asks_by_itself
from lpmdsl.semantics.host.quantile_tables import CELLS
from lpmdsl.semantics.host.report_times import report_count

_NUMPY = {"bool": np.bool_, "u8": np.uint8, "i16": np.int16, "i32": np.int32, "u32": np.uint32, "i64": np.int64,
          "f64": np.float64}  # fmt: skip


def size_values(program: Program, request: RunRequest) -> dict[str, int]:
    """The value of every symbolic dimension."""
    model, world = request.model, request.world
    sizes = {"steps": request.steps, "cells": CELLS + 1}
    sizes["constants"] = len(program.constants)
    for kind, count in world.counts.items():
        # Twice, as one may move in a look, and on its own in the next step before the sums are brought up to date.
        sizes |= {
            kind: count,
            f"twice_{kind}": 2 * count,
            handles.chunks(kind): max(1, -(-count // CHUNK)),
        }
        # Everyone stands in the calendar at most once; each step has at most one block that is not full.
        sizes[f"words_{kind}"] = -(-count // 64)
        sizes[f"blocks_{kind}"] = count // (BLOCK - 2) + request.steps + 2
    for (kind, place), count in world.place_counts.items():
        sizes[handles.places(kind, place)] = max(1, count)
    for network, ties in world.ties.items():
        sizes[handles.ties(network)] = len(ties.targets)
        if not ties.mutual:
            sizes[handles.ties(model.network(network).other_ends(model.networks))] = len(ties.targets)
    for observation in model.observations:
        sizes[str(Reports(observation.name))] = report_count(model, observation.name, request.steps)
    return sizes


def make_buffers(program: Program, request: RunRequest, sizes: dict[str, int]) -> dict[str, NDArray]:
    """Every buffer, filled: constants and tables from the parameters, inputs from the world, states from the start."""
    given = given_buffers(program, request)
    buffers = {b.name: given[b.name] if b.name in given else empty_buffer(b, sizes) for b in program.buffers}
    asked = (handles.archetype(b.name) for b in request.model.behaviours if asks_by_itself(b))
    for name in (*_of_agents(program), *asked):
        # Numbers without a sign are widened for nothing where they become a place in memory.
        buffers[name] = buffers[name].view(f"u{buffers[name].itemsize}")
    for name in (b.name for b in program.buffers if isinstance(b.filled, TieOffsets)):
        if buffers[name][-1] < 2**32:
            buffers[name] = buffers[name].astype(np.uint32)
    longest = {b.name: _longest(program.buffer(b.rows).filled, given[b.rows]) for b in program.buffers if b.rows}
    for name in (n for n, most in longest.items() if most < 256):
        buffers[name] = buffers[name].astype(np.uint8)
    for buffer in program.buffers:
        if buffer.hazard >= 0 and 4.1 * HAZARD_ONE * buffers["constants"][buffer.hazard] < np.iinfo(np.uint32).max:
            buffers[buffer.name] = buffers[buffer.name].astype(np.uint32)
    for item in (i for i in every_item(program.step) if isinstance(i, Spend)):
        most = longest.get(item.counts, NEVER)
        _narrow(buffers, item, most * (request.steps + 1), most)
    shared = {b.name for b in program.buffers if b.role in ("input", "constant")}
    zeros = {b.name for b in program.buffers if b.name not in given and b.fill == 0}
    return buffers | together(buffers, shared, zeros)


def _longest(filled: Filled, rows: NDArray) -> int:
    """The most ties of one agent, from degrees or from offsets."""
    return int((rows if isinstance(filled, CircleDegree) else np.diff(rows)).max(initial=0))


def _narrow(buffers: dict[str, NDArray], item: Spend, most: int, longest: int) -> None:
    """Waiting for contacts in half the memory, where nobody can have as many as fit into it."""
    never = 2 * (most + longest) + 2  # from half of it on nobody is susceptible who can be reached
    if never + longest + 4 <= np.iinfo(np.int16).max:  # what neighbours owe is carried to and fro
        buffers[item.left] = np.full(buffers[item.left].shape, never, np.int16)
        buffers[item.never] = np.array([never])


def _of_agents(program: Program) -> list[str]:
    """The buffers of agents' numbers: lists, and the ends of ties."""
    lists = {k.over for k in program.kernels}
    return [
        b.name
        for b in program.buffers
        if b.dtype == "i32" and (b.name in lists or isinstance(b.filled, TieTargets | Members))
    ]


def empty_buffer(buffer: Buffer, sizes: dict[str, int]) -> NDArray:
    """A buffer that nothing is known of yet: its fill."""
    shape = tuple(extent_of(d, sizes) for d in buffer.shape)
    if buffer.fill == 0:
        return np.zeros(shape, _NUMPY[buffer.dtype])
    return np.full(shape, buffer.fill, _NUMPY[buffer.dtype])

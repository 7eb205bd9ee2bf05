"""Memory of a GPU that a batch of replicates needs, and the batch that would fit."""

from __future__ import annotations

import math

import torch

from lpmdsl.backends.request import RunRequest
from lpmdsl.backends.triton.arguments import SHARED
from lpmdsl.diagnostics import fail
from lpmdsl.population.memory import gib
from lpmdsl.program.ir import Buffer, Program, extent_of, size_name

WIDTH = {"bool": 1, "u8": 1, "i16": 2, "i32": 4, "u32": 4, "i64": 8, "f64": 8}
RESERVE = 0.05
"""Share of the memory that is left to the driver, recorded steps and compiled kernels."""


def _bytes(buffer: Buffer, sizes: dict[str, int]) -> int:
    if buffer.role == "tally" and buffer.dtype == "i64":
        return 64 * 8 * buffer.columns
    # Rows of a table of quantiles are few; their number is known only when it is filled.
    known = {size_name(d): 1 for d in buffer.shape} | sizes
    return math.prod(extent_of(d, known) for d in buffer.shape) * WIDTH[buffer.dtype]


def device_bytes(program: Program, sizes: dict[str, int]) -> tuple[int, int]:
    """Bytes that all replicates share, and bytes of each."""
    shared = sum(_bytes(b, sizes) for b in program.buffers if b.role in SHARED)
    return shared, sum(_bytes(b, sizes) for b in program.buffers if b.role not in SHARED)


def most_replicates(program: Program, sizes: dict[str, int], free: int) -> int:
    """Number of replicates that fit beside each other; 0 if not even one does."""
    shared, own = device_bytes(program, sizes)
    return max(0, int(((1 - RESERVE) * free - shared) // max(1, own)))


def require_device_memory(
    program: Program, request: RunRequest, sizes: dict[str, int], batch: int, device: torch.device
) -> None:
    """Raises E0831 where the batch does not fit into what the GPU has free."""
    if device.type != "cuda":
        return
    free, total = torch.cuda.mem_get_info(device)
    if batch <= most_replicates(program, sizes, free):
        return
    shared, own = device_bytes(program, sizes)
    kind = max(request.model.agents, key=lambda agent: request.world.counts[agent.name])
    count = request.world.counts[kind.name]
    fits = max(1, int(count * (1 - RESERVE) * free / (shared + own) * 0.9))
    raise fail(
        "E0831",
        f"This run needs {gib(shared + own * batch)} of the GPU's memory; {gib(free)} of {gib(total)} are free.",
        kind.span,
        f"Run with --agents {kind.name}={fits}, or with --backend cpu.",
    )

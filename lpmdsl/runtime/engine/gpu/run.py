"""Replicates on a GPU, a batch at a time: buffers on the device, a step recorded once, blocks of steps replayed.

Nothing is read back between the first step and the last but how far the run is, and which archetypes a
behaviour must ask about. With ``TRITON_INTERPRET=1``
the same kernels run on the processor, for any machine to test them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray

from lpmdsl.backends.request import Progress, RunRequest, RunResult
from lpmdsl.backends.triton.arguments import SHARED
from lpmdsl.compiler import Compiled
from lpmdsl.diagnostics import LpmError
from lpmdsl.lowering.decision_tables import DONE, TURN
from lpmdsl.lowering.dense.reports.ending import ENDED
from lpmdsl.program import handles
from lpmdsl.program.ir import Buffer, Program, StartStates, extent_of
from lpmdsl.runtime.engine.asking import Asking
from lpmdsl.runtime.engine.buffers import empty_buffer, size_values
from lpmdsl.runtime.engine.build import build_triton
from lpmdsl.runtime.engine.execute import BLOCK_SECONDS, result_of
from lpmdsl.runtime.engine.filling import given_buffers
from lpmdsl.runtime.engine.gpu.detection import is_interpreted
from lpmdsl.runtime.engine.gpu.launch import DIGITS, Launcher, Tiling
from lpmdsl.runtime.engine.gpu.memory import most_replicates, require_device_memory

RECORDED_STEPS = 16
INTERPRETED_TOGETHER = 16
_TORCH = {"bool": torch.bool, "u8": torch.uint8, "i16": torch.int16, "i32": torch.int32,
          "u32": torch.uint32, "i64": torch.int64, "f64": torch.float64}  # fmt: skip
BatchRunner = Callable[[Sequence[RunRequest], Progress | None], list[RunResult]]


def gpu_runner(compiled: Compiled, tiling: Tiling | None = None) -> BatchRunner:
    """A function that runs replicates of one scenario on the same people, all in one launch."""
    program, module = compiled.gpu_program, build_triton(compiled)

    def run(requests: Sequence[RunRequest], progress: Progress | None = None) -> list[RunResult]:
        return execute(program, module, requests, progress, tiling)

    return run


def how_many_fit(program: Program, request: RunRequest) -> int:
    """Number of replicates like this one that the device holds beside each other."""
    if is_interpreted():
        return INTERPRETED_TOGETHER
    free, _ = torch.cuda.mem_get_info()
    return most_replicates(program, size_values(program, request), free)


def execute(
    program: Program,
    module: ModuleType,
    requests: Sequence[RunRequest],
    progress: Progress | None,
    tiling: Tiling | None = None,
) -> list[RunResult]:
    """The results of a batch. All requests have the same world, parameters and steps."""
    started = time.perf_counter()
    first, device = requests[0], torch.device("cpu" if is_interpreted() else "cuda")
    go = launcher_for(program, module, requests, device, tiling)
    compile_seconds = go.compile()
    with np.errstate(all="ignore"):
        module.begin(go)
    _wait(device)
    begun = time.perf_counter()
    asked = _Asked.of(go, requests)
    done = _run(go, device, first.steps, progress, asked)
    timings = {
        "compile": compile_seconds,
        "begin": begun - started - compile_seconds,
        "steps": time.perf_counter() - begun,
    }
    results = [_result(program, request, go.buffers, k, done, timings) for k, request in enumerate(requests)]
    if asked is None:
        return results
    timings["asking"] = sum(a.seconds for a in asked.members)
    return [replace(result, stopped=asked.stopped) for result in results]


def launcher_for(
    program: Program,
    module: ModuleType,
    requests: Sequence[RunRequest],
    device: torch.device,
    tiling: Tiling | None = None,
) -> Launcher:
    """A batch on the device, ready to begin. E0831 if it needs more memory than the device has."""
    world = requests[0].world
    sizes = size_values(program, requests[0])
    require_device_memory(program, requests[0], sizes, len(requests), device)
    buffers = device_buffers(program, requests, sizes, device) | _own(module, requests, device)
    largest = max(world.counts.values())
    chosen = tiling or (Tiling.interpreted(largest) if is_interpreted() else Tiling())
    return Launcher(module, buffers, sizes, len(requests), chosen)


def _own(module: ModuleType, requests: Sequence[RunRequest], device: torch.device) -> dict[str, torch.Tensor]:
    """Arrays of kernels beside the Program's buffers: clock, keys of draws, gates, and what a selection works with."""
    batch = len(requests)
    clock = np.zeros((batch, 4), np.int64)
    clock[:, 0] = -1
    clock[:, 1] = np.array([r.seed for r in requests], np.uint64).view(np.int64)
    clock[:, 2] = [r.replicate for r in requests]
    wide = {"bins": DIGITS, "search": 2, "gates": module.GATES.value}
    made = {name: torch.zeros((batch, size), dtype=torch.int64, device=device) for name, size in wide.items()}
    return made | {"clock": torch.from_numpy(clock).to(device)}


# ------------------------------------------------------------------ steps


@dataclass(slots=True)
class Recorded:
    """Some steps as one CUDA graph; they read the step from the device, so they can run at any time."""

    graph: torch.cuda.CUDAGraph
    steps: int


@dataclass(slots=True)
class _Asked:
    """Questions of a batch with behaviours that ask, between launches: every replicate has answers of its own."""

    go: Launcher
    members: list[Asking]

    @classmethod
    def of(cls, go: Launcher, requests: Sequence[RunRequest]) -> _Asked | None:
        members = [asking for request in requests if (asking := Asking.of(request)) is not None]
        return cls(go, members) if members else None

    @property
    def stopped(self) -> LpmError | None:
        """Reason why the batch ended before its time, if one of its members was asked to."""
        return next((a.stopped for a in self.members if a.stopped is not None), None)

    def pause(self, t: int) -> int:
        """Asks if that is due at boundary ``t``; returns when it is due next, ``t`` if the run ends here."""
        if self.members[0].is_due(t):
            for turn in self.members[0].turns:
                self._begin(turn)
                with np.errstate(all="ignore"):
                    self.go.module.look(self.go)
                for member, asking in enumerate(self.members):
                    if self._has_ended(member):
                        continue
                    if not asking.answer(t, turn, partial(self._occurring, member), partial(self._fill, member)):
                        return t
            self._begin(DONE)
        return self.members[0].next_due(t + 1)

    def _begin(self, turn: int) -> None:
        if TURN in self.go.buffers:
            self.go.buffers[TURN].fill_(turn)

    def _has_ended(self, member: int) -> bool:
        return ENDED in self.go.buffers and int(self.go.buffers[ENDED][member, 0]) >= 0

    def _occurring(self, member: int, name: str) -> NDArray[np.uint8]:
        return self.go.buffers[handles.occurs(name)][member].cpu().numpy()

    def _fill(self, member: int, name: str, codes: NDArray[np.int64], rows: NDArray) -> None:
        table = self.go.buffers[handles.answers(name)]
        table[member, torch.from_numpy(codes).to(table.device)] = torch.from_numpy(rows).to(table.device)


def _run(go: Launcher, device: torch.device, steps: int, progress: Progress | None, asked: _Asked | None) -> int:
    """Steps done. The first one is launched, the others are replays of recorded blocks."""
    if asked is not None and asked.pause(0) == 0:
        return 0
    with np.errstate(all="ignore"):
        go.module.step(go)
    _wait(device)
    if steps == 1 or (progress is not None and not progress(1)):
        return 1
    if device.type == "cpu":
        return _run_plainly(go, steps, progress, asked)
    single, block = _record(go, 1), _record(go, RECORDED_STEPS) if steps > RECORDED_STEPS else None
    return _replay(single, block, steps, progress, asked)


def _run_plainly(go: Launcher, steps: int, progress: Progress | None, asked: _Asked | None) -> int:
    for done in range(2, steps + 1):
        if asked is not None and asked.pause(done - 1) == done - 1:
            return done - 1
        with np.errstate(all="ignore"):  # lanes that take no part also compute, with what they have
            go.module.step(go)
        if progress is not None and not progress(done):
            return done
    return steps


def _record(go: Launcher, steps: int) -> Recorded:
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(steps):
            go.module.step(go)
    return Recorded(graph, steps)


def _replay(
    single: Recorded, block: Recorded | None, steps: int, progress: Progress | None, asked: _Asked | None
) -> int:
    """Replays up to ``steps``; waits about as often as progress is shown."""
    done, stretch = 1, RECORDED_STEPS
    while done < steps:
        pause = steps if asked is None else asked.pause(done)
        if pause == done:
            break
        before, last = time.perf_counter(), min(steps, done + stretch, pause)
        while done < last:
            part = block if block is not None and last - done >= block.steps else single
            part.graph.replay()
            done += part.steps
        if progress is None:
            stretch = steps
            continue
        torch.cuda.synchronize()
        seconds = time.perf_counter() - before
        if not progress(done):
            break
        stretch = max(RECORDED_STEPS, min(4 * stretch, int(stretch * BLOCK_SECONDS / max(seconds, 1e-6))))
    torch.cuda.synchronize()
    return done


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


# ------------------------------------------------------------------ buffers


def device_shape(buffer: Buffer, sizes: dict[str, int]) -> tuple[int, ...]:
    """Shape of one replicate's part of a buffer; at least one element, so that every buffer has an address."""
    if buffer.role == "tally" and buffer.dtype == "i64":
        return (64, buffer.columns)
    return tuple(d if isinstance(d, int) else max(1, extent_of(d, sizes)) for d in buffer.shape)


def device_buffers(
    program: Program, requests: Sequence[RunRequest], sizes: dict[str, int], device: torch.device
) -> dict[str, torch.Tensor]:
    """Every buffer on the device: one for all replicates of what they only read, else with the replicate first."""
    given = given_buffers(program, requests[0])
    starts = [r.start for r in requests]
    made: dict[str, torch.Tensor] = {}
    for b in program.buffers:
        if b.role in SHARED:
            made[b.name] = _tensor(given[b.name] if b.name in given else empty_buffer(b, sizes), device)
        elif isinstance(b.filled, StartStates) and b.filled.condition in starts[0]:
            made[b.name] = _tensor(np.stack([start[b.filled.condition] for start in starts]), device)
        elif b.name in given:
            one = _tensor(given[b.name], device)
            made[b.name] = one.expand(len(requests), *one.shape).contiguous().clone()
        else:
            shape = (len(requests), *device_shape(b, sizes))
            made[b.name] = torch.full(shape, b.fill, dtype=_TORCH[b.dtype], device=device)
    return made


def _tensor(array: NDArray, device: torch.device) -> torch.Tensor:
    if array.size == 0:
        array = np.zeros((1, *array.shape[1:]), array.dtype)
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)


def _result(
    program: Program,
    request: RunRequest,
    buffers: dict[str, torch.Tensor],
    member: int,
    done: int,
    timings: dict[str, float],
) -> RunResult:
    states = {c.name for c in request.model.conditions}
    wanted = [b.name for b in program.buffers if b.role in ("output", "control") or b.name in states]
    host = {name: buffers[name][member].cpu().numpy().copy() for name in wanted}
    return result_of(request, host, done, timings)

"""Which back end runs a model, and on how many threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from lpmdsl.backends.request import Progress, RunRequest, RunResult
from lpmdsl.compiler import Compiled, compile_model
from lpmdsl.config import BackendName
from lpmdsl.diagnostics import fail
from lpmdsl.runtime.execute import cpu_runner
from lpmdsl.runtime.gpu_here import has_gpu, require_gpu
from lpmdsl.semantics.analysis import Facts
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source, Span

Run = Callable[[Sequence[RunRequest], Progress], list[RunResult]]
"""Runs replicates of one scenario on the same people together."""
MOST_TOGETHER = 1024


@dataclass(frozen=True, slots=True)
class Runner:
    """A back end ready to run one model. ``together``: how many replicates like this one it takes at once."""

    backend: str
    threads: int
    run: Run
    together: Callable[[RunRequest], int]


def runner_for(model: Model, facts: Facts, backend: BackendName, threads: int | None) -> Runner:
    """The runner that was asked for. Raises ``LpmError``: E0809 (no GPU), E0828 (threads), E0832 (Triton)."""
    used = threads_here(threads)
    match backend:
        case "auto":
            return runner_for(model, facts, "gpu" if has_gpu() else "cpu", threads)
        case "cpu":
            return Runner("cpu", used, _one_by_one(cpu_runner(compile_model(model, facts), used)), _one)
        case "reference":
            return Runner("reference", used, _one_by_one(_reference(used)), _one)
        case "gpu":
            require_gpu()
            return _gpu(compile_model(model, facts), used)
        case _:
            assert_never(backend)


def _one(request: RunRequest) -> int:
    return 1


def _one_by_one(run: Callable[[RunRequest, Progress], RunResult]) -> Run:
    return lambda requests, progress: [run(request, progress) for request in requests]


def _gpu(compiled: Compiled, threads: int) -> Runner:
    # Imported here for the start-up time: torch and Triton take seconds to load.
    from lpmdsl.runtime.gpu import gpu_runner, how_many_fit

    def together(request: RunRequest) -> int:
        return min(MOST_TOGETHER, max(1, how_many_fit(compiled.gpu_program, request)))

    return Runner("gpu", threads, gpu_runner(compiled), together)


def _reference(threads: int) -> Callable[[RunRequest, Progress], RunResult]:
    # Imported here for the start-up time: torch takes seconds to load, and the other back ends do without it.
    import torch

    from lpmdsl.backends import torch_reference

    torch.set_num_threads(threads)
    return torch_reference.run


def threads_here(asked: int | None) -> int:
    """As many threads as were asked for, else as many as this process has processors."""
    most = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if asked is not None and asked > most:
        text = str(asked)
        raise fail(
            "E0828", f"This computer gives a run at most {most} threads.", Span(Source("--threads", text), 0, len(text))
        )
    return asked or most

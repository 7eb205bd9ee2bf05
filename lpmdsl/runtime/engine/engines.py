"""Engines: what runs a compiled model. One row in ``ENGINES`` for each back end, chosen by its name."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from lpmdsl.backends.request import Progress, RunRequest, RunResult
from lpmdsl.compiler import Compiled
from lpmdsl.config import BackendName
from lpmdsl.diagnostics import fail
from lpmdsl.extras import optional
from lpmdsl.runtime.engine.execute import cpu_runner
from lpmdsl.runtime.engine.gpu.detection import has_gpu, require_gpu
from lpmdsl.source import Source, Span

MOST_TOGETHER = 1024


class Engine(Protocol):
    """A back end that is ready to run one model, on up to so many threads."""

    @property
    def name(self) -> str:
        """Name of the back end, as the manifest has it."""
        ...

    @property
    def threads(self) -> int:
        """Number of threads of a run."""
        ...

    def capacity(self, request: RunRequest) -> int:
        """Number of replicates like this one that are run at once."""
        ...

    def run(self, requests: Sequence[RunRequest], progress: Progress | None = None) -> list[RunResult]:
        """The results of replicates of one scenario on the same people, until done or asked to stop."""
        ...


@dataclass(frozen=True, slots=True)
class OneByOne:
    """An engine that runs a replicate at a time."""

    name: str
    threads: int
    run_one: Callable[[RunRequest, Progress | None], RunResult]

    def capacity(self, request: RunRequest) -> int:
        """Return 1: replicates run one after another."""
        return 1

    def run(self, requests: Sequence[RunRequest], progress: Progress | None = None) -> list[RunResult]:
        """Results of the requests, in their order."""
        return [self.run_one(request, progress) for request in requests]


@dataclass(frozen=True, slots=True)
class Batches:
    """An engine that runs as many replicates together as its memory holds."""

    name: str
    threads: int
    run_batch: Callable[[Sequence[RunRequest], Progress | None], list[RunResult]]
    fit: Callable[[RunRequest], int]

    def capacity(self, request: RunRequest) -> int:
        """Number of replicates like this one that are run at once."""
        return min(MOST_TOGETHER, max(1, self.fit(request)))

    def run(self, requests: Sequence[RunRequest], progress: Progress | None = None) -> list[RunResult]:
        """Results of the requests, which run beside each other."""
        return self.run_batch(requests, progress)


def _cpu(compiled: Compiled, threads: int) -> Engine:
    _ = compiled.cpu_program  # lowered here, so that the seconds of a run are those of its steps
    return OneByOne("cpu", threads, cpu_runner(compiled, threads))


def _gpu(compiled: Compiled, threads: int) -> Engine:
    require_gpu()
    # Imported here for the start-up time: torch and Triton take seconds to load.
    from lpmdsl.runtime.engine.gpu.run import gpu_runner, how_many_fit

    run = gpu_runner(compiled)
    return Batches("gpu", threads, run, lambda request: how_many_fit(compiled.gpu_program, request))


def _reference(compiled: Compiled, threads: int) -> Engine:
    # Loaded here: torch is an extra and takes seconds, and the back end for processors does without it.
    place = Span(Source("--backend", "reference"), 0, len("reference"))
    torch = optional("torch", place, extra="reference", otherwise="or use --backend cpu, which gives the same counts")
    from lpmdsl.reference import interpreter

    torch.set_num_threads(threads)
    return OneByOne("reference", threads, interpreter.run)


ENGINES: dict[BackendName, Callable[[Compiled, int], Engine]] = {"cpu": _cpu, "gpu": _gpu, "reference": _reference}


def engine_for(compiled: Compiled, backend: BackendName, threads: int | None) -> Engine:
    """The engine of a name; ``auto``: a GPU where there is one. Only its own program is lowered.

    Raises LpmError: E0809 (no GPU), E0828 (threads), E0832 (Triton).
    """
    used = threads_here(threads)
    if backend == "auto":
        backend = "gpu" if has_gpu() else "cpu"
    return ENGINES[backend](compiled, used)


def threads_here(asked: int | None) -> int:
    """As many threads as were asked for, else as many as this process has processors."""
    most = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if asked is not None and asked > most:
        text = str(asked)
        raise fail(
            "E0828", f"This computer gives a run at most {most} threads.", Span(Source("--threads", text), 0, len(text))
        )
    return asked or most

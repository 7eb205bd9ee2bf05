"""Which back end runs a model, and on how many threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from lpmdsl.backends.request import Progress, RunRequest, RunResult
from lpmdsl.compiler import compile_model
from lpmdsl.config import BackendName
from lpmdsl.diagnostics import fail
from lpmdsl.runtime.execute import cpu_runner
from lpmdsl.semantics.analysis import Facts
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source, Span

Run = Callable[[RunRequest, Progress], RunResult]


@dataclass(frozen=True, slots=True)
class Runner:
    """A back end ready to run one model: its name, its threads and the function."""

    backend: str
    threads: int
    run: Run


def runner_for(model: Model, facts: Facts, backend: BackendName, threads: int | None) -> Runner:
    """The runner that was asked for. Raises ``LpmError``: E0809 (no such back end yet), E0828 (too many threads)."""
    used = _threads(threads)
    match backend:
        case "auto" | "cpu":
            return Runner("cpu", used, cpu_runner(compile_model(model, facts), used))
        case "reference":
            return Runner("reference", used, _reference(used))
        case "gpu":
            place = Span(Source("--backend", "gpu"), 0, 3)
            raise fail(
                "E0809",
                "This version has no GPU back end yet.",
                place,
                help="Use --backend cpu: the same seed will give the same counts on a GPU later.",
            )
        case _:
            assert_never(backend)


def _reference(threads: int) -> Run:
    # Imported here for the start-up time: torch takes seconds to load, and the other back ends do without it.
    import torch

    from lpmdsl.backends import torch_reference

    torch.set_num_threads(threads)
    return torch_reference.run


def _threads(asked: int | None) -> int:
    """As many threads as were asked for, else as many as this process has processors."""
    most = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if asked is not None and asked > most:
        text = str(asked)
        raise fail(
            "E0828", f"This computer gives a run at most {most} threads.", Span(Source("--threads", text), 0, len(text))
        )
    return asked or most

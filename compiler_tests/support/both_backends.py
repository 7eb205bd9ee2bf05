"""Runs of one request on either back end, and what must be equal between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import ArrayLike

import lpmdsl
from compiler_tests.example_models.behaviour_models import answering
from lpmdsl.backends.request import RunRequest, RunResult
from lpmdsl.compiler import Compiled, compile_model
from lpmdsl.config import BASELINE, RunOptions
from lpmdsl.diagnostics import Report
from lpmdsl.population.people import build_world, start_states
from lpmdsl.reference import interpreter
from lpmdsl.runtime.engine import execute
from lpmdsl.runtime.engine.execute import cpu_runner
from lpmdsl.runtime.scenarios import plan
from lpmdsl.semantics.analyse import analyse
from lpmdsl.semantics.model import Model

MODELS = sorted((Path(__file__).parent.parent.parent / "models").glob("*.lpm"))
BACKENDS = ("cpu", "reference")
_KEPT = (
    "boarding_school", "isolation_policy", "measles_households", "moran", "nyc_isolation", "opinion", "seir_age",
    "sir_network", "town_flu",
)  # fmt: skip
KEPT = [p for p in MODELS if p.stem in _KEPT]
"""Models whose printed programs are goldens: every construct once. The others' are held by their numbers."""
SIZES = {"dose_schedule": (2_000, 120, (1, 2)), "moran": (20, 500, (3, 5)),
         "waning_seasons": (2_000, 300, (1, 2)), "zombies": (2_000, 300, (1, 2))}  # fmt: skip
"""Model → agents, steps and seeds of its tests between back ends, where 2 000 for the whole run would show nothing."""


def compiled(model: Model) -> Compiled:
    return compile_model(model, analyse(model, Report()))


def runner(model: Model, backend: str, threads: int = 1) -> Callable[[RunRequest], RunResult]:
    """A function that runs requests of one model, compiled once."""
    if backend == "reference":
        # One thread: on a busy machine torch's threads wait for one another ten times longer than they work.
        torch.set_num_threads(1)
        return interpreter.run
    return cpu_run(compiled(model), threads)


def cpu_run(made: Compiled, threads: int = 1) -> Callable[[RunRequest], RunResult]:
    """A function that runs requests on so many threads, fewer where there are few agents (``every_thread``)."""
    run = cpu_runner(made, threads)
    return lambda request: run(request, None)


@contextmanager
def every_thread() -> Iterator[None]:
    """Let runs have all threads that they are given, however few agents there are.

    Threads that wait for one another on a busy machine make a short run several times as long, so this is for tests
    that are of threads.
    """
    with patch.object(execute, "AGENTS_PER_THREAD", 1):
        yield


@lru_cache
def loaded(path: Path) -> lpmdsl.LoadedModel:
    return lpmdsl.load(path)


def request_of(
    model: Model,
    agents: int | None,
    seed: int = 1,
    scenario: str = BASELINE,
    replicate: int = 0,
    settings: Mapping[str, str | float] | None = None,
) -> RunRequest:
    """What ``lpmc run`` would ask a back end for, with ``agents`` of the only kind, and somebody to answer.

    ``agents`` None: as many as its file has.
    """
    counts = {} if agents is None else {model.agents[0].name: agents}
    options = RunOptions(seed=seed, scenarios=(scenario,), agents=counts, settings=dict(settings or {}))
    planned = plan(model, options)
    variant = planned.variants[0]
    world = build_world(model, variant.parameters, seed, counts)
    start = start_states(model, world, variant.parameters, seed, replicate)
    asks = any(b.rule is None for b in model.behaviours)
    return RunRequest(
        model, world, variant.parameters, start, seed, replicate, planned.steps, variant.disabled,
        answering(model) if asks else None,
    )  # fmt: skip


def small_requests(path: Path, most_steps: int | None = None) -> list[RunRequest]:
    """Two runs of a model of ``MODELS``, with two seeds, by which back ends are compared."""
    model = loaded(path).model
    agents, steps, seeds = SIZES.get(path.stem, (2_000, model.clock.steps, (1, 2)))
    made = [request_of(model, agents, seed) for seed in seeds]
    return [replace(r, steps=min(r.steps, steps, most_steps or r.steps)) for r in made]


def assert_same(a: RunResult, b: RunResult) -> None:
    """Every report, watch, final state and amount of money is the same number, and the run ends at the same time."""
    for name, reports in a.observations.items():
        _same(reports, b.observations[name], name)
    assert len(a.watches) == len(b.watches)
    for k, watch in enumerate(a.watches):
        _same(watch, b.watches[k], f"check {k}")
    for name, states in a.states.items():
        _same(states, b.states[name], name)
    assert a.observations.keys() == b.observations.keys() and a.states.keys() == b.states.keys()
    assert a.costs == b.costs
    assert a.ended == b.ended


def _same(a: ArrayLike, b: ArrayLike, name: str) -> None:
    np.testing.assert_array_equal(a, b, err_msg=name)

"""The same model many times: replicates at given parameters, with common random numbers whatever the parameters are.

Draws are keyed by what they decide, and a susceptible episode compares one threshold with the hazard that it has
gathered (``docs/language/semantics.md``), so replicate r at two values of a parameter differs by what the parameter
changes alone: common random numbers.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.request import RunRequest, RunResult
from lpmdsl.compiler import compile_model
from lpmdsl.networks.world import World
from lpmdsl.population.people import build_world, start_states
from lpmdsl.runtime.behaviours.answers import Answers
from lpmdsl.runtime.engine.engines import threads_here
from lpmdsl.runtime.engine.execute import cpu_runner
from lpmdsl.runtime.engine.simulate import world_seed
from lpmdsl.runtime.objective import Quantity
from lpmdsl.runtime.scenarios import Plan, world_key
from lpmdsl.semantics.analyse import Facts
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.semantics.model import Model, ParameterRef, walk

MOST_WORLDS = 64
Asked = TypeVar("Asked")
Found = TypeVar("Found")


def each_run(one: Callable[[Asked], Found], asked: Sequence[Asked], threads: int) -> list[Found]:
    """Results of a run for each of those asked for, several at once where a run is long enough to be shared out.

    The first is alone: it compiles, which no two threads may do at once. The second is timed: a thread waits for Python
    as long as ``sys.getswitchinterval`` says, so shorter runs are done sooner one after another.
    """
    found = [one(each) for each in asked[:1]]
    started = time.perf_counter()
    found += [one(each) for each in asked[1:2]]
    if threads == 1 or time.perf_counter() - started < sys.getswitchinterval():
        return [*found, *map(one, asked[2:])]
    with ThreadPoolExecutor(threads) as pool:
        return [*found, *pool.map(one, asked[2:])]


@dataclass(slots=True)
class Repeats:
    """A compiled model ready to be run again and again: one replicate on each thread."""

    model: Model
    facts: Facts
    plan: Plan
    quantity: Quantity
    first: int = 0
    """The number of the first replicate: another one gives other draws in all of them."""
    answers: Answers | None = None
    _run: object = None
    _worlds: dict[tuple[float, ...], World] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._run = cpu_runner(compile_model(self.model, self.facts), 1)

    def values(
        self, settings: Mapping[str, float], replicates: int | Sequence[int] | None = None
    ) -> NDArray[np.float64]:
        """(replicates, numbers) of the quantity with some parameters at other values (base units).

        ``replicates``: only the first so many, or those with these numbers; each has draws of its own.
        """
        return self._each(self.quantity, settings, replicates)

    def reports(
        self, settings: Mapping[str, float], replicates: int | Sequence[int] | None = None
    ) -> NDArray[np.float64]:
        """(replicates, reports) of what the quantity is of."""
        return self._each(Quantity("", self.quantity.observation), settings, replicates)

    def pairs(self, quantity: Quantity, runs: Sequence[tuple[Mapping[str, float], int]]) -> NDArray[np.float64]:
        """(runs, numbers) of a quantity: parameters at other values, each with the number of a replicate."""
        return self._all(quantity, [(parameter_values(self.model, dict(at)), self.first + k) for at, k in runs])

    def _each(
        self, quantity: Quantity, settings: Mapping[str, float], replicates: int | Sequence[int] | None
    ) -> NDArray[np.float64]:
        everything = parameter_values(self.model, dict(settings))
        asked = self.plan.options.replicates if replicates is None else replicates
        wanted = range(self.first, self.first + asked) if isinstance(asked, int) else asked
        return self._all(quantity, [(everything, k) for k in wanted])

    def _all(self, quantity: Quantity, runs: Sequence[tuple[dict[str, float], int]]) -> NDArray[np.float64]:
        threads = threads_here(self.plan.options.threads)
        return np.stack(each_run(lambda run: self._one(quantity, *run), runs, threads))

    def _one(self, quantity: Quantity, parameters: dict[str, float], replicate: int) -> NDArray[np.float64]:
        result: RunResult = self._run(self.request(parameters, replicate), None)  # type: ignore[operator]
        if result.stopped is not None:
            raise result.stopped
        return quantity.of(self.model, result)

    def request(self, parameters: dict[str, float], replicate: int) -> RunRequest:
        """One replicate at given parameters (all of them, in base units)."""
        seed, world = self.plan.options.seed, self._world(parameters, replicate)
        start = start_states(self.model, world, parameters, seed, replicate)
        disabled = self.plan.variants[0].disabled
        ask = self.answers.ask_for(parameters, world.counts) if self.answers is not None else None
        return RunRequest(self.model, world, parameters, start, seed, replicate, self.plan.steps, disabled, ask)

    def free(self, values: Mapping[str, float]) -> dict[str, float]:
        """Those of the values that are to be set: what is computed from others follows them."""
        return {n: v for n, v in values.items() if self.is_free(n)}

    def is_free(self, name: str) -> bool:
        """Return True if a parameter stands for itself: those computed from others follow them."""
        return not any(isinstance(e, ParameterRef) for e in walk(self.model.parameter(name).default))

    def _world(self, parameters: dict[str, float], replicate: int) -> World:
        seed = self.plan.options.seed
        drawn_from = world_seed(seed, replicate) if self.plan.options.redraw_people else seed
        key = (drawn_from, *world_key(self.model, parameters))
        with self._lock:
            if key not in self._worlds:
                if len(self._worlds) >= MOST_WORLDS:
                    self._worlds.pop(next(iter(self._worlds)))
                self._worlds[key] = build_world(self.model, parameters, drawn_from, self.plan.counts, keeps_keys=True)
            return self._worlds[key]

"""The same model many times: replicates at given parameters, with the same luck whatever the parameters are.

Draws are keyed by what they decide, and a susceptible episode compares one threshold with the hazard that it has
gathered (``docs/language/semantics.md``), so replicate r at two values of a parameter differs by what the parameter
changes alone: common random numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.request import RunRequest, RunResult
from lpmdsl.compiler import compile_model
from lpmdsl.networks.world import World
from lpmdsl.runtime.behaviours.answers import Answers
from lpmdsl.runtime.execute import cpu_runner
from lpmdsl.runtime.objective import Quantity
from lpmdsl.runtime.population import build_world, start_states
from lpmdsl.runtime.runners import threads_here
from lpmdsl.runtime.scenarios import Plan, world_key
from lpmdsl.runtime.simulate import world_seed
from lpmdsl.semantics.analysis import Facts
from lpmdsl.semantics.evaluate import parameter_values
from lpmdsl.semantics.model import Model

MOST_WORLDS = 64


@dataclass(slots=True)
class Repeats:
    """A compiled model ready to be run again and again: one replicate on each thread."""

    model: Model
    facts: Facts
    plan: Plan
    quantity: Quantity
    answers: Answers | None = None
    _run: object = None
    _worlds: dict[tuple[float, ...], World] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._run = cpu_runner(compile_model(self.model, self.facts), 1)

    def values(self, settings: Mapping[str, float]) -> NDArray[np.float64]:
        """(replicates, numbers) of the quantity with some parameters at other values (base units)."""
        everything = parameter_values(self.model, dict(settings))
        first = self._one(everything, 0)  # alone: it compiles, which no two threads may do at once
        with ThreadPoolExecutor(threads_here(self.plan.options.threads)) as pool:
            rest = pool.map(lambda k: self._one(everything, k), range(1, self.plan.options.replicates))
            return np.stack([first, *rest])

    def _one(self, parameters: dict[str, float], replicate: int) -> NDArray[np.float64]:
        seed, world = self.plan.options.seed, self._world(parameters, replicate)
        start = start_states(self.model, world, parameters, seed, replicate)
        disabled = self.plan.variants[0].disabled
        ask = self.answers.ask_for(parameters, world.counts) if self.answers is not None else None
        request = RunRequest(self.model, world, parameters, start, seed, replicate, self.plan.steps, disabled, ask)
        result: RunResult = self._run(request, None)  # type: ignore[operator]
        if result.stopped is not None:
            raise result.stopped
        return self.quantity.of(self.model, result)

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

"""A relaxed program run forwards and, through its adjoint, backwards: the value of a quantity and its gradient.

The states of about √T boundaries are kept on the way; a stretch between two of them is run again when it is gone
through backwards, so that the memory of T steps is that of 2·√T states (Griewank 1992, Optim Methods Softw 1:35).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.llvm.worklists import CHUNK
from lpmdsl.backends.request import RunRequest
from lpmdsl.lowering.relaxed.moves import site_name
from lpmdsl.lowering.relaxed.program import Outline, Relaxed, outline_of, relax
from lpmdsl.networks.world import World
from lpmdsl.program import handles
from lpmdsl.program.ir import Adjoint, Buffer, Program, Reports
from lpmdsl.program.passes.adjoint import Event, adjoint
from lpmdsl.runtime.engine.buffers import empty_buffer, size_values
from lpmdsl.runtime.engine.execute import Team, report_count
from lpmdsl.runtime.engine.kernels import Kernels, kernels_of
from lpmdsl.runtime.gradients.relaxed.inputs import by_parameters, given
from lpmdsl.semantics.model import Flow, Model

SMALL = 8
"""Up to so many chunks of agents one thread is as fast as several."""
Array = NDArray[np.float64]
OnStep = Callable[[int, dict[str, Array]], None]
"""Called for every step, the last first, with the adjoint of each event for every agent: by site (agents,), for
branches ``SITE.branch`` (agents, branches); of infections by a second look ``SITE.again`` and ``SITE.again.branch``."""
Instead = Callable[[int, dict[str, NDArray]], dict[str, NDArray]]
"""Called with a step (−1: the start) and the states at its end; returns those to go on with."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A relaxed program and its adjoints, compiled. ``marginals`` is made when it is asked for."""

    relaxed: Relaxed
    forward: Kernels
    _made: dict[bool, Kernels] = field(default_factory=dict)

    def events(self) -> dict[str, Event]:
        """The events of the program by the buffers of their marginal values."""
        return {site_name(self.relaxed.moved, site): event for site, event in self.relaxed.moved.items()}

    def backward(self, marginals: bool) -> Kernels:
        """The kernels of the adjoint program, with or without the adjoints of events."""
        if marginals not in self._made:
            events = self.events() if marginals else {}
            self._made[marginals] = kernels_of(adjoint(self.relaxed.program, self.relaxed.inputs, events))
        return self._made[marginals]


@dataclass(slots=True)
class Relaxations:
    """The relaxed programs of one model: one for every outline that its parameters have needed."""

    model: Model
    _pairs: dict[Outline, Pair] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def at(self, parameters: Mapping[str, float]) -> Pair:
        """The program for these parameter values. Raises ``LpmError`` (E0846)."""
        outline = outline_of(self.model, dict(parameters))
        with self._lock:
            if outline not in self._pairs:
                relaxed = relax(self.model, outline)
                self._pairs[outline] = Pair(relaxed, kernels_of(relaxed.program))
            return self._pairs[outline]

    def run(
        self, world: World, parameters: Mapping[str, float], steps: int, disabled: frozenset[str] = frozenset(),
        threads: int = 1,
    ) -> RelaxedRun:  # fmt: skip
        """The relaxed model run forwards on some people, ready to be gone through backwards."""
        pair = self.at(parameters)
        run = RelaxedRun(self.model, pair, world, dict(parameters), steps, disabled, threads)
        run.forwards()
        return run


@dataclass(slots=True)
class RelaxedRun:
    """One run of a relaxed program. ``kept``: states at the boundaries that stretches begin at."""

    model: Model
    pair: Pair
    world: World
    parameters: dict[str, float]
    steps: int
    disabled: frozenset[str]
    threads: int
    buffers: dict[str, NDArray] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    kept: dict[int, dict[str, NDArray]] = field(default_factory=dict)

    # ------------------------------------------------------------------ forwards

    def forwards(self) -> None:
        """From the start to the last step; the reports are then in place."""
        program = self.pair.relaxed.program
        self._allocate(program)
        self.kept.clear()
        self.call(self.pair.forward, "begin", -1, 0)
        stretch = self.stretch
        for first in range(0, self.steps, stretch):
            self.kept[first] = self._copy(("state", "control", "output"))
            self.call(self.pair.forward, "run_steps", first, min(self.steps, first + stretch))

    @property
    def stretch(self) -> int:
        """Number of steps between two checkpoints."""
        return max(1, math.isqrt(self.steps))

    def reports(self, observation: str) -> Array:
        """(reports, groups) in the observation's own unit: what is expected in the relaxed model."""
        raw = self.buffers[handles.observed(observation)][: report_count(self.model, observation, self.steps)]
        return raw / self.unit(observation)

    def unit(self, name: str) -> float:
        """Divisor of a value in base units for a report."""
        observation = self.model.observation(name)
        if isinstance(observation.value, Flow):
            return round(observation.every * observation.scale, 12)
        return observation.scale

    # ------------------------------------------------------------------ backwards

    def pulled_back(
        self, weights: Mapping[str, Array], names: tuple[str, ...], on_step: OnStep | None = None,
        instead: Instead | None = None, outputs: dict[str, NDArray] | None = None,
    ) -> Array:  # fmt: skip
        """(names,): the derivatives of Σ weights[observation] · reports by parameters.

        ``weights``: (reports,) or (reports, groups). ``on_step`` gets the adjoint of every event. ``instead`` and
        ``outputs`` put other states and reports in place of the relaxed ones: derivatives are then taken at those.
        """
        kernels = self.pair.backward(on_step is not None)
        program = kernels.program
        self._allocate(program)
        for name, values in weights.items():
            self._seed(name, values)
        at = instead or (lambda step, states: states)
        kept = self._copy(("output",))
        outputs = kept | (outputs or {})
        last = self._copy(("state", "control"))
        after = at(self.steps - 1, last)
        for first in sorted(self.kept, reverse=True):
            self._put(kept)
            before = [at(first + k - 1, states) for k, states in enumerate(self._replay(first))]
            self._put(outputs)
            for step in reversed(range(first, first + len(before))):
                self._put(after)
                self.call(kernels, "begin", step, step + 1)
                self._put(before[step - first])
                self.call(kernels, "run_steps", step, step + 1)
                after = before[step - first]
                if on_step is not None:
                    on_step(step, self._marginals())
        self._put(after)
        self.call(kernels, "begin", -1, 0)
        self._put(kept | last)
        adjoints = {b.filled.of: self.buffers[b.name] for b in program.buffers if isinstance(b.filled, Adjoint)}
        empty = {n: np.zeros_like(self.buffers[n]) for n in ("constants", *self._starts()) if n not in adjoints}
        return by_parameters(self.pair.relaxed, self.model, self.world, self.parameters, adjoints | empty, names)

    def _starts(self) -> list[str]:
        return [handles.start_chances(c.name) for c in self.model.conditions]

    def _seed(self, name: str, values: Array) -> None:
        target = self.buffers.get(handles.adjoint(handles.observed(name)))
        if target is None:
            return
        wide = np.asarray(values, np.float64).reshape(len(values), -1) / self.unit(name)
        target[: len(wide)] += np.where(np.isnan(wide), 0.0, wide)

    def _replay(self, first: int) -> list[dict[str, NDArray]]:
        """The states before each step of a stretch, which is run again."""
        last = min(self.steps, first + self.stretch)
        states = []
        self._put(self.kept[first])
        for step in range(first, last):
            states.append(self._copy(("state", "control")))
            if step + 1 < last:
                self.call(self.pair.forward, "run_steps", step, step + 1)
        return states

    def _marginals(self) -> dict[str, Array]:
        found: dict[str, Array] = {}
        for site, event in self.pair.relaxed.moved.items():
            values = self.buffers.get(site_name(self.pair.relaxed.moved, site))
            if values is not None:
                found[site] = values.copy() if len(event.locals) > 1 else values[:, 0].copy()
        return found

    # ------------------------------------------------------------------ buffers

    def _allocate(self, program: Program) -> None:
        """Buffers that are not there yet, and adjoints set to 0."""
        if not self.sizes:
            request = RunRequest(self.model, self.world, self.parameters, {}, 0, 0, self.steps, disabled=self.disabled)
            self.sizes = size_values(program, request)
            known = given(self.pair.relaxed, request)
            self.buffers |= {b.name: known[b.name] for b in program.buffers if b.name in known}
        for buffer in program.buffers:
            if buffer.name not in self.buffers:
                self.buffers[buffer.name] = self.empty(buffer)
            elif isinstance(buffer.filled, Adjoint):
                self.buffers[buffer.name][:] = 0.0

    def empty(self, buffer: Buffer) -> NDArray:
        """A buffer of the right size with its fill."""
        reports = {str(d): max(1, self.sizes[str(d)]) for d in buffer.shape if isinstance(d, Reports)}
        return empty_buffer(buffer, self.sizes | reports)

    def _copy(self, roles: tuple[str, ...]) -> dict[str, NDArray]:
        return {b.name: self.buffers[b.name].copy() for b in self.pair.relaxed.program.buffers if b.role in roles}

    def _put(self, values: dict[str, NDArray]) -> None:
        for name, value in values.items():
            self.buffers[name][:] = value

    def call(self, kernels: Kernels, name: str, first: int, last: int) -> None:
        """Runs a driver for some steps on the buffers of this run."""
        is_small = max(self.world.counts.values()) <= SMALL * CHUNK
        with Team(1 if is_small else self.threads) as team:
            team.run(kernels.drivers(0, 0, self.sizes, self.buffers)(name), first, last)

"""One replicate on the CPU back end: buffers filled from world and parameters, steps run in blocks, reports read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.llvm.worklists import CHUNK
from lpmdsl.backends.request import Progress, RunRequest, RunResult
from lpmdsl.compiler import Compiled, with_circles
from lpmdsl.diagnostics import LpmError
from lpmdsl.lowering.decision_tables import DONE, TURN
from lpmdsl.lowering.dense.interventions.spending import paid
from lpmdsl.lowering.dense.reports.ending import ENDED
from lpmdsl.lowering.dense.watched_values import FIRST
from lpmdsl.program import handles
from lpmdsl.runtime.engine.asking import Asking
from lpmdsl.runtime.engine.buffers import make_buffers, size_values
from lpmdsl.runtime.engine.kernels import Driver, Kernels, build
from lpmdsl.runtime.engine.sound import require_sound
from lpmdsl.semantics.host.report_times import report_count as report_count
from lpmdsl.semantics.model import CheckAlways, Intervention, Model

BLOCK_SECONDS = 0.2
AGENTS_PER_THREAD = 2 * CHUNK  # below this, waiting for one another costs more than a thread gains
Runner = Callable[[RunRequest, Progress | None], RunResult]


def cpu_runner(compiled: Compiled, threads: int = 1) -> Runner:
    """A function that runs one replicate of the compiled model with its kernels, on up to so many threads."""
    built: dict[frozenset[str], Kernels] = {}

    def run(request: RunRequest, progress: Progress | None = None) -> RunResult:
        circles = frozenset(request.world.circles)
        if circles not in built:
            built[circles] = build(with_circles(compiled, circles))
        return execute(built[circles], request, progress, threads)

    return run


def execute(kernels: Kernels, request: RunRequest, progress: Progress | None, threads: int = 1) -> RunResult:
    """Begin, then blocks of steps until done or until ``progress`` says stop."""
    after = buffers_after(kernels, request, progress, threads)
    return replace(result_of(request, after.buffers, after.done, after.timings), stopped=after.stopped)


@dataclass(frozen=True, slots=True)
class After:
    """Every buffer after a run, the steps done, where the seconds went, and what ended it early."""

    buffers: dict[str, NDArray]
    done: int
    timings: dict[str, float]
    stopped: LpmError | None = None


def buffers_after(kernels: Kernels, request: RunRequest, progress: Progress | None, threads: int = 1) -> After:
    """Buffers that a run leaves behind."""
    started = time.perf_counter()
    sizes = size_values(kernels.program, request)
    buffers = make_buffers(kernels.program, request, sizes)
    driver = kernels.drivers(request.seed, request.replicate, sizes, buffers)
    asking = _Asked.of(request, driver, buffers)
    begin, run_steps = driver("begin"), driver("run_steps")
    largest = max(sizes[kind] for kind in request.world.counts)
    with Team(max(1, min(threads, largest // AGENTS_PER_THREAD))) as team:
        team.run(begin, -1, 0)
        begun = time.perf_counter()
        done = _run_blocks(team, run_steps, request.steps, progress, asking, buffers)
    timings = {"begin": begun - started, "steps": time.perf_counter() - begun}
    if asking is None:
        return After(buffers, done, timings)
    return After(buffers, done, timings | {"asking": asking.asking.seconds}, asking.asking.stopped)


class Team:
    """Threads that run the same driver together: the caller is thread 0, the others wait in a pool."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.meeting = np.zeros(16, np.int64)
        self.pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None

    def __enter__(self) -> Team:
        return self

    def __exit__(self, *_: object) -> None:
        if self.pool is not None:
            self.pool.shutdown()

    def run(self, driver: Driver, first: int, last: int) -> None:
        """Steps ``first`` up to ``last`` by the whole team. Kernels release the interpreter's lock."""
        if self.pool is None:
            driver(first, last, 0, 1, self.meeting)
            return
        others = [
            self.pool.submit(driver, first, last, thread, self.threads, self.meeting)
            for thread in range(1, self.threads)
        ]
        driver(first, last, 0, self.threads, self.meeting)
        for other in others:
            other.result()


@dataclass(slots=True)
class _Asked:
    """Questions of a run with behaviours that ask, between blocks of steps."""

    asking: Asking
    look: Driver
    buffers: dict[str, NDArray]

    @classmethod
    def of(cls, request: RunRequest, driver: Callable[[str], Driver], buffers: dict[str, NDArray]) -> _Asked | None:
        asking = Asking.of(request)
        return None if asking is None else cls(asking, driver("look"), buffers)

    def pause(self, team: Team, t: int) -> int:
        """Asks if that is due at boundary ``t``; returns when it is due next, ``t`` if the run ends here."""
        if self.asking.is_due(t):
            for turn in self.asking.turns:
                self._begin(turn)
                team.run(self.look, t, t + 1)
                if not self.asking.answer(t, turn, lambda name: self.buffers[handles.occurs(name)], self._fill):
                    return t
            self._begin(DONE)
        return self.asking.next_due(t + 1)

    def _begin(self, turn: int) -> None:
        if TURN in self.buffers:
            self.buffers[TURN][0] = turn

    def _fill(self, name: str, codes: NDArray[np.int64], rows: NDArray) -> None:
        self.buffers[handles.answers(name)][codes] = rows


def _run_blocks(
    team: Team,
    driver: Driver,
    steps: int,
    progress: Progress | None,
    asked: _Asked | None,
    buffers: Mapping[str, NDArray],
) -> int:
    """Steps done. Blocks are long enough that calling them costs nothing, short enough to stop soon."""
    done, block = 0, 1 if progress is not None else steps  # nobody to ask: all at once
    faults = buffers.get(FIRST)
    while done < steps:
        if ended_at(buffers) is not None:
            if progress is not None:
                progress(steps)
            return steps
        pause = steps if asked is None else asked.pause(team, done)
        if pause == done:
            break
        before = time.perf_counter()
        last = min(steps, done + block, pause)
        team.run(driver, done, last)
        seconds = (time.perf_counter() - before) / (last - done)
        done = last
        if (progress is not None and not progress(done)) or (faults is not None and faults.min() < done):
            break
        block = max(1, min(2 * block + 1, int(BLOCK_SECONDS / max(seconds, 1e-7))))
    return done


# ------------------------------------------------------------------ results


def result_of(request: RunRequest, buffers: dict[str, NDArray], done: int, timings: dict[str, float]) -> RunResult:
    """Result of a run from its buffers after ``done`` steps. Raises ``LpmError`` (E0744): a value was no number."""
    model = request.model
    require_sound(model, buffers)
    # A device buffer has at least one row, also for an observation that never reports.
    raw = {o.name: buffers[handles.observed(o.name)][: report_count(model, o.name, request.steps)]
           for o in model.observations}  # fmt: skip
    ended = ended_at(buffers)
    last = done if ended is None else min(ended, done)
    reports = {name: _reports(model, name, rows, last) for name, rows in raw.items()}
    checks = sum(isinstance(c, CheckAlways) for c in model.checks)
    watches = tuple(buffers[handles.watched(k)].copy() for k in range(checks))
    costs = {i.name: _spent(i, buffers, model.clock.step) for i in model.interventions}
    states = {c.name: buffers[c.name].copy() for c in model.conditions}
    return RunResult(reports, watches, costs, states, done, timings, ended=ended)


def ended_at(buffers: Mapping[str, NDArray]) -> int | None:
    """The boundary at which the run has ended by itself; None where it has not."""
    at = int(buffers[ENDED][0]) if ENDED in buffers else -1
    return None if at < 0 else at


def _spent(one: Intervention, buffers: dict[str, NDArray], step: float) -> float:
    """The money that an intervention cost: its price times the people, starts or days that were paid for."""
    if one.costs is None:
        return 0.0
    count = float(buffers[paid(one)][0])
    return one.costs * (count * step if one.costs_per == "day" else count)


def _reports(model: Model, name: str, raw: NDArray, done: int) -> NDArray[np.float64]:
    """Reports in the observation's own unit, NaN for those that the run did not complete."""
    observation = model.observation(name)
    if observation.adds_over_time:
        # every·scale is 1 when the unit is the period itself: then the report is the count.
        values = raw / round(observation.every * observation.scale, 12)
    else:
        values = raw / observation.scale
    values[report_count(model, name, done) :] = np.nan
    return values

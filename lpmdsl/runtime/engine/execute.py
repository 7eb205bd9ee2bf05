"""One replicate on the CPU back end: buffers filled from world and parameters, steps run in blocks, reports read."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.llvm.worklists import CHUNK
from lpmdsl.backends.request import Progress, RunRequest, RunResult
from lpmdsl.compiler import Compiled, with_circles
from lpmdsl.diagnostics import LpmError
from lpmdsl.lowering.dense.months import DAYS, LAST, PASSED
from lpmdsl.lowering.dense.spending import paid
from lpmdsl.lowering.dense.watched_values import FIRST
from lpmdsl.lowering.sparse.worklists import BLOCK
from lpmdsl.program.ir import NEVER, Buffer, Program, Spend
from lpmdsl.runtime.engine.asking import Asking
from lpmdsl.runtime.engine.kernels import Driver, Kernels, build
from lpmdsl.runtime.engine.sound import require_sound
from lpmdsl.semantics.analysis.exposure.largest_hazards import refuse_hazards
from lpmdsl.semantics.host.calendar import day_table, months_passed
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.host.quantile_tables import CELLS, quantile_table
from lpmdsl.semantics.host.report_times import report_count as report_count
from lpmdsl.semantics.model import CheckAlways, Intervention, Model, Network, Rule

BLOCK_SECONDS = 0.2
AGENTS_PER_THREAD = 2 * CHUNK  # below this, waiting for one another costs more than a thread gains
_NUMPY = {"bool": np.bool_, "u8": np.uint8, "i16": np.int16, "i32": np.int32, "u32": np.uint32, "i64": np.int64,
          "f64": np.float64}  # fmt: skip
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

    def driver(name: str) -> Driver:
        return kernels.driver(name, request.seed, request.replicate, sizes, buffers)

    asking = _Asked.of(request, driver, buffers)
    begin, run_steps = driver("begin"), driver("run_steps")
    largest = max(sizes[kind] for kind in request.world.counts)
    with Team(max(1, min(threads, largest // AGENTS_PER_THREAD))) as team:
        team.run(begin, -1, 0)
        begun = time.perf_counter()
        done = _run_blocks(team, run_steps, request.steps, progress, asking, buffers.get(FIRST))
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
            team.run(self.look, t, t + 1)
            if not self.asking.answer(t, lambda name: self.buffers[f"{name}_occurs"], self._fill):
                return t
        return self.asking.next_due(t + 1)

    def _fill(self, name: str, codes: NDArray[np.int64], rows: NDArray) -> None:
        self.buffers[f"{name}_table"][codes] = rows


def _run_blocks(
    team: Team,
    driver: Driver,
    steps: int,
    progress: Progress | None,
    asked: _Asked | None,
    faults: NDArray | None = None,
) -> int:
    """Steps done. Blocks are long enough that calling them costs nothing, short enough to stop soon."""
    done, block = 0, 1 if progress is not None else steps  # nobody to ask: all at once
    while done < steps:
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


# ------------------------------------------------------------------ buffers


def size_values(program: Program, request: RunRequest) -> dict[str, int]:
    """The value of every symbolic dimension."""
    model, world = request.model, request.world
    sizes = {"steps": request.steps, "steps+1": request.steps + 1, "cells": CELLS + 1}
    sizes["constants"] = len(program.constants)
    for kind, count in world.counts.items():
        # Twice, as one may move in a look, and on its own in the next step before the sums are brought up to date.
        sizes |= {
            kind: count,
            f"{kind}+1": count + 1,
            f"twice_{kind}": 2 * count,
            f"chunks_{kind}": max(1, -(-count // CHUNK)),
        }
        # Everyone stands in the calendar at most once; each step has at most one block that is not full.
        sizes[f"words_{kind}"] = -(-count // 64)
        sizes[f"blocks_{kind}"] = count // (BLOCK - 2) + request.steps + 2
    for (kind, place), count in world.place_counts.items():
        sizes |= {f"{kind}_{place}_places": max(1, count), f"{kind}_{place}_places+1": max(1, count) + 1}
    for network, ties in world.ties.items():
        sizes[f"{network}_ties"] = len(ties.targets)
    for observation in model.observations:
        sizes[f"reports_{observation.name}"] = report_count(model, observation.name, request.steps)
    return sizes


def make_buffers(program: Program, request: RunRequest, sizes: dict[str, int]) -> dict[str, NDArray]:
    """Every buffer, filled: constants and tables from the parameters, inputs from the world, states from the start."""
    given = given_buffers(program, request)
    buffers = {b.name: given[b.name] if b.name in given else empty_buffer(b, sizes) for b in program.buffers}
    for name in (*_of_agents(program), *(f"{b.name}_archetype" for b in request.model.behaviours if b.rule is None)):
        # Numbers without a sign are widened for nothing where they become a place in memory.
        buffers[name] = buffers[name].view(f"u{buffers[name].itemsize}")
    for name in (n for n in buffers if n.endswith("_offsets")):
        if buffers[name][-1] < 2**32:
            buffers[name] = buffers[name].astype(np.uint32)
    longest = {b.name: _longest(given[b.rows], b.rows) for b in program.buffers if b.rows}
    for name in (n for n, most in longest.items() if most < 256):
        buffers[name] = buffers[name].astype(np.uint8)
    for item in (i for i in program.step if isinstance(i, Spend)):
        most = longest.get(item.counts, NEVER)
        _narrow(buffers, item, most * (request.steps + 1), most)
    return buffers


def _longest(rows: NDArray, name: str) -> int:
    """The most ties of one agent, from degrees or from offsets."""
    return int((rows if name.endswith("_degree") else np.diff(rows)).max(initial=0))


def _narrow(buffers: dict[str, NDArray], item: Spend, most: int, longest: int) -> None:
    """Waiting for contacts in half the memory, where nobody can have as many as fit into it."""
    never = 2 * (most + longest) + 2  # from half of it on nobody is susceptible who can be reached
    if never <= np.iinfo(np.int16).max:
        buffers[item.left] = np.full(buffers[item.left].shape, never, np.int16)
        buffers[item.never] = np.array([never])


def _of_agents(program: Program) -> list[str]:
    """The buffers of agents' numbers: lists, and the ends of ties."""
    lists = {k.over for k in program.kernels}
    return [
        b.name
        for b in program.buffers
        if b.dtype == "i32" and (b.name in lists or b.name.endswith(("_targets", "_members")))
    ]


def empty_buffer(buffer: Buffer, sizes: dict[str, int]) -> NDArray:
    """A buffer that nothing is known of yet: its fill."""
    shape = tuple(sizes[d] if isinstance(d, str) else d for d in buffer.shape)
    if buffer.fill == 0:
        return np.zeros(shape, _NUMPY[buffer.dtype])
    return np.full(shape, buffer.fill, _NUMPY[buffer.dtype])


def given_buffers(program: Program, request: RunRequest) -> dict[str, NDArray]:
    """The buffers that the host fills: constants, tables, people, ties, start states. Raises ``LpmError`` (E0776)."""
    model, world = request.model, request.world
    refuse_hazards(model, request.parameters, world.counts)
    scope = Scope(model, request.parameters, counts=world.counts)
    constants = [evaluate(c.expression, scope) for c in program.constants]  # type: ignore[arg-type]
    given: dict[str, NDArray] = {"constants": np.array(constants, np.float64)}
    for table in model.tables:
        given[f"table_{table.name}"] = np.array(table.values, np.float64)
    for q in program.quantiles:
        law = q.distribution
        given[q.buffer] = quantile_table(law, model, request.parameters, model.clock.step)  # type: ignore[arg-type]
    changed = {(a.name, x.name) for a in model.agents for x in a.attributes if x.is_changed}
    for (kind, name), column in world.attributes.items():
        given[f"{kind}_{name}"] = column.copy() if (kind, name) in changed else column
    for condition, states in request.start.items():
        given[condition] = states.copy()
    for network, circles in world.circles.items():
        given[f"{network}_circles"] = circles.keys
        given[f"{network}_degree"] = np.array([2 * len(circles.keys)])
    for network, ties in world.ties.items():
        given[f"{network}_offsets"], given[f"{network}_targets"] = ties.offsets, ties.targets
    rows = {b.name for b in program.buffers if b.name.endswith("_members")}
    for network in (n for n in model.networks if n.layout == "place" and f"{n.of}_{n.place}_members" in rows):
        given |= world.members(network.of, network.place)
    if any(b.name == PASSED for b in program.buffers):
        given[PASSED] = np.array(months_passed(model.clock, request.steps), np.int64)
    given[LAST] = np.array([request.steps], np.int64)
    if any(b.name == DAYS for b in program.buffers):
        given[DAYS] = np.array(day_table(model.clock, request.steps), np.int64)
    for network in model.networks:
        if network.days:
            given[f"{network.name}_runs"] = runs_on(network, model, request.steps)
    for intervention in model.interventions:
        disabled = intervention.name in request.disabled
        given[f"{intervention.name}_disabled"] = np.array([disabled], np.int64)
    for rule in model.rules:
        given[f"{rule.name}_disabled"] = np.array([rule.name in request.disabled], np.int64)
        if rule.days:
            given[f"{rule.name}_days"] = runs_on(rule, model, request.steps)
    for behaviour in model.behaviours:
        given[f"{behaviour.name}_rests"] = np.array([behaviour.name in request.disabled], np.int64)
    return given


def runs_on(network: Network | Rule, model: Model, steps: int) -> NDArray[np.uint8]:
    """1 for the steps whose first day is one of the days of a network or a rule."""
    assert model.clock.start is not None
    first = datetime.date.fromisoformat(model.clock.start)
    days = [math.floor(t * model.clock.step + 1e-9) for t in range(steps)]
    weekend = np.array([(first.weekday() + day) % 7 >= 5 for day in days], bool)
    return (weekend if network.days == "weekends" else ~weekend).astype(np.uint8)


# ------------------------------------------------------------------ results


def result_of(request: RunRequest, buffers: dict[str, NDArray], done: int, timings: dict[str, float]) -> RunResult:
    """Result of a run from its buffers after ``done`` steps. Raises ``LpmError`` (E0744): a value was no number."""
    model = request.model
    require_sound(model, buffers)
    # A device buffer has at least one row, also for an observation that never reports.
    raw = {o.name: buffers[f"observed_{o.name}"][: report_count(model, o.name, request.steps)]
           for o in model.observations}  # fmt: skip
    reports = {name: _reports(model, name, rows, done) for name, rows in raw.items()}
    checks = sum(isinstance(c, CheckAlways) for c in model.checks)
    watches = tuple(buffers[f"watch_{k}"] for k in range(checks))
    costs = {i.name: _spent(i, buffers, model.clock.step) for i in model.interventions}
    states = {c.name: buffers[c.name] for c in model.conditions}
    return RunResult(reports, watches, costs, states, done, timings)


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

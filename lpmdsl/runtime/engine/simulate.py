"""Simulation of a plan: every scenario and replicate in turn, on common random numbers, results kept as they come."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2s
from time import perf_counter

from lpmdsl.backends.request import RunRequest, RunResult
from lpmdsl.config import Manifest, Seconds
from lpmdsl.diagnostics import Report
from lpmdsl.native import machine
from lpmdsl.networks.storage.parallel import on_threads
from lpmdsl.networks.world import World
from lpmdsl.population.people import build_world, start_states
from lpmdsl.runtime.behaviours.answers import Answers
from lpmdsl.runtime.behaviours.survey import compare_surveys
from lpmdsl.runtime.comparison import comparison_table
from lpmdsl.runtime.engine.engines import Engine
from lpmdsl.runtime.engine.invariants import watch
from lpmdsl.runtime.manifest import begin_manifest, now, peak_memory_mib
from lpmdsl.runtime.outputs import OutputFolder
from lpmdsl.runtime.reports.run_page import report_page
from lpmdsl.runtime.results import Results, empty_observations, table_of
from lpmdsl.runtime.scenarios import Plan, Variant, world_key
from lpmdsl.runtime.table import Table, joined
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source

WRITE_EVERY = 0.5  # seconds: what an abrupt end can lose at most, beside the replicate under way
INTERRUPTED = "interrupted from the keyboard"
Advance = Callable[[str, int, int], None]
"""Called with the scenario, the replicate and its completed steps."""


def silent(scenario: str, replicate: int, steps: int) -> None:
    """Shows no progress."""


@dataclass(slots=True)
class Stop:
    """Flag that someone asked the run to end; set by Ctrl-C, read between blocks of steps."""

    asked: bool = False


@contextmanager
def ctrl_c_stops() -> Iterator[Stop]:
    """The first Ctrl-C asks the run to end after its block of steps; a second one ends the program."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    previous = signal.getsignal(signal.SIGINT)

    def on_interrupt(number: int, frame: object) -> None:
        stop.asked = True
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, previous)


@dataclass(slots=True)
class _Tally:
    """Sums over the replicates that have been run so far."""

    seconds: Seconds
    agent_steps: int = 0
    finished: int = 0
    stopped_after: int | None = None
    ended: str = ""


@dataclass(slots=True)
class Simulation:
    """A plan on an engine: every scenario and replicate in turn, on common random numbers, results kept as they come.

    ``folder``: where they are also written. ``advance`` is called as steps are done; ``stop`` is read between blocks of
    steps. ``answers``: who answers behaviours that ask.
    """

    model: Model
    source: Source
    plan: Plan
    engine: Engine
    compile_seconds: float
    folder: OutputFolder | None = None
    advance: Advance = silent
    stop: Stop = field(default_factory=Stop)
    answers: Answers | None = None
    report: Report = field(default_factory=Report)
    tables: list[Table] = field(default_factory=list)
    written: int = 0
    written_at: float = field(default_factory=perf_counter)
    worlds: dict[tuple[float, ...], World] = field(default_factory=dict)
    manifest: Manifest = field(init=False)
    tally: _Tally = field(init=False)

    def __post_init__(self) -> None:
        self.manifest = begin_manifest(self.model, self.source, self.plan, self.engine.name, self.engine.threads)
        self.tally = _Tally(Seconds(compile=self.compile_seconds))

    def results(self) -> Results:
        """The results of the plan, also written to the folder as they come.

        A broken ``check always`` is an error in ``report``; a stopped run has ``manifest.complete`` false.
        """
        if self.answers is not None:
            self.answers.stopped = lambda: self.stop.asked
            self.answers.begin(self.manifest.sha256)
        if self.folder:
            self.folder.begin(self.manifest)
        for variant in self.plan.variants:
            done = 0
            while done < self.plan.options.replicates and not self.stop.asked:
                done += self._replicates(variant, done)
        if self.answers is not None:
            self._end_answers(self.answers)
        results = self._gathered()
        if self.folder is None:
            return results
        self._write(self.folder)
        return self.folder.finish(results, report_page(self.model, self.source, results))

    def _end_answers(self, answers: Answers) -> None:
        """Surveys are compared, and the manifest says who answered."""
        compare_surveys(answers, self.plan.variants[0].parameters, self.manifest.agents, self.report)
        self.manifest = self.manifest.model_copy(update={"behaviours": answers.record()})

    # ------------------------------------------------------------------ replicates

    def _replicates(self, variant: Variant, first: int) -> int:
        """Runs replicates from ``first`` on, as many as the engine takes together; returns how many.

        What they gave is kept, whole or up to where they were stopped.
        """
        began = perf_counter()
        requests = self._requests(variant, first)
        ready, members = perf_counter(), len(requests)

        def progress(steps: int) -> bool:
            for k in range(members):
                self.advance(variant.name, first + k, steps)
            return not self.stop.asked

        before = machine.made.seconds
        results = self.engine.run(requests, progress)
        compiled = machine.made.seconds - before + results[0].timings.get("compile", 0.0)
        self._count_time(results[0], began, ready, compiled)
        self._note_end(results)
        for k, (request, result) in enumerate(zip(requests, results, strict=True)):
            self._keep(variant, first + k, request, result)
        if self.folder and (self.stop.asked or perf_counter() - self.written_at > WRITE_EVERY):
            self._write(self.folder)
        return members

    def _requests(self, variant: Variant, first: int) -> list[RunRequest]:
        """As many replicates as the engine takes together; people drawn anew for each are taken one at a time."""
        with on_threads(self.engine.threads):
            requests = [self._request(variant, first)]
            rest = self.plan.options.replicates - first
            members = 1 if self.plan.options.redraw_people else min(self.engine.capacity(requests[0]), rest)
            return requests + [self._request(variant, first + k) for k in range(1, members)]

    def _request(self, variant: Variant, replicate: int) -> RunRequest:
        """The people before the first step; scenarios share them, and replicates unless set otherwise."""
        model, seed, values = self.model, self.plan.options.seed, variant.parameters
        world = self._world(values, world_seed(seed, replicate) if self.plan.options.redraw_people else seed)
        start = start_states(model, world, values, seed, replicate)
        ask = self.answers.ask_for(values, world.counts) if self.answers is not None else None
        return RunRequest(model, world, values, start, seed, replicate, self.plan.steps, variant.disabled, ask)

    def _world(self, values: dict[str, float], seed: int) -> World:
        """The people, places and ties for parameters and a seed; only the last is held."""
        key = (seed, *world_key(self.model, values))
        if key not in self.worlds:
            self.worlds.clear()  # scenarios that need another world come one after the other
            keeps_keys = self.engine.name == "cpu"
            made = build_world(self.model, values, seed, self.plan.counts, keeps_keys=keeps_keys)
            ties = made.tie_counts({n.name: n.of for n in self.model.networks})
            self.manifest = self.manifest.model_copy(update={"agents": dict(made.counts), "ties": ties})
            self.worlds[key] = made
        return self.worlds[key]

    def _note_end(self, results: list[RunResult]) -> None:
        """An error that ended a replicate ends the run, unless it was the keyboard that ended the asking."""
        ended = next((r.stopped for r in results if r.stopped is not None), None)
        if ended is not None and not self.stop.asked:
            self.stop.asked = True
            self.tally.ended = ended.report.diagnostics[0].message
            self.report.diagnostics.extend(ended.report.diagnostics)

    def _keep(self, variant: Variant, replicate: int, request: RunRequest, result: RunResult) -> None:
        """Adds what one replicate gave."""
        watch(self.model, variant, request.world.counts, replicate, result, self.report)
        worked = result.steps_done if result.ended is None else min(result.ended, result.steps_done)
        self.tally.agent_steps += sum(request.world.counts.values()) * worked
        if result.steps_done == self.plan.steps:
            self.tally.finished += 1
        else:
            self.tally.stopped_after = result.steps_done
        if self.model.clock.until is not None:
            self.manifest.ended_after.setdefault(variant.name, []).append(result.ended)
        for name, record in self.manifest.costs.items():
            if name not in variant.disabled:
                record.spent.setdefault(variant.name, []).append(result.costs[name])
        self.tables.append(table_of(self.model, variant.name, replicate, result))

    def _count_time(self, result: RunResult, began: float, ready: float, compiling: float) -> None:
        """Adds this replicate's seconds: machine code made on the way is compiling, filled buffers are setting up."""
        old, elapsed = self.tally.seconds, perf_counter() - ready
        filling = max(0.0, result.timings.get("begin", 0.0) - compiling)
        self.tally.seconds = Seconds(
            compile=old.compile + compiling,
            setup=old.setup + (ready - began) + filling,
            run=old.run + max(0.0, elapsed - compiling - filling),
        )

    # ------------------------------------------------------------------ results

    def _write(self, folder: OutputFolder) -> None:
        """Appends the replicates that are not on disk yet."""
        waiting = [table for table in self.tables[self.written :] if len(table)]
        if waiting:
            folder.append(joined(waiting, empty_observations()))
        self.written, self.written_at = len(self.tables), perf_counter()

    def _gathered(self) -> Results:
        """The gathered tables with the finished manifest."""
        manifest = self.manifest.model_copy(update=self._ending())
        table = joined([table for table in self.tables if len(table)], empty_observations())
        needed = {name for c in self.model.comparisons for name in (c.baseline, *c.scenarios)}
        whole = needed <= set(manifest.scenarios)
        compared = comparison_table(self.model, table, manifest) if whole else Table()
        return Results(table, manifest, compared, self.report)

    def _ending(self) -> dict[str, object]:
        """The fields of the manifest that are known when a run has ended."""
        tally, seconds = self.tally, self.tally.seconds
        complete = tally.finished == len(self.plan.variants) * self.plan.options.replicates
        return {
            "seconds": Seconds(**{name: round(value, 4) for name, value in seconds.model_dump().items()}),
            "agent_steps_per_second": round(tally.agent_steps / seconds.run) if seconds.run > 0 else 0.0,
            "peak_memory_mib": peak_memory_mib(),
            "finished": now(),
            "complete": complete,
            "finished_replicates": tally.finished,
            "stopped": "" if complete else (tally.ended or INTERRUPTED),
            "stopped_after": None if complete else (tally.stopped_after or 0),
            "broken_checks": tuple(f"{d.span.label}: {d.message}" for d in self.report.diagnostics),
        }


def world_seed(seed: int, replicate: int) -> int:
    """The seed of the people of one replicate; the first has those of the seed itself."""
    if replicate == 0:
        return seed
    return int.from_bytes(blake2s(f"people/{seed}/{replicate}".encode()).digest()[:8], "little")

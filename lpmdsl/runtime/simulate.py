"""Runs a plan: every scenario and replicate in turn, with shared luck, its results kept as they come."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2s
from time import perf_counter

import pandas as pd
from numba.core import event

from lpmdsl.backends.request import RunRequest, RunResult
from lpmdsl.config import Manifest, Seconds
from lpmdsl.diagnostics import Report
from lpmdsl.networks.work import on_threads
from lpmdsl.networks.world import World
from lpmdsl.population.people import build_world, start_states
from lpmdsl.runtime.behaviours.answers import Answers
from lpmdsl.runtime.behaviours.survey import compare_surveys
from lpmdsl.runtime.comparison import comparison_table
from lpmdsl.runtime.manifest import begin_manifest, now, peak_memory_mib
from lpmdsl.runtime.outputs import OutputFolder
from lpmdsl.runtime.report import report_page
from lpmdsl.runtime.results import Results, empty_observations, frame_of
from lpmdsl.runtime.runners import Runner
from lpmdsl.runtime.scenarios import Plan, Variant, world_key
from lpmdsl.runtime.watches import watch
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
    """Whether someone asked the run to end; set by Ctrl-C, read between blocks of steps."""

    asked: bool = False


@dataclass(slots=True)
class _Tally:
    """What a run has gathered so far."""

    manifest: Manifest
    seconds: Seconds
    frames: list[pd.DataFrame] = field(default_factory=list)
    written: int = 0
    written_at: float = field(default_factory=perf_counter)
    agent_steps: int = 0
    finished: int = 0
    stopped_after: int | None = None
    worlds: dict[tuple[float, ...], World] = field(default_factory=dict)
    answers: Answers | None = None
    ended: str = ""


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


def simulate(
    model: Model,
    source: Source,
    plan: Plan,
    runner: Runner,
    compile_seconds: float,
    folder: OutputFolder | None = None,
    advance: Advance = silent,
    stop: Stop | None = None,
    answers: Answers | None = None,
) -> Results:
    """The results of a plan, also written to ``folder`` as they come.

    A broken ``check always`` is an error in ``results.report``; a stopped run has ``manifest.complete`` false.
    """
    stop, report = stop or Stop(), Report()
    manifest = begin_manifest(model, source, plan, runner.backend, runner.threads)
    tally = _Tally(manifest, Seconds(compile=compile_seconds), answers=answers)
    if answers is not None:
        answers.stopped = lambda: stop.asked
        answers.begin(manifest.sha256)
    if folder:
        folder.begin(tally.manifest)
    for variant in plan.variants:
        done = 0
        while done < plan.options.replicates and not stop.asked:
            done += _some(model, plan, variant, done, runner, tally, folder, advance, stop, report)
    if answers is not None:
        _end_answers(answers, plan, tally, report)
    results = _results(model, plan, tally, stop, report)
    if folder is None:
        return results
    _write(tally, folder)
    return folder.finish(results, report_page(model, source, results))


def _end_answers(answers: Answers, plan: Plan, tally: _Tally, report: Report) -> None:
    """Surveys are compared, and the manifest says who answered."""
    compare_surveys(answers, plan.variants[0].parameters, tally.manifest.agents, report)
    tally.manifest = tally.manifest.model_copy(update={"behaviours": answers.record()})


def _some(
    model: Model,
    plan: Plan,
    variant: Variant,
    first: int,
    runner: Runner,
    tally: _Tally,
    folder: OutputFolder | None,
    advance: Advance,
    stop: Stop,
    report: Report,
) -> int:
    """Runs replicates from ``first`` on, as many as the back end takes together; returns how many.

    What they gave is kept, whole or up to where they were stopped.
    """
    began = perf_counter()
    with on_threads(runner.threads):
        requests = [_request(model, plan, variant, first, tally)]
        rest = plan.options.replicates - first
        members = 1 if plan.options.redraw_people else min(runner.together(requests[0]), rest)
        requests += [_request(model, plan, variant, first + k, tally) for k in range(1, members)]
    ready = perf_counter()

    def progress(steps: int) -> bool:
        for k in range(members):
            advance(variant.name, first + k, steps)
        return not stop.asked

    with event.install_listener("numba:compile", event.TimingListener()) as compiling:
        results = runner.run(requests, progress)
    compiled = (compiling.duration if compiling.done else 0.0) + results[0].timings.get("compile", 0.0)
    _count_time(tally, results[0], began, ready, compiled)
    ended = next((r.stopped for r in results if r.stopped is not None), None)
    if ended is not None and not stop.asked:  # else it is the keyboard that ended the asking
        stop.asked = True
        tally.ended = ended.report.diagnostics[0].message
        report.diagnostics.extend(ended.report.diagnostics)
    for k, (request, result) in enumerate(zip(requests, results, strict=True)):
        _keep(model, plan, variant, first + k, request, result, tally, report)
    if folder and (stop.asked or perf_counter() - tally.written_at > WRITE_EVERY):
        _write(tally, folder)
    return members


def _keep(
    model: Model,
    plan: Plan,
    variant: Variant,
    replicate: int,
    request: RunRequest,
    result: RunResult,
    tally: _Tally,
    report: Report,
) -> None:
    """What one replicate gave."""
    watch(model, variant, request.world.counts, replicate, result, report)
    tally.agent_steps += sum(request.world.counts.values()) * result.steps_done
    if result.steps_done == plan.steps:
        tally.finished += 1
    else:
        tally.stopped_after = result.steps_done
    for name, record in tally.manifest.costs.items():
        if name not in variant.disabled:
            record.spent.setdefault(variant.name, []).append(result.costs[name])
    tally.frames.append(frame_of(model, variant.name, replicate, result))


def _write(tally: _Tally, folder: OutputFolder) -> None:
    """Appends the replicates that are not on disk yet."""
    waiting = [frame for frame in tally.frames[tally.written :] if len(frame)]
    if waiting:
        folder.append(pd.concat(waiting, ignore_index=True))
    tally.written, tally.written_at = len(tally.frames), perf_counter()


def _request(model: Model, plan: Plan, variant: Variant, replicate: int, tally: _Tally) -> RunRequest:
    """The people as they stand before the first step; scenarios share them, and replicates unless told otherwise."""
    seed = plan.options.seed
    drawn_from = world_seed(seed, replicate) if plan.options.redraw_people else seed
    key = (drawn_from, *world_key(model, variant.parameters))
    if key not in tally.worlds:
        tally.worlds.clear()  # scenarios that need another world come one after the other: hold only one
        tally.worlds[key] = build_world(
            model, variant.parameters, drawn_from, plan.counts, keeps_keys=tally.manifest.backend == "cpu"
        )
        made = tally.worlds[key]
        ties = made.tie_counts({n.name: n.of for n in model.networks})
        tally.manifest = tally.manifest.model_copy(update={"agents": dict(made.counts), "ties": ties})
    world = tally.worlds[key]
    start = start_states(model, world, variant.parameters, seed, replicate)
    ask = tally.answers.ask_for(variant.parameters, world.counts) if tally.answers is not None else None
    return RunRequest(model, world, variant.parameters, start, seed, replicate, plan.steps, variant.disabled, ask)


def world_seed(seed: int, replicate: int) -> int:
    """The seed of the people of one replicate; the first has those of the seed itself."""
    if replicate == 0:
        return seed
    return int.from_bytes(blake2s(f"people/{seed}/{replicate}".encode()).digest()[:8], "little")


def _count_time(tally: _Tally, result: RunResult, began: float, ready: float, compiling: float) -> None:
    """Adds this replicate's seconds: machine code made on the way is compiling, filled buffers are setting up."""
    old, elapsed = tally.seconds, perf_counter() - ready
    filling = max(0.0, result.timings.get("begin", 0.0) - compiling)
    tally.seconds = Seconds(
        compile=old.compile + compiling,
        setup=old.setup + (ready - began) + filling,
        run=old.run + max(0.0, elapsed - compiling - filling),
    )


def _results(model: Model, plan: Plan, tally: _Tally, stop: Stop, report: Report) -> Results:
    """The gathered tables with the finished manifest."""
    seconds, total = tally.seconds, len(plan.variants) * plan.options.replicates
    complete = tally.finished == total
    manifest = tally.manifest.model_copy(
        update={
            "seconds": Seconds(**{name: round(value, 4) for name, value in seconds.model_dump().items()}),
            "agent_steps_per_second": round(tally.agent_steps / seconds.run) if seconds.run > 0 else 0.0,
            "peak_memory_mib": peak_memory_mib(),
            "finished": now(),
            "complete": complete,
            "finished_replicates": tally.finished,
            "stopped": "" if complete else (tally.ended or INTERRUPTED),
            "stopped_after": None if complete else (tally.stopped_after or 0),
            "broken_checks": tuple(f"{d.span.label}: {d.message}" for d in report.diagnostics),
        }
    )
    frames = [frame for frame in tally.frames if len(frame)]
    observations = pd.concat(frames, ignore_index=True) if frames else empty_observations()
    needed = {name for c in model.comparisons for name in (c.baseline, *c.scenarios)}
    compared = comparison_table(model, observations, manifest) if needed <= set(manifest.scenarios) else pd.DataFrame()
    return Results(observations, manifest, compared, report)

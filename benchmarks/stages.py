"""Where the time of a run goes: the schedule of a model walked kernel by kernel on one thread, with a clock.

    python -m benchmarks.stages models/town_flu.lpm --agents 1000000

Prints seconds per stage with the line of the model it comes from, and writes them with machine and versions to
``benchmarks/results/``. The whole run (all threads, no clock inside) is measured first, in the same process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import time
from collections import defaultdict
from datetime import date
from pathlib import Path
from types import ModuleType

import numba
import numpy as np

from lpmdsl.backends.numba_cpu import fold_function, kernel_arguments, shares_lists, size_arguments
from lpmdsl.backends.request import RunRequest
from lpmdsl.compiler import Compiled, check_source, compile_model
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.kernel.ir import (
    Apply,
    Clear,
    Collect,
    Fold,
    Gate,
    Kernel,
    KExpr,
    Launch,
    Load,
    ScheduleItem,
    SelectSmallest,
    Var,
    calendar_buffers,
)
from lpmdsl.runtime.build import build
from lpmdsl.runtime.execute import CHUNK, cpu_runner, make_buffers, size_values
from lpmdsl.runtime.population import build_world, start_states
from lpmdsl.semantics.evaluate import parameter_values
from lpmdsl.syntax.parse import read_source

_SCALAR = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "mod": lambda a, b: a % b,
    "floordiv": lambda a, b: a // b, "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "and": lambda a, b: a and b,
    "or": lambda a, b: a or b, "not": lambda a: not a,
}  # fmt: skip


class Walk:
    """The schedule of a program run from Python, with the seconds of every kernel."""

    def __init__(self, compiled: Compiled, module: ModuleType, request: RunRequest) -> None:
        self.program, self.module = compiled.cpu_program, module
        sizes = size_values(self.program, request)
        self.known: dict[str, object] = dict(make_buffers(self.program, request, sizes))
        self.known |= {name: sizes[name] for name in size_arguments(self.program)}
        self.known |= {"seed": np.uint64(request.seed), "replicate": request.replicate}
        self.seconds: dict[str, float] = defaultdict(float)

    def step(self, t: int, items: tuple[ScheduleItem, ...]) -> None:
        for item in items:
            if isinstance(item, Gate):
                if self.value(item.test, t):
                    self.step(t, item.items)
                continue
            name, call = self.call(item, t)
            before = time.perf_counter()
            call()
            self.seconds[name] += time.perf_counter() - before

    def call(self, item: ScheduleItem, t: int):
        """The name of a stage and a function that runs it."""
        module, known = self.module, self.known
        match item:
            case Launch():
                kernel = self.program.kernel(item.kernel)
                function = getattr(module, kernel.name)
                arguments = [known[n] for n in kernel_arguments(self.program, kernel)]
                if not kernel.domain:
                    return kernel.name, lambda: function(t, *arguments)
                size, one = self.size(kernel), [1] if shares_lists(kernel) else []
                chunks = range(0, size, CHUNK)
                return kernel.name, lambda: [
                    function(lo // CHUNK, lo, min(size, lo + CHUNK), t, *one, *arguments) for lo in chunks
                ]
            case Collect():
                names = (*calendar_buffers(item.calendar), item.items, f"{item.items}_size")
                head, blocks, pool, items, length = (known[n] for n in names)
                return f"collect {item.items}", lambda: module.collect(head, blocks, pool, t, items, length)
            case Clear():
                return f"clear {item.buffer}", lambda: module.clear(known[item.buffer])
            case Fold():
                fold = getattr(module, fold_function(self.program, item))
                return f"fold {item.into}", lambda: fold(known[item.tally], known[item.into])
            case SelectSmallest():
                limit = self.value(item.limit, t)
                names = (item.keys, item.cutoff, item.chosen)
                keys, cutoff, chosen = (known[n] for n in names)
                return f"select {item.keys}", lambda: module.select_smallest(keys, limit, cutoff, chosen)
            case _:
                raise TypeError(item)

    def size(self, kernel: Kernel) -> int:
        """Over how many agents, entries of a list or words of a set a kernel goes."""
        if not kernel.over:
            return int(self.known[kernel.domain])  # type: ignore[call-overload]
        if self.program.buffer(kernel.over).dtype == "i64":
            return len(self.known[kernel.over])  # type: ignore[arg-type]
        return int(self.known[f"{kernel.over}_size"][0])  # type: ignore[index]

    def value(self, expr: KExpr, t: int):
        match expr:
            case Load():
                return self.known[expr.buffer][tuple(self.value(k, t) for k in expr.index)]  # type: ignore[index]
            case Apply():
                return _SCALAR[expr.op](*(self.value(a, t) for a in expr.args))
            case Var():
                return t
            case _:
                return expr.value  # type: ignore[union-attr]


def prepare(path: Path, agents: int) -> tuple[Compiled, RunRequest, float]:
    """A compiled model, its request for a number of agents of its first kind, and the seconds that its world took."""
    report = Report()
    source = read_source(path, report)
    checked = check_source(source, report) if source else None
    if checked is None:
        raise LpmError(report)
    compiled = compile_model(*checked)
    model = compiled.model
    parameters = parameter_values(model)
    before = time.perf_counter()
    world = build_world(model, parameters, 1, {model.agents[0].name: agents})
    start = start_states(model, world, parameters, 1, 0)
    seconds = time.perf_counter() - before
    return compiled, RunRequest(model, world, parameters, start, 1, 0, model.clock.steps), seconds


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("model", type=Path)
    options.add_argument("--agents", type=int, default=1_000_000)
    options.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options.add_argument("--repeat", type=int, default=3)
    asked = options.parse_args()
    compiled, request, set_up = prepare(asked.model, asked.agents)
    run = cpu_runner(compiled, asked.threads)
    before = time.perf_counter()
    run(request, None)
    first = time.perf_counter() - before
    whole = sorted(run(request, None).timings["steps"] for _ in range(asked.repeat))[asked.repeat // 2]
    walk = Walk(compiled, build(compiled), request)
    walk.step(-1, compiled.cpu_program.begin)
    walk.seconds.clear()
    for t in range(request.steps):
        walk.step(t, compiled.cpu_program.step)
    stages = dict(sorted(walk.seconds.items(), key=lambda pair: -pair[1]))
    record = {
        "model": asked.model.name,
        "agents": asked.agents,
        "steps": request.steps,
        "threads": asked.threads,
        "seconds": {"set_up": round(set_up, 3), "first_run_with_compiling": round(first, 3), "run": round(whole, 3)},
        "million_agent_steps_per_second": round(asked.agents * request.steps / whole / 1e6, 1),
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "stages_on_one_thread": {name: round(s, 4) for name, s in stages.items() if s > 0.001 * sum(stages.values())},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version(), "numba": numba.__version__, "numpy": np.__version__},
        "date": date.today().isoformat(),
    }
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    (folder / f"stages_{asked.model.stem}_{asked.agents}.json").write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()

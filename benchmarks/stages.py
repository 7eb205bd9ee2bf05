"""Profile of a run: the schedule of a model walked kernel by kernel on one thread, with a clock.

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
from datetime import date
from pathlib import Path

import llvmlite
import numpy as np

from lpmdsl.backends.request import RunRequest
from lpmdsl.compiler import Compiled, check_source, compile_model
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.population.people import build_world, start_states
from lpmdsl.runtime.engine.execute import cpu_runner
from lpmdsl.runtime.engine.profile import profile
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.syntax.parse import read_source


def prepare(path: Path, agents: int, seed: int = 1) -> tuple[Compiled, RunRequest, float]:
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
    world = build_world(model, parameters, seed, {model.agents[0].name: agents})
    start = start_states(model, world, parameters, seed, 0)
    seconds = time.perf_counter() - before
    return compiled, RunRequest(model, world, parameters, start, seed, 0, model.clock.steps), seconds


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
    stages = {stage.name: stage.seconds for stage in profile(compiled, request)}
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
        "versions": {"python": platform.python_version(), "llvmlite": llvmlite.__version__, "numpy": np.__version__},
        "date": date.today().isoformat(),
    }
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    (folder / f"stages_{asked.model.stem}_{asked.agents}.json").write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()

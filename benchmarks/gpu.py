"""Runs on a GPU: the CPU's counts first, then seconds, bandwidth and node updates a second.

    python -m benchmarks.gpu

writes ``benchmarks/results/gpu.json``. Every figure is the median of ``--repeats`` runs; compiling, and copying the
population to the GPU, are not part of a run. ``TRITON_INTERPRET=1 python -m benchmarks.gpu --quick`` goes through the
same code without a GPU, at sizes that an interpreter manages: it shows that the script works, its seconds mean nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.gpu_models import NETWORKS, PUBLISHED, mixing_model, nodes_model
from benchmarks.kernels import recorded
from lpmdsl.backends.request import RunRequest
from lpmdsl.compiler import Compiled, compile_model
from lpmdsl.config import RunOptions
from lpmdsl.population.people import build_world, start_states
from lpmdsl.runtime.api import LoadedModel, load
from lpmdsl.runtime.engine.execute import cpu_runner
from lpmdsl.runtime.engine.gpu import run as gpu
from lpmdsl.runtime.engine.gpu.detection import is_interpreted, require_gpu
from lpmdsl.runtime.engine.gpu.launch import Tiling
from lpmdsl.runtime.scenarios import plan

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "gpu.json"
TILINGS = (Tiling(64, 1), Tiling(128, 1), Tiling(128, 2), Tiling(256, 2), Tiling(256, 4), Tiling(512, 4))


def requests_of(model: LoadedModel, agents: int, replicates: int = 1, steps: int | None = None) -> list[RunRequest]:
    """What ``lpmc run`` would ask for: one world, several replicates."""
    options = RunOptions(agents={a.name: agents for a in model.model.agents}, steps=steps)
    planned = plan(model.model, options)
    variant = planned.variants[0]
    world = build_world(model.model, variant.parameters, 1, planned.counts)
    starts = [start_states(model.model, world, variant.parameters, 1, r) for r in range(replicates)]
    return [RunRequest(model.model, world, variant.parameters, s, 1, r, planned.steps) for r, s in enumerate(starts)]


def compiled(model: LoadedModel) -> Compiled:
    return compile_model(model.model, model.facts)


def median_seconds(run: Callable[[], float], repeats: int) -> float:
    """The median of so many runs, after one that nobody counts."""
    run()
    return statistics.median(run() for _ in range(repeats))


def timed(made: Compiled, requests: list[RunRequest], repeats: int, tiling: Tiling | None = None) -> float:
    """Seconds of the steps of one batch."""
    run = gpu.gpu_runner(made, tiling)
    return median_seconds(lambda: run(requests, None)[0].timings["steps"], repeats)


# ------------------------------------------------------------------ what is measured


def parity(agents: int) -> dict[str, str]:
    """For every model of ``models/``: whether all reports and final states are those of the CPU."""
    said: dict[str, str] = {}
    for path in sorted((ROOT / "models").glob("*.lpm")):
        made = compiled(load(path))
        requests = requests_of(load(path), agents, replicates=2)
        ours = gpu.gpu_runner(made)(requests, None)
        theirs = [cpu_runner(made)(request, None) for request in requests]
        equal = all(
            np.array_equal(a.observations[n], b.observations[n], equal_nan=True) and _same_states(a.states, b.states)
            for a, b in zip(ours, theirs, strict=True)
            for n in a.observations
        )
        said[path.stem] = "the same" if equal else "DIFFERENT"
    return said


def _same_states(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return all(np.array_equal(a[n], b[n]) for n in a)


def copy_bandwidth(size: int) -> float:
    """Bytes a second, read and written, that a copy on the device reaches."""
    device = "cpu" if is_interpreted() else "cuda"
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)

    def once() -> float:
        wait()
        began = time.perf_counter()
        for _ in range(10):
            target.copy_(source)
        wait()
        return (time.perf_counter() - began) / 10

    return 2 * size / median_seconds(once, 5)


def wait() -> None:
    if not is_interpreted():
        torch.cuda.synchronize()


def town(agents: int, repeats: int, bandwidth: float, steps: int | None) -> dict[str, Any]:
    """``town_flu``: seconds by size of block, and the share of the copy bandwidth that the counted bytes come to."""
    model = load(ROOT / "models" / "town_flu.lpm")
    made, requests = compiled(model), requests_of(model, agents, steps=steps)
    tilings = {f"{t.block} lanes, {t.warps} warps": timed(made, requests, repeats, t) for t in TILINGS}
    counted = {row["model"]: row["bytes"] for row in recorded()["models"]}
    best = min(tilings.values())
    moved = counted["town_flu"] * agents * requests[0].steps / best
    return {"agents": agents, "steps": requests[0].steps, "seconds": best, "by tiling": tilings,
            "bytes a second": moved, "share of copy bandwidth": moved / bandwidth}  # fmt: skip


def mixing(agents: int, repeats: int, steps: int | None) -> dict[str, Any]:
    """SEIR with random mixing."""
    model = load(mixing_model(agents))
    requests = requests_of(model, agents, steps=steps)
    seconds = timed(compiled(model), requests, repeats)
    return {"agents": agents, "steps": requests[0].steps, "seconds": seconds,
            "updates a second": agents * requests[0].steps / seconds}  # fmt: skip


def nodes(network: str, agents: int, replicates: int, repeats: int, steps: int | None) -> dict[str, Any]:
    """SEIR on nodes with 8 neighbours, in node updates a second, beside what was published for an A100."""
    model = load(nodes_model(network, agents))
    requests = requests_of(model, agents, replicates, steps)
    seconds = timed(compiled(model), requests, repeats)
    updates = agents * requests[0].steps * replicates / seconds
    eager = None if replicates > 1 else eager_seconds(requests[0], repeats)
    return {"agents": agents, "replicates": replicates, "seconds": seconds, "updates a second": updates,
            "FlashSpread on an A100": PUBLISHED[network if replicates == 1 else "replicates"],
            "eager torch, seconds": eager}  # fmt: skip


def eager_seconds(request: RunRequest, repeats: int) -> float:
    """The same SEIR on the same ties as eager tensor operations: a draw an agent and step, ``index_add`` along ties."""
    device = "cpu" if is_interpreted() else "cuda"
    (ties,) = request.world.ties.values()
    targets = torch.from_numpy(ties.targets).to(device, torch.int64)
    degrees = torch.from_numpy(np.diff(ties.offsets)).to(device)
    sources = torch.repeat_interleave(torch.arange(len(degrees), device=device), degrees)
    start = torch.from_numpy(next(iter(request.start.values()))).to(device, torch.int64)
    values = request.parameters
    rate, latent, infectious = values["per_tie"], values["latent_period"], values["infectious_period"]

    def once() -> float:
        state = start.clone()
        wait()
        began = time.perf_counter()
        for _ in range(request.steps):
            load_ = torch.zeros(len(state), device=device).index_add_(0, targets, (state[sources] == 2).float() * rate)
            draw = torch.rand(len(state), device=device)
            catches = (state == 0) & (draw < 1 - torch.exp(-load_))
            falls_ill = (state == 1) & (draw < 1 - np.exp(-1 / latent))
            recovers = (state == 2) & (draw < 1 - np.exp(-1 / infectious))
            state = state + (catches | falls_ill | recovers).long()
        wait()
        return time.perf_counter() - began

    return median_seconds(once, repeats)


# ------------------------------------------------------------------ the command


def machine() -> dict[str, str]:
    import triton

    name = "Triton's interpreter" if is_interpreted() else torch.cuda.get_device_name()
    return {"device": name, "torch": torch.__version__, "triton": triton.__version__, "date": date.today().isoformat()}


def main() -> None:
    options = argparse.ArgumentParser(description="Parity with the CPU, then seconds and bandwidth.")
    options.add_argument("--quick", action="store_true", help="small sizes: shows that everything works")
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--out", type=Path, default=RESULTS)
    asked = options.parse_args()
    require_gpu()
    small, repeats = asked.quick, 1 if asked.quick else asked.repeats
    steps = 5 if small else None
    bandwidth = copy_bandwidth(1 << 20 if small else 1 << 32)
    said: dict[str, Any] = {**machine(), "copy bandwidth, bytes a second": bandwidth}

    def keep(name: str, value: Any) -> None:
        """Each part is written as soon as it is there: a run that is cut off loses one."""
        said[name] = value
        print(json.dumps({name: value}), flush=True)
        asked.out.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")

    keep("parity", parity(200 if small else 20_000))
    for network in NETWORKS:
        for replicates in (1, 2 if small else 32):
            agents = 500 if small else 1_000_000
            keep(f"SEIR {network}, {replicates}", nodes(network, agents, replicates, repeats, steps))
    keep("town_flu", town(500 if small else 8_400_000, repeats, bandwidth, steps))
    keep("random mixing", mixing(500 if small else 100_000_000, repeats, steps))


if __name__ == "__main__":
    main()

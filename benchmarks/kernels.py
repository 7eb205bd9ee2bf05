"""Costs of each model on a GPU, as far as they are known without one; writes the table of ``docs/gpu.md``.

    python -m benchmarks.kernels

Launches of a step, registers and spilled bytes come from the compiler. Bytes are counted: every kernel of a whole run
goes through Triton's interpreter, and each load, store and atomic adds what its lanes ask for. Caches are not modelled,
so where lanes ask for the same bytes twice, the memory moves fewer. The floor is these bytes at 4.3 TB/s.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
PAGE, RESULTS = ROOT / "docs" / "gpu.md", ROOT / "benchmarks" / "results" / "kernels.json"
BEGIN, END = "<!-- table of kernels: begin -->", "<!-- table of kernels: end -->"
BANDWIDTH = 4.3e12
"""Bytes a second that copies reach on an H200, whose memory is specified at 4.8 TB/s."""
LARGE = 8_400_000
COUNTED_AGENTS = 5_000
MEASURED = (
    "boarding_school", "isolation_policy", "measles_households", "nyc_isolation", "opinion",
    "seir_age", "sir_network", "town_flu",
)  # fmt: skip
"""Models of the table: one for each shape of a step. Small populations (``moran``) are not for a GPU."""


def compiled(path: Path):
    from lpmdsl.compiler import compile_model
    from lpmdsl.runtime.api import load

    loaded = load(path)
    return compile_model(loaded.model, loaded.facts)


def machine_code(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Registers, spills and size of every kernel on every target. Triton's interpreter must be off."""
    from lpmdsl.backends.triton.machine_code import TARGETS, compile_for
    from lpmdsl.runtime.engine.build import build_triton

    made = compiled(path)
    module = build_triton(made)
    return {t: [dataclasses.asdict(k) for k in compile_for(made.gpu_program, module, t)] for t in TARGETS}


# ------------------------------------------------------------------ bytes


class Traffic:
    """Adds up what lanes ask for, at the three doors to memory that Triton's interpreter has."""

    def __init__(self) -> None:
        self.bytes = 0

    def watch(self) -> None:
        from triton.runtime.interpreter import interpreter_builder as doors

        self._wrap(doors, "create_masked_load", lambda p, m, *_: self._lanes(m) * self._width(p))
        self._wrap(doors, "create_masked_store", lambda p, v, m, *_: self._lanes(m) * self._width(p))
        # An atomic reads and writes.
        self._wrap(doors, "create_atomic_rmw", lambda op, p, v, m, *_: 2 * self._lanes(m) * self._width(p))

    def _wrap(self, doors: Any, name: str, asked: Any) -> None:
        inner = getattr(doors, name)

        def through(*arguments: Any, **more: Any) -> Any:
            self.bytes += asked(*arguments)
            return inner(*arguments, **more)

        setattr(doors, name, through)

    @staticmethod
    def _lanes(mask: Any) -> int:
        return int(np.count_nonzero(mask.data))

    @staticmethod
    def _width(pointers: Any) -> int:
        return pointers.get_element_ty().primitive_bitwidth // 8


def traffic(path: Path, agents: int) -> dict[str, float]:
    """Launches a step and bytes an agent and step, over the whole run of the model. Needs ``TRITON_INTERPRET=1``."""
    import torch

    from lpmdsl.backends.request import RunRequest
    from lpmdsl.config import RunOptions
    from lpmdsl.population.people import build_world, start_states
    from lpmdsl.runtime.engine.build import build_triton
    from lpmdsl.runtime.engine.gpu.run import launcher_for
    from lpmdsl.runtime.scenarios import plan
    from lpmdsl.semantics.analysis.archetypes import steps_between

    made = compiled(path)
    counts = {a.name: agents for a in made.model.agents}
    planned = plan(made.model, RunOptions(agents=counts))
    variant = planned.variants[0]
    world = build_world(made.model, variant.parameters, 1, counts)
    start = start_states(made.model, world, variant.parameters, 1, 0)
    request = RunRequest(made.model, world, variant.parameters, start, 1, 0, planned.steps)
    go = launcher_for(made.gpu_program, build_triton(made), [request], torch.device("cpu"))
    go.module.begin(go)
    go.launches, cleared = 0, Traffic()
    cleared.watch()
    periods = [steps_between(made.model, b) for b in made.model.behaviours if b.rule is None]
    for t in range(planned.steps):
        if any(t % period == 0 for period in periods):
            go.module.look(go)
        go.module.step(go)
    return {
        "launches": go.launches / planned.steps,
        "bytes": (cleared.bytes + go.cleared_bytes) / planned.steps / agents,
        "steps": planned.steps,
    }


# ------------------------------------------------------------------ the table


def in_another_process(*words: str, interpreted: bool) -> Any:
    env = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    env |= {"TRITON_INTERPRET": "1"} if interpreted else {}
    command = [sys.executable, "-m", "benchmarks.kernels", *words]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def measured(path: Path, agents: int) -> dict[str, Any]:
    """One row: what the compiler says and what was counted."""
    code = in_another_process("--machine-code", str(path), interpreted=False)
    moved = in_another_process("--traffic", str(path), "--agents", str(agents), interpreted=True)
    floor = moved["bytes"] * LARGE * moved["steps"] / BANDWIDTH
    widest = {t: max(kernels, key=lambda k: k["registers"]) for t, kernels in code.items()}
    return {"model": path.stem, **moved, "floor": floor, "widest": widest,
            "spills": {t: sum(k["spills"] for k in kernels) for t, kernels in code.items()}}  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| model | launches a step | bytes per agent and step | registers, widest kernel: sm_80, sm_90, gfx942 | "
        "spilled bytes | steps | floor for 8.4 M agents |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        registers = ", ".join(str(k["registers"]) for k in r["widest"].values())
        spills = ", ".join(str(s) for s in r["spills"].values())
        cells = [r["model"], f"{r['launches']:.0f}", f"{r['bytes']:.1f}", registers, spills, r["steps"]]
        lines.append("| " + " | ".join(str(c) for c in cells) + f" | {1000 * r['floor']:.0f} ms |")
    return "\n".join(lines)


def recorded() -> dict[str, Any]:
    """What was measured last."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def with_table(page: str, made: str) -> str:
    """The page with what stands between the markers replaced."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    options.add_argument("--machine-code", type=Path, metavar="MODEL", help="print registers and spills as JSON")
    options.add_argument("--traffic", type=Path, metavar="MODEL", help="print launches and bytes as JSON")
    options.add_argument("--agents", type=int, default=COUNTED_AGENTS, help="how many to count bytes with")
    asked = options.parse_args()
    if asked.machine_code:
        print(json.dumps(machine_code(asked.machine_code)))
    elif asked.traffic:
        print(json.dumps(traffic(asked.traffic, asked.agents)))
    else:
        write(asked.agents)


def write(agents: int) -> None:
    """Measures the models of the table, and keeps the figures and the table."""
    from importlib.metadata import version

    rows = [measured(path, agents) for path in (ROOT / "models" / f"{name}.lpm" for name in MEASURED)]
    about = {"agents": agents, "triton": version("triton"), "date": date.today().isoformat(), "bandwidth": BANDWIDTH}
    RESULTS.write_text(json.dumps({**about, "models": rows}, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), table(rows)), encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()

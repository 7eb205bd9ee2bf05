"""Counts of neighbours that are kept by differences, beside asking everybody anew: both in one run, on one thread.

    python -m benchmarks.neighbours                     # a million agents
    python -m benchmarks.neighbours --agents 100000

The two take turns, so that what slows the machine down slows both; the shortest of each counts, without the set-up.
Their counts are the same. What is written goes to ``results/neighbours.json``, and from there to
``docs/performance.md``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.cpu import machine
from benchmarks.environments import HERE
from benchmarks.stages import prepare
from lpmdsl.backends.llvm import listing
from lpmdsl.compiler import for_processors
from lpmdsl.lowering.plan.plan import choose
from lpmdsl.lowering.sparse.program import lower_sparse
from lpmdsl.runtime.engine.execute import cpu_runner

RESULTS = HERE / "results" / "neighbours.json"
PAGE = HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- neighbours: begin -->", "<!-- neighbours: end -->"
MODELS = HERE.parent / "models"
CASES = {
    HERE / "adoption.lpm": "a rate by a count of friends, few changes a step",
    HERE / "thresholds.lpm": "a test of a share of friends, a wave through everybody",
    HERE / "households.lpm": "a count in places, and a share of friends that is observed every day",
    HERE / "churn.lpm": "a count of friends of whom half change every day",
    MODELS / "opinion.lpm": "means of numbers within a distance of one's own",
    MODELS / "zombies.lpm": "counts of everybody, not of neighbours",
    HERE / "listen.lpm": "a rule with a sum of numbers",
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--agents", type=int, default=1_000_000)
    options.add_argument("--repeat", type=int, default=5)
    options.add_argument("--only", default="", help="models whose name holds this; nothing is written then")
    asked = options.parse_args()
    rows = []
    for path in (p for p in CASES if asked.only in p.stem):
        rows.append(_measured(path, asked.agents, asked.repeat))
        print(rows[-1], flush=True)
    if asked.only:
        return
    record = {"machine": machine(), "date": date.today().isoformat(), "agents": asked.agents, "rows": rows}
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")
    text = PAGE.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    PAGE.write_text(f"{before}\n\n{table(record)}\n\n{after}", encoding="utf-8")


def _measured(path: Path, agents: int, repeat: int) -> dict:
    compiled, request, _ = prepare(path, agents)
    plan = replace(choose(compiled.model), kept=(), woken={})
    asking = for_processors(lower_sparse(compiled.model, plan=plan))
    if listing.emit(asking) == compiled.emit("cpu"):
        return {"model": path.stem, "steps": request.steps, "is_same": True}
    anew, kept = cpu_runner(replace(compiled, cpu=asking)), cpu_runner(compiled)
    seconds: dict[str, list[float]] = {"anew_s": [], "kept_s": []}
    for _ in range(repeat + 1):
        results = {name: run(request, None) for name, run in (("anew_s", anew), ("kept_s", kept))}
        for name, result in results.items():
            seconds[name].append(result.timings["begin"] + result.timings["steps"])
        for name, values in results["anew_s"].observations.items():
            np.testing.assert_array_equal(values, results["kept_s"].observations[name])
    shortest = {name: round(min(found[1:]), 4) for name, found in seconds.items()}
    return {"model": path.stem, "steps": request.steps, **shortest}


def table(record: dict) -> str:
    """Models with the seconds of both ways, and how many times the kept one each takes."""
    lines = [
        f"{record['agents']:,} agents; {record['machine']}; {record['date']}; one thread; the shortest of a run each.",
        "",
        "| model | what is seen | steps | anew s | kept s | anew ÷ kept |",
        "|---|---|---:|---:|---:|---:|",
    ]
    about = {path.stem: text for path, text in CASES.items()}
    for row in record["rows"]:
        cells = f"{row['steps']} | the same program | | "
        if "is_same" not in row:
            cells = f"{row['steps']} | {row['anew_s']:.3f} | {row['kept_s']:.3f} | {row['anew_s'] / row['kept_s']:.2f}"
        lines.append(f"| `{row['model']}` | {about[row['model']]} | {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

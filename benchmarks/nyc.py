"""The second wave of ``models/nyc_isolation.lpm`` with isolation and without, from the recorded answers.

``python -m benchmarks.nyc --agents 200000 --replicates 20`` writes ``benchmarks/results/nyc_second_wave.json``. Both
runs of a pair share people and random numbers. A wave's peak is its week with most reported cases in all boroughs.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import lpmdsl

MODEL = Path(__file__).parent.parent / "models" / "nyc_isolation.lpm"
WITHOUT = "nobody_isolates"


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest week of a wave: which (from 0) and how many reported cases."""

    week: int
    cases: float


def peaks(results: lpmdsl.Results, scenario: str) -> list[Peak]:
    """The peak of every replicate of a scenario, in their order."""
    cases = results.observations.query("observation == 'cases' and scenario == @scenario")
    weekly = cases.groupby(["replicate", "time"])["value"].sum()
    found = []
    for _, one in weekly.groupby(level="replicate"):
        values = one.to_numpy()
        found.append(Peak(int(values.argmax()), float(values.max())))
    return found


def pairs(agents: int, replicates: int, seed: int = 1) -> list[tuple[Peak, Peak]]:
    """(with isolation, without) of every replicate."""
    results = lpmdsl.load(MODEL).run(
        seed=seed, agents={"Person": agents}, replicates=replicates, scenario=["baseline", WITHOUT], backend="cpu"
    )
    return list(zip(peaks(results, "baseline"), peaks(results, WITHOUT), strict=True))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--agents", type=int, default=200_000)
    options.add_argument("--replicates", type=int, default=20)
    asked = options.parse_args()
    began = time.perf_counter()
    found = pairs(asked.agents, asked.replicates)
    record = {
        "model": MODEL.name,
        "agents": asked.agents,
        "replicates": asked.replicates,
        "lower_and_later": sum(on.cases < off.cases and on.week > off.week for on, off in found),
        "with_isolation": [{"week": on.week, "cases": on.cases} for on, _ in found],
        "without": [{"week": off.week, "cases": off.cases} for _, off in found],
        "seconds": round(time.perf_counter() - began, 1),
        "date": date.today().isoformat(),
    }
    path = Path(__file__).parent / "results" / "nyc_second_wave.json"
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()

"""Recovery of eight weekly reproduction numbers and two boroughs' rates of ``models/calibnn.lpm``.

``python -m benchmarks.weekly_reproduction [--fits 400] [--simulations 8000]``: the truth of each data set is drawn from
the priors, a random walk for the weeks, and one replicate with the scatter of the likelihood makes its data. One
network learns from the simulations (`by neural posterior`) and reads every data set, none of which it has seen: of 40
data sets, 32 to 40 of each parameter's 90 % intervals hold the truth with a probability of 0.97, of 400, 348 to 372.
Writes ``benchmarks/results/weekly_reproduction.json``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

import lpmdsl
from lpmdsl.config import CalibrationOptions
from lpmdsl.runtime.calibration.methods.neural import simulated, trained
from lpmdsl.runtime.calibration.problem import Problem, read_problem

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "weekly_reproduction.json"
INTERVAL = (0.05, 0.95)
FIRST = 10**6
"""Number of the first data set; simulations have the numbers from 0."""

Pairs = tuple[NDArray[np.float64], NDArray[np.float64]]


def pairs(problem: Problem, first: int, count: int) -> Pairs:
    """Parameters on the real line and the data that they gave, by rows."""
    made = [simulated(problem, k) for k in range(first, first + count)]
    return np.stack([z for z, _ in made]), np.stack([x for _, x in made])


def coverage(problem: Problem, learned: Pairs, tried: Pairs, draws: int = 2000) -> dict[str, NDArray[np.float64]]:
    """By parameter (data sets, 4): the truth, both ends of its 90 % interval, and whether this holds it."""
    draws_at, _ = trained(*learned, problem.options.seed)
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in problem.names}
    for truth, seen in zip(*tried, strict=True):
        drawn = draws_at(seen, draws)
        for k, free in enumerate(problem.free):
            low, high = np.quantile(free.value(drawn[:, k]), INTERVAL)
            value = float(free.value(truth[k]))
            found[free.name].append((value, float(low), float(high), float(low <= value <= high)))
    return {name: np.array(rows) for name, rows in found.items()}


def _width(rows: NDArray[np.float64]) -> float:
    """Median width of the intervals as a share of the truth."""
    return round(float(np.median((rows[:, 2] - rows[:, 1]) / rows[:, 0])), 3)


def main() -> None:
    """Simulations, training, intervals; the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=int, default=400)
    parser.add_argument("--simulations", type=int, default=8000)
    given, began = parser.parse_args(), perf_counter()
    loaded = lpmdsl.load(ROOT / "models" / "calibnn.lpm")
    problem = read_problem(loaded.model, loaded.facts, CalibrationOptions(threads=1), None)
    problem.run(problem.real(problem.everything({})), [0])  # alone: it compiles
    learned, tried = pairs(problem, 0, given.simulations), pairs(problem, FIRST, given.fits)
    simulating = perf_counter() - began
    found = coverage(problem, learned, tried)
    summary = {
        "fits": given.fits, "simulations": given.simulations,
        "held_90_of_the_first_40": {n: int(rows[:40, 3].sum()) for n, rows in found.items()},
        "held_90": {n: int(rows[:, 3].sum()) for n, rows in found.items()},
        "width_as_share_of_truth": {n: _width(rows) for n, rows in found.items()},
        "seconds_simulating": round(simulating), "seconds": round(perf_counter() - began),
    }  # fmt: skip
    RESULT.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()

"""Estimators of a gradient side by side: bias, spread, certificate; and what a gradient of twenty parameters costs.

    python -m benchmarks.gradients [--settings sparse,K30] [--scale 0.1] [--cost]

Writes ``benchmarks/results/gradients.json`` and the tables of ``docs/gradients.md``.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr
from dataclasses import asdict, dataclass, replace
from datetime import date
from io import StringIO
from pathlib import Path

import numpy as np

import lpmdsl
from benchmarks.gradient_models import SETTINGS, Setting, exact_slope
from benchmarks.gradient_page import write_page
from lpmdsl.config import RunOptions
from lpmdsl.runtime.api import repeats_of
from lpmdsl.runtime.engine.replicates import Repeats
from lpmdsl.runtime.gradients.finite_differences import CENTRAL, STEP
from lpmdsl.runtime.gradients.gradient_check import Probe, certify
from lpmdsl.runtime.gradients.relaxed.estimator import RelaxedObjective
from lpmdsl.runtime.gradients.score.estimator import still_to_come, with_controls, without_controls
from lpmdsl.runtime.gradients.score.gradient import by_score
from lpmdsl.runtime.gradients.sensitivity import sensitivities
from lpmdsl.runtime.objective import boundaries_of

RESULTS = Path(__file__).parent / "results" / "gradients.json"
TWENTY = Path(__file__).parent / "twenty_parameters.lpm"
OF = "total of infections"
GRADIENTS = ("auto", "score")
"""Whose cost is measured."""
REPLICATES = 40
SURROGATES = 200
"""Replicates of the surrogate: each is a walk through all steps, backwards."""


@dataclass(frozen=True, slots=True)
class Row:
    """One estimator in one setting, per person: ``bias`` and ``spread`` (of one sample) are relative to the truth."""

    setting: str
    estimator: str
    estimate: float
    se: float
    bias: float
    z: float
    spread: float
    passes: bool
    verdict: str


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--settings", default=",".join(s.name for s in SETTINGS))
    options.add_argument("--scale", type=float, default=1.0, help="of the replicates")
    options.add_argument("--cost", action="store_true", help="a gradient of twenty parameters beside forward runs")
    options.add_argument("--agents", type=int, default=1_000_000)
    options.add_argument("--alone", choices=("forward", *GRADIENTS), help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.alone:
        print(json.dumps(alone(asked.alone, asked.agents)))
        return
    record = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"truths": {}, "rows": []}
    record |= {"machine": platform.machine(), "date": date.today().isoformat()}
    if asked.cost:
        record["cost"] = cost(asked.agents)
    else:
        for setting in (s for s in SETTINGS if s.name in asked.settings.split(",")):
            compared(setting, asked.scale, record)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=2) + "\n")
    write_page(record)


# ------------------------------------------------------------------ bias and spread


def compared(setting: Setting, scale: float, record: dict) -> None:
    """The rows of a setting, put into the record."""
    runs = max(40, round(setting.runs * scale))
    repeats = repeats_of(lpmdsl.load(setting.text), OF, RunOptions(seed=1, replicates=runs, threads=2), True)
    truth, error, slopes = truth_of(setting, repeats, scale)
    record["truths"][setting.name] = {"truth": truth, "se": error, "words": setting.words}
    kept = [row for row in record["rows"] if row["setting"] != setting.name]
    for name, each in estimators(setting, repeats):
        tested = Probe(("beta",), np.ones((1, 1)), slopes[:, None])
        found = certify(each[:, None] if each.ndim == 1 else each, tested, name)
        mean, se, sd = float(each.mean()), _error(each), float(each.std(ddof=1)) if len(each) > 1 else 0.0
        z = (mean - truth) / max(np.hypot(se, error), 1e-300)
        row = Row(setting.name, name, mean, se, mean / truth - 1, float(z), sd / abs(truth), found.holds, found.words)
        print(row, flush=True)
        kept.append(asdict(row))
    record["rows"] = kept


def _error(each: np.ndarray) -> float:
    return float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else 0.0


def truth_of(setting: Setting, repeats: Repeats, scale: float) -> tuple[float, float, np.ndarray]:
    """dE/dbeta per person with its error, and differences, replicate by replicate, that no estimator has seen."""
    runs = max(40, round((setting.truth_runs or setting.runs) * scale))
    slopes = differences(setting, repeats, range(1_000_000, 1_000_000 + runs))
    if setting.truth_runs:
        return float(slopes.mean()), _error(slopes), slopes
    return exact_slope() / setting.people, 0.0, slopes


def differences(setting: Setting, repeats: Repeats, replicates: range) -> np.ndarray:
    """The five-point difference of every replicate, per person."""
    beta = repeats.plan.variants[0].parameters["beta"]
    total = np.zeros(len(replicates))
    for k, weight in zip(CENTRAL.at, CENTRAL.estimate, strict=True):
        total += weight * repeats.values({"beta": beta * (1 + k * STEP)}, replicates)[:, 0]
    return total / (STEP * beta) / setting.people


def estimators(setting: Setting, repeats: Repeats) -> Iterator[tuple[str, np.ndarray]]:
    """Every estimator with one number for every replicate, per person; one number for what is not random.

    With one parameter, ``auto`` is ``differences``.
    """
    replicates, people = repeats.plan.options.replicates, setting.people
    yield "differences, auto", differences(setting, repeats, range(replicates))
    scored = by_score(repeats, ["beta"])
    told, slices = scored.told({}, replicates)
    reports = told.reports.shape[1]
    boundaries = boundaries_of(repeats.model, "infections", reports)
    to_come = still_to_come(told.reports, np.ones(reports), boundaries, slices)
    yield "score", without_controls(told, to_come)[:, 0] / people
    yield "score with controls", with_controls(told, to_come, slices)[:, 0] / people
    relaxed = RelaxedObjective(repeats)
    yield "relaxation", relaxed.gradient(relaxed.run({}), ("beta",)) / people
    with redirect_stderr(StringIO()):  # its warning is known
        few = replace(repeats.plan, options=repeats.plan.options.model_copy(update={"replicates": SURROGATES}))
        yield "surrogate", RelaxedObjective(replace(repeats, plan=few)).surrogate({}, ("beta",))[1][:, 0] / people


# ------------------------------------------------------------------ cost


def cost(agents: int) -> dict:
    """Seconds and peak memory of forward runs and of gradients by twenty parameters, each in its own process."""
    command = [sys.executable, "-m", "benchmarks.gradients", "--agents", str(agents), "--alone"]
    found: dict[str, dict] = {}
    for what in ("forward", *GRADIENTS):
        done = subprocess.run([*command, what], capture_output=True, text=True, check=True)
        found[what] = json.loads(done.stdout.strip().splitlines()[-1])
        print(what, found[what], flush=True)
    forward = found["forward"]
    for what in GRADIENTS:
        found[what]["times"] = round(found[what]["seconds"] / forward["seconds"], 2)
        found[what]["memory"] = round(found[what]["peak_mib"] / forward["peak_mib"], 2)
    return {"agents": agents, "replicates": REPLICATES, **found}


def alone(what: str, agents: int) -> dict:
    """The processor's seconds of all replicates, people and compiling apart, and the process's peak memory."""
    model = lpmdsl.load(TWENTY)
    options = RunOptions(seed=1, replicates=REPLICATES, threads=1, agents={"Person": agents})
    repeats = repeats_of(model, OF, options, True)
    if what != "forward":  # compiles everything, on few people
        few = options.model_copy(update={"agents": {"Person": 2_000}})
        sensitivities(repeats_of(model, OF, few, True), None, what)
    repeats.values({}, 1)  # people and ties
    before = time.process_time()
    if what == "forward":
        repeats.values({}, REPLICATES)
    else:
        by_score_alone(repeats) if what == "score" else sensitivities(repeats, None, what)
    seconds = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": round(seconds, 3), "peak_mib": round(peak)}


def by_score_alone(repeats: Repeats) -> np.ndarray:
    """Without its certificate."""
    return by_score(repeats, [p.name for p in repeats.model.parameters]).each({}, REPLICATES)


if __name__ == "__main__":
    main()

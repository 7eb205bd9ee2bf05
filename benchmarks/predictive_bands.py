"""Error rates of a fit's check, on right models and on wrong ones: ``python -m benchmarks.predictive_bands``.

Thirty fits of the boarding school to data of its own (``benchmarks/recovery.py`` says how they are made): 45 to 55 % of
the points must lie within the 50 % band that each is expected in by all others, and few fits may be doubted. Then daily
cases of a town in which weekends report a quarter of what happened, which the fitted model does not know. Writes
``benchmarks/results/predictive_bands.json``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

import lpmdsl
from benchmarks.recovery import _by_peak, _model, synthetic, text
from lpmdsl.config import CalibrationOptions
from lpmdsl.runtime.calibration.model_checks.doubts import checked, doubts
from lpmdsl.runtime.calibration.model_checks.predict import predict, scores
from lpmdsl.runtime.calibration.problem import Problem, keyed, read_problem
from lpmdsl.runtime.calibration.run import silent

RESULT = Path(__file__).parent / "results" / "predictive_bands.json"
REPLICATES = 48
TOWN = """\
model weekends version 1.0

clock
  step 1 day
  from 2024-10-07 for 56 days

parameter beta = 0.35 per day
  prior lognormal(median 0.35 per day, spread 1.3)
parameter reporting = 50 %
  prior beta(mean 50 %, sd 15 %)

agent Person count 5_000

network town joins Person at random

condition Flu of Person
  states S, I, R
  start S except 40 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R

contagion of Flu
  from I on town at beta

observe cases = number entering I per day thinned by reporting

calibrate
  fit cases to "cases.csv" column cases with negative_binomial(dispersion 20)
  estimate beta, reporting by search
"""


def judged(problem: Problem) -> dict:
    """Coverage and doubts of one fit."""
    draws = _by_peak(problem)
    found = predict(problem, draws, REPLICATES, silent)
    assert found is not None
    scored, checks = scores(problem, found), checked(problem, found)
    fitted = next(s for s in scored if s.part == "fitted")
    return {
        "within_50": round(fitted.coverage_50, 4), "within_95": round(fitted.coverage_95, 4),
        "doubts": doubts(problem, found, scored, checks),
        "curves": round(float(np.median(found.left_out.effective_size)), 1),
    }  # fmt: skip


def right(number: int) -> dict:
    """The check of a fit of the boarding school to data of its own."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "boarding_school.lpm").write_text(text(), encoding="utf-8")
        (folder / "boarding_school.csv").write_text("in_bed\n" + "3\n" * 14, encoding="utf-8")
        _, counts = synthetic(read_problem(*_model(folder), CalibrationOptions(), None), number)
        (folder / "boarding_school.csv").write_text("in_bed\n" + "".join(f"{n}\n" for n in counts), encoding="utf-8")
        options = CalibrationOptions(seed=100 + number, replicates=REPLICATES, threads=1)
        return {"fit": number, **judged(read_problem(*_model(folder), options, None))}


def weekends(kept: float) -> dict:
    """The check of a fit to daily cases of which ``kept`` are reported on Saturdays and Sundays."""
    with tempfile.TemporaryDirectory() as place:
        folder, random = Path(place), keyed(2025, 1)
        (folder / "weekends.lpm").write_text(TOWN, encoding="utf-8")
        (folder / "cases.csv").write_text("cases\n" + "3\n" * 56, encoding="utf-8")
        made = lpmdsl.load(folder / "weekends.lpm").run(seed=77, replicates=1).observations["value"].to_numpy()
        share = np.where(np.arange(56) % 7 >= 5, kept, 1.0)
        counts = random.binomial(made.astype(int), share)
        (folder / "cases.csv").write_text("cases\n" + "".join(f"{n}\n" for n in counts), encoding="utf-8")
        loaded = lpmdsl.load(folder / "weekends.lpm")
        options = CalibrationOptions(seed=5, replicates=REPLICATES, threads=1)
        return {"kept": kept, **judged(read_problem(loaded.model, loaded.facts, options, None))}


def main() -> None:
    """Thirty right fits, then the weekends with and without their effect."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=int, default=30)
    given = parser.parse_args()
    town = [weekends(kept) for kept in (0.25, 1.0)]
    print(town, flush=True)
    fits: list[dict] = []
    for number in range(given.fits):
        fits.append(right(number))
        within = {k: round(float(np.mean([f[k] for f in fits])), 4) for k in ("within_50", "within_95")}
        summary = {"fits": len(fits), **within, "doubted": sum(bool(f["doubts"]) for f in fits)}
        RESULT.write_text(json.dumps({**summary, "weekends": town, "each": fits}, indent=1) + "\n", encoding="utf-8")
        print(summary, flush=True)


if __name__ == "__main__":
    main()

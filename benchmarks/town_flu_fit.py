"""Five parameters of ``models/town_flu.lpm`` from weekly reported cases of a known truth, through its campaign.

``python -m benchmarks.town_flu_fit [--method gradient]``: one run of the model with known values makes the data (with
scatter); the fit must find the values again. Writes ``benchmarks/results/town_flu_fit.json``, by method.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

import lpmdsl
from lpmdsl.config import Calibration

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "town_flu_fit.json"
TRUTH = {
    "transmissibility": 0.022, "reporting": 0.25, "vaccine_effect": 0.70, "trigger_level": 80.0, "dispersion": 10.0,
}  # fmt: skip
"""In the units of the model: per contact, shares, per 100 000 per week, a number."""
_CHANGES = (
    ("parameter vaccine_effect = 59 %\n", "parameter vaccine_effect = 59 %\n  prior beta(mean 60 %, sd 15 %)\n"),
    (
        "parameter trigger_level = 50 per 100_000 per week\n",
        "parameter trigger_level = 50 per 100_000 per week\n"
        "  prior lognormal(median 70 per 100_000 per week, spread 1.5)\n"
        "parameter dispersion = 20\n  prior lognormal(median 20, spread 2)\n",
    ),
    ("except 20 Person in E", "except 60 Person in E"),
    (
        "intervention campaign\n",
        "calibrate\n"
        '  fit reported to "reported.csv" column cases with negative_binomial(dispersion dispersion)\n'
        "  estimate transmissibility, reporting, vaccine_effect, trigger_level, dispersion by search\n\n"
        "intervention campaign\n",
    ),
)


def text() -> str:
    """The town with priors for five parameters and a fit; more people ill at first, so that a small town has a wave."""
    made = (ROOT / "models" / "town_flu.lpm").read_text(encoding="utf-8")
    for old, new in _CHANGES:
        assert old in made, old
        made = made.replace(old, new)
    return made


def settings() -> dict[str, str]:
    """The truth as ``--set`` reads it."""
    units = {"transmissibility": " per contact", "trigger_level": " per 100_000 per week"}
    return {name: f"{value}{units.get(name, '')}" for name, value in TRUTH.items()}


def make_data(folder: Path, people: int, seed: int) -> list[int]:
    """Writes the model and weekly reports of one run of the truth, with negative binomial scatter."""
    (folder / "town.lpm").write_text(text(), encoding="utf-8")
    (folder / "reported.csv").write_text("time,cases\n", encoding="utf-8")
    quiet = text().split("calibrate\n")[0] + "intervention" + text().split("\nintervention", 1)[1]
    run = lpmdsl.load(quiet).run(seed=seed, agents={"Person": people}, parameters=settings(), backend="cpu")
    weekly = run.observations.query("observation == 'reported'")
    random, k = np.random.default_rng(seed), TRUTH["dispersion"]
    cases = random.negative_binomial(k, k / (k + np.maximum(weekly["value"].to_numpy(), 1e-3)))
    rows = [f"{time:g},{n}" for time, n in zip(weekly["time"], cases, strict=True)]
    (folder / "reported.csv").write_text("\n".join(["time,cases", *rows]) + "\n", encoding="utf-8")
    return [int(n) for n in cases]


def standing(record: Calibration) -> dict[str, dict[str, float | bool]]:
    """For every parameter the truth, the estimate and whether the 95 % interval holds the truth."""
    found: dict[str, dict[str, float | bool]] = {}
    for name, e in record.parameters.items():
        true = TRUTH[name] * (100 if e.unit == "%" else 1)
        found[name] = {"truth": true, "median": e.median, "low_95": e.low_95, "high_95": e.high_95,
                       "held": e.low_95 <= true <= e.high_95}  # fmt: skip
    return found


def main() -> None:
    """Fits and writes what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--replicates", type=int, default=32)
    parser.add_argument("--method", default="search")
    parser.add_argument("--chains", type=int, default=2)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        cases = make_data(folder, given.people, seed=11)
        result = lpmdsl.load(folder / "town.lpm").calibrate(
            method=given.method, agents={"Person": given.people}, replicates=given.replicates, chains=given.chains,
            draws=given.draws, seed=3, out=given.out,
        )  # fmt: skip
    record = result.record
    told = {
        "people": given.people, "method": record.method, "cases": cases, "parameters": standing(record),
        "converged": record.converged, "reasons": record.reasons, "scores": [s.model_dump() for s in record.scores],
        "replicates": record.runs, "seconds": record.seconds, "log_likelihood_sd": record.log_likelihood_sd,
    }  # fmt: skip
    known = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    RESULT.write_text(json.dumps(known | {record.method: told}, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(told["parameters"], indent=2), record.converged, record.reasons)


if __name__ == "__main__":
    main()

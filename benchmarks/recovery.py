"""Recovery of what made the data: fits to synthetic data from known values of the boarding school.

``python -m benchmarks.recovery [--fits 400] [--first 0] [--jobs 2]``: the truth of each fit is drawn from the priors,
one replicate and the scatter of the likelihood make its data, and the fit must say 90 % of the time that the truth lies
within its 90 % interval: of 100 fits, 84 to 96 with a probability of 0.97 for each parameter, of 400, 87 to 93 %.
Priors are narrower than the model's, so that few epidemics die out at once; steps are of 6 hours. Only the draws are
made, no predictive and no page. Writes ``benchmarks/results/recovery.json`` after every fit, in their order.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np

import lpmdsl
from lpmdsl.config import CalibrationOptions
from lpmdsl.runtime.calibration.checkpoint import new_checkpoint
from lpmdsl.runtime.calibration.methods.chains import sample
from lpmdsl.runtime.calibration.methods.importance_sampling import weigh
from lpmdsl.runtime.calibration.methods.quadratic_peak import climb_quadratic
from lpmdsl.runtime.calibration.methods.start import begin
from lpmdsl.runtime.calibration.problem import Problem, keyed, read_problem
from lpmdsl.runtime.calibration.run import silent

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "recovery.json"
INTERVAL = (0.05, 0.95)
_CHANGES = (
    ("step 1 hour", "step 6 hours"),
    ("prior normal(mean 2 per day, sd 1 per day)", "prior normal(mean 2 per day, sd 0.4 per day)"),
    ("prior lognormal(median 2 days, spread 1.5)", "prior lognormal(median 2 days, spread 1.25)"),
    ("prior exponential(mean 10)", "prior lognormal(median 10, spread 1.7)"),
)


def text() -> str:
    made = (ROOT / "models" / "boarding_school.lpm").read_text(encoding="utf-8")
    for old, new in _CHANGES:
        assert old in made, old
        made = made.replace(old, new)
    return made


def synthetic(problem: Problem, number: int) -> tuple[dict[str, float], list[int]]:
    """Values drawn from the priors (base units), and the 14 counts that one replicate of them gives."""
    random = keyed(2024, number)
    truth = {f.name: float(x) for f, x in zip(problem.free, problem.prior_draws(lambda _: random, 1)[0], strict=True)}
    z = problem.real(truth)
    reports = problem.run(z, [10**9 + number])[0]
    return truth, [int(n) for n in problem.data_draws(z, reports, random)[:14]]


def one(given: argparse.Namespace, number: int) -> dict:
    """The truth, the 90 % intervals, and whether they hold it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "boarding_school.lpm").write_text(text(), encoding="utf-8")
        (folder / "boarding_school.csv").write_text("in_bed\n" + "3\n" * 14, encoding="utf-8")
        return fitted_in(folder, given, number)


def fitted_in(folder: Path, given: argparse.Namespace, number: int) -> dict:
    """The same in a folder that has the model and data of its shape."""
    problem = read_problem(*_model(folder), CalibrationOptions(), None)
    truth, counts = synthetic(problem, number)
    (folder / "boarding_school.csv").write_text("in_bed\n" + "".join(f"{n}\n" for n in counts), encoding="utf-8")
    began = perf_counter()
    options = CalibrationOptions(chains=given.chains, draws=given.draws, warmup=given.warmup, seed=100 + number,
                                 replicates=given.replicates, threads=given.threads)  # fmt: skip
    fitted = read_problem(*_model(folder), options, None)
    draws = _by_peak(fitted) if given.method == "peak" else sample(fitted, new_checkpoint("", options), silent).draws
    found: dict = {"fit": number, "counts": counts, "seconds": round(perf_counter() - began, 1), "parameters": {}}
    for k, (name, true) in enumerate(truth.items()):
        low, high = np.quantile(fitted.free[k].value(draws[..., k]), INTERVAL)
        found["parameters"][name] = {"truth": true, "low": low, "high": high, "held": bool(low <= true <= high)}
    return found


def _by_peak(problem: Problem) -> np.ndarray:
    """Draws of the posterior about the peak: what `by gradient` and `by search` return once they are near."""
    start = begin(problem, silent, 3)
    assert start is not None
    peak = climb_quadratic(problem, start.centre, start.covariance, problem.options.replicates or 48, silent)
    assert peak is not None
    weighted = weigh(problem, peak, problem.options.replicates or 48, silent)
    assert weighted is not None
    return weighted.draws(problem.options.seed, problem.options.chains, 2000)


def _by_hundred(fits: list[dict]) -> list[dict[str, int]]:
    """The same count for fits 0 to 99, 100 to 199, …"""
    hundreds = [fits[k : k + 100] for k in range(0, len(fits), 100)]
    return [{n: sum(f["parameters"][n]["held"] for f in some) for n in some[0]["parameters"]} for some in hundreds]


def _model(folder: Path) -> tuple:
    loaded = lpmdsl.load(folder / "boarding_school.lpm")
    return loaded.model, loaded.facts


def main() -> None:
    """Fits one after the other; the table grows as they end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=int, default=400)
    parser.add_argument("--first", type=int, default=0, help="number of the first; those that were made stay")
    parser.add_argument("--method", choices=("sampling", "peak"), default="peak")
    parser.add_argument("--chains", type=int, default=2)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--warmup", type=int, default=80)
    parser.add_argument("--replicates", type=int, default=48)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="fits at once, each in a process of its own")
    given = parser.parse_args()
    fits: list[dict] = json.loads(RESULT.read_text(encoding="utf-8"))["each"][: given.first] if given.first else []
    settings = {k: v for k, v in vars(given).items() if k not in ("fits", "first", "jobs")}
    with ProcessPoolExecutor(given.jobs) as pool:
        for found in pool.map(partial(one, given), range(given.first, given.first + given.fits)):
            fits.append(found)
            held = {n: sum(f["parameters"][n]["held"] for f in fits) for n in found["parameters"]}
            summary = {"fits": len(fits), "held_90": held, "held_of_each_hundred": _by_hundred(fits), **settings}
            RESULT.write_text(json.dumps({**summary, "each": fits}, indent=1) + "\n", encoding="utf-8")
            print(len(fits), held, flush=True)


if __name__ == "__main__":
    main()

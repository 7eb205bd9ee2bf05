"""Claims of the model of reproduction numbers by week and testing by borough (docs/models/calibnn.md)."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from benchmarks.weekly_reproduction import FIRST, coverage, pairs
from lpmdsl.config import CalibrationOptions
from lpmdsl.runtime.calibration.methods import neural
from lpmdsl.runtime.calibration.problem import read_problem

MODELS = Path(__file__).parent.parent.parent / "models"
WEEKS = 8


def counted(run: lpmdsl.Results, name: str) -> np.ndarray:
    """Values of one report, group by group in the order of time."""
    return run.observations[run.observations["observation"] == name]["value"].to_numpy()


def test_a_week_moves_nothing_before_it() -> None:
    """With the reproduction number of the fifth week doubled the first four are the same, infection for infection."""
    model = lpmdsl.load(MODELS / "calibnn.lpm")
    as_written = counted(model.run(seed=3), "infections")
    changed = counted(model.run(seed=3, parameters={"reproduction[5]": "2.4"}), "infections")
    assert len(as_written) == WEEKS and list(as_written[:4]) == list(changed[:4])
    assert changed[4] > 1.3 * as_written[4]


def test_every_borough_is_tested_at_its_own_rate() -> None:
    """Positives of those who were infectious no more, 60 000 people: |z| < 4 of a binomial with the borough's share."""
    shares = {"Bronx": 0.45, "Queens": 0.15}
    parameters = {f"tested[{borough}]": f"{100 * share:g} %" for borough, share in shares.items()}
    text = (MODELS / "calibnn.lpm").read_text(encoding="utf-8").split("calibrate")[0]
    text += "observe missed = number going from I to R per week by borough\n"
    run = lpmdsl.load(text).run(seed=5, agents={"Person": 60_000}, parameters=parameters)
    for k, share in enumerate(shares.values()):
        found, missed = (counted(run, name).reshape(-1, 2)[:, k].sum() for name in ("positives", "missed"))
        z = (found - share * (found + missed)) / sqrt(share * (1 - share) * (found + missed))
        assert found + missed > 1000 and abs(z) < 4, (k, found, missed)


@pytest.mark.filterwarnings("ignore")
def test_a_fit_finds_eight_weeks_and_two_boroughs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 200 intervals of 90 %, ten of each of 20 data sets from the priors, at least 160 hold the truth: of as many as
    a hundred independent ones fewer would in 1 of 1000 runs, of right intervals. And they say something: they are
    narrower than those of the prior by a fifth at least."""
    monkeypatch.setattr(neural, "EPOCHS", 60)
    loaded = lpmdsl.load(MODELS / "calibnn.lpm")
    problem = read_problem(loaded.model, loaded.facts, CalibrationOptions(threads=1), None)
    problem.run(problem.real(problem.everything({})), [0])
    found = coverage(problem, pairs(problem, 0, 1000), pairs(problem, FIRST, 20), draws=500)
    held = {name: int(rows[:, 3].sum()) for name, rows in found.items()}
    assert sum(held.values()) >= 160 and min(held.values()) >= 13, held
    before = problem.prior_draws(lambda k: np.random.default_rng(k), 4000)
    ends = np.quantile(before, (0.05, 0.95), axis=0)
    for k, (name, rows) in enumerate(found.items()):
        assert np.median(rows[:, 2] - rows[:, 1]) < 0.8 * (ends[1, k] - ends[0, k]), name

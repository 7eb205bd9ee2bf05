"""R0 over a posterior: by its formula, from samples of people, and what is said where steps are too long for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lpmdsl.config import CalibrationOptions
from lpmdsl.runtime.api import load
from lpmdsl.runtime.calibration import reproduced
from lpmdsl.runtime.calibration.problem import Problem, read_problem
from lpmdsl.runtime.calibration.run import silent

MODELS = Path(__file__).parent.parent / "models"
FIT = """
calibrate
  fit new_infections to "cases.csv" column cases with poisson
  estimate per_tie, infectious_period by search
"""


def on_ties(folder: Path, people: int = 20_000) -> Problem:
    text = (MODELS / "sir_network.lpm").read_text(encoding="utf-8").replace("count 20_000", f"count {people}")
    for name, prior in (("per_tie = 0.05 per day", "0.05 per day"), ("infectious_period = 5 days", "5 days")):
        text = text.replace(f"parameter {name}\n", f"parameter {name}\n  prior lognormal(median {prior}, spread 1.3)\n")
    (folder / "on_ties.lpm").write_text(text + FIT, encoding="utf-8")
    (folder / "cases.csv").write_text("cases\n" + "20\n" * 120, encoding="utf-8")
    model = load(folder / "on_ties.lpm")
    return read_problem(model.model, model.facts, CalibrationOptions(), None)


def draws_about(problem: Problem, count: int) -> np.ndarray:
    """(2, count, parameters): within some ten per cent of the values that the model has."""
    middle = problem.real({n: problem.everything({})[n] for n in problem.names})
    return middle + 0.1 * np.random.default_rng(1).standard_normal((2, count, len(middle)))


def test_by_a_formula_every_draw_counts() -> None:
    model = load(MODELS / "boarding_school.lpm")
    problem = read_problem(model.model, model.facts, CalibrationOptions(), None)
    draws = draws_about(problem, 300)
    found = reproduced.reproduction_numbers(problem, draws, silent)["Flu"]
    values = [problem.values(z) for z in draws.reshape(-1, 3)]
    exact = np.quantile([v["beta"] * v["illness"] for v in values], [0.025, 0.25, 0.5, 0.75, 0.975])
    assert found.formula == "beta*illness" and found.draws == 600
    assert (found.low_95, found.low_50, found.median, found.high_50, found.high_95) == pytest.approx(exact)


def test_on_ties_from_samples_of_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On an Erdős–Rényi network the excess degree is the mean one, 10: R0 = 10·τ / (τ + γ) (Newman 2002)."""
    monkeypatch.setattr(reproduced, "BY_SAMPLE", 8)
    problem = on_ties(tmp_path)
    draws = draws_about(problem, 50)
    found = reproduced.reproduction_numbers(problem, draws, silent)["Infection"]
    chosen = draws.reshape(-1, 2)[np.linspace(0, 99, 8).astype(int)]
    values = [problem.values(z) for z in chosen]
    exact = [10 * v["per_tie"] / (v["per_tie"] + 1 / v["infectious_period"]) for v in values]
    assert found.formula is None and found.draws == 8
    assert found.median == pytest.approx(float(np.median(exact)), rel=0.03)
    assert found.high_95 == pytest.approx(float(np.quantile(exact, 0.975)), rel=0.03)
    assert reproduced.reproduction_numbers(problem, draws, lambda *told: False) == {}, "stopped"


def test_what_no_fit_moves_is_left_out(tmp_path: Path) -> None:
    problem = on_ties(tmp_path, 500)
    assert reproduced.reproduction_numbers(problem, np.repeat(draws_about(problem, 1)[:1], 4, axis=1), silent) == {}


def test_long_steps_are_noted_where_r0_makes_up_for_them(tmp_path: Path) -> None:
    problem = on_ties(tmp_path)
    middle = problem.everything({})
    [note] = reproduced.long_steps(problem.model, middle)
    assert note.startswith("in steps as long as the clock's Infection grows by 19 % less")
    assert reproduced.long_steps(problem.model, {**middle, "per_tie": 0.03}) == ()

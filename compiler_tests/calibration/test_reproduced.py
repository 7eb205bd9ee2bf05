"""R0 over a posterior: by its formula, from samples of people, and what is said where steps are too long for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lpmdsl.cli import app
from lpmdsl.config import CalibrationOptions
from lpmdsl.runtime.api import load
from lpmdsl.runtime.calibration import run
from lpmdsl.runtime.calibration.model_checks import r0_posterior
from lpmdsl.runtime.calibration.problem import Problem, read_problem
from lpmdsl.runtime.calibration.run import silent
from lpmdsl.theory.reproduction import world_of

MODELS = Path(__file__).parent.parent.parent / "models"
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
    found = r0_posterior.reproduction_numbers(problem, draws, silent)["Flu"]
    values = [problem.values(z) for z in draws.reshape(-1, 3)]
    exact = np.quantile([v["beta"] * v["illness"] for v in values], [0.025, 0.25, 0.5, 0.75, 0.975])
    assert found.formula == "beta*illness" and found.draws == 600
    assert (found.low_95, found.low_50, found.median, found.high_50, found.high_95) == pytest.approx(exact)


def test_on_ties_from_samples_of_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On an Erdős–Rényi network the excess degree is the mean one, 10: R0 = 10·τ / (τ + γ) (Newman 2002)."""
    monkeypatch.setattr(r0_posterior, "BY_SAMPLE", 8)
    problem = on_ties(tmp_path)
    draws = draws_about(problem, 50)
    found = r0_posterior.reproduction_numbers(problem, draws, silent)["Infection"]
    chosen = draws.reshape(-1, 2)[np.linspace(0, 99, 8).astype(int)]
    values = [problem.values(z) for z in chosen]
    exact = [10 * v["per_tie"] / (v["per_tie"] + 1 / v["infectious_period"]) for v in values]
    assert found.formula is None and found.draws == 8
    assert found.median == pytest.approx(float(np.median(exact)), rel=0.03)
    assert found.high_95 == pytest.approx(float(np.quantile(exact, 0.975)), rel=0.03)
    assert r0_posterior.reproduction_numbers(problem, draws, lambda *told: False) == {}, "stopped"


def test_what_no_fit_moves_is_left_out(tmp_path: Path) -> None:
    problem = on_ties(tmp_path, 500)
    assert r0_posterior.reproduction_numbers(problem, np.repeat(draws_about(problem, 1)[:1], 4, axis=1), silent) == {}


def test_long_steps_are_noted_where_r0_makes_up_for_them(tmp_path: Path) -> None:
    problem = on_ties(tmp_path)
    middle = problem.everything({}) | {"per_tie": 0.3, "infectious_period": 2.0}
    [note] = r0_posterior.long_steps(problem.model, middle)
    assert note.startswith("in steps as long as the clock's Infection grows by 27 % less")
    assert r0_posterior.long_steps(problem.model, {**middle, "per_tie": 0.03}) == ()


HOMES = """\
model homes version 1.0
clock
  step 1 day
  for 30 days
parameter beta = 0.1 per day
  prior lognormal(median 0.1 per day, spread 1.3)
parameter illness = 5 days
agent Person count 2_000
  home place of size 4
network homes joins Person sharing home
condition Flu of Person
  states S, I, R
  start S except 20 Person in I
  from S by contagion to I
  from I after fixed(illness) to R
contagion of Flu
  from I on homes at beta
observe cases = number entering I per day
calibrate
  fit cases to "cases.csv" column cases with poisson
  estimate beta by search
"""


def test_in_homes_without_runs_and_without_making_people_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two others in a home of four whom nobody else infected: R0 = 2·(1 − e^(−5 β)), for each of 200 draws at most."""
    (tmp_path / "homes.lpm").write_text(HOMES, encoding="utf-8")
    (tmp_path / "cases.csv").write_text("cases\n" + "20\n" * 30, encoding="utf-8")
    model = load(tmp_path / "homes.lpm")
    problem = read_problem(model.model, model.facts, CalibrationOptions(), None)
    made: list[int] = []
    monkeypatch.setattr(r0_posterior, "world_of", lambda *a: made.append(1) or world_of(*a))
    monkeypatch.setattr(Problem, "run", lambda *a: pytest.fail("R0 needs no runs"))
    draws = np.log(0.1) + 0.2 * np.random.default_rng(1).standard_normal((2, 300, 1))
    found = r0_posterior.reproduction_numbers(problem, draws, silent)["Flu"]
    some = draws.reshape(-1, 1)[np.unique(np.linspace(0, 599, 200).astype(int))]
    exact = [-2 * np.expm1(-5 * problem.values(z)["beta"]) for z in some]
    assert found.draws == 200 and made == [1] and found.formula is None
    assert (found.median, found.low_95) == pytest.approx(tuple(np.quantile(exact, [0.5, 0.025])), rel=1e-9)


def test_no_r0_is_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[CalibrationOptions] = []

    def fit(*arguments: object) -> None:
        asked.extend(a for a in arguments if isinstance(a, CalibrationOptions))
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "calibrate", fit)
    model = str(MODELS / "boarding_school.lpm")
    for more in ([], ["--no-r0"]):
        CliRunner().invoke(app, ["calibrate", model, "--out", str(tmp_path / "fit"), *more])
    with pytest.raises(KeyboardInterrupt):
        load(model).calibrate(r0=False)
    assert [options.r0 for options in asked] == [True, False, False]

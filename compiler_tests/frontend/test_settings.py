"""One check for all ways of setting a value: what the text refuses, `--set`, scenarios and Python refuse too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.example_models.behaviour_models import problems
from compiler_tests.example_models.calibrated_models import ward
from lpmdsl.cli import main
from lpmdsl.config import CalibrationOptions
from lpmdsl.diagnostics import LpmError
from lpmdsl.runtime.calibration.problem import Problem, read_problem

MODEL = """model s version 1.0
clock
  step 1 day
  for 20 days
parameter beta = 0.4 per day
parameter stay = 5 days
parameter chance = 30 %
parameter few = 10 people
agent Person count 200
  masked yes/no ~ bernoulli(chance)
network town joins Person at random
condition Cold of Person
  states S, I, H, R
  start S except few Person in I
  from S by contagion to I
  from I after gamma(mean stay, sd 2 days)
    to H with probability 2 * chance
    to R otherwise
  from H after exponential(mean stay) to R
contagion of Cold
  from I on town at beta
observe cases = number entering I per day
"""
WRONG = [("beta", "-0.4 per day", "E0316"), ("stay", "0 days", "E0316"), ("stay", "-5 days", "E0316"),
         ("chance", "60 %", "E0504"), ("few", "-3 people", "E0316"), ("few", "2.5 people", "E0316"),
         ("few", "300 people", "E0516"),
         ("beta", "5 days", "E0303"), ("beta", "1e308 * 10 per day", "E0742")]  # fmt: skip
RUNS = [row for row in WRONG if row[2] not in ("E0303", "E0805")]


def codes(caught: pytest.ExceptionInfo[LpmError]) -> list[str]:
    return [d.code for d in caught.value.report.sorted()]


@pytest.fixture(scope="module")
def model() -> lpmdsl.LoadedModel:
    return lpmdsl.load(MODEL)


@pytest.mark.parametrize(("name", "value", "code"), RUNS)
def test_the_text_refuses_it(name: str, value: str, code: str) -> None:
    lines = [f"parameter {name} = {value}" if x.startswith(f"parameter {name} ") else x for x in MODEL.split("\n")]
    assert code in problems("\n".join(lines))


@pytest.mark.parametrize(("name", "value", "code"), WRONG)
def test_a_setting_is_refused_with_the_same_code(model: lpmdsl.LoadedModel, name: str, value: str, code: str) -> None:
    with pytest.raises(LpmError) as caught:
        model.run(parameters={name: value}, backend="reference")
    assert code in codes(caught) and f"{name}={value}" in str(caught.value)


@pytest.mark.parametrize(("name", "value", "code"), RUNS)
def test_a_scenario_is_refused_by_check(name: str, value: str, code: str) -> None:
    assert code in problems(f"{MODEL}scenario odd\n  change {name} to {value}\n")


def test_numbers_are_refused_too(model: lpmdsl.LoadedModel) -> None:
    for values, code in (({"beta": -0.4}, "E0316"), ({"chance": 0.6}, "E0504"), ({"stay": float("inf")}, "E0805")):
        with pytest.raises(LpmError) as caught:
            model.run(parameters=values, backend="reference")
        assert codes(caught) == [code]


def test_two_settings_are_looked_at_together(model: lpmdsl.LoadedModel) -> None:
    """Each alone would be fine: the scenario's value and the setting together are not."""
    loaded = lpmdsl.load(
        MODEL.replace("2 * chance", "2 * chance * few / (10 people)") + "scenario more\n  change few to 16 people\n"
    )
    loaded.run(parameters={"chance": "40 %"}, backend="reference", steps=1)
    loaded.run(scenario="more", backend="reference", steps=1)
    with pytest.raises(LpmError) as caught:
        loaded.run(scenario="more", parameters={"chance": "40 %"}, backend="reference", steps=1)
    assert codes(caught) == ["E0504"]


def test_what_the_text_may_have_may_be_set(model: lpmdsl.LoadedModel) -> None:
    results = model.run(parameters={"beta": 0.0, "stay": "1 week", "few": "3 people"}, backend="reference")
    assert results.manifest.complete and results.manifest.parameters["stay"].base == 7


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": 2**64}, "`seed`"),
        ({"seed": -1}, "it is 0 or more"),
        ({"replicates": 0}, "it is 1 or more"),
        ({"steps": "many"}, "it should be a valid integer"),
        ({"backend": "tpu"}, "'cpu'"),
        ({"threads": 10**30}, "`threads`"),
        ({"agents": {"Person": "some"}}, "`agents.Person`"),
    ],
)
def test_an_option_that_cannot_be_is_told_in_words(model: lpmdsl.LoadedModel, options: dict, words: str) -> None:
    with pytest.raises(LpmError) as caught:
        model.run(**options)
    assert codes(caught) == ["E0881"] and words in str(caught.value) and "pydantic" not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        "run M --seed 18446744073709551616",
        "run M --seed -1",
        "run M --seed x",
        "run M --replicates 0",
        "run M --replicates 99999999999999999999",
        "run M --steps 0",
        "run M --steps 1e300",
        "run M --threads 99999999999999999999999",
        "run M --agents Person=1e300",
        f"run M --seed {'9' * 5000}",
        "compare M --replicates -3",
        "sensitivity M --replicates 1",
        "calibrate M --draws 99999999999999999999",
    ],
)
def test_a_number_that_no_option_can_have_is_wrong_usage(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.lpm"
    path.write_text(MODEL, encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        main([str(path) if word == "M" else word for word in words.split()])
    told = capsys.readouterr().err
    assert stopped.value.code == 2 and "Traceback" not in told and "pydantic" not in told and "E0899" not in told


def test_the_trial_is_refused_at_exit_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(__file__).parent.parent / "trials" / "set_negative.lpm"
    with pytest.raises(SystemExit) as stopped:
        main(["run", str(path), "--set", "beta=-0.4 per day", "--out", str(tmp_path / "out")])
    assert stopped.value.code == 1 and "E0316" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_parameter_that_is_set_is_not_estimated(tmp_path: Path) -> None:
    loaded = ward(tmp_path)

    def problem(**settings: str | float) -> Problem:
        return read_problem(loaded.model, loaded.facts, CalibrationOptions(settings=settings), None)

    assert [f.name for f in problem().free] == ["illness", "noise"] and problem().fixed == {}
    fixed = problem(illness="6 days")
    assert [f.name for f in fixed.free] == ["noise"] and fixed.fixed == {"illness": 6.0}
    assert fixed.everything(fixed.values(np.zeros(1)))["illness"] == 6.0
    with pytest.raises(LpmError) as caught:
        problem(illness="6 days", noise=10.0)
    assert codes(caught) == ["E0880"]
    with pytest.raises(LpmError) as caught:
        problem(illness="-6 days")
    assert codes(caught) == ["E0316"]

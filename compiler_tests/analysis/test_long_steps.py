"""Steps long for an outbreak are reported by every command that runs or works out one, promised or not (N0721)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.commands.test_cli import lpmc
from lpmdsl.diagnostics import Report
from lpmdsl.runtime.settings import values_with
from lpmdsl.theory.promised import check_steps
from lpmdsl.theory.reproduction import lost_growth, reproduction
from lpmdsl.theory.steps import in_steps, is_above_one, leading

EARLY = """\
model early version 1.0

clock
  step 1 day
  for 14 days

parameter beta = 1.5 per day
  prior lognormal(median 1.5 per day, spread 1.3)

agent Boy count 2_000

network school joins Boy at random

condition Flu of Boy
  states S, I, R
  start S except 20 Boy in I
  from S by contagion to I
  from I after exponential(mean 2 days) to R

contagion of Flu
  from I on school at beta

observe cases = number entering I per day

calibrate
  fit cases to "cases.csv" column cases with poisson
  estimate beta by sampling
"""
ON_TIES = EARLY.replace("at random", "as random_regular(degree 12) with 1 contact per day per tie").replace(
    "on school at beta", "on school at beta * 1 day / (10 contacts)"
)


@pytest.fixture
def early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases.csv").write_text("day,cases\n1,30\n2,50\n", encoding="utf-8")
    path = tmp_path / "early.lpm"
    path.write_text(EARLY, encoding="utf-8")
    return path


def told(text: str, settings: dict[str, str] | None = None) -> list[str]:
    report, model = Report(), lpmdsl.load(text).model
    check_steps(model, values_with(model, settings or {}), report)
    return [d.code for d in report.diagnostics]


RUN = ("run", "--backend", "reference", "--quiet")


@pytest.mark.parametrize("command", [RUN, ("analyse",), ("analyse", "--format", "json")])
def test_what_runs_or_analyses_tells_long_steps_once(
    command: tuple[str, ...], early: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lpmc(command[0], early, *command[1:]) == 0
    out, err = capsys.readouterr()
    assert err.count("note[N0721]") == 1 and "early.lpm:3:1" in err and "N0721" not in out


def test_a_fit_tells_them_before_it_begins(early: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (nowhere := early.parent / "empty").mkdir()
    assert lpmc("calibrate", early, "--data", nowhere) == 1  # there are no data, which is reported after it
    err = capsys.readouterr().err
    assert 0 <= err.find("note[N0721]") < err.find("error[E")


def test_a_promise_of_r0_does_not_tell_them_twice(early: Path, capsys: pytest.CaptureFixture[str]) -> None:
    early.write_text(EARLY + "\ncheck R0 of Flu between 1 and 10\n", encoding="utf-8")
    assert lpmc(RUN[0], early, *RUN[1:]) == 0
    assert capsys.readouterr().err.count("N0721") == 1


def test_checking_the_text_works_out_nothing_unless_r0_is_promised(
    early: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lpmc("check", early) == 0
    assert "N0721" not in capsys.readouterr().out


@pytest.mark.parametrize("text", [EARLY, ON_TIES], ids=["at random", "on ties"])
def test_short_steps_and_slow_epidemics_are_not_told(text: str) -> None:
    assert told(text) == ["N0721"]
    assert told(text.replace("step 1 day", "step 12 hours")) == []
    slow = text.replace("mean 2 days", "mean 10 days")
    assert told(slow, {"beta": "0.2 per day"}) == []  # few of an illness of ten days infect within a day of it
    late = text.replace("S, I, R", "S, E, I, R").replace("to I\n", "to E\n  from E after fixed(2 days) to I\n")
    assert told(late) == []  # fast, and nobody infects within a step of the own infection
    assert told(text, {"beta": "0.3 per day"}) == []  # declines


def test_a_small_sample_says_what_the_analysis_says() -> None:
    """At random nothing is drawn: the same to rounding. With ties for all alike, too."""
    for text in (EARLY, ON_TIES):
        model = lpmdsl.load(text).model
        values = values_with(model, {})
        whole = reproduction(model, model.conditions[0], values)
        few = lost_growth(model, model.conditions[0], values, 0.1)
        assert few is not None and 0.1 < whole.lost_to_steps < 0.15
        assert (few.growth, few.growth_in_steps) == pytest.approx((whole.growth, whole.growth_in_steps), rel=1e-6)
        assert lost_growth(model, model.conditions[0], values, whole.lost_to_steps + 1e-6) is None
        assert lost_growth(model, model.conditions[0], values, whole.lost_to_steps - 1e-6) is not None


def test_nothing_is_read_from_files_for_it(early: Path) -> None:
    ties = early.parent / "ties.csv"
    ties.write_text("source,target\n" + "".join(f"{k},{k + 1}\n" for k in range(1999)), encoding="utf-8")
    early.write_text(ON_TIES.replace("as random_regular(degree 12)", 'from "ties.csv"'), encoding="utf-8")
    model, report = lpmdsl.load(early).model, Report()
    ties.unlink()
    check_steps(model, values_with(model, {}), report)
    assert report.diagnostics == []


def test_what_is_certain_without_the_matrix_of_a_step_is_so() -> None:
    """For random kernels of exponential stays: where the bound says that the matrix of steps has an eigenvalue of 1 or
    more, it has; and it says so of most."""
    draws, certain = np.random.default_rng(7), 0
    for _ in range(200):
        size, h, r = int(draws.integers(1, 5)), draws.uniform(0.05, 2), draws.uniform(0.01, 0.8)
        rates, leaving = draws.uniform(0, 1, (size, size)) * draws.uniform(0, 1.5), draws.uniform(0.1, 1.5, size)

        def matrix(theta: float, rates=rates, leaving=leaving) -> np.ndarray:
            return rates / (theta + leaving)

        # In closed form: the mean over a step of what is given within it (`theory.steps`).
        within = rates * (h - (1 - np.exp(-leaving * h)) / leaving) / leaving / h
        exactly = leading(in_steps(matrix(r), within, r, h))[0]
        assert np.all(within <= matrix(1 / h))
        if is_above_one(matrix(r), matrix(1 / h), r, h):
            assert exactly >= 1 - 1e-12
            certain += 1
        elif exactly >= 1:
            certain -= 1
    assert certain > 20

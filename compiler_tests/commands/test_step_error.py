"""``lpmc check --step-error``: the same people with the step and half of it, and how far what is observed differs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import lpmdsl
from compiler_tests.commands.test_cli import lpmc
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.runtime import step_error as measured
from lpmdsl.runtime.step_error import Difference, step_error, tell_step_error

OUTBREAK = """\
model brief version 1.0

clock
  step 1 day
  for 40 days

agent Person count 4_000
  old yes/no ~ bernoulli(30 %)

network town joins Person at random with 10 contacts per day

condition Flu of Person
  states S, I, R
  start S except 20 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R

contagion of Flu
  from I on town at 0.05 per contact

observe cases = number entering I per day by old
observe ever = share of Person where Flu is not S by old every day
"""
BY_TIME = OUTBREAK.replace("from I after exponential(mean 5 days) to R", "from I when time >= 3.2 days to R")
"""Everybody leaves at the first step after 3.2 days: the step shows."""


def test_a_difference_is_that_of_two_runs_on_the_same_draws() -> None:
    """By hand: the model's text with half the step, run with the same seed."""
    loaded = lpmdsl.load(OUTBREAK)
    found = step_error(loaded, seconds=0.1)
    assert found.replicates == measured.FEWEST and found.agents == {"Person": 4_000} and not found.fewer
    texts = (OUTBREAK, OUTBREAK.replace("step 1 day", "step 12 hours"))
    runs = [lpmdsl.load(t).run(seed=1, replicates=3, backend="cpu").observations for t in texts]
    cases = [r[r["observation"] == "cases"].groupby(["replicate", "time"])["value"].sum() for r in runs]
    total, peak, day = (d for d in found.differences if d.observation == "cases")
    assert [d.statistic for d in (total, peak, day)] == ["total", "peak", "peak day"]
    assert (total.at_step, total.at_half) == tuple(pytest.approx(c.sum() / 3) for c in cases)
    assert (peak.at_step, peak.at_half) == tuple(pytest.approx(c.groupby("replicate").max().mean()) for c in cases)
    assert peak.spread == pytest.approx(cases[1].groupby("replicate").max().std())
    assert day.unit == "days" and total.group == ""
    ever = [d for d in found.differences if d.observation == "ever"]
    assert [(d.group, d.statistic) for d in ever[:3]] == [("no", "mean"), ("no", "peak"), ("no", "peak day")]
    assert len(ever) == 6, "shares of groups do not add up"


def test_large_towns_and_long_runs_are_run_smaller_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "MOST_AGENTS", 1_500)
    found = step_error(lpmdsl.load(OUTBREAK), seconds=0.1)
    assert found.agents == {"Person": 1_500} and found.fewer == {"Person": 4_000}
    assert "1,500 Person (of 4,000)" in measured.in_short(found)


def test_what_shows_is_more_than_chance_and_more_than_a_hundredth() -> None:
    row = Difference("cases", "", "peak", "per day", 110.0, 100.0, 1.0, 10.0)
    assert row.shows and row.change == pytest.approx(0.1) and row.in_spreads == pytest.approx(1.0)
    assert not replace(row, error=4.0).shows, "chance"
    assert not replace(row, spread=25.0).shows, "less than replicates differ"
    assert not replace(row, at_step=100.9, spread=0.1, error=0.01).shows, "less than a hundredth"
    assert replace(row, spread=0.0).shows and not replace(row, at_step=100.0, spread=0.0, error=0.0).shows


def test_a_step_that_shows_is_told_and_one_that_does_not_is_not() -> None:
    for text, codes in ((BY_TIME, ["N0773"]), (OUTBREAK, [])):
        loaded, report = lpmdsl.load(text), Report()
        tell_step_error(loaded, step_error(loaded, seconds=0.1), report)
        assert [d.code for d in report.diagnostics] == codes


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "brief.lpm"
    path.write_text(OUTBREAK, encoding="utf-8")
    return path


def test_the_command_prints_a_table(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lpmc("check", model, "--step-error", "--seconds", "0.1") == 0
    out = capsys.readouterr().out
    assert f"{model}: no errors" in out
    assert "steps of 1 day beside 12 hours: 3 replicates of 4,000 Person" in out
    assert sum(line.startswith(("cases ", "ever ")) for line in out.splitlines()) == 9


def test_the_command_as_json_ends_with_one_object(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model.write_text(BY_TIME, encoding="utf-8")
    assert lpmc("check", model, "--step-error", "--seconds", "0.1", "--format", "json") == 0
    note, told = map(json.loads, capsys.readouterr().out.splitlines())
    assert note["code"] == "N0773" and note["line"] == 3
    told = told["step_error"]
    assert (told["step_days"], told["half_step_days"], told["replicates"]) == (1.0, 0.5, 3)
    assert {d["observation"] for d in told["differences"]} == {"cases", "ever"}
    assert any(d["shows"] for d in told["differences"])


def test_a_check_without_it_runs_nothing(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "execute", None)
    assert lpmc("check", model) == 0


ASKS = """
behaviour isolate of Person
  decides yes/no into old
  every week
  knows old
  asks 20 times per archetype
    "Are you old ({old})?"
  otherwise 10 %
"""


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        (OUTBREAK[: OUTBREAK.index("observe")], "E0771", 3),
        (OUTBREAK + ASKS, "E0772", OUTBREAK.count("\n") + 2),
        (OUTBREAK.replace("step 1 day", "step 0.05 seconds"), "E0772", 3),
    ],
    ids=["nothing observed", "asks", "too many steps"],
)
def test_what_cannot_be_measured_is_refused_before_a_run(
    text: str, code: str, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "execute", None)
    with pytest.raises(LpmError) as refused:
        step_error(lpmdsl.load(text))
    (told,) = refused.value.report.diagnostics
    assert (told.code, told.span.line) == (code, place)


def test_a_library_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    library = next((Path(lpmdsl.__file__).parent.parent / "stdlib" / "lpm").rglob("*.lpm"))
    assert lpmc("check", library, "--step-error") == 1
    assert "error[E0771]" in capsys.readouterr().out

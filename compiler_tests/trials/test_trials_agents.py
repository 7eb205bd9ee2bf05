"""Trials of agents and starts: what broke once, with what is right."""

from __future__ import annotations

from pathlib import Path

import pytest

import lpmdsl
from lpmdsl.cli import main
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Report
from lpmdsl.source import Source

TRIALS = Path(__file__).parent.parent / "trials"
TRIAL = (TRIALS / "never_true_and_unused.lpm").read_text(encoding="utf-8")


def told(text: str) -> set[str]:
    report = Report()
    check_source(Source("trial.lpm", text), report)
    return {f"{d.code} {d.span.label.split(':')[-1]}" for d in report.sorted()}


def codes(text: str) -> set[str]:
    report = Report()
    check_source(Source("trial.lpm", text), report)
    return {d.code for d in report.sorted()}


def test_the_trial_is_told_three_times() -> None:
    assert codes(TRIAL) == {"E0519", "W0628", "N0629"}


@pytest.mark.parametrize(
    "where",
    ["not (1 < 2)", "here is a and here is b", "1 > 2 and here is a", "here is not a and here is not b"],
)
def test_a_start_that_nobody_qualifies_for_is_told(where: str) -> None:
    assert "E0519" in codes(TRIAL.replace("where 3 > 4", f"where {where}"))


def test_a_start_that_somebody_qualifies_for_is_none() -> None:
    assert "E0519" not in codes(TRIAL.replace("where 3 > 4", "where here is a"))
    assert "E0519" not in codes(TRIAL.replace("where 3 > 4", "10 Person where here is a"))


def test_a_number_of_those_who_cannot_be_is_told() -> None:
    assert "E0519" in codes(TRIAL.replace("except where 3 > 4", "except 10 Person where here is b"))
    assert "E0519" in codes(TRIAL.replace("except where 3 > 4", "except 5 % where here is b"))


def test_counts_of_nobody_are_warned_of() -> None:
    text = TRIAL.replace("where 3 > 4", "where here is a")
    assert "W0630" in codes(f"{text}observe n = count of Person where 1 > 2\n")
    assert "W0630" in codes(f"{text}observe n = number entering I per day where here is b\n")
    assert "W0630" not in codes(f"{text}observe n = count of Person where here is a\n")


@pytest.mark.parametrize(
    "use",
    [
        "observe n = count of Person where unused_by[here] > 1 by here\n",
        "network more joins Person at random mixing by unused_by\n",
    ],
)
def test_tables_that_something_reads_are_not_told(use: str) -> None:
    table = "table unused_by by here, here of contacts per day\n  a a 1\n  a b 1\n  b a 1\n  b b 1\n"
    if "mixing" not in use:
        table = "table unused_by by here of number\n  a 1\n  b 2\n"
    text = TRIAL.replace("where 3 > 4", "where here is a")
    found = codes(text + table + use)
    assert "N0629" not in found
    assert {d for d in told(text + table + use) if d.startswith("W0628")} == {d for d in told(text) if "W0628" in d}


def test_sizes_and_labels_that_are_drawn_are_read() -> None:
    text = TRIAL.replace("  here category one of a, b = a\n", "  home place of size ~ unused\n  age number ~ unused\n")
    text = text.replace("network town", "network homes joins Person sharing home\nnetwork town")
    text = text.replace("where 3 > 4", "where age > 1")
    assert not codes(text) & {"W0628", "N0629", "E0519"}


STALE = """model stale version 1.0
clock
  step 1 day
  for {days} days
agent Person count 100
  age duration ~ uniform(10 years, 20 years)
  age_group category = band of age at 18 years named minor, adult
  older yes/no = age > 15 years
  oldest yes/no = older and age_group is adult
  pay number = 3
condition C of Person
  states A, B
  start A
  from A at rate 0.1 per day to B
  on entering B
    set {what}
observe n = count of Person where {where}
"""


@pytest.mark.parametrize(
    ("what", "follows"),
    [("age to 19 years", ["age_group", "older", "oldest"]), ("older to yes", ["oldest"]), ("pay to 4", [])],
)
def test_what_is_made_of_what_is_set_follows_it(what: str, follows: list[str]) -> None:
    report = Report()
    found = check_source(Source("stale.lpm", STALE.format(days=60, what=what, where="oldest")), report)
    assert found is not None and not report.has_errors, report.diagnostics
    assert [a.name for a in found[0].agents[0].attributes if a.follows is not None] == follows


@pytest.mark.parametrize(
    ("what", "where"),
    [("age to 19 years", "age > 18 years"), ("older to yes", "older"), ("pay to 4", "age_group is minor and pay > 3")],
)
def test_setting_what_nothing_is_made_of_is_right(what: str, where: str) -> None:
    assert "E0631" not in codes(STALE.format(days=60, what=what, where=where))


def test_something_computed_is_not_set() -> None:
    assert "E0709" in codes(STALE.format(days=60, what="age_group to adult", where="age_group is adult"))


@pytest.mark.parametrize(
    ("days", "where", "noted"),
    [(3_653, "age > 18 years", True), (3_653, "age_group is minor", True), (3_653, "age + time > 18 years", False),
     (365, "age > 18 years", False), (3_653, "pay > 2", False)],
)  # fmt: skip
def test_an_age_that_is_read_through_years_is_noted(days: int, where: str, noted: bool) -> None:
    assert ("N0632" in codes(STALE.format(days=days, what="pay to 4", where=where))) == noted


def test_the_trial_of_ages_says_what_holds() -> None:
    """Of people of 10 to 20 years today all are over 40 after 40 years; what does not read the time stays."""
    text = (TRIALS / "static_age.lpm").read_text(encoding="utf-8")
    assert {"N0632", "W0630"} <= codes(text)
    results = lpmdsl.load(text.replace("step 1 day", "step 5 days")).run(agents={"Person": 200}, backend="reference")
    table = results.observations
    values = {name: list(table[table["observation"] == name]["value"]) for name in ("over_40", "minors", "grown")}
    assert set(values["over_40"]) == {0.0} and len(set(values["minors"])) == 1
    assert values["grown"][0] == 0.0 and values["grown"][-1] == 1.0


def test_labels_are_no_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    with pytest.raises(SystemExit) as stopped:
        main(["run", str(TRIALS / "label_markup.lpm"), "--backend", "reference", "--out", out])
    printed = capsys.readouterr()
    assert stopped.value.code == 0 and "E0899" not in printed.err and "[/x]" in printed.out

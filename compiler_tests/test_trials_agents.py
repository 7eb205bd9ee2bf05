"""Trials of agents and starts: what broke once, with what is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Report
from lpmdsl.source import Source

TRIALS = Path(__file__).parent / "trials"
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
    text = text.replace("where 3 > 4", "where age > 1")
    assert not codes(text) & {"W0628", "N0629", "E0519"}

"""``validate against``: recorded decisions beside a survey, distances worked out by hand."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

from compiler_tests.example_models.language_models import MODELS
from lpmdsl.config import RunOptions
from lpmdsl.runtime.api import execute, load

LEDGER = MODELS / "isolation_policy.ledger.jsonl"
SHARES = {"0-19": 0.1, "20-29": 0.3, "30-39": 0.5, "40-49": 0.6, "50-64": 0.7, "65+": 0.9}


def survey(folder: Path, shares: dict[str, float], clause: str):
    """The policy model with a survey by age, one kind of cases, its recorded answers beside it."""
    rows = "".join(f"{age},{share}\n" for age, share in shares.items())
    (folder / "survey.csv").write_text("age,stay\n" + rows, encoding="utf-8")
    text = (MODELS / "isolation_policy.lpm").read_text(encoding="utf-8")
    line = f'  otherwise 10 %\n  validate against "survey.csv" column stay by age {clause}'
    (folder / "town.lpm").write_text(text.replace("  otherwise 10 %", line.rstrip()), encoding="utf-8")
    shutil.copy(LEDGER, folder / "town.ledger.jsonl")
    options = RunOptions(agents={"Person": 1000}, steps=7, backend="reference")
    return execute(load(folder / "town.lpm"), options, None, False)


def recorded(cases: str = "low") -> dict[str, float]:
    """What the ledger says of each age while cases are low: in one week of a thousand people they are."""
    found = {}
    for line in LEDGER.read_text(encoding="utf-8").splitlines()[1:]:
        entry = json.loads(line)
        prompt = entry["request"]["messages"][1]["content"]
        if f"Cases: {cases}." in prompt:
            found[prompt.split("age ")[1].split(".")[0]] = json.loads(entry["replies"][0])["isolate"]
    return found


@pytest.mark.parametrize(
    ("words", "combine"),
    [
        ("by mean absolute", lambda d: sum(d) / len(d)),
        ("by root mean square", lambda d: math.sqrt(sum(x * x for x in d) / len(d))),
        ("by total variation", max),
    ],
)
def test_the_distance_is_that_of_the_shares(tmp_path: Path, words: str, combine) -> None:
    results = survey(tmp_path, SHARES, f"within 100 % {words}")
    assert not results.report.has_errors
    record = results.manifest.behaviours
    assert record is not None and record.each["isolate"].distance == pytest.approx(
        combine([abs(recorded()[age] - share) for age, share in SHARES.items()]), abs=1e-12
    )


def test_too_far_away_is_an_error_after_the_run(tmp_path: Path) -> None:
    results = survey(tmp_path, SHARES, "within 1 %")
    (diagnostic,) = [d for d in results.report.diagnostics if d.severity == "error"]
    assert diagnostic.code == "E0859" and "1 % is the most" in diagnostic.message
    assert results.manifest.complete, "the run itself came to its end"


def test_a_survey_of_what_was_decided_is_no_distance_away(tmp_path: Path) -> None:
    results = survey(tmp_path, recorded(), "within 1 %")
    assert not results.report.has_errors
    record = results.manifest.behaviours
    assert record is not None and record.each["isolate"].distance == pytest.approx(0, abs=1e-12)

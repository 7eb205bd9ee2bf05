"""A formula of R0 gives the number beside it in every model that there is: none has to be dropped for another value."""

from __future__ import annotations

from pathlib import Path

import pytest

import lpmdsl
from compiler_tests.support.documents import ROOT, all_blocks
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Report
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.source import Source
from lpmdsl.theory import agreement
from lpmdsl.theory.closed_form import r0_formula
from lpmdsl.theory.formulas import NoFormula
from lpmdsl.theory.reproduction import r0_of, samples_of

FOLDERS = ["models", "compiler_tests/textbook", "compiler_tests/trials"]
LOADED = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.lpm"))]
WITHOUT_END = {"never_left", "two_kinds_state_numbers", "pow"}
"""R0 of these is no number, so no formula stands beside it."""


def disagreements(model: m.Model) -> tuple[int, list[str]]:
    """How many formulas there are, and those that give another number than the matrix: condition and both numbers."""
    values, found, count = parameter_values(model), [], 0
    for condition in (c for c in model.conditions if model.is_passed_on(c.name)):
        try:
            written = r0_formula(model, condition)
            samples = samples_of(model, condition, values)
        except ValueError:  # no formula, or a rate depends on the run
            continue
        count += 1
        number, value = r0_of(samples), agreement.value_of(written, model, values, samples)
        if not abs(value - number) <= agreement.CLOSE * number:
            found.append(f"{condition.name}: {written} gives {value}, not {number}")
    return count, found


def model_of(path: Path) -> m.Model | None:
    """The checked model; None for a file that another trial wants to be refused."""
    report = Report()
    checked = check_source(Source(path.name, path.read_text(encoding="utf-8"), path), report)
    return None if checked is None or report.has_errors else checked[0]


@pytest.mark.parametrize("path", LOADED, ids=lambda p: p.stem)
def test_models(path: Path) -> None:
    model = model_of(path)
    if model is not None and path.stem not in WITHOUT_END:
        assert disagreements(model)[1] == []


def test_examples_of_the_documentation() -> None:
    counts = []
    for block in all_blocks("lpm"):
        if not block.marks & {"broken", "fragment"}:
            report = Report()
            checked = check_source(Source(block.where, block.text, ROOT / "docs" / "block.lpm"), report)
            if checked is not None and not report.has_errors:
                count, found = disagreements(checked[0])
                counts.append(count)
                assert found == [], block.where
    assert sum(counts) > 3


def test_a_formula_that_leaves_something_out_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if weekdays were forgotten once more."""
    path = ROOT / "compiler_tests" / "trials" / "analyse_weekdays_formula.lpm"
    loaded = lpmdsl.load(path).model
    values, condition = parameter_values(loaded), loaded.conditions[0]
    samples = samples_of(loaded, condition, values)
    assert str(agreement.agreed_formula(loaded, condition, values, samples, r0_of(samples))) == "15/14"
    monkeypatch.setattr(agreement, "r0_formula", lambda *a: r0_formula(*a) * 7 / 5)
    with pytest.raises(NoFormula, match="leaves something out"):
        agreement.agreed_formula(loaded, condition, values, samples, r0_of(samples))

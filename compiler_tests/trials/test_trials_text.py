"""Models that once ran a script in a page, ended a run by a label, or did not come back from a ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler_tests.safety.test_hostile_texts import Elements
from lpmdsl.compiler import check_source
from lpmdsl.config import RunOptions
from lpmdsl.diagnostics import Report
from lpmdsl.escaping import html
from lpmdsl.insight.document import document
from lpmdsl.insight.simulated import compared, lines, page
from lpmdsl.insight.summary import analysis
from lpmdsl.runtime.api import LoadedModel, load
from lpmdsl.runtime.progress import print_summary
from lpmdsl.runtime.results import read_results
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.source import Source

TRIALS = Path(__file__).parent.parent / "trials"


@pytest.fixture(scope="module")
def injected() -> LoadedModel:
    return load(TRIALS / "html_inject.lpm")


def test_the_page_of_a_model_runs_nothing_of_its_labels(injected: LoadedModel) -> None:
    values = parameter_values(injected.model)
    shown = document(injected.model, injected.source, analysis(injected.model, values), values)
    Elements(shown)
    assert html("</script><script>document.title='PWNstate2'</script>") in shown


def test_equations_beside_agents_with_any_labels(injected: LoadedModel) -> None:
    found = compared(injected, RunOptions(replicates=1, backend="reference", agents={"Person": 40}))
    assert {state for _, state in found.apart} == set(injected.model.conditions[0].states)
    Elements(page("html_inject", found))
    assert len(lines(found)) == 3


def test_labels_like_markup_are_printed_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = load(TRIALS / "label_markup.lpm")
    results = one.run(steps=4, backend="reference", agents={"Person": 200}, out=tmp_path / "out")
    print_summary(results)
    shown = capsys.readouterr().out
    for label in ("<!--<script>", "[/x]", "<b>bold</b> $x^2$"):
        assert f"xi {label}" in shown
    Elements((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert set(read_results(tmp_path / "out").observations["group"]) == set(results.observations["group"])


def codes(path: Path) -> list[str]:
    report = Report()
    check_source(Source(path.name, path.read_text(encoding="utf-8"), path), report)
    return [d.code for d in report.diagnostics]


def test_a_line_separator_in_a_prompt_is_told() -> None:
    assert codes(TRIALS / "nel.lpm") == ["E0115", "E0115"]


def test_cells_that_hide_something_are_told(tmp_path: Path) -> None:
    model, table = TRIALS / "cells" / "csv.lpm", (TRIALS / "cells" / "people.csv").read_bytes()
    assert codes(model) == ["E0406"]  # a line end inside quotes, in line 8
    told = [line for line in table.split(b"\r\n") if b'"' not in line and b"\n" not in line]
    (tmp_path / "people.csv").write_bytes(b"\n".join(told))
    (tmp_path / "csv.lpm").write_text(model.read_text(encoding="utf-8"), encoding="utf-8")
    assert "E0117" in codes(tmp_path / "csv.lpm")

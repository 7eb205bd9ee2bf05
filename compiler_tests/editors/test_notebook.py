"""Models in notebooks: cells and lines in a shell of IPython, what is shown as HTML, and the notebook of the docs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import CapturedIO, capture_output
from nbclient import NotebookClient

from compiler_tests.example_models.small_models import BROKEN_PROMISE, OUTBREAK, WRONG_STATE
from compiler_tests.support.colours import ROOT
from compiler_tests.support.hostile_texts import SEEN, model_text
from lpmdsl.colouring.lexer import LpmLexer
from lpmdsl.config import Calibration, Estimate, Reproduced
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.notebook.magics import colour_cells
from lpmdsl.runtime.api import LoadedModel, load, load_source
from lpmdsl.runtime.reports.cells import calibration_html
from lpmdsl.runtime.results import Results, read_results
from lpmdsl.source import Source

FEW: dict[str, Any] = {"backend": "reference", "agents": {"Pupil": 60}, "steps": 20}
PAGE = ROOT / "docs" / "notebooks" / "first_steps.ipynb"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.chdir(tmp_path)
    made = InteractiveShell.instance()
    made.run_cell("%load_ext lpmdsl.notebook")
    yield made
    InteractiveShell.clear_instance()


def typed(shell: InteractiveShell, text: str) -> tuple[Any, CapturedIO]:
    """The result of a cell, and what it printed and displayed."""
    with capture_output() as seen:
        done = shell.run_cell(text, store_history=True)
    return done, seen


def html_of(seen: CapturedIO) -> str:
    return "".join(output.data.get("text/html", "") for output in seen.outputs)


# ------------------------------------------------------------------ magics


def test_a_cell_gives_a_model_that_runs(shell: InteractiveShell) -> None:
    done, _ = typed(shell, f"%%lpm --name school\n{OUTBREAK}")
    assert done.success and isinstance(shell.user_ns["school"], LoadedModel) and "model" not in shell.user_ns
    assert done.result is shell.user_ns["school"]
    done, _ = typed(shell, f"r = school.run(seed=4, **{FEW!r})\nr")
    again = load(OUTBREAK).run(seed=4, **FEW)
    assert shell.user_ns["r"].observations.equals(again.observations)
    typed(shell, f"%%lpm\n{OUTBREAK}")
    assert shell.user_ns["model"].model.name == "outbreak"


def test_a_wrong_cell_shows_where_and_why_and_leaves_no_model(shell: InteractiveShell) -> None:
    """That of the text before is gone as well, and the cells below do not run."""
    typed(shell, f"%%lpm --name school\n{OUTBREAK}")
    done, seen = typed(shell, f"%%lpm --name school\n{WRONG_STATE}")
    assert not done.success and "school" not in shell.user_ns
    line = WRONG_STATE.splitlines().index("  from S by contagion to Infected") + 2  # below %%lpm
    assert f"error[E0203] In[{shell.execution_count - 1}]:{line}:" in html_of(seen) and "^^^^^^^^" in html_of(seen)
    assert "Traceback" not in seen.stdout + seen.stderr
    assert "`school` was not made" in seen.stdout + seen.stderr


@pytest.mark.parametrize("name", ["a b", "1x", "class", "x=1", "x;import"])
def test_only_a_name_is_a_name(shell: InteractiveShell, name: str) -> None:
    done, seen = typed(shell, f"%%lpm --name '{name}'\n{OUTBREAK}")
    assert not done.success and "is no name of Python" in seen.stdout + seen.stderr


def test_files_are_those_beside_the_notebook(shell: InteractiveShell, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("older\n" + "yes\nno\n" * 30, encoding="utf-8")
    text = OUTBREAK.replace("agent Pupil count 400", 'agent Pupil from "people.csv"').replace("yes/no = no", "yes/no")
    assert typed(shell, f"%%lpm\n{text}")[0].success
    outside = text.replace("people.csv", "../people.csv")
    done, seen = typed(shell, f"%%lpm\n{outside}")
    assert not done.success and "E0413" in html_of(seen)
    _, seen = typed(shell, f"%%lpm --allow-files\n{outside}")
    assert "E0413" not in html_of(seen) and "E0406" in html_of(seen)


def test_a_line_is_a_command(shell: InteractiveShell, tmp_path: Path) -> None:
    (tmp_path / "a b.lpm").write_text(OUTBREAK, encoding="utf-8")
    done, seen = typed(shell, '%lpmc check "a b.lpm"')
    assert done.success and seen.stdout == "a b.lpm: no errors\n"
    done, _ = typed(shell, '%lpmc run "a b.lpm" --backend reference --agents Pupil=60 --steps 9 --quiet --out out')
    assert done.success and read_results(tmp_path / "out").manifest.agents == {"Pupil": 60}
    done, seen = typed(shell, "%lpmc check none.lpm")
    assert not done.success and "exit code 1" in seen.stdout + seen.stderr and "E0104" in seen.stdout
    for wrong in ("%lpmc check 'open", "%lpmc nonsense"):
        done, seen = typed(shell, wrong)
        assert not done.success and "Traceback" not in seen.stdout + seen.stderr


def test_the_terminal_of_ipython_colours_cells_as_they_are_typed() -> None:
    from IPython.terminal.ptutils import IPythonPTLexer

    lexer = IPythonPTLexer()
    colour_cells(type("Shell", (), {"pt_app": type("App", (), {"lexer": lexer})})())
    assert lexer.magic_lexers["lpm"].pygments_lexer.__class__ is LpmLexer
    colour_cells(object())  # a shell without a terminal has none, and nothing is missing


# ------------------------------------------------------------------ what is shown


@pytest.fixture(scope="module")
def results() -> Results:
    return load(OUTBREAK).run(seed=1, replicates=5, scenario=["baseline", "weaker"], **FEW)


def test_results_show_what_was_run_and_its_key_figures(results: Results) -> None:
    shown = results._repr_html_()
    assert "<b>outbreak</b> 60 Pupil; 20 days in steps of 1 day; 5 replicates; seed 1" in shown
    peak = results.summary().set_index(["scenario", "observation"]).loc[("weaker", "ill"), "peak"]
    assert f'<td class="number">{peak:g} <small>[' in shown
    assert "<script" not in shown and "<style" not in shown
    assert "<h" not in shown  # nothing of it stands in the table of contents of the notebook


def test_compared_results_show_the_comparison() -> None:
    compared = load(OUTBREAK).compare(seed=1, replicates=3, **FEW)
    assert "Difference from baseline" in compared._repr_html_()


def test_a_broken_promise_is_shown_with_the_results(tmp_path: Path) -> None:
    with pytest.raises(LpmError):
        load(BROKEN_PROMISE).run(backend="reference", steps=40, out=tmp_path / "out")


def test_a_plot_has_the_medians_and_bands_of_the_reports(results: Results) -> None:
    figure = results.plot("ill")
    (axes,) = figure.axes
    rows = results.observations.query("observation == 'ill'")
    for line, scenario in zip(axes.lines, ("baseline", "weaker"), strict=True):
        table = rows[rows["scenario"] == scenario].pivot(index="step", columns="replicate", values="value")
        assert list(line.get_ydata()) == table.median(axis=1).tolist()
    assert len(axes.collections) == 4  # the middle 50 and 90 % of two scenarios
    assert figure._repr_html_().startswith('<img class="figure"') and "data:image/svg+xml" in figure._repr_html_()


def test_a_plot_of_all_names_its_panels_and_can_be_changed(results: Results, tmp_path: Path) -> None:
    figure = results.plot()
    assert [axes.get_title(loc="left") for axes in figure.axes[:3]] == ["cases", "weekly", "ill"]
    before = figure._repr_html_()
    figure.axes[0].set_ylim(0, 1000)
    assert figure._repr_html_() != before
    figure.savefig(tmp_path / "all.png")
    assert (tmp_path / "all.png").stat().st_size > 10_000


def test_an_unknown_observation_is_a_diagnostic(results: Results) -> None:
    with pytest.raises(LpmError, match=r"E0840.*Did you mean `cases`"):
        results.plot("case")


def test_a_fit_shows_its_verdict_its_reasons_and_its_parameters() -> None:
    """Each number with its digits; what stands in a name or a reason is text."""
    spread = {"low_50": 0.02, "high_50": 0.0312345, "low_95": 0.01, "high_95": 0.04, "median": 0.025}
    beta = Estimate(unit="per <contact>", mean=0.025, sd=0.01, prior="", r_hat=1.2, ess_bulk=9, ess_tail=9, **spread)
    record = Calibration.model_construct(
        model="town", method="sampling", converged=False, reasons=("R-hat is <b>1.2</b>",), notes=(),
        parameters={"beta": beta}, r0={"Flu": Reproduced(draws=9, formula=None, **{**spread, "median": 1.5})},
    )  # fmt: skip
    shown = calibration_html(record)
    assert "<b>not to be believed</b>" in shown and "<li>R-hat is &lt;b&gt;1.2&lt;/b&gt;</li>" in shown
    cells = re.findall(r"<td[^>]*>(.*?)</td>", shown)
    assert cells == ["beta", "0.025", "0.02 – 0.03123", "0.01 – 0.04", "1.200", "per &lt;contact&gt;",
                     "R0 of Flu", "1.5", "0.02 – 0.03123", "0.01 – 0.04", "", ""]  # fmt: skip
    assert "<b>converged</b>" in calibration_html(record.model_copy(update={"converged": True}))


MARKUP = (
    "script",
    "end of script",
    "image",
    "comment end",
    "cdata",
    "attribute",
    "link",
    "entity",
    "end of pre",
    "markup",
)


@pytest.mark.parametrize("kind", MARKUP)
def test_texts_of_a_stranger_are_texts(kind: str) -> None:
    """In models, results, figures and diagnostics: no element, no attribute and no entity comes of them."""
    from compiler_tests.safety.test_hostile_texts import everywhere, twins

    assert kind in SEEN

    def shapes(texts: dict[str, str]) -> list[str]:
        loaded = load_source(Source("town.lpm", model_text(texts)), Report())
        run = loaded.run(backend="reference", steps=4)
        shown = loaded._repr_html_() + run._repr_html_() + run.plot()._repr_html_()
        assert not re.search(r"<(script|iframe|style|link|object)", shown)
        return re.findall(r"</?[a-z]+", re.sub(r"</?span[^>]*>", "", shown))

    assert shapes(everywhere(kind)) == shapes(twins(kind))


def test_a_diagnostic_shows_a_line_of_a_stranger_as_text(shell: InteractiveShell) -> None:
    done, seen = typed(shell, '%%lpm\nmodel m version 1.0\n<img src=x onerror="alert(1)">\n')
    assert not done.success and "<img" not in html_of(seen) and "&lt;img" in html_of(seen)


# ------------------------------------------------------------------ the notebook of the docs


def test_the_notebook_of_the_docs_runs_in_a_kernel(tmp_path: Path) -> None:
    """From its first cell to its last in a kernel of its own; every cell that is to show something does."""
    notebook = nbformat.read(PAGE, as_version=4)
    nbformat.validate(notebook)
    assert all(cell.get("outputs", []) == [] for cell in notebook.cells)  # they would grow old
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    client.execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type != "stream"]
    pages = ["".join(output.data.get("text/html", "")) for output in shown]
    assert len(pages) == 6 and [page.startswith("<img") for page in pages] == [False, False, True, False, True, False]
    assert "1,000 Pupil" in pages[1] and "Difference from baseline" in pages[3]

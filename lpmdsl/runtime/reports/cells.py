"""Models, results, figures and diagnostics as a notebook shows them: pieces of HTML without a script or a style sheet.

A notebook may have a light page on a dark desk, so that what is coloured brings its own light ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lpmdsl.config import Calibration
from lpmdsl.diagnostics import Report, did_you_mean, fail, render_text
from lpmdsl.escaping import html, plain_lines
from lpmdsl.extras import require
from lpmdsl.runtime.endings import ending_lines
from lpmdsl.runtime.reports.drawing import Figure, Panel
from lpmdsl.runtime.reports.figures import figure_of
from lpmdsl.runtime.reports.parts import number, spaced, table, time_in_words
from lpmdsl.runtime.reports.run_page import comparison, key_figures
from lpmdsl.runtime.results import Results
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source, Span

if TYPE_CHECKING:
    from lpmdsl.runtime.reports.sheet import Sheet

GROUND = "background:#f7f8fa;color:#1c2430;padding:.6em .8em;border-left:3px solid {};overflow-x:auto;"
_BORDER = {"error": "#c0392b", "warning": "#b8860b", "note": "#5b6676"}


def plotted(results: Results, observations: Sequence[str]) -> Sheet:
    """The observations, or all, each in panels of its own.

    Raises ``LpmError``: E0840 for one that is not there, E0860 without matplotlib.
    """
    require("matplotlib", extra="notebook")
    from lpmdsl.runtime.reports.sheet import drawn

    known = results.manifest.observations
    for name in observations:
        if name not in known:
            names = (
                f"Its observations are {', '.join(f'`{one}`' for one in known)}." if known else "It observes nothing."
            )
            place = Span(Source("plot", ""), 0, 0)
            raise fail("E0840", f"The run has no observation `{name}`.{did_you_mean(name, known)}", place, names)
    found = {name: figure_of(results, name) for name in observations or known}
    figures = {name: figure for name, figure in found.items() if figure is not None}
    sheet = drawn(_joined(figures))
    sheet.about = "; ".join(figure.about for figure in figures.values()) or "nothing was reported"
    return sheet


def _joined(figures: dict[str, Figure]) -> Figure:
    """One figure with all panels; where there are several observations each panel is named by its own."""
    if len(figures) == 1:
        return next(iter(figures.values()))
    panels = [replace(panel, title=_titled(name, panel)) for name, one in figures.items() for panel in one.panels]
    return Figure(tuple(panels) or (Panel(()),), "", shared=False)


def _titled(name: str, panel: Panel) -> str:
    return f"{spaced(name)}, {panel.title}" if panel.title else spaced(name)


def results_html(results: Results) -> str:
    """A line about what was run, the key figures, the comparison, and what is to be known of the run."""
    manifest = results.manifest
    facts = [
        ", ".join(f"{n:,} {kind}" for kind, n in manifest.agents.items()),
        time_in_words(manifest.steps, manifest.step_days),
        *ending_lines(manifest),
        f"{manifest.replicates} replicates" if manifest.replicates > 1 else "",
        f"seed {manifest.seed}",
        "" if manifest.complete else f"not complete: {manifest.stopped}",
    ]
    line = f"<p><b>{html(spaced(manifest.model))}</b> {html('; '.join(fact for fact in facts if fact))}</p>"
    return f"<div>{line}{key_figures(results)}{comparison(results)}{diagnostics_html(results.report)}</div>"


def calibration_html(record: Calibration) -> str:
    """A fit as a cell shows it: how it was made, whether to believe it and why not, every parameter and R0."""
    verdict = "converged" if record.converged else "not to be believed"
    reasons = "".join(f"<li>{html(reason)}</li>" for reason in (*record.reasons, *record.notes))
    rows = [
        [html(name), number(e.median), _range(e.low_50, e.high_50), _range(e.low_95, e.high_95),
         "" if e.r_hat is None else f"{e.r_hat:.3f}", html(e.unit)]
        for name, e in record.parameters.items()
    ]  # fmt: skip
    rows += [
        [f"R0 of {html(name)}", number(r.median), _range(r.low_50, r.high_50), _range(r.low_95, r.high_95), "", ""]
        for name, r in record.r0.items()
    ]
    head = ["Parameter", "Median", "50 %", "95 %", "R-hat", "Unit"]
    told = table(head, rows, frozenset({1, 2, 3, 4})) if rows else ""
    line = f"<p><b>{html(spaced(record.model))}</b> by {html(record.method)}: <b>{verdict}</b></p>"
    return f"<div>{line}<ul>{reasons}</ul>{told}</div>"


def _range(low: float, high: float) -> str:
    return f"{number(low)} – {number(high)}"


def model_html(model: Model, source: Source, report: Report) -> str:
    """Name, description, agents, states and parameters of a model, and its text, folded."""
    doc = f"<p>{html(model.doc)}</p>" if model.doc else ""
    facts = [f"{agent.name}: {agent.count:,}" if agent.count else agent.name for agent in model.agents]
    facts += [f"{one.name}: {', '.join(one.states)}" for one in model.conditions]
    facts += [time_in_words(model.clock.steps, model.clock.step)]
    told = "".join(f"<li>{html(fact)}</li>" for fact in facts)
    return (
        f"<div><p><b>{html(spaced(model.name))}</b></p>{doc}<ul>{told}</ul>{_parameters(model)}"
        f"<details><summary>{html(source.name)}</summary>{text_html(source.text.lstrip())}</details>{diagnostics_html(report)}</div>"
    )


def _parameters(model: Model) -> str:
    values = parameter_values(model, {})
    rows = [[html(p.name), number(values[p.name] / p.scale), html(p.unit), html(p.doc)] for p in model.told_parameters]
    return table(["Parameter", "Value", "Unit", "About"], rows, frozenset({1})) if rows else ""


def text_html(text: str) -> str:
    """A model's text with colours that need no style sheet (Pygments escapes it)."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter

    from lpmdsl.colouring.lexer import LpmLexer

    look = HtmlFormatter(noclasses=True, style="default", cssstyles=GROUND.format("#5b6676"))
    return str(highlight(plain_lines(text), LpmLexer(), look))


def diagnostics_html(report: Report) -> str:
    """Every diagnostic as the terminal has it; nothing where there is none."""
    return "".join(
        f'<pre style="{GROUND.format(_BORDER[d.severity])}">{html(render_text(d))}</pre>' for d in report.sorted()
    )

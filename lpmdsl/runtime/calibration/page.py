"""``report.html`` of a calibration: whether to believe it, what it found, and the pictures that show both."""

from __future__ import annotations

from lpmdsl.config import Calibration
from lpmdsl.escaping import html
from lpmdsl.runtime.calibration.figures import history, marginal, pairs, predictive_figure, ranks, trace
from lpmdsl.runtime.calibration.outcome import Calibrated
from lpmdsl.runtime.reports.drawing import Figure
from lpmdsl.runtime.reports.page import whole_page
from lpmdsl.runtime.reports.parts import model_text, number, section, spaced, table
from lpmdsl.runtime.reports.svg import image
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source

WAYS = {
    "sampling": "particle marginal Metropolis–Hastings",
    "gradient": "gradient ascent from several starts, and weighted points about the peak",
    "neural posterior": "a network trained on simulated data",
    "search": "a search for the peak, and weighted points about it",
}


def calibration_page(model: Model, source: Source, result: Calibrated) -> str:
    """The whole page as text."""
    has_draws = result.record.draws > 0
    sections = [
        _heading(model, result.record),
        _estimates(result.record) if has_draws else "",
        _predictive(result),
        _scores(result.record),
        _checks(result.record),
        _grid("Posteriors and priors", [marginal(result, f) for f in result.problem.free]) if has_draws else "",
        _grid("Parameters together", pairs(result)) if has_draws else "",
        _chains(result),
        _certificate(result.record),
        model_text(source),
        _provenance(result.record),
    ]
    return whole_page(f"{spaced(model.name)}: calibration", sections)


def _heading(model: Model, record: Calibration) -> str:
    facts = [
        ("method", f"{record.method}: {WAYS[record.method]}"),
        ("chains", f"{record.chains} of {record.draws:,} draws"),
        ("replicates for a likelihood", f"{record.replicates:,}"),
        ("replicates in all", f"{record.runs:,}"),
        ("seed", str(record.seed)),
    ]
    items = "".join(f"<li>{name} <b>{html(value)}</b></li>" for name, value in facts)
    doc = f'<p class="lead">{html(model.doc)}</p>' if model.doc else ""
    return (f"<header><h1>{html(spaced(model.name))}: calibration</h1>{doc}"
            f'<ul class="facts">{items}</ul>{_verdict(record)}</header>')  # fmt: skip


def _verdict(record: Calibration) -> str:
    notes = "".join(f'<div class="notice">{html(note)}.</div>' for note in record.notes)
    return _whether_converged(record) + notes


def _whether_converged(record: Calibration) -> str:
    if record.converged:
        checked = "R-hat at most 1.01, at least 100 effective draws a chain" if record.method == "sampling" else (
            "nothing speaks against it")  # fmt: skip
        return f'<div class="notice good"><b>Converged:</b> {checked}.</div>'
    reasons = "".join(f"<li>{html(reason)}</li>" for reason in record.reasons)
    return f'<div class="notice"><b>Not converged: do not rely on these numbers.</b><ul>{reasons}</ul></div>'


def _estimates(record: Calibration) -> str:
    rows = []
    for name, e in record.parameters.items():
        ess = min((v for v in (e.ess_bulk, e.ess_tail) if v is not None), default=float("nan"))
        rows.append([
            html(name), number(e.median), f"{number(e.low_50)} – {number(e.high_50)}",
            f"{number(e.low_95)} – {number(e.high_95)}", html(e.unit), f"<code>{html(e.prior)}</code>",
            "–" if e.r_hat is None else f"{e.r_hat:.3f}", f"{ess:,.0f}" if ess == ess else "–",
        ])  # fmt: skip
    for name, r in record.r0.items():
        formula = f"<code>{html(r.formula)}</code>" if r.formula else ""
        halves, most = f"{number(r.low_50)} – {number(r.high_50)}", f"{number(r.low_95)} – {number(r.high_95)}"
        rows.append([f"R0 of {html(name)}", number(r.median), halves, most, "", formula, "", ""])
    header = ["Parameter", "Median", "50 %", "95 %", "Unit", "Prior, or formula", "R-hat", "Effective draws"]
    return section("Estimates", table(header, rows, frozenset({1, 2, 3, 6, 7})))


def _predictive(result: Calibrated) -> str:
    if result.predictive is None or not len(result.predictive.data):
        return ""
    parts = []
    for piece in result.problem.pieces:
        drawn = image(predictive_figure(result, piece))
        parts.append(f"<h3>{html(spaced(piece.data.fit.observation))}</h3>{drawn}")
    note = ('<p class="soft">The line is the median, the ribbons hold the middle 50 % and 95 % of what each report '
            "is expected to be by all the other fitted data: it has not seen the point that it is compared with. What "
            "is held out, on a tint, is a forecast.</p>")  # fmt: skip
    return section("The model over the data", note + "".join(parts))


def _scores(record: Calibration) -> str:
    rows = [
        [html(spaced(s.observation)), s.part, str(s.points), number(s.wis), number(s.crps), f"{s.coverage_50:.0%}",
         f"{s.coverage_95:.0%}"]
        for s in record.scores
    ]  # fmt: skip
    header = ["Observation", "Data", "Points", "WIS", "CRPS", "Within 50 %", "Within 95 %"]
    note = ('<p class="soft">Weighted interval score and continuous ranked probability score, in the unit of the data; '
            "less is better.</p>")  # fmt: skip
    return section("Scores", table(header, rows, frozenset({2, 3, 4, 5, 6})) + note if rows else "")


def _checks(record: Calibration) -> str:
    """Summaries of the data beside those of data that the fitted model makes."""
    rows = [
        [html(spaced(c.observation)), html(c.name), number(c.seen), f"{number(c.low)} – {number(c.high)}",
         '<span class="fails">no</span>' if c.is_flagged else "yes"]
        for c in record.checks
    ]  # fmt: skip
    header = ["Observation", "Summary", "Data", "Model, 95 %", "Alike"]
    return section("The data as a whole", table(header, rows, frozenset({2, 3})) if rows else "")


def _grid(title: str, figures: list[Figure]) -> str:
    drawn = "".join(image(f) for f in figures)
    return section(title, f'<div class="grid">{drawn}</div>' if figures else "")


def _chains(result: Calibrated) -> str:
    if result.history:
        return section("How it went", image(history(result)))
    if result.record.draws == 0:
        return ""
    drawn = "".join(
        f'<div class="grid">{image(trace(result, f))}{image(ranks(result, f))}</div>' for f in result.problem.free
    )
    note = ('<p class="soft">Left: where every chain was. Right: how the ranks of its draws are spread among all '
            "draws; chains that agree are level.</p>")  # fmt: skip
    return section("Chains", note + drawn)


def _certificate(record: Calibration) -> str:
    proof = record.certificate
    if proof is None:
        return ""
    kind = "notice good" if proof.holds else "notice"
    numbers = ""
    if proof.ratio is not None and proof.low is not None and proof.high is not None:
        numbers = f" Ratio {proof.ratio:.3f} [{proof.low:.3f} – {proof.high:.3f}], cosine {proof.cosine or 0:.3f}."
    return section("Certificate of the gradient", f'<div class="{kind}">{html(proof.words)}.{numbers}</div>')


def _provenance(record: Calibration) -> str:
    rows = [
        ("Model", f"{record.model} {record.version}"),
        ("SHA-256", record.sha256),
        ("Versions", ", ".join(f"{name} {v}" for name, v in record.versions.items())),
        ("Agents", ", ".join(f"{n:,} {kind}" for kind, n in record.agents.items())),
        ("Log likelihood", "" if record.log_likelihood is None else f"{record.log_likelihood:.2f} at the medians"),
        ("Its estimate varies by", "" if record.log_likelihood_sd is None else f"{record.log_likelihood_sd:.2f}"),
        ("Accepted", "" if record.acceptance is None else f"{record.acceptance:.0%}"),
        ("Seconds", f"{record.seconds:.1f}"),
        ("Finished", record.finished),
    ]
    return section("This calibration", table(["What", "Value"], [[n, html(v)] for n, v in rows if v]))

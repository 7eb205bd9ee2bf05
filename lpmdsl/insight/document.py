"""``lpmc doc``: one page about a model that a reviewer can read, in the order of the ODD protocol.

Grimm et al. 2020, The ODD protocol: a second update, JASSS 23(2):7.

Equations are MathML, which browsers draw themselves; the page needs nothing from outside.
"""

from __future__ import annotations

import re
from html import escape

import sympy as sp

from lpmdsl.insight.summary import Analysis, OfCondition, as_latex
from lpmdsl.runtime.report_diagram import text_of
from lpmdsl.runtime.report_parts import (
    behaviours_table,
    contacts_of,
    how_joined,
    number,
    own_words,
    section,
    spaced,
    state_sections,
    table,
)
from lpmdsl.runtime.report_style import STYLE
from lpmdsl.semantics import model as m
from lpmdsl.source import Source

_EXTRA = """
.equations { overflow-x: auto; }
.equations div { margin: .6rem 0; font-size: 1.05rem; white-space: nowrap; }
.word { color: var(--accent); } .remark { color: var(--soft); font-style: italic; } .value { color: #9a5b00; }
.fails { color: var(--warn); font-weight: 600; }
"""


def document(model: m.Model, source: Source, found: Analysis, values: dict[str, float]) -> str:
    """The whole page."""
    parts = [
        f"<h1>{escape(spaced(model.name))}</h1><p class='lead'>{escape(model.doc)}</p>",
        _overview(model),
        _process(model),
        state_sections(model),
        _mermaid(model),
        _numbers(model, values),
        *(_on_paper(one) for one in found.conditions),
        _statements(found),
        _latex(found),
        section("The model's text", f"<pre>{highlighted(source.text)}</pre>"),
    ]
    head = f"<title>{escape(spaced(model.name))}</title><style>{STYLE}{_EXTRA}</style>"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1">{head}</head>\n<body><main>\n'
        + "\n".join(parts)
        + "\n</main></body></html>\n"
    )


def _overview(model: m.Model) -> str:
    """Entities, state variables and scales."""
    clock = model.clock
    begin = f" from {clock.start}" if clock.start else ""
    time = f"<p>Steps of {clock.step:g} days for {clock.step * clock.steps:g} days{begin}.</p>"
    agents = [
        [escape(a.name), f"{a.count:,}" if a.count else f"as in {escape(a.file or '')}", _members(a), escape(a.doc)]
        for a in model.agents
    ]
    networks = [[escape(n.name), escape(n.of), how_joined(n), contacts_of(n), escape(n.days or "every day"),
                 escape(n.doc)] for n in model.networks]  # fmt: skip
    tables = table(["Agent", "Number", "Attributes and places", "About"], agents, frozenset({1}))
    if networks:
        tables += table(["Network", "Joins", "How", "Contacts", "When", "About"], networks)
    return section("Entities, state variables and scales", time + tables)


def _members(agent: m.Agent) -> str:
    return ", ".join(f"<code>{escape(member.name)}</code>" for member in agent.members)


_STEPS = (
    "Behaviours that are due: everyone looks at what it knows, and decides.",
    "Triggers look at the last completed reports; interventions act.",
    "Contagion: every susceptible feels the force of those infectious and present on its networks.",
    "Transitions: everyone moves whose time has come or whose threshold is reached, for itself.",
    "Observations count.",
)
_CHANCE = (
    "Everyone reads the state at the start of the phase. Dwell times, branches and thresholds of infection are drawn "
    "on entering a state, keyed by who and where in the text; the same seed gives the same run."
)


def _process(model: m.Model) -> str:
    """Process overview and scheduling, design concepts, initialisation, observation."""
    steps = _STEPS if model.behaviours else _STEPS[1:]
    order = "<ol>" + "".join(f"<li>{step}</li>" for step in steps) + f"</ol><p>{_CHANCE}</p>"
    begins = [[escape(c.name), f"<code>{escape(text_of(c.start.span))}</code>"] for c in model.conditions]
    start = "<h3>Initialisation</h3>" + table(["Condition", "At the start"], begins)
    seen = [[escape(o.name), f"<code>{escape(text_of(o.span))}</code>", escape(o.doc)] for o in model.observations]
    watched = "<h3>Observation</h3>" + table(["Name", "In the model", "About"], seen)
    acts = [[escape(spaced(d.name)), escape(d.doc), f"<pre>{escape(own_words(d))}</pre>"]
            for d in (*model.interventions, *model.scenarios)]  # fmt: skip
    decided = behaviours_table(model)
    minds = f"<h3>Behaviours</h3>{decided}" if decided else ""
    done = "<h3>Interventions and scenarios</h3>" + table(["Name", "About", "In the model"], acts) if acts else ""
    return section("Process overview and scheduling", order + start + watched + minds + done)


def _mermaid(model: m.Model) -> str:
    body = "".join(f"<pre>{escape(mermaid(c))}</pre>" for c in model.conditions)
    return f"<details><summary>The states as Mermaid text</summary>{body}</details>"


def mermaid(condition: m.Condition) -> str:
    """The states and exits of a condition as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"  [*] --> {condition.states[condition.start.state]}"]
    for exit_ in condition.exits:
        for branch in exit_.branches:
            words = text_of(exit_.span).split(" to ")[0].removeprefix("from ")
            trigger = words.split(" ", 1)[1] if " " in words else words
            share = f", {text_of(branch.probability.span)}" if branch.probability is not None else ""
            ways = f"{condition.states[exit_.state]} --> {condition.states[branch.to]}"
            lines.append(f"  {ways}: {(trigger + share).replace(':', ' ')}")
    return "\n".join(lines)


def _numbers(model: m.Model, values: dict[str, float]) -> str:
    rows = []
    for p in model.parameters:
        prior = f"<code>{escape(text_of(p.prior.span))}</code>" if p.prior else ""
        about = "<br>".join(escape(x) for x in (p.doc, f"Source: {p.source}" if p.source else "") if x)
        limits = ""
        if p.low is not None and p.high is not None:
            limits = f"{number(p.low / p.scale)} to {number(p.high / p.scale)}"
        rows.append([escape(p.name), number(values[p.name] / p.scale), escape(p.unit), limits, prior, about])
    head = ["Parameter", "Value", "Unit", "Between", "Prior", "About"]
    return section("Parameters", table(head, rows, frozenset({1})) if rows else "")


# ------------------------------------------------------------------ mathematics


def _on_paper(one: OfCondition) -> str:
    if one.equations is None:
        body = f"<p>No equations: {escape(one.no_equations)}.</p>"
    else:
        written = one.equations
        rows = [_equal(_mathml(name), force) for name, force in written.forces.items() if force != 0]
        rows += [_equal(_rate_of(name), rate) for name, rate in written.rates.items()]
        remembered = "".join(
            f"<p><code>{escape(str(out))}(t) = ∫ inflow(t − a)·f(a) da</code>, f {escape(words)}, "
            f"inflow <code>{escape(str(inflow))}</code></p>"
            for out, (inflow, words) in written.remembered.items()
        )
        said = "; ".join(written.assumptions)
        body = f"<div class='equations'>{''.join(rows)}</div>{remembered}<p class='soft'>Assuming: {escape(said)}.</p>"
    return section(f"{one.name} on paper", body + _reproduction(one))


def _equal(left: str, right: sp.Basic) -> str:
    return f"<div><math displaystyle='true'><mrow>{left}<mo>=</mo>{_mathml(right)}</mrow></math></div>"


def _rate_of(variable: sp.Symbol) -> str:
    return f"<mfrac><mrow><mi>d</mi>{_mathml(variable)}</mrow><mrow><mi>d</mi><mi>t</mi></mrow></mfrac>"


def _mathml(expr: sp.Basic) -> str:
    return str(sp.mathml(expr, printer="presentation"))


def _reproduction(one: OfCondition) -> str:
    numbers = one.reproduction
    if numbers is None:
        return ""
    rows = [["R0", number(numbers.value), "largest eigenvalue of the next-generation matrix"],
            ["first infectious person infects", number(numbers.first_case), "people, on average"],
            ["growth", number(numbers.growth), "per day"],
            ["growth in the steps of the clock", number(numbers.growth_in_steps), "per day"],
            ["doubling time", number(numbers.doubling) if numbers.doubling else "–", "days"],
            ["herd immunity", f"{100 * numbers.herd_immunity:.0f} %", "immune"]]  # fmt: skip
    rows += [[f"coverage with {escape(n)}", f"{100 * c:.0f} %", "of people"] for n, c in numbers.coverage.items()]
    rows += [[f"by {escape(n)}", f"{100 * s:.0f} %", "of infections"] for n, s in numbers.by_network.items()]
    rows += [[f"among {escape(g)}", f"{100 * s:.0f} %", "of infections"] for g, s in numbers.by_group.items()]
    formula = _equal(_mathml(sp.Symbol("R_0")), one.formula) if one.formula is not None else ""
    said = f"<p class='soft'>Assuming: {escape('; '.join(numbers.assumptions))}.</p>"
    return f"<div class='equations'>{formula}</div>" + table(["What", "Value", ""], rows, frozenset({1})) + said


def _statements(found: Analysis) -> str:
    rows = [["holds" if s.holds else "<span class='fails'>does not hold</span>", escape(s.what), escape(s.how),
             escape(s.place)] for s in found.statements]  # fmt: skip
    return section("What is known", table(["", "Statement", "How", "Where"], rows) if rows else "")


def _latex(found: Analysis) -> str:
    return f"<details><summary>The equations as LaTeX</summary><pre>{escape(as_latex(found))}</pre></details>"


# ------------------------------------------------------------------ the text


_TOKEN = re.compile(r"(?P<remark>#.*$)|(?P<value>\b\d[\d_.:/-]*\s*%?|\"[^\"]*\")|(?P<word>^\s*[a-z]+\b)", re.MULTILINE)


def highlighted(text: str) -> str:
    """The text as HTML: remarks, values and the first word of every line stand out."""
    done, end = [], 0
    for token in _TOKEN.finditer(text):
        done.append(escape(text[end : token.start()]))
        done.append(f'<span class="{token.lastgroup}">{escape(token.group())}</span>')
        end = token.end()
    return "".join([*done, escape(text[end:])])

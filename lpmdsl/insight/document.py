"""``lpmc doc``: one page about a model that a reviewer can read, in the order of the ODD protocol.

Grimm et al. 2020, The ODD protocol: a second update, JASSS 23(2):7.

Equations are MathML, which browsers draw themselves; the page needs nothing from outside.
"""

from __future__ import annotations

import math
import re
from typing import Any

import sympy as sp

from lpmdsl.escaping import html, mathml, mermaid as mermaid_words
from lpmdsl.insight.summary import Analysis, OfCondition, as_latex, stops
from lpmdsl.runtime.reports.page import whole_page
from lpmdsl.runtime.reports.parts import (
    behaviours_table,
    coloured,
    contacts_of,
    how_joined,
    in_words,
    number,
    own_words,
    section,
    spaced,
    state_sections,
    table,
)
from lpmdsl.runtime.reports.state_diagram import text_of
from lpmdsl.semantics import model as m
from lpmdsl.source import Source


def document(model: m.Model, source: Source, found: Analysis, values: dict[str, float]) -> str:
    """The whole page."""
    parts = [
        f"<h1>{html(spaced(model.name))}</h1><p class='lead'>{html(model.doc)}</p>",
        _overview(model),
        _process(model),
        state_sections(model),
        _mermaid(model),
        _numbers(model, values),
        *(_on_paper(one) for one in found.conditions),
        _statements(found),
        _latex(found),
        section("The model's text", coloured(source.text)),
    ]
    return whole_page(spaced(model.name), parts)


def _overview(model: m.Model) -> str:
    """Entities, state variables and scales."""
    clock = model.clock
    begin = f" from {clock.start}" if clock.start else ""
    until = "" if clock.until is None else f", or {html(text_of(clock.until.span))}"
    time = f"<p>Steps of {in_words(clock.step)} for {in_words(clock.step * clock.steps)}{begin}{until}.</p>"
    agents = [
        [html(a.name), f"{a.count:,}" if a.count else f"as in {html(a.file or '')}", _members(a), html(a.doc)]
        for a in model.agents
    ]
    networks = [[html(n.name), html(n.of), how_joined(n), contacts_of(n, model), html(n.days or "every day"),
                 html(n.doc)] for n in model.networks]  # fmt: skip
    tables = table(["Agent", "Number", "Attributes and places", "About"], agents, frozenset({1}))
    if networks:
        tables += table(["Network", "Joins", "How", "Contacts", "When", "About"], networks)
    return section("Entities, state variables and scales", time + tables)


def _members(agent: m.Agent) -> str:
    return ", ".join(f"<code>{html(member.name)}</code>" for member in agent.written)


_DECIDES = "Behaviours that are due: everyone looks at what it knows, and decides."
_RULES = "Rules that are due are followed, in the order in which they are written."
_TRIGGERS = "Triggers look at the last completed reports; interventions act."
_CONTAGION = "Contagion: every susceptible feels the force of those infectious and present on its networks."
_TRANSITIONS = "Transitions: everyone moves whose time has come or whose threshold is reached, for itself."
_STEPS = (_DECIDES, _TRIGGERS, _RULES, _CONTAGION, _TRANSITIONS, "Observations count.")
_READS = "Everyone reads the state at the start of the phase. "
_STAYS = (
    "Dwell times, branches and thresholds of infection are drawn on entering a state, keyed by who and where in the "
    "text; "
)
_SEED = "the same seed gives the same run."


def _process(model: m.Model) -> str:
    """Process overview and scheduling, design concepts, initialisation, observation."""
    needs = ((_DECIDES, model.behaviours), (_TRIGGERS, model.interventions), (_RULES, model.rules),
             (_CONTAGION, model.contagions), (_TRANSITIONS, model.conditions))  # fmt: skip
    absent = [step for step, there in needs if not there]
    steps = [step for step in _STEPS if step not in absent]
    chance = _READS + (_STAYS + _SEED if model.conditions else _SEED.capitalize())
    order = "<ol>" + "".join(f"<li>{step}</li>" for step in steps) + f"</ol><p>{chance}</p>"
    begins = [[html(c.name), f"<code>{html(text_of(c.start.span))}</code>"] for c in model.conditions]
    start = "<h3>Initialisation</h3>" + table(["Condition", "At the start"], begins) if begins else ""
    seen = [[html(o.name), f"<code>{html(text_of(o.span))}</code>", html(o.doc)] for o in model.reported]
    watched = "<h3>Observation</h3>" + table(["Name", "In the model", "About"], seen)
    acts = [[html(spaced(d.name)), html(d.doc), f"<pre>{html(own_words(d))}</pre>"]
            for d in (*model.rules, *model.interventions, *model.scenarios)]  # fmt: skip
    decided = behaviours_table(model)
    minds = f"<h3>Behaviours</h3>{decided}" if decided else ""
    title = "Rules, interventions and scenarios" if model.rules else "Interventions and scenarios"
    done = f"<h3>{title}</h3>" + table(["Name", "About", "In the model"], acts) if acts else ""
    return section("Process overview and scheduling", order + start + watched + minds + done)


def _mermaid(model: m.Model) -> str:
    if not model.conditions:
        return ""
    body = "".join(f"<pre>{html(mermaid(c))}</pre>" for c in model.conditions)
    return f"<details><summary>The states as Mermaid text</summary>{body}</details>"


def mermaid(condition: m.Condition) -> str:
    """The states and exits of a condition as a Mermaid state diagram."""
    names = _mermaid_names(condition)
    named = [f'  state "{mermaid_words(s)}" as {n}' for s, n in zip(condition.states, names, strict=True) if s != n]
    lines = ["stateDiagram-v2", *named, f"  [*] --> {names[condition.start.state]}"]
    for exit_ in condition.exits:
        for branch in exit_.branches:
            words = text_of(exit_.span).split(" to ")[0].removeprefix("from ")
            trigger = words.split(" ", 1)[1] if " " in words else words
            share = f", {text_of(branch.probability.span)}" if branch.probability is not None else ""
            ways = f"{names[exit_.state]} --> {names[branch.to]}"
            lines.append(f"  {ways}: {mermaid_words(trigger + share)}")
    return "\n".join(lines)


def _mermaid_names(condition: m.Condition) -> list[str]:
    """A name for every state: its label where that is a plain word, else a number."""
    words = (s if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", s) else "" for s in condition.states)
    return [word or f"state{k}_" for k, word in enumerate(words)]


def _numbers(model: m.Model, values: dict[str, float]) -> str:
    rows = []
    for p in model.told_parameters:
        prior = f"<code>{html(text_of(p.prior.span))}</code>" if p.prior else ""
        about = "<br>".join(html(x) for x in (p.doc, f"Source: {p.source}" if p.source else "") if x)
        limits = ""
        if p.low is not None and p.high is not None:
            limits = f"{number(p.low / p.scale)} to {number(p.high / p.scale)}"
        rows.append([html(p.name), number(values[p.name] / p.scale), html(p.unit), limits, prior, about])
    head = ["Parameter", "Value", "Unit", "Between", "Prior", "About"]
    return section("Parameters", table(head, rows, frozenset({1})) if rows else "")


# ------------------------------------------------------------------ mathematics


def _on_paper(one: OfCondition) -> str:
    if one.equations is None:
        body = f"<p>No equations: {html(one.no_equations)}.</p>"
    else:
        written = one.equations
        forces = {name: force for name, force in written.forces.items() if force != 0}
        named, short = abbreviated(list(forces.values()))
        rows = [_equal(_mathml(name), force) for name, force in zip(forces, short, strict=True)]
        rows += [_equal(_mathml(name), what) for name, what in named]
        rows += [_equal(_rate_of(name), rate) for name, rate in written.rates.items()]
        remembered = "".join(
            f"<p><code>{html(str(out))}(t) = ∫ inflow(t − a)·f(a) da</code>, f {html(words)}, "
            f"inflow <code>{html(str(inflow))}</code></p>"
            for out, (inflow, words) in written.remembered.items()
        )
        said = "; ".join(written.assumptions)
        body = f"<div class='equations'>{''.join(rows)}</div>{remembered}<p class='soft'>Assuming: {html(said)}.</p>"
    return section(f"{one.name} on paper", body + _reproduction(one))


LONGEST_LINE = 150
"""Characters of an equation, as text with fractions counted once, that fit beside each other on the page."""


def abbreviated(found: list[sp.Expr]) -> tuple[list[tuple[sp.Symbol, Any]], list[Any]]:
    """Names for the sums that long expressions are divided by (who is present) or multiply, and the expressions."""
    if all(len(str(expr)) <= 2 * LONGEST_LINE for expr in found):
        return [], list(found)
    powers = {power for expr in found for power in expr.atoms(sp.Pow)}
    below = sorted({p.base for p in powers if p.exp.is_negative and isinstance(p.base, sp.Add)}, key=str)
    present = {one: sp.Symbol(f"P_{k}") for k, one in enumerate(below, 1)}
    shorter: list[Any] = [expr.xreplace(present) for expr in found]
    products = {product for expr in shorter for product in expr.atoms(sp.Mul)}
    sums = {part for product in products for part in product.args if isinstance(part, sp.Add)}
    factors = sorted((one for one in sums if _width(one) > LONGEST_LINE), key=str)
    named = {one: sp.Symbol(f"F_{k}") for k, one in enumerate(factors, 1)}
    told: list[tuple[sp.Symbol, Any]] = [(name, one) for one, name in (*named.items(), *present.items())]
    return told, [expr.xreplace(named) for expr in shorter]


def _width(expr: Any) -> int:
    """Characters that an expression takes beside each other: a fraction as many as its longer half."""
    if isinstance(expr, sp.Add):
        return sum(_width(term) + 3 for term in expr.args)
    above, below = sp.fraction(expr)
    return max(len(str(above)), len(str(below)))


def _equal(left: str, right: sp.Expr) -> str:
    """``left = right``; a long sum goes on in the next lines."""
    first, *more = lines_of(right)
    rows = f"<mtr><mtd>{left}</mtd><mtd><mo>=</mo></mtd><mtd>{first}</mtd></mtr>"
    rows += "".join(f"<mtr><mtd></mtd><mtd></mtd><mtd>{line}</mtd></mtr>" for line in more)
    return f"<div><math displaystyle='true'><mtable columnalign='right center left'>{rows}</mtable></math></div>"


def lines_of(expr: sp.Expr) -> list[str]:
    """The MathML of an expression in lines: a sum is broken before a sign where the next term would not fit."""
    terms: list[Any] = list(expr.as_ordered_terms())
    lines: list[list[Any]] = [[]]
    length = 0
    for term in terms:
        size = _width(term) + 3
        if lines[-1] and length + size > LONGEST_LINE:
            lines.append([])
            length = 0
        lines[-1].append(term)
        length += size
    sums = [sp.Add(*line) if len(line) > 1 else line[0] for line in lines]
    return [_mathml(sums[0]), *(_continued(one) for one in sums[1:])]


def _continued(expr: Any) -> str:
    """The MathML of a sum's next line, which begins with its sign."""
    begins: Any = expr.as_ordered_terms()[0]
    sign = "" if begins.could_extract_minus_sign() else "<mo>+</mo>"
    return f"<mrow>{sign}{_mathml(expr)}</mrow>"


def _rate_of(variable: sp.Symbol) -> str:
    return f"<mfrac><mrow><mi>d</mi>{_mathml(variable)}</mrow><mrow><mi>d</mi><mi>t</mi></mrow></mfrac>"


def _mathml(expr: sp.Basic) -> str:
    # The printer writes names as they are, tags too.
    strange = (s for s in expr.atoms(sp.Symbol) if mathml(s.name) != s.name)
    spelt = {s: sp.Symbol(mathml(s.name), **s.assumptions0) for s in strange}
    return str(sp.mathml(expr.xreplace(spelt) if spelt else expr, printer="presentation"))


def _reproduction(one: OfCondition) -> str:
    numbers = one.reproduction
    if numbers is None:
        return ""
    r0 = html(numbers.told) if numbers.kept else number(numbers.value)
    rows = [["R0", r0, "largest eigenvalue of the next-generation matrix"],
            ["first infectious person infects", _size(numbers.first_case), "people, on average"],
            ["growth", _size(numbers.growth), "per day"],
            ["growth in the steps of the clock", _size(numbers.growth_in_steps), "per day"],
            ["doubling time", number(numbers.doubling) if numbers.doubling else "–", "days"],
            ["herd immunity", f"{100 * numbers.herd_immunity:.0f} %", "immune"]]  # fmt: skip
    rows += [["", "", html(line)] for line in stops(one.coverage)]
    rows += [[f"by {html(n)}", f"{100 * s:.0f} %", "of infections"] for n, s in numbers.by_network.items()]
    rows += [[f"among {html(g)}", f"{100 * s:.0f} %", "of infections"] for g, s in numbers.by_group.items()]
    formula = _equal(_mathml(sp.Symbol("R_0")), one.formula) if one.formula is not None else ""
    said = f"<p class='soft'>Assuming: {html('; '.join(numbers.assumptions))}.</p>"
    return f"<div class='equations'>{formula}</div>" + table(["What", "Value", ""], rows, frozenset({1})) + said


def _size(value: float) -> str:
    return number(value) if math.isfinite(value) else "–"


def _statements(found: Analysis) -> str:
    rows = [["holds" if s.holds else "<span class='fails'>does not hold</span>", html(s.what), html(s.how),
             html(s.place)] for s in found.statements]  # fmt: skip
    return section("What is known", table(["", "Statement", "How", "Where"], rows) if rows else "")


def _latex(found: Analysis) -> str:
    return f"<details><summary>The equations as LaTeX</summary><pre>{html(as_latex(found))}</pre></details>"

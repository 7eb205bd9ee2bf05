"""Pieces that the pages about a model share: sections, tables, states, networks and the text itself, as HTML."""

from __future__ import annotations

import math

from lpmdsl.escaping import html, plain_lines
from lpmdsl.runtime.reports.state_diagram import state_diagram, text_of
from lpmdsl.semantics.analysis.archetypes import answers_of, most_archetypes
from lpmdsl.semantics.model import Behaviour, Contagion, Intervention, Model, Network, Rule, Scenario
from lpmdsl.source import Source


def spaced(name: str) -> str:
    """Name with spaces for its underscores."""
    return name.replace("_", " ")


def section(title: str, body: str) -> str:
    """HTML of a section; "" without a body."""
    return f"<section><h2>{html(title)}</h2>\n{body}</section>" if body else ""


def table(header: list[str], rows: list[list[str]], numbers: frozenset[int] = frozenset()) -> str:
    """A table of ready HTML cells; columns in ``numbers`` are set to the right, empty ones left out."""
    shown = [k for k in range(len(header)) if any(row[k] for row in rows)]

    def cells(row: list[str], tag: str) -> str:
        marks = [
            ' class="number"' if k in numbers else ' class="name"' if k == 0 and tag == "td" else ""
            for k in range(len(row))
        ]
        return "".join(f"<{tag}{marks[k]}>{row[k]}</{tag}>" for k in shown)

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{cells(header, "th")}</tr></thead><tbody>{body}</tbody></table></div>'


def number(value: float) -> str:
    """Four significant digits, whole numbers whole, thousands apart; a dash for nothing."""
    if math.isnan(value):
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def time_in_words(steps: int, step_days: float) -> str:
    """``120 days in steps of 1 day``: how long a run is and how often it is looked at."""
    return f"{in_words(steps * step_days)} in steps of {in_words(step_days)}"


def in_words(days: float) -> str:
    """A length of time in the largest unit of which it is a whole number: ``6 hours``, ``1 day``, ``2 weeks``."""
    for unit, length in (("week", 7.0), ("day", 1.0), ("hour", 1 / 24), ("minute", 1 / 1440)):
        count = days / length
        if count >= 1 - 1e-9 and abs(count - round(count)) < 1e-9 * max(1.0, count):
            return f"{round(count):,} {unit}{'' if round(count) == 1 else 's'}"
    return f"{days:g} days"


def lower_in_words(share: float, replicates: int) -> str:
    """``in 4 of 5 replicates``: how often the scenario was below its baseline; a dash for the baseline itself."""
    return "–" if math.isnan(share) else f"in {round(share * replicates)} of {replicates} replicates"


def how_joined(network: Network) -> str:
    """HTML of the rule by which a network joins."""
    directed = " directed" if network.directed else ""
    if network.back_of:
        return f"{html(network.back_of)} from the other ends"
    if network.remembers:
        return f"from whom one caught {html(network.remembers)}"
    if network.generator:
        anew = f", redrawn every {in_words(network.redrawn)}" if network.redrawn else ""
        return f"<code>{html(text_of(network.generator.span))}{directed}</code>{anew}"
    if network.file:
        return f"from <code>{html(network.file)}</code>{directed}"
    if network.layout == "place":
        return f"sharing {html(network.place)}"
    return f"at random, mixing by {html(network.mixing)}" if network.mixing else "at random"


def contacts_of(network: Network, model: Model) -> str:
    """HTML of a network's contacts; a dash where nothing passes on it."""
    if network.contacts is None:
        if not any(contagion.spreads_on(network.name) for contagion in model.contagions):
            return "–"
        return "as the mixing table says" if network.mixing else "in the contagion's rate"
    return f"<code>{html(text_of(network.contacts.span))}</code>" + (" per tie" if network.per_tie else "")


def own_words(declaration: Rule | Intervention | Scenario | Behaviour) -> str:
    """Text of a declaration."""
    span = declaration.span
    return span.source.text[span.start : span.end].rstrip()


def behaviours_table(model: Model) -> str:
    """Table of decisions, when, from what and by whom they are taken; "" without behaviours."""
    rows = [
        [
            html(spaced(b.name)),
            html(", ".join(spaced(answer.into) for answer in answers_of(b))),
            f"every {b.every:g} days" if b.every is not None else f"when {', '.join(b.when)} changes",
            html(", ".join(f"{k.slot} ({len(k.labels)})" if k.labels else k.slot for k in b.knows)),
            "a rule"
            if b.rule is not None
            else f"a language model{' and a rule' if b.blends is not None else ''}, "
            f"{most_archetypes(b):,} archetypes at most",
            html(b.doc),
            f"<pre>{html(own_words(b))}</pre>",
        ]
        for b in model.behaviours
        if not b.asked_with
    ]
    head = ["Name", "Decides", "When", "From what (labels)", "By", "About", "In the model"]
    return table(head, rows) if rows else ""


def model_text(source: Source) -> str:
    """HTML of the model's text, folded."""
    body = f"<details><summary>{html(source.name)}</summary>{coloured(source.text)}</details>"
    return section("The model's text", body)


def coloured(text: str) -> str:
    """A model's text as HTML with the language's colours (Pygments escapes it)."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter

    from lpmdsl.colouring.lexer import LpmLexer

    return str(highlight(plain_lines(text), LpmLexer(), HtmlFormatter(nowrap=False)))


def state_sections(model: Model) -> str:
    """HTML of the diagrams of states, one for each condition."""
    parts = []
    for condition in model.conditions:
        contagion = model.contagion_of(condition.name)
        doc = f'<p class="soft">{html(condition.doc)}</p>' if condition.doc else ""
        spread = spread_list(model, contagion) if contagion else ""
        drawn = state_diagram(condition, model.interventions)
        parts.append(f'<h3>{html(condition.name)}</h3>{doc}<div class="wide">{drawn}</div>{spread}')
    return section("States", "".join(parts))


def spread_list(model: Model, contagion: Contagion) -> str:
    """The states that infect others, where, and at what rate."""
    rows = [
        [
            ", ".join(html(model.source_of(contagion, spread).states[s]) for s in spread.states),
            html(spread.network),
            f"<code>{html(text_of(spread.rate.span))}</code>",
        ]
        for spread in contagion.spreads
    ]
    return table(["Spread from", "On", "At"], rows)

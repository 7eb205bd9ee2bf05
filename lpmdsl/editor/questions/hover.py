"""Names explained in Markdown: the declaration, type, value, source and remarks; for a condition its R0."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from lpmdsl.editor.known.analysis import Analysis
from lpmdsl.editor.known.symbols import Occurrence, Symbol
from lpmdsl.editor.questions.hints import in_words
from lpmdsl.editor.questions.hover_words import about_word
from lpmdsl.escaping import markdown, markdown_code
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.source import Span
from lpmdsl.syntax import tree as t

MOST_LINES = 14
"""Lines of a declaration that are shown."""


def hover(
    analysis: Analysis, model: m.Model | None, offset: int, reproduction: Mapping[str, str] | None = None
) -> tuple[Span, str] | None:
    """The name or word at a place and what is known of it, None where there is nothing to say.

    ``model``: that of the text, or of its last state without errors. ``reproduction``: R0 of conditions, in words.
    """
    found = analysis.occurrence_at(offset)
    if found is None:
        return about_word(analysis.source, offset)
    parts = [*_declared(found, analysis), *_known(found, model, reproduction or {})]
    return found.span, "\n\n".join(parts)


# ------------------------------------------------------------------ as it is declared


def _declared(found: Occurrence, analysis: Analysis) -> Iterator[str]:
    symbol = found.symbol
    match symbol.kind:
        case "state":
            yield from _state(found, analysis)
        case "label":
            yield f"label `{_ticked(symbol.name)}` of {markdown(symbol.owner)}"
        case "attribute" | "place":
            yield markdown_code(_line(symbol.span))
            yield f"{symbol.kind} of {markdown(symbol.owner)}"
        case "alias":
            yield f"beginning of the names of a used file: `{_ticked(symbol.name)}_…`"
        case _:
            node = analysis.names.named[symbol.kind].get(found.prefix + symbol.name)
            if node is not None:
                yield markdown_code(_text(node.span))
    doc = _doc(found, analysis)
    if doc:
        yield markdown(doc)
    if symbol.path is not None and symbol.path != analysis.source.path:
        yield f"from {markdown(symbol.span.label)}"


def _ticked(name: str) -> str:
    return name.replace("`", "'")


def _text(span: Span) -> str:
    """The lines of a declaration, the first ones if it is long."""
    lines = span.source.text[span.start : span.end].split("\n")
    return "\n".join(lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 1], "  …"])


def _line(span: Span) -> str:
    return span.source.line(span.line).strip()


def _state(found: Occurrence, analysis: Analysis) -> Iterator[str]:
    symbol = found.symbol
    yield f"state `{_ticked(symbol.name)}` of {markdown(symbol.owner)}"
    condition: t.Condition | None = analysis.names.conditions().get(symbol.owner)
    ways = [e for e in condition.exits if symbol.name in {s.id for s in e.states}] if condition is not None else []
    if ways:
        yield markdown_code("\n".join(_text(e.span) for e in ways))
    elif condition is not None:
        yield "Nobody leaves it."


def _doc(found: Occurrence, analysis: Analysis) -> str:
    symbol = found.symbol
    if symbol.kind in ("attribute", "place"):
        agent: t.Agent | None = analysis.names.agents().get(symbol.owner)
        return next((a.doc for a in agent.attributes if a.name.id == symbol.name), "") if agent is not None else ""
    node = analysis.names.named.get(symbol.kind, {}).get(found.prefix + symbol.name)
    return node.doc if node is not None else ""


# ------------------------------------------------------------------ as it is known when the text is checked


def _known(found: Occurrence, model: m.Model | None, reproduction: Mapping[str, str]) -> Iterator[str]:
    symbol = found.symbol
    name = found.prefix + symbol.name
    if model is None:
        return
    match symbol.kind:
        case "parameter":
            yield from _parameter(name, model)
        case "table":
            yield from (_sourced(f"of {in_words(table.type)}", table) for table in model.tables if table.name == name)
        case "observe":
            yield from (f"**{_unit(o)}**" for o in model.observations if o.name == name)
        case "attribute":
            yield from _attribute(symbol, model)
        case "agent":
            yield from (f"{a.count:,} of them" for a in model.agents if a.name == name and a.count is not None)
        case "condition" if name in reproduction:
            yield markdown(reproduction[name])
        case _:
            pass


def _parameter(name: str, model: m.Model) -> Iterator[str]:
    parts = [p for p in model.parameters if p.family == name]
    if parts:
        values = parameter_values(model)
        shown = parts if len(parts) <= MOST_LINES else parts[: MOST_LINES - 1]
        told = [f"{p.name} {_value(p, values) if m.is_constant(p.default) else in_words(p.type)}" for p in shown]
        yield markdown_code("\n".join(told if shown is parts else [*told, "…"]))
        yield from (f"Source: {markdown(p.source)}" for p in parts[:1] if p.source)
        return
    for parameter in (p for p in model.parameters if p.name == name):
        unit = in_words(parameter.type)
        told = _value(parameter, parameter_values(model)) if m.is_constant(parameter.default) else ""
        yield f"**{markdown(told or unit)}**" + (f" ({markdown(unit)})" if told and unit not in told else "")
        if parameter.source:
            yield f"Source: {markdown(parameter.source)}"


def _value(parameter: m.Parameter, values: Mapping[str, float]) -> str:
    value = float(values.get(parameter.name, math.nan))
    return f"= {value / parameter.scale:.6g} {parameter.unit}".rstrip() if math.isfinite(value) else ""


def _sourced(told: str, table: m.Table) -> str:
    return f"**{markdown(told)}**" + (f"\n\nSource: {markdown(table.source)}" if table.source else "")


def _unit(observation: m.Observation) -> str:
    by = [part for part in observation.groups if part]
    groups = f", {len(by)} groups" if by else ""
    return markdown(f"{in_words(observation.type)}, every {observation.every:g} days{groups}")


def _attribute(symbol: Symbol, model: m.Model) -> Iterator[str]:
    agent = next((a for a in model.agents if a.name == symbol.owner), None)
    for attribute in agent.attributes if agent is not None else ():
        if attribute.name == symbol.name:
            kind = in_words(attribute.type) or str(attribute.type)
            yield f"**{markdown(kind)}**" + (", changes while the model runs" if attribute.is_changed else "")

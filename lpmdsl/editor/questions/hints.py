"""Units that a text does not show: of a value that is worked out, and of a report."""

from __future__ import annotations

from dataclasses import dataclass

from lpmdsl.editor.known.analysis import Analysis
from lpmdsl.quantities import Kind, Type
from lpmdsl.semantics import model as m
from lpmdsl.source import Span
from lpmdsl.syntax import tree as t


@dataclass(frozen=True, slots=True)
class Hint:
    """Words after the character ``at``."""

    at: int
    text: str
    about: str


def hints(analysis: Analysis, model: m.Model | None) -> tuple[Hint, ...]:
    """The units of parameters and attributes that are made by formulas, and of reports.

    ``model``: that of the text, or of its last state without errors.
    """
    if model is None:
        return ()
    parameters, observations = {p.name: p for p in model.parameters}, {o.name: o for o in model.observations}
    found: list[Hint] = []
    for node in analysis.module.declarations:
        match node:
            case t.Parameter() if not isinstance(node.value, t.Quantity) and node.name.id in parameters:
                found += _hint(node.name.span, in_words(parameters[node.name.id].type))
            case t.Observe() if isinstance(node.value, t.Binary | t.Aggregate) and node.name.id in observations:
                found += _hint(node.name.span, in_words(observations[node.name.id].type))
            case _:
                pass
    return tuple(found)


def _hint(name: Span, unit: str) -> list[Hint]:
    return [Hint(name.end, f": {unit}", "worked out from the formula")] if unit else []


def in_words(found: Type) -> str:
    """The unit of a type in base units, ``per day``, ``days``, ``number``; nothing for an unknown type."""
    if found.kind in (Kind.ERROR, Kind.CATEGORY, Kind.PLACE):
        return ""
    if found.kind is Kind.NUMBER:
        told = str(found.dimension)
        return "number" if told == "a pure number" else told
    return found.kind.value

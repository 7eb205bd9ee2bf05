"""Words of assumptions, apart from formulas: what works with numbers alone starts without sympy."""

from __future__ import annotations

from lpmdsl.semantics import model as m
from lpmdsl.source import Span


def written(span: Span) -> str:
    """The text there."""
    return span.source.text[span.start : span.end]


def undecided(model: m.Model) -> list[str]:
    """Assumptions about behaviours, where there are any."""
    names = ", ".join(f"`{name}`" for name in dict.fromkeys(b.into for b in model.behaviours))
    return [f"nobody decides anything: {names} as at the start"] if names else []


def unseen_absence(model: m.Model, condition: m.Condition) -> list[str]:
    """Assumptions about who stays away because of another condition, such as a positive test."""
    said = []
    for other in model.conditions:
        names = dict.fromkeys(n for w in other.whiles for n in w.networks)
        if other.name != condition.name and other.of == condition.of and names:
            said.append(f"nobody stays away from {', '.join(names)} because of {other.name}")
    return said

"""Promises of a model before it runs: proved by algebra, bounded by intervals, worked out, or left to a watch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.archetypes import asks_by_itself, most_archetypes, most_calls, refreshes
from lpmdsl.semantics.analysis.intervals import Knowledge, bounds
from lpmdsl.source import Span
from lpmdsl.theory.wording import written


@dataclass(frozen=True, slots=True)
class Statement:
    """Something that holds, or not: ``how`` it is known and in words what. A watch holds until a run says otherwise."""

    what: str
    holds: bool
    how: str
    place: str


def statements(model: m.Model, parameters: Mapping[str, float]) -> list[Statement]:
    """Shares and chances within 0 and 1, rates not below 0, and what is promised always, whatever parameters may be."""
    known = Knowledge(model, parameters)
    found = dict.fromkeys(_within(words, expr, known, *limits) for words, expr, limits in _limited(model))
    calls = (c for c in model.checks if isinstance(c, m.CheckQuantity) and c.quantity == "calls")
    always = (c for c in model.checks if isinstance(c, m.CheckAlways))
    prompts = (_prompts(b, model) for b in model.behaviours if asks_by_itself(b))
    return [*found, *prompts, *(_calls(c, known) for c in calls), *(_always(c, known) for c in always)]


def _limited(model: m.Model) -> Iterator[tuple[str, m.Expr, tuple[float, float]]]:
    """Every expression that must lie somewhere, with words for what it is."""
    chance, rate = (0.0, 1.0), (0.0, math.inf)
    for condition in model.conditions:
        for exit_ in condition.exits:
            yield from (("share of those who leave", b.probability, chance) for b in exit_.branches if b.probability)
            match exit_.trigger:
                case m.AtRate():
                    yield "rate", exit_.trigger.rate, rate
                case m.Chance():
                    yield "chance", exit_.trigger.probability, chance
                case _:
                    pass
    for contagion in model.contagions:
        yield from (("rate of infection", s.rate, rate) for s in contagion.spreads)
        yield from (("factor", s.factor, rate) for s in contagion.scalings)


def _within(words: str, expr: m.Expr, known: Knowledge, least: float, most: float) -> Statement:
    low, high = bounds(expr, known)
    limits = "between 0 and 1" if most == 1.0 else "not below 0"
    what = f"the {words} `{_line(expr.span)}` is {limits}"
    if least <= low and high <= most + 1e-12:
        return Statement(what, True, "bounded by intervals", expr.span.label)
    return Statement(f"{what}, where it is used", True, "held to it while running", expr.span.label)


def _always(check: m.CheckAlways, known: Knowledge) -> Statement:
    """A promise about every step: proved where intervals decide it, else watched in every run."""
    what = f"always {_line(check.span).removeprefix('check always ')}"
    low, high = bounds(check.test, known)
    if check.high is not None:
        least = bounds(check.low, known)[1] if check.low is not None else -math.inf
        most = bounds(check.high, known)[0]
        proved, impossible = least <= low and high <= most, high < least or low > most
    else:
        proved, impossible = low > 0, high <= 0
    if proved or impossible:
        return Statement(what, proved, "bounded by intervals", check.span.label)
    return Statement(what, True, "watched in every run", check.span.label)


def _prompts(behaviour: m.Behaviour, model: m.Model) -> Statement:
    """Number of different prompts that there can be, whoever the people are."""
    most, times = most_archetypes(behaviour), refreshes(model, behaviour)
    what = f"{behaviour.name} asks about at most {most:,} archetypes at a time, at most {times:,} times in a run"
    return Statement(what, True, "by the number of archetypes", behaviour.span.label)


def _calls(check: m.CheckQuantity, known: Knowledge) -> Statement:
    """Questions of a behaviour in a run: proved where all its archetypes together stay below, else counted."""
    behaviour = known.model.behaviour(check.of)
    most, limit = most_calls(known.model, behaviour), bounds(check.high, known)[0]
    what = f"{_line(check.span).removeprefix('check ')} (there can be {most:,})"
    how = "by the number of archetypes" if most <= limit else "counted in every run"
    return Statement(what, True, how, check.span.label)


def _line(span: Span) -> str:
    return " ".join(written(span).split())

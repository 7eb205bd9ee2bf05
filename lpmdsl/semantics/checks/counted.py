"""Running totals of counts, and counts per 100 000 people: formulas of a count that is not reported itself."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import reduce

from lpmdsl.quantities import NUMBER, PERSON, TIME, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context, fresh_name
from lpmdsl.source import Span
from lpmdsl.syntax import tree

PEOPLE = Type(Kind.NUMBER, PERSON)


def told(
    ctx: Context, value: tree.Flow | tree.Spending, counted: model.Observation | None, kinds: set[str]
) -> model.Observation | None:
    """The observation as it is written: the count itself, or a formula of it and of people of the ``kinds``.

    The count then stays for the model alone, under a name made of that of the observation: what is thinned or delayed
    is drawn by it, so no other observation changes the draws.
    """
    if counted is None or not kinds or not (value.is_cumulative or value.among is not None):
        return counted
    hidden = _kept(ctx, "counted", counted)
    span, unit, scale = value.span, counted.unit, counted.scale
    formula: model.Expr = model.ObservationRef(hidden.name, None, hidden.type, span)
    if value.is_cumulative:
        unit, scale = "people", 1.0
        formula = model.Rolling(hidden.name, math.inf, None, PEOPLE, span, "total")
    if value.among is not None:
        type_ = NUMBER if value.is_cumulative else Type(Kind.NUMBER, NUMBER.dimension / TIME)
        people = _people(ctx, counted, sorted(kinds), span)
        many = model.Literal_(value.among.value, PEOPLE, value.among.span)
        each = model.Apply("div", (many, people), NUMBER, span)
        formula = model.Apply("mul", (formula, each), type_, span)
        per = f"per {value.among.value:,.0f}"
        unit = per if value.is_cumulative else f"{unit} {per}"
    return replace(
        counted, of="", value=model.Derived(formula), where=None, thinned=None, delayed=None, unit=unit, scale=scale,
        type=formula.type,
    )  # fmt: skip


def _people(ctx: Context, counted: model.Observation, kinds: list[str], span: Span) -> model.Expr:
    """All of the kinds; of a count of some, or by groups, those of each group who could be counted, at the report."""
    if counted.where is None and not counted.by:
        whole: list[model.Expr] = [model.Population(kind, PEOPLE, span) for kind in kinds]
        return reduce(lambda a, b: model.Apply("add", (a, b), PEOPLE, span), whole)
    everybody = model.Level(model.Aggregate("count", counted.of, None, None, None, PEOPLE, span))
    people = _kept(ctx, "people", replace(
        counted, value=everybody, thinned=None, delayed=None, unit="people", scale=1.0, type=PEOPLE,
    ))  # fmt: skip
    return model.ObservationRef(people.name, None, PEOPLE, span)


def _kept(ctx: Context, what: str, counted: model.Observation) -> model.Observation:
    """The observation under a name of its own, for the model alone."""
    name = fresh_name(f"{counted.name}_{what}", ctx.observed(), bare=True)
    hidden = replace(counted, name=name, doc="", is_hidden=True)
    ctx.counts.append(hidden)
    ctx.observations[name] = hidden
    return hidden

"""Changes, estimates and promises without effect: scenarios, estimates, checks and stops."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from lpmdsl.diagnostics import Report
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.archetypes import resting
from lpmdsl.semantics.analysis.dependencies import parameters_behind, parameters_in
from lpmdsl.semantics.analysis.intervals import Knowledge, bounds
from lpmdsl.semantics.analysis.possible_tests import can_hold
from lpmdsl.semantics.analysis.vertices import constant, view
from lpmdsl.semantics.context import text_of
from lpmdsl.semantics.operators import OPERATORS
from lpmdsl.semantics.spans import word_span


def check_unmoved(checked: model.Model, report: Report) -> None:
    """Report changes, estimates, moves, stops and promises that cannot make a difference."""
    known = Knowledge(checked, view(checked).values)
    for scenario in checked.scenarios:
        _scenario(checked, scenario, known, report)
    for fit in checked.calibrations:
        _estimates(checked, fit, report)
    for intervention in checked.interventions:
        _stops(intervention, known, report)
        for block in intervention.repeated:
            _moves(checked, intervention, block, known, report)
    for promise in checked.checks:
        if isinstance(promise, model.CheckAlways):
            _broken_at_start(promise, replace(known, at_start=True), report)


# ------------------------------------------------------------------ scenarios


def _scenario(checked: model.Model, scenario: model.Scenario, known: Knowledge, report: Report) -> None:
    kept = tuple(i for i in checked.interventions if i.name not in scenario.without)
    off = resting(checked, scenario.name)
    deciding = tuple(b for b in checked.behaviours if b.name not in off)
    parts = (checked.agents, checked.networks, checked.conditions, checked.contagions, checked.observations)
    ruling = tuple(r for r in checked.rules if r.name not in scenario.without)
    everything = (*parts, kept, deciding, ruling)
    own, tables = known.values, view(checked).tables
    for name, value in scenario.changes:
        new = _values_with(checked, name, constant(value, own, tables))
        moved = {p for p in own if not math.isclose(new[p], own[p], rel_tol=1e-12, abs_tol=0.0)}
        readers = [e for e in model.whole_expressions(everything) if moved & parameters_in(e)]
        is_told_elsewhere = name not in moved or not any(_read_at_all(checked, p) for p in moved)
        if not is_told_elsewhere and not any(_differs(e, own, new, tables) for e in readers):
            report.add(
                "E0708",
                f"Changing `{name}` changes nothing in `{scenario.name}`: {_why(readers, name)}.",
                value.span,
                "Write another value, change something else, or leave the change out.",
            )


def _why(readers: list[model.Expr], name: str) -> str:
    if not readers:
        return f"what reads `{name}` is left out of this scenario"
    return f"{text_of(readers[0].span)} is the same as before"


def _read_at_all(checked: model.Model, parameter: str) -> bool:
    """Else nothing reads it, which is reported elsewhere."""
    parts = (checked.agents, checked.networks, checked.conditions, checked.contagions, checked.observations)
    return parameter in parameters_in((*parts, checked.interventions, checked.behaviours, checked.rules))


def _values_with(checked: model.Model, name: str, value: float) -> dict[str, float]:
    values: dict[str, float] = {}
    tables = view(checked).tables
    for parameter in checked.parameters:
        own = constant(parameter.default, values, tables)
        values[parameter.name] = value if parameter.name == name else own
    return values


def _differs(expr: model.Expr, own: Mapping[str, float], new: Mapping[str, float], tables: Mapping) -> bool:
    """Return True if other parameters can change a value: by numbers if they alone decide a part, else by its parts."""
    before, after = constant(expr, own, tables), constant(expr, new, tables)
    if not math.isnan(before) and not math.isnan(after):
        return before != after
    if isinstance(expr, model.ParameterRef):
        return math.isnan(before) != math.isnan(after)  # one that varies with time, and one that is set
    return any(_differs(part, own, new, tables) for part in model.children(expr))


# ------------------------------------------------------------------ estimates


def _estimates(checked: model.Model, fit: model.Calibrate, report: Report) -> None:
    if not fit.fits:
        return
    seen = _behind(checked, fit)
    for name in fit.estimate:
        if name not in seen:
            fitted = ", ".join(f"`{f.observation}`" for f in fit.fits)
            report.add(
                "E0907",
                f"`{name}` cannot move {fitted}: whatever it is, the fit is the same.",
                word_span(fit.span, name),
                f"Fit an observation that `{name}` has a part in, or do not estimate it.",
            )


def _behind(checked: model.Model, fit: model.Calibrate) -> set[str]:
    """The parameters that what is fitted hangs on, and those that the priors of the estimated among them read."""
    observed, likelihoods = {f.observation for f in fit.fits}, tuple(f.likelihood for f in fit.fits)
    seen: set[str] = set()
    while True:
        priors = tuple(checked.parameter(name).prior for name in fit.estimate if name in seen)
        found = parameters_behind(checked, observed, (*likelihoods, *priors))
        if found == seen:
            return seen
        seen = found


# ------------------------------------------------------------------ interventions


def _stops(it: model.Intervention, known: Knowledge, report: Report) -> None:
    if not isinstance(it.stops, model.Crossing):
        return
    stops, starts = it.stops, it.starts
    (low, high), (least, most) = bounds(stops.value, known), bounds(stops.level, known)
    if high <= least if stops.rises else low >= most:
        way = "rise above" if stops.rises else "fall below"
        report.add(
            "E0720",
            f"`{it.name}` can never stop: {text_of(stops.value.span)} cannot {way} {text_of(stops.level.span)}.",
            stops.span,
            "Write a level that it can reach.",
        )
    elif isinstance(starts, model.Crossing) and _is_same(starts, stops) and starts.rises != stops.rises:
        start = bounds(starts.level, known)
        if start[1] < least if starts.rises else start[0] > most:
            between = "between the two levels"
            report.add(
                "E0720",
                f"`{it.name}` stops at once: {between}, {text_of(stops.value.span)} has crossed the one that starts it "
                "and the one that stops it.",
                stops.span,
                "Exchange the levels: the one that stops it lies on the other side of the one that starts it.",
            )


def _is_same(a: model.Crossing, b: model.Crossing) -> bool:
    return text_of(a.value.span).split() == text_of(b.value.span).split()


def _moves(
    checked: model.Model, it: model.Intervention, block: model.Repeated, known: Knowledge, report: Report
) -> None:
    for action in (a for a in block.done if isinstance(a, model.ForceMove)):
        condition = checked.condition(action.condition)
        elsewhere = (s for s in range(len(condition.states)) if s != action.state)
        here = (replace(known, states={condition.name: frozenset({s})}) for s in elsewhere)
        if block.where is not None and not any(can_hold(block.where, k) for k in here):
            report.add(
                "E0707",
                f"`{it.name}` moves people to `{condition.states[action.state]}` who are there already, which does "
                "nothing.",
                action.span,
                "Choose people in another state, or move them to another.",
            )


# ------------------------------------------------------------------ promises


def _broken_at_start(promise: model.CheckAlways, known: Knowledge, report: Report) -> None:
    low, high = bounds(promise.test, known)
    if promise.high is None:
        broken = high <= 0
    else:
        least = bounds(promise.low, known)[0] if promise.low is not None else -math.inf
        broken = high < least or low > bounds(promise.high, known)[1]
    if broken:
        report.add(
            "E0904",
            f"{text_of(promise.test.span)} does not hold at the start{_numbers(promise.test, known)}.",
            promise.test.span,
            "Promise what is true from the first moment on, or start people in other states.",
        )


def _numbers(test: model.Expr, known: Knowledge) -> str:
    """``: 2,975 >= 3,000`` where both sides are known then."""
    if not isinstance(test, model.Apply) or len(test.arguments) != 2:
        return ""
    sides = [bounds(a, known) for a in test.arguments]
    row = OPERATORS.get(test.op)
    if row is None or row.gives != "comparison" or any(low != high for low, high in sides):
        return ""
    return f": {sides[0][0]:,.6g} {row.spelling} {sides[1][0]:,.6g}"

"""The findings of ``lpmc analyse`` about a model: one plain object, from which text, JSON and LaTeX are made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy as sp

from lpmdsl.escaping import comment, json_number, json_text
from lpmdsl.insight.promises import Statement, statements
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.theory.agreement import agreed_formula
from lpmdsl.theory.coverage import Coverage, coverage
from lpmdsl.theory.equations import Equations, equations
from lpmdsl.theory.formulas import NoFormula, tex
from lpmdsl.theory.reproduction import FASTEST, Reproduction, reproduction, samples_of
from lpmdsl.theory.sources import NotFinite


@dataclass(frozen=True, slots=True)
class OfCondition:
    """Equations, R0 as a formula and R0 in numbers of one condition; where one of them is missing, why. A formula gives
    the number beside it."""

    name: str
    equations: Equations | None
    no_equations: str
    formula: sp.Expr | None
    no_formula: str
    reproduction: Reproduction | None
    no_numbers: str = ""
    coverage: Coverage = field(default_factory=Coverage)


@dataclass(frozen=True, slots=True)
class Analysis:
    """Findings about a whole model."""

    model: str
    conditions: tuple[OfCondition, ...]
    statements: tuple[Statement, ...]


def analysis(model: m.Model, parameters: Mapping[str, float], seed: int = 1) -> Analysis:
    """The analysis of a checked model at some values of its parameters."""
    found = tuple(_of(model, c, parameters, seed) for c in model.conditions)
    known = (*_conserved(found, model), *_promises(model, found, parameters), *statements(model, parameters))
    return Analysis(model.name, found, known)


def _of(model: m.Model, condition: m.Condition, parameters: Mapping[str, float], seed: int) -> OfCondition:
    written, why_not, closed, why_open = None, "", None, ""
    try:
        written = equations(model, condition, parameters)
    except NoFormula as reason:
        why_not = str(reason)
    if not model.is_passed_on(condition.name):
        return OfCondition(condition.name, written, why_not, None, "it is not passed on", None)
    try:
        samples = samples_of(model, condition, parameters, seed)
        numbers = reproduction(model, condition, parameters, seed, samples)
    except ValueError as reason:
        why_none = (
            str(reason) if isinstance(reason, NotFinite) else f"a rate depends on what only a run knows ({reason})"
        )
        return OfCondition(condition.name, written, why_not, None, why_none, None, why_none)
    try:
        closed = agreed_formula(model, condition, parameters, samples, numbers.value)
    except NoFormula as reason:
        why_open = str(reason)
    stops = coverage(model, condition, parameters, seed)
    return OfCondition(condition.name, written, why_not, closed, why_open, numbers, "", stops)


def _conserved(found: tuple[OfCondition, ...], model: m.Model) -> list[Statement]:
    """Statements that the rates of change of all states add up to nothing, by algebra."""
    shown: list[Statement] = []
    for one in found:
        if one.equations is not None:
            total = sp.expand(sum(one.equations.rates.values(), sp.Integer(0)))
            words = f"nobody appears in or vanishes from {one.name}: its rates of change add up to {total}"
            place = model.condition(one.name).span.label
            shown.append(Statement(words, total == 0, "proved by algebra", place))
    return shown


def _promises(model: m.Model, found: tuple[OfCondition, ...], parameters: Mapping[str, float]) -> list[Statement]:
    """``check R0 of … between … and …``"""
    shown: list[Statement] = []
    scope = Scope(model, parameters, idle=True)
    for promise in (c for c in model.checks if isinstance(c, m.CheckQuantity) and c.quantity == "R0"):
        numbers = next((o.reproduction for o in found if o.name == promise.of), None)
        if numbers is None:
            words = f"{promise.quantity} of {promise.of} cannot be worked out, so what is promised of it is not known"
            shown.append(Statement(words, False, "not known", promise.span.label))
            continue
        low = float(evaluate(promise.low, scope)) if promise.low is not None else 0.0
        high = float(evaluate(promise.high, scope))
        words = f"{promise.quantity} of {promise.of} is {numbers.told}, promised between {low:g} and {high:g}"
        shown.append(Statement(words, low <= numbers.value <= high, "worked out", promise.span.label))
    return shown


# ------------------------------------------------------------------ printed


def as_json(found: Analysis) -> str:
    """One object: ``equations`` (LaTeX lines by condition), ``r0`` by condition, ``conserved``, ``proofs``."""
    told = {
        "model": found.model,
        "equations": {c.name: c.equations.latex() if c.equations else [] for c in found.conditions},
        "without_equations": {c.name: c.no_equations for c in found.conditions if c.no_equations},
        "without_r0": {c.name: c.no_numbers for c in found.conditions if c.no_numbers},
        "r0": {c.name: _numbers(c) for c in found.conditions if c.reproduction},
        "conserved": all(s.holds for s in found.statements if s.how == "proved by algebra"),
        "proofs": [{"what": s.what, "holds": s.holds, "how": s.how, "place": s.place} for s in found.statements],
    }
    return json_text(told, indent=1)


def _numbers(one: OfCondition) -> dict[str, object]:
    numbers = one.reproduction
    assert numbers is not None
    return {
        "value": json_number(numbers.value), "first_case": json_number(numbers.first_case),
        "expression": str(one.formula) if one.formula is not None else None, "why_no_expression": one.no_formula,
        "infectious_without_end": numbers.kept,
        "by_network": dict(numbers.by_network), "by_group": dict(numbers.by_group),
        "growth_per_day": json_number(numbers.growth), "growth_in_steps_per_day": json_number(numbers.growth_in_steps),
        "doubling_days": numbers.doubling, "herd_immunity": numbers.herd_immunity,
        "critical_coverage": dict(one.coverage.needed), "without_coverage": dict(one.coverage.unknown),
        "matrix": [[json_number(x) for x in row] for row in numbers.matrix.tolist()],
        "types": [list(t) for t in numbers.types], "assumptions": list(numbers.assumptions),
    }  # fmt: skip


def as_latex(found: Analysis) -> str:
    """The equations of every condition in ``align*``, and R0 where it is a formula."""
    lines: list[str] = []
    for one in found.conditions:
        lines += ["% " + comment(f"{one.name}: {one.no_equations}" if one.no_equations else one.name, 1000)]
        rows = [row.replace(" = ", " &= ", 1) for row in one.equations.latex()] if one.equations else []
        if one.formula is not None:
            rows.append(rf"R_0 &= {tex(one.formula)}")
        if rows:
            lines += [r"\begin{align*}", " \\\\\n".join(rows), r"\end{align*}"]
    return "\n".join(lines)


def as_text(found: Analysis) -> list[str]:
    """Lines for a terminal."""
    lines: list[str] = []
    for one in found.conditions:
        lines += [f"{one.name}", *_equation_lines(one)]
        if one.reproduction is not None:
            lines += _reproduction_lines(one, one.reproduction)
        elif one.no_numbers:
            lines.append(f"  no R0: {one.no_numbers}")
        lines.append("")
    lines += [f"{'holds' if s.holds else 'DOES NOT HOLD'} ({s.how}, {s.place}): {s.what}" for s in found.statements]
    return lines


def _equation_lines(one: OfCondition) -> list[str]:
    if one.equations is None:
        return [f"  no equations: {one.no_equations}"]
    written = one.equations
    lines = [f"  {name} = {force}" for name, force in written.forces.items() if force != 0]
    lines += [f"  d{x}/dt = {rate}" for x, rate in written.rates.items()]
    lines += [f"  {out}(t) = ∫ inflow(t − a)·f(a) da, f {words}; inflow = {inflow}"
              for out, (inflow, words) in written.remembered.items()]  # fmt: skip
    return [*lines, "  assuming: " + "; ".join(written.assumptions)]


def _reproduction_lines(one: OfCondition, numbers: Reproduction) -> list[str]:
    lines = [f"  {_r0_line(one, numbers)}"]
    lines.append(f"  the first infectious person infects {_count(numbers.first_case)}")
    lines.append("  by network: " + ", ".join(f"{n} {100 * s:.0f} %" for n, s in numbers.by_network.items()))
    if len(numbers.by_group) > 1:
        lines.append("  by group: " + ", ".join(f"{g} {100 * s:.0f} %" for g, s in numbers.by_group.items()))
    lines.append(f"  {pace(numbers)}")
    if abs(numbers.lost_to_steps) >= 0.01:
        apart = f"{abs(100 * numbers.lost_to_steps):.0f} % {'less' if numbers.lost_to_steps > 0 else 'more'}"
        lines.append(f"  in the steps of the clock {numbers.growth_in_steps:+.3g} per day, {apart} (an estimate)")
    immune = f"at {100 * numbers.herd_immunity:.0f} % immune"
    lines.append(f"  herd immunity {immune if numbers.herd_immunity < 1 else 'only where everybody is immune'}")
    lines += [f"  {line}" for line in stops(one.coverage)]
    return [*lines, "  assuming: " + "; ".join(numbers.assumptions)]


def _r0_line(one: OfCondition, numbers: Reproduction) -> str:
    if numbers.kept:
        return f"no R0: it is without end, since some who are infectious never leave {numbers.kept}"
    closed = f" = {one.formula}" if one.formula is not None else f" (no formula: {one.no_formula})"
    return f"R0 = {numbers.told}{closed}"


def _count(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "others without end"


def pace(numbers: Reproduction) -> str:
    """Statements of how fast an outbreak grows or declines."""
    if numbers.doubling is not None:
        return f"growth {numbers.growth:+.3g} per day: doubles every {numbers.doubling:.3g} days"
    if math.isfinite(numbers.growth):
        return f"growth {numbers.growth:+.3g} per day: does not grow"
    if numbers.growth > 0:
        return f"grows by more than {FASTEST:g} per day"
    slowly = "it dies out, at last more slowly than any exponential" if math.isnan(numbers.growth) else ""
    return f"does not grow: {slowly or 'hardly anybody infects anybody'}"


def stops(found: Coverage) -> list[str]:
    """The shares at which an outbreak stops, or why they cannot be said."""
    lines = [f"stops if {percent(share)} are {name}, whoever they are" if share <= 1 else f"{name} alone cannot stop it"
             for name, share in found.needed.items()]  # fmt: skip
    return lines + [f"which share of {name} stops it is not known: {why}" for name, why in found.unknown.items()]


def percent(share: float) -> str:
    """``62.5 %``: three digits, none of them a 0 at the end."""
    return f"{100 * share:.3g} %"

"""Expressions of the Model as sympy formulas: parameters and table entries by name, people by their group."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import sympy as sp

from lpmdsl.escaping import latex
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.evaluate import apply
from lpmdsl.semantics.operators import BUILT_IN, OPERATORS
from lpmdsl.source import Span
from lpmdsl.theory.wording import written

DIGITS = 15
"""A whole number in a formula has no more digits; what is longer is a decimal fraction."""
HIGHEST_POWER = 64
SHORT = 60
"""Operations of a formula that is put into its simplest form; a longer one stays as it was made."""
LONGEST = 400
"""Operations of an equation that somebody may still want to read; of R0, ``SHORT``."""


class NoFormula(ValueError):
    """Something only a run knows, that differs from person to person in too many ways, or that nobody would read."""


class NotDecided(NoFormula):
    """A comparison whose outcome hangs on the person or on the time."""


def _truth(relation: object) -> sp.Expr:
    if relation in (sp.true, sp.false):
        return sp.Integer(1 if relation == sp.true else 0)
    raise NotDecided


@dataclass(frozen=True, slots=True)
class Group:
    """People alike in everything that the equations ask for: attribute → code. ``label``: ``child``, ``child_yes``."""

    label: str
    codes: Mapping[str, int] = field(default_factory=dict)

    def symbol(self, name: str) -> sp.Symbol:
        """``S`` or ``S_child``."""
        return sp.Symbol(f"{name}_{self.label}" if self.label else name, nonnegative=True)


def formula(expr: m.Expr, model: m.Model, group: Group, inside: Mapping[str, int]) -> sp.Expr:
    """The formula for one of a group. ``inside``: condition → the state that it is in. Raises ``NoFormula``."""

    def again(part: m.Expr) -> sp.Expr:
        return formula(part, model, group, inside)

    match expr:
        case m.Literal_():
            return number(float(expr.value), expr.span)
        case m.ParameterRef():
            return _parameter(model, expr.name)
        case m.AttributeRef() if expr.name in group.codes:
            return sp.Integer(group.codes[expr.name])
        case m.InState() if expr.condition in inside:
            return sp.Integer(int(inside[expr.condition] in expr.states))
        case m.StateOf() if expr.condition in inside:
            return sp.Integer(inside[expr.condition])
        case m.TableRef():
            return entry(model, expr.table, [again(key) for key in expr.keys])
        case m.Population():
            return sp.Symbol("N", positive=True)
        case m.Time():
            return sp.Symbol("t", nonnegative=True)
        case m.IsActive():
            return sp.Integer(0)
        case m.Follows():
            return sp.Integer(1)
        case m.Apply():
            return _applied(expr, [sp.sympify(again(a)) for a in expr.arguments])
        case _:
            raise NoFormula(f"`{written(expr.span)}` differs from person to person, or is known to a run alone")


def number(value: float, span: Span) -> sp.Expr:
    """A short fraction that is the number to its last bits, else its decimals. ``NoFormula`` if it is not finite."""
    if not math.isfinite(value):
        raise NoFormula(f"`{written(span)}` is no finite number")
    fraction = Fraction(value).limit_denominator(10**6)
    # A rate per year is written in days: the quotient may be off by a bit from the fraction that was meant.
    exact = fraction if math.isclose(float(fraction), value, rel_tol=5e-16, abs_tol=0.0) else Fraction(repr(value))
    return sp.Rational(exact.numerator, exact.denominator) if _is_short(exact) else sp.Float(value, 17)


def _is_short(value: Fraction | sp.Rational) -> bool:
    return max(abs(int(value.numerator)), int(value.denominator)) < 10**DIGITS


def _made(op: str, arguments: list[sp.Expr]) -> sp.Expr:
    found = BUILT_IN[op].symbolic(sp, *arguments)
    return _truth(found) if op in OPERATORS and OPERATORS[op].gives == "comparison" else found


def _applied(expr: m.Apply, arguments: list[sp.Expr]) -> sp.Expr:
    """An operation on formulas. On numbers alone it is worked out in floats first: exact powers and floors of large
    numbers would have more digits than a machine holds."""
    exponent = arguments[1] if expr.op == "pow" else sp.Integer(1)
    too_high = exponent.is_number and abs(float(exponent)) > HIGHEST_POWER
    if any(a.free_symbols for a in arguments):
        if too_high:
            raise NoFormula(f"the power `{' '.join(written(expr.span).split())}` is too high to write out")
        try:
            return _made(expr.op, arguments)
        except NotDecided:
            text = " ".join(written(expr.span).split())
            raise NoFormula(f"what `{text}` decides differs from person to person, or changes with time") from None
    value = float(apply(expr, [np.float64(float(a)) for a in arguments]))
    if too_high or not (value == 0 or 1e-15 < abs(value) < 1e15):
        return number(value, expr.span)
    found = sp.sympify(_made(expr.op, arguments))
    return number(value, expr.span) if found.is_Rational and not _is_short(found) else found  # type: ignore[arg-type]


def short(expr: sp.Expr) -> sp.Expr:
    """The simplest form. Raises ``NoFormula`` for what nobody would read."""
    operations = int(sp.count_ops(expr))
    if operations <= LONGEST:
        expr = sp.sympify(sp.simplify(expr) if operations <= 2 * SHORT else sp.cancel(expr))
        operations = int(sp.count_ops(expr))
    if operations > SHORT:
        raise NoFormula(f"it would have {operations:,} operations")
    if any(not _is_short(r) for r in expr.atoms(sp.Rational)):
        raise NoFormula("its numbers would have too many digits")
    return expr


def _parameter(model: m.Model, name: str) -> sp.Symbol:
    parameter = model.parameter(name)
    return sp.Symbol(name, positive=True) if parameter.low is None or parameter.low >= 0 else sp.Symbol(name, real=True)


def entry(model: m.Model, table: str, keys: list[sp.Expr]) -> sp.Expr:
    """``hospital_risk_child``: an entry of a table by its labels; its number if that is 0."""
    found = model.table(table)
    codes = [int(k) for k in keys if k.is_Integer]
    if len(codes) != len(keys):
        raise NoFormula(f"`{table}` is read at something that is not a group")
    position, labels = 0, [table]
    for code, names in zip(codes, found.keys, strict=True):
        position = position * len(names) + code
        labels.append(names[code])
    value = found.values[position]
    return sp.Symbol("_".join(labels), positive=True) if value else sp.Integer(0)


def values_of(model: m.Model, parameters: Mapping[str, float], expressions: list[sp.Expr]) -> dict[sp.Symbol, float]:
    """The numbers of the parameters and table entries that formulas name."""
    known: dict[str, float] = dict(parameters)
    for table in model.tables:
        for position, value in enumerate(table.values):
            labels, rest = [], position
            for names in reversed(table.keys):
                labels.insert(0, names[rest % len(names)])
                rest //= len(names)
            known["_".join([table.name, *labels])] = value
    symbols = {s for e in expressions for s in e.free_symbols if isinstance(s, sp.Symbol)}
    return {s: known[s.name] for s in symbols if s.name in known}


def tex(expr: sp.Expr) -> str:
    """LaTeX, with names of several letters upright and what follows their first underscore as an index."""
    return sp.latex(expr, symbol_names={s: _upright(str(s)) for s in expr.free_symbols})


def _upright(name: str) -> str:
    stem, _, index = name.partition("_")
    greek = stem in ("alpha", "beta", "gamma", "delta", "kappa", "lambda", "mu", "nu", "rho", "sigma", "tau")
    head = "\\" + stem if greek else stem if stem.isalpha() and len(stem) == 1 else rf"\mathrm{{{latex(stem)}}}"
    return rf"{head}_{{\mathrm{{{latex(index)}}}}}" if index else head


def is_groupable(ref: m.AttributeRef) -> bool:
    """Return True if an attribute has few values, so that people can be grouped by it."""
    return ref.type.kind in (Kind.CATEGORY, Kind.BOOLEAN)

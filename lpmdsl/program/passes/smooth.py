"""Arithmetic of Programs that are differentiated: floating point is no contract there, so 0 and 1 are folded too."""

from __future__ import annotations

from functools import reduce

from lpmdsl.program.ir import Apply, Const, KExpr
from lpmdsl.program.nodes import number, real
from lpmdsl.program.passes.simplify import fold
from lpmdsl.program.rewrite import map_expression

ONE, ZERO = number(1.0), number(0.0)


def simple(expr: KExpr) -> KExpr:
    """An expression with constants folded, those of floating point as well."""
    return map_expression(expr, _fold)


def _fold(expr: KExpr) -> KExpr:
    expr = fold(expr)
    if not isinstance(expr, Apply) or expr.dtype != "f64":
        return expr
    match expr.op, expr.args:
        case "mul", (Const(value=1.0), a) | (a, Const(value=1.0)):
            return a
        case "mul", (Const(value=0.0), _) | (_, Const(value=0.0)):
            return ZERO
        case "add", (Const(value=0.0), a) | (a, Const(value=0.0)):
            return a
        case "sub", (a, Const(value=0.0)):
            return a
        case "to_f64", (Const(value=value),):
            return number(float(value))
        case (("add" | "sub" | "mul"), (Const(value=a), Const(value=b))):
            return number({"add": a + b, "sub": a - b, "mul": a * b}[expr.op])
        case _:
            return expr


def times(*factors: KExpr) -> KExpr:
    """Simplified product."""
    return simple(reduce(lambda a, b: real("mul", a, b), factors))


def plus(*terms: KExpr) -> KExpr:
    """Simplified sum; 0 of nothing."""
    return simple(reduce(lambda a, b: real("add", a, b), terms)) if terms else ZERO


def minus(a: KExpr, b: KExpr) -> KExpr:
    """Simplified difference."""
    return simple(real("sub", a, b))


def truth(value: KExpr) -> KExpr:
    """A truth value as 1.0 or 0.0."""
    value = simple(value)
    if value.dtype == "f64":
        return value
    return simple(Apply("select", (value, ONE, ZERO), "f64"))

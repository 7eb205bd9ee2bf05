"""Reverse-mode derivatives of kernel expressions: adjoints of the operands from that of the result."""

from __future__ import annotations

from collections.abc import Callable

from lpmdsl.lowering.relaxed.chances import ZERO, simple
from lpmdsl.program.ir import CASTS, COMPARISONS, INTEGER, LOGIC, Apply, Const, KExpr, Load, Var
from lpmdsl.program.nodes import number, real, test

Receive = Callable[[KExpr, KExpr], None]
"""Called with a leaf (a local or an element) and its adjoint."""


def times(a: KExpr, b: KExpr) -> KExpr:
    """Simplified product."""
    return simple(real("mul", a, b))


def over(a: KExpr, b: KExpr) -> KExpr:
    """Simplified quotient."""
    return simple(real("div", a, b))


def chosen(truth: KExpr, yes: KExpr, no: KExpr) -> KExpr:
    """Simplified choice between two numbers."""
    return simple(Apply("select", (truth, yes, no), "f64"))


def pull_back(
    expr: KExpr, derivative: KExpr, is_active: Callable[[KExpr], bool], receive: Receive,
    name: Callable[[KExpr], KExpr], itself: KExpr | None = None,
) -> None:  # fmt: skip
    """Pass its part of the adjoint ``derivative`` to every active leaf of ``expr``.

    ``name``: puts an expression into a local, so that nothing is written out twice. ``itself``: a local that holds the
    value of ``expr``, where there is one. Comparisons, casts and indices have no derivative.
    """
    if not is_active(expr):
        return
    if isinstance(expr, Var | Load):
        receive(expr, derivative)
        return
    assert isinstance(expr, Apply)
    derivative = name(derivative)
    for argument, part in zip(expr.args, _parts(expr, derivative, itself), strict=True):
        if part is not None and is_active(argument):
            pull_back(argument, part, is_active, receive, name)


def _parts(expr: Apply, derivative: KExpr, itself: KExpr | None) -> tuple[KExpr | None, ...]:
    """Adjoints of the arguments from that of the expression (``derivative``); None where there is none."""
    args, value = expr.args, itself if itself is not None else expr
    match expr.op:
        case "add":
            return derivative, derivative
        case "sub":
            return derivative, _negative(derivative)
        case "mul":
            return times(derivative, args[1]), times(derivative, args[0])
        case "div":
            return over(derivative, args[1]), _negative(over(times(derivative, value), args[1]))
        case "neg":
            return (_negative(derivative),)
        case "exp":
            return (times(derivative, value),)
        case "log":
            return (over(derivative, args[0]),)
        case "sqrt":
            return (over(derivative, times(number(2.0), value)),)
        case "sin":
            return (times(derivative, real("cos", args[0])),)
        case "cos":
            return (_negative(times(derivative, real("sin", args[0]))),)
        case "abs":
            return (chosen(test("lt", args[0], ZERO), _negative(derivative), derivative),)
        case "min" | "max" | "minimum" | "maximum":
            # The second where it beats the first, as the value itself is chosen.
            second = test("lt" if expr.op in ("min", "minimum") else "gt", args[1], args[0])
            return chosen(second, ZERO, derivative), chosen(second, derivative, ZERO)
        case "select":
            return None, chosen(args[0], derivative, ZERO), chosen(args[0], ZERO, derivative)
        case "to_f64" if args[0].dtype == "f64":
            return (derivative,)
        case _:
            assert expr.op in FLAT, f"{expr.op} has no derivative"
            return tuple(None for _ in args)


FLAT = frozenset({*COMPARISONS, *LOGIC, *CASTS, *INTEGER, "floor", "floordiv", "mod"}) - {"select"}
"""Operations whose result jumps between constants: no change of an argument goes through them."""


def _negative(a: KExpr) -> KExpr:
    return number(-a.value) if isinstance(a, Const) else real("neg", a)

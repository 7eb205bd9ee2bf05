"""Reverse-mode derivatives of kernel expressions: adjoints of the operands from that of the result."""

from __future__ import annotations

from collections.abc import Callable

from lpmdsl.program.ir import CASTS, INTEGER, OPS, Apply, Const, KExpr, Load, Var
from lpmdsl.program.nodes import number, real, test
from lpmdsl.program.passes.smooth import simple, times
from lpmdsl.semantics.operators import BUILT_IN

Receive = Callable[[KExpr, KExpr], None]
"""Called with a leaf (a local or an element) and its adjoint."""


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
    if expr.op == "to_f64" and expr.args[0].dtype == "f64":
        return (derivative,)
    change = _CHANGES.get(expr.op)
    if change is None or change.back is None:
        assert expr.op in FLAT, f"{expr.op} has no derivative"
        return tuple(None for _ in expr.args)
    return change.back(_do, itself if itself is not None else expr, expr.args, derivative)


_OF_THE_LANGUAGE = {"minimum": "min", "maximum": "max"}
"""Operations that go by another name in the language; what counts has the same derivative."""
_CHANGES = {op: BUILT_IN[_OF_THE_LANGUAGE.get(op, op)].change for op in OPS if _OF_THE_LANGUAGE.get(op, op) in BUILT_IN}
FLAT = frozenset({*CASTS, *INTEGER, "floordiv", "mod", *(op for op, change in _CHANGES.items() if change is None)})
"""Operations whose result jumps between constants: no change of an argument goes through them."""


def _do(op: str, *parts: KExpr | float) -> KExpr:
    a = [number(part) if isinstance(part, int | float) else part for part in parts]
    match op:
        case "mul":
            return times(*a)
        case "div":
            return over(*a)
        case "neg":
            return _negative(*a)
        case "select":
            return chosen(*a)
        case "lt" | "gt":
            return test(op, *a)
        case _:
            return real(op, *a)


def _negative(a: KExpr) -> KExpr:
    return number(-a.value) if isinstance(a, Const) else real("neg", a)

"""The operators of the language: one row each holds all that the compiler knows of an operator.

The checker, the intervals, the derivatives, the adjoint, the kernels, the host and the formulas of the theory read that
row, as they read the rows of functions. The reference alone works an operator out a second time
(``reference/domain.py``), so that agreement with it says something. Which binds more tightly, the grammar says.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from lpmdsl.semantics.functions import FUNCTIONS
from lpmdsl.semantics.model.expressions import Apply, Expr, Literal_
from lpmdsl.semantics.rows import ANYTHING, Bounds, Change, Do, Row, by_end, each, one

Gives = Literal["number", "comparison", "truth", "choice"]
"""A number of numbers, a truth value of two of a kind, one of truth values, one of two of a kind by a truth value."""
Dimensions = Literal["same", "product", "quotient", "power", "none"]
"""The dimension of the value: that which all operands share, or one made of theirs; no operand has one."""


@dataclass(frozen=True, slots=True)
class Operator(Row):
    """An operator, with the columns of ``Row``.

    ``spelling``: as it is written; of what is written otherwise, as messages show it. ``told``: what is done to its
    operands, in messages. ``array(np, *xs)``: the value of numbers of numpy, given the module, where truth is 1; None
    of what is no single operation. ``of_whole(whole, do, *xs)``: the value where the last operand is a written whole
    number from 1 to 8. ``denied``: the operator that holds where this one doesn't, of the same operands (of a
    comparison) or of theirs denied.
    """

    spelling: str
    gives: Gives
    dimensions: Dimensions
    told: str = ""
    array: Callable[..., Any] | None = field(default=None, kw_only=True)
    of_whole: Callable[..., Any] | None = field(default=None, kw_only=True)
    denied: str = field(default="", kw_only=True)


# ------------------------------------------------------------------ values


def _all(a: float, b: float) -> float:
    return 0.0 if 0 in (a, b) else each(min)(a, b)


def _any(a: float, b: float) -> float:
    return 1.0 if 1 in (a, b) else each(max)(a, b)


def _taken(test: float, yes: float, no: float) -> float:
    return math.nan if math.isnan(test) else yes if test else no


def _repeated(whole: int, do: Do, base: Any, _: Any) -> Any:
    """A power as repeated products."""
    result = base
    for _ in range(whole - 1):
        result = do("mul", result, base)
    return result


# ------------------------------------------------------------------ intervals


def _corners(function: Callable[[float, float], float], a: Bounds, b: Bounds) -> Bounds:
    values = [function(x, y) for x in a for y in b]
    return ANYTHING if any(math.isnan(v) for v in values) else (min(values), max(values))


def _quotient(a: Bounds, b: Bounds) -> Bounds:
    if b[0] > 0 or b[1] < 0:
        return _corners(lambda x, y: x / y if not math.isinf(y) else 0.0, a, b)
    return ANYTHING


def _equal(a: Bounds, b: Bounds) -> Bounds:
    return float(a[0] == a[1] == b[0] == b[1]), float(a[0] <= b[1] and b[0] <= a[1])


def _of_taken(test: Bounds, yes: Bounds, no: Bounds) -> Bounds:
    possible = [*([yes] if test[1] > 0 else []), *([no] if test[0] < 1 else [])] or [yes, no]
    return min(low for low, _ in possible), max(high for _, high in possible)


def _denial(a: Bounds) -> Bounds:
    return 1 - a[1], 1 - a[0]


# ------------------------------------------------------------------ derivatives


def _quotient_change(do: Do, y: Any, xs: list[Any], changes: list[Any]) -> Any:
    return do("sub", do("div", changes[0], xs[1]), do("div", do("mul", y, changes[1]), xs[1]))


def _power_change(do: Do, y: Any, xs: list[Any], changes: list[Any]) -> Any:
    base, exponent = xs
    lower = do("pow", base, do("sub", exponent, 1.0))
    by_base = do("mul", do("mul", exponent, lower), changes[0])
    return do("add", by_base, do("mul", do("mul", y, do("log", base)), changes[1]))


# ------------------------------------------------------------------ the rows


def _comparison(
    name: str, spelling: str, holds: Callable[[Any, Any], Any], interval: Callable[..., Bounds],
    symbolic: Callable[..., Any], denied: str = "",
) -> Operator:  # fmt: skip
    return Operator(
        name, (2, 2), spelling, "comparison", "same", "compared",
        value=each(lambda a, b: float(holds(a, b))),
        array=lambda np, a, b: np.asarray(holds(a, b)).astype(np.float64),
        made_of=one(name),
        interval=interval,
        change=None,
        symbolic=symbolic,
        denied=denied,
    )  # fmt: skip


def _relation(name: str) -> Callable[..., Any]:
    return lambda sp, a, b: getattr(sp, name)(a, b)


def _less(a: Bounds, b: Bounds) -> Bounds:
    return float(a[1] < b[0]), float(a[0] < b[1])


def _not_more(a: Bounds, b: Bounds) -> Bounds:
    return float(a[1] <= b[0]), float(a[0] <= b[1])


_ROWS = (
    Operator(
        "neg", (1, 1), "-", "number", "same",
        value=each(lambda a: -a),
        array=lambda np, a: -a,
        made_of=one("neg"),
        interval=lambda a: (-a[1], -a[0]),
        change=Change(
            lambda do, y, xs, changes: do("neg", changes[0]),
            of_log=lambda do, xs, changes, logs: logs[0],
            back=lambda do, y, xs, d: (do("neg", d),),
        ),
        symbolic=lambda sp, a: -a,
        has_numbers=True,
    ),
    Operator(
        "add", (2, 2), "+", "number", "same", "added",
        value=each(operator.add),
        array=lambda np, a, b: a + b,
        made_of=one("add"),
        interval=lambda a, b: (a[0] + b[0], a[1] + b[1]),
        change=Change(
            lambda do, y, xs, changes: do("add", *changes),
            back=lambda do, y, xs, d: (d, d),
        ),
        symbolic=lambda sp, a, b: a + b,
        has_numbers=True,
    ),
    Operator(
        "sub", (2, 2), "-", "number", "same", "subtracted",
        value=each(operator.sub),
        array=lambda np, a, b: a - b,
        made_of=one("sub"),
        interval=lambda a, b: (a[0] - b[1], a[1] - b[0]),
        change=Change(
            lambda do, y, xs, changes: do("sub", *changes),
            back=lambda do, y, xs, d: (d, do("neg", d)),
        ),
        symbolic=lambda sp, a, b: a - b,
        has_numbers=True,
    ),
    Operator(
        "mul", (2, 2), "*", "number", "product", "multiplied",
        value=each(operator.mul),
        array=lambda np, a, b: a * b,
        made_of=one("mul"),
        interval=lambda a, b: _corners(lambda x, y: 0.0 if x == 0 or y == 0 else x * y, a, b),
        change=Change(
            lambda do, y, xs, changes: do("add", do("mul", changes[0], xs[1]), do("mul", xs[0], changes[1])),
            of_log=lambda do, xs, changes, logs: do("add", *logs),
            back=lambda do, y, xs, d: (do("mul", d, xs[1]), do("mul", d, xs[0])),
        ),
        symbolic=lambda sp, a, b: a * b,
        has_numbers=True,
    ),
    Operator(
        "div", (2, 2), "/", "number", "quotient", "divided",
        value=each(operator.truediv),
        array=lambda np, a, b: np.divide(a, b),
        made_of=one("div"),
        interval=_quotient,
        change=Change(
            _quotient_change,
            of_log=lambda do, xs, changes, logs: do("sub", *logs),
            back=lambda do, y, xs, d: (do("div", d, xs[1]), do("neg", do("div", do("mul", d, y), xs[1]))),
        ),
        symbolic=lambda sp, a, b: a / b,
    ),
    Operator(
        "pow", (2, 2), "^", "number", "power", "raised to a power",
        value=each(operator.pow),
        made_of=lambda do, a, b: do("exp", do("mul", b, do("log", a))),
        of_whole=_repeated,
        interval=lambda a, b: ANYTHING,
        change=Change(_power_change, of_log=lambda do, xs, changes, logs: do("mul", xs[1], logs[0]), held=1),
        symbolic=lambda sp, a, b: a**b,
    ),
    _comparison("lt", "<", operator.lt, _less, _relation("Lt"), "ge"),
    _comparison("le", "<=", operator.le, _not_more, _relation("Le"), "gt"),
    _comparison("gt", ">", operator.gt, lambda a, b: _less(b, a), _relation("Gt"), "le"),
    _comparison("ge", ">=", operator.ge, lambda a, b: _not_more(b, a), _relation("Ge"), "lt"),
    _comparison("eq", "=", operator.eq, _equal, lambda sp, a, b: sp.sympify(a == b)),
    _comparison("ne", "is not", operator.ne, lambda a, b: _denial(_equal(a, b)), lambda sp, a, b: sp.sympify(a != b)),
    Operator(
        "not", (1, 1), "not", "truth", "none",
        value=each(lambda a: 1 - a),
        array=lambda np, a: 1.0 - a,
        made_of=one("not"),
        interval=_denial,
        change=None,
        symbolic=lambda sp, a: 1 - a,
    ),
    Operator(
        "and", (2, 2), "and", "truth", "none",
        value=_all,
        array=lambda np, a, b: np.logical_and(a, b).astype(np.float64),
        made_of=one("and"),
        interval=by_end(min),
        change=None,
        symbolic=lambda sp, a, b: a * b,
        denied="or",
    ),
    Operator(
        "or", (2, 2), "or", "truth", "none",
        value=_any,
        array=lambda np, a, b: np.logical_or(a, b).astype(np.float64),
        made_of=one("or"),
        interval=by_end(max),
        change=None,
        symbolic=lambda sp, a, b: a + b - a * b,
        denied="and",
    ),
    Operator(
        "select", (3, 3), "where", "choice", "same", "compared",
        value=_taken,
        array=lambda np, test, a, b: np.where(np.asarray(test) != 0, a, b),
        made_of=one("select"),
        interval=_of_taken,
        change=Change(
            lambda do, y, xs, changes: do("select", xs[0], changes[1], changes[2]),
            back=lambda do, y, xs, d: (None, do("select", xs[0], d, 0.0), do("select", xs[0], 0.0, d)),
        ),
        symbolic=lambda sp, test, a, b: (a if test else b) if test.is_Integer else test * a + (1 - test) * b,
        has_numbers=True,
    ),
)  # fmt: skip
OPERATORS: dict[str, Operator] = {row.name: row for row in _ROWS}
BINARY: dict[str, Operator] = {row.spelling: row for row in _ROWS if row.arity == (2, 2)}
"""Operators between two operands, by their spelling."""
BUILT_IN: dict[str, Row] = {**FUNCTIONS, **OPERATORS}
"""The row of whatever stands in an ``Apply`` of the Model."""
STEPS = frozenset(name for name, row in BUILT_IN.items() if row.change is None)
"""Functions and operators whose value jumps between constants: no derivative goes through them."""


def operations(expr: Apply) -> Callable[..., Any]:
    """``f(do, *xs)``: the value of an expression from those of its arguments, in operations of ``program.ir.OPS``."""
    row = BUILT_IN[expr.op]
    of_whole = row.of_whole if isinstance(row, Operator) else None
    whole = None if of_whole is None else _whole(expr.arguments[-1])
    return row.made_of if of_whole is None or whole is None else partial(of_whole, whole)


def _whole(written: Expr) -> int | None:
    if isinstance(written, Literal_) and written.value in range(1, 9):
        return int(written.value)
    return None

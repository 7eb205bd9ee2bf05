"""Every row of the tables of functions and of operators is whole: value, operations, bounds, derivative, formula."""

from __future__ import annotations

import itertools
import math
from dataclasses import fields

import numpy as np
import pytest
import sympy as sp
import torch

from compiler_tests.relaxed_reference.marginals import MARGINALS
from lpmdsl.lowering.dense.expressions import _do
from lpmdsl.program import ir
from lpmdsl.program.nodes import real, test as truth
from lpmdsl.program.passes.adjoint_expressions import FLAT, _parts
from lpmdsl.quantities import NUMBER
from lpmdsl.reference.domain import SAMPLES, Domain, apply as apply_to_tensors
from lpmdsl.semantics.functions import FUNCTIONS
from lpmdsl.semantics.host.evaluate import apply
from lpmdsl.semantics.model import Apply, Literal_, Time
from lpmdsl.semantics.operators import BUILT_IN, OPERATORS, STEPS, Operator
from lpmdsl.semantics.rows import ANYTHING, Row
from lpmdsl.source import NOWHERE

ROWS = pytest.mark.parametrize("row", BUILT_IN.values(), ids=lambda row: row.name)
OPERATOR_ROWS = pytest.mark.parametrize("row", OPERATORS.values(), ids=lambda row: row.name)
TRUTHS = (0.0, 1.0)
POINTS = (-800.0, -3.25, -1.0, -0.5, -1e-3, 0.0, 1e-3, 0.25, 0.5, 0.75, 1.0, 2.5, 30.0, 800.0)
INNER = (0.15, 0.35, 0.85)


def taken(row: Row, numbers: tuple[float, ...]) -> list[tuple[float, ...]]:
    """For each argument the numbers that it is tried with: truth values where it is one."""
    gives = row.gives if isinstance(row, Operator) else "number"
    return [TRUTHS if gives == "truth" or (gives == "choice" and k == 0) else numbers for k in range(row.arity[0])]


def places(row: Row) -> list[tuple[float, ...]]:
    return list(itertools.product(*taken(row, POINTS)))


def applied(op: str, count: int) -> Apply:
    """An expression whose arguments are no written numbers."""
    return Apply(op, tuple(Time(NUMBER, NOWHERE) for _ in range(count)), NUMBER, NOWHERE)


def on_host(row: Row, *xs: float) -> float:
    return float(apply(applied(row.name, len(xs)), [np.float64(x) for x in xs]))


def in_reference(row: Row, xs: tuple[float, ...], domain: Domain) -> float:
    tensors = [torch.tensor(x, dtype=torch.float64) for x in xs]
    return float(apply_to_tensors(applied(row.name, len(xs)), tensors, domain))


def value_of(row: Row, *xs: float) -> float:
    """The row's plain value; a row may raise what the checker reads as no number."""
    try:
        found = row.value(*xs)
        return found if isinstance(found, int | float) else math.nan
    except ArithmeticError:
        return math.nan


def close(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or a == b or abs(a - b) <= 1e-13 * max(1.0, abs(a), abs(b))


@ROWS
def test_no_column_is_empty(row: Row) -> None:
    optional = {"change", "holds_limits", "has_numbers", "array", "of_whole", "denied", "told"}
    assert all(getattr(row, f.name) not in (None, "") for f in fields(row) if f.name not in optional)
    least, most = row.arity
    assert least >= 1 and (most is None or most >= least)


@ROWS
def test_the_value_is_that_of_the_operations_and_of_the_reference(row: Row) -> None:
    """Of the reference to its last bits, of the row's plain floats and of the reference in marginals to 13 digits."""
    for xs in places(row):
        found = on_host(row, *xs)
        assert found == pytest.approx(in_reference(row, xs, SAMPLES), rel=4e-16, abs=0, nan_ok=True), xs
        if max(map(abs, xs)) < 700 and found < 1e300:
            assert close(found, value_of(row, *xs)) or not math.isfinite(found), xs
            assert close(found, in_reference(row, xs, MARGINALS)) or math.isnan(found), xs


def test_signs_are_exact_at_the_ends_of_what_numbers_can_be() -> None:
    for x in (5e-324, 1e-310, 1.0, 1.7e308, math.inf):
        assert on_host(FUNCTIONS["sign"], x) == 1 and on_host(FUNCTIONS["sign"], -x) == -1
    assert on_host(FUNCTIONS["sign"], 0.0) == on_host(FUNCTIONS["sign"], -0.0) == 0


def test_the_hyperbolic_tangent_is_off_by_its_last_bits_at_most() -> None:
    for x in (*np.linspace(-3, 3, 601), 1e-9, -20.0, 40.0, math.inf, -math.inf):
        assert abs(on_host(FUNCTIONS["tanh"], x) - math.tanh(x)) <= 5e-16


@ROWS
def test_the_operations_are_those_of_the_kernels(row: Row) -> None:
    """Each is one that every printer knows, and has a derivative or says that it is flat."""
    kinds = [
        "bool" if given == TRUTHS else "f64" for given in (*taken(row, POINTS), *[POINTS] * (row.arity[1] is None))
    ]
    waiting = [row.made_of(_do, *(ir.Var(f"x{k}", kind) for k, kind in enumerate(kinds)))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ir.Apply):
            assert node.op in ir.OPS
            assert len(_parts(node, ir.Var("derivative", "f64"), None)) == len(node.args)
            waiting += node.args


@ROWS
def test_bounds_hold_every_value(row: Row) -> None:
    points = taken(row, POINTS[::4] if row.arity[0] > 2 else POINTS)
    known: dict[tuple[float, ...], float] = {}  # the same points lie in many boxes
    for parts in itertools.product(*(itertools.combinations_with_replacement(tried, 2) for tried in points)):
        low, high = row.interval(*parts)
        assert low <= high
        inside = [
            [x for x in (*tried, *([] if tried == TRUTHS else [(a + b) / 2])) if a <= x <= b]
            for (a, b), tried in zip(parts, points, strict=True)
        ]
        for xs in itertools.product(*(i[:: max(1, len(i) // 3)] for i in inside)):
            value = known[xs] if xs in known else known.setdefault(xs, on_host(row, *xs))
            assert math.isnan(value) or low <= value <= high, (parts, xs)


@ROWS
def test_bounds_say_nothing_only_of_what_is_unbounded(row: Row) -> None:
    assert row.interval(*[(0.25, 0.5)] * row.arity[0]) != ANYTHING or row.name in ("logit", "pow")


@ROWS
def test_the_derivative_is_that_of_differences(row: Row) -> None:
    """Worked out with numbers in the place of expressions; a step has a derivative of zero and says so."""
    h = 1e-6
    if isinstance(row, Operator) and row.gives == "truth":
        assert row.change is None
        return
    for xs in itertools.product(INNER, repeat=row.arity[0]):
        if len(set(xs)) < len(xs):
            continue
        for k in range(len(xs)):
            ends = [on_host(row, *(x + s * h * (j == k) for j, x in enumerate(xs))) for s in (-1, 1)]
            measured = (ends[1] - ends[0]) / (2 * h)
            changes = [float(j == k) for j in range(len(xs))]
            assert _changed(row, xs, changes) == pytest.approx(measured, rel=1e-8, abs=1e-9), (xs, k)
            if row.change is not None and row.change.of_log is not None and k != row.change.held:
                logs = [c / x for c, x in zip(changes, xs, strict=True)]
                relative = row.change.of_log(_of_numbers, list(xs), changes, logs)
                assert relative * on_host(row, *xs) == pytest.approx(measured)


@ROWS
def test_the_adjoint_is_the_derivative_backwards(row: Row) -> None:
    """Of a value that is worth 1.75: each argument has 1.75 times the change that it makes alone."""
    if row.change is None or row.change.back is None:
        return
    for xs in itertools.product(*taken(row, INNER)):
        if len(set(xs)) < len(xs):
            continue
        parts = row.change.back(_of_numbers, on_host(row, *xs), xs, 1.75)
        for k, part in enumerate(parts):
            alone = _changed(row, xs, [1.75 * (j == k) for j in range(len(xs))])
            assert (0.0 if part is None else part) == pytest.approx(alone, rel=1e-14, abs=0), (xs, k)


def _changed(row: Row, xs: tuple[float, ...], changes: list[float]) -> float:
    return 0.0 if row.change is None else float(row.change.of(_of_numbers, on_host(row, *xs), list(xs), changes))


def _of_numbers(op: str, *args: float) -> float:
    return float(apply(applied(op, len(args)), [np.float64(a) for a in args]))


@ROWS
def test_the_formula_has_the_value(row: Row) -> None:
    symbols = sp.symbols(f"x0:{row.arity[0]}", real=True)
    for xs in itertools.product(*taken(row, INNER)):
        if isinstance(row, Operator) and row.gives == "comparison":
            assert bool(row.symbolic(sp, *map(sp.Float, xs))) == bool(row.value(*xs))
        else:
            found = row.symbolic(sp, *symbols).subs(dict(zip(symbols, xs, strict=True)))
            assert float(found) == pytest.approx(row.value(*xs), rel=1e-13)


@OPERATOR_ROWS
def test_an_operator_is_denied_by_the_one_that_holds_where_it_does_not(row: Operator) -> None:
    if not row.denied:
        assert row.gives in ("number", "choice") or row.name in ("not", "eq", "ne")
        return
    denied = OPERATORS[row.denied]
    assert (denied.denied, denied.gives) == (row.name, row.gives)
    for xs in places(row):
        inner = xs if row.gives == "comparison" else tuple(1 - x for x in xs)
        assert denied.value(*inner) == 1 - row.value(*xs)


@OPERATOR_ROWS
def test_an_operation_has_its_value_of_many_and_nothing_else_has_one(row: Operator) -> None:
    marks = [object() for _ in range(row.arity[0])]
    is_single = row.made_of(lambda op, *xs: (op, *xs), *marks) == (row.name, *marks)
    assert is_single == (row.array is not None)


@pytest.mark.parametrize("whole", range(1, 9))
def test_a_written_whole_power_is_repeated_products(whole: int) -> None:
    written = Apply("pow", (Time(NUMBER, NOWHERE), Literal_(float(whole), NUMBER, NOWHERE)), NUMBER, NOWHERE)
    assert float(apply(written, [np.float64(-1.5), np.float64(whole)])) == (-1.5) ** whole


def test_steps_are_those_without_a_derivative() -> None:
    assert {"floor", "round", "sign", "lt", "eq", "and", "not"} < STEPS < set(BUILT_IN)


def test_every_operation_has_a_derivative_or_is_flat() -> None:
    """An operation the adjoint does not know is an error and no zero."""
    x, y = ir.Var("x", "f64"), ir.Var("y", "f64")
    for op in sorted(ir.OPS - FLAT):
        count = {"select": 3}.get(op, 1 if op in ("neg", "abs", "sqrt", "exp", "log", "sin", "cos") else 2)
        args = (truth("lt", x, y), x, y)[:count] if op == "select" else (x, y)[:count]
        assert any(part is not None for part in _parts(real(op, *args), y, None)), op
    with pytest.raises(AssertionError, match="gamma has no derivative"):
        _parts(real("gamma", x), y, None)

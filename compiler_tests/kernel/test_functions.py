"""Every row of the table of functions is whole: its value, its operations, its bounds, its derivative, its formula."""

from __future__ import annotations

import itertools
import math
from dataclasses import fields

import numpy as np
import pytest
import sympy as sp
import torch

from compiler_tests.relaxed_reference.values import apply as relaxed
from lpmdsl.lowering.dense.expressions import _do
from lpmdsl.lowering.relaxed.adjoint_expressions import FLAT, _parts
from lpmdsl.program import ir
from lpmdsl.program.nodes import real, test as truth
from lpmdsl.quantities import NUMBER
from lpmdsl.reference.expressions import _BUILTINS as REFERENCE
from lpmdsl.semantics.functions import ANYTHING, FUNCTIONS, STEPS, Function
from lpmdsl.semantics.host.evaluate import apply
from lpmdsl.semantics.model import Apply
from lpmdsl.source import NOWHERE

ROWS = pytest.mark.parametrize("row", FUNCTIONS.values(), ids=lambda row: row.name)
POINTS = (-800.0, -3.25, -1.0, -0.5, -1e-3, 0.0, 1e-3, 0.25, 0.5, 0.75, 1.0, 2.5, 30.0, 800.0)
HERE = Apply("none", (), NUMBER, NOWHERE)


def places(row: Function) -> list[tuple[float, ...]]:
    return list(itertools.product(POINTS, repeat=row.arity[0]))


def on_host(row: Function, *xs: float) -> float:
    return float(apply(row.name, [np.float64(x) for x in xs], HERE))


def close(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or a == b or abs(a - b) <= 1e-13 * max(1.0, abs(a), abs(b))


@ROWS
def test_no_column_is_empty(row: Function) -> None:
    optional = {"change", "holds_limits"}
    assert all(getattr(row, f.name) is not None for f in fields(row) if f.name not in optional)
    least, most = row.arity
    assert least >= 1 and (most is None or most >= least)


@ROWS
def test_the_value_is_that_of_the_operations_and_of_the_reference(row: Function) -> None:
    """Of the reference to its last bits, of the row's plain floats and of the relaxation's reference to 13 digits."""
    for xs in places(row):
        tensors = [torch.tensor(x, dtype=torch.float64) for x in xs]
        found = on_host(row, *xs)
        assert found == pytest.approx(float(REFERENCE[row.name](*tensors)), rel=4e-16, abs=0, nan_ok=True), xs
        if max(map(abs, xs)) < 700:
            assert close(found, row.value(*xs)) or math.isnan(found), xs
            assert close(found, float(relaxed(row.name, tensors))) or math.isnan(found), xs


def test_signs_are_exact_at_the_ends_of_what_numbers_can_be() -> None:
    for x in (5e-324, 1e-310, 1.0, 1.7e308, math.inf):
        assert on_host(FUNCTIONS["sign"], x) == 1 and on_host(FUNCTIONS["sign"], -x) == -1
    assert on_host(FUNCTIONS["sign"], 0.0) == on_host(FUNCTIONS["sign"], -0.0) == 0


def test_the_hyperbolic_tangent_is_off_by_its_last_bits_at_most() -> None:
    for x in (*np.linspace(-3, 3, 601), 1e-9, -20.0, 40.0, math.inf, -math.inf):
        assert abs(on_host(FUNCTIONS["tanh"], x) - math.tanh(x)) <= 5e-16


@ROWS
def test_the_operations_are_those_of_the_kernels(row: Function) -> None:
    """Each is one that every printer knows, and has a derivative or says that it is flat."""
    given = row.arity[0] + (row.arity[1] is None)
    waiting = [row.made_of(_do, *(ir.Var(f"x{k}", "f64") for k in range(given)))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ir.Apply):
            assert node.op in ir.OPS
            assert len(_parts(node, ir.Var("derivative", "f64"), None)) == len(node.args)
            waiting += node.args


@ROWS
def test_bounds_hold_every_value(row: Function) -> None:
    ends = [(a, b) for a, b in itertools.combinations_with_replacement(POINTS, 2)]
    for parts in itertools.product(ends, repeat=row.arity[0]):
        low, high = row.interval(*parts)
        assert low <= high
        inside = [[x for x in (*POINTS, (a + b) / 2) if a <= x <= b] for a, b in parts]
        for xs in itertools.product(*(i[:: max(1, len(i) // 3)] for i in inside)):
            value = on_host(row, *xs)
            assert math.isnan(value) or low <= value <= high, (parts, xs)


@ROWS
def test_bounds_say_nothing_only_of_what_is_unbounded(row: Function) -> None:
    assert row.interval(*[(0.25, 0.5)] * row.arity[0]) != ANYTHING or row.name == "logit"


@ROWS
def test_the_derivative_is_that_of_differences(row: Function) -> None:
    """Worked out with numbers in the place of expressions; a step has a derivative of zero and says so."""
    h = 1e-6
    for xs in itertools.product((0.15, 0.35, 0.85), repeat=row.arity[0]):
        if len(set(xs)) < len(xs):
            continue
        for k in range(len(xs)):
            ends = [on_host(row, *(x + s * h * (j == k) for j, x in enumerate(xs))) for s in (-1, 1)]
            measured = (ends[1] - ends[0]) / (2 * h)
            changes = [float(j == k) for j in range(len(xs))]
            assert _changed(row, xs, changes) == pytest.approx(measured, rel=1e-8, abs=1e-9), (xs, k)
            if row.change is not None and row.change.of_log is not None:
                logs = [c / x for c, x in zip(changes, xs, strict=True)]
                assert row.change.of_log(_of_numbers, changes, logs) * on_host(row, *xs) == pytest.approx(measured)


def _changed(row: Function, xs: tuple[float, ...], changes: list[float]) -> float:
    return 0.0 if row.change is None else float(row.change.of(_of_numbers, on_host(row, *xs), list(xs), changes))


def _of_numbers(op: str, *args: float) -> float:
    if op == "not":
        return 1.0 - args[0]
    return float(apply(op, [np.float64(a) for a in args], HERE))


@ROWS
def test_the_formula_has_the_value(row: Function) -> None:
    symbols = sp.symbols(f"x0:{row.arity[0]}", real=True)
    formula = row.symbolic(sp, *symbols)
    for xs in itertools.product((0.15, 0.35, 0.85), repeat=row.arity[0]):
        assert float(formula.subs(dict(zip(symbols, xs, strict=True)))) == pytest.approx(row.value(*xs), rel=1e-13)


def test_steps_are_those_without_a_derivative() -> None:
    assert {name for name, row in FUNCTIONS.items() if row.change is None} == STEPS >= {"floor", "round", "sign"}


def test_every_operation_has_a_derivative_or_is_flat() -> None:
    """An operation the adjoint does not know is an error and no zero."""
    x, y = ir.Var("x", "f64"), ir.Var("y", "f64")
    for op in sorted(ir.OPS - FLAT):
        count = {"select": 3}.get(op, 1 if op in ("neg", "abs", "sqrt", "exp", "log", "sin", "cos") else 2)
        args = (truth("lt", x, y), x, y)[:count] if op == "select" else (x, y)[:count]
        assert any(part is not None for part in _parts(real(op, *args), y, None)), op
    with pytest.raises(AssertionError, match="gamma has no derivative"):
        _parts(real("gamma", x), y, None)

"""Symbolic derivatives of Model expressions against differences, for every built-in, and what is said to be lost."""

from __future__ import annotations

import numpy as np
import pytest

import lpmdsl
from lpmdsl.semantics.analysis.dependencies import acts_on
from lpmdsl.semantics.analysis.derivative import derivative, is_zero, lost
from lpmdsl.semantics.functions import FUNCTIONS
from lpmdsl.semantics.host.evaluate import Scope, evaluate, parameter_values
from lpmdsl.semantics.model import Apply, Expr, Literal_, Model, walk

TEXT = """\
model slopes version 1.0

clock
  step 1 day
  for 3 days

table effect by group of number
  low 0.4
  high 0.7

parameter p = 0.3
parameter q = 2 * p + 0.1
parameter r = 1.7

agent Person count 4
  group category ~ categorical(low 50 %, high 50 %)
  risk number ~ uniform(0.2, 0.9)
  still number ~ uniform(0.2, 0.9)
  own number = p * still
  worn number = 0

condition Mood of Person
  states Calm, Cross
  start Calm
  from Calm with probability 10 % every day to Cross
  while Cross
    set risk to 0.5 * p
  on entering Cross
    set worn to p

observe seen = sum of FORMULA over Person every day
"""

FORMULAS = {
    "add": "p + q", "sub": "r - p * q", "mul": "p * q * risk", "div": "q / (p + risk)", "neg": "-p",
    "exp": "exp(p * risk)", "log": "log(q + risk)", "logit": "logit(p * risk)", "inverse_logit": "inverse_logit(q - r)",
    "sin": "sin(q * r)", "cos": "cos(q + risk)", "floor": "floor(7 * q) * p", "round": "round(7 * q) + p",
    "sqrt": "sqrt(p * r)", "abs": "abs(p - risk) + abs(r - p)", "min": "min(q, risk, p * r)",
    "max": "max(p * 2, q, r * p)",
    "sign": "sign(p - risk) * r",
    "tanh": "tanh(q - risk * r)",
    "cube": "(p - 1) ^ 3", "one": "q ^ 1", "square": "(q * risk) ^ 2", "power": "q ^ r", "root": "(p + risk) ^ 0.5",
    "exponent": "r ^ q", "both": "q ^ p", "table": "effect[group] * p", "time": "p * r",
}  # fmt: skip


def loaded(formula: str) -> tuple[Expr, Model]:
    model = lpmdsl.load(TEXT.replace("FORMULA", formula)).model
    aggregate = model.observation("seen").value.aggregate  # type: ignore[union-attr]
    assert aggregate.what is not None
    return aggregate.what, model


def scope(model: Model, p: float, r: float = 1.7) -> Scope:
    """Two who are calm and two who are cross, whose risk reads as half of p."""
    columns = {
        ("Person", "group"): np.array([0, 1, 0, 1]), ("Person", "risk"): np.array([0.25, 0.4, 0.5 * p, 0.5 * p]),
        ("Person", "own"): np.array([0.1, 0.2, 0.3, 0.4]), ("Person", "worn"): np.zeros(4),
    }  # fmt: skip
    moods = {"Mood": np.array([0, 0, 1, 1])}
    return Scope(model, parameter_values(model, {"p": p, "r": r}), columns, moods, {"Person": 4})


@pytest.mark.parametrize("name", FORMULAS)
def test_derivatives_are_those_of_differences(name: str) -> None:
    expr, model = loaded(FORMULAS[name])
    for parameter, at in (("p", 0.3), ("r", 1.7)):
        h = 1e-6 * at
        ends = [evaluate(expr, scope(model, **{"p": 0.3, parameter: at + k * h})) for k in (-1, 1)]
        exact = evaluate(derivative(expr, parameter, model), scope(model, 0.3))
        wanted = (ends[1] - ends[0]) / (2 * h)
        np.testing.assert_allclose(np.broadcast_to(exact, np.shape(wanted)), wanted, rtol=1e-7, atol=1e-8)


def test_every_built_in_is_tried() -> None:
    tried = {e.op for f in FORMULAS.values() for e in walk(loaded(f)[0]) if isinstance(e, Apply)}
    assert set(FUNCTIONS) | {"neg", "add", "sub", "mul", "div", "pow"} <= tried


def test_what_is_simple_stays_simple() -> None:
    """0·x, 1·x and x + 0 do not pile up; a literal is a literal."""
    expr, model = loaded("3 * p + r")
    assert _value(derivative(expr, "p", model)) == 3
    assert _value(derivative(expr, "r", model)) == 1
    expr, model = loaded("worn * r")
    assert derivative(expr, "r", model) == expr.arguments[0]  # type: ignore[union-attr]
    assert is_zero(derivative(expr, "q", model)) and not acts_on(expr, "q", model)


def _value(expr: Expr) -> float:
    assert isinstance(expr, Literal_)
    return expr.value


def test_attributes_read_in_a_state_follow_the_parameter() -> None:
    """risk reads as 0.5·p in Cross: 0.5 there, 0 elsewhere."""
    expr, model = loaded("risk")
    found = evaluate(derivative(expr, "p", model), scope(model, 0.3))
    np.testing.assert_array_equal(found, [0.0, 0.0, 0.5, 0.5])
    assert not lost(expr, "p", model)


@pytest.mark.parametrize(
    ("formula", "ways"),
    [
        ("p * r", 0), ("floor(q) + p", 1), ("round(p) * round(q)", 2), ("own * p", 1), ("worn", 1), ("risk * p", 0),
        ("r + 1", 0), ("floor(r) * p", 0),
    ],
)  # fmt: skip
def test_ways_without_a_derivative_are_named(formula: str, ways: int) -> None:
    expr, model = loaded(formula)
    assert len(lost(expr, "p", model)) == ways


def test_comparisons_and_formulas_of_reports_are_lost() -> None:
    text = TEXT.replace("FORMULA", "risk + worn + q * r") + (
        "observe cross = share of Person where Mood is Cross every day\n"
        "observe scaled = p * cross\nobserve twice = 2 * cross\n"
        "intervention alarm\n  starts when seen rises above p\n  every day for Person where risk > p\n"
        "    set worn to scaled + twice\n"
    )
    model = lpmdsl.load(text).model
    (block,) = model.intervention("alarm").repeated
    assert block.where is not None and [e.op for e in lost(block.where, "p", model)] == ["gt"]  # type: ignore[union-attr]
    value = block.actions[0].value  # type: ignore[union-attr]
    assert [e.observation for e in lost(value, "p", model)] == ["scaled"]  # type: ignore[union-attr]
    assert lost(value, "r", model) == ()


def test_steps_alone_have_the_derivative_zero() -> None:
    for name in (row.name for row in FUNCTIONS.values() if row.change is None):
        expr, model = loaded(f"{name}(5 * p)")
        assert is_zero(derivative(expr, "p", model)) and len(lost(expr, "p", model)) == 1

"""Expressions of the Model IR evaluated on the host with numpy: constants, attributes at the start, time tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from lpmdsl.semantics.host import numbers
from lpmdsl.semantics.model import (
    Aggregate,
    Apply,
    AttributeRef,
    Expr,
    Follows,
    GroupReport,
    InState,
    IsActive,
    Literal_,
    Luck,
    Model,
    Neighbours,
    ObservationRef,
    ParameterRef,
    Population,
    Rolling,
    Since,
    StateOf,
    TableRef,
    Theirs,
    TieRef,
    Time,
)
from lpmdsl.semantics.operators import OPERATORS, operations

Value = Any  # a float or a float64 array over agents


@dataclass(frozen=True, slots=True)
class Scope:
    """Values of names: parameter values and tables in base units, attribute columns, states, counts, time."""

    model: Model
    parameters: Mapping[str, float]
    attributes: Mapping[tuple[str, str], NDArray] = field(default_factory=dict)
    states: Mapping[str, NDArray] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    time: Value = 0.0
    idle: bool = False
    """No intervention is active. Else whether one is has no value here."""
    since: Mapping[str, Value] = field(default_factory=dict)
    """Condition → days since its last move, where that is known."""


def parameter_values(model: Model, overrides: Mapping[str, float] | None = None) -> dict[str, float]:
    """Every parameter's value in base units: its override, else its default computed from those before it."""
    return {name: float(value) for name, value in computed_values(model, overrides or {}).items()}


def computed_values(model: Model, given: Mapping[str, Value]) -> dict[str, Value]:
    """The same with arrays among what is given: what is computed from these has one value for each of theirs."""
    values: dict[str, Value] = {}
    scope = Scope(model, values, counts={agent.name: agent.count or 0 for agent in model.agents})
    for parameter in model.parameters:
        own = given.get(parameter.name)
        values[parameter.name] = evaluate(parameter.default, scope) if own is None else own
    return values


def evaluate(expr: Expr, scope: Scope) -> Value:
    """The value of ``expr`` in base units: a float64 scalar, or an array over agents if it reads them.

    Raises ValueError for what only a running simulation knows (observations, activity, aggregates).
    """
    match expr:
        case Literal_():
            return np.float64(expr.value)
        case ParameterRef():
            return np.float64(scope.parameters[expr.name])
        case Follows():
            return np.float64(follows(expr.parameter, scope))
        case IsActive() if scope.idle:
            return np.float64(0.0)
        case AttributeRef():
            return np.asarray(scope.attributes[(expr.of, expr.name)]).astype(np.float64)
        case InState():
            return np.isin(scope.states[expr.condition], expr.states).astype(np.float64)
        case StateOf():
            return np.asarray(scope.states[expr.condition]).astype(np.float64)
        case TableRef():
            return _look_up(expr, scope)
        case Population():
            return np.float64(scope.counts[expr.of])
        case Time():
            return scope.time
        case Apply():
            return apply(expr, [evaluate(a, scope) for a in expr.arguments])
        case Since() if expr.condition in scope.since:
            return scope.since[expr.condition]
        case Since():
            raise ValueError(f"`time since {expr.condition}` has no value before the run")
        case (
            ObservationRef()
            | GroupReport()
            | Rolling()
            | IsActive()
            | Aggregate()
            | Theirs()
            | TieRef()
            | Neighbours()
            | Luck()
        ):
            raise ValueError(f"{type(expr).__name__} has no value before the run")
        case _:
            assert_never(expr)


def follows(parameter: str, scope: Scope) -> bool:
    """Return True if the parameter's value is what its formula makes of the others, at time 0."""
    default = scope.model.parameter(parameter).default
    own = scope.parameters[parameter]
    return not isinstance(default, Literal_) and bool(own == evaluate(default, replace(scope, time=0.0)))


def _look_up(expr: TableRef, scope: Scope) -> Value:
    table = scope.model.table(expr.table)
    values = np.asarray(table.values).reshape([len(labels) for labels in table.keys])
    keys = tuple(np.asarray(evaluate(key, scope)).astype(np.int64) for key in expr.keys)
    return values[keys]


def apply(expr: Apply, args: list[Value]) -> Value:
    """One operation or function on numpy values; truth is 1.0 and falsehood 0.0."""
    with np.errstate(all="ignore"):
        return operations(expr)(_do, *args)


def _do(op: str, *args: Value) -> Value:
    row = OPERATORS.get(op)
    return _OF_FUNCTIONS[op](*args) if row is None or row.array is None else row.array(np, *args)


_OF_FUNCTIONS = {
    "exp": numbers.exp,
    "log": numbers.log,
    "sin": numbers.sin,
    "cos": numbers.cos,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "minimum": np.minimum,  # no number if either is none
    "maximum": np.maximum,
    "floor": np.floor,
}

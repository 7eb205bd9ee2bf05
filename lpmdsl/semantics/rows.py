"""The columns that functions and operators of the language share: all that the compiler knows of one, in one row."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Bounds = tuple[float, float]
ANYTHING: Bounds = (-math.inf, math.inf)

Do = Callable[..., Any]
"""``do(op, *parts)`` applies an operation to parts of an expression; a plain float among them is a number."""
Parts = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """Derivative of a function or operator by its arguments, in operations and functions of the language.

    ``of(do, y, xs, changes)``: the change of the value ``y`` of ``xs`` whose changes are given. ``of_log(do, xs,
    changes, logs)``: that of the logarithm of the value from the changes and those of the arguments' logarithms, where
    that reads less than ``of``, and where nothing acts on the argument number ``held``. ``back(do, y, xs, d)``, of one
    that is a single operation of ``program.ir.OPS``: the part of each argument in the derivative by it, where ``d`` is
    that by the value; None for one that has none.
    """

    of: Callable[[Do, Any, list[Any], list[Any]], Any]
    of_log: Callable[[Do, list[Any], list[Any], list[Any]], Any] | None = None
    held: int | None = None
    back: Callable[[Do, Any, Parts, Any], Parts] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A function or an operator.

    ``arity``: least and most arguments (None: any number). ``value(*xs)``: the value of plain floats while a model is
    checked; NaN where it has none. ``made_of(do, *xs)``: the value in operations of ``program.ir.OPS``, as the host and
    the kernels compute it for many. ``interval(*parts)``: bounds of the value from bounds that hold no NaN, rather too
    wide than too narrow. ``change``: None for one whose value jumps between constants; what a parameter does through it
    is lost. ``symbolic(sp, *xs)``: the formula, given the module ``sympy``. ``has_numbers``: it is a number of all
    numbers.
    """

    name: str
    arity: tuple[int, int | None]
    value: Callable[..., float] = field(kw_only=True)
    made_of: Callable[..., Any] = field(kw_only=True)
    interval: Callable[..., Bounds] = field(kw_only=True)
    change: Change | None = field(kw_only=True)
    symbolic: Callable[..., Any] = field(kw_only=True)
    has_numbers: bool = field(default=False, kw_only=True)


def each(function: Callable[..., float]) -> Callable[..., float]:
    """The function, and no number where an argument is none."""
    return lambda *values: math.nan if any(map(math.isnan, values)) else function(*values)


def one(op: str) -> Callable[..., Any]:
    """A function or operator that is an operation itself."""
    return lambda do, *xs: do(op, *xs)


def by_end(choose: Callable[..., float]) -> Callable[..., Bounds]:
    """Bounds of a choice among numbers, from the same choice among their ends."""
    return lambda *parts: (choose(p[0] for p in parts), choose(p[1] for p in parts))

"""The functions of numbers: one row each holds all that the compiler knows of a function.

The checker, the intervals, the derivatives, the kernels, the host and the formulas of the theory read that row. The
reference alone works a function out a second time (``reference/domain.py``), so that agreement with it says
something.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any, Literal

from lpmdsl.semantics.rows import ANYTHING, Bounds, Change, Do, Parts, Row, by_end, each, one

ROUNDING = 1e-15
"""More than the relative error of a logarithm or an exponential."""

Dimensions = Literal["pure", "same", "square root", "number out"]
"""Effects of a function on dimensions: needs pure numbers, keeps the one all arguments share, halves it, drops it."""


@dataclass(frozen=True, slots=True)
class Function(Row):
    """A function of numbers, with the columns of ``Row``. ``holds_limits``: who writes it has thought of the range of
    the value."""

    dimensions: Dimensions
    holds_limits: bool = False


# ------------------------------------------------------------------ values


def _log(x: float) -> float:
    return math.log(x) if x > 0 else (-math.inf if x == 0 else math.nan)


def _whole(x: float) -> float:
    return x if math.isinf(x) else float(math.floor(x))


def _circular(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda x: math.nan if math.isinf(x) else function(x)


def _logit(p: float) -> float:
    return _log(p / (1 - p)) if p < 1 else math.inf


# ------------------------------------------------------------------ operations


def _folded(op: str) -> Callable[..., Any]:
    """An operation over any number of arguments, from the first."""
    return lambda do, *xs: reduce(lambda a, b: do(op, a, b), xs)


def _sign(do: Do, x: Any) -> Any:
    """−1, 0 or 1. Twice 2⁶⁰⁰ makes 1 or more of the least number above 0; nothing else is read twice, and what has no
    number stays so. ``floor`` changes no value: it says that no derivative goes through."""
    large = do("mul", do("mul", x, 2.0**600), 2.0**600)
    return do("floor", do("minimum", do("maximum", large, -1.0), 1.0))


# ------------------------------------------------------------------ intervals


def _around(function: Callable[[float], float], least: float, most: float) -> Callable[[Bounds], Bounds]:
    """Bounds of a function that never falls, wider than its rounding; anything where it may leave its domain."""

    def interval(x: Bounds) -> Bounds:
        if x[0] < least or x[1] > most:
            return ANYTHING
        low, high = function(x[0]), function(x[1])
        return _moved(low, -ROUNDING), _moved(high, ROUNDING)

    return interval


def _moved(end: float, by: float) -> float:
    return end + by * abs(end) if math.isfinite(end) else end


def _rising(function: Callable[[float], float]) -> Callable[[Bounds], Bounds]:
    """Bounds of a function that never falls, as its ends are computed."""
    return lambda x: (function(x[0]), function(x[1]))


def _magnitude(x: Bounds) -> Bounds:
    ends = sorted(abs(end) for end in x)
    return (0.0 if x[0] <= 0 <= x[1] else ends[0]), ends[1]


# ------------------------------------------------------------------ derivatives


def _slope(
    slope: Callable[[Do, Any, Any], Any],
    of_log: Callable[[Do, list[Any], list[Any], list[Any]], Any] | None = None,
    back: Callable[[Do, Any, Any, Any], Any] | None = None,
) -> Change:
    """The change of a function of one number from its derivative, made of its value and that number."""
    return Change(
        lambda do, y, xs, changes: do("mul", slope(do, y, xs[0]), changes[0]),
        of_log,
        back=None if back is None else lambda do, y, xs, d: (back(do, y, xs[0], d),),
    )


def _chosen(op: str, beats: str) -> Change:
    """That of the chosen one; the first of several that are equal, as the value itself is chosen."""

    def of(do: Do, _: Any, xs: list[Any], changes: list[Any]) -> Any:
        best, change = xs[0], changes[0]
        for other, its in zip(xs[1:], changes[1:], strict=True):
            wins = do(beats, other, best)
            change = do("add", do("mul", do("not", wins), change), do("mul", wins, its))
            best = do(op, best, other)
        return change

    def back(do: Do, _: Any, xs: Parts, d: Any) -> Parts:
        second = do(beats, xs[1], xs[0])
        return do("select", second, 0.0, d), do("select", second, d, 0.0)

    return Change(of, back=back)


# ------------------------------------------------------------------ formulas


@cache
def _symbolic_sign(sp: Any) -> Any:
    """The sign as a function that stays whole: ``simplify`` takes sympy's own apart, so that sums no longer cancel."""

    def known(_: object, x: Any) -> Any:
        found = sp.sign(x)
        return None if found.has(sp.sign) else found

    return type("sign", (sp.Function,), {"eval": classmethod(known), "fdiff": lambda self, argindex=1: sp.Integer(0)})


# ------------------------------------------------------------------ the rows

_ROWS = (
    Function(
        "exp", (1, 1), "pure",
        value=each(lambda x: math.exp(min(x, 709.0))),
        made_of=one("exp"),
        interval=_around(lambda x: math.exp(min(max(x, -708.0), 709.0)), -math.inf, math.inf),
        change=_slope(
            lambda do, y, x: y,
            of_log=lambda do, xs, changes, logs: changes[0],
            back=lambda do, y, x, d: do("mul", d, y),
        ),
        symbolic=lambda sp, x: sp.exp(x),
    ),
    Function(
        "log", (1, 1), "pure",
        value=each(_log),
        made_of=one("log"),
        interval=_around(_log, 0.0, math.inf),
        change=_slope(lambda do, y, x: do("div", 1.0, x), back=lambda do, y, x, d: do("div", d, x)),
        symbolic=lambda sp, x: sp.log(x),
    ),
    Function(
        "logit", (1, 1), "pure",
        value=each(_logit),
        made_of=lambda do, p: do("log", do("div", p, do("sub", 1.0, p))),
        interval=lambda p: ANYTHING,
        change=_slope(lambda do, y, p: do("div", 1.0, do("mul", p, do("sub", 1.0, p)))),
        symbolic=lambda sp, p: sp.log(p / (1 - p)),
    ),
    Function(
        "inverse_logit", (1, 1), "pure",
        value=each(lambda x: 1 / (1 + math.exp(min(-x, 709.0)))),
        made_of=lambda do, x: do("div", 1.0, do("add", 1.0, do("exp", do("neg", x)))),
        interval=lambda x: (0.0, 1.0),
        change=_slope(lambda do, y, x: do("mul", y, do("sub", 1.0, y))),
        symbolic=lambda sp, x: 1 / (1 + sp.exp(-x)),
        holds_limits=True,
    ),
    Function(
        "tanh", (1, 1), "pure",
        value=each(math.tanh),
        made_of=lambda do, x: do("sub", 1.0, do("div", 2.0, do("add", 1.0, do("exp", do("mul", 2.0, x))))),
        interval=lambda x: (max(-1.0, math.tanh(x[0]) - ROUNDING), min(1.0, math.tanh(x[1]) + ROUNDING)),
        change=_slope(lambda do, y, x: do("sub", 1.0, do("mul", y, y))),
        symbolic=lambda sp, x: sp.tanh(x),
    ),
    Function(
        "sin", (1, 1), "pure",
        value=each(_circular(math.sin)),
        made_of=one("sin"),
        interval=lambda x: (-1.0, 1.0),
        change=_slope(lambda do, y, x: do("cos", x), back=lambda do, y, x, d: do("mul", d, do("cos", x))),
        symbolic=lambda sp, x: sp.sin(x),
    ),
    Function(
        "cos", (1, 1), "pure",
        value=each(_circular(math.cos)),
        made_of=one("cos"),
        interval=lambda x: (-1.0, 1.0),
        change=_slope(
            lambda do, y, x: do("neg", do("sin", x)), back=lambda do, y, x, d: do("neg", do("mul", d, do("sin", x)))
        ),
        symbolic=lambda sp, x: sp.cos(x),
    ),
    Function(
        "floor", (1, 1), "pure",
        value=each(_whole),
        made_of=one("floor"),
        interval=_rising(_whole),
        change=None,
        symbolic=lambda sp, x: sp.floor(x),
    ),
    Function(
        "round", (1, 1), "pure",
        value=each(lambda x: _whole(x + 0.5)),
        made_of=lambda do, x: do("floor", do("add", x, 0.5)),
        interval=_rising(lambda x: _whole(x + 0.5)),
        change=None,
        symbolic=lambda sp, x: sp.floor(x + sp.Rational(1, 2)),
    ),
    Function(
        "sqrt", (1, 1), "square root",
        value=each(lambda x: math.sqrt(x) if x >= 0 else math.nan),
        made_of=one("sqrt"),
        interval=lambda x: (math.sqrt(x[0]), math.sqrt(x[1])) if x[0] >= 0 else ANYTHING,
        change=_slope(
            lambda do, y, x: do("div", 1.0, do("mul", 2.0, y)),
            of_log=lambda do, xs, changes, logs: do("mul", 0.5, logs[0]),
            back=lambda do, y, x, d: do("div", d, do("mul", 2.0, y)),
        ),
        symbolic=lambda sp, x: sp.sqrt(x),
    ),
    Function(
        "abs", (1, 1), "same",
        value=math.fabs,
        made_of=one("abs"),
        interval=_magnitude,
        change=_slope(
            lambda do, y, x: do("sub", do("gt", x, 0.0), do("lt", x, 0.0)),
            back=lambda do, y, x, d: do("select", do("lt", x, 0.0), do("neg", d), d),
        ),
        symbolic=lambda sp, x: sp.Abs(x),
        has_numbers=True,
    ),
    Function(
        "sign", (1, 1), "number out",
        value=each(lambda x: float((x > 0) - (x < 0))),
        made_of=_sign,
        interval=_rising(lambda x: float((x > 0) - (x < 0))),
        change=None,
        symbolic=lambda sp, x: _symbolic_sign(sp)(x),
    ),
    Function(
        "min", (2, None), "same",
        value=each(min),
        made_of=_folded("minimum"),
        interval=by_end(min),
        change=_chosen("min", "lt"),
        symbolic=lambda sp, *xs: sp.Min(*xs),
        has_numbers=True,
        holds_limits=True,
    ),
    Function(
        "max", (2, None), "same",
        value=each(max),
        made_of=_folded("maximum"),
        interval=by_end(max),
        change=_chosen("max", "gt"),
        symbolic=lambda sp, *xs: sp.Max(*xs),
        has_numbers=True,
        holds_limits=True,
    ),
)  # fmt: skip
FUNCTIONS: dict[str, Function] = {row.name: row for row in _ROWS}

"""Expressions of kernels: scalar values of one agent."""

from __future__ import annotations

from dataclasses import dataclass

from lpmdsl.program.ir.buffers import DType

ARITHMETIC = ("add", "sub", "mul", "div", "floordiv", "mod", "neg", "min", "max", "minimum", "maximum", "abs", "floor",
              "sqrt")  # fmt: skip
"""``min`` and ``max`` give their first argument where either is no number: what is counted is held so. ``minimum`` and
``maximum``, those of the language, are then no number either."""
INTEGER = ("shl", "shr", "bit_and")
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
LOGIC = ("and", "or", "not", "select")
CASTS = ("to_i64", "to_f64", "to_u8", "to_i16", "to_i32", "to_rank")
"""``to_rank``: an integer from 0 to 2⁶³ − 1 in the order of the numbers, alike for two that differ in the last bit."""
OWN_MATHS = ("log", "exp", "sin", "cos")
OPS = frozenset((*ARITHMETIC, *INTEGER, *COMPARISONS, *LOGIC, *CASTS, *OWN_MATHS))


@dataclass(frozen=True, slots=True)
class Const:
    """A number or truth value."""

    value: float | int | bool
    dtype: DType


@dataclass(frozen=True, slots=True)
class Var:
    """A local, the agent ``i``, the step ``t``, or a size such as ``Person``."""

    name: str
    dtype: DType


@dataclass(frozen=True, slots=True)
class Load:
    """Value of a buffer's element."""

    buffer: str
    index: tuple[KExpr, ...]
    dtype: DType


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation of ``OPS`` on arguments."""

    op: str
    args: tuple[KExpr, ...]
    dtype: DType


@dataclass(frozen=True, slots=True)
class Quantile:
    """Ticks (i64, at least 1) that the table ``buffer`` (rows, 2, cells) gives for a 32-bit word."""

    buffer: str
    row: KExpr
    word: KExpr
    dtype: DType = "i64"


@dataclass(frozen=True, slots=True)
class Threshold:
    """−log of the uniform made of two words, in units of 2⁻³², at least 1 (i64)."""

    high: KExpr
    low: KExpr
    dtype: DType = "i64"


@dataclass(frozen=True, slots=True)
class Beside:
    """The ``edge``-th neighbour (i64) of an agent in circles that are not written out (``networks.random_regular``)."""

    keys: str
    agent: KExpr
    edge: KExpr
    count: KExpr
    dtype: DType = "i64"


KExpr = Const | Var | Load | Apply | Quantile | Threshold | Beside

"""Short names for nodes of the Program IR, and the agent and the step that kernels speak of."""

from __future__ import annotations

from collections.abc import Iterable

from lpmdsl.program.ir import Apply, Const, DType, KExpr, Var

HAZARD_ONE = 4294967296.0
"""A hazard of 1 per step in fixed point."""
HAZARD_MOST = 1 << 42
"""The most that one weight or one rate can be in a step: 1 024, so that its share of a step fits into 63 bits."""
SURE = float(1 << 58)
"""An exposure in fixed point that infects in one tick: what is larger is held there, which changes nothing."""
AGENT = Var("i", "i64")
STEP = Var("t", "i64")


def integer(value: int) -> Const:
    """Constant of 64 bits."""
    return Const(value, "i64")


def number(value: float) -> Const:
    """Constant of double precision."""
    return Const(value, "f64")


def op(name: str, *args: KExpr, dtype: DType = "i64") -> Apply:
    """Operation that gives an integer, or ``dtype``."""
    return Apply(name, args, dtype)


def real(name: str, *args: KExpr) -> Apply:
    """Operation that gives a number of double precision."""
    return Apply(name, args, "f64")


def as_number(value: KExpr) -> KExpr:
    """A truth value or code as a number of double precision."""
    return value if value.dtype == "f64" else op("to_f64", value, dtype="f64")


def test(name: str, *args: KExpr) -> Apply:
    """Operation that gives a truth value."""
    return Apply(name, args, "bool")


def all_of(*tests: KExpr) -> KExpr:
    """Their conjunction; true if there are none."""
    joined: KExpr | None = None
    for one in tests:
        joined = one if joined is None else test("and", joined, one)
    return joined if joined is not None else Const(True, "bool")


def any_of(*tests: KExpr) -> KExpr:
    """Their disjunction; false if there are none."""
    joined: KExpr | None = None
    for one in tests:
        joined = one if joined is None else test("or", joined, one)
    return joined if joined is not None else Const(False, "bool")


def is_one_of(value: KExpr, codes: Iterable[int]) -> KExpr:
    """Test that a code is one of several."""
    return any_of(*(test("eq", value, integer(c)) for c in codes))


def rounded(value: KExpr) -> KExpr:
    """floor(x + 0.5) as an integer."""
    return op("to_i64", real("floor", real("add", value, number(0.5))))


def chance_threshold(probability: KExpr) -> KExpr:
    """A probability as a bound that a 32-bit word stays below."""
    return rounded(real("mul", real("max", number(0.0), probability), number(HAZARD_ONE)))


def word(draw: str, index: int) -> Var:
    """One of the four words of a draw, as an i64."""
    return Var(f"{draw}_{index}", "i64")

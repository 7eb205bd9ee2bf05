"""Arithmetic on values: what Python's operators mean, in LLVM, to the bit as IEEE 754 and two's complement have it.

No flag lets LLVM change a result: no fast mathematics, no contraction, no assumption that integers do not overflow.
"""

from __future__ import annotations

import operator

from lpmdsl.native.text import Text, Value, integer, number, truth
from lpmdsl.native.types import LLVM, RANK, Kind


class NotNative(TypeError):
    """A function uses something that the small language does not have: our mistake."""


def joined(a: Kind, b: Kind) -> Kind:
    """The kind that both widen to."""
    if a == b:
        return a
    if "u64" in (a, b):
        raise NotNative(f"{a} meets {b}: one of them must be cast")
    return a if RANK[a] > RANK[b] else b


def as_kind(text: Text, value: Value, kind: Kind) -> Value:
    """The value as another kind, by Python's rules: truth becomes 0 or 1, an integer the nearest float, …"""
    if value.kind == kind:
        return value
    if value.literal is not None and kind in ("i64", "u64"):
        return integer(value.literal, kind)
    match value.kind, kind:
        case ("i64", "u64") | ("u64", "i64"):
            return Value(kind, value.name)
        case "bool", "i64" | "u64":
            return Value(kind, text.give(f"zext i1 {value.name} to i64"))
        case "bool", "f64":
            return Value(kind, text.give(f"uitofp i1 {value.name} to double"))
        case "i64", "f64":
            if value.literal is not None:
                return number(float(value.literal))
            return Value(kind, text.give(f"sitofp i64 {value.name} to double"))
        case "u64", "f64":
            return Value(kind, text.give(f"uitofp i64 {value.name} to double"))
        case "f64", "i64":
            return Value(kind, text.give(f"fptosi double {value.name} to i64"))
        case "f64", "u64":
            return Value(kind, text.give(f"fptoui double {value.name} to i64"))
        case "f64", "bool":
            return Value(kind, text.give(f"fcmp une double {value.name}, 0.0"))
        case _:
            return Value(kind, text.give(f"icmp ne i64 {value.name}, 0"))


def meet(text: Text, a: Value, b: Value, least: Kind = "bool") -> tuple[Value, Value, Kind]:
    """Both as the kind that they join to, at least ``least``. A literal takes the kind of the other."""
    kinds: list[Kind] = [v.kind for v in (a, b)]
    if "u64" in kinds and "f64" not in kinds:
        a, b = (as_kind(text, v, "u64") if v.literal is not None else v for v in (a, b))
        kinds = [a.kind, b.kind]
    kind = joined(kinds[0], kinds[1])
    if kind != "u64" and RANK[kind] < RANK[least]:
        kind = least
    return as_kind(text, a, kind), as_kind(text, b, kind), kind


_WHOLE = {"+": "add", "-": "sub", "*": "mul"}
_REAL = {"+": "fadd", "-": "fsub", "*": "fmul"}
_FOLDED = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_BITS = {"&": "and", "|": "or", "^": "xor"}


def binary(text: Text, sign: str, a: Value, b: Value) -> Value:
    """One of Python's binary operators."""
    if sign in _FOLDED and a.literal is not None and b.literal is not None and a.kind == b.kind == "i64":
        return integer(_FOLDED[sign](a.literal, b.literal))
    if sign == "/":
        x, y = as_kind(text, a, "f64"), as_kind(text, b, "f64")
        return Value("f64", text.give(f"fdiv double {x.name}, {y.name}"))
    if sign in _BITS:
        x, y, kind = meet(text, a, b)
        return Value(kind, text.give(f"{_BITS[sign]} {LLVM[kind]} {x.name}, {y.name}"))
    if sign in ("<<", ">>"):
        return _shifted(text, sign, a, b)
    x, y, kind = meet(text, a, b, "i64")
    if sign == "//":
        return _floor_divided(text, x, y, kind)
    if sign == "%":
        return _remainder(text, x, y, kind)
    if kind == "f64":
        return Value(kind, text.give(f"{_REAL[sign]} double {x.name}, {y.name}"))
    return Value(kind, text.give(f"{_WHOLE[sign]} i64 {x.name}, {y.name}"))


def _shifted(text: Text, sign: str, a: Value, b: Value) -> Value:
    x = as_kind(text, a, "i64") if a.kind == "bool" else a
    if x.literal is not None and b.kind == "u64":
        x = as_kind(text, x, "u64")
    name = "shl" if sign == "<<" else "lshr" if x.kind == "u64" else "ashr"
    return Value(x.kind, text.give(f"{name} i64 {x.name}, {as_kind(text, b, 'i64').name}"))


def _floor_divided(text: Text, a: Value, b: Value, kind: Kind) -> Value:
    """Rounded down; of an integer by zero, 0."""
    if kind == "f64":
        return _real_floor_divided(text, a, b)
    quotient, rest, divisor = _divided(text, a, b, kind)
    if kind == "i64":
        down = _is_rounded_up(text, rest, divisor)
        less = text.give(f"sext i1 {down} to i64")
        quotient = text.give(f"add i64 {quotient}, {less}")
    return Value(kind, _unless_zero(text, b, quotient))


def _remainder(text: Text, a: Value, b: Value, kind: Kind) -> Value:
    """The rest that ``//`` leaves, with the divisor's sign; of an integer by zero, 0."""
    if kind == "f64":
        return _real_remainder(text, a, b)
    _, rest, divisor = _divided(text, a, b, kind)
    if kind == "i64":
        up = _is_rounded_up(text, rest, divisor)
        more = text.give(f"select i1 {up}, i64 {divisor}, i64 0")
        rest = text.give(f"add i64 {rest}, {more}")
    return Value(kind, _unless_zero(text, b, rest))


def _divided(text: Text, a: Value, b: Value, kind: Kind) -> tuple[str, str, str]:
    """Quotient and rest rounded towards zero, and the divisor, which is 1 where it would be 0."""
    divisor = b.name
    if not b.literal:
        is_zero = text.give(f"icmp eq i64 {b.name}, 0")
        divisor = text.give(f"select i1 {is_zero}, i64 1, i64 {b.name}")
    sign = "u" if kind == "u64" else "s"
    quotient = text.give(f"{sign}div i64 {a.name}, {divisor}")
    return quotient, text.give(f"{sign}rem i64 {a.name}, {divisor}"), divisor


def _is_rounded_up(text: Text, rest: str, divisor: str) -> str:
    """Test of a division that has a rest, and operands of two signs."""
    signs = text.give(f"xor i64 {rest}, {divisor}")
    differ = text.give(f"icmp slt i64 {signs}, 0")
    is_left = text.give(f"icmp ne i64 {rest}, 0")
    return text.give(f"and i1 {differ}, {is_left}")


def _unless_zero(text: Text, divisor: Value, result: str) -> str:
    if divisor.literal:
        return result
    is_zero = text.give(f"icmp eq i64 {divisor.name}, 0")
    return text.give(f"select i1 {is_zero}, i64 0, i64 {result}")


def _real_divided(text: Text, a: Value, b: Value) -> tuple[str, str, str]:
    """The remainder towards zero, whether it must take the divisor's sign, and the quotient that it leaves."""
    rest = text.give(f"frem double {a.name}, {b.name}")
    is_left = text.give(f"fcmp une double {rest}, 0.0")
    negative, below = (text.give(f"fcmp olt double {x}, 0.0") for x in (b.name, rest))
    differ = text.give(f"xor i1 {negative}, {below}")
    exact = text.give(f"fsub double {a.name}, {rest}")
    return rest, text.give(f"and i1 {is_left}, {differ}"), text.give(f"fdiv double {exact}, {b.name}")


def _zero_like(text: Text, name: str) -> str:
    text.declare("double @llvm.copysign.f64(double, double)")
    return text.give(f"call double @llvm.copysign.f64(double 0.0, double {name})")


def _real_remainder(text: Text, a: Value, b: Value) -> Value:
    """The remainder with the divisor's sign, as numpy has it: 0 too."""
    rest, differ, _ = _real_divided(text, a, b)
    moved = text.give(f"fadd double {rest}, {b.name}")
    held = text.give(f"select i1 {differ}, double {moved}, double {rest}")
    is_zero = text.give(f"fcmp oeq double {rest}, 0.0")
    return Value("f64", text.give(f"select i1 {is_zero}, double {_zero_like(text, b.name)}, double {held}"))


def _real_floor_divided(text: Text, a: Value, b: Value) -> Value:
    """The quotient rounded down, as numpy has it: a zero has its sign, and by zero it is what ``/`` gives."""
    _, differ, quotient = _real_divided(text, a, b)
    less = text.give(f"fsub double {quotient}, {number(1.0).name}")
    whole = text.give(f"select i1 {differ}, double {less}, double {quotient}")
    floor = called(text, "floor", Value("f64", whole))
    over = text.give(f"fsub double {whole}, {floor.name}")
    is_near = text.give(f"fcmp ogt double {over}, {number(0.5).name}")
    above = text.give(f"fadd double {floor.name}, {number(1.0).name}")
    held = text.give(f"select i1 {is_near}, double {above}, double {floor.name}")
    plain = text.give(f"fdiv double {a.name}, {b.name}")
    is_zero = text.give(f"fcmp oeq double {whole}, 0.0")
    signed = text.give(f"select i1 {is_zero}, double {_zero_like(text, plain)}, double {held}")
    by_zero = text.give(f"fcmp oeq double {b.name}, 0.0")
    return Value("f64", text.give(f"select i1 {by_zero}, double {plain}, double {signed}"))


_SIGNED = {"<": "slt", "<=": "sle", ">": "sgt", ">=": "sge", "==": "eq", "!=": "ne"}
_REAL_TESTS = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge", "==": "oeq", "!=": "une"}


def compared(text: Text, sign: str, a: Value, b: Value) -> Value:
    """One of Python's comparisons."""
    x, y, kind = meet(text, a, b)
    if kind == "f64":
        return Value("bool", text.give(f"fcmp {_REAL_TESTS[sign]} double {x.name}, {y.name}"))
    name = _SIGNED[sign]
    if kind != "i64" and name.startswith("s"):
        name = "u" + name[1:]
    return Value("bool", text.give(f"icmp {name} {LLVM[kind]} {x.name}, {y.name}"))


def negated(text: Text, a: Value) -> Value:
    """``-a``."""
    if a.literal is not None and a.kind == "i64":
        return integer(-a.literal)
    x = as_kind(text, a, "i64") if a.kind == "bool" else a
    if x.kind == "f64":
        return Value("f64", text.give(f"fneg double {x.name}"))
    return Value(x.kind, text.give(f"sub i64 0, {x.name}"))


def inverted(text: Text, a: Value) -> Value:
    """``~a``."""
    x = as_kind(text, a, "i64") if a.kind == "bool" else a
    return Value(x.kind, text.give(f"xor i64 {x.name}, -1"))


def denied(text: Text, a: Value) -> Value:
    """``not a``."""
    if a.name in ("true", "false"):
        return truth(a.name == "false")
    return Value("bool", text.give(f"xor i1 {as_kind(text, a, 'bool').name}, true"))


def chosen(text: Text, test: Value, a: Value, b: Value) -> Value:
    """``a if test else b`` where both may be worked out."""
    x, y, kind = meet(text, a, b)
    llvm = LLVM[kind]
    return Value(kind, text.give(f"select i1 {test.name}, {llvm} {x.name}, {llvm} {y.name}"))


def narrowed(text: Text, a: Value, bits: int, signed: bool) -> Value:
    """The lowest bits of an integer as a number of their own."""
    whole = as_kind(text, a, "i64")
    if whole.literal is not None and 0 <= whole.literal < 1 << (bits - 1):
        return integer(whole.literal)
    small = text.give(f"trunc i64 {whole.name} to i{bits}")
    return Value("i64", text.give(f"{'sext' if signed else 'zext'} i{bits} {small} to i64"))


def called(text: Text, name: str, a: Value) -> Value:
    """``floor``, ``sqrt`` or ``fabs`` of a float64."""
    x = as_kind(text, a, "f64")
    text.declare(f"double @llvm.{name}.f64(double)")
    return Value("f64", text.give(f"call double @llvm.{name}.f64({x.typed})"))

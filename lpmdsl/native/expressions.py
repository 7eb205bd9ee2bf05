"""Expressions of the small language become instructions."""

from __future__ import annotations

import ast
import types as modules
from typing import Any

from lpmdsl.native import memory
from lpmdsl.native.calls import call
from lpmdsl.native.frame import Frame
from lpmdsl.native.operations import as_kind, binary, chosen, compared, denied, inverted, meet, negated
from lpmdsl.native.plain import is_plain
from lpmdsl.native.text import Index, Operand, Several, Value, View, integer, number, truth
from lpmdsl.native.types import LLVM, type_of

SIGNS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.LShift: "<<",
    ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">",
    ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip


def several(frame: Frame, node: ast.expr) -> Several:
    """The values of an expression, which may be several."""
    if isinstance(node, ast.Tuple):
        return tuple(operand(frame, part) for part in node.elts)
    if isinstance(node, ast.Call):
        return call(frame, node, operand)
    return (operand(frame, node),)


def value(frame: Frame, node: ast.expr) -> Value:
    """The number or truth value of an expression."""
    found = operand(frame, node)
    if not isinstance(found, Value):
        raise frame.fail(node, "no number where one is needed")
    return found


def test(frame: Frame, node: ast.expr) -> Value:
    """The truth of an expression."""
    return as_kind(frame.text, value(frame, node), "bool")


def operand(frame: Frame, node: ast.expr) -> Operand:
    """The value of an expression, or its array."""
    text = frame.text
    match node:
        case ast.Constant():
            return constant(frame, node, node.value)
        case ast.Name():
            found = frame.outside(node.id)
            return frame.read(node) if found is None else constant(frame, node, found)
        case ast.BinOp():
            return binary(text, SIGNS[type(node.op)], value(frame, node.left), value(frame, node.right))
        case ast.UnaryOp():
            return _unary(frame, node)
        case ast.BoolOp():
            return _all_or_any(frame, node.values, isinstance(node.op, ast.And))
        case ast.Compare():
            return _compared(frame, node)
        case ast.IfExp():
            return _either(frame, node)
        case ast.Subscript():
            return _part(frame, node)
        case ast.Tuple():
            return tuple(value(frame, part) for part in node.elts)
        case ast.Attribute():
            return _attribute(frame, node)
        case ast.Call():
            made = call(frame, node, operand)
            if len(made) == 1:
                return made[0]
            raise frame.fail(node, f"{len(made)} values where one is needed")
        case _:
            raise frame.fail(node, f"no {type(node).__name__} in native functions")


def constant(frame: Frame, node: ast.AST, found: object) -> Value:
    """A number from outside, or written."""
    try:
        kind = type_of(found)
    except TypeError as error:
        raise frame.fail(node, str(error)) from error
    plain: Any = found
    if kind == "bool":
        return truth(bool(plain))
    if kind == "f64":
        return number(float(plain))
    return integer(int(plain)) if kind == "i64" else Value("u64", integer(int(plain)).name)


def _unary(frame: Frame, node: ast.UnaryOp) -> Value:
    inner = value(frame, node.operand)
    match node.op:
        case ast.Not():
            return denied(frame.text, inner)
        case ast.USub():
            return negated(frame.text, inner)
        case ast.Invert():
            return inverted(frame.text, inner)
        case _:
            return inner


def _all_or_any(frame: Frame, parts: list[ast.expr], is_all: bool) -> Value:
    """``and`` or ``or``: what stands behind is worked out only where it counts, unless that costs nothing."""
    text, first = frame.text, test(frame, parts[0])
    if len(parts) == 1:
        return first
    rest = parts[1:]
    if all(is_plain(frame, part) for part in rest):
        other = _all_or_any(frame, rest, is_all)
        both = f"i1 {other.name}, i1 false" if is_all else f"i1 true, i1 {other.name}"
        return Value("bool", text.give(f"select i1 {first.name}, {both}"))
    place = text.place("i1")
    text.line(f"store i1 {first.name}, ptr {place}")
    more, done = text.fresh("more"), text.fresh("done")
    text.branch(first.name, *((more, done) if is_all else (done, more)))
    text.begin(more)
    text.line(f"store i1 {_all_or_any(frame, rest, is_all).name}, ptr {place}")
    text.begin(done)
    return Value("bool", text.give(f"load i1, ptr {place}"))


def _compared(frame: Frame, node: ast.Compare) -> Value:
    left, found = value(frame, node.left), None
    for op, right_node in zip(node.ops, node.comparators, strict=True):
        right = value(frame, right_node)
        one = compared(frame.text, SIGNS[type(op)], left, right)
        found = one if found is None else binary(frame.text, "&", found, one)
        left = right
    assert found is not None
    return found


def _either(frame: Frame, node: ast.IfExp) -> Value:
    """``a if test else b``: a choice where both cost nothing, else a branch."""
    text, condition = frame.text, test(frame, node.test)
    if is_plain(frame, node.body) and is_plain(frame, node.orelse):
        return chosen(text, condition, value(frame, node.body), value(frame, node.orelse))
    then, orelse, done = text.fresh("then"), text.fresh("else"), text.fresh("done")
    text.branch(condition.name, then, orelse)
    text.begin(then)
    a, at_a = value(frame, node.body), text.block
    held = len(text.lines)
    text.jump(done)
    text.begin(orelse)
    b = value(frame, node.orelse)
    kind = meet_kind(frame, a, b)
    b = as_kind(text, b, kind)
    at_b = text.block
    if kind != a.kind:  # the first is widened where it was made, before its jump
        rest, text.lines[held:], text.block = text.lines[held:], [], at_a
        a = as_kind(text, a, kind)
        text.lines += rest
        text.block = at_b
    text.begin(done)
    return Value(kind, text.give(f"phi {LLVM[kind]} [ {a.name}, %{at_a} ], [ {b.name}, %{at_b} ]"))


def meet_kind(frame: Frame, a: Value, b: Value):
    """The kind that two values have together; nothing is written."""
    scratch = type(frame.text)()
    return meet(scratch, a, b)[2]


def index_of(frame: Frame, node: ast.expr) -> Index:
    """The indices between brackets."""
    found = operand(frame, node)
    if isinstance(found, View):
        raise frame.fail(node, "an array is no index")
    return found if isinstance(found, tuple) else (found,)


def _part(frame: Frame, node: ast.Subscript) -> Operand:
    """An element, a row, a slice; of ``shape``, a length."""
    if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
        view, place = operand(frame, node.value.value), node.slice
        if isinstance(view, View) and isinstance(place, ast.Constant) and isinstance(place.value, int):
            return Value("i64", view.lengths[place.value])
        raise frame.fail(node, "a length that is not known")
    view = operand(frame, node.value)
    if not isinstance(view, View):
        raise frame.fail(node, "no array")
    if isinstance(node.slice, ast.Slice):
        lower, upper = node.slice.lower, node.slice.upper
        start = value(frame, lower) if lower is not None else integer(0)
        stop = value(frame, upper) if upper is not None else Value("i64", view.lengths[0])
        return memory.sliced(frame.text, view, start, stop)
    index = index_of(frame, node.slice)
    if len(index) < view.type.dimensions:
        return memory.part(frame.text, view, index)
    return memory.load(frame.text, view, index)


def _attribute(frame: Frame, node: ast.Attribute) -> Value:
    """``array.size``, or a constant of a module."""
    if isinstance(node.value, ast.Name) and isinstance(module := frame.outside(node.value.id), modules.ModuleType):
        return constant(frame, node, getattr(module, node.attr))
    view = operand(frame, node.value)
    if not isinstance(view, View) or node.attr != "size":
        raise frame.fail(node, f"no {node.attr}")
    size = Value("i64", view.lengths[0])
    for length in view.lengths[1:]:
        size = binary(frame.text, "*", size, Value("i64", length))
    return size

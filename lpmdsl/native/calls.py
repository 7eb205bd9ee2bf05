"""Calls: casts, what Python and numpy give, machine instructions, and functions of the small language."""

from __future__ import annotations

import ast
import math
import sys
import types as modules
from collections.abc import Callable
from typing import Any

import numpy as np

from lpmdsl.native import memory
from lpmdsl.native.frame import Called, Frame, argument, operand_type
from lpmdsl.native.operations import as_kind, called, chosen, compared, narrowed, negated
from lpmdsl.native.routine import Instruction, Routine
from lpmdsl.native.text import Operand, Several, Value, View, integer
from lpmdsl.native.types import ELEMENTS, LLVM, ArrayType, Kind, Type

GIVE_WAY = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
Evaluate = Callable[[Frame, ast.expr], Operand]
_KINDS: dict[Any, Kind] = {
    np.int64: "i64", int: "i64", np.uint64: "u64", np.float64: "f64", float: "f64", bool: "bool", np.bool_: "bool",
}  # fmt: skip
_NARROW = {np.uint8: (8, False), np.int8: (8, True), np.uint16: (16, False), np.int16: (16, True),
           np.uint32: (32, False), np.int32: (32, True)}  # fmt: skip
_REAL = {np.floor: "floor", math.floor: "floor", np.sqrt: "sqrt", math.sqrt: "sqrt"}


def call(frame: Frame, node: ast.Call, evaluate: Evaluate) -> Several:
    """The results of a call."""
    if isinstance(node.func, ast.Attribute) and node.func.attr == "view":
        return (_viewed(frame, node, evaluate(frame, node.func.value)),)
    function = _meant(frame, node.func)
    if function in (np.empty, np.zeros):
        return (_allocated(frame, node, evaluate, function is np.zeros),)
    routine = getattr(function, "routine", function)
    if isinstance(routine, Routine):
        return _routine(frame, routine, tuple(evaluate(frame, a) for a in node.args))
    if isinstance(function, Instruction):
        return _instruction(frame, node, function.name, evaluate)
    given = [evaluate(frame, a) for a in node.args]
    if function is len and isinstance(given[0], View):
        return (Value("i64", given[0].lengths[0]),)
    values = [v for v in given if isinstance(v, Value)]
    if function is None or len(values) != len(given):
        raise frame.fail(node, f"no call of {ast.unparse(node.func)}")
    return (_builtin(frame, node, function, values),)


def _meant(frame: Frame, node: ast.expr) -> Any:
    """The function that a call names."""
    match node:
        case ast.Name():
            return frame.outside(node.id)
        case ast.Attribute(value=ast.Name(id=name)) if isinstance(frame.outside(name), modules.ModuleType):
            return getattr(frame.outside(name), node.attr)
        case _:
            raise frame.fail(node, "no function")


def _viewed(frame: Frame, node: ast.Call, array: Operand) -> View:
    """``array.view(dtype)``: the same memory as elements of another type, as large."""
    name = np.dtype(_meant(frame, node.args[0])).name
    if not isinstance(array, View) or ELEMENTS[name].bits != array.element.bits:
        raise frame.fail(node, "elements of another size")
    return View(ArrayType(name, array.type.dimensions), array.pointer, array.lengths)


def _builtin(frame: Frame, node: ast.Call, function: Any, values: list[Value]) -> Value:
    text = frame.text
    if function in _KINDS:
        return as_kind(text, values[0], _KINDS[function])
    if function in _NARROW:
        return narrowed(text, values[0], *_NARROW[function])
    if function in _REAL:
        return called(text, _REAL[function], values[0])
    if function in (np.isnan, math.isnan):
        x = as_kind(text, values[0], "f64").name
        return Value("bool", text.give(f"fcmp uno double {x}, {x}"))
    if function in (min, max):
        best = values[0]
        for other in values[1:]:
            best = chosen(text, compared(text, "<" if function is min else ">", other, best), other, best)
        return best
    if function is abs:
        return _absolute(frame, values[0])
    raise frame.fail(node, f"no call of {ast.unparse(node.func)}")


def _absolute(frame: Frame, a: Value) -> Value:
    if a.kind == "f64":
        return called(frame.text, "fabs", a)
    return chosen(frame.text, compared(frame.text, "<", a, integer(0)), negated(frame.text, a), a)


def _allocated(frame: Frame, node: ast.Call, evaluate: Evaluate, is_zero: bool) -> View:
    """``np.empty`` and ``np.zeros``: memory that the function gives back at its end."""
    shape = node.args[0]
    lengths = [evaluate(frame, n) for n in (shape.elts if isinstance(shape, ast.Tuple) else [shape])]
    dtype = _meant(frame, node.args[1]) if len(node.args) > 1 else np.float64
    kind = ArrayType(np.dtype(dtype).name, len(lengths))
    text = frame.text
    view = memory.allocate(text, kind, [v for v in lengths if isinstance(v, Value)])
    if is_zero:
        text.declare("void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
        count = view.lengths[0]
        for length in view.lengths[1:]:
            count = text.give(f"mul nsw i64 {count}, {length}")
        octets = text.give(f"mul nsw i64 {count}, {view.element.bits // 8}")
        text.line(f"call void @llvm.memset.p0.i64(ptr {view.pointer}, i8 0, i64 {octets}, i1 false)")
    return view


# ------------------------------------------------------------------ functions


def _routine(frame: Frame, routine: Routine, given: Several) -> Several:
    types: tuple[Type, ...] = tuple(operand_type(v) for v in given)
    made = (frame.linker.outer if routine.is_unit else frame.linker.inner)(routine, types)
    return _called(frame, made, given)


def _called(frame: Frame, made: Called, given: Several) -> Several:
    text, arguments = frame.text, ", ".join(part for v in given for part in argument(v))
    function = made.name
    if made.place >= 0:
        entry = text.give(f"getelementptr inbounds ptr, ptr %table, i64 {made.place}")
        function = text.give(f"load ptr, ptr {entry}")
    if not made.results:
        text.line(f"call void {function}({arguments})")
        return ()
    if len(made.results) == 1:
        kind = made.results[0]
        return (Value(kind, text.give(f"call {LLVM[kind]} {function}({arguments})")),)
    struct = f"{{ {', '.join(LLVM[k] for k in made.results)} }}"
    whole = text.give(f"call {struct} {function}({arguments})")
    return tuple(Value(kind, text.give(f"extractvalue {struct} {whole}, {k}")) for k, kind in enumerate(made.results))


# ------------------------------------------------------------------ instructions

_ATOMIC = {
    "atomic_add": ("add", "monotonic"),
    "fetch_add": ("add", "seq_cst"),
    "fetch_max": ("max", "monotonic"),
    "exchange": ("xchg", "seq_cst"),
    "combine_or": ("or", "monotonic"),
    "combine_and": ("and", "monotonic"),
}


def _instruction(frame: Frame, node: ast.Call, name: str, evaluate: Evaluate) -> Several:
    text = frame.text
    if name == "give_way":
        text.declare(f"i32 @{GIVE_WAY}()")
        text.line(f"call i32 @{GIVE_WAY}()")
        return ()
    first = evaluate(frame, node.args[0])
    if isinstance(first, Value):
        return (_of_bits(frame, name, first),)
    place = evaluate(frame, node.args[1])
    numbers = place if isinstance(place, tuple) else (place,) if isinstance(place, Value) else ()
    if not isinstance(first, View) or not numbers:
        raise frame.fail(node, "no place in memory")
    if name == "prefetch":
        memory.prefetch(text, first, numbers)
        return ()
    if name == "other_than_zero":
        return (memory.other_than_zero(text, first, numbers),)
    value = evaluate(frame, node.args[2])
    if name == "subtract" and isinstance(value, View):
        return (memory.subtract(text, first, numbers, value),)
    if name not in _ATOMIC or not isinstance(value, Value):
        raise frame.fail(node, f"no instruction {name}")
    made = memory.atomic(text, first, numbers, value, *_ATOMIC[name])
    return () if name == "atomic_add" else (made,)


def _of_bits(frame: Frame, name: str, value: Value) -> Value:
    text = frame.text
    match name:
        case "lowest_bit":
            text.declare("i64 @llvm.cttz.i64(i64, i1)")
            return Value("i64", text.give(f"call i64 @llvm.cttz.i64({as_kind(text, value, 'i64').typed}, i1 true)"))
        case "float_bits":
            return Value("i64", text.give(f"bitcast {as_kind(text, value, 'f64').typed} to i64"))
        case _:
            return Value("f64", text.give(f"bitcast {as_kind(text, value, 'i64').typed} to double"))

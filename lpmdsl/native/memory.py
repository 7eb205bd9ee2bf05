"""Arrays in memory: elements read and written, parts of arrays, atomic instructions, 64 integers at once."""

from __future__ import annotations

from collections.abc import Sequence

from lpmdsl.native.operations import NotNative, as_kind
from lpmdsl.native.text import Text, Value, View
from lpmdsl.native.types import ArrayType

LENGTH = 64
"""Integers that one instruction takes at once; what a loop over widened integers becomes takes four."""


def offset(text: Text, view: View, index: Sequence[Value]) -> str:
    """The number of an element, or of the first of a row where there are fewer indices than dimensions."""
    place = as_kind(text, index[0], "i64").name
    for k in range(1, view.type.dimensions):
        place = text.give(f"mul nsw i64 {place}, {view.lengths[k]}")
        if k < len(index):
            place = text.give(f"add nsw i64 {place}, {as_kind(text, index[k], 'i64').name}")
    return place


def pointer(text: Text, view: View, index: Sequence[Value]) -> str:
    """The address of an element."""
    if len(index) > view.type.dimensions:
        raise NotNative(f"{len(index)} indices for {view.type}")
    place = offset(text, view, index)
    return text.give(f"getelementptr inbounds {view.element.memory}, ptr {view.pointer}, i64 {place}")


def part(text: Text, view: View, index: Sequence[Value]) -> View:
    """The row at some indices, fewer than there are dimensions."""
    rest = view.type.dimensions - len(index)
    kind = ArrayType(view.type.element, rest)
    return View(kind, pointer(text, view, index), view.lengths[len(index) :])


def sliced(text: Text, view: View, start: Value, stop: Value) -> View:
    """``view[start:stop]``."""
    first, last = as_kind(text, start, "i64"), as_kind(text, stop, "i64")
    length = text.give(f"sub i64 {last.name}, {first.name}")
    return View(view.type, pointer(text, view, [first]), (length, *view.lengths[1:]))


def load(text: Text, view: View, index: Sequence[Value]) -> Value:
    """An element, widened."""
    element, place = view.element, pointer(text, view, index)
    name = text.give(f"load {element.memory}, ptr {place}")
    return widened(text, view, name)


def widened(text: Text, view: View, name: str) -> Value:
    """A number as memory holds it, as a value."""
    element = view.element
    if element.kind == "bool":
        return Value("bool", text.give(f"icmp ne i8 {name}, 0"))
    if element.widen:
        to = "double" if element.kind == "f64" else "i64"
        name = text.give(f"{element.widen} {element.memory} {name} to {to}")
    return Value(element.kind, name)


def narrow(text: Text, view: View, value: Value) -> str:
    """The value as memory holds it; the lowest bits of an integer that is too large."""
    element = view.element
    whole = as_kind(text, value, element.kind)
    if element.kind == "bool":
        return text.give(f"zext i1 {whole.name} to i8")
    if element.bits == 64:
        return whole.name
    if element.kind == "f64":
        return text.give(f"fptrunc double {whole.name} to float")
    return whole.name if whole.literal == 0 else text.give(f"trunc i64 {whole.name} to {element.memory}")


def store(text: Text, view: View, index: Sequence[Value], value: Value) -> None:
    """Write an element."""
    kept = narrow(text, view, value)
    text.line(f"store {view.element.memory} {kept}, ptr {pointer(text, view, index)}")


def atomic(text: Text, view: View, index: Sequence[Value], value: Value, how: str, order: str) -> Value:
    """An element before it was changed by one atomic instruction."""
    kept = narrow(text, view, value)
    place = pointer(text, view, index)
    return widened(text, view, text.give(f"atomicrmw {how} ptr {place}, {view.element.memory} {kept} {order}"))


def prefetch(text: Text, view: View, index: Sequence[Value]) -> None:
    """Ask for the cache line of an element."""
    text.declare("void @llvm.prefetch.p0(ptr, i32, i32, i32)")
    text.line(f"call void @llvm.prefetch.p0(ptr {pointer(text, view, index)}, i32 0, i32 3, i32 1)")


def allocate(text: Text, kind: ArrayType, lengths: Sequence[Value]) -> View:
    """A new array. Its memory is given back where the function ends, or where this place is come to again."""
    held = text.place("ptr")
    text.places.append(f"  store ptr null, ptr {held}")
    text.held.append(held)
    sizes = tuple(as_kind(text, length, "i64").name for length in lengths)
    count = sizes[0]
    for size in sizes[1:]:
        count = text.give(f"mul nsw i64 {count}, {size}")
    view = View(kind, "", sizes)
    octets = text.give(f"mul nsw i64 {count}, {view.element.bits // 8}")
    text.declare("noalias ptr @malloc(i64)")
    text.declare("void @free(ptr)")
    text.line(f"call void @free(ptr {text.give(f'load ptr, ptr {held}')})")
    made = text.give(f"call noalias ptr @malloc(i64 {octets})")
    text.line(f"store ptr {made}, ptr {held}")
    return View(kind, made, sizes)


# ------------------------------------------------------------------ 64 integers at once


def subtract(text: Text, view: View, index: Sequence[Value], amounts: View) -> Value:
    """Subtract 64 amounts from the integers at the same places; return a bit for each of which at most 0 is left."""
    place = pointer(text, view, index)
    kind, octets = _kind(view), view.element.bits // 8
    many, taken = text.give(f"load {kind}, ptr {place}, align {octets}"), _load(text, amounts, index)
    if amounts.element.bits != view.element.bits:
        how = amounts.element.widen if amounts.element.bits < view.element.bits else "trunc"
        taken = text.give(f"{how} {_kind(amounts)} {taken} to {kind}")
    left = text.give(f"sub {kind} {many}, {taken}")
    text.line(f"store {kind} {left}, ptr {place}, align {octets}")
    return _bits(text, f"sle {kind} {left}")


def other_than_zero(text: Text, view: View, index: Sequence[Value]) -> Value:
    """A bit for each of 64 integers: whether it is not 0."""
    return _bits(text, f"ne {_kind(view)} {_load(text, view, index)}")


def _kind(view: View) -> str:
    return f"<{LENGTH} x {view.element.memory}>"


def _load(text: Text, view: View, index: Sequence[Value]) -> str:
    return text.give(f"load {_kind(view)}, ptr {pointer(text, view, index)}, align {view.element.bits // 8}")


def _bits(text: Text, comparison: str) -> Value:
    """The outcomes of a comparison with 0, the first in the lowest bit."""
    return Value("i64", text.give(f"bitcast <{LENGTH} x i1> {text.give(f'icmp {comparison}, zeroinitializer')} to i64"))

"""Instructions on 64 integers at once. What a loop over widened integers is vectorised to takes four at a time."""

from __future__ import annotations

from collections.abc import Sequence

from lpmdsl.native.memory import pointer
from lpmdsl.native.text import Text, Value, View

LENGTH = 64


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

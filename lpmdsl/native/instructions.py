"""Machine instructions, called like functions in the small language."""

from __future__ import annotations

from typing import Any

from lpmdsl.native.routine import instruction


@instruction
def atomic_add(array: Any, index: Any, value: Any) -> None:
    """Add an integer to an element shared between threads; ``index`` is a whole number or a pair."""


@instruction
def fetch_add(array: Any, index: Any, value: Any) -> Any:
    """``array[index]`` before ``value`` is added to it, ordered against all other memory."""


@instruction
def fetch_max(array: Any, index: Any, value: Any) -> Any:
    """``array[index]`` before it becomes the larger of it and ``value``, as one atomic instruction."""


@instruction
def exchange(array: Any, index: Any, value: Any) -> Any:
    """``array[index]`` before ``value`` takes its place, ordered against all other memory."""


@instruction
def combine_or(array: Any, index: Any, value: Any) -> Any:
    """``array[index]`` before it is or-ed with ``value``, as one atomic instruction."""


@instruction
def combine_and(array: Any, index: Any, value: Any) -> Any:
    """``array[index]`` before it is and-ed with ``value``, as one atomic instruction."""


@instruction
def lowest_bit(word: Any) -> Any:
    """The number of the lowest bit that is set in an int64 other than 0."""


@instruction
def subtract(array: Any, first: Any, amounts: Any) -> Any:
    """Subtract 64 of ``amounts`` from ``first`` on from the integers at the same places; where at most 0 is left.

    An int64 with a bit for each, the first in the lowest.
    """


@instruction
def other_than_zero(array: Any, first: Any) -> Any:
    """An int64 with a bit for each of 64 integers from ``first`` on: whether it is not 0."""


@instruction
def float_bits(value: Any) -> Any:
    """The bits of a float64 as an int64."""


@instruction
def bits_float(value: Any) -> Any:
    """The float64 with the bits of an int64."""


@instruction
def prefetch(array: Any, index: Any) -> None:
    """Asks for the cache line of an element before it is needed."""


@instruction
def give_way() -> None:
    """Gives the processor to whoever waits for it."""

"""Native functions called from Python: arguments numbers and contiguous arrays, results numbers."""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lpmdsl.native.routine import Routine, routine_of
from lpmdsl.native.types import ArrayType, Type, type_of

if TYPE_CHECKING:
    from lpmdsl.native.translate import Unit

_C: dict[str, type] = {"bool": ctypes.c_bool, "i64": ctypes.c_int64, "u64": ctypes.c_uint64, "f64": ctypes.c_double}


class Native:
    """A function with machine code for every combination of its arguments' types, made when it is first called.

    ``plainly``: the function as Python runs it, on whole arrays too where its text neither loops over elements nor
    asks for one; None of a generated one.
    """

    def __init__(self, routine: Routine, plainly: Any = None) -> None:
        self.routine, self.plainly = routine, plainly
        self.made: dict[tuple[Type, ...], tuple[Unit, Callable[..., None]]] = {}
        self.__doc__ = plainly.__doc__ if plainly is not None else None

    def __call__(self, *given: Any) -> Any:
        """The results, one by itself and several as a tuple. Raises ``TypeError`` for what is no number or array."""
        unit, function = self._for(tuple(type_of(v) for v in given))
        results = ctypes.create_string_buffer(8 * len(unit.results))
        function(*(part for value in given for part in words(value)), *([results] if unit.results else []))
        return _unpacked(unit, results.raw)

    def behind(self, leading: int, *given: Any) -> Callable[..., None]:
        """The function of so many whole numbers in front of these arguments, ready to be called many times."""
        integers: tuple[Type, ...] = ("i64",) * leading
        unit, function = self._for((*integers, *(type_of(v) for v in given)))
        results = [ctypes.create_string_buffer(8 * len(unit.results))] if unit.results else []
        rest = [*(part for value in given for part in words(value)), *results]
        return lambda *numbers: function(*numbers, *rest)

    def _for(self, types: tuple[Type, ...]) -> tuple[Unit, Callable[..., None]]:
        if types not in self.made:
            # Imported here for the start-up time: what loads LLVM, which a check of a promised R0 mostly does without.
            from lpmdsl.native.machine import foreign
            from lpmdsl.native.translate import unit_of

            unit = unit_of(self.routine, types)
            self.made[types] = unit, foreign(unit, _arguments(unit))
        return self.made[types]


def is_ready() -> bool:
    """Return True if LLVM is loaded, so that little speaks against machine code also for a few numbers."""
    return "lpmdsl.native.machine" in sys.modules


def _arguments(unit: Unit) -> list[type]:
    found: list[type] = []
    for kind in unit.types:
        if isinstance(kind, ArrayType):
            found += [ctypes.c_void_p, *[ctypes.c_int64] * kind.dimensions]
        elif not isinstance(kind, tuple):
            found.append(_C[kind])
    return found + ([ctypes.c_char_p] if unit.results else [])


def words(value: Any) -> list[Any]:
    """An argument as plain numbers: an array is its address and its lengths."""
    if isinstance(value, np.ndarray):
        return [value.ctypes.data, *value.shape]
    return [value.item() if isinstance(value, np.generic) else value]


def _unpacked(unit: Unit, raw: bytes) -> Any:
    letters = {"bool": "?7x", "i64": "q", "u64": "Q", "f64": "d"}
    values = struct.unpack("=" + "".join(letters[k] for k in unit.results), raw)
    return None if not values else values[0] if len(values) == 1 else values


def native(*, unit: bool = False, inline: bool = False, apart: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: a function of the small language. ``unit``: drivers call it as machine code of its own; ``inline``:
    it becomes part of its caller in any case; ``apart``: the arrays that it is given share no memory.
    """

    def decorated(function: Callable[..., Any]) -> Any:
        routine = routine_of(function, is_unit=unit, is_inlined=inline, never_alias=apart)
        return Native(routine, function)

    return decorated

"""A Program as machine code: its listing compiled unit by unit, and its drivers bound to the buffers of a run."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.llvm.arguments import buffer_arguments, size_arguments
from lpmdsl.backends.llvm.names import NAMES
from lpmdsl.backends.llvm.units import driver_unit, routines_of
from lpmdsl.compiler import Compiled
from lpmdsl.native.function import Native, words
from lpmdsl.native.machine import address, foreign_record
from lpmdsl.native.routine import Routine
from lpmdsl.native.types import ArrayType, array_type
from lpmdsl.program.ir import Program

Driver = Callable[[int, int, int, int, NDArray[np.int64]], None]
"""Runs steps ``first`` up to ``last`` as thread ``thread`` of ``threads``, who meet in ``meeting`` (int64, 16)."""

Called = tuple[ctypes.Array, Callable[[int], None]]


@dataclass(slots=True)
class Kernels:
    """The functions of a program. Machine code is made for the types that buffers have, when they are bound."""

    program: Program
    routines: dict[str, Routine]
    natives: dict[str, Native] = field(default_factory=dict)
    called: dict[tuple[str, tuple[ArrayType, ...]], Called] = field(default_factory=dict)
    sizes: tuple[str, ...] = field(init=False)
    buffers: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.sizes, self.buffers = size_arguments(self.program), buffer_arguments(self.program)

    def function(self, name: str) -> Native:
        """One of them, or one that they call, as a function of Python."""
        if name not in self.natives:
            self.natives[name] = Native(self.routines[name]) if name in self.routines else NAMES[name]
        return self.natives[name]

    def drivers(
        self, seed: int, replicate: int, sizes: dict[str, int], buffers: dict[str, NDArray]
    ) -> Callable[[str], Driver]:
        """The drivers ``begin``, ``look`` and ``run_steps`` on some buffers, which must stay where they are."""
        types = tuple(array_type(buffers[n]) for n in self.buffers)
        rest = _record([seed, replicate, *(sizes[n] for n in self.sizes),
                        *(word for n in self.buffers for word in words(buffers[n]))])  # fmt: skip

        def driver(name: str) -> Driver:
            table, call = self._called(name, types)

            def run(first: int, last: int, thread: int, threads: int, meeting: NDArray[np.int64]) -> None:
                head = _record([ctypes.addressof(table), first, last, thread, threads, *words(meeting)])
                record = np.concatenate([head, rest])
                call(record.ctypes.data)

            return run

        return driver

    def _called(self, name: str, types: tuple[ArrayType, ...]) -> Called:
        """The machine code of a driver for buffers of these types, and the table of what it calls."""
        if (name, types) not in self.called:
            unit = driver_unit(self.program, self.routines[name], dict(zip(self.buffers, types, strict=True)))
            table = (ctypes.c_void_p * max(1, len(unit.table)))(*(address(part) for part in unit.table))
            self.called[name, types] = table, foreign_record(unit)
        return self.called[name, types]


def _record(values: list[int]) -> NDArray[np.uint64]:
    """Values of a driver's record, those with a sign too, in 64 bits each."""
    return np.array([value % 2**64 for value in values], np.uint64)


def kernels_of(program: Program) -> Kernels:
    """The kernels and drivers of a program."""
    return Kernels(program, routines_of(program))


def build(compiled: Compiled) -> Kernels:
    """The kernels of the program that processors run."""
    return kernels_of(compiled.cpu_program)

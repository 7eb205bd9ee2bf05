"""The units of machine code of a Program: its drivers, and through them its kernels, for buffers of some types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lpmdsl.backends.llvm.arguments import buffer_arguments, size_arguments
from lpmdsl.backends.llvm.listing import functions
from lpmdsl.backends.llvm.names import NAMES
from lpmdsl.native.routine import Routine, routines_in
from lpmdsl.native.translate import NAME, Unit, unit_of
from lpmdsl.native.types import ArrayType, Type
from lpmdsl.program.ir import Program
from lpmdsl.program.verify import verify_names

_ALWAYS: tuple[Type, ...] = ("i64", "i64", "i64", "i64", ArrayType("int64", 1), "u64", "i64")
"""Types of a driver's first arguments: first, last, thread, threads, team, seed, replicate."""
_DECLARED = {"bool": "bool", "u8": "uint8", "i16": "int16", "i32": "int32", "u32": "uint32", "i64": "int64",
             "f64": "float64"}  # fmt: skip


def routines_of(program: Program) -> dict[str, Routine]:
    """The functions of the program's listing, by name. Its buffers share no memory."""
    verify_names(program)
    return routines_in("\n".join(functions(program)), NAMES, never_alias=True)


def driver_unit(program: Program, driver: Routine, buffers: Mapping[str, ArrayType]) -> Unit:
    """A driver for buffers of these types."""
    sizes: list[Type] = ["i64" for _ in size_arguments(program)]
    return unit_of(driver, (*_ALWAYS, *sizes, *(buffers[n] for n in buffer_arguments(program))), is_driver=True)


def emit(program: Program) -> str:
    """The modules of all units for a reader, before LLVM improves them: for buffers of the types that are declared."""
    declared = {b.name: ArrayType(_DECLARED[b.dtype], len(b.shape)) for b in program.buffers}
    routines = routines_of(program)
    drivers = [driver_unit(program, routines[n], declared) for n in ("begin", "look", "run_steps") if n in routines]
    return "\n".join(f"; {unit.routine}\n{unit.text.replace(NAME, f'@{unit.symbol}')}" for unit in _each(drivers))


def _each(drivers: list[Unit]) -> Iterator[Unit]:
    """Every unit once: what a driver calls before the driver."""
    told: set[str] = set()
    for driver in drivers:
        for unit in (*driver.table, driver):
            if unit.symbol not in told:
                told.add(unit.symbol)
                yield unit

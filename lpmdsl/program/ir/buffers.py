"""Arrays of a Program: their types, their roles and their limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lpmdsl.program.ir.filled import BY_KERNELS, Filled

DType = Literal["bool", "u8", "i16", "i32", "u32", "i64", "f64"]
Role = Literal["constant", "input", "state", "scratch", "tally", "output", "control"]
"""constant: values of constant expressions and tables, set before a run; input: the world; state: what agents keep
between steps; scratch: refilled within a step; tally: partial sums of chunks; output: reports; control: scalars."""
LANES = 1024
"""Columns per group of a tally of float64 sums: agent ``i`` adds to column ``i mod LANES``, so that a GPU adds many at
once and still in one stated order (``docs/numerics.md``)."""
SPENT_TOGETHER = 64
"""Agents of a block of ``Spend``."""
NEVER = 1 << 30
"""More than ``Spend`` ever takes from anybody."""


@dataclass(frozen=True, slots=True)
class OneMore:
    """One more than a size: where each of so many rows begins, and where the last ends; boundaries between steps."""

    size: str

    def __str__(self) -> str:
        return f"{self.size}+1"


@dataclass(frozen=True, slots=True)
class Reports:
    """The size of the reports of an observation, which kernels and drivers read by its name."""

    observation: str

    def __str__(self) -> str:
        return f"reports_{self.observation}"


Extent = int | str | OneMore | Reports
"""A number, the name of a size (``Person``, ``Person_household_places``), or one of the sizes above."""


def size_name(extent: Extent) -> str:
    """Name of the size of which an extent is made; "" of a number."""
    match extent:
        case int():
            return ""
        case OneMore():
            return extent.size
        case _:
            return str(extent)


def extent_of(extent: Extent, sizes: Mapping[str, int]) -> int:
    """The number that an extent is, by the names of sizes."""
    if isinstance(extent, int):
        return extent
    return sizes[size_name(extent)] + isinstance(extent, OneMore)


@dataclass(frozen=True, slots=True)
class Buffer:
    """An array, as large along each axis as ``shape`` says."""

    name: str
    dtype: DType
    shape: tuple[Extent, ...]
    role: Role
    fill: float = 0
    note: str = ""
    rows: str = ""
    """Offsets of ties: the elements count ends of ties, and take the smallest integers that the longest row needs."""
    hazard: int = -1
    """Number of a constant, a hazard: elements take four bytes (no sign) if four times it does in fixed point."""
    one_way: bool = False
    """Ends of ties that lead one way: the row of the one at an end need not name the other."""
    filled: Filled = BY_KERNELS

    @property
    def columns(self) -> int:
        """Size of the second axis, of a buffer of which it is a number."""
        columns = self.shape[1]
        assert isinstance(columns, int), f"{self.name} has {columns} columns"
        return columns

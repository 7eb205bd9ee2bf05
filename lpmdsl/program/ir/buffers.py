"""Arrays of a Program: their types, their roles and their limits."""

from __future__ import annotations

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
class Buffer:
    """An array. ``shape`` holds numbers and names of sizes (``Person``, ``Person_household_places``)."""

    name: str
    dtype: DType
    shape: tuple[int | str, ...]
    role: Role
    fill: float = 0
    note: str = ""
    rows: str = ""
    """Offsets of ties: the elements count ends of ties, and take the smallest integers that the longest row needs."""
    hazard: int = -1
    """Number of a constant, a hazard: the elements take four bytes if four times it does in fixed point."""
    one_way: bool = False
    """Ends of ties that lead one way: the row of the one at an end need not name the other."""
    filled: Filled = BY_KERNELS

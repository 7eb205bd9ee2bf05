"""Types of the small language: four kinds of values, and arrays of what memory holds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["bool", "i64", "u64", "f64"]
"""Kinds of values. Narrow integers are widened to ``i64`` when they are read; only 64 bits without a sign are apart."""
LLVM: dict[str, str] = {"bool": "i1", "i64": "i64", "u64": "i64", "f64": "double"}
RANK: dict[str, int] = {"bool": 0, "i64": 1, "f64": 2}
"""Kinds that widen into each other; ``u64`` mixes with nothing but literals, as numpy would make a float of the two."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element of an array: its type in memory, the kind that it is read as, and how it is widened to that."""

    memory: str
    kind: Kind
    widen: str = ""
    bits: int = 64


ELEMENTS = {
    "bool": Element("i8", "bool", bits=8),
    "int8": Element("i8", "i64", "sext", 8),
    "uint8": Element("i8", "i64", "zext", 8),
    "int16": Element("i16", "i64", "sext", 16),
    "uint16": Element("i16", "i64", "zext", 16),
    "int32": Element("i32", "i64", "sext", 32),
    "uint32": Element("i32", "i64", "zext", 32),
    "int64": Element("i64", "i64"),
    "uint64": Element("i64", "u64"),
    "float32": Element("float", "f64", "fpext", 32),
    "float64": Element("double", "f64"),
}


@dataclass(frozen=True, slots=True)
class ArrayType:
    """A contiguous array: the name of its elements' type and its number of dimensions."""

    element: str
    dimensions: int

    def __str__(self) -> str:
        return f"{self.element}[{',' * (self.dimensions - 1)}]"


Type = Kind | ArrayType | tuple[Kind, ...]
"""A tuple is the index of an array of several dimensions."""


_NUMBERS: tuple[tuple[tuple[type, ...], Kind], ...] = (
    ((bool, np.bool_), "bool"), ((np.uint64,), "u64"), ((int, np.integer), "i64"), ((float, np.floating), "f64"),
)  # fmt: skip


def type_of(value: object) -> Type:
    """The type of an argument. Raises ``TypeError``."""
    if isinstance(value, np.ndarray):
        return array_type(value)
    for kinds, kind in _NUMBERS:
        if isinstance(value, kinds):
            return kind
    raise TypeError(f"{type(value).__name__} is no value of native functions")


def array_type(array: NDArray) -> ArrayType:
    """The type of an array. Raises ``TypeError`` unless its elements are of a known type and lie side by side."""
    if not array.flags.c_contiguous:
        raise TypeError(f"an array of {array.dtype} that lies apart")
    return _type_of_elements(array.dtype, array.ndim)


@cache
def _type_of_elements(elements: np.dtype, dimensions: int) -> ArrayType:
    """The same from what many arrays have in common: numpy makes the name of a type anew whenever it is asked."""
    if elements.name not in ELEMENTS:
        raise TypeError(f"an array of {elements} that lies together")
    return ArrayType(elements.name, dimensions)

"""A function while it is translated: its locals, its loops, the functions that it calls."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, field
from typing import Any, Protocol

from lpmdsl.native.operations import NotNative, as_kind, joined
from lpmdsl.native.routine import Routine
from lpmdsl.native.text import Index, Operand, Text, Value, View
from lpmdsl.native.types import LLVM, ArrayType, Kind, Type


class Again(Exception):
    """A local turned out to need a wider kind than it began with: the function is translated once more."""


@dataclass(frozen=True, slots=True)
class Called:
    """A function as its callers see it: its operand and the kinds of its results. ``place``: in the table of units, for
    a function that has machine code of its own."""

    name: str
    results: tuple[Kind, ...]
    place: int = -1


class Linker(Protocol):
    """Maker of the functions that a function calls."""

    def inner(self, routine: Routine, types: tuple[Type, ...]) -> Called:
        """A function that becomes part of the same machine code."""
        ...

    def outer(self, routine: Routine, types: tuple[Type, ...]) -> Called:
        """A unit of its own."""
        ...


@dataclass(slots=True)
class Frame:
    """``wider``: kinds of locals as far as they are known from an earlier attempt. ``results``: the places and kinds of
    what is returned, None until the first ``return``."""

    routine: Routine
    linker: Linker
    wider: dict[str, Kind]
    text: Text = field(default_factory=Text)
    locals: dict[str, tuple[Kind, str]] = field(default_factory=dict)
    arrays: dict[str, tuple[View, ast.AST | None]] = field(default_factory=dict)
    indices: dict[str, Index] = field(default_factory=dict)
    loops: list[tuple[str, str]] = field(default_factory=list)
    results: int | None = None

    def fail(self, node: ast.AST, why: str) -> NotNative:
        """The exception to raise where the small language ends."""
        return NotNative(f"{self.routine.name}, line {getattr(node, 'lineno', 0)}: {why}")

    def read(self, node: ast.Name) -> Operand:
        """The value of a local, or of a constant outside."""
        if node.id in self.arrays:
            return self.arrays[node.id][0]
        if node.id in self.indices:
            return self.indices[node.id]
        if node.id in self.locals:
            kind, place = self.locals[node.id]
            return Value(kind, self.text.give(f"load {LLVM[kind]}, ptr {place}"))
        raise self.fail(node, f"{node.id} is read before it is defined")

    def outside(self, name: str) -> Any:
        """The meaning of a name that is no local; None if it has none."""
        if name in self.locals or name in self.arrays or name in self.indices:
            return None
        return self.routine.names.get(name, getattr(builtins, name, None))

    def write(self, name: str, value: Operand, node: ast.AST | None) -> None:
        """A new value for a local, or a new local."""
        if isinstance(value, View):
            if name in self.arrays and self.arrays[name][1] is not node:
                raise NotNative(f"{self.routine.name}: {name} names two arrays")
            self.arrays[name] = value, node
            return
        if isinstance(value, tuple):
            self.indices[name] = value
            return
        if name not in self.locals:
            kind = self.wider.get(name, value.kind)
            self.locals[name] = kind, self.text.place(LLVM[kind])
        kind, place = self.locals[name]
        self._widen(name, kind, value)
        self.text.line(f"store {as_kind(self.text, value, kind).typed}, ptr {place}")

    def _widen(self, name: str, kind: Kind, value: Value) -> None:
        if value.literal is not None and kind == "u64":
            return
        if (both := joined(kind, value.kind)) != kind:
            self.wider[name] = both
            raise Again

    def give_back(self) -> None:
        """The memory of the function's own arrays."""
        for place in self.text.held:
            self.text.line(f"call void @free(ptr {self.text.give(f'load ptr, ptr {place}')})")


def parameter(kind: Type, name: str, apart: bool) -> tuple[list[str], Operand]:
    """The spelling of a parameter in a definition, and the parameter as an operand."""
    if isinstance(kind, tuple):
        parts = tuple(Value(k, f"%{name}.{n}") for n, k in enumerate(kind))
        return [part.typed for part in parts], parts
    if not isinstance(kind, ArrayType):
        return [f"{LLVM[kind]} %{name}"], Value(kind, f"%{name}")
    lengths = tuple(f"%{name}.{k}" for k in range(kind.dimensions))
    attributes = " noalias" if apart else ""
    return [f"ptr{attributes} %{name}", *(f"i64 {n}" for n in lengths)], View(kind, f"%{name}", lengths)


def argument(operand: Operand) -> list[str]:
    """The spelling of an argument in a call."""
    if isinstance(operand, Value):
        return [operand.typed]
    if isinstance(operand, tuple):
        return [part.typed for part in operand]
    return [f"ptr {operand.pointer}", *(f"i64 {length}" for length in operand.lengths)]


def operand_type(operand: Operand) -> Type:
    """The type of an argument."""
    if isinstance(operand, tuple):
        kinds: tuple[Kind, ...] = tuple(part.kind for part in operand)
        return kinds
    return operand.kind if isinstance(operand, Value) else operand.type

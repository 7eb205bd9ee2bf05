"""A function of LLVM under construction: its lines, its numbered values, its places on the stack."""

from __future__ import annotations

from dataclasses import dataclass, field

from lpmdsl.native.types import ELEMENTS, LLVM, ArrayType, Element, Kind


@dataclass(frozen=True, slots=True)
class Value:
    """A number or truth value: its kind and its spelling as an operand. ``literal``: a whole number that was written
    and takes the kind of what it meets."""

    kind: Kind
    name: str
    literal: int | None = None

    @property
    def typed(self) -> str:
        """The operand with its type."""
        return f"{LLVM[self.kind]} {self.name}"


@dataclass(frozen=True, slots=True)
class View:
    """An array: the operand that points to its first element, and those of its lengths."""

    type: ArrayType
    pointer: str
    lengths: tuple[str, ...]

    @property
    def element(self) -> Element:
        """An element's type in memory and as a value."""
        return ELEMENTS[self.type.element]


Index = tuple[Value, ...]
Operand = Value | View | Index
Several = tuple[Operand, ...]


@dataclass(slots=True)
class Text:
    """The body of one function. ``places``: allocations on the stack, all made at its entry."""

    places: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    block: str = "body"
    is_open: bool = True
    """True while the block goes on: nothing may stand behind a branch."""
    count: int = 0
    declared: set[str] = field(default_factory=set)
    held: list[str] = field(default_factory=list)
    """Places that point to memory which the function must give back."""

    def fresh(self, stem: str = "v") -> str:
        """A number that no other value or block of the function has."""
        self.count += 1
        return f"{stem}{self.count}"

    def line(self, text: str) -> None:
        """An instruction without a result. What cannot be reached gets a block of its own, which LLVM drops."""
        if not self.is_open:
            self.begin(self.fresh("unreached"))
        self.lines.append(f"  {text}")

    def give(self, text: str) -> str:
        """An instruction with a result; returns the result's operand."""
        name = f"%{self.fresh()}"
        self.line(f"{name} = {text}")
        return name

    def place(self, kind: str) -> str:
        """Room for a value on the stack; returns the operand that points to it."""
        name = f"%{self.fresh('place')}"
        self.places.append(f"  {name} = alloca {kind}")
        return name

    def begin(self, block: str) -> None:
        """A new block; an open one before it leads into it."""
        if self.is_open:
            self.jump(block)
        self.lines.append(f"{block}:")
        self.block, self.is_open = block, True

    def jump(self, block: str) -> None:
        """A branch to a block, after which this one is closed."""
        self.line(f"br label %{block}")
        self.is_open = False

    def branch(self, test: str, then: str, orelse: str) -> None:
        """A branch to one of two blocks."""
        self.line(f"br i1 {test}, label %{then}, label %{orelse}")
        self.is_open = False

    def declare(self, text: str) -> None:
        """A function that lies outside, declared once in the module."""
        self.declared.add(f"declare {text}")


def number(value: float) -> Value:
    """A float64 with exactly these bits."""
    import struct

    return Value("f64", f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}")


def integer(value: int, kind: Kind = "i64") -> Value:
    """An integer that was written."""
    signed = value - (1 << 64) if value >= 1 << 63 else value
    return Value(kind, str(signed), value)


def truth(value: bool) -> Value:
    """A truth value that was written."""
    return Value("bool", "true" if value else "false")

"""Units of machine code: a function with all that it calls, as one module of LLVM.

A unit is named by a digest of its own text, so what did not change is never compiled again, whatever stands around it.
Functions that are units themselves are called through a table of addresses: the caller's text does not hold them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from lpmdsl.native.frame import Again, Called, Frame, argument, parameter
from lpmdsl.native.operations import NotNative
from lpmdsl.native.routine import Key, Routine
from lpmdsl.native.statements import run
from lpmdsl.native.text import Operand, Value
from lpmdsl.native.types import LLVM, Kind, Type

NAME = "@UNIT"
"""Name of a unit in its own text, until its digest is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """``text``: the module, with ``NAME`` for the name. ``table``: the units that it calls. ``results``: kinds of what
    it returns, in 64 bits each, to the address that it is given last."""

    routine: str
    text: str
    results: tuple[Kind, ...]
    table: tuple[Unit, ...]
    types: tuple[Type, ...]
    digest: str

    @property
    def symbol(self) -> str:
        """The name of its machine code."""
        return f"lpm_{self.digest}"


_units: dict[tuple[Key, bool], Unit] = {}


def unit_of(routine: Routine, types: tuple[Type, ...], is_driver: bool = False) -> Unit:
    """The unit of a function for arguments of these types. A driver takes the address of one record: the table of the
    units that it calls, then its arguments in 64 bits each, an array as its address and its lengths.
    """
    key = ((routine, types), is_driver)
    if key not in _units:
        _units[key] = _Module().unit(routine, types, is_driver)
    return _units[key]


@dataclass(slots=True)
class _Module:
    """The functions of one unit, each translated once for the types that it is called with."""

    inner_ones: dict[Key, Called] = field(default_factory=dict)
    defined: list[str] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)
    table: list[Unit] = field(default_factory=list)
    is_driver: bool = False

    def inner(self, routine: Routine, types: tuple[Type, ...]) -> Called:
        """A function of the same module."""
        key = (routine, types)
        if key not in self.inner_ones:
            name = f"@{routine.name}.{len(self.inner_ones)}"
            self.inner_ones[key] = self._define(routine, types, name)
        return self.inner_ones[key]

    def outer(self, routine: Routine, types: tuple[Type, ...]) -> Called:
        """A unit of its own, called through the table; only drivers call them so."""
        if not self.is_driver:
            return self.inner(routine, types)
        unit = unit_of(routine, types)
        if unit.results:
            raise NotNative(f"{routine.name}: a unit that a driver calls returns nothing")
        if unit not in self.table:
            self.table.append(unit)
        return Called("", (), self.table.index(unit))

    def unit(self, routine: Routine, types: tuple[Type, ...], is_driver: bool) -> Unit:
        """The whole module."""
        self.is_driver = is_driver
        results = (self._driver if is_driver else self._entry)(routine, types)
        text = "\n".join([*self.defined, *sorted(self.declared)]) + "\n"
        digest = hashlib.sha256(text.encode()).hexdigest()[:32]
        return Unit(routine.name, text, results, tuple(self.table), types, digest)

    def _define(self, routine: Routine, types: tuple[Type, ...], name: str) -> Called:
        """One function that others of the module call."""
        frame, _, spelt = self._translated(routine, types)
        kinds = _results(frame)
        given = "void" if not kinds else LLVM[kinds[0]] if len(kinds) == 1 else _struct(kinds)
        hint = "alwaysinline" if routine.is_inlined else "inlinehint"
        self._add(frame, f"define internal {given} {name}({', '.join(spelt)}) nounwind {hint}", kinds)
        return Called(name, kinds)

    def _entry(self, routine: Routine, types: tuple[Type, ...]) -> tuple[Kind, ...]:
        """The function that the unit is of, for callers from outside."""
        frame, _, spelt = self._translated(routine, types)
        kinds = _results(frame)
        spelt += ["ptr %results"] if kinds else []
        head = f"define void {NAME}({', '.join(spelt)}) nounwind"
        self._add(frame, head, kinds, outside=True)
        return kinds

    def _driver(self, routine: Routine, types: tuple[Type, ...]) -> tuple[Kind, ...]:
        """A driver, with its arguments read from the record."""
        frame, operands, _ = self._translated(routine, types)
        loads = ["  %table = load ptr, ptr %record"]
        place = 1
        for operand in operands:
            for typed in argument(operand):
                kind, name = typed.split()
                loads.append(f"  {name}.at = getelementptr inbounds i64, ptr %record, i64 {place}")
                loads.append(f"  {name} = load {kind}, ptr {name}.at")
                place += 1
        self._add(frame, f"define void {NAME}(ptr %record) nounwind", (), loads)
        return ()

    def _translated(self, routine: Routine, types: tuple[Type, ...]) -> tuple[Frame, list[Operand], list[str]]:
        """The function's body, its parameters as operands and as they are spelt."""
        wider: dict[str, Kind] = {}
        while True:
            frame = Frame(routine, self, wider)
            operands, spelt = _parameters(frame, types)
            try:
                run(frame, routine.tree.body)
            except Again:
                continue
            return frame, operands, spelt

    def _add(
        self, frame: Frame, head: str, kinds: tuple[Kind, ...], loads: list[str] | None = None, outside: bool = False
    ) -> None:
        text = frame.text
        text.begin("exit")
        frame.give_back()
        values = [Value(kind, text.give(f"load {LLVM[kind]}, ptr {frame.locals[f'.result{k}'][1]}"))
                  for k, kind in enumerate(kinds)]  # fmt: skip
        _end(frame, values, outside)
        self.declared |= text.declared
        lines = [head + " {", "entry:", *(loads or []), *text.places, "  br label %body", "body:", *text.lines, "}"]
        self.defined.append("\n".join(lines))


def _parameters(frame: Frame, types: tuple[Type, ...]) -> tuple[list[Operand], list[str]]:
    names = frame.routine.parameters
    if len(names) != len(types):
        raise NotNative(f"{frame.routine.name} takes {len(names)} arguments, not {len(types)}")
    operands, spelt = [], []
    for name, kind in zip(names, types, strict=True):
        own, operand = parameter(kind, f"a.{name}", frame.routine.never_alias)
        spelt += own
        operands.append(operand)
        frame.write(name, operand, None)
    return operands, spelt


def _results(frame: Frame) -> tuple[Kind, ...]:
    return tuple(frame.locals[f".result{k}"][0] for k in range(frame.results or 0))


def _struct(kinds: tuple[Kind, ...]) -> str:
    return f"{{ {', '.join(LLVM[k] for k in kinds)} }}"


def _end(frame: Frame, values: list[Value], outside: bool) -> None:
    """The function's end: its results returned, or written for a caller from outside."""
    text = frame.text
    if outside and values:
        for k, value in enumerate(values):
            place = text.give(f"getelementptr inbounds i64, ptr %results, i64 {k}")
            kept = text.give(f"zext {value.typed} to i64") if value.kind == "bool" else value.name
            text.line(f"store {'double' if value.kind == 'f64' else 'i64'} {kept}, ptr {place}")
    if outside or not values:
        text.line("ret void")
    elif len(values) == 1:
        text.line(f"ret {values[0].typed}")
    else:
        struct, whole = _struct(tuple(v.kind for v in values)), "poison"
        for k, value in enumerate(values):
            whole = text.give(f"insertvalue {struct} {whole}, {value.typed}, {k}")
        text.line(f"ret {struct} {whole}")
    text.is_open = False

"""Builder of a Program: declared buffers, host constants, tables of quantiles."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.lowering.parts import Part
from lpmdsl.lowering.plan.plan import Plan
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    BY_KERNELS,
    Buffer,
    Column,
    Constant,
    Constants,
    DType,
    Extent,
    Filled,
    Kernel,
    KExpr,
    Load,
    Program,
    Quantiles,
    QuantileTable,
    Role,
    TableValues,
    Var,
)
from lpmdsl.program.nodes import HAZARD_MOST, HAZARD_ONE, STEP, integer, number, op, real, rounded
from lpmdsl.quantities import Kind, Type
from lpmdsl.semantics.analysis.exposure.second_look import is_looked_at_again
from lpmdsl.semantics.analysis.watched_values import Watched
from lpmdsl.semantics.context import fresh_name
from lpmdsl.semantics.host.quantile_tables import TICKS
from lpmdsl.semantics.model import (
    Attribute,
    Condition,
    Contagion,
    Distribution,
    Expr,
    Model,
    Network,
    ParameterRef,
    Table,
)
from lpmdsl.source import Span

CERTAIN = 1 << 45
_NAMED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DOTTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")


def held(value: KExpr) -> KExpr:
    """A hazard of a step in fixed point, held to [0, 2⁴²] before it is rounded: what is larger fits into no integer."""
    least = real("max", number(0.0), value)
    return rounded(real("mul", real("min", least, number(HAZARD_MOST / HAZARD_ONE)), number(HAZARD_ONE)))


BOUNDARY = op("mul", op("add", STEP, integer(1)), integer(TICKS))
"""The tick at which step t ends."""


def stored_as(kind: Type) -> DType:
    """Storage type of an attribute: a byte for yes/no and for a category of few labels, else four or eight."""
    if kind.kind not in (Kind.BOOLEAN, Kind.CATEGORY):
        return "f64"
    return "u8" if len(kind.labels) <= 256 else "i32"


def declare_attribute(builder: Builder, kind: str, attribute: Attribute, role: Role) -> None:
    """Declare the buffer of an attribute of everybody of a kind."""
    name, filled = handles.attribute(kind, attribute.name), Column(kind, attribute.name)
    builder.buffer(name, stored_as(attribute.type), (kind,), role, filled=filled)


def as_stored(value: KExpr, dtype: DType) -> KExpr:
    """A value as a buffer keeps it."""
    return value if dtype == "f64" else op(f"to_{dtype}", value, dtype=dtype)


def state_name(condition: Condition, state: int) -> str:
    """A state in the names of generated code: its label where that is a name, else its number."""
    label = condition.states[state]
    if _NAMED.fullmatch(label) and not label.startswith("state_"):
        return label
    return f"state_{state}"


def is_dotted(place: str) -> bool:
    """Return True if a place in the text is named by names alone: ``Flu.I.after``."""
    return _DOTTED.fullmatch(place) is not None


def _key(expr: Expr) -> Expr | str:
    """Key of a constant: a parameter is found by its name, wherever it stands."""
    return expr.name if isinstance(expr, ParameterRef) else expr


@dataclass
class Builder:
    """Collects the parts of a Program while the model is lowered; ``plan``: how it avoids going through everyone;
    ``parts``: sources that are counted apart, where the hazard of every step is asked for."""

    model: Model
    plan: Plan | None = None
    parts: tuple[Part, ...] | None = None
    buffers: dict[str, Buffer] = field(default_factory=dict)
    constants: list[Constant] = field(default_factory=list)
    quantiles: dict[str, QuantileTable] = field(default_factory=dict)
    kernels: dict[str, Kernel] = field(default_factory=dict)
    """Kernels by name, in the order in which they were made."""
    named: dict[str, str] = field(default_factory=dict)
    watched: dict[tuple[Expr, str], tuple[int, Watched]] = field(default_factory=dict)
    """Expressions that a run must find to be numbers in their range, by role, with their places among the counters."""
    owes: dict[tuple[str, str], Var] = field(default_factory=dict)
    """Locals with all that an agent owes, where it owed nothing before: by phase of its moves, and buffer."""
    _parts: set[str] = field(default_factory=set)
    _taken: set[str] = field(default_factory=set)
    _kept: dict[Expr | str, Constant] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model, program: Program) -> Builder:
        """A builder that adds to a Program which is lowered already."""
        made = cls(model, buffers={b.name: b for b in program.buffers}, constants=list(program.constants))
        made.kernels, made.quantiles = {k.name: k for k in program.kernels}, {q.buffer: q for q in program.quantiles}
        made._kept = {_key(c.expression): c for c in program.constants}  # type: ignore[arg-type]
        return made

    def buffer(
        self,
        name: str,
        dtype: DType,
        shape: tuple[Extent, ...],
        role: Role,
        fill: float = 0,
        note: str = "",
        rows: str = "",
        hazard: int = -1,
        one_way: bool = False,
        filled: Filled = BY_KERNELS,
    ) -> str:
        """Declare a buffer once and return its name. Raises ``LpmError`` (E0204) if two things would have the name."""
        made = Buffer(name, dtype, shape, role, fill, note, rows, hazard, one_way, filled)
        known = self.buffers.setdefault(name, made)
        if (known.dtype, known.shape, known.role) != (dtype, shape, role):
            raise self._named_twice(name)
        return name

    def is_named(self, name: str) -> bool:
        """Return True if an agent or a condition has the name, under which it stands in every kernel."""
        if not self._parts:
            self._parts.update(part.name for part in (*self.model.agents, *self.model.conditions))
        return name in self._parts

    def _named_twice(self, name: str) -> LpmError:
        parts = (*self.model.agents, *self.model.conditions, *self.model.networks, *self.model.observations,
                 *self.model.rules, *self.model.interventions)  # fmt: skip
        taken = [p for p in parts if p.name == name] or [p for p in parts if p.name in name]
        part = max(taken, key=lambda p: len(p.name))
        message = f"In the generated code `{name}` would be two things: this, and what is kept for another declaration."
        return fail("E0204", message, part.span, f"Give it another name, for example `{part.name}_of_study`.")

    @cached_property
    def again(self) -> frozenset[str]:
        """The conditions that a step looks at twice."""
        return frozenset(c.condition for c in self.model.contagions if is_looked_at_again(self.model, c))

    @property
    def contagions(self) -> tuple[Contagion, ...]:
        """Those of the model, and the parts of them that are counted apart."""
        return (*self.model.contagions, *(self.parts or ()))

    def parts_on(self, contagion: Contagion, network: Network) -> list[Part]:
        """The parts of the sources on a network that are counted apart."""
        return [p for p in self.parts or () if (p.condition, p.network) == (contagion.condition, network.name)]

    def counts_sources(self, contagion: Contagion, network: Network) -> bool:
        """Return True if the sources on a network are counted and not weighed, because they all weigh the same."""
        counted = self.plan is not None and (contagion.condition, network.name) in self.plan.counted
        return counted and not isinstance(contagion, Part)

    def has_constant_hazard(self, condition: str) -> bool:
        """Return True if thresholds of a condition are kept as numbers of contacts with the infectious."""
        return self.plan is not None and condition in self.plan.constant_hazard

    def is_circles(self, network: Network) -> bool:
        """Return True if the ties of a network are worked out from keys, and nowhere written."""
        return bool(network.redrawn) or (self.plan is not None and network.name in self.plan.circles)

    def load(self, name: str, *index: KExpr) -> Load:
        """Load of a declared buffer's element."""
        return Load(name, index, self.buffers[name].dtype)

    def constant(self, expr: Expr, hint: str) -> tuple[str, Load]:
        """The element of ``constants`` that holds an expression of parameters alone, and a name for it."""
        self.buffers.setdefault("constants", Buffer("constants", "f64", ("constants",), "constant", filled=Constants()))
        known = self._kept.get(_key(expr))
        if known is None:
            name = self._fresh_constant(hint) if not isinstance(expr, ParameterRef) else self._name_of(expr.name)
            known = self._kept[_key(expr)] = Constant(len(self.constants), name, expr, expr.span.label)
            self.constants.append(known)
        return known.name, Load("constants", (integer(known.index),), "f64")

    def _name_of(self, parameter: str) -> str:
        """The name of a parameter in generated code, ``beta_2`` of ``beta[2]``."""
        if parameter.isidentifier():
            return parameter
        return self._fresh_constant(re.sub(r"\W+", "_", parameter, flags=re.ASCII).strip("_"))

    def _fresh_constant(self, hint: str) -> str:
        stem = self.code_name(hint)
        taken = {c.name for c in self.constants} | {p.name for p in self.model.parameters}
        return fresh_name(stem, taken, bare=True)

    def code_name(self, place: str) -> str:
        """The name of a place in the text for generated code: ``Flu_I_after`` of ``Flu.I.after``.

        A place with other signs than those of names, as those of labels, or whose name is taken, gets a number.
        """
        if place not in self.named:
            stem = place.replace(".", "_") if is_dotted(place) else f"place_{len(self.named) + 1}"
            self.named[place] = fresh_name(stem, self._taken, bare=True)
            self._taken.add(self.named[place])
        return self.named[place]

    def table_values(self, table: Table, span: Span | None = None) -> str:
        """Declare the values of a table; return the name of their buffer. ``span``: what reads it, if it is told."""
        note = (span or table.span).label
        size, filled = (len(table.values),), TableValues(table.name)
        return self.buffer(handles.table_values(table.name), "f64", size, "constant", note=note, filled=filled)

    def quantile_table(self, distribution: Distribution, hint: str, slope_by: str = "") -> str:
        """Declare the quantile table of a distribution, or of its slopes by a parameter; return the buffer's name."""
        name = f"quantiles_{self.code_name(hint)}"
        self.buffers.setdefault(name, Buffer(name, "i64", (f"rows_{name}", 2, "cells"), "constant", filled=Quantiles()))
        self.quantiles.setdefault(name, QuantileTable(name, distribution, hint, slope_by))
        return name

    def kernel(self, kernel: Kernel) -> str:
        """Add a kernel; return its name. Raises ``LpmError`` (E0204) if there is one of that name."""
        if kernel.name in self.kernels:
            raise self._named_twice(kernel.name)
        self.kernels[kernel.name] = kernel
        return kernel.name

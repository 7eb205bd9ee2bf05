"""Values that a kernel of the relaxed program reads: chances of states and of yes, and means over what is random.

States of one condition are exclusive; conditions, and attributes that change, are taken to be independent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from itertools import product
from typing import TypeVar

from lpmdsl.lowering.builder import Builder, state_name
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.relaxed.phase_type import Shape
from lpmdsl.lowering.relaxed.rounds import Round
from lpmdsl.lowering.relaxed.supported import refuse
from lpmdsl.program import handles
from lpmdsl.program.ir import BY_KERNELS, Const, Extent, Filled, KExpr, KStmt, Load, Var
from lpmdsl.program.nodes import AGENT, integer
from lpmdsl.program.passes.adjoint import Event
from lpmdsl.program.passes.smooth import (
    ONE as ONE,
    ZERO as ZERO,
    minus as minus,
    plus as plus,
    simple as simple,
    times as times,
    truth as truth,
)
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m

T = TypeVar("T")
MOST_CASES = 128


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of the states of a condition in its buffer of chances.

    ``first[state]`` and ``counts[state]``: its columns; ``dwell[state]``: the buffer of its stages' numbers;
    ``rounds[state]``: its columns by the tries of its exits, where they are not those of a dwell time.
    """

    condition: m.Condition
    first: tuple[int, ...]
    counts: tuple[int, ...]
    dwell: dict[int, tuple[str, Shape, m.Distribution]]
    rounds: dict[int, Round]

    def chain(self, state: int) -> Shape | None:
        """The stages of a state's dwell time, if it has one that is no hazard."""
        shape = self.dwell[state][1] if state in self.dwell else None
        return None if shape is None or shape.is_hazard else shape

    @property
    def columns(self) -> int:
        """Number of columns of the buffer of chances."""
        return sum(self.counts)

    @property
    def buffer(self) -> str:
        """Name of the buffer of chances."""
        return chance_buffer(self.condition)


def chance_buffer(condition: m.Condition) -> str:
    """Name of the buffer of the chances of a condition's states."""
    return f"{condition.name}_chance"


@dataclass(slots=True)
class Relaxing:
    """A relaxed program being written. ``now``: the buffer that holds a state at this point of the step."""

    builder: Builder
    layouts: dict[str, Layout]
    now: dict[str, str] = field(default_factory=dict)
    inputs: set[str] = field(default_factory=set)
    """Constant buffers by which derivatives are wanted."""
    moved: dict[str, Event] = field(default_factory=dict)
    """By site: where the chance that the event happens in the step stands."""
    phases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By condition with contagion: the parts of its step (``exposure``)."""

    @property
    def model(self) -> m.Model:
        """The model that is relaxed."""
        return self.builder.model

    def scratch(self, name: str, shape: tuple[Extent, ...], note: str = "") -> str:
        """A float64 buffer that is written once a step."""
        return self.builder.buffer(name, "f64", shape, "scratch", note=note)

    def state(self, name: str, shape: tuple[Extent, ...], note: str = "", filled: Filled = BY_KERNELS) -> str:
        """Declare a buffer of state through which derivatives flow; return its name."""
        return self.builder.buffer(name, "f64", shape, "state", note=note, filled=filled)

    def current(self, name: str) -> str:
        """Name of the buffer that holds the present values of a state."""
        return self.now.get(name, name)


@dataclass(slots=True)
class Chances:
    """One kernel over agents: its scope, its statements, and the chances that it has read. ``kernel``: its name."""

    relaxing: Relaxing
    scope: Scope
    kernel: str = ""
    body: list[KStmt] = field(default_factory=list)
    known: dict[tuple[str, int], Var] = field(default_factory=dict)

    @property
    def model(self) -> m.Model:
        """The model that is relaxed."""
        return self.relaxing.model

    def let(self, stem: str, value: KExpr, note: str = "") -> KExpr:
        """A local, unless the value is as short as a local."""
        value = simple(value)
        return value if isinstance(value, Const | Var) else self.scope.let(self.body, stem, value, note)

    def stage(self, condition: str, column: int) -> Var:
        """The chance of one stage, at this point of the step."""
        layout = self.relaxing.layouts[condition]
        if (condition, column) not in self.known:
            buffer = self.relaxing.current(layout.buffer)
            load = Load(buffer, (AGENT, integer(column)), "f64")
            self.known[condition, column] = self.scope.let(self.body, f"{condition}_{column}", load)
        return self.known[condition, column]

    def state(self, condition: str, state: int) -> KExpr:
        """The chance of one state."""
        layout, key = self.relaxing.layouts[condition], (f"{condition} state", state)
        if key not in self.known:
            first = layout.first[state]
            parts = [self.stage(condition, first + j) for j in range(layout.counts[state])]
            if len(parts) == 1:
                return parts[0]
            name = f"{condition}_in_{state_name(layout.condition, state)}"
            self.known[key] = self.scope.let(self.body, name, plus(*parts))
        return self.known[key]

    def yes(self, attribute: str) -> Var:
        """The chance that an attribute which changes is yes."""
        key = (f"yes {attribute}", 0)
        if key not in self.known:
            buffer = self.relaxing.current(handles.chance(self.scope.kind, attribute))
            self.known[key] = self.scope.let(self.body, f"{attribute}_yes", Load(buffer, (AGENT,), "f64"))
        return self.known[key]

    # ------------------------------------------------------------------ means

    def mean(self, exprs: tuple[m.Expr, ...], given: dict[str, int], value: Callable[[], KExpr]) -> KExpr:
        """The mean of ``value()`` over what ``exprs`` read that is random; ``given``: states that are known."""
        terms = [times(chance, truth(inner)) for chance, inner in self.cases(exprs, given, value)]
        return plus(*terms)

    def of(self, expr: m.Expr, given: dict[str, int], hint: str = "value") -> KExpr:
        """The mean of an expression."""
        return self.mean((expr,), given, lambda: self.scope.value(expr, hint))

    def cases(
        self, exprs: tuple[m.Expr, ...], given: dict[str, int], value: Callable[[], T]
    ) -> Iterator[tuple[KExpr, T]]:
        """Every combination of what is random in ``exprs``: its chance, and ``value()`` read under it."""
        leaves = self._leaves(exprs, given)
        names = sorted({leaf.name for leaf in leaves if isinstance(leaf, m.AttributeRef)})
        classes = [(c, self._classes(c, leaves)) for c in self._conditions(leaves)]
        count = reduce(lambda a, b: a * b, [2 ** len(names), *(len(groups) for _, groups in classes)])
        if count > MOST_CASES:
            span = next((e.span for e in exprs), self.model.clock.span)
            raise refuse(f"expression with {count} cases of what is random in it", span)
        before = dict(self.scope.states), dict(self.scope.attributes)
        for truths in product((True, False), repeat=len(names)):
            for groups in product(*(groups for _, groups in classes)):
                chance: KExpr = ONE
                self.scope.states = before[0] | {c: integer(s) for c, s in given.items()}
                for name, yes in zip(names, truths, strict=True):
                    q = self.yes(name)
                    chance = times(chance, q if yes else minus(ONE, q))
                    self.scope.attributes[name] = Const(yes, "bool")
                for (condition, _), states in zip(classes, groups, strict=True):
                    chance = times(chance, plus(*(self.state(condition, s) for s in states)))
                    self.scope.states[condition] = integer(states[0])
                result = value()
                self.scope.states, self.scope.attributes = dict(before[0]), dict(before[1])
                if chance != ZERO:
                    yield chance, result

    def _leaves(self, exprs: tuple[m.Expr, ...], given: dict[str, int], is_plain: bool = False) -> list[m.Expr]:
        """Random parts: attributes that change, and states that are not given. ``is_plain``: attributes as stored."""
        found: list[m.Expr] = []
        for expr in (e for whole in exprs for e in m.walk(whole) if not isinstance(e, m.Aggregate)):
            match expr:
                case m.AttributeRef():
                    attribute = next(a for a in self.model.agent(expr.of).attributes if a.name == expr.name)
                    if attribute.is_changed and attribute.type.kind is Kind.BOOLEAN:
                        found.append(expr)
                    for clause in () if is_plain else m.overlays(self.model, expr.of, expr.name):
                        found += self._leaves(clause, given, is_plain=True)
                case m.InState() | m.StateOf() if expr.condition not in given:
                    found.append(expr)
                case _:
                    pass
        return found

    def _conditions(self, leaves: list[m.Expr]) -> list[str]:
        return sorted({e.condition for e in leaves if isinstance(e, m.InState | m.StateOf)})

    def _classes(self, condition: str, leaves: list[m.Expr]) -> list[tuple[int, ...]]:
        """The states of a condition, together where no leaf distinguishes them."""
        mine = [e for e in leaves if isinstance(e, m.InState | m.StateOf) and e.condition == condition]
        found: dict[object, list[int]] = {}
        for state in range(len(self.model.condition(condition).states)):
            if any(isinstance(e, m.StateOf) for e in mine):
                key: object = state
            else:
                key = tuple(state in e.states for e in mine if isinstance(e, m.InState))
            found.setdefault(key, []).append(state)
        return [tuple(states) for states in found.values()]

"""Notes of change: one pass over the stores of kernels, by which everybody hears of a write whom it concerns.

The statements of the dense program write states and attributes, and know nothing of tables of occupancy, calendars,
sets of agents at risk, or sums of force that are kept between steps. This pass finds the stores and adds what keeps
these true; whatever writes is covered by being a store.
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.conditions import moves_name
from lpmdsl.lowering.dense.courses import Phase
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.neighbours import members_of
from lpmdsl.lowering.plan.plan import told_attributes
from lpmdsl.lowering.plan.sights import telling_states
from lpmdsl.lowering.sparse.neighbours import is_unnoted, listens, swept
from lpmdsl.lowering.sparse.worklists import after_moves, at_beginning, note_change, note_seen, plan_of
from lpmdsl.program import handles
from lpmdsl.program.ir import Apply, Draw, If, Kernel, KExpr, KStmt, Let, Loop, Store, Var, While, statements
from lpmdsl.program.nodes import AGENT, any_of, is_one_of, op, test
from lpmdsl.semantics import model as m


def instrumented(builder: Builder) -> dict[str, Kernel]:
    """The kernels of a program by name, each also noting what its stores change for others."""
    told = told_attributes(builder.model)
    return {name: _instrument(builder, kernel, told) for name, kernel in builder.kernels.items()}


def _instrument(builder: Builder, kernel: Kernel, told: set[str]) -> Kernel:
    if not kernel.domain:
        return kernel
    if kernel.name == f"begin_{kernel.domain}":
        return _beginning(builder, kernel)
    noting = _Noting(builder, kernel, told)
    body = (*([swept(kernel.domain)] if noting.sweeps else []), *noting.block(kernel.body))
    return replace(kernel, prologue=(*kernel.prologue, *noting.scope.prologue), body=body)


def _beginning(builder: Builder, kernel: Kernel) -> Kernel:
    """At time 0 everyone enters a state without a store: the host has put them there."""
    scope = _scope_of(builder, kernel)
    noting = _Noting(builder, kernel, set())
    more: list[KStmt] = []
    for condition in (c for c in builder.model.conditions if c.of == kernel.domain):
        more += at_beginning(scope, condition, _read(builder, kernel, condition) or _state(builder, condition))
    return replace(kernel, prologue=(*kernel.prologue, *scope.prologue), body=(*noting.block(kernel.body), *more))


def _state(builder: Builder, condition: m.Condition) -> KExpr:
    return op("to_i64", builder.load(condition.name, AGENT))


def _read(builder: Builder, kernel: Kernel, condition: m.Condition) -> Var | None:
    """The local in which a kernel has read a state before all else, if it has."""
    value = _state(builder, condition)
    read = (s for s in kernel.body if isinstance(s, Let) and s.value == value)
    return next((Var(s.name, value.dtype) for s in read), None)


def _scope_of(builder: Builder, kernel: Kernel) -> Scope:
    """A scope in which no local has the name of one of the kernel's."""
    scope = Scope(builder, kernel.domain)
    scope.reserve(s.name for s in statements((*kernel.prologue, *kernel.body)) if isinstance(s, Let | Draw))
    return scope


class _Noting:
    """The pass over one kernel."""

    def __init__(self, builder: Builder, kernel: Kernel, told: set[str]) -> None:
        self.builder, self.kernel, self.scope = builder, kernel, _scope_of(builder, kernel)
        self.states = {c.name: c for c in builder.model.conditions if c.of == kernel.domain}
        self.phase = next((p for p in get_args(Phase) if kernel.name == moves_name(kernel.domain, p)), None)
        self.phases = {handles.phase(i.name): i for i in builder.model.interventions if i.place}
        is_acted_on = kernel.domain in plan_of(builder).acted_on
        self.felt = {handles.attribute(kernel.domain, name) for name in told} if is_acted_on else set()
        self.sweeps = is_unnoted(builder, kernel)
        self.seen = set() if self.sweeps else listens(builder, kernel.domain)

    def block(self, body: tuple[KStmt, ...]) -> tuple[KStmt, ...]:
        """The statements, with a note of change before and after every store that somebody must hear of."""
        made: list[KStmt] = []
        later: list[KStmt] = []
        for stmt in body:
            match stmt:
                case Store(buffer=name, index=(index,)) if name in self.states and index == AGENT:
                    before, after = self._moved(self.states[name], stmt)
                    made += [*before, stmt]
                    later += after
                case Store(buffer=name, index=(index,)) if name in self.felt | self.seen and index == AGENT:
                    made.append(self._written(stmt))
                case Store(buffer=name) if name in self.phases:
                    made += [*self._turned(self.phases[name], stmt), stmt]
                case If():
                    made.append(replace(stmt, then=self.block(stmt.then), orelse=self.block(stmt.orelse)))
                case While() | Loop():
                    made.append(replace(stmt, body=self.block(stmt.body)))
                case _:
                    made.append(stmt)
        return (*made, *later)

    def _turned(self, one: m.Intervention, store: Store) -> list[KStmt]:
        """The members of a place in which an intervention begins or ends are noted."""
        each = self.scope.beside(one.of, AGENT)
        if not note_change(each):
            return []
        differs = test("ne", self.builder.load(store.buffer, *store.index), store.value)
        inner = members_of(
            self.scope, one.of, one.place, AGENT, lambda member: note_change(replace(each, agent=member))
        )
        return [If(differs, tuple(inner), span=store.span)]

    def _moved(self, condition: m.Condition, store: Store) -> tuple[list[KStmt], list[KStmt]]:
        """The state before the store, and after all else of its block what the move changes."""
        first: list[KStmt] = []
        stores = sum(isinstance(s, Store) and s.buffer == condition.name for s in statements(self.kernel.body))
        was = _read(self.builder, self.kernel, condition) if stores == 1 else None
        if was is None:
            was = self.scope.let(first, f"{condition.name}_was", _state(self.builder, condition))
        state = _wide(store.value)
        after = after_moves(self.scope, condition, was, state, self.phase)
        after += self._seen_moved(condition, was, state)
        return (first, after) if after else ([], [])

    def _seen_moved(self, condition: m.Condition, before: KExpr, state: KExpr) -> list[KStmt]:
        """A move by which others may see something else of the agent."""
        telling = sorted(telling_states(self.builder.model, plan_of(self.builder).kept, condition))
        if self.sweeps or not telling:
            return []
        return [If(any_of(is_one_of(before, telling), is_one_of(state, telling)), (note_seen(self.scope),))]

    def _written(self, store: Store) -> KStmt:
        """An attribute on which others depend: noted where it becomes another."""
        noted = note_change(self.scope) if store.buffer in self.felt else []
        if store.buffer in self.seen:
            noted.append(note_seen(self.scope))
        if not noted:
            return store
        differs = test("ne", self.builder.load(store.buffer, AGENT), store.value)
        return If(differs, (store, *noted), span=store.span)


def _wide(value: KExpr) -> KExpr:
    """A stored state as an i64: what was narrowed, before it was."""
    match value:
        case Apply(op="to_u8", args=(inner,)) if inner.dtype == "i64":
            return inner
        case _:
            return op("to_i64", value)

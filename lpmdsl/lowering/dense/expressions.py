"""Model expressions become kernel expressions; what is the same for every agent moves into the prologue."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import assert_never

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.months import completed
from lpmdsl.program import handles
from lpmdsl.program.ir import Assign, Const, KExpr, KStmt, Let, Load, Loop, Quantile, Var
from lpmdsl.program.nodes import AGENT, STEP, all_of, any_of, integer, number, op, real, test
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m
from lpmdsl.semantics.builtins import GENERATED
from lpmdsl.semantics.host.quantile_tables import TICKS, plan, radix
from lpmdsl.semantics.host.report_times import (
    is_flow_like as is_flow_like,
    longest_parts as longest_parts,
    report_steps as report_steps,
)
from lpmdsl.semantics.operators import OPERATORS, operations


@dataclass(slots=True)
class Scope:
    """One kernel being written: its prologue, its locals, and how it reads time, states and groups.

    ``now``: the boundary at which expressions are read (t, or t + 1 for observations). ``states``: condition → i64
    local at the start of the phase; ``live``: as it is after the moves made so far. ``group``: the local that runs over
    the groups of a derived observation.
    """

    builder: Builder
    kind: str
    now: KExpr = STEP
    prologue: list[KStmt] = field(default_factory=list)
    states: dict[str, KExpr] = field(default_factory=dict)
    attributes: dict[str, KExpr] = field(default_factory=dict)
    group: KExpr | None = None
    groups: tuple[str, ...] = ("",)
    aggregates: dict[m.Aggregate | m.Neighbours | m.Luck, KExpr] = field(default_factory=dict)
    given: Mapping[object, KExpr] = field(default_factory=dict)
    """Values of expressions that are known, where they were lowered before."""
    live: dict[str, KExpr] = field(default_factory=dict)
    moves: dict[str, KExpr] = field(default_factory=dict)
    """Number of moves the agent has made in a condition in this step."""
    entered: dict[str, KExpr] = field(default_factory=dict)
    """By condition: the tick of the last move as the phase sees it."""
    since_at: KExpr | None = None
    """The tick at which ``time since`` is read; None: at the boundary ``now``."""
    is_after_moves: bool = False
    """True where the contagion of this step is over."""
    is_before_reports: KExpr | None = None
    """Test that not even the reports of time 0 are out yet; None: they are."""
    applies_whiles: bool = True
    agent: KExpr = AGENT
    """The agent whose attributes and states are read."""
    theirs: Scope | None = None
    """The other agent of a tie, where one is in view."""
    edge: KExpr | None = None
    """The entry of the rows by which the other was found, of a network of which a file says more."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Buffers read in place of those of attributes and states, as they were before."""
    others: Mapping[str, str] = field(default_factory=dict)
    """The same for other agents."""
    _hoisted: dict[m.Expr, Var] = field(default_factory=dict)
    _names: set[str] = field(default_factory=lambda: set(GENERATED))
    _tried: dict[str, int] = field(default_factory=dict)
    _group_body: list[KStmt] = field(default_factory=list)

    def fresh(self, stem: str) -> str:
        """A local name that is not taken yet in this kernel."""
        while True:
            tried = self._tried[stem] = self._tried.get(stem, 0) + 1
            name = stem if tried == 1 else f"{stem}_{tried}"
            if name not in self._names and not self.builder.is_named(name):
                self._names.add(name)
                return name

    def reserve(self, names: Iterable[str]) -> None:
        """Take names of locals that the kernel has already."""
        self._names.update(names)

    def let(self, body: list[KStmt], stem: str, value: KExpr, note: str = "") -> Var:
        """Add a local to ``body``."""
        name = self.fresh(stem)
        body.append(Let(name, value, note=note))
        return Var(name, value.dtype)

    def hoist(self, stem: str, value: KExpr, note: str = "") -> Var:
        """Add a local to the prologue."""
        return self.let(self.prologue, stem, value, note)

    def beside(self, kind: str, agent: KExpr) -> Scope:
        """Return the scope of another agent in the same kernel, of whose states nothing is read yet."""
        return replace(
            self, kind=kind, agent=agent, states={}, attributes={}, entered={}, live={}, moves={}, theirs=None,
            renamed=self.others,
        )  # fmt: skip

    def at(self, agent: KExpr) -> Scope:
        """Return the scope of another agent of the kind, read as one's own, of whose states nothing is read yet."""
        return replace(self, agent=agent, states={}, attributes={}, entered={}, live={}, moves={}, theirs=None)

    def kept(self, buffer: str) -> Load:
        """Return the agent's element of a buffer of attributes or states."""
        return self.builder.load(self.renamed.get(buffer, buffer), self.agent)

    def facing(self, other: Scope, edge: KExpr | None = None) -> Scope:
        """Return the scope of the same agent with another in view, found by an entry of the rows."""
        return replace(self, theirs=other, edge=edge)

    # ------------------------------------------------------------------ expressions

    def value(self, expr: m.Expr, hint: str = "value") -> KExpr:
        """The kernel expression: f64 for numbers, bool for yes/no, i64 for category indices."""
        if isinstance(expr, m.Literal_):
            return _literal(expr)
        if self.given and expr in self.given:
            return self.given[expr]
        if m.is_constant(expr) and expr.type.is_numeric:
            return self._once(expr, hint)
        if not m.reads_agent(expr) and self.group is None and not isinstance(expr, m.Population):
            return self._once(expr, hint)
        return self._translate(expr, hint)

    def _once(self, expr: m.Expr, hint: str) -> Var:
        if expr not in self._hoisted:
            if m.is_constant(expr) and expr.type.is_numeric:
                name, load = self.builder.constant(expr, hint)
                self._hoisted[expr] = self.hoist(name, load, expr.span.label)
            else:
                self._hoisted[expr] = self.hoist(hint, self._translate(expr, hint), expr.span.label)
        return self._hoisted[expr]

    def _translate(self, expr: m.Expr, hint: str) -> KExpr:
        match expr:
            case m.Literal_():
                return _literal(expr)
            case m.ParameterRef() | m.Population() | m.Follows():
                return self._once(expr, hint)
            case m.AttributeRef():
                return self.attribute(expr)
            case m.InState():
                return self.in_state(expr.condition, expr.states)
            case m.StateOf():
                return self.states[expr.condition]
            case m.Since():
                return self._since(expr.condition)
            case m.TableRef():
                return self._table(expr)
            case m.ObservationRef():
                return self._observed(expr.observation, expr.group)
            case m.GroupReport():
                return self._own_group(expr)
            case m.Rolling():
                return self._rolling(expr)
            case m.Time():
                return real("mul", op("to_f64", self.now, dtype="f64"), number(self.builder.model.clock.step))
            case m.IsActive():
                return self._is_active(expr)
            case m.Apply():
                return self._apply(expr, hint)
            case m.Aggregate() | m.Neighbours() | m.Luck():
                return self.aggregates[expr]
            case m.Theirs():
                assert self.theirs is not None
                return self.theirs.value(expr.inner, hint)
            case m.TieRef():
                assert self.edge is not None
                return self.typed(
                    self.builder.load(handles.tie_column(expr.network, expr.name), self.edge), expr.type.kind
                )
            case _:
                assert_never(expr)

    def _is_active(self, expr: m.IsActive) -> KExpr:
        """Test that an intervention is active; one of each place in the agent's own, where it has one."""
        if not expr.place:
            return test("eq", self.builder.load(handles.phase(expr.intervention), integer(0)), integer(2))
        inside, place = self.place(expr.of, expr.place)
        if expr.block >= 0:
            return all_of(inside, test("ne", self.builder.load(due_buffer(expr), place), integer(0)))
        return all_of(inside, test("eq", self.builder.load(handles.phase(expr.intervention), place), integer(2)))

    def place(self, of: str, place: str) -> tuple[KExpr, KExpr]:
        """Test that the agent has a place, and its number; 0 without one."""
        number_of = op("to_i64", self.builder.load(handles.attribute(of, place), self.agent))
        return test("ge", number_of, integer(0)), op("max", number_of, integer(0))

    def in_state(self, condition: str, states: tuple[int, ...]) -> KExpr:
        """Test that the agent is in one of the states."""
        return any_of(*(test("eq", self.states[condition], integer(s)) for s in states))

    def _since(self, condition: str) -> KExpr:
        """Days since the agent's last move in a condition; 0 if that is still to come in the step."""
        at = op("mul", self.now, integer(TICKS)) if self.since_at is None else self.since_at
        entered = self.entered.get(condition, self.builder.load(handles.entered(condition), self.agent))
        ticks = op("max", integer(0), op("sub", at, entered))
        return real("mul", op("to_f64", ticks, dtype="f64"), number(self.builder.model.clock.step / TICKS))

    def attribute(self, ref: m.AttributeRef) -> KExpr:
        """The stored value, or what a ``while`` clause makes of it; the clause written last wins."""
        stored = self.attributes.get(ref.name)
        if stored is None:
            stored = self.typed(self.kept(handles.attribute(ref.of, ref.name)), ref.type.kind)
        value = stored
        for holds, read in m.overlays(self.builder.model, ref.of, ref.name) if self.applies_whiles else ():
            # What a clause sets is read from stored attributes, so that it may name itself.
            self.applies_whiles = False
            made = self.value(read)
            is_always = isinstance(holds, m.Literal_)
            made = op("to_i64", made) if (made.dtype, value.dtype) == ("f64", "i64") else made
            value = made if is_always else op("select", self.value(holds), made, value, dtype=value.dtype)
            self.applies_whiles = True
        return value

    @staticmethod
    def typed(load: Load, kind: Kind) -> KExpr:
        """A stored attribute as kernel expressions use it."""
        if kind is Kind.BOOLEAN:
            return test("ne", load, integer(0))
        if kind in (Kind.CATEGORY, Kind.PLACE):
            return op("to_i64", load)
        return load

    def _table(self, expr: m.TableRef) -> KExpr:
        table = self.builder.model.table(expr.table)
        name = self.builder.table_values(table)
        index: KExpr | None = None
        for key, labels in zip(expr.keys, table.keys, strict=True):
            code = self.index(key)
            index = code if index is None else op("add", op("mul", index, integer(len(labels))), code)
        return self.builder.load(name, index or integer(0))

    def index(self, expr: m.Expr) -> KExpr:
        """A category or yes/no as an integer code."""
        value = self.value(expr)
        return value if value.dtype == "i64" else op("to_i64", value)

    def mixed_radix(self, leaves: tuple[m.Expr, ...], sizes: list[int]) -> KExpr:
        """One code for several categories, the first most significant; 0 without any."""
        return joined([self.index(leaf) for leaf in leaves], sizes)

    def _apply(self, expr: m.Apply, hint: str) -> KExpr:
        return operations(expr)(_do, *(self.value(argument, hint) for argument in expr.arguments))

    # ------------------------------------------------------------------ observations

    def latest(self, name: str) -> KExpr:
        """The index of the last completed report at ``now`` (may be −1)."""
        ended = 1 if is_flow_like(self.builder.model, name) else 0
        index = op("sub", completed(self.builder, name, self.now), integer(ended))
        return index if self.is_before_reports is None else op("select", self.is_before_reports, integer(-1), index)

    def _observed(self, name: str, group: int | None) -> KExpr:
        return self._report(name, self.latest(name), group)

    def _report(self, name: str, report: KExpr, group: int | None) -> KExpr:
        known = test("ge", report, integer(0))
        row = op("max", report, integer(0))
        return op("select", known, self._group_value(name, row, group), number(float("nan")), dtype="f64")

    def _group_value(self, name: str, row: KExpr, group: int | None, as_counts: bool = False) -> KExpr:
        observation = self.builder.model.observation(name)
        if group is None and self.group is not None and len(observation.groups) > 1:
            value: KExpr = self.builder.load(handles.observed(name), row, self.group)
        elif group is not None or len(observation.groups) == 1:
            value = self.builder.load(handles.observed(name), row, integer(group or 0))
        else:
            columns = [self._group_value(name, row, g, as_counts) for g in range(len(observation.groups))]
            return reduce(lambda a, b: real("add", a, b), columns)
        if not observation.adds_over_time:
            return value
        counts = op("to_f64", value, dtype="f64") if isinstance(observation.value, m.Flow) else value
        return counts if as_counts else real("div", counts, number(observation.every))

    def _own_group(self, expr: m.GroupReport) -> KExpr:
        """The last completed report of the agent's own group, NaN before the first."""
        latest = self._hoisted.get(expr)
        if latest is None:
            latest = self._hoisted[expr] = self.hoist("last_report", self.latest(expr.observation), expr.span.label)
        row = op("max", latest, integer(0))
        group = self.mixed_radix(expr.keys, [radix(key) for key in expr.keys])
        value: KExpr = self.builder.load(handles.observed(expr.observation), row, group)
        observation = self.builder.model.observation(expr.observation)
        if isinstance(observation.value, m.Flow):
            value = real("div", op("to_f64", value, dtype="f64"), number(observation.every))
        return op("select", test("ge", latest, integer(0)), value, number(float("nan")), dtype="f64")

    def _rolling(self, expr: m.Rolling) -> KExpr:
        """Mean or total of the last completed reports in the window, added from the oldest; NaN before the first."""
        observation = self.builder.model.observation(expr.observation)
        body = self.prologue if self.group is None else self._group_body
        last = self.let(body, "last_report", self.latest(expr.observation))
        begins: KExpr = integer(0)
        if math.isfinite(expr.window):
            window = max(1, round(expr.window / observation.every))
            begins = op("max", integer(0), op("sub", last, integer(window - 1)))
        first = self.let(body, "first_report", begins)
        total = self.let(body, "total", number(0.0))
        row = Var(self.fresh("report"), "i64")
        # What a total adds are the counts themselves: whole numbers stay whole.
        value = self._group_value(expr.observation, row, expr.group, as_counts=expr.how == "total")
        body.append(
            Loop(row.name, first, op("add", last, integer(1)), (Assign(total.name, real("add", total, value)),))
        )
        count = op("to_f64", op("add", op("sub", last, first), integer(1)), dtype="f64")
        found: KExpr = real("div", total, count) if expr.how == "mean" else total
        if expr.how == "total" and not observation.adds_over_time:
            found = real("mul", total, number(observation.every))
        return op("select", test("ge", last, integer(0)), found, number(float("nan")), dtype="f64")


def due_buffer(expr: m.IsActive) -> str:
    """Name of the buffer that says in which places a block of an intervention is due."""
    return f"{expr.intervention}_{expr.block}_due"


def joined(codes: list[KExpr], sizes: list[int]) -> KExpr:
    """One code for several, the first most significant; 0 without any."""
    code: KExpr = integer(0)
    for position, (part, size) in enumerate(zip(codes, sizes, strict=True)):
        code = part if position == 0 else op("add", op("mul", code, integer(size)), part)
    return code


def _do(name: str, *args: KExpr | float) -> KExpr:
    a = [number(x) if isinstance(x, int | float) else x for x in args]
    row = OPERATORS.get(name)
    match None if row is None else row.gives:
        case "truth":
            return test(name, *a)
        case "comparison":
            return test(name, *_same_dtype(a))
        case "choice":
            holds = a[0] if a[0].dtype == "bool" else test("ne", a[0], number(0.0))
            yes, no = (op("to_f64", x, dtype="f64") if a[1].dtype != a[2].dtype else x for x in a[1:])
            return op("select", holds, yes, no, dtype=yes.dtype)
        case _:
            # Derivatives multiply by truth values: 1 where a branch was taken, 0 where it was not.
            return real(name, *(op("to_f64", x, dtype="f64") if x.dtype == "bool" else x for x in a))


def _literal(expr: m.Literal_) -> Const:
    if expr.type.kind is Kind.BOOLEAN:
        return Const(bool(expr.value), "bool")
    if expr.type.kind in (Kind.CATEGORY, Kind.PLACE):
        return Const(int(expr.value), "i64")
    return Const(float(expr.value), "f64")


def _same_dtype(args: list[KExpr]) -> list[KExpr]:
    if args[0].dtype == args[1].dtype:
        return args
    return [a if a.dtype == "i64" else op("to_i64", a) for a in args]


def present_tests(scope: Scope, network: m.Network) -> KExpr:
    """Test that the agent takes part in a network apart from its weekdays (``docs/numerics.md``, presence).

    On a network between two kinds, the agent may be of either.
    """
    model = scope.builder.model
    absent: list[KExpr] = []
    if network.remembers:
        return all_of()  # who has died or stays away is still the one who infected
    if network.where is not None:
        absent.append(test("not", scope.value(network.where)))
    for condition in (c for c in model.conditions if c.of == scope.kind):
        if condition.removed:
            absent.append(scope.in_state(condition.name, condition.removed))
        absent += [scope.in_state(condition.name, w.states) for w in condition.whiles if network.name in w.networks]
    for intervention in model.interventions:
        for clause in intervention.while_active:
            if network.name in clause.networks and clause.of == scope.kind:
                active = scope.value(intervention.active(clause.span), f"{intervention.name}_active")
                absent.append(all_of(active, scope.value(clause.where)) if clause.where else active)
    return all_of(*(test("not", a) for a in absent))


def read_states(scope: Scope) -> list[KStmt]:
    """Locals with the agent's states at the start of the phase."""
    body: list[KStmt] = []
    for condition in scope.builder.model.conditions:
        if condition.of == scope.kind:
            load = op("to_i64", scope.kept(condition.name))
            scope.states[condition.name] = scope.let(body, f"{condition.name}_was", load)
            if condition.tells_since:
                entered = scope.kept(handles.entered(condition.name))
                scope.entered[condition.name] = scope.let(body, f"{condition.name}_entered_was", entered)
    return body


def dwell(scope: Scope, distribution: m.Distribution, hint: str, word_: KExpr) -> KExpr:
    """A dwell time or delay in ticks from a 32-bit word; a fixed one needs no word, and so no draw."""
    table = scope.builder.quantile_table(distribution, hint)
    row = dwell_row(scope, distribution)
    if distribution.family == "fixed":
        only = Load(table, (row, integer(0), integer(0)), "i64")
        return op("max", integer(1), only)
    return Quantile(table, row, word_)


def dwell_row(scope: Scope, distribution: m.Distribution) -> KExpr:
    """The row of a table of quantiles for what the agent is."""
    leaves = plan(distribution)
    return scope.mixed_radix(leaves, [radix(leaf) for leaf in leaves])

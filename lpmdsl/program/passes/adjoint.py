"""The adjoint of a Program, in the same IR: its reverse-mode derivative.

Reverse mode (Griewank & Walther 2008, Evaluating Derivatives). The adjoint of a step runs after the states before the
step were put back. It makes the step's scratch again, then goes through its kernels from the last to the first, each
turned round: what a store wrote is read, and what a load read is added to. ``begin`` is the adjoint of the observations
at the end of step t, and of the entry into the start states where t is −1; ``step`` is that of the step itself.

No float is added to by two at once. An agent adds to its own elements; what many read goes through tallies, in their
stated order; and the kernels that add up over rows, or read at a place, name their mirror images (``Gather``).

Any Program has one whose kernels choose by ``select`` and not by ``If``, write scratch once a step and states at its
end, and read others through gathers or sums alone: the relaxed one is lowered so. For another the pass raises, and says
in which kernel.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from lpmdsl.program import handles
from lpmdsl.program.gathers import way_kernel
from lpmdsl.program.ir import (
    LANES,
    Adjoint,
    Apply,
    Assign,
    Buffer,
    Clear,
    Const,
    Extent,
    Fold,
    Gate,
    Gather,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Let,
    Load,
    Loop,
    Program,
    Role,
    ScheduleItem,
    Store,
    Tally,
    Var,
    every_item,
    expressions,
    launched,
    statements,
    walk,
)
from lpmdsl.program.nodes import AGENT, STEP, integer, number, real, test
from lpmdsl.program.passes.adjoint_expressions import pull_back
from lpmdsl.program.passes.simplify import simplify
from lpmdsl.program.passes.smooth import ZERO, plus
from lpmdsl.program.verify import verify
from lpmdsl.semantics.builtins import GENERATED


@dataclass(frozen=True, slots=True)
class Event:
    """Locals of a kernel whose adjoints are kept for every agent: the chance of an event, or of each branch of it."""

    kernel: str
    locals: tuple[str, ...]


def adjoint(program: Program, inputs: Collection[str], events: Mapping[str, Event] | None = None) -> Program:
    """The adjoint program; ``inputs``: constant buffers by which derivatives are wanted, beside what the run changes.

    ``events``: by buffer, the locals whose adjoints it keeps. Raises ``AssertionError`` where a kernel has no adjoint.
    """
    maker = _Adjoint(program, active_buffers(program, inputs), events or {}, sums_of(program))
    steps, levels = _apart(program)
    begin = [*maker.again(levels), *maker.backwards(levels)]
    entering = maker.backwards(tuple(i for i in program.begin if i not in levels))
    begin.append(Gate(test("lt", STEP, integer(0)), tuple(entering), "the start"))
    step = [*maker.again(steps), *maker.backwards(steps)]
    used = {n for item in (*begin, *step) for n in launched(item)}
    kernels = tuple(k for k in (*program.kernels, *maker.kernels) if k.name in used)
    buffers = (*program.buffers, *maker.buffers.values())
    made = Program(f"{program.name}_adjoint", buffers, program.constants, (), kernels, tuple(begin), tuple(step))
    verify(made)
    return made


def _apart(program: Program) -> tuple[tuple[ScheduleItem, ...], tuple[ScheduleItem, ...]]:
    """The items of a step, and those of the observations at its end: they end ``begin`` too."""
    levels = tuple(i for i in program.begin if i in program.step)
    return tuple(i for i in program.step if i not in levels), levels


def active_buffers(program: Program, inputs: Collection[str]) -> frozenset[str]:
    """The buffers of numbers through which derivatives flow: the inputs, and what is made of them."""
    numbers = {b.name for b in program.buffers if b.dtype == "f64"}
    folded = sums_of(program)
    writes = {k.name: {folded.get(b, b) for b in _written(k)} & numbers for k in program.kernels}
    reads = {k.name: _read(k) for k in program.kernels}
    active, before = set(inputs) & numbers, -1
    while before != len(active):
        before = len(active)
        for kernel in program.kernels:
            active |= writes[kernel.name] if reads[kernel.name] & active else set()
    return frozenset(active)


def sums_of(program: Program) -> dict[str, str]:
    """The buffer into which each tally is folded."""
    return {i.tally: i.into for i in every_item((*program.begin, *program.step)) if isinstance(i, Fold)}


def _written(kernel: Kernel) -> set[str]:
    return {s.buffer for s in statements(kernel.body) if isinstance(s, Store | Tally)}


def _read(kernel: Kernel) -> set[str]:
    every = (e for s in statements((*kernel.prologue, *kernel.body)) for x in expressions(s) for e in walk(x))
    return {e.buffer for e in every if isinstance(e, Load)}


@dataclass(slots=True)
class _Adjoint:
    """State gathered while kernels are reversed."""

    program: Program
    active: frozenset[str]
    events: Mapping[str, Event]
    sums: Mapping[str, str]
    kernels: list[Kernel] = field(default_factory=list)
    buffers: dict[str, Buffer] = field(default_factory=dict)

    # ------------------------------------------------------------------ schedules

    def again(self, items: tuple[ScheduleItem, ...]) -> list[ScheduleItem]:
        """The items that make scratch: not those that change states or write reports."""
        made: list[ScheduleItem] = []
        left_out: set[str] = set()
        for item in items:
            match item:
                case Launch():
                    kernel = self.program.kernel(item.kernel)
                    if self._ends_step(kernel):
                        left_out |= {s.buffer for s in statements(kernel.body) if isinstance(s, Tally)}
                    else:
                        made.append(item)
                case Fold():
                    made += [] if item.tally in left_out else [item]
                case Gate():
                    inner = self.again(item.items)
                    made += [replace(item, items=tuple(inner))] if inner else []
                case _:
                    made.append(item)
        return made

    def _ends_step(self, kernel: Kernel) -> bool:
        roles = {b.name: b.role for b in self.program.buffers}
        return any(isinstance(s, Store) and roles[s.buffer] in ("state", "output") for s in statements(kernel.body))

    def backwards(self, items: tuple[ScheduleItem, ...]) -> list[ScheduleItem]:
        """The adjoints of the items, the last first."""
        made: list[ScheduleItem] = []
        for item in reversed(items):
            match item:
                case Launch():
                    made += self._kernel(self.program.kernel(item.kernel))
                case Gate():
                    inner = self.backwards(item.items)
                    made += [replace(item, items=tuple(inner))] if inner else []
                case Fold():
                    pass  # the tallying kernel reads the adjoint of the sum
                case _:
                    raise AssertionError(f"{item} has no adjoint")
        return made

    # ------------------------------------------------------------------ buffers

    def adjoint_of(self, name: str) -> str:
        """Declare the adjoints of a buffer's elements."""
        made = handles.adjoint(name)
        self.buffers.setdefault(
            made, Buffer(made, "f64", self.shape(name), "state", 0.0, f"adjoint of {name}", filled=Adjoint(name))
        )
        return made

    def scratch(self, name: str, shape: tuple[Extent, ...], role: Role = "scratch") -> str:
        self.buffers.setdefault(name, Buffer(name, "f64", shape, role))
        return name

    def shape(self, name: str) -> tuple[Extent, ...]:
        if name == "constants":
            return (len(self.program.constants),)
        return self.program.buffer(name).shape

    # ------------------------------------------------------------------ kernels

    def _kernel(self, kernel: Kernel) -> list[ScheduleItem]:
        if kernel.gather is not None:
            return self._mirror(kernel, kernel.gather)
        if not any(self._writes(s) for s in statements(kernel.body)):
            return []
        turned = _Turned(self, kernel)
        made = turned.run()
        self.kernels.append(made)
        return [Launch(made.name), *turned.after]

    def _writes(self, stmt: KStmt) -> bool:
        """Return True if a statement writes what derivatives flow through."""
        match stmt:
            case Store():
                return stmt.buffer in self.active
            case Tally():
                return stmt.value.dtype == "f64"
            case _:
                return False

    def _mirror(self, kernel: Kernel, gather: Gather) -> list[ScheduleItem]:
        """A sum over rows becomes a sum over the same rows, or a reading at the place; a reading becomes a sum."""
        source, into = self.adjoint_of(gather.way.source), self.adjoint_of(gather.way.into)
        mirror = replace(gather.mirror, source=into, into=source)
        made = way_kernel(f"back_{kernel.name}", mirror, kernel.span, adds=True)
        self.kernels.append(made)
        return [Launch(made.name), Clear(into)]


@dataclass(slots=True)
class _Turned:
    """One kernel being reversed. ``derivatives[local]``: the terms of the local's adjoint."""

    maker: _Adjoint
    kernel: Kernel
    body: list[KStmt] = field(default_factory=list)
    after: list[ScheduleItem] = field(default_factory=list)
    derivatives: dict[str, list[KExpr]] = field(default_factory=dict)
    elements: dict[tuple[str, tuple[KExpr, ...]], list[KExpr]] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=lambda: set(GENERATED))

    def run(self) -> Kernel:
        forward = (*self.kernel.prologue, *self.kernel.body)
        self.names |= {s.name for s in forward if isinstance(s, Let)}
        for stmt in forward:
            if isinstance(stmt, Let):
                self.body.append(stmt)
                if self.is_active(stmt.value):
                    self.active.add(stmt.name)
        for stmt in reversed(forward):
            self._back(stmt)
        for (buffer, index), terms in self.elements.items():
            self._give(buffer, index, plus(*terms))
        self._keep_marginals()
        made = Kernel(f"back_{self.kernel.name}", self.kernel.domain, (), tuple(self.body), self.kernel.span,
                      self.kernel.note)  # fmt: skip
        return simplify(made)

    def is_active(self, expr: KExpr) -> bool:
        """Return True if derivatives flow through an expression."""
        match expr:
            case Var():
                return expr.name in self.active
            case Load():
                return expr.buffer in self.maker.active
            case Apply():
                return expr.dtype == "f64" and any(self.is_active(a) for a in expr.args)
            case _:
                return False

    def _named(self, value: KExpr, stem: str = "w") -> KExpr:
        if isinstance(value, Const | Var):
            return value
        name = next(n for n in (f"{stem}_{k}" for k in range(1, 100_000)) if n not in self.names)
        self.names.add(name)
        self.body.append(Let(name, value))
        return Var(name, "f64")

    # ------------------------------------------------------------------ statements

    def _back(self, stmt: KStmt) -> None:
        match stmt:
            case Let():
                self._back_let(stmt)
            case Store() if stmt.buffer in self.maker.active:
                self._back_store(stmt)
            case Tally():
                total = self.maker.sums[stmt.buffer]
                derivative = Load(self.maker.adjoint_of(total), (stmt.index,), "f64")
                self._pull(stmt.value, self._named(derivative))
                self._clear(total)
            case Store():
                pass
            case Loop() | Assign():
                raise AssertionError(f"{self.kernel.name}: a loop or an assignment has no adjoint here")
            case _:
                raise AssertionError(f"{self.kernel.name}: {type(stmt).__name__} has no adjoint")

    def _back_let(self, stmt: Let) -> None:
        terms = self.derivatives.pop(stmt.name, [])
        if not terms:
            return
        derivative = self._named(plus(*terms), f"d_{stmt.name}")
        self.derivatives[stmt.name] = [derivative]  # kept for marginal values
        pull_back(stmt.value, derivative, self.is_active, self._receive, self._named, Var(stmt.name, "f64"))

    def _back_store(self, stmt: Store) -> None:
        derivative = self.maker.adjoint_of(stmt.buffer)
        known = self._named(Load(derivative, stmt.index, "f64"))
        added = _added(stmt)
        if added is not None:  # the element keeps its adjoint
            self._pull(added, known)
            return
        self.body.append(Store(derivative, stmt.index, ZERO))
        self._pull(stmt.value, known)

    def _pull(self, expr: KExpr, derivative: KExpr) -> None:
        pull_back(expr, derivative, self.is_active, self._receive, self._named)

    def _clear(self, name: str) -> None:
        clear = Clear(handles.adjoint(name))
        if clear not in self.after:
            self.after.append(clear)

    # ------------------------------------------------------------------ leaves

    def _receive(self, leaf: KExpr, derivative: KExpr) -> None:
        match leaf:
            case Var():
                self.derivatives.setdefault(leaf.name, []).append(derivative)
            case Load():
                self.elements.setdefault((leaf.buffer, leaf.index), []).append(self._named(derivative))
            case _:
                raise AssertionError(leaf)

    def _give(self, buffer: str, index: tuple[KExpr, ...], amount: KExpr) -> None:
        """Add to the adjoint of an element: one's own at once, one that many read through a tally."""
        derivative = self.maker.adjoint_of(buffer)
        if not self.kernel.domain or index[0] == AGENT:
            total = real("add", Load(derivative, index, "f64"), amount)
            self.body.append(Store(derivative, index, total))
            return
        (columns,) = self.maker.shape(buffer)
        assert isinstance(columns, int), f"{buffer} is read across agents"
        part = f"{derivative}_part"
        tally = self.maker.scratch(f"{part}_tally_{self.kernel.domain}",
                                   (handles.chunks(self.kernel.domain), columns, LANES), "tally")  # fmt: skip
        self.maker.scratch(part, (columns,))
        self.body.append(Tally(tally, index[0], amount))
        self._join(tally, part, derivative, columns)

    def _join(self, tally: str, part: str, derivative: str, columns: int) -> None:
        """Add the tally's sums to the adjoints of the elements, after the kernel."""
        kernel = f"add_{part}"
        if all(k.name != kernel for k in self.maker.kernels):
            column = Var("column", "i64")
            total = real("add", *(Load(b, (column,), "f64") for b in (derivative, part)))
            loop = Loop(column.name, integer(0), integer(columns), (Store(derivative, (column,), total),))
            self.maker.kernels.append(Kernel(kernel, "", (), (loop,), self.kernel.span))
        if Fold(tally, part, "add") not in self.after:
            # Before anything is emptied, so that a buffer may be read and written in one kernel's adjoint.
            self.after = [Fold(tally, part, "add"), Launch(kernel), *self.after]

    def _keep_marginals(self) -> None:
        """Keep the adjoint of the chance of every event of the step, for every agent."""
        for name, event in self.maker.events.items():
            if event.kernel != self.kernel.name:
                continue
            self.maker.scratch(name, (self.kernel.domain, len(event.locals)), "output")
            for column, local in enumerate(event.locals):
                terms = self.derivatives.get(local, [])
                self.body.append(Store(name, (AGENT, integer(column)), plus(*terms) if terms else number(0.0)))


def _added(stmt: Store) -> KExpr | None:
    """Value that a store adds to its own element; None if it writes a new one."""
    match stmt.value:
        case Apply(op="add", args=(Load(buffer=buffer, index=index), added)) if (
            buffer == stmt.buffer and index == stmt.index
        ):
            return added
        case _:
            return None

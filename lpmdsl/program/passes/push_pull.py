"""Along ties, the infectious push their weight to their neighbours, or the susceptible pull it from theirs.

Both add the same integers, so a step may go either way. Pushing costs an atomic addition per tie of an infectious
agent, pulling a read per tie of a susceptible one; so a step pulls when many were infectious in the step before. A back
end for a GPU takes this program; on a processor the push is less expensive throughout.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lpmdsl.program import handles
from lpmdsl.program.ir import (
    Assign,
    AtomicAdd,
    Buffer,
    Clear,
    Fold,
    Gate,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Let,
    Load,
    Loop,
    Program,
    ScheduleItem,
    Store,
    Tally,
    Var,
    While,
    buffers_of,
    expressions,
    statements,
    walk,
)
from lpmdsl.program.nodes import AGENT, integer, op, test
from lpmdsl.program.rewrite import map_block
from lpmdsl.source import Span

PULL_FROM = 8
"""A step pulls if more than one in so many was infectious in the step before."""
FIRST = integer(0)


@dataclass(frozen=True, slots=True)
class _Row:
    """A counter of every agent that neighbours add to, and the loop that adds."""

    counter: str
    kind: str
    loop: Loop
    span: Span

    @property
    def way(self) -> str:
        return f"{self.counter}_way"

    @property
    def senders(self) -> str:
        return f"{self.counter}_senders"

    @property
    def weight(self) -> str:
        return f"{self.counter}_weight"

    def pulls(self) -> KExpr:
        return test("eq", Load(self.way, (FIRST,), "i64"), integer(1))

    def buffers(self) -> list[Buffer]:
        return [
            Buffer(self.way, "i64", (1,), "control", note="1: this step pulls"),
            Buffer(self.weight, "i64", (self.kind,), "scratch", note="weight of each agent, when pulled"),
            Buffer(handles.tally(self.senders), "i64", (handles.chunks(self.kind), 1), "tally"),
            Buffer(self.senders, "i64", (1,), "scratch", note="how many had a weight"),
        ]


def push_or_pull(program: Program, pull_from: int = PULL_FROM) -> Program:
    """The program with both ways along every network of ties, and the choice between them at the start of a step."""
    for row in _rows(program):
        program = _with_both_ways(program, row, pull_from)
    return program


def _rows(program: Program) -> list[_Row]:
    """Counters that one loop adds to and that agents read at their own place only."""
    found: list[_Row] = []
    for kernel in program.kernels:
        for stmt in statements(kernel.body):
            match stmt:
                case Loop(body=(AtomicAdd(buffer=counter),)) if program.buffer(counter).role == "scratch":
                    if _is_mutual(program, stmt) and _adders(program, counter) == 1 and _own_only(program, counter):
                        found.append(_Row(counter, kernel.domain, stmt, kernel.span))
                case _:
                    pass
    return found


def _is_mutual(program: Program, loop: Loop) -> bool:
    """Return True if the rows that a loop walks are the same from both ends, so that either may be walked."""
    add = loop.body[0]
    assert isinstance(add, AtomicAdd)
    read = {e.buffer for index in add.index for e in walk(index) if isinstance(e, Load)}
    return not any(b.one_way for b in program.buffers if b.name in read)


def _adders(program: Program, counter: str) -> int:
    whole = [s for k in program.kernels for s in statements(k.body)]
    return sum(isinstance(s, AtomicAdd | Store) and s.buffer == counter for s in whole)


def _own_only(program: Program, counter: str) -> bool:
    whole = [x for k in program.kernels for s in statements((*k.prologue, *k.body)) for x in expressions(s)]
    return all(e.index == (AGENT,) for x in whole for e in walk(x) if isinstance(e, Load) and e.buffer == counter)


def _with_both_ways(program: Program, row: _Row, pull_from: int) -> Program:
    kernels = [_reading(_sending(k, row), row) for k in program.kernels]
    choice = Store(row.way, (FIRST,), _choice(row, pull_from))
    choose = Kernel(f"choose_{row.counter}", "", (), (choice,), row.span, "push or pull")
    return replace(
        program,
        buffers=(*program.buffers, *row.buffers()),
        kernels=(choose, *kernels),
        step=(Fold(handles.tally(row.senders), row.senders, "add"), Launch(choose.name), *_cleared(program.step, row)),
    )


def _choice(row: _Row, pull_from: int) -> KExpr:
    many = test("gt", op("mul", Load(row.senders, (FIRST,), "i64"), integer(pull_from)), Var(row.kind, "i64"))
    return op("select", many, integer(1), integer(0))


def _cleared(items: tuple[ScheduleItem, ...], row: _Row) -> tuple[ScheduleItem, ...]:
    """Only what this step's way fills is emptied."""
    done: list[ScheduleItem] = []
    for item in items:
        if isinstance(item, Clear) and item.buffer == row.counter:
            pushes = test("eq", Load(row.way, (FIRST,), "i64"), integer(0))
            done += [Gate(row.pulls(), (Clear(row.weight),), "pull"), Gate(pushes, (item,), "push")]
        else:
            done.append(replace(item, items=_cleared(item.items, row)) if isinstance(item, Gate) else item)
    return tuple(done)


# ------------------------------------------------------------------ kernels


def _sending(kernel: Kernel, row: _Row) -> Kernel:
    """The infectious leave their weight for others to read, or add it to each neighbour."""
    if row.loop not in statements(kernel.body):
        return kernel
    add = row.loop.body[0]
    assert isinstance(add, AtomicAdd)
    pulls = Var(f"{row.counter}_pulls", "bool")
    both = (
        Tally(handles.tally(row.senders), FIRST, integer(1)),
        If(pulls, (Store(row.weight, (AGENT,), add.value, row.loop.span),), (row.loop,)),
    )
    body = _replaced(kernel.body, row.loop, both)
    return replace(kernel, prologue=(*kernel.prologue, Let(pulls.name, row.pulls())), body=body)


def _replaced(body: tuple[KStmt, ...], old: KStmt, new: tuple[KStmt, ...]) -> tuple[KStmt, ...]:
    done: list[KStmt] = []
    for stmt in body:
        if stmt == old:
            done += new
            continue
        match stmt:
            case If():
                then, orelse = _replaced(stmt.then, old, new), _replaced(stmt.orelse, old, new)
                done.append(replace(stmt, then=then, orelse=orelse))
            case Loop() | While():
                done.append(replace(stmt, body=_replaced(stmt.body, old, new)))
            case _:
                done.append(stmt)
    return tuple(done)


def _reading(kernel: Kernel, row: _Row) -> Kernel:
    """The susceptible read what was added up for them, or add up what their neighbours left."""
    if not any(_reads(s, row) for s in statements(kernel.body)) or row.counter not in buffers_of(kernel):
        return kernel
    pulls = Var(f"{row.counter}_pulls", "bool")
    prologue = (*kernel.prologue, Let(pulls.name, row.pulls()))
    return replace(kernel, prologue=prologue, body=_read_within(kernel.body, row, pulls))


def _reads(stmt: KStmt, row: _Row) -> bool:
    return any(isinstance(e, Load) and e.buffer == row.counter for x in expressions(stmt) for e in walk(x))


def _read_within(body: tuple[KStmt, ...], row: _Row, pulls: Var) -> tuple[KStmt, ...]:
    done: list[KStmt] = []
    for stmt in body:
        if _reads(stmt, row):
            done += _gather(row, pulls)
            (stmt,) = map_block((stmt,), lambda e: _local(row) if e == _own(row) else e)
        match stmt:
            case If():
                then, orelse = _read_within(stmt.then, row, pulls), _read_within(stmt.orelse, row, pulls)
                done.append(replace(stmt, then=then, orelse=orelse))
            case Loop() | While():
                done.append(replace(stmt, body=_read_within(stmt.body, row, pulls)))
            case _:
                done.append(stmt)
    return tuple(done)


def _own(row: _Row) -> Load:
    return Load(row.counter, (AGENT,), "i64")


def _local(row: _Row) -> Var:
    return Var(f"{row.counter}_sum", "i64")


def _gather(row: _Row, pulls: Var) -> list[KStmt]:
    add = row.loop.body[0]
    assert isinstance(add, AtomicAdd)
    total = _local(row)
    theirs = Load(row.weight, add.index, "i64")
    loop = replace(row.loop, body=(Assign(total.name, op("add", total, theirs)),))
    return [Let(total.name, integer(0)), If(pulls, (loop,), (Assign(total.name, _own(row)),), row.loop.span)]

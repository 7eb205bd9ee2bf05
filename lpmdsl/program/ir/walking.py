"""Walks over expressions, statements and kernels."""

from __future__ import annotations

from collections.abc import Iterator

from lpmdsl.program import handles
from lpmdsl.program.ir.draws import law_parts
from lpmdsl.program.ir.expressions import Apply, Beside, KExpr, Load, Quantile, Threshold
from lpmdsl.program.ir.schedule import Gate, Kernel, Launch, ScheduleItem
from lpmdsl.program.ir.statements import (
    Append,
    Assign,
    AtomicAdd,
    AtomicMax,
    Claim,
    Draw,
    Enqueue,
    If,
    KStmt,
    Let,
    Loop,
    Mark,
    Prefetch,
    Sample,
    Store,
    Tally,
    While,
    calendar_buffers,
)


def parts(expr: KExpr) -> tuple[KExpr, ...]:
    """The direct sub-expressions."""
    match expr:
        case Load():
            return expr.index
        case Apply():
            return expr.args
        case Quantile():
            return (expr.row, expr.word)
        case Threshold():
            return (expr.high, expr.low)
        case Beside():
            return (expr.agent, expr.edge, expr.count)
        case _:
            return ()


def walk(expr: KExpr) -> Iterator[KExpr]:
    """The expression and all its parts, outermost first."""
    yield expr
    for part in parts(expr):
        yield from walk(part)


def expressions(stmt: KStmt) -> tuple[KExpr, ...]:
    """The expressions that a statement itself evaluates (not those of its blocks)."""
    match stmt:
        case Let() | Assign():
            return (stmt.value,)
        case Draw():
            return (stmt.agent, stmt.episode, *((stmt.together,) if stmt.together is not None else ()))
        case Store() | AtomicAdd() | AtomicMax():
            return (*stmt.index, stmt.value)
        case Tally():
            return (stmt.index, stmt.value)
        case If() | While():
            return (stmt.test,)
        case Loop():
            return (stmt.start, stmt.stop)
        case Append():
            return (stmt.value,)
        case Mark() | Claim() | Prefetch():
            return (stmt.index,)
        case Enqueue():
            return (stmt.step, stmt.value)
        case Sample():
            return law_parts(stmt.law)


def blocks(stmt: KStmt) -> tuple[tuple[KStmt, ...], ...]:
    """The nested blocks of a statement."""
    match stmt:
        case If():
            return (stmt.then, stmt.orelse)
        case Loop() | While():
            return (stmt.body,)
        case _:
            return ()


def statements(body: tuple[KStmt, ...]) -> Iterator[KStmt]:
    """Every statement, outermost first."""
    for stmt in body:
        yield stmt
        for block in blocks(stmt):
            yield from statements(block)


def whole(kernel: Kernel) -> tuple[KStmt, ...]:
    """Everything that a kernel does, with what it fetches early."""
    return (*kernel.prologue, *(s for a in kernel.ahead for s in a.body), *kernel.body)


def buffers_of(kernel: Kernel) -> tuple[str, ...]:
    """Names of the buffers that a kernel reads or writes, sorted."""
    names = {kernel.over} - {""}
    for stmt in statements(whole(kernel)):
        match stmt:
            case Store() | AtomicAdd() | AtomicMax() | Tally() | Prefetch():
                names.add(stmt.buffer)
            case Mark() | Claim():
                names.add(stmt.bits)
            case Append():
                names |= {stmt.items, handles.size(stmt.items)}
            case Enqueue():
                names |= set(calendar_buffers(stmt.calendar))
            case _:
                pass
        for expr in expressions(stmt):
            names.update(e.buffer for e in walk(expr) if isinstance(e, Load | Quantile))
            names.update(e.keys for e in walk(expr) if isinstance(e, Beside))
    return tuple(sorted(names))


def launched(item: ScheduleItem) -> list[str]:
    """Names of the kernels that an item of a schedule launches, in order."""
    match item:
        case Launch():
            return [item.kernel]
        case Gate():
            return [n for inner in item.items for n in launched(inner)]
        case _:
            return []


def every_item(items: tuple[ScheduleItem, ...]) -> Iterator[ScheduleItem]:
    """The items of a schedule, also those behind gates."""
    for item in items:
        yield from every_item(item.items) if isinstance(item, Gate) else (item,)

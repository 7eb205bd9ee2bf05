"""Fewer passes over the population and fewer operations in each: fold constants, merge gates, fuse kernels.

Nothing here changes a count: only integers are folded, kernels are fused when no agent reads what another agent
of the earlier kernel wrote, and gates are merged when they test the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from lpmdsl.program import handles
from lpmdsl.program.ir import (
    Append,
    Assign,
    AtomicAdd,
    AtomicMax,
    Claim,
    Clear,
    Collect,
    Const,
    Decide,
    Draw,
    Enqueue,
    Fold,
    Gate,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Let,
    Load,
    Loop,
    Mark,
    OrderStatistic,
    Program,
    Rank,
    ScheduleItem,
    SelectSmallest,
    Spend,
    Store,
    Tally,
    Var,
    buffers_of,
    calendar_buffers,
    expressions,
    launched,
    statements,
    walk,
    whole,
    words_of,
)
from lpmdsl.program.passes.simplify import fold, simplify
from lpmdsl.program.rewrite import map_block, map_expression


def optimise(program: Program) -> Program:
    """The same program with simple kernels, merged gates and fused passes."""
    kernels = {k.name: simplify(k) for k in program.kernels}
    begin = _fuse(_hoist_launches(_merge_gates(_fold_items(program.begin), kernels), kernels), kernels)
    step = _fuse(_hoist_launches(_merge_gates(_fold_items(program.step), kernels), kernels), kernels)
    used = {n for item in (*begin, *program.look, *step) for n in launched(item)}
    return replace(program, kernels=tuple(k for n, k in kernels.items() if n in used), begin=begin, step=step)


def _fold_items(items: tuple[ScheduleItem, ...]) -> tuple[ScheduleItem, ...]:
    return tuple(
        replace(i, test=map_expression(i.test, fold), items=_fold_items(i.items)) if isinstance(i, Gate) else i
        for i in items
    )


def _merge_gates(items: tuple[ScheduleItem, ...], kernels: dict[str, Kernel]) -> list[ScheduleItem]:
    """Neighbouring gates with the same test become one, also within gates; a gate that always opens is its items."""
    merged: list[ScheduleItem] = []
    for item in items:
        before = merged[-1] if merged else None
        if isinstance(item, Gate) and item.test == Const(True, "bool"):
            merged += _merge_gates(item.items, kernels)
        elif isinstance(item, Gate) and isinstance(before, Gate) and _still_holds(item.test, before, kernels):
            note = ", ".join(n for n in (before.note, item.note) if n)
            merged[-1] = Gate(item.test, (*before.items, *item.items), note)
        else:
            merged.append(item)
    return [replace(i, items=tuple(_merge_gates(i.items, kernels))) if isinstance(i, Gate) else i for i in merged]


def _still_holds(test: KExpr, before: Gate, kernels: dict[str, Kernel]) -> bool:
    """Return True if a gate has this test, and nothing behind it can change what the test reads."""
    read = _loaded(test)
    return before.test == test and not any(read & _changed(item, kernels) for item in before.items)


def _changed(item: ScheduleItem, kernels: dict[str, Kernel]) -> set[str]:
    """Buffers that an item may write."""
    match item:
        case Launch():
            kernel = kernels[item.kernel]
            return _own_writes(kernel) | _shared_writes(kernel)
        case Gate():
            return set().union(*(_changed(inner, kernels) for inner in item.items))
        case _:
            return _touched(item, kernels)


def _hoist_launches(items: list[ScheduleItem], kernels: dict[str, Kernel]) -> list[ScheduleItem]:
    """Move a pass over agents up to an earlier pass over the same agents, past what it has nothing to do with."""
    done: list[ScheduleItem] = []
    for item in items:
        if isinstance(item, Gate):
            done.append(replace(item, items=tuple(_hoist_launches(list(item.items), kernels))))
            continue
        position = len(done)
        if isinstance(item, Launch) and _is_sweep(kernels[item.kernel]):
            position = _earliest(done, kernels[item.kernel], kernels)
        done.insert(position, item)
    return done


def _earliest(done: list[ScheduleItem], kernel: Kernel, kernels: dict[str, Kernel]) -> int:
    mine = set(buffers_of(kernel))
    for position in range(len(done) - 1, -1, -1):
        before = done[position]
        if isinstance(before, Launch) and _same_sweep(kernels[before.kernel], kernel):
            return position + 1
        if mine & _touched(before, kernels):
            break
    return len(done)


def _is_sweep(kernel: Kernel) -> bool:
    """Return True if the kernel goes through all agents of a kind."""
    return bool(kernel.domain) and not kernel.over


def _same_sweep(a: Kernel, b: Kernel) -> bool:
    return _is_sweep(a) and _is_sweep(b) and a.domain == b.domain


def _touched(item: ScheduleItem, kernels: dict[str, Kernel]) -> set[str]:
    match item:
        case Launch():
            return set(buffers_of(kernels[item.kernel]))
        case Fold():
            return {item.tally, item.into}
        case Collect():
            return {*calendar_buffers(item.calendar), item.items, handles.size(item.items)}
        case Spend() | Decide():
            return set(item.buffers)
        case Clear():
            return {item.buffer}
        case SelectSmallest():
            return {item.keys, item.cutoff, item.chosen, *_loaded(item.limit)}
        case OrderStatistic():
            return {item.values, item.groups, item.into}
        case Rank():
            return {item.values, item.keys, item.into}
        case Gate():
            return _loaded(item.test).union(*(_touched(i, kernels) for i in item.items))
        case _:
            assert_never(item)


def _loaded(expr: KExpr) -> set[str]:
    return {e.buffer for e in walk(expr) if isinstance(e, Load)}


def _fuse(items: list[ScheduleItem], kernels: dict[str, Kernel]) -> tuple[ScheduleItem, ...]:
    fused: list[ScheduleItem] = []
    for item in items:
        if isinstance(item, Gate):
            item = replace(item, items=_fuse(list(item.items), kernels))
        last = fused[-1] if fused else None
        if isinstance(item, Launch) and isinstance(last, Launch):
            a, b = kernels[last.kernel], kernels[item.kernel]
            if _same_sweep(a, b) and independent(a, b):
                joined = fuse(a, b)
                kernels[joined.name] = joined
                fused[-1] = Launch(joined.name)
                continue
        fused.append(item)
    return tuple(fused)


def independent(first: Kernel, second: Kernel) -> bool:
    """Return True if no agent of the second reads or writes what another agent of the first wrote, or the reverse."""
    return not (
        _shared_writes(first) & set(buffers_of(second))
        or _shared_writes(second) & set(buffers_of(first))
        or _shared_reads(first) & _own_writes(second)
        or _shared_reads(second) & _own_writes(first)
    )


def _shared_reads(kernel: Kernel) -> set[str]:
    """Buffers read other than at the agent's own place, as those of its neighbours are."""
    read = (e for s in statements(whole(kernel)) for expr in expressions(s) for e in walk(expr))
    return {e.buffer for e in read if isinstance(e, Load) and e.index != (Var("i", "i64"),)}


def _own_writes(kernel: Kernel) -> set[str]:
    """Buffers written at the agent's own place."""
    return {s.buffer for s in statements(kernel.body) if isinstance(s, Store) and s.index == (Var("i", "i64"),)}


def _shared_writes(kernel: Kernel) -> set[str]:
    """Buffers written other than at the agent's own place."""
    shared: set[str] = set()
    for stmt in statements(kernel.body):
        match stmt:
            case AtomicAdd() | AtomicMax() | Tally():
                shared.add(stmt.buffer)
            case Mark() | Claim():
                shared.add(stmt.bits)
            case Store() if stmt.index != (Var("i", "i64"),):
                shared.add(stmt.buffer)
            case Append():
                shared |= {stmt.items, handles.size(stmt.items)}
            case Enqueue():
                shared |= set(calendar_buffers(stmt.calendar))
            case _:
                pass
    return shared


def fuse(first: Kernel, second: Kernel) -> Kernel:
    """One kernel that does the first's work and then the second's for each agent; equal leading locals are shared."""
    taken = _defined(first)
    clash = {n for n in _defined(second) if n in taken}
    shared = _shared_prefix(first.prologue, second.prologue) | _shared_prefix(first.body, second.body)
    other = _renamed(second, clash - shared)
    prologue = (*first.prologue, *(s for s in other.prologue if not (isinstance(s, Let) and s.name in shared)))
    body = (*first.body, *(s for s in other.body if not (isinstance(s, Let) and s.name in shared)))
    note = ", ".join(n for n in (first.note or first.name, second.note or second.name) if n)
    return Kernel(f"{first.name}_{second.name}", first.domain, prologue, body, first.span, note)


def _shared_prefix(a: tuple[KStmt, ...], b: tuple[KStmt, ...]) -> set[str]:
    """Top-level locals that both define with the same value, which neither assigns and nothing changes between."""
    assigned = {s.name for s in statements(a) if isinstance(s, Assign)} | {
        s.name for s in statements(b) if isinstance(s, Assign)
    }
    written = {s.buffer for s in statements(a) if isinstance(s, Store | AtomicAdd | AtomicMax | Tally)}
    mine = {s.name: s.value for s in a if isinstance(s, Let)}
    same: set[str] = set()
    for stmt in b:
        if isinstance(stmt, Let) and mine.get(stmt.name) == stmt.value and stmt.name not in assigned:
            reads = {e.buffer for e in walk(stmt.value) if isinstance(e, Load)}
            names = {e.name for e in walk(stmt.value) if isinstance(e, Var)} - {"i", "t"}
            if not reads & written and names <= same:
                same.add(stmt.name)
    return same


def _defined(kernel: Kernel) -> set[str]:
    names: set[str] = set()
    for stmt in statements((*kernel.prologue, *kernel.body)):
        match stmt:
            case Let():
                names.add(stmt.name)
            case Loop():
                names.add(stmt.var)
            case Claim() | AtomicMax():
                names.add(stmt.name)
            case Draw():
                names.update(words_of(stmt))
            case _:
                pass
    return names


def _renamed(kernel: Kernel, clash: set[str]) -> Kernel:
    """The kernel with its clashing locals renamed after it; a draw is renamed with all its words."""
    draws = {s.name for s in statements(kernel.body) if isinstance(s, Draw) and f"{s.name}_0" in clash}
    names = {n: f"{n}_{kernel.name}" for n in clash}
    names |= {f"{d}_{k}": f"{d}_{kernel.name}_{k}" for d in draws for k in range(4)}

    def rename(expr: KExpr) -> KExpr:
        return replace(expr, name=names[expr.name]) if isinstance(expr, Var) and expr.name in names else expr

    def local(name: str) -> str:
        return names.get(name, name)

    def draw(name: str) -> str:
        return f"{name}_{kernel.name}" if name in draws else name

    return replace(
        kernel,
        prologue=map_block(kernel.prologue, rename, local, draw),
        body=map_block(kernel.body, rename, local, draw),
    )

"""Loads that a kernel repeats are kept in a local, for back ends whose compilers do not see that they are the same.

Only buffers that the kernel does not write, so the value is the same everywhere; and only where reading early is safe:
the agent's own element always is, another element where the statement at hand reads it in any case.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from lpmdsl.program.ir import (
    Apply,
    Assign,
    AtomicAdd,
    AtomicMax,
    Draw,
    If,
    Kernel,
    KExpr,
    KStmt,
    Let,
    Load,
    Loop,
    Store,
    Tally,
    Var,
    While,
    blocks,
    expressions,
    parts,
    statements,
    walk,
    words_of,
)
from lpmdsl.program.rewrite import map_block

AGENT = (Var("i", "i64"),)


def reuse_loads(kernel: Kernel) -> Kernel:
    """The kernel with each repeated load read once, in the innermost block that holds all its uses."""
    written = {s.buffer for s in statements(kernel.body) if isinstance(s, Store | AtomicAdd | AtomicMax | Tally)}
    assigned = {s.name for s in statements(kernel.body) if isinstance(s, Assign)}
    taken = {s.name for s in statements((*kernel.prologue, *kernel.body)) if isinstance(s, Let | AtomicMax)}
    return replace(kernel, body=_Reuse(written, assigned, taken).block(kernel.body))


class _Reuse:
    """Goes from the outermost block inwards, so that a load lands no further out than its uses ask for."""

    def __init__(self, written: set[str], assigned: set[str], taken: set[str]) -> None:
        self.written, self.assigned, self.taken = written, assigned, taken

    def block(self, body: tuple[KStmt, ...]) -> tuple[KStmt, ...]:
        while (found := self._candidate(body)) is not None:
            load, first = found
            name = self._name(load)
            local = Var(name, load.dtype)

            def keep(expr: KExpr, load: Load = load, local: Var = local) -> KExpr:
                return local if expr == load else expr

            body = (*body[:first], Let(name, load), *map_block(body[first:], keep))
        return tuple(self._inside(stmt) for stmt in body)

    def _inside(self, stmt: KStmt) -> KStmt:
        match stmt:
            case If():
                return replace(stmt, then=self.block(stmt.then), orelse=self.block(stmt.orelse))
            case Loop() | While():
                return replace(stmt, body=self.block(stmt.body))
            case _:
                return stmt

    def _candidate(self, body: tuple[KStmt, ...]) -> tuple[Load, int] | None:
        """A load to keep in this block, and the statement before which to read it."""
        uses: Counter[Load] = Counter()
        holders: dict[Load, list[int]] = {}
        for k, stmt in enumerate(body):
            for load, times in _loads(stmt).items():
                uses[load] += times
                holders.setdefault(load, []).append(k)
        for load, where in holders.items():
            if uses[load] < 2 or not self._is_unchanged(load) or self._defined_within(load, body[where[0] :]):
                continue
            here = body[where[0]]
            if _reads_in_any_case(here, load) or (
                load.index == AGENT and (len(where) > 1 or not _one_block(here, load))
            ):
                return load, where[0]
        return None

    def _is_unchanged(self, load: Load) -> bool:
        inner = {e.buffer for e in walk(load) if isinstance(e, Load)}
        names = {e.name for e in walk(load) if isinstance(e, Var)}
        return not inner & self.written and not names & self.assigned and "i" in names

    def _defined_within(self, load: Load, body: tuple[KStmt, ...]) -> bool:
        """Return True if the index reads a local that is defined only behind the place where the load would go."""
        defined = {s.name for s in statements(body) if isinstance(s, Let | AtomicMax)}
        defined |= {s.var for s in statements(body) if isinstance(s, Loop)}
        defined |= {w for s in statements(body) if isinstance(s, Draw) for w in words_of(s)}
        return any(isinstance(e, Var) and e.name in defined for e in walk(load))

    def _name(self, load: Load) -> str:
        stem = f"{load.buffer}_{'of' if load.index == AGENT else 'there'}"
        name = next(n for n in (stem, *(f"{stem}_{k}" for k in range(2, 1000))) if n not in self.taken)
        self.taken.add(name)
        return name


def _loads(stmt: KStmt) -> Counter[Load]:
    return Counter(e for s in statements((stmt,)) for x in expressions(s) for e in walk(x) if isinstance(e, Load))


def _one_block(stmt: KStmt, load: Load) -> bool:
    """Return True if all uses within a statement lie in one of its blocks."""
    if any(load in walk(x) for x in expressions(stmt)):
        return False
    return sum(any(load in _loads(s) for s in block) for block in blocks(stmt)) == 1


def _reads_in_any_case(stmt: KStmt, load: Load) -> bool:
    """Return True if running the statement reads the load, whatever its tests and choices say."""
    return any(load in _unconditional(x) for x in expressions(stmt))


def _unconditional(expr: KExpr) -> list[KExpr]:
    """The parts of an expression that every evaluation reaches."""
    match expr:
        case Apply(op="select" | "and" | "or", args=(first, *_)):
            return [expr, *_unconditional(first)]
        case _:
            return [expr, *(e for p in parts(expr) for e in _unconditional(p))]

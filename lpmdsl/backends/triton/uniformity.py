"""Values that differ between the lanes of a block or fit into 32 bits, and tests in the order that spares lanes."""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.program.ir import (
    Apply,
    Assign,
    AtomicMax,
    Const,
    Draw,
    If,
    Kernel,
    KExpr,
    KStmt,
    Let,
    Loop,
    Var,
    While,
    statements,
    walk,
    words_of,
)
from lpmdsl.program.nodes import all_of


def varying_names(kernel: Kernel) -> set[str]:
    """The locals of a kernel over agents that may differ from lane to lane."""
    varying = {"i"}
    while True:
        before = len(varying)
        _spread(kernel.body, False, varying)
        if len(varying) == before:
            return varying


def _spread(body: tuple[KStmt, ...], divided: bool, varying: set[str]) -> None:
    """Adds to ``varying``. ``divided``: whether lanes have gone apart, so that an assignment reaches some only."""
    for stmt in body:
        match stmt:
            case Let() if depends(stmt.value, varying):
                varying.add(stmt.name)
            case Assign() if divided or depends(stmt.value, varying):
                varying.add(stmt.name)
            case AtomicMax():
                varying.add(stmt.name)
            case Draw():
                varying.update(words_of(stmt))
            case If() | While():
                inner = divided or depends(stmt.test, varying)
                for block in (stmt.then, stmt.orelse) if isinstance(stmt, If) else (stmt.body,):
                    _spread(block, inner, varying)
            case Loop():
                apart = depends(stmt.start, varying) or depends(stmt.stop, varying)
                if apart:
                    varying.add(stmt.var)
                _spread(stmt.body, divided or apart, varying)
            case _:
                pass


def depends(expr: KExpr, varying: set[str]) -> bool:
    """Return True if the expression reads one of the locals in ``varying``."""
    return any(isinstance(e, Var) and e.name in varying for e in walk(expr))


def narrow_names(kernel: Kernel) -> set[str]:
    """The locals that are states, codes and counts of moves: 32 bits hold them, in half the registers."""
    defined: dict[str, list[KExpr]] = {}
    for stmt in statements((*kernel.prologue, *kernel.body)):
        if isinstance(stmt, Let | Assign) and stmt.value.dtype == "i64":
            defined.setdefault(stmt.name, []).append(stmt.value)
    narrow = set(defined)
    while wide := {n for n in narrow if not all(_is_narrow(v, n, narrow) for v in defined[n])}:
        narrow -= wide
    return narrow


def _is_narrow(value: KExpr, name: str, narrow: set[str]) -> bool:
    match value:
        case Const():
            return abs(value.value) < 1 << 30
        case Var():
            return value.name in narrow
        case Apply(op="to_i64", args=(inner,)):
            return inner.dtype in ("bool", "u8")
        case Apply(op="select", args=(_, chosen, other)):
            return _is_narrow(chosen, name, narrow) and _is_narrow(other, name, narrow)
        case Apply(op="add", args=(Var(name=counter), Const(value=1))):
            return counter == name  # a count: it would take a billion turns of a loop
        case _:
            return False


def uniform_first(kernel: Kernel) -> Kernel:
    """Branches whose test is the same for all lanes in part ask that part first, outside."""
    varying = varying_names(kernel)

    def split(stmt: KStmt) -> KStmt:
        match stmt:
            case If():
                stmt = replace(stmt, then=inside(stmt.then), orelse=inside(stmt.orelse))
                same = [t for t in conjuncts(stmt.test) if not depends(t, varying)]
                apart = [t for t in conjuncts(stmt.test) if depends(t, varying)]
                if not (same and apart) or stmt.orelse:
                    return stmt
                return replace(stmt, test=all_of(*same), then=(If(all_of(*apart), stmt.then),))
            case Loop() | While():
                return replace(stmt, body=inside(stmt.body))
            case _:
                return stmt

    def inside(body: tuple[KStmt, ...]) -> tuple[KStmt, ...]:
        return tuple(split(s) for s in body)

    return replace(kernel, body=inside(kernel.body))


def conjuncts(test: KExpr) -> tuple[KExpr, ...]:
    """The parts of a conjunction."""
    match test:
        case Apply(op="and", args=args):
            return tuple(part for a in args for part in conjuncts(a))
        case _:
            return (test,)

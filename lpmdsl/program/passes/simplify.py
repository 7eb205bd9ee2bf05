"""One kernel made simpler: constants folded, decided branches and unread locals removed. No count changes."""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.program.ir import (
    Apply,
    Assign,
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
    expressions,
    statements,
    walk,
    words_of,
)
from lpmdsl.program.rewrite import map_block, map_expression

_FOLD = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "max": max,
    "min": min,
}


def fold(expr: KExpr) -> KExpr:
    """One node simplified, its parts already simple. Floating-point arithmetic is left alone."""
    if not isinstance(expr, Apply):
        return expr
    args = expr.args
    if expr.dtype == "i64" and expr.op in _FOLD and all(isinstance(a, Const) for a in args):
        return Const(_FOLD[expr.op](*(a.value for a in args)), "i64")  # type: ignore[union-attr]
    if expr.dtype == "bool":
        return _fold_truth(expr)
    match expr.op, args:
        case "add", (a, Const(value=0, dtype="i64")) | (Const(value=0, dtype="i64"), a):
            return a
        case "sub", (a, Const(value=0, dtype="i64")):
            return a
        case "mul" | "floordiv", (a, Const(value=1, dtype="i64")):
            return a
        case "mod", (_, Const(value=1, dtype="i64")):
            return Const(0, "i64")
        case "select", (Const(value=truth), a, b):
            return a if truth else b
        case _:
            return expr


def _fold_truth(expr: Apply) -> KExpr:
    yes, no = Const(True, "bool"), Const(False, "bool")
    match expr.op, expr.args:
        case "and", (Const(value=True), a) | (a, Const(value=True)):
            return a
        case "and", (Const(value=False), _) | (_, Const(value=False)):
            return no
        case "or", (Const(value=False), a) | (a, Const(value=False)):
            return a
        case "or", (Const(value=True), _) | (_, Const(value=True)):
            return yes
        case "not", (Const(value=value),):
            return no if value else yes
        case "eq", (Const(value=a, dtype="i64"), Const(value=b, dtype="i64")):
            return yes if a == b else no
        case "select", (Const(value=truth), a, b):
            return a if truth else b
        case "select", (test, Const(value=True), b):
            return _fold_truth(Apply("or", (test, b), "bool"))
        case "select", (test, a, Const(value=False)):
            return _fold_truth(Apply("and", (test, a), "bool"))
        case _:
            return expr


def simplify(kernel: Kernel) -> Kernel:
    """Constants folded, branches that cannot run removed, locals that nobody reads removed."""
    prologue = _prune(map_block(kernel.prologue, fold))
    assigned = frozenset(s.name for s in statements(kernel.body) if isinstance(s, Assign))
    body = _prune(_assume(map_block(kernel.body, fold), {}, assigned))
    return _without_dead_locals(replace(kernel, prologue=prologue, body=body))


def _prune(body: tuple[KStmt, ...]) -> tuple[KStmt, ...]:
    kept: list[KStmt] = []
    for stmt in body:
        match stmt:
            case If(test=Const(value=truth)):
                kept += _prune(stmt.then if truth else stmt.orelse)
            case If():
                inner = replace(stmt, then=_prune(stmt.then), orelse=_prune(stmt.orelse))
                if inner.then or inner.orelse:
                    kept.append(inner)
            case Loop() | While():
                kept.append(replace(stmt, body=_prune(stmt.body)))
            case _:
                kept.append(stmt)
    return tuple(kept)


Known = dict[str, frozenset[int]]


def _assume(body: tuple[KStmt, ...], known: Known, assigned: frozenset[str]) -> tuple[KStmt, ...]:
    """Inside ``if state == 2``, tests of the same local against other states are decided."""

    def decide(expr: KExpr) -> KExpr:
        match expr:
            case Apply(op="eq", args=(Var(name=name), Const(value=value))) if name in known:
                if value not in known[name]:
                    return Const(False, "bool")
                return Const(True, "bool") if len(known[name]) == 1 else expr
            case _:
                return fold(expr)

    done: list[KStmt] = []
    for stmt in body:
        match stmt:
            case If():
                inner = _assume(stmt.then, known | _possible(stmt.test, assigned), assigned)
                orelse = _assume(stmt.orelse, known, assigned)
                done.append(replace(stmt, test=map_expression(stmt.test, decide), then=inner, orelse=orelse))
            case Loop() | While():
                done.append(replace(stmt, body=_assume(stmt.body, known, assigned)))
            case _:
                done += map_block((stmt,), decide)
    return tuple(done)


def _possible(test_: KExpr, assigned: frozenset[str]) -> Known:
    """Facts that a true test states about locals that never change: the values each can have."""
    match test_:
        case Apply(op="eq", args=(Var(name=name), Const(value=value))) if name not in assigned:
            return {name: frozenset({int(value)})}
        case Apply(op="and", args=(a, b)):
            return _possible(a, assigned) | _possible(b, assigned)
        case Apply(op="or", args=(a, b)):
            left, right = _possible(a, assigned), _possible(b, assigned)
            return {n: left[n] | right[n] for n in left.keys() & right.keys()}
        case _:
            return {}


def _without_dead_locals(kernel: Kernel) -> Kernel:
    """Remove locals that are never read, until none is left."""
    while True:
        whole = (*kernel.prologue, *kernel.body)
        read = {e.name for s in statements(whole) for x in expressions(s) for e in walk(x) if isinstance(e, Var)}
        slim = replace(kernel, prologue=_drop(kernel.prologue, read), body=_drop(kernel.body, read))
        if slim == kernel:
            return kernel
        kernel = slim


def _drop(body: tuple[KStmt, ...], read: set[str]) -> tuple[KStmt, ...]:
    kept: list[KStmt] = []
    for stmt in body:
        match stmt:
            case Let() | Assign() if stmt.name not in read:
                continue
            case Draw() if not any(word in read for word in words_of(stmt)):
                continue
            case If():
                kept.append(replace(stmt, then=_drop(stmt.then, read), orelse=_drop(stmt.orelse, read)))
            case Loop() | While():
                kept.append(replace(stmt, body=_drop(stmt.body, read)))
            case _:
                kept.append(stmt)
    return tuple(kept)

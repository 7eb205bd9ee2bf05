"""Arguments of a kernel: its buffers, the sizes and parts that it works out from them, its head."""

from __future__ import annotations

import json
from dataclasses import replace

from lpmdsl.backends.python_text import signature
from lpmdsl.program.ir import (
    Assign,
    Buffer,
    Const,
    Extent,
    Kernel,
    KExpr,
    KStmt,
    Let,
    OneMore,
    Var,
    expressions,
    size_name,
    statements,
    walk,
)
from lpmdsl.program.rewrite import map_block

SHARED = ("constant", "input")
"""Roles of buffers that all replicates of a launch read; each has its own part of any other."""
CLOCK = ["member = tl.program_id(1).to(tl.int64)", "clock += 4 * member", "t = tl.load(clock)"]
KEYS = ["seed = tl.load(clock + 1)", "replicate = tl.load(clock + 2)"]


def size_of(buffer: Buffer) -> tuple[str, ...]:
    """The factors of how many elements one replicate has of a buffer, as text."""
    if buffer.role == "tally" and buffer.dtype == "i64":
        return ("TALLY_ROWS", str(buffer.columns))
    return tuple(_dimension(d) for d in buffer.shape)


def _dimension(size: Extent) -> str:
    return f"({size.size} + 1)" if isinstance(size, OneMore) else str(size)


def sizes_of(buffers: list[Buffer], body: tuple[KStmt, ...], known: set[str]) -> list[str]:
    """Names of the sizes that a kernel needs: to find a replicate's part, and those that its text reads."""
    names = {size_name(d) for b in buffers if b.role not in SHARED and not _is_count(b) for d in b.shape} - {""}
    read = {e.name for s in statements(body) for x in expressions(s) for e in walk(x) if isinstance(e, Var)}
    return sorted(names | {r for r in read if r in known})


def _is_count(buffer: Buffer) -> bool:
    return buffer.role == "tally" and buffer.dtype == "i64"


def all_sizes(buffers: dict[str, Buffer]) -> set[str]:
    """Names of all sizes of buffers."""
    return {size_name(d) for b in buffers.values() for d in b.shape} - {""}


def own_parts(buffers: list[Buffer]) -> list[str]:
    """Lines that move each pointer to the part of this replicate."""
    lines = []
    for b in buffers:
        if b.role not in SHARED:
            lines.append(f"{b.name} += member" + "".join(f" * {f}" for f in size_of(b) if f != "1"))
    return lines


def head_of(name: str, sizes: list[str], arguments: list[str], constants: list[str]) -> list[str]:
    """The first lines of a kernel: sizes may differ between runs without a new compilation."""
    fixed = f"(do_not_specialize={json.dumps(sizes)})" if sizes else ""
    return [f"@triton.jit{fixed}", *signature(f"def {name}", [*sizes, *arguments, *constants])]


def constants_inlined(kernel: Kernel) -> Kernel:
    """Locals that are one constant for good are written as that constant."""
    whole = tuple(statements((*kernel.prologue, *kernel.body)))
    assigned = {s.name for s in whole if isinstance(s, Assign)}
    seen: dict[str, list[KExpr]] = {}
    for let in (s for s in whole if isinstance(s, Let)):
        seen.setdefault(let.name, []).append(let.value)
    fixed = {n: v[0] for n, v in seen.items() if n not in assigned and len(v) == 1 and isinstance(v[0], Const)}

    def inline(expr: KExpr) -> KExpr:
        return fixed.get(expr.name, expr) if isinstance(expr, Var) else expr

    def drop(body: tuple[KStmt, ...]) -> tuple[KStmt, ...]:
        return tuple(s for s in body if not (isinstance(s, Let) and s.name in fixed))

    return replace(kernel, prologue=drop(map_block(kernel.prologue, inline)),
                   body=_drop_deep(map_block(kernel.body, inline), drop))  # fmt: skip


def _drop_deep(body: tuple[KStmt, ...], drop) -> tuple[KStmt, ...]:
    done = []
    for stmt in drop(body):
        for name in ("then", "orelse", "body"):
            if hasattr(stmt, name):
                stmt = replace(stmt, **{name: _drop_deep(getattr(stmt, name), drop)})
        done.append(stmt)
    return tuple(done)

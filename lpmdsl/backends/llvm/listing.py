"""The Program printed in Python's spelling: a function per kernel, and a driver that runs the schedule step by step.

Kernels work on a chunk of agents. Every thread of a team runs the same driver: it takes its share of the chunks and
waits at a barrier after each pass. So one driver serves any number of threads (``docs/passes.md``). What is printed
here is what ``lpmdsl.native`` compiles, function by function; it is read as a syntax tree and never run as Python.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from lpmdsl.backends.llvm.arguments import goes_through_list, kernel_arguments, shares_lists
from lpmdsl.backends.llvm.names import MODULES
from lpmdsl.backends.llvm.schedule import driver
from lpmdsl.backends.python_text import INDENT, Style, block, names_read, remark, rows_of, signature, statement, text
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    Append,
    Apply,
    Draw,
    If,
    Kernel,
    KExpr,
    KStmt,
    Let,
    Load,
    Loop,
    Program,
    Store,
    Tally,
    Var,
    While,
    expressions,
    statements,
    walk,
)
from lpmdsl.program.nodes import AGENT
from lpmdsl.program.rewrite import map_block
from lpmdsl.program.verify import verify_names

_HEAD = '''"""Made by lpmc from {name}. One function per kernel; `run_steps` is the schedule of a step."""

import numpy as np

{imports}
'''


def emit(program: Program) -> str:
    """The listing of the whole program."""
    verify_names(program)
    parts = functions(program)
    head = _HEAD.format(name=program.name, imports="\n".join(_imports("\n".join(parts))))
    return "\n\n".join(part.rstrip() + "\n" for part in (head, *parts))


def functions(program: Program) -> list[str]:
    """The functions of a program: its kernels and its drivers."""
    parts = [_kernel(program, k) for k in program.kernels]
    parts.append(driver(program, "begin", program.begin))
    parts += [driver(program, "look", program.look)] if program.look else []
    return [*parts, driver(program, "run_steps", program.step)]


def _imports(text: str) -> list[str]:
    """The lines that import what a listing calls."""
    used = names_read(text)
    lines: list[str] = []
    for module, names in MODULES.items():
        if called := sorted(used & set(names)):
            lines += _import(module, called)
    return lines


def _import(module: str, names: list[str]) -> list[str]:
    line = f"from {module} import {', '.join(names)}"
    return [line] if len(line) <= 120 else [f"from {module} import (", *rows_of(names), ")"]


def _kernel(program: Program, kernel: Kernel) -> str:
    names = kernel_arguments(program, kernel)
    head = ["chunk", "lo", "hi", "t"] if kernel.domain else ["t"]
    is_alone = goes_through_list(program, kernel)
    head += ["threads"] if shares_lists(kernel) and not is_alone else []
    lines = [*signature(f"def {kernel.name}", [*head, *names])]
    words = {"name": f"{INDENT}#{remark(kernel.span, kernel.note)[3:]}"}
    if words["name"].strip("# "):
        lines.append(words["name"])
    lines += [f"{INDENT}threads = 1"] if is_alone else []
    for stmt in kernel.prologue:
        lines += statement(stmt, 1)
    if not kernel.domain:
        return "\n".join([*lines, *block(kernel.body, 1)]) + "\n"
    if kernel.over:
        return "\n".join([*lines, *_over_some(program, kernel)]) + "\n"
    for draw in _drawn_together(kernel):
        assert draw.together is not None
        words = f"{draw.name}_words"
        given = f"{words}, {text(draw.together)}, seed, lo, hi, {draw.site}, {text(draw.episode)}, replicate"
        lines.append(f"{INDENT}{words} = np.empty(hi - lo + 3, np.uint32)")
        lines.append(f"{INDENT}quarters({given}){remark(draw.span, draw.path)}")
    noted = _noted(kernel)
    for items, n in noted.items():
        lines += [f"{INDENT}{items}_notes = np.empty({n} * (hi - lo) + 1, np.int32)", f"{INDENT}{items}_notes[0] = 0"]
    # What many find changed at once would else be taken in turns by all threads, one atomic addition each.
    loop = _loop(kernel, Style(noted=frozenset(noted)))
    after = [f"{INDENT}append_all({items}, {handles.size(items)}, {items}_notes, threads)" for items in noted]
    return "\n".join([*lines, *loop, *after]) + "\n"


def _loop(kernel: Kernel, style: Style) -> list[str]:
    """The loop over a chunk; a test that is the same for all of it is made before.

    ``u`` is the agent without a sign: an index with one would be asked whether it counts from the end, at every place
    in memory, and the compiler could not take several agents at a time.
    """
    first, inner = [], _words_taken(kernel.body)
    if len(inner) == 1 and isinstance(inner[0], If) and not inner[0].orelse and _is_alike(kernel, inner[0].test):
        only = inner[0]
        first, inner = [f"{INDENT}if {text(only.test)}:{remark(only.span, only.note)}"], only.then
    depth = 2 if first else 1
    inner = _without_sign(inner)
    head = [f"{INDENT * depth}for u in range(np.uint64(lo), np.uint64(hi)):"]
    if any(_reads_agent(stmt) for stmt in statements(inner)):
        head.append(f"{INDENT * (depth + 1)}i = np.int64(u)")
    return [*first, *head, *block(inner, depth + 1, style)]


def _without_sign(body: tuple[KStmt, ...]) -> tuple[KStmt, ...]:
    """The body with the agent without a sign where it alone says a place in memory."""
    u = Var("u", "i64")

    def loads(expr: KExpr) -> KExpr:
        return replace(expr, index=(u,)) if isinstance(expr, Load) and expr.index == (AGENT,) else expr

    def stores(body: tuple[KStmt, ...]) -> tuple[KStmt, ...]:
        done: list[KStmt] = []
        for stmt in body:
            match stmt:
                case Store(index=index) if index == (AGENT,):
                    done.append(replace(stmt, index=(u,)))
                case If():
                    done.append(replace(stmt, then=stores(stmt.then), orelse=stores(stmt.orelse)))
                case Loop() | While():
                    done.append(replace(stmt, body=stores(stmt.body)))
                case _:
                    done.append(stmt)
        return tuple(done)

    return stores(map_block(body, loads))


def _reads_agent(stmt: KStmt) -> bool:
    """Return True if a statement reads the agent's number; sums of floats find their lane by it."""
    in_lanes = isinstance(stmt, Tally) and stmt.how == "add" and stmt.value.dtype == "f64"
    return in_lanes or any(e == AGENT for expr in expressions(stmt) for e in walk(expr))


def _is_alike(kernel: Kernel, expr: KExpr) -> bool:
    before = {s.name for s in kernel.prologue if isinstance(s, Let)}
    return all(e.name in before for e in walk(expr) if isinstance(e, Var)) and not any(
        isinstance(e, Load) for e in walk(expr)
    )


def _noted(kernel: Kernel) -> dict[str, int]:
    """Lists to which a pass over a chunk adds agents, each at most once at so many places: not in inner loops."""
    inner = {s.items for loop in statements(kernel.body) if isinstance(loop, Loop | While)
             for s in statements(loop.body) if isinstance(s, Append)}  # fmt: skip
    return Counter(s.items for s in statements(kernel.body) if isinstance(s, Append) and s.items not in inner)


def _drawn_together(kernel: Kernel) -> list[Draw]:
    """The draws of a pass over a chunk that are made for all of it at once, before the loop."""
    draws = [s for s in statements(kernel.body) if isinstance(s, Draw)]
    return [d for d in draws if d.together is not None and kernel.domain and not kernel.over]


def _words_taken(body: tuple[KStmt, ...]) -> tuple[KStmt, ...]:
    """The body with each draw that is made before the loop replaced by the agent's word of it."""
    done: list[KStmt] = []
    for stmt in body:
        match stmt:
            case Draw(together=together) if together is not None:
                place = Apply("sub", (Var("i", "i64"), Var("lo", "i64")), "i64")
                word = Apply("to_i64", (Load(f"{stmt.name}_words", (place,), "u32"),), "i64")
                done.append(Let(f"{stmt.name}_0", word))
            case If():
                done.append(replace(stmt, then=_words_taken(stmt.then), orelse=_words_taken(stmt.orelse)))
            case _:
                done.append(stmt)
    return tuple(done)


def _over_some(program: Program, kernel: Kernel) -> list[str]:
    """The loop over a list or a set. Who is alone need not pay for atomic instructions."""
    is_set = not goes_through_list(program, kernel)
    depth = 3 if is_set else 2
    body = block(kernel.body, depth, Style(among=True))
    return [*(_over_set(kernel) if is_set else _over_list(kernel)), *body]


def _over_set(kernel: Kernel) -> list[str]:
    """Word by word, so in the order of the agents: memory comes by itself."""
    return [
        f"{INDENT}for e in range(lo, hi):",
        f"{INDENT * 2}word = {kernel.over}[e]",
        f"{INDENT * 2}while word != 0:",
        f"{INDENT * 3}i = (e << 6) + lowest_bit(word)",
        f"{INDENT * 3}word &= word - 1",
    ]


def _over_list(kernel: Kernel) -> list[str]:
    """Agents lie in no order in a list, so memory is asked for before it is needed."""
    items, pad = kernel.over, INDENT * 2
    lines = [f"{INDENT}for e in range(lo, hi):"]
    for ahead in kernel.ahead:
        lines += [f"{pad}i = np.int64({items}[min(e + {ahead.places}, hi - 1)])", *block(ahead.body, 2)]
    return [*lines, f"{pad}i = np.int64({items}[e])"]

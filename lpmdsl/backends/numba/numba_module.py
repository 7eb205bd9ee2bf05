"""The Program printed as one Numba module: a function per kernel, and a driver that runs the schedule step by step.

Kernels work on a chunk of agents. Every thread of a team runs the same driver: it takes its share of the chunks and
waits at a barrier after each pass. So one driver serves any number of threads and is compiled once, in half the time
that Numba's parallel loops take (``docs/passes.md``). Only the text is made here: Numba is imported by the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never

from lpmdsl.backends.python_text import INDENT, block, remark, signature, statement, text
from lpmdsl.program.ir import (
    Append,
    Apply,
    Claim,
    Clear,
    Collect,
    Decide,
    Draw,
    Enqueue,
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
    Mark,
    OrderStatistic,
    Program,
    ScheduleItem,
    SelectSmallest,
    Spend,
    Var,
    While,
    buffers_of,
    calendar_buffers,
    expressions,
    statements,
    walk,
)
from lpmdsl.program.verify import verify_names

_HEAD = '''"""Made by lpmc from {name}. One function per kernel; `run_steps` is the schedule of a step."""

import numpy as np
from numba import njit

from lpmdsl.backends.numba.worklists import (
    CHUNK, add_among, append, atomic_add, barrier, collect, enqueue, lowest_bit, piece_of, prefetch, put_in, spend,
    take_out,
)
from lpmdsl.backends.numba.prelude import (
    clear, cos, exp, fold_add, fold_lanes, fold_max, fold_min, larger, log, philox, quantile, select_smallest, sin,
    smaller, threshold,
)
{more}

kernel = njit(cache=True, error_model="numpy", nogil=True)
'''
_SELDOM = ("greatest", "least", "order_statistic")
"""Helpers that few modules call."""


def emit(program: Program) -> str:
    """The source of the module."""
    verify_names(program)
    more = "from lpmdsl.networks.random_regular import neighbour\n" if _has_circles(program) else ""
    if any(s.quartered for k in program.kernels for s in statements(k.body) if isinstance(s, Draw)):
        more = f"from lpmdsl.backends.numba.prelude import quarter, quarters\n{more}"
    if decisions := sorted({decide_function(i) for i in _every_item(program.step) if isinstance(i, Decide)}):
        more = f"from lpmdsl.backends.numba.worklists import {', '.join(decisions)}\n{more}"
    if any(_noted(k) for k in program.kernels if k.domain and not k.over):
        more = f"from lpmdsl.backends.numba.worklists import append_all, note, notes_for\n{more}"
    parts = [_kernel(program, k) for k in program.kernels]
    parts.append(_driver(program, "begin", program.begin))
    parts += [_driver(program, "look", program.look)] if program.look else []
    parts.append(_driver(program, "run_steps", program.step))
    if more_of := [name for name in _SELDOM if any(f"{name}(" in part for part in parts)]:
        more = f"from lpmdsl.backends.numba.prelude import {', '.join(more_of)}\n{more}"
    parts.insert(0, _HEAD.format(name=program.name, more=more))
    return "\n\n".join(part.rstrip() + "\n" for part in parts)


def _every_item(items: tuple[ScheduleItem, ...]) -> Iterator[ScheduleItem]:
    for item in items:
        yield item
        yield from _every_item(item.items) if isinstance(item, Gate) else ()


def _has_circles(program: Program) -> bool:
    return any(b.name.endswith("_circles") for b in program.buffers)


def buffer_arguments(program: Program) -> tuple[str, ...]:
    """The buffers that the driver takes, in order."""
    return tuple(sorted(b.name for b in program.buffers))


def size_arguments(program: Program) -> tuple[str, ...]:
    """The sizes that the driver takes, in order."""
    names = {d for b in program.buffers for d in b.shape if isinstance(d, str) and d.startswith("reports_")}
    return tuple(sorted(names | {k.domain for k in program.kernels if k.domain}))


def kernel_arguments(program: Program, kernel: Kernel) -> list[str]:
    """Arguments of a kernel besides its chunk and the step: keys of draws, sizes, buffers."""
    body = (*kernel.prologue, *kernel.body)
    names: list[str] = []
    if any(isinstance(s, Draw) for s in statements(body)):
        names += ["seed", "replicate"]
    read = {e.name for s in statements(body) for x in expressions(s) for e in walk(x) if isinstance(e, Var)}
    names += [size for size in size_arguments(program) if size in read]
    return [*names, *buffers_of(kernel)]


def fold_function(program: Program, item: Fold) -> str:
    """Name of the prelude's function that joins a tally: float64 sums have lanes."""
    return "fold_lanes" if len(program.buffer(item.tally).shape) == 3 else f"fold_{item.how}"


def _kernel(program: Program, kernel: Kernel) -> str:
    names = kernel_arguments(program, kernel)
    head = ["chunk", "lo", "hi", "t"] if kernel.domain else ["t"]
    head += ["threads"] if shares_lists(kernel) else []
    lines = ["@kernel", *signature(f"def {kernel.name}", [*head, *names])]
    words = {"name": f"{INDENT}#{remark(kernel.span, kernel.note)[3:]}"}
    if words["name"].strip("# "):
        lines.append(words["name"])
    for stmt in kernel.prologue:
        lines += statement(stmt, 1)
    if not kernel.domain:
        return "\n".join([*lines, *block(kernel.body, 1)]) + "\n"
    if kernel.over:
        return "\n".join([*lines, *_over_some(program, kernel)]) + "\n"
    for draw in _drawn_together(kernel):
        assert draw.together is not None
        given = f"{text(draw.together)}, seed, lo, hi, {draw.site}, {text(draw.episode)}, replicate"
        lines.append(f"{INDENT}{draw.name}_words = quarters({given}){remark(draw.span, draw.path)}")
    noted = _noted(kernel)
    lines += [f"{INDENT}{items}_notes = notes_for({n} * (hi - lo))" for items, n in noted.items()]
    loop = _loop(kernel)
    for items in noted:
        # What many find changed at once would else be taken in turns by all threads, one atomic addition each.
        loop = [line.replace(f"append({items}, {items}_size, i, threads)", f"note({items}_notes, i)") for line in loop]
    after = [f"{INDENT}append_all({items}, {items}_size, {items}_notes, threads)" for items in noted]
    return "\n".join([*lines, *loop, *after]) + "\n"


def _loop(kernel: Kernel) -> list[str]:
    """The loop over a chunk; a test that is the same for all of it is made before.

    ``u`` is the agent without a sign: an index with one would be asked whether it counts from the end, at every place
    in memory, and the compiler could not take several agents at a time.
    """
    first, inner = [], _words_taken(kernel.body)
    if len(inner) == 1 and isinstance(inner[0], If) and not inner[0].orelse and _is_alike(kernel, inner[0].test):
        only = inner[0]
        first, inner = [f"{INDENT}if {text(only.test)}:{remark(only.span, only.note)}"], only.then
    depth = 2 if first else 1
    body = [line.replace("[i]", "[u]") for line in block(inner, depth + 1)]
    head = [f"{INDENT * depth}for u in range(np.uint64(lo), np.uint64(hi)):"]
    if any(re.search(r"\bi\b", line.split("#")[0]) for line in body):
        head.append(f"{INDENT * (depth + 1)}i = np.int64(u)")
    return [*first, *head, *body]


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


def shares_lists(kernel: Kernel) -> bool:
    """Return True if a kernel must know if it is alone: it goes through a list, or adds to one."""
    return bool(kernel.over) or any(isinstance(s, Append | Mark | Claim | Enqueue) for s in statements(kernel.body))


def _over_some(program: Program, kernel: Kernel) -> list[str]:
    """The loop over a list or a set. Who is alone need not pay for atomic instructions."""
    is_set = program.buffer(kernel.over).dtype == "i64"
    depth = 3 if is_set else 2
    body = (line.replace("atomic_add(", "add_among(threads, ") for line in block(kernel.body, depth))
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


def _driver(program: Program, name: str, items: tuple[ScheduleItem, ...]) -> str:
    arguments = ["seed", "replicate", *size_arguments(program), *buffer_arguments(program)]
    lines = ["@kernel", *signature(f"def {name}", ["first", "last", "thread", "threads", "team", *arguments])]
    lines.append(f"{INDENT}for t in range(first, last):")
    return "\n".join([*lines, *_items(program, items, 2)]) + "\n"


def _items(program: Program, items: tuple[ScheduleItem, ...], depth: int) -> list[str]:
    """The schedule for one thread of the team: scalar work by thread 0, agents by all, a barrier after each."""
    pad = INDENT * depth
    barrier = f"{pad}barrier(team, threads)"
    lines: list[str] = []
    alone: list[str] = []

    def flush() -> None:
        if alone:
            lines.extend([f"{pad}if thread == 0:", *alone, barrier])
            alone.clear()

    for item in items:
        match item:
            case Launch() if program.kernel(item.kernel).domain:
                flush()
                lines += [*_launch(program, program.kernel(item.kernel), depth), barrier]
            case Spend():
                flush()
                lines += [f"{pad}spend({', '.join(item.buffers)}, thread, threads)", barrier]
            case Decide():
                flush()
                lines += [f"{pad}{decide_call(item)}", barrier]
            case Gate():
                flush()
                lines += _gate(program, item, depth)
            case _:
                alone.append(INDENT * (depth + 1) + _alone(program, item))
    flush()
    return lines or [f"{pad}pass"]


def decide_function(item: Decide) -> str:
    """Name of the function of the lists that decides."""
    return "decide_share" if item.asks else "decide_yes" if item.listed else "decide_yes_unheard"


def decide_call(item: Decide) -> str:
    """The call of a decision by one thread of several."""
    asks = [str(item.asks)] if item.asks else []
    given = [*item.buffers, *asks, "seed", str(item.site), text(item.episode), "replicate", "thread", "threads"]
    return f"{decide_function(item)}({', '.join(given)}){remark(item.span, item.behaviour)}"


def _gate(program: Program, gate: Gate, depth: int) -> list[str]:
    """Every thread decides for itself; a test of buffers is read by all before anyone goes on to change them."""
    pad = INDENT * depth
    note = remark(note=gate.note)
    body = _items(program, gate.items, depth + 1)
    if not any(isinstance(e, Load) for e in walk(gate.test)):
        return [f"{pad}if {text(gate.test)}:{note}", *body]
    return [f"{pad}opens = {text(gate.test)}", f"{pad}barrier(team, threads)", f"{pad}if opens:{note}", *body]


def _alone(program: Program, item: ScheduleItem) -> str:
    """The call that one thread makes for the whole team."""
    match item:
        case Launch():
            kernel = program.kernel(item.kernel)
            return f"{kernel.name}({', '.join(['t', *kernel_arguments(program, kernel)])})"
        case Clear():
            return f"clear({item.buffer})"
        case Fold():
            return f"{fold_function(program, item)}({item.tally}, {item.into})"
        case Collect():
            calendar = ", ".join(calendar_buffers(item.calendar))
            return f"collect({calendar}, t, {item.items}, {item.items}_size)"
        case SelectSmallest():
            return f"select_smallest({item.keys}, {text(item.limit)}, {item.cutoff}, {item.chosen})"
        case OrderStatistic():
            return f"order_statistic({item.values}, {item.groups}, {item.level!r}, {item.into})"
        case Gate() | Spend() | Decide():
            raise AssertionError("what every thread does or decides")
        case _:
            assert_never(item)


def _launch(program: Program, kernel: Kernel, depth: int) -> list[str]:
    if kernel.over:
        return _launch_over_some(program, kernel, depth)
    pad, size = INDENT * depth, kernel.domain
    arguments = ["chunk", "chunk * CHUNK", f"min({size}, (chunk + 1) * CHUNK)", "t"]
    arguments += [*(["threads"] if shares_lists(kernel) else []), *kernel_arguments(program, kernel)]
    return [
        f"{pad}for chunk in range(thread, ({size} + CHUNK - 1) // CHUNK, threads):",
        f"{pad}{INDENT}{kernel.name}({', '.join(arguments)})",
    ]


def _launch_over_some(program: Program, kernel: Kernel, depth: int) -> list[str]:
    """A set is shared out by words. A list is for one thread: with atomic additions two took twice as long as one."""
    pad, arguments = INDENT * depth, kernel_arguments(program, kernel)
    bounds = ["chunk", "chunk * piece", "min(count, (chunk + 1) * piece)", "t"]
    if program.buffer(kernel.over).dtype == "i64":
        return [
            f"{pad}count = {kernel.over}.shape[0]",
            f"{pad}piece = piece_of(count, {kernel.domain})",
            f"{pad}for chunk in range(thread, (count + piece - 1) // piece, threads):",
            f"{pad}{INDENT}{kernel.name}({', '.join([*bounds, 'threads', *arguments])})",
        ]
    return [
        f"{pad}if thread == 0:",
        f"{pad}{INDENT}{kernel.name}({', '.join(['0', '0', f'{kernel.over}_size[0]', 't', '1', *arguments])})",
    ]

"""The Program printed as one Numba module: a function per kernel, and a driver that runs the schedule step by step.

Kernels work on a chunk of agents; the driver runs the chunks on all threads. Only the text is made here: Numba is
imported by the text, not by this file.
"""

from __future__ import annotations

from lpmdsl.backends.python_text import INDENT, block, remark, statement, text
from lpmdsl.kernel.ir import (
    Clear,
    Draw,
    Fold,
    Gate,
    Kernel,
    KExpr,
    Launch,
    Program,
    ScheduleItem,
    SelectSmallest,
    Var,
    buffers_of,
    expressions,
    statements,
    walk,
)

_HEAD = '''"""Made by lpmc from {name}. One function per kernel; `run_steps` is the schedule of a step."""

import numpy as np
from numba import njit, prange

from lpmdsl.backends.numba_prelude import (
    CHUNK, atomic_add, clear, cos, exp, fold_add, fold_max, fold_min, larger, log, philox, quantile, select_smallest, sin,
    smaller, threshold,
)

kernel = njit(cache=True, error_model="numpy", nogil=True)
# Loops of a step must stay apart: each reads what the one before has summed.
driver = njit(cache=True, error_model="numpy", nogil=True, parallel={{"prange": True, "fusion": False, "numpy": False}})
'''


def emit(program: Program) -> str:
    """The source of the module."""
    parts = [_HEAD.format(name=program.name)]
    parts += [_kernel(program, k) for k in program.kernels]
    # Compiling for threads costs seconds: not for the one pass of the beginning, nor for a small population.
    parts.append(_driver(program, "begin", program.begin, False))
    parts.append(_driver(program, "run_steps_on_one_thread", program.step, False))
    parts.append(_driver(program, "run_steps", program.step, True))
    return "\n\n".join(part.rstrip() + "\n" for part in parts)


def buffer_arguments(program: Program) -> tuple[str, ...]:
    """The buffers that the driver takes, in order."""
    return tuple(sorted(b.name for b in program.buffers))


def size_arguments(program: Program) -> tuple[str, ...]:
    """The sizes that the driver takes, in order."""
    names = {d for b in program.buffers for d in b.shape if isinstance(d, str) and d.startswith("reports_")}
    return tuple(sorted(names | {k.domain for k in program.kernels if k.domain}))


def _parameters(program: Program, kernel: Kernel) -> list[str]:
    """What a kernel needs besides its chunk and the step: keys of draws, sizes, buffers."""
    body = (*kernel.prologue, *kernel.body)
    names: list[str] = []
    if any(isinstance(s, Draw) for s in statements(body)):
        names += ["seed", "replicate"]
    read = {e.name for s in statements(body) for x in expressions(s) for e in walk(x) if isinstance(e, Var)}
    names += [size for size in size_arguments(program) if size in read]
    return [*names, *buffers_of(kernel)]


def _kernel(program: Program, kernel: Kernel) -> str:
    names = _parameters(program, kernel)
    head = ["chunk", "lo", "hi", "t"] if kernel.domain else ["t"]
    lines = ["@kernel", *_wrapped(f"def {kernel.name}", [*head, *names])]
    words = {"name": f"{INDENT}#{remark(kernel.span, kernel.note)[3:]}"}
    if words["name"].strip("# "):
        lines.append(words["name"])
    for stmt in kernel.prologue:
        lines += statement(stmt, 1)
    if not kernel.domain:
        return "\n".join([*lines, *block(kernel.body, 1)]) + "\n"
    return "\n".join([*lines, f"{INDENT}for i in range(lo, hi):", *block(kernel.body, 2)]) + "\n"


def _wrapped(head: str, names: list[str]) -> list[str]:
    line = f"{head}({', '.join(names)}):"
    if len(line) <= 120:
        return [line]
    lines, row = [f"{head}("], INDENT
    for name in names:
        if len(row) + len(name) > 116:
            lines.append(row.rstrip())
            row = INDENT
        row += f"{name}, "
    return [*lines, row.rstrip(), "):"]


def _driver(program: Program, name: str, items: tuple[ScheduleItem, ...], threaded: bool) -> str:
    arguments = ["seed", "replicate", *size_arguments(program), *buffer_arguments(program)]
    lines = ["@driver" if threaded else "@kernel", *_wrapped(f"def {name}", ["first", "last", *arguments])]
    lines.append(f"{INDENT}for t in range(first, last):")
    body = [line for item in items for line in _item(program, item, 2)]
    if not threaded:
        body = [line.replace(" in prange(", " in range(") for line in body]
    return "\n".join([*lines, *(body or [f"{INDENT * 2}pass"])]) + "\n"


def _item(program: Program, item: ScheduleItem, depth: int) -> list[str]:
    pad = INDENT * depth
    match item:
        case Launch():
            return _launch(program, program.kernel(item.kernel), depth)
        case Clear():
            return [f"{pad}clear({item.buffer})"]
        case Fold():
            return [f"{pad}fold_{item.how}({item.tally}, {item.into})"]
        case SelectSmallest():
            return [f"{pad}select_smallest({item.keys}, {_scalar(item.limit)}, {item.cutoff}, {item.chosen})"]
        case Gate():
            lines = [f"{pad}if {_scalar(item.test)}:" + (f"  # {item.note}" if item.note else "")]
            return lines + [line for inner in item.items for line in _item(program, inner, depth + 1)]


def _scalar(expr: KExpr) -> str:
    return text(expr)


def _launch(program: Program, kernel: Kernel, depth: int) -> list[str]:
    pad = INDENT * depth
    names = ", ".join(_parameters(program, kernel))
    tail = f", {names}" if names else ""
    if not kernel.domain:
        return [f"{pad}{kernel.name}(t{tail})"]
    size = kernel.domain
    return [
        f"{pad}for chunk in prange(({size} + CHUNK - 1) // CHUNK):",
        f"{pad}{INDENT}{kernel.name}(chunk, chunk * CHUNK, min({size}, (chunk + 1) * CHUNK), t{tail})",
    ]

"""The Program printed for a reader: buffers, kernels and the schedule (``lpmc emit --target ir``)."""

from __future__ import annotations

from lpmdsl.backends.python_text import block, remark, statement, text
from lpmdsl.program.ir import (
    Clear,
    Collect,
    Decide,
    Fold,
    Gate,
    Kernel,
    Launch,
    OrderStatistic,
    Program,
    ScheduleItem,
    SelectSmallest,
    Spend,
)
from lpmdsl.program.verify import verify_names


def program_text(program: Program) -> str:
    """The whole Program as text."""
    verify_names(program)
    lines = [f"program {program.name}", "", "buffers"]
    for b in program.buffers:
        shape = " × ".join(str(d) for d in b.shape)
        lines.append(f"  {b.name}: {b.dtype} [{shape}] {b.role}{remark(note=b.note)}")
    lines += ["", "constants", *(f"  {c.index} {c.name}{remark(note=c.note)}" for c in program.constants)]
    for kernel in program.kernels:
        lines += ["", *_kernel(kernel)]
    lines += ["", "begin", *_items(program.begin, 1)]
    lines += ["", "look", *_items(program.look, 1)] if program.look else []
    lines += ["", "step", *_items(program.step, 1)]
    return "\n".join(lines) + "\n"


def _kernel(kernel: Kernel) -> list[str]:
    head = f"kernel {kernel.name}" + (f" over {kernel.domain}" if kernel.domain else "")
    lines = [head + remark(note=kernel.note)]
    lines += [line for stmt in kernel.prologue for line in statement(stmt, 1)]
    if kernel.domain:
        of = f" of {kernel.over}" if kernel.over else ""
        return [*lines, f"    for each {kernel.domain} i{of}", *block(kernel.body, 2)]
    return [*lines, *block(kernel.body, 1)]


def _items(items: tuple[ScheduleItem, ...], depth: int) -> list[str]:
    pad = "  " * depth
    lines: list[str] = []
    for item in items:
        match item:
            case Launch():
                lines.append(f"{pad}launch {item.kernel}")
            case Clear():
                lines.append(f"{pad}clear {item.buffer}")
            case Fold():
                lines.append(f"{pad}fold {item.tally} by {item.how} into {item.into}")
            case SelectSmallest():
                lines.append(f"{pad}select the {text(item.limit)} smallest of {item.keys} into {item.cutoff}")
            case OrderStatistic():
                lines.append(f"{pad}quantile {item.level!r} of {item.values} by {item.groups} into {item.into}")
            case Collect():
                lines.append(f"{pad}collect this step of {item.calendar} into {item.items}")
            case Spend():
                lines.append(f"{pad}spend {item.counts} from {item.left} where {item.dirty}, into {item.items}")
            case Decide():
                listed = f", who changes into {item.listed}" if item.listed else ""
                lines.append(f"{pad}decide {item.into} of {item.table} by {item.archetypes}{listed}")
            case Gate():
                lines += [f"{pad}when {text(item.test)}", *_items(item.items, depth + 1)]
    return lines

"""Drivers printed in Python's spelling: the schedule of a step for one thread of a team."""

from __future__ import annotations

from typing import assert_never

from lpmdsl.backends.llvm.arguments import (
    buffer_arguments,
    goes_through_list,
    kernel_arguments,
    shares_lists,
    size_arguments,
)
from lpmdsl.backends.python_text import INDENT, remark, signature, text
from lpmdsl.program.ir import (
    Clear,
    Collect,
    Decide,
    Fold,
    Gate,
    Kernel,
    Launch,
    Load,
    OrderStatistic,
    Program,
    Rank,
    ScheduleItem,
    SelectSmallest,
    Spend,
    calendar_buffers,
    walk,
)


def driver(program: Program, name: str, items: tuple[ScheduleItem, ...]) -> str:
    """The function that runs a schedule for every step from ``first`` up to ``last``, as one thread of a team."""
    arguments = ["seed", "replicate", *size_arguments(program), *buffer_arguments(program)]
    lines = [*signature(f"def {name}", ["first", "last", "thread", "threads", "team", *arguments])]
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
        case Rank():
            return f"rank_by({item.values}, {item.keys}, {item.into})"
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
    """A set is shared out by words; a list is for one thread."""
    pad, arguments = INDENT * depth, kernel_arguments(program, kernel)
    bounds = ["chunk", "chunk * piece", "min(count, (chunk + 1) * piece)", "t"]
    if not goes_through_list(program, kernel):
        return [
            f"{pad}count = {kernel.over}.shape[0]",
            f"{pad}piece = piece_of(count, {kernel.domain})",
            f"{pad}for chunk in range(thread, (count + piece - 1) // piece, threads):",
            f"{pad}{INDENT}{kernel.name}({', '.join([*bounds, 'threads', *arguments])})",
        ]
    return [
        f"{pad}if thread == 0:",
        f"{pad}{INDENT}{kernel.name}({', '.join(['0', '0', f'{kernel.over}_size[0]', 't', *arguments])})",
    ]


def fold_function(program: Program, item: Fold) -> str:
    """Name of the prelude's function that joins a tally: float64 sums have lanes."""
    return "fold_lanes" if len(program.buffer(item.tally).shape) == 3 else f"fold_{item.how}"

"""Kernels that run alone, in one program of one block: what is done once a step, item by item."""

from __future__ import annotations

import itertools

from lpmdsl.backends.python_text import INDENT, remark, signature
from lpmdsl.backends.triton.arguments import CLOCK, all_sizes, constants_inlined, head_of, own_parts, sizes_of
from lpmdsl.backends.triton.stages import OPEN, Alone, Ask, Item
from lpmdsl.backends.triton.text import Printer
from lpmdsl.backends.triton.values import TIGHT, Lanes
from lpmdsl.program.ir import Buffer, Fold, Gate, Kernel, Launch, Load, Program, buffers_of, walk


def helper(kernel: Kernel, known: dict[str, Buffer]) -> str:
    """Scalar code as a function that a kernel between two passes calls."""
    kernel = constants_inlined(kernel)
    lines = ["@triton.jit", *signature(f"def {kernel.name}", _helper_arguments(kernel, known))]
    comment = remark(kernel.span, kernel.note).strip()
    lines += [INDENT + comment] if comment else []
    printer = Printer(Lanes.of(kernel, known), lines)
    printer.block(kernel.prologue, 1, "")
    printer.block(kernel.body, 1, "")
    return "\n".join(lines)


def _helper_arguments(kernel: Kernel, known: dict[str, Buffer]) -> list[str]:
    body = (*kernel.prologue, *kernel.body)
    return ["t", *sizes_of([], body, all_sizes(known)), *buffers_of(kernel)]


def alone_kernel(program: Program, stage: Alone, known: dict[str, Buffer]) -> str:
    """All items of a stage as one kernel, gated one by one where they are."""
    items = [item for _, item in stage.items]
    kernels = [program.kernel(n) for item in items for n in _called(item)]
    names = sorted({n for item in items for n in _buffers(item)} | {n for k in kernels for n in buffers_of(k)})
    mine = [known[n] for n in names]
    read = tuple(s for k in kernels for s in (*k.prologue, *k.body))
    sizes = sizes_of(mine, read, all_sizes(known))
    gated = any(gate != OPEN or isinstance(item, Ask) for gate, item in stage.items)
    lines = head_of(stage.name, sizes, ["clock", *(["gates"] if gated else []), *names], [])
    lines += [INDENT + line for line in [*CLOCK, *(["gates += member * GATES"] if gated else []), *own_parts(mine)]]
    for gate, group in itertools.groupby(stage.items, key=lambda pair: pair[0]):
        depth = 1
        if gate != OPEN:
            lines += [f"{INDENT}if tl.load(gates + {gate}) != 0:"]
            depth = 2
        for _, item in group:
            lines += _item(program, item, depth, known)
    if stage.ticks:
        lines.append(f"{INDENT}tl.store(clock, t + 1)")
    return "\n".join(lines)


def _called(item: Item) -> list[str]:
    match item:
        case Launch():
            return [item.kernel]
        case Gate():
            return [n for inner in item.items for n in _called(inner)]  # type: ignore[arg-type]
        case _:
            return []


def _buffers(item: Item) -> set[str]:
    match item:
        case Fold():
            return {item.tally, item.into}
        case Ask():
            return {e.buffer for e in walk(item.test) if isinstance(e, Load)}
        case Gate():
            read = {e.buffer for e in walk(item.test) if isinstance(e, Load)}
            return read.union(*(_buffers(i) for i in item.items))  # type: ignore[arg-type]
        case _:
            return set()


def _item(program: Program, item: Item, depth: int, known: dict[str, Buffer]) -> list[str]:
    """The lines of one item; a wait after it, because the next may read what it wrote."""
    pad = INDENT * depth
    values = Lanes(known, set(), set())
    match item:
        case Launch():
            kernel = program.kernel(item.kernel)
            call = f"{kernel.name}({', '.join(_helper_arguments(kernel, known))})"
            return [pad + call, f"{pad}tl.debug_barrier()"]
        case Fold():
            return [
                f"{pad}fold_add({item.tally}, {item.into}, {known[item.into].shape[0]})",
                f"{pad}tl.debug_barrier()",
            ]
        case Ask():
            test = values.inside(item.test, "", TIGHT)
            if item.within != OPEN:
                test = f"(tl.load(gates + {item.within}) != 0) & {test}"
            answer = f"tl.store(gates + {item.gate}, ({test}).to(tl.int64))"
            note = remark(note=item.note)
            return [f"{pad}{answer}{note}", f"{pad}tl.debug_barrier()"]
        case Gate():
            note = remark(note=item.note)
            inner = [line for i in item.items for line in _item(program, i, depth + 1, known)]  # type: ignore[arg-type]
            return [f"{pad}if {values.text(item.test, '')}:{note}", *inner, f"{pad}tl.debug_barrier()"]

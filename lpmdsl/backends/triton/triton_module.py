"""The Program printed as one Triton module: kernels over blocks of agents, and the launches of a step.

A launch serves a batch of replicates: the second dimension of its grid. Kernels find everything by the names of their
arguments (``runtime.engine.gpu.run`` passes them), and keep the step in device memory, so that a recorded step runs at
any step.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

from lpmdsl.backends.python_text import INDENT, names_read, remark, signature
from lpmdsl.backends.triton.stages import (
    OPEN,
    Alone,
    Ask,
    Each,
    Item,
    Join,
    Order,
    Select,
    Sort,
    Stage,
    Wipe,
    lane_sums,
    look_stages,
    stages,
)
from lpmdsl.backends.triton.text import Printer
from lpmdsl.backends.triton.values import TIGHT, Lanes, uniform_first
from lpmdsl.program.ir import (
    Assign,
    Buffer,
    Const,
    Draw,
    Extent,
    Fold,
    Gate,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Let,
    Load,
    OneMore,
    Program,
    Tally,
    Var,
    buffers_of,
    expressions,
    size_name,
    statements,
    walk,
)
from lpmdsl.program.passes.load_elimination import reuse_loads
from lpmdsl.program.rewrite import map_block
from lpmdsl.program.verify import verify_names

SHARED = ("constant", "input")
"""Roles of buffers that all replicates of a launch read; each has its own part of any other."""

_HEAD = '''"""Made by lpmc from {name}. One function per kernel; `step` is the launches of a step, in order."""

import triton
import triton.language as tl

from lpmdsl.backends.triton.prelude import (
    CHUNK, LANES, TALLY_ROWS, add_along_rows, add_shared, cos, exp, floor_divide, floor_modulo, fold_add, is_closed,
    larger, log, philox, quantile, quarter, sin, smaller, some, {sums}sum_along_rows, threshold,
){extremes}
'''
_WHERE_USED = ("greatest", "greatest_of", "least", "least_of", "neighbour", "rank_of")


def emit(program: Program) -> str:
    """The source of the module."""
    verify_names(program)
    begin, step, gates = stages(program)
    look = look_stages(program)
    buffers = {b.name: b for b in program.buffers}
    made = [f"GATES = tl.constexpr({gates})"]
    for kernel in program.kernels:
        gated = any(isinstance(s, Each) and s.kernel == kernel.name and s.gate != OPEN for s in (*begin, *step))
        made.append(_each(program, kernel, buffers, gated) if kernel.domain else _helper(kernel, buffers))
    made += [_alone(program, s, buffers) for s in (*begin, *step) if isinstance(s, Alone)]
    made += [_launches("begin", begin), *([_launches("look", look)] if look else []), _launches("step", step)]
    read = names_read("\n\n".join(made))
    sums = "sum_reals_along_rows, " if "sum_reals_along_rows" in read else ""
    used = ", ".join(name for name in _WHERE_USED if name in read)
    extremes = f"\nfrom lpmdsl.backends.triton.prelude import {used}" if used else ""
    made.insert(0, _HEAD.format(name=program.name, sums=sums, extremes=extremes))
    return "\n\n".join(part.rstrip() + "\n" for part in made)


# ------------------------------------------------------------------ what a kernel is given


def size_of(buffer: Buffer) -> tuple[str, ...]:
    """The factors of how many elements one replicate has of a buffer, as text."""
    if buffer.role == "tally" and buffer.dtype == "i64":
        return ("TALLY_ROWS", str(buffer.columns))
    return tuple(_dimension(d) for d in buffer.shape)


def _dimension(size: Extent) -> str:
    return f"({size.size} + 1)" if isinstance(size, OneMore) else str(size)


def _sizes(buffers: list[Buffer], body: tuple[KStmt, ...], known: set[str]) -> list[str]:
    """Names of the sizes that a kernel needs: to find a replicate's part, and those that its text reads."""
    names = {size_name(d) for b in buffers if b.role not in SHARED and not _is_count(b) for d in b.shape} - {""}
    read = {e.name for s in statements(body) for x in expressions(s) for e in walk(x) if isinstance(e, Var)}
    return sorted(names | {r for r in read if r in known})


def _is_count(buffer: Buffer) -> bool:
    return buffer.role == "tally" and buffer.dtype == "i64"


def _all_sizes(buffers: dict[str, Buffer]) -> set[str]:
    return {size_name(d) for b in buffers.values() for d in b.shape} - {""}


def _own_parts(buffers: list[Buffer]) -> list[str]:
    """Lines that move each pointer to the part of this replicate."""
    lines = []
    for b in buffers:
        if b.role not in SHARED:
            lines.append(f"{b.name} += member" + "".join(f" * {f}" for f in size_of(b) if f != "1"))
    return lines


def _head(name: str, sizes: list[str], arguments: list[str], constants: list[str]) -> list[str]:
    fixed = f"(do_not_specialize={json.dumps(sizes)})" if sizes else ""
    return [f"@triton.jit{fixed}", *signature(f"def {name}", [*sizes, *arguments, *constants])]


_CLOCK = ["member = tl.program_id(1).to(tl.int64)", "clock += 4 * member", "t = tl.load(clock)"]
_KEYS = ["seed = tl.load(clock + 1)", "replicate = tl.load(clock + 2)"]


# ------------------------------------------------------------------ kernels over agents


def _each(program: Program, kernel: Kernel, known: dict[str, Buffer], gated: bool) -> str:
    kernel = reuse_loads(uniform_first(_constants_inlined(kernel)))
    body = (*kernel.prologue, *kernel.body)
    mine = [known[n] for n in buffers_of(kernel)]
    sizes = sorted({*_sizes(mine, body, _all_sizes(known)), kernel.domain})
    gates, number = (["gates"], ["GATE: tl.constexpr"]) if gated else ([], [])
    lines = _head(kernel.name, sizes, ["clock", *gates, *(b.name for b in mine)], [*number, "BLOCK: tl.constexpr"])
    comment = remark(kernel.span, kernel.note).strip()
    start = [*([comment] if comment else []), *_CLOCK]
    if gated:
        start += ["if is_closed(gates, member, GATE, GATES):", f"{INDENT}return"]
    draws = any(isinstance(s, Draw) for s in statements(body))
    lines += [INDENT + line for line in [*start, *(_KEYS if draws else []), *_own_parts(mine)]]
    printer = Printer(Lanes.of(kernel, known), lines)
    printer.block(kernel.prologue, 1, "")
    printer.lanes.alone = False
    sums = lane_sums(program, kernel)
    (_by_chunk if sums else _by_block)(printer, kernel, sums)
    return "\n".join(lines)


def _by_block(printer: Printer, kernel: Kernel, _: list[Tally]) -> None:
    """Every program takes one block of agents."""
    if any(isinstance(s, Tally) for s in statements(kernel.body)):
        printer.line(1, "row = tl.program_id(0) % TALLY_ROWS")
    printer.line(1, "i = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)")
    printer.line(1, f"here = i < {kernel.domain}")
    printer.block(kernel.body, 1, "here")


def _by_chunk(printer: Printer, kernel: Kernel, sums: list[Tally]) -> None:
    """Every program takes a chunk, a row of lanes at a time: float sums are added in the order of numerics.md."""
    printer.line(1, "chunk = tl.program_id(0).to(tl.int64)")
    printer.line(1, "row = tl.program_id(0) % TALLY_ROWS")
    printer.line(1, "lane = tl.arange(0, BLOCK)")
    locals_ = [(t, g, f"{t.buffer}_{g}") for t in sums for g in range(printer.lanes.groups(t.buffer))]
    for tally, _, name in locals_:
        fill = {"add": "0.0", "min": 'float("inf")', "max": 'float("-inf")'}[tally.how]
        printer.line(1, f"{name} = tl.full((BLOCK,), {fill}, tl.float64)")
    printer.line(1, f"end = tl.minimum({kernel.domain}, (chunk + 1) * CHUNK)")
    printer.line(1, "i = chunk * CHUNK + lane")
    printer.line(1, "here = i < end")
    printer.line(1, "while some(here):")
    printer.block(kernel.body, 2, "here")
    printer.line(2, "i += LANES")
    printer.line(2, "here = i < end")
    for tally, group, name in locals_:
        place = f"{tally.buffer} + chunk * {printer.lanes.groups(tally.buffer)} + {group}"
        if tally.how == "add":
            printer.line(1, f"tl.store({tally.buffer} + (chunk * {printer.lanes.groups(tally.buffer)} + {group})"
                            f" * LANES + lane, {name})")  # fmt: skip
        else:
            function = "least_of" if tally.how == "min" else "greatest_of"
            printer.line(1, f"tl.store({place}, {function}({name}))")


def _constants_inlined(kernel: Kernel) -> Kernel:
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


# ------------------------------------------------------------------ kernels that run alone


def _helper(kernel: Kernel, known: dict[str, Buffer]) -> str:
    """Scalar code as a function that a kernel between two passes calls."""
    kernel = _constants_inlined(kernel)
    lines = ["@triton.jit", *signature(f"def {kernel.name}", _helper_arguments(kernel, known))]
    comment = remark(kernel.span, kernel.note).strip()
    lines += [INDENT + comment] if comment else []
    printer = Printer(Lanes.of(kernel, known), lines)
    printer.block(kernel.prologue, 1, "")
    printer.block(kernel.body, 1, "")
    return "\n".join(lines)


def _helper_arguments(kernel: Kernel, known: dict[str, Buffer]) -> list[str]:
    body = (*kernel.prologue, *kernel.body)
    return ["t", *_sizes([], body, _all_sizes(known)), *buffers_of(kernel)]


def _alone(program: Program, stage: Alone, known: dict[str, Buffer]) -> str:
    items = [item for _, item in stage.items]
    kernels = [program.kernel(n) for item in items for n in _called(item)]
    names = sorted({n for item in items for n in _buffers(item)} | {n for k in kernels for n in buffers_of(k)})
    mine = [known[n] for n in names]
    read = tuple(s for k in kernels for s in (*k.prologue, *k.body))
    sizes = _sizes(mine, read, _all_sizes(known))
    gated = any(gate != OPEN or isinstance(item, Ask) for gate, item in stage.items)
    lines = _head(stage.name, sizes, ["clock", *(["gates"] if gated else []), *names], [])
    lines += [INDENT + line for line in [*_CLOCK, *(["gates += member * GATES"] if gated else []), *_own_parts(mine)]]
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


# ------------------------------------------------------------------ launches


def _launches(name: str, made: list[Stage]) -> str:
    lines = [f"def {name}(go):"]
    for stage in made:
        match stage:
            case Alone():
                lines.append(f"{INDENT}go.alone({stage.name})")
            case Each():
                call = "chunks" if stage.chunks else "each"
                gate = f", gate={stage.gate}" if stage.gate != OPEN else ""
                lines.append(f'{INDENT}go.{call}({stage.kernel}, "{stage.domain}"{gate})')
            case Wipe():
                lines.append(f'{INDENT}go.clear("{stage.buffer}", gate={stage.gate})')
            case Join():
                lines.append(f'{INDENT}go.join("{stage.tally}", "{stage.into}", "{stage.how}", gate={stage.gate})')
            case Select():
                names = ", ".join(f'"{n}"' for n in (stage.keys, stage.limit, stage.cutoff, stage.chosen))
                lines.append(f"{INDENT}go.select({names}, gate={stage.gate})")
            case Order():
                names = ", ".join(f'"{n}"' for n in (stage.values, stage.groups, stage.into))
                lines.append(f"{INDENT}go.order({names}, {stage.level!r}, gate={stage.gate})")
            case Sort():
                names = ", ".join(f'"{n}"' for n in (stage.values, stage.keys, stage.into))
                lines.append(f"{INDENT}go.rank({names})")
    return "\n".join(lines) + "\n"

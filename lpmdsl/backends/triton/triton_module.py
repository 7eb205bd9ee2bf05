"""The Program printed as one Triton module: kernels over blocks of agents, and the launches of a step.

A launch serves a batch of replicates: the second dimension of its grid. Kernels find everything by the names of their
arguments (``runtime.engine.gpu.run`` passes them), and keep the step in device memory, so that a recorded step runs at
any step.
"""

from __future__ import annotations

from lpmdsl.backends.python_text import INDENT, names_read, remark
from lpmdsl.backends.triton.alone import alone_kernel, helper
from lpmdsl.backends.triton.arguments import CLOCK, KEYS, all_sizes, constants_inlined, head_of, own_parts, sizes_of
from lpmdsl.backends.triton.stages import (
    OPEN,
    Alone,
    Each,
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
from lpmdsl.backends.triton.uniformity import uniform_first
from lpmdsl.backends.triton.values import Lanes
from lpmdsl.program.ir import Buffer, Draw, Kernel, Program, Tally, buffers_of, statements
from lpmdsl.program.passes.load_elimination import reuse_loads
from lpmdsl.program.verify import verify_names

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
        made.append(_each(program, kernel, buffers, gated) if kernel.domain else helper(kernel, buffers))
    made += [alone_kernel(program, s, buffers) for s in (*begin, *step) if isinstance(s, Alone)]
    made += [_launches("begin", begin), *([_launches("look", look)] if look else []), _launches("step", step)]
    read = names_read("\n\n".join(made))
    sums = "sum_reals_along_rows, " if "sum_reals_along_rows" in read else ""
    used = ", ".join(name for name in _WHERE_USED if name in read)
    extremes = f"\nfrom lpmdsl.backends.triton.prelude import {used}" if used else ""
    made.insert(0, _HEAD.format(name=program.name, sums=sums, extremes=extremes))
    return "\n\n".join(part.rstrip() + "\n" for part in made)


# ------------------------------------------------------------------ kernels over agents


def _each(program: Program, kernel: Kernel, known: dict[str, Buffer], gated: bool) -> str:
    kernel = reuse_loads(uniform_first(constants_inlined(kernel)))
    body = (*kernel.prologue, *kernel.body)
    mine = [known[n] for n in buffers_of(kernel)]
    sizes = sorted({*sizes_of(mine, body, all_sizes(known)), kernel.domain})
    gates, number = (["gates"], ["GATE: tl.constexpr"]) if gated else ([], [])
    lines = head_of(kernel.name, sizes, ["clock", *gates, *(b.name for b in mine)], [*number, "BLOCK: tl.constexpr"])
    comment = remark(kernel.span, kernel.note).strip()
    start = [*([comment] if comment else []), *CLOCK]
    if gated:
        start += ["if is_closed(gates, member, GATE, GATES):", f"{INDENT}return"]
    draws = any(isinstance(s, Draw) for s in statements(body))
    lines += [INDENT + line for line in [*start, *(KEYS if draws else []), *own_parts(mine)]]
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

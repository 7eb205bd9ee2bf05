"""Machine code for GPUs that need not be here: every kernel of a generated module, compiled, with what it uses.

Triton makes cubins and code objects without a GPU, so tests hold all targets and a table of registers can be made
anywhere. The interpreter must be off: with it Triton's functions are no longer what the compiler takes.
"""

from __future__ import annotations

import inspect
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from lpmdsl.backends.triton import prelude, schedule_kernels
from lpmdsl.backends.triton.stages import Alone, Each, Join, Order, Select, Sort, Stage, Wipe, look_stages, stages
from lpmdsl.program.ir import Program

TARGETS = {"cuda 80": ("cuda", 80, 32), "cuda 90": ("cuda", 90, 32), "hip gfx942": ("hip", "gfx942", 64)}
"""Names of targets, as backend, architecture and lanes of a warp."""
_POINTERS = {"bool": "*i1", "u8": "*u8", "i16": "*i16", "i32": "*i32", "u32": "*u32", "i64": "*i64", "f64": "*fp64"}
_OWN = {"clock": "*i64", "gates": "*i64", "bins": "*i64", "search": "*i64", "keys": "*i64", "limit": "*i64",
        "cutoff": "*i64", "chosen": "*i64", "buffer": "*i64", "tally": "*fp64", "into": "*fp64"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MachineCode:
    """One kernel on one target: registers a lane, bytes of spilled registers a lane, bytes of code."""

    kernel: str
    registers: int
    spills: int
    size: int


@dataclass(frozen=True, slots=True)
class _Job:
    kernel: Any
    constants: dict[str, Any]
    warps: int


def compile_for(
    program: Program, module: ModuleType, target: str, block: int = 128, warps: int = 1
) -> list[MachineCode]:
    """Every kernel that the beginning, a look or a step launches, compiled for ``target`` (a key of ``TARGETS``)."""
    begin, step, gates = stages(program)
    jobs: dict[str, _Job] = {}
    for stage in (*begin, *look_stages(program), *step):
        for job in _jobs(stage, module, gates, block, warps):
            jobs.setdefault(job.kernel.fn.__name__, job)
    types = {b.name: _POINTERS[b.dtype] for b in program.buffers}
    return [_compiled(name, job, types, target) for name, job in jobs.items()]


def _jobs(stage: Stage, module: ModuleType, gates: int, block: int, warps: int) -> list[_Job]:
    lanes, common = prelude.LANES.value, {"GATES": gates}
    match stage:
        case Alone():
            return [_Job(getattr(module, stage.name), {}, 1)]
        case Each():
            wide = (lanes, 8) if stage.chunks else (block, warps)
            return [_Job(getattr(module, stage.kernel), {"BLOCK": wide[0], "GATE": stage.gate}, wide[1])]
        case Wipe():
            constants = {"GATE": stage.gate, "BLOCK": lanes} | common
            return [_Job(schedule_kernels.clear_kernel, constants, 4)] if stage.gate >= 0 else []
        case Join():
            kernel = schedule_kernels.fold_lanes_kernel if stage.how == "add" else schedule_kernels.fold_extreme_kernel
            constants = {"GATE": stage.gate, "GROUPS": 1, "LEAST": stage.how == "min"} | common
            return [_Job(kernel, constants, 4)]
        case Order() | Sort():
            return []  # torch sorts
        case Select():
            constants = {"GATE": stage.gate, "SHIFT": 55, "FIRST": True, "BLOCK": lanes} | common
            return [
                _Job(schedule_kernels.count_digits_kernel, constants, 4),
                _Job(schedule_kernels.pick_digit_kernel, constants, 4),
            ]


def _compiled(name: str, job: _Job, types: dict[str, str], target: str) -> MachineCode:
    # Imported here: Triton takes a second to load, and printing a module does without it.
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    parameters = inspect.signature(job.kernel.fn).parameters
    constants = {n: v for n, v in job.constants.items() if n in parameters}
    signature = {n: "constexpr" if n in constants else types.get(n, _OWN.get(n, "i32")) for n in parameters}
    aligned = {(k,): [["tt.divisibility", 16]] for k, t in enumerate(signature.values()) if t.startswith("*")}
    source = ASTSource(fn=job.kernel, signature=signature, constexprs=constants, attrs=aligned)
    options = {"num_warps": job.warps, "enable_fp_fusion": False}
    made = triton.compile(source, target=GPUTarget(*TARGETS[target]), options=options)
    if "cubin" in made.asm:
        registers, spills = _of_cubin(made.asm["cubin"])
        return MachineCode(name, registers, spills, len(made.asm["cubin"]))
    registers, spills = _of_amdgcn(made.asm["amdgcn"])
    return MachineCode(name, registers, spills, len(made.asm["hsaco"]))


def _of_cubin(cubin: bytes) -> tuple[int, int]:
    """Registers, and bytes of local memory: a kernel of ours has no other use for it than spilled registers."""
    from triton import knobs

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(cubin)
        command = [knobs.nvidia.cuobjdump.path, "--dump-resource-usage", str(path)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"REG:(\d+) STACK:(\d+)", said)
    assert found is not None, said
    return int(found[1]), int(found[2])


def _of_amdgcn(text: str) -> tuple[int, int]:
    """Vector registers, and bytes of those spilled to memory."""
    registers, spilled = re.search(r"\.vgpr_count:\s+(\d+)", text), re.search(r"\.vgpr_spill_count:\s+(\d+)", text)
    assert registers is not None and spilled is not None, "the code object says what it uses"
    return int(registers[1]), 4 * int(spilled[1])

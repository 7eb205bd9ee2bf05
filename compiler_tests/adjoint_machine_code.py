"""Prints how many kernels of a model's relaxed program and adjoint become machine code for every target, as JSON.

A process of its own: Triton's interpreter must be off.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import lpmdsl
from lpmdsl.backends.triton import triton_module
from lpmdsl.backends.triton.machine_code import TARGETS, compile_for
from lpmdsl.compiler import relaxed_programs
from lpmdsl.runtime.engine.build import build_text

made: dict[str, dict[str, int]] = {}
for program in relaxed_programs(lpmdsl.load(Path(sys.argv[1])).model):
    module = build_text(triton_module.emit(program), program.name, ("triton/prelude.py",), "machine code")
    for target in TARGETS:
        kernels = compile_for(program, module, target)
        made.setdefault(target, {}).update({f"{program.name}.{k.kernel}": k.size for k in kernels})
print(json.dumps(made))

"""Names in a listing and their meaning: the functions, instructions and constants that kernels and drivers call."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from lpmdsl.backends.llvm import decisions, elementary, joins, prelude, worklists
from lpmdsl.native import instructions
from lpmdsl.native.function import Native
from lpmdsl.native.routine import Instruction
from lpmdsl.networks import random_regular


def _own(module: ModuleType) -> dict[str, Any]:
    """The functions that stand in a module itself."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, Native) and value.routine.names is vars(module) and not name.startswith("_")
    }


MODULES: Mapping[str, Mapping[str, Any]] = {
    "lpmdsl.backends.llvm.decisions": _own(decisions),
    "lpmdsl.backends.llvm.elementary": _own(elementary),
    "lpmdsl.backends.llvm.joins": _own(joins),
    "lpmdsl.backends.llvm.prelude": _own(prelude),
    "lpmdsl.backends.llvm.worklists": _own(worklists) | {"CHUNK": worklists.CHUNK},
    "lpmdsl.native.instructions": {n: v for n, v in vars(instructions).items() if isinstance(v, Instruction)},
    "lpmdsl.networks.random_regular": {"neighbour": random_regular.neighbour},
}
"""By module: names and what they stand for."""
NAMES: Mapping[str, Any] = {"np": np, **{name: value for names in MODULES.values() for name, value in names.items()}}
"""All of them."""

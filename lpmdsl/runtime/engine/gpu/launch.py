"""Launches of a generated Triton module: arguments by name, grids by the number of agents, replicates as a batch."""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch

from lpmdsl.backends.triton import prelude, schedule_kernels
from lpmdsl.runtime.engine.gpu.detection import is_interpreted

LANES, CHUNK, DIGITS = prelude.LANES.value, prelude.CHUNK.value, schedule_kernels.DIGITS.value


@dataclass(frozen=True, slots=True)
class Tiling:
    """Agents per program, and warps that share them. One warp needs no barrier to know whether any lane takes part."""

    block: int = 128
    warps: int = 1

    @classmethod
    def interpreted(cls, agents: int) -> Tiling:
        """As few programs as can be: the interpreter spends its time on programs, not on agents."""
        return cls(min(65536, max(64, 1 << (agents - 1).bit_length())))


@dataclass(slots=True)
class Launcher:
    """Functions that the generated ``begin``, ``look`` and ``step`` call.

    ``buffers[name]``: (batch, …), or (…) where replicates share it. ``only_compiles``: kernels are made, not run.
    """

    module: ModuleType
    buffers: dict[str, torch.Tensor]
    sizes: dict[str, int]
    batch: int
    tiling: Tiling
    launches: int = 0
    cleared_bytes: int = 0
    only_compiles: bool = False
    names: dict[Any, tuple[str, ...]] = field(default_factory=dict)

    def compile(self) -> float:
        """Makes the machine code of every kernel before anything runs; returns the seconds that it took."""
        if is_interpreted():
            return 0.0
        began, self.only_compiles = time.perf_counter(), True
        self.module.begin(self)
        if hasattr(self.module, "look"):
            self.module.look(self)
        self.module.step(self)
        self.only_compiles, self.launches = False, 0
        return time.perf_counter() - began

    def alone(self, kernel: Any) -> None:
        """One program a replicate."""
        self._launch(kernel, 1, {}, 1)

    def each(self, kernel: Any, kind: str, gate: int = -1) -> None:
        """A lane for each agent."""
        given = {"BLOCK": self.tiling.block, "GATE": gate}
        self._launch(kernel, -(-self.sizes[kind] // self.tiling.block), given, self.tiling.warps)

    def chunks(self, kernel: Any, kind: str, gate: int = -1) -> None:
        """A program for each chunk of agents."""
        self._launch(kernel, -(-self.sizes[kind] // CHUNK), {"BLOCK": LANES, "GATE": gate}, 8)

    def clear(self, name: str, gate: int) -> None:
        """Zeros in a buffer, or nothing where the gate is closed."""
        if gate < 0:
            if not self.only_compiles:
                self.launches += 1
                self.cleared_bytes += self.buffers[name].nbytes
                self.buffers[name].zero_()
            return
        size = self.buffers[name][0].numel()
        given = {"buffer": self.buffers[name], "size": size, "GATE": gate, "BLOCK": LANES}
        self._launch(schedule_kernels.clear_kernel, -(-size // LANES), given, 4)

    def join(self, tally: str, into: str, how: str, gate: int) -> None:
        """Sums, minima or maxima of floats over chunks."""
        rows = self.buffers[tally]
        given = {"tally": rows, "into": self.buffers[into], "chunks": rows.shape[1], "GROUPS": rows.shape[2]}
        if how == "add":
            self._launch(schedule_kernels.fold_lanes_kernel, rows.shape[2], given | {"GATE": gate}, 4)
        else:
            given |= {"GATE": gate, "LEAST": how == "min"}
            self._launch(schedule_kernels.fold_extreme_kernel, rows.shape[2], given, 4)

    def select(self, keys: str, limit: str, cutoff: str, chosen: str, gate: int) -> None:
        """The ``limit``-th smallest key, digit by digit from the highest."""
        size = self.buffers[keys].shape[1]
        named = {"keys": keys, "limit": limit, "cutoff": cutoff, "chosen": chosen}
        given: dict[str, Any] = {k: self.buffers[n] for k, n in named.items()} | {"size": size, "GATE": gate}
        for shift in schedule_kernels.DIGIT_SHIFTS:
            given |= {"SHIFT": shift, "FIRST": shift == schedule_kernels.DIGIT_SHIFTS[0], "BLOCK": LANES}
            self._launch(schedule_kernels.count_digits_kernel, -(-size // LANES), given, 4)
            self._launch(schedule_kernels.pick_digit_kernel, 1, given, 4)

    def order(self, values: str, groups: str, into: str, level: float, gate: int) -> None:
        """The number at a level of every group, by sorting; what a closed gate leaves is read by nobody."""
        if self.only_compiles or (gate >= 0 and not bool(self.buffers["gates"].view(self.batch, -1)[:, gate].any())):
            return
        self.launches += 1
        told, mine, found = self.buffers[values], self.buffers[groups], self.buffers[into]
        for group in range(found.shape[1]):
            here = mine == group
            ordered = torch.sort(torch.where(here, told, torch.inf), dim=1).values
            most = (here.sum(dim=1) - 1).clamp(min=0)
            rank = level * most.double()
            below = torch.floor(rank).long()
            low, high = (ordered.gather(1, k[:, None])[:, 0] for k in (below, torch.minimum(below + 1, most)))
            between = torch.where(low == high, low, low + (rank - below.double()) * (high - low))
            nobody = ~here.any(dim=1) | (here & torch.isnan(told)).any(dim=1)
            found[:, group] = torch.where(nobody, torch.nan, between)

    def rank(self, values: str, keys: str, into: str) -> None:
        """The place of each in an order by values and then by keys; recorded in a graph like any launch."""
        if self.only_compiles:
            return
        self.launches += 1
        told, mine, found = self.buffers[values], self.buffers[keys], self.buffers[into]
        last = torch.iinfo(torch.int64).max
        by_key = torch.sort(torch.where(mine >= 0, mine, last), dim=1).indices
        told = torch.where(mine >= 0, told, torch.inf).gather(1, by_key)
        order = by_key.gather(1, torch.sort(told, dim=1, stable=True).indices)
        places = torch.arange(order.shape[1], device=order.device).expand_as(order)
        found.scatter_(1, order, places)
        found.masked_fill_(mine < 0, -1)

    def _launch(self, kernel: Any, programs: int, given: dict[str, Any], warps: int) -> None:
        self.launches += 1
        names = self.names.get(kernel)
        if names is None:
            names = self.names[kernel] = tuple(inspect.signature(kernel.fn).parameters)
        arguments = {n: given[n] if n in given else self._found(n) for n in names}
        # Without fusion of multiply and add, a float has the CPU's bits (docs/numerics.md).
        options = {"num_warps": warps, "enable_fp_fusion": False}
        if self.only_compiles:
            kernel.warmup(grid=(programs, self.batch), **arguments, **options)
        else:
            kernel[(programs, self.batch)](**arguments, **options)

    def _found(self, name: str) -> Any:
        if name in self.buffers:
            return self.buffers[name]
        return self.module.GATES.value if name == "GATES" else self.sizes[name]

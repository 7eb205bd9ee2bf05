"""The Program as a whole, with what the host fills in before a run."""

from __future__ import annotations

from dataclasses import dataclass

from lpmdsl.program.ir.buffers import Buffer
from lpmdsl.program.ir.schedule import Kernel, ScheduleItem


@dataclass(frozen=True, slots=True)
class Constant:
    """Element ``index`` of the buffer ``constants``: the value of a model expression that parameters alone decide."""

    index: int
    name: str
    expression: object
    note: str


@dataclass(frozen=True, slots=True)
class QuantileTable:
    """A buffer that the host fills from a distribution before the run.

    ``slope_by``: with the derivatives of its quantiles by the logarithm of a parameter; "": with the quantiles.
    """

    buffer: str
    distribution: object
    path: str = ""
    """The place in the text of what is drawn from it."""
    slope_by: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """``begin`` runs once before step 0, ``step`` once a step; sizes name the symbolic dimensions of buffers.

    ``look`` runs before a step for which somebody outside must be asked: it finds what to ask about.
    """

    name: str
    buffers: tuple[Buffer, ...]
    constants: tuple[Constant, ...]
    quantiles: tuple[QuantileTable, ...]
    kernels: tuple[Kernel, ...]
    begin: tuple[ScheduleItem, ...]
    step: tuple[ScheduleItem, ...]
    look: tuple[ScheduleItem, ...] = ()

    def buffer(self, name: str) -> Buffer:
        """The buffer of that name."""
        return next(b for b in self.buffers if b.name == name)

    def kernel(self, name: str) -> Kernel:
        """The kernel of that name."""
        return next(k for k in self.kernels if k.name == name)

"""The early end of a run: a test after the observations of every step, and a gate before all that a step does."""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.reports.observations import NEXT
from lpmdsl.program.ir import Gate, If, Kernel, Launch, ScheduleItem, Store
from lpmdsl.program.nodes import integer, test

ENDED = "run_ended"
"""The buffer of the boundary at which the run has ended; −1: it goes on."""
FIRST = integer(0)


def until_ended(builder: Builder, step: list[ScheduleItem]) -> list[ScheduleItem]:
    """The schedule of a step that does nothing once the run has ended: each replicate of a batch for itself."""
    until = builder.model.clock.until
    if until is None:
        return step
    builder.buffer(ENDED, "i64", (1,), "control", -1, "the boundary at which the run has ended; −1: it goes on")
    scope = Scope(builder, "", now=NEXT)
    ended = If(scope.value(until), (Store(ENDED, (FIRST,), NEXT, until.span),), span=until.span)
    looks = Kernel("end_of_run", "", tuple(scope.prologue), (ended,), until.span)
    goes_on = test("lt", builder.load(ENDED, FIRST), FIRST)
    return [Gate(goes_on, (*step, Launch(builder.kernel(looks))), "the run goes on")]

"""Months of the calendar in kernels: read from tables that the host fills from the clock's date."""

from __future__ import annotations

from lpmdsl.kernel.builder import Builder, integer, op, test
from lpmdsl.kernel.ir import KExpr
from lpmdsl.semantics.calendar import steps_a_day

PASSED = "months_passed"
DAYS = "month_days"


def months_passed(builder: Builder, boundary: KExpr) -> KExpr:
    """How many whole months have passed since the clock's start."""
    builder.buffer(PASSED, "i64", ("steps+1",), "input", note="whole months since the start, at every boundary")
    return builder.load(PASSED, boundary)


def months_between(builder: Builder, since: KExpr, boundary: KExpr) -> KExpr:
    """How many whole months have passed since an earlier boundary."""
    builder.buffer(DAYS, "i64", ("steps+1", 3), "input", note="month, day in it from 0, its last such day")
    each = steps_a_day(builder.model.clock)

    def part(at: KExpr, column: int) -> KExpr:
        return builder.load(DAYS, at, integer(column))

    def place(at: KExpr, day: KExpr) -> KExpr:
        return day if each == 1 else op("add", op("mul", day, integer(each)), op("mod", at, integer(each)))

    months = op("sub", part(boundary, 0), part(since, 0))
    there = place(boundary, part(boundary, 1))
    wanted = place(since, op("min", part(since, 1), part(boundary, 2)))
    return op("sub", months, op("to_i64", test("lt", there, wanted)))

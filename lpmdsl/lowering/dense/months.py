"""Months of the calendar in kernels: read from tables that the host fills from the clock's date."""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.program.ir import DayTable, KExpr, LastBoundary, MonthsPassed, OneMore
from lpmdsl.program.nodes import STEP, integer, op, test
from lpmdsl.semantics.host.calendar import steps_a_day
from lpmdsl.semantics.host.quantile_tables import TICK_BITS
from lpmdsl.semantics.host.report_times import is_flow_like, report_steps

PASSED = "months_passed"
DAYS = "month_days"
LAST = "last_boundary"


def months_passed(builder: Builder, boundary: KExpr) -> KExpr:
    """Number of whole months have passed since the clock's start."""
    builder.buffer(
        PASSED,
        "i64",
        (OneMore("steps"),),
        "input",
        note="whole months since the start, at every boundary",
        filled=MonthsPassed(),
    )
    return builder.load(PASSED, boundary)


def completed(builder: Builder, name: str, boundary: KExpr) -> KExpr:
    """Number of periods of an observation are complete at a boundary between steps."""
    months = builder.model.observation(name).months
    if not months:
        return op("floordiv", boundary, integer(report_steps(builder.model, name)))
    passed = months_passed(builder, boundary)
    return passed if months == 1 else op("floordiv", passed, integer(months))


def completes(builder: Builder, name: str, boundary: KExpr) -> KExpr:
    """Return True if a report of an observation is made at a boundary; for what covers a period the start is none."""
    at_start = test("gt" if is_flow_like(builder.model, name) else "ge", boundary, integer(0))
    if not builder.model.observation(name).months:
        steps = report_steps(builder.model, name)
        due = test("eq", op("mod", boundary, integer(steps)), integer(0))
        return test("and", due, at_start) if is_flow_like(builder.model, name) else due
    before = op("max", op("sub", boundary, integer(1)), integer(0))
    passes = test("gt", completed(builder, name, boundary), completed(builder, name, before))
    return passes if is_flow_like(builder.model, name) else test("or", test("eq", boundary, integer(0)), passes)


def report_of_tick(builder: Builder, name: str, tick: KExpr) -> KExpr:
    """The report in whose period a tick lies, not before the one that is open at step t."""
    if not builder.model.observation(name).months:
        steps = report_steps(builder.model, name)
        period = steps << TICK_BITS
        by_time = op("sub", op("floordiv", op("add", tick, integer(period - 1)), integer(period)), integer(1))
        return op("max", by_time, op("floordiv", STEP, integer(steps)))
    last = builder.load(
        builder.buffer(LAST, "i64", (1,), "input", note="the boundary that ends the run", filled=LastBoundary()),
        integer(0),
    )
    step = op("floordiv", op("sub", tick, integer(1)), integer(1 << TICK_BITS))
    return completed(builder, name, op("min", op("max", step, STEP), last))


def months_between(builder: Builder, since: KExpr, boundary: KExpr) -> KExpr:
    """Number of whole months have passed since an earlier boundary."""
    builder.buffer(
        DAYS,
        "i64",
        (OneMore("steps"), 3),
        "input",
        note="month, day in it from 0, its last such day",
        filled=DayTable(),
    )
    each = steps_a_day(builder.model.clock)

    def part(at: KExpr, column: int) -> KExpr:
        return builder.load(DAYS, at, integer(column))

    def place(at: KExpr, day: KExpr) -> KExpr:
        return day if each == 1 else op("add", op("mul", day, integer(each)), op("mod", at, integer(each)))

    months = op("sub", part(boundary, 0), part(since, 0))
    there = place(boundary, part(boundary, 1))
    wanted = place(since, op("min", part(since, 1), part(boundary, 2)))
    return op("sub", months, op("to_i64", test("lt", there, wanted)))

"""Triggers of interventions: one state machine of scalars for everybody, or one for each place, in rows of buffers."""

from __future__ import annotations

import math

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.interventions.spending import declare_paid, pay_here
from lpmdsl.lowering.dense.months import months_between
from lpmdsl.lowering.dense.neighbours import declare_members, look, members_row
from lpmdsl.lowering.dense.rules.choosing import days_passed, is_period_over
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    Assign,
    AtomicAdd,
    Clear,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    LeftOut,
    ScheduleItem,
    Store,
    Var,
)
from lpmdsl.program.nodes import AGENT, STEP, all_of, integer, number, op, real, test
from lpmdsl.semantics import model as m
from lpmdsl.source import NOWHERE, Span

OFF, PENDING, ACTIVE = 0, 1, 2
FIRST = integer(0)


def places_of(one: m.Intervention) -> str:
    """The number of places of which each has the intervention, as a size; "" where there is one for everybody."""
    return handles.places(one.of, one.place) if one.place else ""


def row_of(one: m.Intervention) -> KExpr:
    """The row of an intervention's buffers that its trigger is about: that of the place, or the only one."""
    return AGENT if one.place else FIRST


def declare_intervention(builder: Builder, one: m.Intervention) -> None:
    """The phase, boundaries, what the trigger saw last and blocks run, for each place or once; money spent."""
    size: int | str = places_of(one) or 1
    if one.place:
        declare_members(builder, one.of, one.place)
    for part, fill, note in (
        ("phase", OFF, "0 off, 1 pending, 2 active"),
        ("pending", 0, "the boundary at which it becomes active"),
        ("started", 0, "the boundary at which it became active"),
        ("seen", 0, "whether the trigger was past its level at the last look"),
        ("once", 0, "whether a date has started it"),
    ):
        builder.buffer(f"{one.name}_{part}", "i64", (size,), "control", fill, note)
    note, filled = "1 where a scenario goes without it", LeftOut(one.name)
    builder.buffer(handles.left_out(one.name), "i64", (1,), "input", note=note, filled=filled)
    declare_paid(builder, one)
    for k in range(len(one.repeated)):
        builder.buffer(
            handles.times_run(f"{one.name}_{k}"), "i64", (size,), "control", note="how often the block has run"
        )
        if one.place:
            builder.buffer(f"{one.name}_{k}_due", "i64", (size,), "control", note="1 where the block is due")
            builder.buffer(f"{one.name}_{k}_dues", "i64", (1,), "control", note="in how many places it is due")


def trigger_items(builder: Builder, one: m.Intervention) -> list[ScheduleItem]:
    """The launch of an intervention's trigger, after what counts places is emptied."""
    counters = [Clear(f"{one.name}_{k}_dues") for k in range(len(one.repeated)) if one.place]
    return [*counters, Launch(builder.kernel(_trigger_kernel(builder, one)))]


def _trigger_kernel(builder: Builder, one: m.Intervention) -> Kernel:
    """Stops, starts what was pending, and looks at the trigger, in that order."""
    scope = Scope(builder, places_of(one))
    body: list[KStmt] = []
    phase = scope.let(body, "phase", builder.load(handles.phase(one.name), row_of(one)))
    look(scope, (one.starts, one.stops), body)
    body += _stop(scope, one, phase)
    due = all_of(test("eq", phase, integer(PENDING)), test("ge", STEP, _kept(builder, one, "pending")))
    body.append(If(due, tuple(_activate(builder, one, phase))))
    body += _start(scope, one, phase)
    body += _costs_per_day(builder, one, phase)
    body.append(_store(one, "phase", phase, one.span))
    body += [stmt for k in range(len(one.repeated)) if one.place for stmt in _due_here(builder, one, k, phase)]
    tests = [test("eq", builder.load(handles.left_out(one.name), FIRST), integer(0))]
    if one.place:
        start, stop = members_row(scope, one.of, one.place, AGENT)
        tests.append(test("gt", stop, start))
    whole = If(all_of(*tests), tuple(body), span=one.span)
    return Kernel(f"trigger_{one.name}", places_of(one), tuple(scope.prologue), (whole,), one.span)


def _kept(builder: Builder, one: m.Intervention, part: str) -> KExpr:
    return builder.load(f"{one.name}_{part}", row_of(one))


def _store(one: m.Intervention, part: str, value: KExpr, span: Span = NOWHERE) -> Store:
    return Store(f"{one.name}_{part}", (row_of(one),), value, span)


def _activate(builder: Builder, one: m.Intervention, phase: Var) -> list[KStmt]:
    body: list[KStmt] = [Assign(phase.name, integer(ACTIVE)), _store(one, "started", STEP)]
    if one.costs is not None and one.costs_per == "start":
        body.append(pay_here(builder, one))
    return body


def _costs_per_day(builder: Builder, one: m.Intervention, phase: Var) -> list[KStmt]:
    if one.costs is None or one.costs_per != "day":
        return []
    return [If(test("eq", phase, integer(ACTIVE)), (pay_here(builder, one),))]


def _stop(scope: Scope, one: m.Intervention, phase: Var) -> list[KStmt]:
    match one.stops:
        case None:
            return []
        case m.OnDate():
            over: KExpr = test("ge", days_passed(scope.builder), number(one.stops.day))
        case m.Elapsed():
            over = _has_elapsed(scope, one.stops, _kept(scope.builder, one, "started"))
        case m.Crossing():
            over = _is_past(scope, one.stops)
    active = test("eq", phase, integer(ACTIVE))
    if isinstance(one.stops, m.Crossing) and one.stops.delay is not None:
        return _stop_later(scope, one, one.stops.delay, all_of(active, over), phase)
    return [If(all_of(active, over), (Assign(phase.name, integer(OFF)),), span=one.stops.span)]


def _stop_later(scope: Scope, one: m.Intervention, delay: m.Expr, ends: KExpr, phase: Var) -> list[KStmt]:
    """Once the end is certain it comes after the delay, whatever is reported in between."""
    size: int | str = places_of(one) or 1
    scope.builder.buffer(f"{one.name}_ending", "i64", (size,), "control", -1, "the boundary at which it stops")
    ending = _kept(scope.builder, one, "ending")
    wait = op("max", integer(0), _wait(scope, delay))
    certain = If(all_of(ends, test("lt", ending, integer(0))), (_store(one, "ending", op("add", STEP, wait)),))
    over = all_of(test("eq", phase, integer(ACTIVE)), test("ge", ending, integer(0)), test("ge", STEP, ending))
    stop = (Assign(phase.name, integer(OFF)), _store(one, "ending", integer(-1)))
    return [certain, If(over, stop, span=delay.span)]


def _has_elapsed(scope: Scope, elapsed: m.Elapsed, since: KExpr) -> KExpr:
    """Return True if the time is over that began at a boundary."""
    if elapsed.months:
        return test("ge", months_between(scope.builder, since, STEP), integer(elapsed.months))
    return test("ge", STEP, op("add", since, _wait(scope, elapsed.delay)))


def _wait(scope: Scope, delay: m.Expr) -> KExpr:
    """A delay in steps."""
    return ceiling(real("div", scope.value(delay, "delay"), number(scope.builder.model.clock.step)))


def _is_past(scope: Scope, crossing: m.Crossing) -> KExpr:
    value, level = scope.value(crossing.value, "reported"), scope.value(crossing.level, "level")
    return test("gt" if crossing.rises else "lt", value, level)


def _start(scope: Scope, one: m.Intervention, phase: Var) -> list[KStmt]:
    builder = scope.builder
    off = test("eq", phase, integer(OFF))
    if isinstance(one.starts, m.Crossing):
        return _start_on_crossing(scope, one, one.starts, phase)
    match one.starts:
        case None:
            now: KExpr = test("eq", STEP, integer(0))
        case m.OnDate():
            now = test("ge", days_passed(builder), number(one.starts.day))
        case m.Elapsed():
            now = _has_elapsed(scope, one.starts, integer(0))
    fresh = test("eq", _kept(builder, one, "once"), integer(0))
    started = (*_activate(builder, one, phase), _store(one, "once", integer(1)))
    return [If(all_of(off, now, fresh), started, span=one.span)]


def _start_on_crossing(scope: Scope, one: m.Intervention, crossing: m.Crossing, phase: Var) -> list[KStmt]:
    builder = scope.builder
    body: list[KStmt] = []
    past = scope.let(body, "is_past", _is_past(scope, crossing))
    before = test("ne", _kept(builder, one, "seen"), integer(0))
    crossed = all_of(test("eq", phase, integer(OFF)), past, test("not", before))
    start: list[KStmt] = []
    if crossing.delay is None:
        start += _activate(builder, one, phase)
    else:
        wait = scope.let(start, "wait", _wait(scope, crossing.delay))
        later = (Assign(phase.name, integer(PENDING)), _store(one, "pending", op("add", STEP, wait)))
        start.append(If(test("gt", wait, integer(0)), later, tuple(_activate(builder, one, phase))))
    body.append(If(crossed, tuple(start), span=crossing.span))
    body.append(_store(one, "seen", op("to_i64", past), crossing.span))
    return body


def ceiling(value: KExpr) -> KExpr:
    """Smallest integer that is not below the value less 1e-9."""
    return op("to_i64", real("neg", real("floor", real("sub", number(1e-9), value))))


# ------------------------------------------------------------------ when blocks are due


def is_due(builder: Builder, one: m.Intervention, k: int) -> KExpr:
    """Return True if a block runs at step t: its period, counted from the start, is over; of one of each place, if it
    runs in some of them."""
    if one.place:
        return test("gt", builder.load(f"{one.name}_{k}_dues", FIRST), integer(0))
    phase = builder.load(handles.phase(one.name), FIRST)
    return _is_period_over(builder, one, one.repeated[k], phase, builder.load(f"{one.name}_started", FIRST))


def _is_period_over(builder: Builder, one: m.Intervention, block: m.Repeated, phase: KExpr, started: KExpr) -> KExpr:
    active = test("eq", phase, integer(ACTIVE))
    if block.on is not None:
        boundary = math.ceil(block.on / builder.model.clock.step - 1e-9)
        return all_of(active, test("eq", STEP, integer(boundary)))
    return all_of(active, is_period_over(builder, block, started, op("sub", STEP, started)))


def _due_here(builder: Builder, one: m.Intervention, k: int, phase: Var) -> list[KStmt]:
    """Counts the run of a block in the step before, and notes whether it is due in the place now."""
    name, block = f"{k}_due", one.repeated[k]
    runs = op("add", _kept(builder, one, f"{k}_runs"), _kept(builder, one, name))
    due = _is_period_over(builder, one, block, phase, _kept(builder, one, "started"))
    more = AtomicAdd(f"{one.name}_{k}_dues", (FIRST,), integer(1), block.span)
    yes, no = (_store(one, name, integer(1)), more), (_store(one, name, integer(0)),)
    return [_store(one, f"{k}_runs", runs), If(due, yes, no, span=block.span)]

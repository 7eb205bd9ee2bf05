"""Exits with a chance a period: tries at fixed times after one came."""

from __future__ import annotations

from lpmdsl.lowering.builder import BOUNDARY, CERTAIN
from lpmdsl.lowering.dense.contagion.debts import START
from lpmdsl.lowering.dense.courses import Course, left_buffer
from lpmdsl.lowering.dense.draws import given
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.months import months_passed
from lpmdsl.lowering.dense.watched_values import look_at
from lpmdsl.program.ir import Assign, If, KExpr, KStmt, Sample, Store, Tries, Var
from lpmdsl.program.nodes import AGENT, HAZARD_ONE, STEP, all_of, integer, number, op, real, rounded, test
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.quantile_tables import TICKS


def offer_chance(course: Course, exit_: m.Exit, slot: int, best: Var, win: tuple[KStmt, ...]) -> list[KStmt]:
    """Tries at fixed times after one came: −log(1 − p) a try against the same kind of threshold."""
    scope = course.scope
    assert isinstance(exit_.trigger, m.Chance)
    body: list[KStmt] = []
    p = scope.value(exit_.trigger.probability, "chance")
    fails = real("max", real("sub", number(1.0), real("max", number(0.0), p)), number(2.0**-60))
    once = rounded(real("mul", real("neg", real("log", fails)), number(HAZARD_ONE)))
    cost = op("select", test("ge", p, number(1.0)), integer(CERTAIN), once)
    each = scope.let(body, "chance_hazard", cost) if m.reads_agent(exit_.trigger.probability) else scope.hoist(
        "chance_hazard", cost)  # fmt: skip
    before, count = _tries_of(course, exit_.trigger, body)
    looked = look_at(scope, exit_.trigger.probability, "probability")
    body += [If(test("gt", count, integer(0)), tuple(looked), span=exit_.span)] if looked else []
    name = left_buffer(course.condition.name, slot)
    held_ = scope.let(body, "held", scope.builder.load(name, AGENT))
    hazard = scope.let(body, "hazard", op("mul", each, count))
    left = scope.let(body, "left", op("sub", held_, hazard))
    body.append(Store(name, (AGENT,), left))
    law = Tries(count, p, hazard, test("le", left, integer(0)), given(scope, exit_.trigger.probability))
    body.append(Sample("", exit_.site, law, exit_.span))
    happens: list[KStmt] = []
    needed = op("floordiv", op("sub", op("add", held_, each), integer(1)), op("max", each, integer(1)))
    when = scope.let(happens, "when", _tick_of_try(course, exit_.trigger, op("add", before, needed)))
    happens.append(If(test("lt", when, best), (Assign(best.name, when), *win)))
    is_hit = all_of(test("le", left, integer(0)), test("gt", count, integer(0)))
    body.append(If(is_hit, tuple(happens), span=exit_.span))
    return body


def _tries_of(course: Course, chance: m.Chance, body: list[KStmt]) -> tuple[KExpr, Var]:
    """Numbers of tries that the agent had before this step, and has in it: one every period after it came.

    By months of the calendar there is one at the end of a step in which a month ends.
    """
    scope = course.scope
    if chance.months:
        is_there = test("lt", course.since, BOUNDARY)
        return integer(0), scope.let(body, "tries", op("select", is_there, tries(scope, chance), integer(0)))
    a_tick = scope.builder.model.clock.step / chance.every / TICKS

    def done(at: KExpr) -> KExpr:
        stayed = op("to_f64", op("sub", at, course.since), dtype="f64")
        periods = real("add", real("mul", stayed, number(a_tick)), number(SLACK))
        return op("to_i64", real("floor", periods))

    before = scope.let(body, "tried", done(op("max", course.since, START)))
    return before, scope.let(body, "tries", op("sub", done(BOUNDARY), before))


def _tick_of_try(course: Course, chance: m.Chance, count: KExpr) -> KExpr:
    """The tick of a try, by its number since the agent came."""
    if chance.months:
        return BOUNDARY
    ticks = chance.every / course.scope.builder.model.clock.step * TICKS
    after = op("to_i64", real("floor", real("mul", op("to_f64", count, dtype="f64"), number(ticks))))
    earliest = op("add", op("max", course.since, START), integer(1))
    return op("min", op("max", op("add", course.since, after), earliest), BOUNDARY)


SLACK = 1e-9
"""The part of a period by which a try may come too late to be counted at its boundary, for what binary numbers lack."""


def tries(scope: Scope, chance: m.Chance) -> KExpr:
    """Number of multiples of a period lie in (t·step, (t+1)·step]."""
    if chance.months:
        before, after = (months_passed(scope.builder, at) for at in (STEP, op("add", STEP, integer(1))))
        months = integer(chance.months)
        return op("sub", op("floordiv", after, months), op("floordiv", before, months))
    ratio = chance.every / scope.builder.model.clock.step
    if abs(ratio - round(ratio)) < 1e-9 and ratio >= 0.5:
        due = op("mod", op("add", STEP, integer(1)), integer(round(ratio)))
        return op("select", test("eq", due, integer(0)), integer(1), integer(0))
    if abs(1 / ratio - round(1 / ratio)) < 1e-9:
        return integer(round(1 / ratio))

    def marks(step: KExpr) -> KExpr:
        return op("to_i64", real("floor", real("div", op("to_f64", step, dtype="f64"), number(ratio))))

    return op("sub", marks(op("add", STEP, integer(1))), marks(STEP))

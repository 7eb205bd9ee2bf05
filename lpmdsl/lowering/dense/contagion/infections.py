"""Infections: when an exposure uses up what is left of a threshold, and which of several comes first."""

from __future__ import annotations

from lpmdsl.lowering.builder import BOUNDARY
from lpmdsl.lowering.dense.contagion.contact_thresholds import reached
from lpmdsl.lowering.dense.contagion.debts import START, came, exposed
from lpmdsl.lowering.dense.contagion.exposure import exposure
from lpmdsl.lowering.dense.contagion.source import choose_network
from lpmdsl.lowering.dense.courses import Course, is_contested, left_buffer, thresholds
from lpmdsl.program.ir import Assign, If, Infection, KExpr, KStmt, Sample, Store, Var
from lpmdsl.program.nodes import AGENT, all_of, any_of, integer, number, op, real, test
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.quantile_tables import TICKS


def offer_contagion(course: Course, exit_: m.Exit, slot: int, best: Var, win: tuple[KStmt, ...]) -> list[KStmt]:
    """Statements that spend the exposure of a step, and offer the infection at its tick if nothing is left."""
    scope, condition = course.scope, course.condition
    is_again = course.phase == "again"
    if scope.builder.has_constant_hazard(condition.name):
        # Of the susceptible, only those come here who have no whole contact left.
        waited: list[KStmt] = []
        left, force, caught, stays = reached(scope, condition, waited, left_buffer(condition.name, slot))
        when = scope.let(caught, "when", crossing(left, force, START, is_again))
        caught.append(If(test("lt", when, best), (Assign(best.name, when), *win), span=exit_.span))
        return [*waited, If(test("le", left, integer(0)), tuple(caught), tuple(stays), exit_.span)]
    on_each: list[Var] = []
    body, met = exposure(scope, condition, exit_.state, is_again, on_each if course.through is not None else None)
    inner: list[KStmt] = []
    name = left_buffer(condition.name, slot)
    begins = op("max", course.since, START)
    part = exposed(scope, condition, exit_.state, met.total, begins, inner)
    held_ = scope.let(inner, "held", scope.builder.load(name, AGENT))
    left = scope.let(inner, "left", op("sub", held_, part))
    caught: list[KStmt] = []
    if is_contested(condition, exit_.state) and not is_again:
        date = even_crossing(held_, met.total, begins)
    else:
        date = crossing(left, met.force, begins, is_again)
    when = scope.let(caught, "when", date)
    contagion = scope.builder.model.contagion_of(condition.name)
    if course.through is not None and contagion is not None:
        win = (*win, *choose_network(course.scope, contagion, on_each, course.through))
    taken: tuple[KStmt, ...] = (If(test("lt", when, best), (Assign(best.name, when), *win)),)
    apart = _comes_second(course, when, caught) if exit_.state == condition.start.state else None
    if apart is None:
        caught += taken
    else:
        back = Store(name, (AGENT,), op("add", left, part))
        caught.append(If(apart, (back,), taken, exit_.span))
    caught.append(infection(condition, exit_, met.total, held_, True))
    survived = infection(condition, exit_, met.total, part, False)
    inner += [Store(name, (AGENT,), left), If(test("le", left, integer(0)), tuple(caught), (survived,))]
    body.append(If(test("gt", met.total, integer(0)), tuple(inner), span=exit_.span))
    return body


def infection(condition: m.Condition, exit_: m.Exit, total: Var, spent: KExpr, strikes: bool) -> Sample:
    """Outcome of an exposure: so much of it was ``spent``, and with that the threshold, or not."""
    return Sample("", exit_.site, Infection(condition.name, total, spent, strikes), exit_.span)


def crossing(left: KExpr, force: KExpr, begins: KExpr, is_again: bool) -> KExpr:
    """The tick at which a threshold was used up of which ``left`` (at most 0) is left at the end of the step.

    It is read backwards by the force that holds there, and never before the agent came. Where none does, the sources
    left within the step: a third of it was over, in the mean. Those of a second look were met two thirds of it through.
    """
    earliest = op("add", begins, integer(1))
    if is_again:
        return op("max", op("sub", BOUNDARY, integer(TICKS // 3)), earliest)
    spent = op("to_f64", op("min", op("neg", left), force), dtype="f64")
    most = op("to_f64", op("max", force, integer(1)), dtype="f64")
    back = op("to_i64", real("floor", real("mul", real("div", spent, most), number(float(TICKS)))))
    back = op("select", test("gt", force, integer(0)), back, integer(2 * TICKS // 3))
    return op("max", op("sub", BOUNDARY, back), earliest)


def even_crossing(held_: KExpr, total: KExpr, begins: KExpr) -> KExpr:
    """The tick at which a threshold that was ``held_`` is used up, were the exposure the same all through the step.

    Where other exits or other conditions compete with an infection, that is fair to those whose sources come and to
    those whose sources go.
    """
    share = real("div", op("to_f64", held_, dtype="f64"), op("to_f64", total, dtype="f64"))
    after = op("to_i64", real("floor", real("mul", share, number(float(TICKS)))))
    return op("min", op("add", op("add", begins, after), integer(1)), BOUNDARY)


def _comes_second(course: Course, when: Var, body: list[KStmt]) -> KExpr | None:
    """Test that one of the conditions that exclude this one was caught in this step before; None if there are none."""
    scope, conditions = course.scope, course.scope.builder.model.conditions
    tests: list[KExpr] = []
    own = [c.name for c in conditions].index(course.condition.name)
    for position, other in enumerate(conditions):
        if other.name not in course.condition.excludes:
            continue
        if course.phase == "again" and other.name not in scope.builder.again:
            continue
        if position < own:
            tests.append(test("gt", scope.moves[other.name], integer(0)))
        else:
            tests.append(_catches_before(course, other, when, body))
    has_not_moved = test("eq", scope.moves[course.condition.name], integer(0))
    return all_of(has_not_moved, any_of(*tests)) if tests else None


def _catches_before(course: Course, other: m.Condition, when: Var, body: list[KStmt]) -> KExpr:
    """Return True if the agent, in the start state of another condition, catches that one earlier in this step."""
    scope, start = course.scope, other.start.state
    exit_ = next(e for e in other.exits_of(start) if isinstance(e.trigger, m.ByContagion))
    slot = {e.site: k for k, e in enumerate(thresholds(other, start))}[exit_.site]
    more, met = exposure(scope, other, start, course.phase == "again", is_own=False)
    body += more
    begins = came(scope.builder, other)
    part = exposed(scope, other, start, met.total, begins, body)
    held_ = scope.let(body, "held", scope.builder.load(left_buffer(other.name, slot), AGENT))
    left = scope.let(body, "left", op("sub", held_, part))
    # Conditions that exclude each other compete, so a first look dates them evenly.
    is_again = course.phase == "again"
    tick = crossing(left, met.force, begins, True) if is_again else even_crossing(held_, met.total, begins)
    is_there = test("eq", scope.states[other.name], integer(start))
    return all_of(is_there, test("gt", met.total, integer(0)), test("le", left, integer(0)), test("lt", tick, when))

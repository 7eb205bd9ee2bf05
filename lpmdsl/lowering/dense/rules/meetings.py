"""Meetings: who is picked, each candidate by a draw of its own, so that one more changes only who takes it."""

from __future__ import annotations

from collections.abc import Callable

from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.neighbours import members
from lpmdsl.lowering.dense.presence import any_removed
from lpmdsl.lowering.dense.rules.choosing import runs
from lpmdsl.networks.rng_keys import site
from lpmdsl.program.ir import Assign, Draw, If, KExpr, KStmt, Loop, Threshold, Var
from lpmdsl.program.nodes import AGENT, all_of, any_of, as_number, integer, number, op, real, test, word
from lpmdsl.semantics import model as m

Among = Callable[[Scope], KExpr]


def picked(
    scope: Scope, rule: m.Rule, meeting: m.Meeting, into: Var, along: Var | None, among: Among | None = None
) -> list[KStmt]:
    """Statements that put the number of whom the agent picks into a local; it stays -1 where nobody qualifies.

    ``along``: a local for the entry of the rows by which that one was found, where it is asked for. ``among``: a test
    of those who may be picked, made before any draw.
    """
    body: list[KStmt] = []
    draw, path = scope.fresh("w"), f"{meeting.site}.who"
    body.append(Draw(draw, site(path), scope.agent, runs(scope, rule), path, meeting.span))
    if among is None and _is_anybody(scope, rule, meeting):
        return [*body, *_anybody(rule, meeting, word(draw, 0), into)]
    luck = word(draw, 0)
    most = {"highest": float("-inf"), "lowest": float("inf"), "weight": float("inf"), "lot": float("inf")}
    best = scope.let(body, "best", number(most[meeting.order]))
    lowest = scope.let(body, "lowest", integer(1 << 32))

    def told(other: Scope) -> list[KStmt]:
        compared = _compared(other, meeting, luck, best, lowest, into, along)
        return compared if among is None else [If(among(other), tuple(compared), span=meeting.span)]

    if meeting.network:
        return [*body, *members(scope, meeting, told)]
    return [*body, *_everybody(scope, rule, meeting, told)]


def _is_anybody(scope: Scope, rule: m.Rule, meeting: m.Meeting) -> bool:
    """Return True if all of the kind are as likely, so that one draw says who."""
    gone = m.may_be_removed(scope.builder.model, rule.of)
    return not meeting.network and meeting.order == "lot" and meeting.where is None and not gone


def _anybody(rule: m.Rule, meeting: m.Meeting, luck: Var, into: Var) -> list[KStmt]:
    count: KExpr = Var(rule.of, "i64")
    if not meeting.is_other:
        return [Assign(into.name, op("shr", op("mul", luck, count), integer(32)))]
    drawn = op("shr", op("mul", luck, op("sub", count, integer(1))), integer(32))
    skipped = op("select", test("ge", into, AGENT), op("add", into, integer(1)), into)
    there = (Assign(into.name, drawn), Assign(into.name, skipped))
    return [If(test("gt", count, integer(1)), there, span=meeting.span)]


def _everybody(scope: Scope, rule: m.Rule, meeting: m.Meeting, told) -> list[KStmt]:
    """The loop over all of the kind who are not removed."""
    index = Var(scope.fresh("other"), "i64")
    body: list[KStmt] = []
    other = scope.beside(rule.of, index)
    body += read_states(other)
    inner = scope.facing(other)
    there: KExpr = test("not", any_removed(other, rule.of))
    if meeting.is_other:
        there = all_of(test("ne", index, scope.agent), there)
    wanted = tuple(told(inner))
    if meeting.where is not None:
        wanted = (If(inner.value(meeting.where), wanted, span=meeting.span),)
    body.append(If(there, wanted, span=meeting.span))
    return [Loop(index.name, integer(0), Var(rule.of, "i64"), tuple(body), meeting.span)]


def _compared(
    scope: Scope, meeting: m.Meeting, luck: Var, best: Var, lowest: Var, into: Var, along: Var | None
) -> list[KStmt]:
    """Statements that keep one who comes before the best so far: in its own lot, or in what is asked for."""
    assert scope.theirs is not None
    who = scope.theirs.agent
    found = [Assign(into.name, who)]
    if along is not None and scope.edge is not None:
        found.append(Assign(along.name, scope.edge))
    body: list[KStmt] = []
    draw, path = scope.fresh("w"), f"{meeting.site}.lot"
    drawn, lot = Draw(draw, site(path), who, luck, path, meeting.span), word(draw, 0)
    if meeting.order == "lot":
        taken = (Assign(lowest.name, lot), *found)
        return [drawn, If(test("lt", lot, lowest), taken, span=meeting.span)]
    assert meeting.by is not None
    value = scope.let(body, "value", as_number(scope.value(meeting.by)))
    if meeting.order == "weight":
        # Of exponential waiting times at rates in proportion to the weights the shortest is each one's with its chance.
        inner: list[KStmt] = [drawn]
        wait = real("div", op("to_f64", Threshold(lot, word(draw, 1)), dtype="f64"), value)
        time = scope.let(inner, "time", wait)
        taken = (Assign(best.name, time), *found)
        inner.append(If(test("lt", time, best), taken, span=meeting.span))
        return [*body, If(test("gt", value, number(0.0)), tuple(inner), span=meeting.span)]
    beyond = test("gt" if meeting.order == "highest" else "lt", value, best)
    level = all_of(test("eq", value, best), test("lt", lot, lowest))
    taken = (Assign(best.name, value), Assign(lowest.name, lot), *found)
    first = If(any_of(beyond, level), taken, span=meeting.span)
    return [*body, If(any_of(beyond, test("eq", value, best)), (drawn, first), span=meeting.span)]

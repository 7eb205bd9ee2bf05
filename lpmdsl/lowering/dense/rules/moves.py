"""Moves that something else than an exit makes: a block of an intervention, a rule."""

from __future__ import annotations

from lpmdsl.lowering.dense.courses import Course, asks_origin, keeps_entry
from lpmdsl.lowering.dense.entries import entry
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.program import handles
from lpmdsl.program.ir import If, KExpr, KStmt, Store
from lpmdsl.program.nodes import AGENT, STEP, all_of, any_of, integer, op, test
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.quantile_tables import TICKS
from lpmdsl.source import Span


def force(
    scope: Scope, condition_name: str, to: KExpr, states: frozenset[int], happens: KExpr, span: Span
) -> list[KStmt]:
    """Moves the agent as if it had left on its own at the start of the step; nothing if it is there already.

    ``states``: those that ``to`` may be.
    """
    condition = scope.builder.model.condition(condition_name)
    name = condition.name
    body: list[KStmt] = []
    state = scope.let(body, f"{name}_is", to)
    episode: KExpr = integer(0)
    if condition.is_cyclic:
        before = op("to_i64", scope.builder.load(handles.episode(name), AGENT))
        episode = scope.let(body, f"{name}_episode_is", op("add", before, integer(1)))
        body.append(Store(handles.episode(name), (AGENT,), op("to_i32", episode, dtype="i32")))
    course = Course(scope, condition, state, op("mul", STEP, integer(TICKS)), episode)
    if asks_origin(scope.builder.model, name):
        course.left = scope.let(body, f"{name}_left_state", op("to_i64", scope.builder.load(name, AGENT)))
    body += entry(course, states)
    if keeps_entry(condition):
        body.append(Store(handles.entered(name), (AGENT,), op("mul", STEP, integer(TICKS))))
    body.append(Store(name, (AGENT,), op("to_u8", state, dtype="u8"), span))
    live = op("to_i64", scope.builder.load(name, AGENT))
    elsewhere: KExpr = test("ne", live, to)
    start = condition.start.state
    if states != {start}:
        for other in condition.excludes:
            rests = integer(scope.builder.model.condition(other).start.state)
            at_rest = test("eq", op("to_i64", scope.builder.load(other, AGENT)), rests)
            is_start = [test("eq", to, integer(start))] if start in states else []
            elsewhere = all_of(elsewhere, any_of(*is_start, at_rest))
    return [If(all_of(happens, elsewhere), tuple(body), span=span)]


def own_scope(scope: Scope, rule: m.Rule, agent: KExpr) -> Scope:
    """The scope of an agent in the same kernel, as the rule has made it so far."""
    load = scope.builder.load
    of = [c for c in scope.builder.model.conditions if c.of == rule.of]
    scope = scope.at(agent)
    scope.states = {c.name: op("to_i64", load(c.name, agent)) for c in of}
    scope.live = dict(scope.states)
    scope.entered = {c.name: load(handles.entered(c.name), agent) for c in of if c.tells_since}
    return scope

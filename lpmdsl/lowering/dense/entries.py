"""Entering a state: what is counted, what is planned, which thresholds are drawn, what the agent then does."""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder, as_stored, stored_as
from lpmdsl.lowering.dense.contagion.buffers import forget_made_up
from lpmdsl.lowering.dense.contagion.contact_thresholds import contacts_left, declare_rest
from lpmdsl.lowering.dense.courses import (
    Course,
    entered,
    keeps_entry,
    keeps_target,
    left_buffer,
    needs_plan,
    thresholds,
    timed_exits,
)
from lpmdsl.lowering.dense.draws import given, happens
from lpmdsl.lowering.dense.expressions import Scope, dwell
from lpmdsl.lowering.dense.moved_times import planned
from lpmdsl.lowering.dense.reports.observations import count_entry
from lpmdsl.lowering.dense.watched_values import look_at
from lpmdsl.networks.rng_keys import site
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    NEVER,
    Assign,
    Categorical,
    Const,
    Draw,
    If,
    KExpr,
    KStmt,
    Let,
    Sample,
    StartStates,
    Store,
    Threshold,
    Var,
)
from lpmdsl.program.nodes import AGENT, integer, number, op, real, test, word
from lpmdsl.semantics import model as m


def declare(builder: Builder, condition: m.Condition) -> None:
    """The buffers of a condition: state, due tick and destination of timed exits, what is left of thresholds."""
    name, shape = condition.name, (condition.of,)
    builder.buffer(name, "u8", shape, "state", note=condition.span.label, filled=StartStates(name))
    timed = [timed_exits(condition, s) for s in range(len(condition.states))]
    if any(timed):
        builder.buffer(handles.due(name), "i64", shape, "state", note="tick at which the planned exit happens")
    if any(exits and keeps_target(builder, condition, s) for s, exits in enumerate(timed)):
        builder.buffer(handles.leads_to(name), "u8", shape, "state", note="where the planned exit leads")
    if any(needs_plan(condition, s) for s in range(len(condition.states))):
        builder.buffer(handles.planned(name), "u8", shape, "state", note="which exit is planned")
    for slot in range(max(len(thresholds(condition, s)) for s in range(len(condition.states)))):
        if builder.has_constant_hazard(name):
            note = "contacts with the infectious until one is infected"
            builder.buffer(left_buffer(name, slot), "i32", shape, "state", NEVER, note)
            builder.buffer(handles.never(left_buffer(name, slot)), "i64", (1,), "input", NEVER, "more than anybody has")
            declare_rest(builder, condition)
        else:
            builder.buffer(left_buffer(name, slot), "i64", shape, "state", note="what is left of the threshold")
    if keeps_entry(condition):
        builder.buffer(handles.entered(name), "i64", shape, "state", note="tick of the last entry")
    if condition.is_cyclic:
        builder.buffer(handles.episode(name), "i32", shape, "state", note="moves made so far")
    for rule in m.entering_rules(condition).values():
        builder.buffer(entered(rule), "u8", shape, "state", note="1: entered such a state in this step")


# ------------------------------------------------------------------ entering


def entry(course: Course, states: frozenset[int] | None = None) -> list[KStmt]:
    """Statements of entering the state in ``course.state``: count, plan the timed exits, draw thresholds, act.

    ``states``: those that can be entered here (None: any).
    """
    body: list[KStmt] = []
    for state in sorted(states) if states is not None else range(len(course.condition.states)):
        inner = _entry_of(course, state)
        if inner:
            note = f"entering {course.condition.name}.{course.condition.states[state]}"
            body.append(If(test("eq", course.state, integer(state)), tuple(inner), note=note))
    return body


def _entry_of(course: Course, state: int) -> list[KStmt]:
    body: list[KStmt] = []
    condition, scope = course.condition, course.scope
    if course.counts_entries:
        for observation in scope.builder.model.observations:
            body += count_entry(
                scope, observation, condition, state, course.state, course.since, course.episode, course.left
            )
    body += _plan_timed(course, state)
    for slot, exit_ in enumerate(thresholds(condition, state)):
        draw = keyed_draw(course, exit_.site, body, exit_)
        left: KExpr = Threshold(word(draw, 0), word(draw, 1))
        if scope.builder.has_constant_hazard(condition.name):
            left = scope.let(body, "threshold", left)
            body += contacts_left(scope, condition, left, left_buffer(condition.name, slot))
            continue
        body.append(Store(left_buffer(condition.name, slot), (AGENT,), left, exit_.span))
    if (
        course.phase == "own"
        and course.counts_entries
        and any(isinstance(e.trigger, m.ByContagion) for e in condition.exits_of(state))
    ):
        body += forget_made_up(scope.builder, condition)
    rules = m.entering_rules(condition)
    for clause in condition.entering:
        if state in clause.states:
            body += _act_on_entering(course, clause)
            if clause.site in rules:
                body.append(Store(entered(rules[clause.site]), (AGENT,), Const(1, "u8"), clause.span))
    return body


def keyed_draw(course: Course, path: str, body: list[KStmt], exit_: m.Exit | None = None) -> str:
    """Append a draw of a random word keyed by ``path`` and the episode; return the word's name."""
    name = course.scope.fresh("w")
    span = exit_.span if exit_ else course.condition.span
    body.append(Draw(name, site(path), AGENT, course.episode, path, span))
    return name


def _plan_timed(course: Course, state: int) -> list[KStmt]:
    """Draws every timed exit and keeps the earliest; the one written first wins a tie."""
    condition, scope = course.condition, course.scope
    body: list[KStmt] = []
    exits = timed_exits(condition, state)
    due = scope.fresh("due")
    to = scope.fresh("to")
    which = scope.fresh("which")
    for k, exit_ in enumerate(exits):
        assert isinstance(exit_.trigger, m.After)
        draw = keyed_draw(course, exit_.site, body, exit_)
        ticks = dwell(scope, exit_.trigger.dwell, exit_.site, word(draw, 0))
        body += planned(scope, course.moves, exit_, word(draw, 0))
        at = op("add", course.since, ticks)
        inner, target = branch_target(scope, exit_, word(draw, 1))
        if k == 0:
            body += [*inner, Let(due, at, exit_.span), Let(to, target), Let(which, integer(exit_.index))]
            continue
        at_k = scope.let(body, "due_other", at)
        chosen = (*inner, Assign(due, at_k), Assign(to, target), Assign(which, integer(exit_.index)))
        body.append(If(test("lt", at_k, Var(due, "i64")), chosen, span=exit_.span))
    if exits:
        body.append(Store(handles.due(condition.name), (AGENT,), Var(due, "i64"), exits[0].span))
    if exits and keeps_target(scope.builder, condition, state):
        body.append(Store(handles.leads_to(condition.name), (AGENT,), op("to_u8", Var(to, "i64"), dtype="u8")))
    if needs_plan(condition, state):
        body.append(Store(handles.planned(condition.name), (AGENT,), op("to_u8", Var(which, "i64"), dtype="u8")))
    return body


def branch_target(scope: Scope, exit_: m.Exit, word_: KExpr) -> tuple[list[KStmt], KExpr]:
    """Statements and the value of the destination: the first branch whose cumulative probability exceeds the word."""
    body: list[KStmt] = []
    chances: list[KExpr] = []
    shares = [branch.probability for branch in exit_.branches if branch.probability is not None]
    for share in shares:
        body += look_at(scope, share, "probability")
        chances.append(scope.value(share, "branch_probability"))
    if not chances:
        return body, integer(exit_.branches[-1].to)
    name = scope.fresh("goes_to")
    law = Categorical(word_, tuple(chances), tuple(b.to for b in exit_.branches), given(scope, *shares))
    body.append(Sample(name, f"{exit_.site}.branch", law, exit_.span))
    return body, Var(name, "i64")


def _act_on_entering(course: Course, clause: m.OnEntering) -> list[KStmt]:
    body: list[KStmt] = []
    for k, action in enumerate(clause.actions):
        kind = course.condition.of
        draws: list[KStmt] = []
        draw_value(course.scope, action.value, course.episode, draws)
        store = write(course.scope, kind, action, stored_value(course.scope, kind, action))
        stores = (*draws, *look_at(course.scope, action.value, "value"), store)
        if action.probability is None:
            body += stores
            continue
        path = f"{clause.site}.action{k}"
        hit = happens(course.scope, path, action.probability, AGENT, course.episode, body)
        body.append(If(hit, stores, span=action.span))
    return body


def draw_value(scope: Scope, value: m.Expr, episode: KExpr, body: list[KStmt]) -> None:
    """Append the draws that a value is made of, keyed by ``episode``."""
    lucks = dict.fromkeys(e for e in m.walk(value) if isinstance(e, m.Luck))
    drawn: dict[str, str] = {}
    for luck in lucks:
        if luck.site not in drawn:
            drawn[luck.site] = scope.fresh("w")
            body.append(Draw(drawn[luck.site], site(luck.site), AGENT, episode, luck.site, luck.span))
        whole = op("to_f64", word(drawn[luck.site], luck.word), dtype="f64")
        scope.aggregates[luck] = real("div", real("add", whole, number(0.5)), number(2.0**32))


def stored_value(scope: Scope, kind: str, action: m.SetAttribute) -> KExpr:
    """Value that a ``set`` writes or an ``add`` adds, as the attribute is stored."""
    value = scope.value(action.value, action.attribute)
    attribute = next(a for a in scope.builder.model.agent(kind).attributes if a.name == action.attribute)
    return as_stored(value, stored_as(attribute.type))


def write(scope: Scope, kind: str, action: m.SetAttribute, value: KExpr) -> Store:
    """The store of a ``set`` or an ``add``: what is added to is what the attribute is when it is written."""
    buffer = handles.attribute(kind, action.attribute)
    if action.adds:
        value = real("add", scope.builder.load(buffer, AGENT), value)
    return Store(buffer, (AGENT,), value, action.span)


# ------------------------------------------------------------------ reading before writing


def set_on_entering(conditions: list[m.Condition]) -> set[str]:
    """The attributes that entering a state of the conditions can set."""
    return {a.attribute for c in conditions for clause in c.entering for a in clause.actions}


def read_before_writing(scope: Scope, written: set[str]) -> list[KStmt]:
    """Locals with the attributes as they are before the phase writes them: everything in it reads these."""
    body: list[KStmt] = []
    for attribute in scope.builder.model.agent(scope.kind).attributes:
        if attribute.name in written:
            load = Scope.typed(
                scope.builder.load(handles.attribute(scope.kind, attribute.name), AGENT), attribute.type.kind
            )
            scope.attributes[attribute.name] = scope.let(body, f"{attribute.name}_was", load)
    return body

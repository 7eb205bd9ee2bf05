"""Lists, sets and calendars of agents: who moves, who has changed, who is at risk, whose planned exit comes when."""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.contagion.debts import owes_something
from lpmdsl.lowering.dense.courses import Phase
from lpmdsl.lowering.dense.expressions import Scope, joined
from lpmdsl.lowering.plan.censuses import Occupancy
from lpmdsl.lowering.plan.plan import Plan, susceptible, telling_states, timed
from lpmdsl.lowering.sparse.constant_hazard import dirty_blocks, fresh, mark_dirty, tell_at_once
from lpmdsl.lowering.sparse.members import tell_places
from lpmdsl.program import handles
from lpmdsl.program.ir import Append, Enqueue, If, KExpr, KStmt, Mark, OneMore, Store, Tally
from lpmdsl.program.nodes import AGENT, STEP, any_of, integer, is_one_of, op, test
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.quantile_tables import TICK_BITS

BLOCK = 64
"""Places of a block of the calendar."""


def plan_of(builder: Builder) -> Plan:
    """Choices of a sparse program; a dense one has none."""
    assert builder.plan is not None
    return builder.plan


def declare_lists(builder: Builder) -> None:
    """The buffers of every list, set, calendar and table of occupancy that the plan asks for."""
    plan = plan_of(builder)
    for condition in builder.model.conditions:
        way, kind = plan.ways[condition.name], condition.of
        if way != "dense":
            declare_list(builder, moving(condition), kind, "those who may move in this step")
        if builder.has_constant_hazard(condition.name):
            note = "1: somebody of these 64 may have contacts with the infectious"
            declare_list(builder, fresh(condition), kind, "those whom a look made infectious")
            builder.buffer(dirty_blocks(condition), "u8", (f"words_{kind}",), "state", note=note)
        elif way == "listed" and susceptible(condition):
            builder.buffer(at_risk(condition), "i64", (f"words_{kind}",), "state", note="susceptible, under a force")
            builder.buffer(not_at_risk(condition), "i64", (f"words_{kind}",), "state", note="susceptible, under none")
        if way != "dense" and timed(condition):
            name = calendar(condition)
            builder.buffer(
                f"{name}_head", "i32", (OneMore("steps"),), "state", -1, "newest block of those due in a step"
            )
            builder.buffer(f"{name}_blocks", "i32", (f"blocks_{kind}", BLOCK), "state", note="those due, by step")
            builder.buffer(f"{name}_pool", "i64", (3,), "state", note="blocks that are free")
        if plan.woken.get(condition.name):
            note = "those to whom what they see may do something"
            builder.buffer(awake(condition), "i64", (f"words_{kind}",), "state", note=note)
    for one in plan.occupancies:
        kind = one.condition.of
        builder.buffer(one.name, "i64", (one.cells,), "state", note="how many are in each state")
        builder.buffer(f"{one.name}_change", "i64", (one.cells,), "scratch")
        builder.buffer(handles.tally(one.name), "i64", (handles.chunks(kind), one.cells), "tally")


def declare_changed(builder: Builder, kind: str) -> None:
    """The list of those who have changed; interventions may come upon the same agent twice, so it is noted."""
    declare_list(builder, handles.changed(kind), f"twice_{kind}", "those whose weight or presence may have changed")
    if kind in plan_of(builder).acted_on:
        builder.buffer(
            handles.noted(handles.changed(kind)), "u8", (kind,), "state", note="1: is on the list of those who changed"
        )


def declare_list(builder: Builder, name: str, size: str, note: str) -> None:
    """The buffers of a list of agents with room for so many."""
    builder.buffer(name, "i32", (size,), "state", note=note)
    builder.buffer(handles.size(name), "i64", (1,), "control")


def moving(condition: m.Condition) -> str:
    """Name of the list of agents that may move in this step."""
    return f"{condition.name}_moving"


def at_risk(condition: m.Condition) -> str:
    """Name of the set of the susceptible under a force."""
    return f"{condition.name}_at_risk"


def not_at_risk(condition: m.Condition) -> str:
    """Name of the marks of the susceptible who are not at risk."""
    return f"{condition.name}_at_ease"


def awake(condition: m.Condition) -> str:
    """Name of the set of those whom what they see of neighbours may make leave a state."""
    return f"{condition.name}_awake"


def calendar(condition: m.Condition) -> str:
    """Name of the calendar of timed exits."""
    return f"{condition.name}_calendar"


def seen_changed(kind: str) -> str:
    """Name of the list of agents of whom those who see them may see something else."""
    return f"{kind}_seen_changed"


# ------------------------------------------------------------------ what a move changes


def at_beginning(scope: Scope, condition: m.Condition, state: KExpr) -> list[KStmt]:
    """The start state in the tables, in the calendar, in a set."""
    body: list[KStmt] = [
        Tally(handles.tally(o.name), cell(scope, o, state), integer(1)) for o in _told(scope, condition)
    ]
    return [*body, *tell_places(scope, condition, state), *_expected(scope, condition, state, integer(0))]


def after_moves(scope: Scope, condition: m.Condition, before: KExpr, state: KExpr, phase: Phase | None) -> list[KStmt]:
    """Notify those concerned of an agent's moves of this phase, once they are made; None: it was moved otherwise."""
    body = [
        *tell_occupancies(scope, condition, before, state),
        *tell_places(scope, condition, state, before),
        *_tell_view(scope, condition, before, state, phase),
    ]
    return body + _expected(scope, condition, state, op("add", STEP, integer(1)))


def _expected(scope: Scope, condition: m.Condition, state: KExpr, earliest: KExpr) -> list[KStmt]:
    """List the agent where it is looked for from now on: in the bucket of a step, at risk, or not at risk."""
    way = plan_of(scope.builder).ways[condition.name]
    body: list[KStmt] = []
    if way == "dense":
        return body
    if timed(condition):
        due = scope.builder.load(handles.due(condition.name), AGENT)
        step = op("max", earliest, op("shr", op("sub", due, integer(1)), integer(TICK_BITS)))
        body.append(If(is_one_of(state, timed(condition)), (Enqueue(calendar(condition), step, AGENT),)))
    if woken := plan_of(scope.builder).woken.get(condition.name):
        body.append(If(is_one_of(state, sorted(woken)), (Mark(awake(condition), AGENT, True),)))
    if scope.builder.has_constant_hazard(condition.name):
        body.append(If(is_one_of(state, susceptible(condition)), (mark_dirty(condition, AGENT),)))
    elif way == "listed" and susceptible(condition):
        risk, ease = Mark(at_risk(condition), AGENT, True), Mark(not_at_risk(condition), AGENT, True)
        inner = If(feels_something(scope.builder, condition, AGENT), (risk,), (ease,))
        body.append(If(is_one_of(state, susceptible(condition)), (inner,)))
    return body


def feels_something(builder: Builder, condition: m.Condition, agent: KExpr, phase: Phase = "look") -> KExpr:
    """Test that someone infectious is tied to the agent, or was: weights are never negative."""
    counters = [f"{condition.name}_{n.name}" for n in builder.model.networks_of(condition.name)]
    weighs = [test("gt", op("to_i64", builder.load(c, agent)), integer(0)) for c in counters if phase == "look"]
    return any_of(*weighs, *(test("ne", builder.load(f"{c}_made_up", agent), integer(0)) for c in counters))


# ------------------------------------------------------------------ tables of occupancy


def _told(scope: Scope, condition: m.Condition) -> list[Occupancy]:
    return [o for o in plan_of(scope.builder).occupancies if o.condition.name == condition.name]


def cell(scope: Scope, one: Occupancy, state: KExpr) -> KExpr:
    """The agent's cell in a table of occupancy."""
    return joined([*(scope.index(a) for a in one.attributes), state], one.sizes)


def tell_occupancies(scope: Scope, condition: m.Condition, before: KExpr, state: KExpr) -> list[KStmt]:
    """The agent is one fewer in its old cell and one more in its new one."""
    body: list[KStmt] = []
    for one in _told(scope, condition):
        body.append(Tally(handles.tally(one.name), cell(scope, one, before), integer(-1)))
        body.append(Tally(handles.tally(one.name), cell(scope, one, state), integer(1)))
    return body


# ------------------------------------------------------------------ what others feel


def _tell_view(scope: Scope, condition: m.Condition, before: KExpr, state: KExpr, phase: Phase | None) -> list[KStmt]:
    """The agent is listed as changed if either state says something about its weight or presence."""
    if scope.builder.has_constant_hazard(condition.name):
        if phase == "own":
            return tell_at_once(scope, condition, before, state)
        sources = telling_states(scope.builder.model, condition)
        join = Append(fresh(condition), AGENT)
        owes = owes_something(scope.builder, condition, phase or "")
        return [If(any_of(is_one_of(state, sources), owes), (join,))]
    telling = sorted(telling_states(scope.builder.model, condition))
    noted = note_change(scope)
    if not noted or not telling:
        return []
    if len(telling) == len(condition.states):
        return noted
    owes = owes_something(scope.builder, condition)
    return [If(any_of(is_one_of(before, telling), is_one_of(state, telling), owes), tuple(noted))]


def note_change(scope: Scope) -> list[KStmt]:
    """The agent joins the list of those who changed, once; nothing if there is no such list."""
    builder, name = scope.builder, handles.changed(scope.kind)
    if handles.size(name) not in builder.buffers:
        return []
    if scope.kind not in plan_of(builder).acted_on:
        return [Append(name, scope.agent)]
    return [_listed_once(scope, name)]


def note_seen(scope: Scope) -> KStmt:
    """The agent joins the list of those of whom others may see something else, once; not where all are asked anew."""
    name = seen_changed(scope.kind)
    are_listed = test("eq", scope.builder.load(f"{name}_anew", integer(0)), integer(0))
    return If(are_listed, (_listed_once(scope, name),))


def _listed_once(scope: Scope, name: str) -> If:
    flag = handles.noted(name)
    is_new = test("eq", op("to_i64", scope.builder.load(flag, scope.agent)), integer(0))
    return If(is_new, (Store(flag, (scope.agent,), op("to_u8", integer(1), dtype="u8")), Append(name, scope.agent)))

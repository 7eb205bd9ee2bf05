"""Conditions become kernels: the beginning, and the moves of one step.

Sellke's construction (Sellke 1983, J Appl Prob 20:390): an untimed exit holds a threshold Exp(1), drawn on entry, and
happens when the accumulated hazard reaches it. A timed exit holds its due tick and destination, drawn on entry.
"""

from __future__ import annotations

from lpmdsl.lowering.builder import BOUNDARY, Builder, held
from lpmdsl.lowering.dense.contagion.buffers import forget_made_up, remembers
from lpmdsl.lowering.dense.contagion.debts import START, Debts, fed_by, keep_debts, no_debts, share_of, weigh
from lpmdsl.lowering.dense.contagion.infections import offer_contagion
from lpmdsl.lowering.dense.contagion.source import note_network
from lpmdsl.lowering.dense.contagion.weights import can_weigh
from lpmdsl.lowering.dense.courses import (
    Course,
    Phase,
    asks_origin,
    keeps_entry,
    keeps_target,
    left_buffer,
    needs_plan,
    thresholds,
    timed_exits,
)
from lpmdsl.lowering.dense.draws import given
from lpmdsl.lowering.dense.entries import branch_target, entry, keyed_draw, read_before_writing, set_on_entering
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.moved_times import moves_in, taken
from lpmdsl.lowering.dense.tries import offer_chance
from lpmdsl.lowering.dense.watched_values import look_at
from lpmdsl.program import handles
from lpmdsl.program.ir import Assign, Const, Hazard, If, Kernel, KExpr, KStmt, Let, Sample, Store, Var, While
from lpmdsl.program.nodes import AGENT, all_of, any_of, integer, is_one_of, number, op, real, test, word
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.exposure.largest_hazards import rate_in_a_step
from lpmdsl.semantics.host.quantile_tables import TICK_BITS


def begin_kernel(builder: Builder, kind: str) -> Kernel:
    """Everyone of a kind enters the start states at time 0; nothing is counted."""
    scope = Scope(builder, kind, now=integer(0))
    body = read_states(scope)
    conditions = [c for c in builder.model.conditions if c.of == kind]
    body += read_before_writing(scope, set_on_entering(conditions))
    for condition in conditions:
        state = scope.states[condition.name]
        assert isinstance(state, Var)
        moves = moves_in(scope, condition, body, is_new=True)
        body += entry(Course(scope, condition, state, integer(0), integer(0), counts_entries=False, moves=moves))
    note = ", ".join(c.name for c in conditions)
    return Kernel(f"begin_{kind}", kind, tuple(scope.prologue), tuple(body), conditions[0].span, note)


def open_states(condition: m.Condition) -> list[int]:
    """The states with an exit by contagion."""
    return sorted({e.state for e in condition.exits if isinstance(e.trigger, m.ByContagion)})


def has_part(condition: m.Condition, phase: Phase) -> bool:
    """Return True if somebody can move in the condition in a phase."""
    open_ = open_states(condition)
    return bool(open_) if phase != "own" else any(e.state not in open_ for e in condition.exits)


def moves_kernel(builder: Builder, kind: str, phase: Phase) -> Kernel | None:
    """The moves of one phase in every condition of a kind of agent, read from the state at its start; None if none.

    A second look is for the conditions that the builder looks at again.
    """
    conditions = [c for c in builder.model.conditions if c.of == kind and has_part(c, phase)]
    if phase == "again":
        conditions = [c for c in conditions if c.name in builder.again]
    if not conditions:
        return None
    scope = Scope(builder, kind)
    body = read_states(scope)
    body += read_before_writing(scope, set_on_entering(conditions))
    for condition in conditions:
        body += moves_of(scope, condition, phase)
    note = ", ".join(c.name for c in conditions)
    return Kernel(moves_name(kind, phase), kind, tuple(scope.prologue), tuple(body), conditions[0].span, note)


def moves_name(kind: str, phase: Phase) -> str:
    """Name of the kernel of a phase's moves."""
    return f"{_KERNELS[phase]}_{kind}"


_KERNELS: dict[Phase, str] = {"own": "advance", "look": "infect", "again": "infect_again"}


def moves_of(scope: Scope, condition: m.Condition, phase: Phase) -> list[KStmt]:
    """The agent's moves through one condition in a phase; afterwards ``scope.live`` has the state it is in."""
    name = condition.name
    start = scope.states[name]
    open_ = open_states(condition)
    others = [s for s in range(len(condition.states)) if condition.exits_of(s) and s not in open_]
    body: list[KStmt] = []
    state = scope.let(body, f"{name}_is", start)
    moves = scope.let(body, f"{name}_moves", integer(0))
    scope.moves[name] = moves
    keeps_since = keeps_entry(condition)
    since = scope.let(body, f"{name}_since", scope.builder.load(handles.entered(name), AGENT) if keeps_since else START)
    episode: KExpr = integer(0)
    if condition.is_cyclic:
        episode = scope.let(body, f"{name}_episode_is", op("to_i64", scope.builder.load(handles.episode(name), AGENT)))
    going = scope.let(body, f"{name}_going", is_one_of(state, others if phase == "own" else open_))
    course = Course(scope, condition, state, since, episode, phase=phase)
    scope.live[name] = state
    course.moves = moves_in(scope, condition, body)
    debts = no_debts(course, body)
    # Who comes to a state that nobody leaves is gone through once more if it is a source there.
    sources = {s for c, n in fed_by(scope.builder, condition) for s in c.sources_on(n.name)}
    on = is_one_of(state, sorted({*others, *sources} - set(open_) if phase == "own" else {*others, *open_, *sources}))
    body.append(While(going, tuple(_one_move(course, moves, going, on, debts)), condition.span))
    if phase == "own" and any(can_weigh(c, n, s) for c, n in fed_by(scope.builder, condition) for s in open_):
        arrived = all_of(test("gt", moves, integer(0)), is_one_of(state, open_))
        body += weigh(course, debts, arrived, BOUNDARY, Const(True, "bool"), Const(False, "bool"))
    stores: list[KStmt] = keep_debts(course, debts)
    stores.append(Store(name, (AGENT,), op("to_u8", state, dtype="u8"), condition.span))
    if condition.is_cyclic:
        stores.append(Store(handles.episode(name), (AGENT,), op("to_i32", episode, dtype="i32")))
    if keeps_since:
        stores.append(Store(handles.entered(name), (AGENT,), since))
    body.append(If(test("gt", moves, integer(0)), tuple(stores)))
    if phase != "own":
        body += forget_made_up(scope.builder, condition)
    return body


def _one_move(course: Course, moves: Var, going: Var, on: KExpr, debts: Debts) -> list[KStmt]:
    scope, condition = course.scope, course.condition
    best = Var(scope.fresh("best"), "i64")
    chosen = Var(scope.fresh("chosen"), "i64")
    to = Var(scope.fresh("to"), "i64")
    body: list[KStmt] = [
        Let(best.name, op("add", BOUNDARY, integer(1)), note="the earliest exit at or before the end of the step"),
        Let(chosen.name, integer(-1)),
        Let(to.name, integer(-1)),
    ]
    contagion = scope.builder.model.contagion_of(condition.name)
    if contagion is not None and remembers(contagion) and course.phase != "own":
        course.through = scope.let(body, "through", integer(-1), "the network of the infection")
    for state in range(len(condition.states)):
        if course.phase == "own" and state in open_states(condition):
            continue
        offers = _offers(course, state, moves, best, chosen, to)
        if offers:
            note = f"{condition.name}.{condition.states[state]}"
            body.append(If(test("eq", course.state, integer(state)), tuple(offers), note=note))
    leaves, moved = test("ge", chosen, integer(0)), test("gt", moves, integer(0))
    until = op("select", leaves, best, BOUNDARY)
    # Before the exposure the state counts in which one ends; in a look, the one in which it found the agent.
    is_counted = test("lt", chosen, integer(0)) if course.phase == "own" else test("not", moved)
    body += weigh(course, debts, test("or", leaves, moved), until, is_counted, leaves)
    taken = (*_take(course, moves, best, chosen, to), Assign(going.name, on))
    body.append(If(leaves, taken, (Assign(going.name, Const(False, "bool")),)))
    return body


def _take(course: Course, moves: Var, best: Var, chosen: Var, to: Var) -> list[KStmt]:
    """Leaves through the chosen exit at its tick and enters the next state."""
    scope, condition = course.scope, course.condition
    body: list[KStmt] = []
    closed = open_states(condition) if course.phase == "own" else []
    exits = [(k, e) for k, e in enumerate(condition.exits) if e.state not in closed]
    for position, exit_ in exits:
        if not isinstance(exit_.trigger, m.After) and len(exit_.branches) > 1:
            inner: list[KStmt] = []
            draw = keyed_draw(course, exit_.site, inner, exit_)
            more, target = branch_target(scope, exit_, word(draw, 3))
            here = all_of(test("eq", chosen, integer(position)))
            body.append(If(here, (*inner, *more, Assign(to.name, target)), span=exit_.span))
    contagion = scope.builder.model.contagion_of(condition.name)
    if course.through is not None and contagion is not None:
        caught = [test("eq", chosen, integer(k)) for k, e in exits if isinstance(e.trigger, m.ByContagion)]
        body.append(If(any_of(*caught), (note_network(contagion, course.through),), span=contagion.span))
    assert isinstance(course.since, Var)
    if asks_origin(scope.builder.model, condition.name):
        course.left = scope.let(body, f"{condition.name}_left_state", course.state)
    body += [
        Assign(course.state.name, to),
        Assign(course.since.name, best),
        Assign(moves.name, op("add", moves, integer(1))),
    ]
    if condition.is_cyclic:
        assert isinstance(course.episode, Var)
        body.append(Assign(course.episode.name, op("add", course.episode, integer(1))))
    body += taken(course.moves, exits, chosen)
    targets = frozenset(b.to for _, e in exits for b in e.branches)
    body += entry(course, targets)
    return body


def _offers(course: Course, state: int, moves: Var, best: Var, chosen: Var, to: Var) -> list[KStmt]:
    """The candidates of a state in written order; an earlier tick wins, then the order in which they are written."""
    condition = course.condition
    body: list[KStmt] = []
    timed_done = False
    slots = {e.site: k for k, e in enumerate(thresholds(condition, state))}
    for exit_ in condition.exits_of(state):
        if isinstance(exit_.trigger, m.After):
            if not timed_done:
                body += _unless_seen(course, moves, _offer_timed(course, state, best, chosen, to))
            timed_done = True
            continue
        position = condition.exits.index(exit_)
        win = (Assign(chosen.name, integer(position)), Assign(to.name, integer(exit_.branches[-1].to)))
        body += _offer_untimed(course, exit_, slots.get(exit_.site, 0), moves, best, win)
    return body


def _unless_seen(course: Course, moves: Var, offers: list[KStmt]) -> list[KStmt]:
    """In a second look, exits that the first has seen to are for those alone who have moved since."""
    return [If(test("gt", moves, integer(0)), tuple(offers))] if course.phase == "again" else offers


def _offer_timed(course: Course, state: int, best: Var, chosen: Var, to: Var) -> list[KStmt]:
    condition, builder = course.condition, course.scope.builder
    exits = timed_exits(condition, state)
    body: list[KStmt] = []
    due = course.scope.let(body, "due", builder.load(handles.due(condition.name), AGENT))
    earlier: KExpr = test("lt", due, best)
    if needs_plan(condition, state):
        # A tie goes to the exit written first, and the planned one may stand behind an untimed one.
        plan_ = op("to_i64", builder.load(handles.planned(condition.name), AGENT))
        before = [
            test("and", test("eq", chosen, integer(condition.exits.index(e))), test("lt", plan_, integer(e.index)))
            for e in condition.exits_of(state)
            if not isinstance(e.trigger, m.After)
        ]
        earlier = test("or", earlier, test("and", test("eq", due, best), any_of(*before)))
    position = integer(condition.exits.index(exits[0]))
    target: KExpr = integer(exits[0].branches[0].to)
    if keeps_target(builder, condition, state):
        target = op("to_i64", builder.load(handles.leads_to(condition.name), AGENT))
    win = (Assign(best.name, due), Assign(chosen.name, position), Assign(to.name, target))
    body.append(If(earlier, win, span=exits[0].span))
    return body


def _offer_untimed(
    course: Course, exit_: m.Exit, slot: int, moves: Var, best: Var, win: tuple[KStmt, ...]
) -> list[KStmt]:
    if isinstance(exit_.trigger, m.AtRate):
        return _unless_seen(course, moves, _offer_rate(course, exit_, slot, best, win))
    if isinstance(exit_.trigger, m.Chance):
        return _unless_seen(course, moves, offer_chance(course, exit_, slot, best, win))
    if isinstance(exit_.trigger, m.When) and course.phase == "again":
        return []
    # Before the first move the state at the start of the phase is this one: the optimiser then drops what it decides.
    states = course.scope.states
    before = states[course.condition.name]
    states[course.condition.name] = integer(exit_.state)
    is_first = test("eq", moves, integer(0))
    if isinstance(exit_.trigger, m.ByContagion):
        offers = offer_contagion(course, exit_, slot, best, win)
        states[course.condition.name] = before
        return offers
    assert isinstance(exit_.trigger, m.When)
    now = all_of(course.scope.value(exit_.trigger.test), test("lt", BOUNDARY, best))
    states[course.condition.name] = before
    if course.phase == "look" and keeps_entry(course.condition):
        is_first = all_of(is_first, test("le", course.since, START))
    happens = If(now, (Assign(best.name, BOUNDARY), *win), span=exit_.span)
    return [If(is_first, (happens,), span=exit_.span)]


def _offer_rate(course: Course, exit_: m.Exit, slot: int, best: Var, win: tuple[KStmt, ...]) -> list[KStmt]:
    """An exit at a rate, from the moment of entry: exact for a constant rate on any step."""
    scope = course.scope
    assert isinstance(exit_.trigger, m.AtRate)
    per_step = real("mul", scope.value(exit_.trigger.rate, "rate"), number(scope.builder.model.clock.step))
    body: list[KStmt] = look_at(scope, exit_.trigger.rate, "rate")
    body += look_at(scope, rate_in_a_step(scope.builder.model, exit_.trigger), "hazard")
    begins = scope.let(body, "begins", op("max", course.since, START))
    h = scope.let(body, "hazard", held(per_step))
    name = left_buffer(course.condition.name, slot)
    left = scope.let(body, "left", scope.builder.load(name, AGENT))
    part = scope.let(body, "part", share_of(h, op("sub", BOUNDARY, begins)))
    ceiling = op("sub", op("add", op("shl", left, integer(TICK_BITS)), h), integer(1))
    when = Var(scope.fresh("when"), "i64")
    law = given(scope, exit_.trigger.rate)
    hit = (
        Let(when.name, op("add", begins, op("floordiv", ceiling, op("max", h, integer(1))))),
        If(test("lt", when, best), (Assign(best.name, when), *win)),
        Sample("", exit_.site, Hazard(share_of(h, op("sub", when, begins)), True, law), exit_.span),
    )
    miss = (Store(name, (AGENT,), op("sub", left, part)), Sample("", exit_.site, Hazard(part, False, law), exit_.span))
    body.append(If(test("le", left, part), hit, miss, exit_.span))
    return body

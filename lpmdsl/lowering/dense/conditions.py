"""Conditions become kernels: the beginning, and the moves of one step.

Sellke's construction (Sellke 1983, J Appl Prob 20:390): an untimed exit holds a threshold Exp(1), drawn on entry, and
happens when the accumulated hazard reaches it. A timed exit holds its due tick and destination, drawn on entry.
"""

from __future__ import annotations

from lpmdsl.lowering.builder import BOUNDARY, CERTAIN, Builder, held
from lpmdsl.lowering.dense.contagion import can_weigh, exposure, forget_made_up
from lpmdsl.lowering.dense.entries import (
    Course,
    Phase,
    asks_origin,
    branch_target,
    entry,
    is_contested,
    is_entered,
    keeps_entry,
    keeps_target,
    keyed_draw,
    left_buffer,
    needs_plan,
    read_before_writing,
    set_on_entering,
    thresholds,
    timed_exits,
)
from lpmdsl.lowering.dense.exposure import (
    START,
    TO_THE_END,
    WHOLE,
    Debts,
    exposed,
    fed_by,
    keep_debts,
    no_debts,
    share_of,
    weigh,
)
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.months import months_passed
from lpmdsl.lowering.dense.watched_values import look_at
from lpmdsl.lowering.score.draws import felt_by, rate_exit, tries as score_tries
from lpmdsl.lowering.sparse.constant_hazard import reached
from lpmdsl.program.ir import Assign, Const, If, Kernel, KExpr, KStmt, Let, Store, Var, While
from lpmdsl.program.nodes import (
    AGENT,
    HAZARD_ONE,
    STEP,
    all_of,
    any_of,
    integer,
    is_one_of,
    number,
    op,
    real,
    rounded,
    test,
    word,
)
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.quantile_tables import TICK_BITS, TICKS


def begin_kernel(builder: Builder, kind: str) -> Kernel:
    """Everyone of a kind enters the start states at time 0; nothing is counted."""
    scope = Scope(builder, kind, now=integer(0))
    body = read_states(scope)
    conditions = [c for c in builder.model.conditions if c.of == kind]
    body += read_before_writing(scope, set_on_entering(conditions))
    for condition in conditions:
        state = scope.states[condition.name]
        assert isinstance(state, Var)
        body += entry(Course(scope, condition, state, integer(0), integer(0), counts_entries=False))
    note = ", ".join(c.name for c in conditions)
    return Kernel(f"begin_{kind}", kind, tuple(scope.prologue), tuple(body), conditions[0].span, note)


# ------------------------------------------------------------------ one step


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
    return Kernel(f"{_KERNELS[phase]}_{kind}", kind, tuple(scope.prologue), tuple(body), conditions[0].span, note)


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
    since = scope.let(body, f"{name}_since", scope.builder.load(f"{name}_entered", AGENT) if keeps_since else START)
    episode: KExpr = integer(0)
    if condition.is_cyclic:
        episode = scope.let(body, f"{name}_episode_is", op("to_i64", scope.builder.load(f"{name}_episode", AGENT)))
    going = scope.let(body, f"{name}_going", is_one_of(state, others if phase == "own" else open_))
    course = Course(scope, condition, state, since, episode, phase=phase)
    scope.live[name] = state
    debts = no_debts(course, body)
    # Who comes to a state that nobody leaves is gone through once more if it is a source there.
    sources = {s for c, n in fed_by(scope.builder, condition) for spread in c.spreads_on(n.name) for s in spread.states}
    on = is_one_of(state, sorted({*others, *sources} - set(open_) if phase == "own" else {*others, *open_, *sources}))
    body.append(While(going, tuple(_one_move(course, moves, going, on, debts)), condition.span))
    if phase == "own" and any(can_weigh(c, n, s) for c, n in fed_by(scope.builder, condition) for s in open_):
        arrived = all_of(test("gt", moves, integer(0)), is_one_of(state, open_))
        body += weigh(course, debts, arrived, BOUNDARY, (Const(True, "bool"), WHOLE))
    stores: list[KStmt] = keep_debts(course, debts)
    stores.append(Store(name, (AGENT,), op("to_u8", state, dtype="u8"), condition.span))
    if condition.is_cyclic:
        stores.append(Store(f"{name}_episode", (AGENT,), op("to_i32", episode, dtype="i32")))
    if keeps_since:
        stores.append(Store(f"{name}_entered", (AGENT,), since))
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
    counted = (test("lt", chosen, integer(0)), WHOLE) if course.phase == "own" else (test("not", moved), TO_THE_END)
    body += weigh(course, debts, test("or", leaves, moved), until, counted)
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
    due = course.scope.let(body, "due", builder.load(f"{condition.name}_due", AGENT))
    earlier: KExpr = test("lt", due, best)
    if needs_plan(condition, state):
        # A tie goes to the exit written first, and the planned one may stand behind an untimed one.
        plan_ = op("to_i64", builder.load(f"{condition.name}_plan", AGENT))
        before = [
            test("and", test("eq", chosen, integer(condition.exits.index(e))), test("lt", plan_, integer(e.index)))
            for e in condition.exits_of(state)
            if not isinstance(e.trigger, m.After)
        ]
        earlier = test("or", earlier, test("and", test("eq", due, best), any_of(*before)))
    position = integer(condition.exits.index(exits[0]))
    target: KExpr = integer(exits[0].branches[0].to)
    if keeps_target(builder, condition, state):
        target = op("to_i64", builder.load(f"{condition.name}_next", AGENT))
    win = (Assign(best.name, due), Assign(chosen.name, position), Assign(to.name, target))
    body.append(If(earlier, win, span=exits[0].span))
    return body


def _offer_untimed(
    course: Course, exit_: m.Exit, slot: int, moves: Var, best: Var, win: tuple[KStmt, ...]
) -> list[KStmt]:
    if isinstance(exit_.trigger, m.AtRate):
        return _unless_seen(course, moves, _offer_rate(course, exit_, slot, best, win))
    if isinstance(exit_.trigger, m.Chance):
        return _unless_seen(course, moves, _offer_chance(course, exit_, slot, best, win))
    if isinstance(exit_.trigger, m.When) and course.phase == "again":
        return []
    # Before the first move the state at the start of the phase is this one: the optimiser then drops what it decides.
    states = course.scope.states
    before = states[course.condition.name]
    states[course.condition.name] = integer(exit_.state)
    is_first = test("eq", moves, integer(0))
    if isinstance(exit_.trigger, m.ByContagion):
        offers = _offer_contagion(course, exit_, slot, best, win)
        states[course.condition.name] = before
        return offers
    assert isinstance(exit_.trigger, m.When)
    now = all_of(course.scope.value(exit_.trigger.test), test("lt", BOUNDARY, best))
    states[course.condition.name] = before
    if course.phase == "look" and keeps_entry(course.condition):
        is_first = all_of(is_first, test("le", course.since, START))
    happens = If(now, (Assign(best.name, BOUNDARY), *win), span=exit_.span)
    return [If(is_first, (happens,), span=exit_.span)]


def _spend(course: Course, slot: int, hazard_: KExpr, body: list[KStmt]) -> Var:
    """Takes a hazard from what is left of the threshold."""
    name = left_buffer(course.condition.name, slot)
    left = course.scope.let(body, "left", op("sub", course.scope.builder.load(name, AGENT), hazard_))
    body.append(Store(name, (AGENT,), left))
    return left


def _offer_contagion(course: Course, exit_: m.Exit, slot: int, best: Var, win: tuple[KStmt, ...]) -> list[KStmt]:
    scope, condition = course.scope, course.condition
    is_again = course.phase == "again"
    if scope.builder.has_constant_hazard(condition.name):
        # Of the susceptible, only those come here of whom nothing is left.
        waited: list[KStmt] = []
        left, force = reached(scope, condition, waited, left_buffer(condition.name, slot))
        when = scope.let(waited, "when", crossing(left, force, START, is_again))
        return [*waited, If(test("lt", when, best), (Assign(best.name, when), *win), span=exit_.span)]
    told = felt_by(scope, condition, exit_)
    body, met = exposure(scope, condition, exit_.state, told, is_again)
    inner: list[KStmt] = []
    name = left_buffer(condition.name, slot)
    begins = op("max", course.since, START)
    part: KExpr = met.total
    if is_entered(condition, exit_.state):
        part = scope.let(inner, "met_here", exposed(met.total, op("sub", BOUNDARY, begins)))
    held_ = scope.let(inner, "held", scope.builder.load(name, AGENT))
    left = scope.let(inner, "left", op("sub", held_, part))
    caught: list[KStmt] = []
    date = crossing(left, met.force, begins, is_again)
    if is_contested(condition, exit_.state) and not is_again:
        date = even_crossing(held_, met.total, begins)
    when = scope.let(caught, "when", date)
    taken: tuple[KStmt, ...] = (If(test("lt", when, best), (Assign(best.name, when), *win)),)
    apart = _comes_second(course, when, caught) if exit_.state == condition.start.state else None
    if apart is None:
        caught += taken
    else:
        back = Store(name, (AGENT,), op("add", left, part))
        caught.append(If(apart, (back,), taken, exit_.span))
    if told is not None:
        caught += told.caught(met.total, held_)
    survived = tuple(told.survived(part, met.total)) if told else ()
    inner += [Store(name, (AGENT,), left), If(test("le", left, integer(0)), tuple(caught), survived)]
    body.append(If(test("gt", met.total, integer(0)), tuple(inner), span=exit_.span))
    return body


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
    more, met = exposure(scope, other, start, None, course.phase == "again")
    body += more
    begins, part = START, met.total
    if keeps_entry(other):
        begins = op("max", scope.builder.load(f"{other.name}_entered", AGENT), START)
        part = scope.let(body, "met_here", exposed(met.total, op("sub", BOUNDARY, begins)))
    held_ = scope.let(body, "held", scope.builder.load(left_buffer(other.name, slot), AGENT))
    left = scope.let(body, "left", op("sub", held_, part))
    tick = crossing(left, met.force, begins, course.phase == "again")
    if course.phase != "again":
        tick = even_crossing(held_, met.total, begins)
    is_there = test("eq", scope.states[other.name], integer(start))
    return all_of(is_there, test("gt", met.total, integer(0)), test("le", left, integer(0)), test("lt", tick, when))


def _offer_rate(course: Course, exit_: m.Exit, slot: int, best: Var, win: tuple[KStmt, ...]) -> list[KStmt]:
    """An exit at a rate, from the moment of entry: exact for a constant rate on any step."""
    scope = course.scope
    assert isinstance(exit_.trigger, m.AtRate)
    per_step = real("mul", scope.value(exit_.trigger.rate, "rate"), number(scope.builder.model.clock.step))
    body: list[KStmt] = look_at(scope, exit_.trigger.rate, "rate")
    begins = scope.let(body, "begins", op("max", course.since, START))
    h = scope.let(body, "hazard", capped(per_step))
    name = left_buffer(course.condition.name, slot)
    left = scope.let(body, "left", scope.builder.load(name, AGENT))
    part = scope.let(body, "part", share_of(h, op("sub", BOUNDARY, begins)))
    ceiling = op("sub", op("add", op("shl", left, integer(TICK_BITS)), h), integer(1))
    when = Var(scope.fresh("when"), "i64")
    hit = (
        Let(when.name, op("add", begins, op("floordiv", ceiling, op("max", h, integer(1))))),
        If(test("lt", when, best), (Assign(best.name, when), *win)),
        *rate_exit(scope, exit_, exit_.trigger.rate, share_of(h, op("sub", when, begins)), True),
    )
    miss = (
        Store(name, (AGENT,), op("sub", left, part)),
        *rate_exit(scope, exit_, exit_.trigger.rate, part, False),
    )
    body.append(If(test("le", left, part), hit, miss, exit_.span))
    return body


def capped(hazard_: KExpr) -> KExpr:
    """A hazard of a step in fixed point, held to [0, 2⁴²]."""
    return held(hazard_)


def _offer_chance(course: Course, exit_: m.Exit, slot: int, best: Var, win: tuple[KStmt, ...]) -> list[KStmt]:
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
    probability, happens_now = exit_.trigger.probability, test("le", left, integer(0))
    score_tries(scope, exit_, probability, p, hazard, count, happens_now, body)
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

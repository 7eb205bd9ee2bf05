"""Conditions become kernels: the beginning, and the moves of one step.

Sellke's construction (Sellke 1983, J Appl Prob 20:390): an untimed exit holds a threshold Exp(1), drawn on entry, and
happens when the accumulated hazard reaches it. A timed exit holds its due tick and destination, drawn on entry.
"""

from __future__ import annotations

from lpmdsl.lowering.builder import BOUNDARY, CERTAIN, MAX_MOVES, Builder, held
from lpmdsl.lowering.dense.contagion import hazard
from lpmdsl.lowering.dense.entries import (
    Course,
    asks_origin,
    branch_target,
    entry,
    keeps_target,
    keyed_draw,
    left_buffer,
    needs_plan,
    read_before_writing,
    set_on_entering,
    thresholds,
    timed_exits,
)
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.months import months_passed
from lpmdsl.lowering.dense.watched_values import look_at
from lpmdsl.lowering.score.draws import felt_by, rate_exit, tries as score_tries
from lpmdsl.networks.rng_keys import site
from lpmdsl.program.ir import Assign, Const, Draw, If, Kernel, KExpr, KStmt, Let, Store, Var, While
from lpmdsl.program.nodes import AGENT, HAZARD_ONE, STEP, all_of, any_of, integer, number, op, real, rounded, test, word
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


def advance_kernel(builder: Builder, kind: str) -> Kernel:
    """The moves of one step in every condition of a kind of agent, read from the state at the start of the phase."""
    scope = Scope(builder, kind)
    body = read_states(scope)
    conditions = [c for c in builder.model.conditions if c.of == kind]
    body += read_before_writing(scope, set_on_entering(conditions))
    for condition in conditions:
        body += moves_of(scope, condition)
    note = ", ".join(c.name for c in conditions)
    return Kernel(f"advance_{kind}", kind, tuple(scope.prologue), tuple(body), conditions[0].span, note)


def moves_of(scope: Scope, condition: m.Condition) -> list[KStmt]:
    """The agent's moves through one condition in this step; afterwards ``scope.live`` has the state it is in."""
    name = condition.name
    start = scope.states[name]
    leaving = [s for s in range(len(condition.states)) if condition.exits_of(s)]
    if not leaving:
        return []
    body: list[KStmt] = []
    state = scope.let(body, f"{name}_is", start)
    moves = scope.let(body, f"{name}_moves", integer(0))
    scope.moves[name] = moves
    since = scope.let(body, f"{name}_since", op("mul", STEP, integer(TICKS)))
    episode: KExpr = integer(0)
    if condition.is_cyclic:
        episode = scope.let(body, f"{name}_episode_is", op("to_i64", scope.builder.load(f"{name}_episode", AGENT)))
    going = scope.let(body, f"{name}_going", any_of(*(test("eq", state, integer(s)) for s in leaving)))
    course = Course(scope, condition, state, since, episode)
    scope.live[name] = state
    body.append(While(going, tuple(_one_move(course, moves, going)), condition.span))
    stores: list[KStmt] = [Store(name, (AGENT,), op("to_u8", state, dtype="u8"), condition.span)]
    if condition.is_cyclic:
        stores.append(Store(f"{name}_episode", (AGENT,), op("to_i32", episode, dtype="i32")))
    body.append(If(test("gt", moves, integer(0)), tuple(stores)))
    return body


def _one_move(course: Course, moves: Var, going: Var) -> list[KStmt]:
    scope, condition = course.scope, course.condition
    best = Var(scope.fresh("best"), "i64")
    chosen = Var(scope.fresh("chosen"), "i64")
    to = Var(scope.fresh("to"), "i64")
    body: list[KStmt] = [
        Assign(going.name, Const(False, "bool")),
        Let(best.name, op("add", BOUNDARY, integer(1)), note="the earliest exit at or before the end of the step"),
        Let(chosen.name, integer(-1)),
        Let(to.name, integer(-1)),
    ]
    for state in range(len(condition.states)):
        offers = _offers(course, state, moves, best, chosen, to)
        if offers:
            note = f"{condition.name}.{condition.states[state]}"
            body.append(If(test("eq", course.state, integer(state)), tuple(offers), note=note))
    body.append(If(test("ge", chosen, integer(0)), tuple(_take(course, moves, going, best, chosen, to))))
    return body


def _take(course: Course, moves: Var, going: Var, best: Var, chosen: Var, to: Var) -> list[KStmt]:
    """Leaves through the chosen exit at its tick and enters the next state."""
    scope, condition = course.scope, course.condition
    body: list[KStmt] = []
    for position, exit_ in enumerate(condition.exits):
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
    targets = frozenset(b.to for e in condition.exits for b in e.branches)
    body += entry(course, targets)
    body.append(Assign(going.name, test("lt", moves, integer(MAX_MOVES))))
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
                body += _offer_timed(course, state, best, chosen, to)
            timed_done = True
            continue
        position = condition.exits.index(exit_)
        win = (Assign(chosen.name, integer(position)), Assign(to.name, integer(exit_.branches[-1].to)))
        body += _offer_untimed(course, exit_, slots.get(exit_.site, 0), moves, best, win)
    return body


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
        return _offer_rate(course, exit_, slot, best, win)
    # Before the first move the state at the start of the phase is this one: the optimiser then drops what it decides.
    states = course.scope.states
    before = states[course.condition.name]
    states[course.condition.name] = integer(exit_.state)
    offers = _offer_at_start(course, exit_, slot, best, win)
    states[course.condition.name] = before
    return [If(test("eq", moves, integer(0)), tuple(offers), span=exit_.span)]


def _offer_at_start(course: Course, exit_: m.Exit, slot: int, best: Var, win: tuple[KStmt, ...]) -> list[KStmt]:
    match exit_.trigger:
        case m.ByContagion():
            return _offer_contagion(course, exit_, slot, best, win)
        case m.Chance():
            return _offer_chance(course, exit_, slot, best, win)
        case m.When():
            now = all_of(course.scope.value(exit_.trigger.test), test("lt", BOUNDARY, best))
            return [If(now, (Assign(best.name, BOUNDARY), *win), span=exit_.span)]
        case _:
            raise AssertionError(exit_.trigger)


def _spend(course: Course, slot: int, hazard_: KExpr, body: list[KStmt]) -> Var:
    """Takes a hazard from what is left of the threshold."""
    name = left_buffer(course.condition.name, slot)
    left = course.scope.let(body, "left", op("sub", course.scope.builder.load(name, AGENT), hazard_))
    body.append(Store(name, (AGENT,), left))
    return left


def _offer_contagion(course: Course, exit_: m.Exit, slot: int, best: Var, win: tuple[KStmt, ...]) -> list[KStmt]:
    scope, condition = course.scope, course.condition
    reached: list[KStmt] = []
    draw = keyed_draw(course, exit_.site, reached, exit_)
    within = op("add", op("shr", word(draw, 2), integer(12)), integer(1))
    when = scope.let(reached, "when", op("add", op("mul", STEP, integer(TICKS)), within))
    taken: tuple[KStmt, ...] = (If(test("lt", when, best), (Assign(best.name, when), *win)),)
    apart = _comes_second(course, when, reached) if exit_.state == condition.start.state else None
    if apart is None:
        reached += taken
    if scope.builder.has_constant_hazard(condition.name):
        # Of the susceptible, only those come here of whom `Spend` found nothing left.
        return reached
    told = felt_by(scope, condition, exit_)
    body, force = hazard(scope, condition, exit_.state, told)
    inner: list[KStmt] = []
    left = _spend(course, slot, force, inner)
    if apart is not None:
        back = Store(left_buffer(condition.name, slot), (AGENT,), op("add", left, force))
        reached.append(If(apart, (back,), taken, exit_.span))
    if told is not None:
        reached += told.caught(force)
    inner.append(If(test("le", left, integer(0)), tuple(reached), tuple(told.survived() if told else ())))
    body.append(If(test("gt", force, integer(0)), tuple(inner), span=exit_.span))
    return body


def _comes_second(course: Course, when: Var, body: list[KStmt]) -> KExpr | None:
    """Test that one of the conditions that exclude this one was caught in this step before; None if there are none."""
    scope, conditions = course.scope, course.scope.builder.model.conditions
    tests: list[KExpr] = []
    own = [c.name for c in conditions].index(course.condition.name)
    for position, other in enumerate(conditions):
        if other.name not in course.condition.excludes:
            continue
        if position < own:
            tests.append(test("gt", scope.moves[other.name], integer(0)))
        else:
            tests.append(_catches_before(course, other, when, body))
    return any_of(*tests) if tests else None


def _catches_before(course: Course, other: m.Condition, when: Var, body: list[KStmt]) -> KExpr:
    """Return True if the agent, in the start state of another condition, catches that one earlier in this step."""
    scope, start = course.scope, other.start.state
    exit_ = next(e for e in other.exits_of(start) if isinstance(e.trigger, m.ByContagion))
    slot = {e.site: k for k, e in enumerate(thresholds(other, start))}[exit_.site]
    episode: KExpr = integer(0)
    if other.is_cyclic:
        episode = op("to_i64", scope.builder.load(f"{other.name}_episode", AGENT))
    draw = scope.fresh("w")
    body.append(Draw(draw, site(exit_.site), AGENT, episode, exit_.site, exit_.span))
    force_body, force = hazard(scope, other, start, None)
    body += force_body
    left = scope.let(body, "left", op("sub", scope.builder.load(left_buffer(other.name, slot), AGENT), force))
    tick = op("add", op("mul", STEP, integer(TICKS)), op("add", op("shr", word(draw, 2), integer(12)), integer(1)))
    return all_of(test("gt", force, integer(0)), test("le", left, integer(0)), test("lt", tick, when))


def _offer_rate(course: Course, exit_: m.Exit, slot: int, best: Var, win: tuple[KStmt, ...]) -> list[KStmt]:
    """An exit at a rate, from the moment of entry: exact for a constant rate on any step."""
    scope = course.scope
    assert isinstance(exit_.trigger, m.AtRate)
    per_step = real("mul", scope.value(exit_.trigger.rate, "rate"), number(scope.builder.model.clock.step))
    body: list[KStmt] = look_at(scope, exit_.trigger.rate, "rate")
    # Who made all the moves of a step may have entered in the one before.
    begins = scope.let(body, "begins", op("max", course.since, op("mul", STEP, integer(TICKS))))
    h = scope.let(body, "hazard", capped(per_step))
    name = left_buffer(course.condition.name, slot)
    left = scope.let(body, "left", scope.builder.load(name, AGENT))
    part = scope.let(body, "part", _share_of(h, op("sub", BOUNDARY, begins)))
    ceiling = op("sub", op("add", op("shl", left, integer(TICK_BITS)), h), integer(1))
    when = Var(scope.fresh("when"), "i64")
    hit = (
        Let(when.name, op("add", begins, op("floordiv", ceiling, op("max", h, integer(1))))),
        If(test("lt", when, best), (Assign(best.name, when), *win)),
        *rate_exit(scope, exit_, exit_.trigger.rate, _share_of(h, op("sub", when, begins)), True),
    )
    miss = (
        Store(name, (AGENT,), op("sub", left, part)),
        *rate_exit(scope, exit_, exit_.trigger.rate, part, False),
    )
    body.append(If(test("le", left, part), hit, miss, exit_.span))
    return body


def _share_of(hazard_: KExpr, ticks: KExpr) -> KExpr:
    """Share of a step's hazard in so many ticks."""
    return op("shr", op("mul", hazard_, ticks), integer(TICK_BITS))


def capped(hazard_: KExpr) -> KExpr:
    """A hazard of a step in fixed point, held to [0, 2³⁵]."""
    return held(hazard_)


def _offer_chance(course: Course, exit_: m.Exit, slot: int, best: Var, win: tuple[KStmt, ...]) -> list[KStmt]:
    """Tries at fixed times: −log(1 − p) a try against the same kind of threshold."""
    scope = course.scope
    assert isinstance(exit_.trigger, m.Chance)
    body: list[KStmt] = []
    p = scope.value(exit_.trigger.probability, "chance")
    fails = real("max", real("sub", number(1.0), real("max", number(0.0), p)), number(2.0**-60))
    once = rounded(real("mul", real("neg", real("log", fails)), number(HAZARD_ONE)))
    cost = op("select", test("ge", p, number(1.0)), integer(CERTAIN), once)
    count = tries(scope, exit_.trigger)
    looked = look_at(scope, exit_.trigger.probability, "probability")
    body += [If(test("gt", count, integer(0)), tuple(looked), span=exit_.span)] if looked else []
    cost = op("mul", cost, count)
    stem = "chance_hazard"
    stem_value = scope.let(body, stem, cost) if m.reads_agent(exit_.trigger.probability) else scope.hoist(stem, cost)
    left = _spend(course, slot, stem_value, body)
    probability, happens_now = exit_.trigger.probability, test("le", left, integer(0))
    score_tries(scope, exit_, probability, p, stem_value, count, happens_now, body)
    now = all_of(test("le", left, integer(0)), test("lt", BOUNDARY, best))
    body.append(If(now, (Assign(best.name, BOUNDARY), *win), span=exit_.span))
    return body


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

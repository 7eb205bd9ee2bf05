"""Conditions become kernels: entering a state, and the moves of one step.

Sellke's construction (Sellke 1983, J Appl Prob 20:390): an untimed exit holds a threshold Exp(1), drawn on entry, and happens when the
accumulated hazard reaches it. A timed exit holds its due tick and destination, drawn on entry.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpmdsl.kernel.builder import (
    AGENT,
    BOUNDARY,
    CERTAIN,
    HAZARD_MAX,
    HAZARD_ONE,
    MAX_MOVES,
    STEP,
    TICK_BITS,
    TICKS,
    Builder,
    all_of,
    any_of,
    chance_threshold,
    integer,
    number,
    op,
    real,
    rounded,
    site_of,
    test,
    word,
)
from lpmdsl.kernel.ir import Assign, Const, Draw, If, Kernel, KExpr, KStmt, Let, Store, Threshold, Var, While
from lpmdsl.kernel.lower_contagion import hazard
from lpmdsl.kernel.lower_expressions import Scope, dwell, read_states
from lpmdsl.kernel.lower_observations import count_entry
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m


def declare(builder: Builder, condition: m.Condition) -> None:
    """The buffers of a condition: state, due tick and destination of timed exits, what is left of thresholds."""
    name, shape = condition.name, (condition.of,)
    builder.buffer(name, "u8", shape, "state", note=condition.span.label)
    timed = [timed_exits(condition, s) for s in range(len(condition.states))]
    if any(timed):
        builder.buffer(f"{name}_due", "i64", shape, "state", note="tick at which the planned exit happens")
        builder.buffer(f"{name}_next", "u8", shape, "state", note="where the planned exit leads")
    if any(needs_plan(condition, s) for s in range(len(condition.states))):
        builder.buffer(f"{name}_plan", "u8", shape, "state", note="which exit is planned")
    for slot in range(max(len(thresholds(condition, s)) for s in range(len(condition.states)))):
        builder.buffer(left_buffer(name, slot), "i64", shape, "state", note="what is left of the threshold")
    if condition.is_cyclic:
        builder.buffer(f"{name}_episode", "i32", shape, "state", note="moves made so far")


def left_buffer(condition: str, slot: int) -> str:
    return f"{condition}_left" if slot == 0 else f"{condition}_left_{slot}"


def timed_exits(condition: m.Condition, state: int) -> list[m.Exit]:
    return [e for e in condition.exits_of(state) if isinstance(e.trigger, m.After)]


def thresholds(condition: m.Condition, state: int) -> list[m.Exit]:
    """The exits that wait for an accumulated hazard, in written order: their position is their slot."""
    return [e for e in condition.exits_of(state) if isinstance(e.trigger, m.ByContagion | m.AtRate | m.Chance)]


def needs_plan(condition: m.Condition, state: int) -> bool:
    """Whether ties between exits need to know which of several timed exits is planned."""
    timed = timed_exits(condition, state)
    return len(timed) > 1 and len(timed) < len(condition.exits_of(state))


@dataclass(slots=True)
class Course:
    """The locals of one agent's course through one condition in a kernel."""

    scope: Scope
    condition: m.Condition
    state: Var
    since: KExpr
    episode: KExpr
    counts_entries: bool = True


# ------------------------------------------------------------------ entering


def entry(course: Course, states: frozenset[int] | None = None) -> list[KStmt]:
    """What entering the state in ``course.state`` does: count, plan the timed exits, draw thresholds, act.

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
            body += count_entry(scope, observation, condition, state, course.state, course.since, course.episode)
    body += _plan_timed(course, state)
    for slot, exit_ in enumerate(thresholds(condition, state)):
        draw = _draw(course, exit_.site, body, exit_)
        left = Threshold(word(draw, 0), word(draw, 1))
        body.append(Store(left_buffer(condition.name, slot), (AGENT,), left, exit_.span))
    for clause in condition.entering:
        if state in clause.states:
            body += _act_on_entering(course, clause)
    return body


def _draw(course: Course, path: str, body: list[KStmt], exit_: m.Exit | None = None) -> str:
    name = course.scope.fresh("w")
    span = exit_.span if exit_ else course.condition.span
    body.append(Draw(name, site_of(path), AGENT, course.episode, path, span))
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
        draw = _draw(course, exit_.site, body, exit_)
        ticks = dwell(scope, exit_.trigger.dwell, exit_.site, word(draw, 0))
        at = op("add", course.since, ticks)
        inner, target = branch_target(scope, exit_, word(draw, 1))
        if k == 0:
            body += [*inner, Let(due, at, exit_.span), Let(to, target), Let(which, integer(exit_.index))]
            continue
        at_k = scope.let(body, "due_other", at)
        chosen = (*inner, Assign(due, at_k), Assign(to, target), Assign(which, integer(exit_.index)))
        body.append(If(test("lt", at_k, Var(due, "i64")), chosen, span=exit_.span))
    if exits:
        body.append(Store(f"{condition.name}_due", (AGENT,), Var(due, "i64"), exits[0].span))
        body.append(Store(f"{condition.name}_next", (AGENT,), op("to_u8", Var(to, "i64"), dtype="u8")))
    if needs_plan(condition, state):
        body.append(Store(f"{condition.name}_plan", (AGENT,), op("to_u8", Var(which, "i64"), dtype="u8")))
    return body


def branch_target(scope: Scope, exit_: m.Exit, word_: KExpr) -> tuple[list[KStmt], KExpr]:
    """Statements and the value of the destination: the first branch whose cumulative probability exceeds the word."""
    body: list[KStmt] = []
    bounds: list[KExpr] = []
    total: KExpr | None = None
    for branch in exit_.branches[:-1]:
        assert branch.probability is not None
        p = scope.value(branch.probability, "branch_probability")
        total = p if total is None else real("add", total, p)
        bounds.append(chance_threshold(total))
    target: KExpr = integer(exit_.branches[-1].to)
    for branch, bound in reversed(list(zip(exit_.branches, bounds, strict=False))):
        target = op("select", test("lt", word_, bound), integer(branch.to), target)
    if bounds:
        target = scope.let(body, "goes_to", target)
    return body, target


def _act_on_entering(course: Course, clause: m.OnEntering) -> list[KStmt]:
    body: list[KStmt] = []
    for k, action in enumerate(clause.actions):
        value = scope_store(course.scope, course.condition.of, action)
        if action.probability is None:
            body.append(value)
            continue
        path = f"{clause.site}.action{k}"
        draw = _draw(course, path, body)
        bound = chance_threshold(course.scope.value(action.probability, "chance"))
        body.append(If(test("lt", word(draw, 0), bound), (value,), span=action.span))
    return body


def scope_store(scope: Scope, kind: str, action: m.SetAttribute) -> Store:
    """The store that a ``set`` makes."""
    value = scope.value(action.value, action.attribute)
    attribute = next(a for a in scope.builder.model.agent(kind).attributes if a.name == action.attribute)
    if attribute.type.kind in (Kind.BOOLEAN, Kind.CATEGORY):
        value = op("to_u8", value, dtype="u8")
    return Store(f"{kind}_{action.attribute}", (AGENT,), value, action.span)


def begin_kernel(builder: Builder, kind: str) -> Kernel:
    """Everyone of a kind enters the start states at time 0; nothing is counted."""
    scope = Scope(builder, kind, now=integer(0))
    body = read_states(scope)
    body += _read_what_entering_writes(scope)
    conditions = [c for c in builder.model.conditions if c.of == kind]
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
    body += _read_what_entering_writes(scope)
    conditions = [c for c in builder.model.conditions if c.of == kind]
    for condition in conditions:
        body += _moves(scope, condition)
    note = ", ".join(c.name for c in conditions)
    return Kernel(f"advance_{kind}", kind, tuple(scope.prologue), tuple(body), conditions[0].span, note)


def _read_what_entering_writes(scope: Scope) -> list[KStmt]:
    """Attributes that entering a state sets are read before anything is written."""
    body: list[KStmt] = []
    written = {a.attribute for c in scope.builder.model.conditions for clause in c.entering for a in clause.actions}
    for attribute in scope.builder.model.agent(scope.kind).attributes:
        if attribute.name in written:
            load = Scope.typed(scope.builder.load(f"{scope.kind}_{attribute.name}", AGENT), attribute.type.kind)
            scope.attributes[attribute.name] = scope.let(body, f"{attribute.name}_was", load)
    return body


def _moves(scope: Scope, condition: m.Condition) -> list[KStmt]:
    name = condition.name
    start = scope.states[name]
    leaving = [s for s in range(len(condition.states)) if condition.exits_of(s)]
    if not leaving:
        return []
    body: list[KStmt] = []
    state = scope.let(body, f"{name}_is", start)
    moves = scope.let(body, f"{name}_moves", integer(0))
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
            draw = _draw(course, exit_.site, inner, exit_)
            more, target = branch_target(scope, exit_, word(draw, 3))
            here = all_of(test("eq", chosen, integer(position)))
            body.append(If(here, (*inner, *more, Assign(to.name, target)), span=exit_.span))
    assert isinstance(course.since, Var)
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
        before = [test("and", test("eq", chosen, integer(condition.exits.index(e))), test("lt", plan_, integer(e.index)))
                  for e in condition.exits_of(state) if not isinstance(e.trigger, m.After)]
        earlier = test("or", earlier, test("and", test("eq", due, best), any_of(*before)))
    position = integer(condition.exits.index(exits[0]))
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
            now = all_of(course.scope.truth(exit_.trigger.test), test("lt", BOUNDARY, best))
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
    scope = course.scope
    body, force = hazard(scope, course.condition, exit_.state)
    inner: list[KStmt] = []
    left = _spend(course, slot, force, inner)
    reached: list[KStmt] = []
    draw = _draw(course, exit_.site, reached, exit_)
    within = op("add", op("shr", word(draw, 2), integer(12)), integer(1))
    when = scope.let(reached, "when", op("add", op("mul", STEP, integer(TICKS)), within))
    reached.append(If(test("lt", when, best), (Assign(best.name, when), *win)))
    inner.append(If(test("le", left, integer(0)), tuple(reached)))
    body.append(If(test("gt", force, integer(0)), tuple(inner), span=exit_.span))
    return body


def _offer_rate(course: Course, exit_: m.Exit, slot: int, best: Var, win: tuple[KStmt, ...]) -> list[KStmt]:
    """An exit at a rate, from the moment of entry: exact for a constant rate on any step."""
    scope = course.scope
    assert isinstance(exit_.trigger, m.AtRate)
    per_step = real("mul", scope.value(exit_.trigger.rate, "rate"), number(scope.builder.model.clock.step))
    body: list[KStmt] = []
    # Who made all the moves of a step may have entered in the one before.
    begins = scope.let(body, "begins", op("max", course.since, op("mul", STEP, integer(TICKS))))
    h = scope.let(body, "hazard", capped(per_step))
    name = left_buffer(course.condition.name, slot)
    left = scope.let(body, "left", scope.builder.load(name, AGENT))
    part = scope.let(body, "part", op("shr", op("mul", h, op("sub", BOUNDARY, begins)), integer(TICK_BITS)))
    ceiling = op("sub", op("add", op("shl", left, integer(TICK_BITS)), h), integer(1))
    when = Var(scope.fresh("when"), "i64")
    hit = (
        Let(when.name, op("add", begins, op("floordiv", ceiling, op("max", h, integer(1))))),
        If(test("lt", when, best), (Assign(best.name, when), *win)),
    )
    miss = (Store(name, (AGENT,), op("sub", left, part)),)
    body.append(If(test("le", left, part), hit, miss, exit_.span))
    return body


def capped(hazard_: KExpr) -> KExpr:
    """A hazard of a step in fixed point, held to [0, 2³⁵]."""
    return op("min", rounded(real("mul", real("max", number(0.0), hazard_), number(HAZARD_ONE))), integer(HAZARD_MAX))


def _offer_chance(course: Course, exit_: m.Exit, slot: int, best: Var, win: tuple[KStmt, ...]) -> list[KStmt]:
    """Tries at fixed times: −log(1 − p) a try against the same kind of threshold."""
    scope = course.scope
    assert isinstance(exit_.trigger, m.Chance)
    body: list[KStmt] = []
    p = scope.value(exit_.trigger.probability, "chance")
    fails = real("max", real("sub", number(1.0), p), number(2.0**-60))
    once = rounded(real("mul", real("neg", real("log", fails)), number(HAZARD_ONE)))
    cost = op("select", test("ge", p, number(1.0)), integer(CERTAIN), once)
    cost = op("mul", cost, tries(scope, exit_.trigger.every))
    stem = "chance_hazard"
    stem_value = scope.let(body, stem, cost) if m.reads_agent(exit_.trigger.probability) else scope.hoist(stem, cost)
    left = _spend(course, slot, stem_value, body)
    now = all_of(test("le", left, integer(0)), test("lt", BOUNDARY, best))
    body.append(If(now, (Assign(best.name, BOUNDARY), *win), span=exit_.span))
    return body


def tries(scope: Scope, every: float) -> KExpr:
    """How many multiples of ``every`` (days) lie in (t·step, (t+1)·step]."""
    ratio = every / scope.builder.model.clock.step
    if abs(ratio - round(ratio)) < 1e-9 and ratio >= 0.5:
        due = op("mod", op("add", STEP, integer(1)), integer(round(ratio)))
        return op("select", test("eq", due, integer(0)), integer(1), integer(0))
    if abs(1 / ratio - round(1 / ratio)) < 1e-9:
        return integer(round(1 / ratio))

    def marks(step: KExpr) -> KExpr:
        return op("to_i64", real("floor", real("div", op("to_f64", step, dtype="f64"), number(ratio))))

    return op("sub", marks(op("add", STEP, integer(1))), marks(STEP))

"""Interventions become a trigger of scalars and, per block, a choice of agents and what is done to them."""

from __future__ import annotations

import math

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.entries import (
    read_before_writing,
    set_on_entering,
    stored_value,
    write,
)
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.months import months_between, months_passed
from lpmdsl.lowering.dense.neighbours import view_items
from lpmdsl.lowering.dense.rules.choosing import (
    choice_items,
    days_passed,
    declare_block,
    eligible,
    is_chosen,
    is_period_over,
)
from lpmdsl.lowering.dense.rules.moves import force
from lpmdsl.lowering.dense.rules.program import follow_items
from lpmdsl.lowering.dense.spending import count_reached, declare_paid, is_counted, pay
from lpmdsl.lowering.dense.watched_values import look_at
from lpmdsl.lowering.score.draws import happens as score_happens
from lpmdsl.networks.rng_keys import site
from lpmdsl.program.ir import (
    Assign,
    Const,
    Draw,
    Fold,
    Gate,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    ScheduleItem,
    Store,
    Tally,
    Var,
)
from lpmdsl.program.nodes import (
    AGENT,
    STEP,
    all_of,
    any_of,
    chance_threshold,
    integer,
    number,
    op,
    real,
    rounded,
    test,
    word,
)
from lpmdsl.semantics import model as m

OFF, PENDING, ACTIVE = 0, 1, 2
FIRST = integer(0)


def declare_intervention(builder: Builder, one: m.Intervention) -> None:
    """The scalars of an intervention: phase, boundaries, what the trigger saw last, blocks run, money spent."""
    for part, fill, note in (
        ("phase", OFF, "0 off, 1 pending, 2 active"),
        ("pending", 0, "the boundary at which it becomes active"),
        ("started", 0, "the boundary at which it became active"),
        ("seen", 0, "whether the trigger was past its level at the last look"),
        ("once", 0, "whether a date has started it"),
    ):
        builder.buffer(f"{one.name}_{part}", "i64", (1,), "control", fill, note)
    builder.buffer(f"{one.name}_disabled", "i64", (1,), "input", note="1 where a scenario goes without it")
    declare_paid(builder, one)
    for k in range(len(one.repeated)):
        builder.buffer(f"{one.name}_{k}_runs", "i64", (1,), "control", note="how often the block has run")


def trigger_kernel(builder: Builder, one: m.Intervention) -> Kernel:
    """Stops, starts what was pending, and looks at the trigger, in that order."""
    scope = Scope(builder, "")
    body: list[KStmt] = []
    phase = scope.let(body, "phase", builder.load(f"{one.name}_phase", FIRST))
    body += _stop(scope, one, phase)
    due = all_of(test("eq", phase, integer(PENDING)), test("ge", STEP, builder.load(f"{one.name}_pending", FIRST)))
    body.append(If(due, tuple(_activate(builder, one, phase))))
    body += _start(scope, one, phase)
    body += _costs_per_day(builder, one, phase)
    body.append(Store(f"{one.name}_phase", (FIRST,), phase, one.span))
    enabled = test("eq", builder.load(f"{one.name}_disabled", FIRST), integer(0))
    whole = If(enabled, tuple(body), span=one.span)
    return Kernel(f"trigger_{one.name}", "", tuple(scope.prologue), (whole,), one.span)


def _activate(builder: Builder, one: m.Intervention, phase: Var) -> list[KStmt]:
    body: list[KStmt] = [Assign(phase.name, integer(ACTIVE)), Store(f"{one.name}_started", (FIRST,), STEP)]
    if one.costs is not None and one.costs_per == "start":
        body.append(pay(builder, one, integer(1)))
    return body


def _costs_per_day(builder: Builder, one: m.Intervention, phase: Var) -> list[KStmt]:
    if one.costs is None or one.costs_per != "day":
        return []
    return [If(test("eq", phase, integer(ACTIVE)), (pay(builder, one, integer(1)),))]


def _stop(scope: Scope, one: m.Intervention, phase: Var) -> list[KStmt]:
    match one.stops:
        case None:
            return []
        case m.OnDate():
            over: KExpr = test("ge", days_passed(scope.builder), number(one.stops.day))
        case m.Elapsed():
            over = _has_elapsed(scope, one.stops, scope.builder.load(f"{one.name}_started", FIRST))
        case m.Crossing():
            over = _is_past(scope, one.stops)
    active = test("eq", phase, integer(ACTIVE))
    if isinstance(one.stops, m.Crossing) and one.stops.delay is not None:
        return _stop_later(scope, one, one.stops.delay, all_of(active, over), phase)
    return [If(all_of(active, over), (Assign(phase.name, integer(OFF)),), span=one.stops.span)]


def _stop_later(scope: Scope, one: m.Intervention, delay: m.Expr, ends: KExpr, phase: Var) -> list[KStmt]:
    """Once the end is certain it comes after the delay, whatever is reported in between."""
    name = scope.builder.buffer(f"{one.name}_ending", "i64", (1,), "control", -1, "the boundary at which it stops")
    ending = scope.builder.load(name, FIRST)
    wait = op("max", integer(0), _wait(scope, delay))
    certain = If(all_of(ends, test("lt", ending, integer(0))), (Store(name, (FIRST,), op("add", STEP, wait)),))
    over = all_of(test("eq", phase, integer(ACTIVE)), test("ge", ending, integer(0)), test("ge", STEP, ending))
    stop = (Assign(phase.name, integer(OFF)), Store(name, (FIRST,), integer(-1)))
    return [certain, If(over, stop, span=delay.span)]


def _has_elapsed(scope: Scope, elapsed: m.Elapsed, since: KExpr) -> KExpr:
    """Return True if the time is over that began at a boundary."""
    if elapsed.months:
        return test("ge", months_between(scope.builder, since, STEP), integer(elapsed.months))
    return test("ge", STEP, op("add", since, _wait(scope, elapsed.delay)))


def _wait(scope: Scope, delay: m.Expr) -> KExpr:
    """A delay in steps."""
    return ceiling(real("div", scope.value(delay, "delay"), number(scope.builder.model.clock.step)))


def _is_past(scope: Scope, crossing: m.Crossing) -> KExpr:
    value, level = scope.value(crossing.value, "reported"), scope.value(crossing.level, "level")
    return test("gt" if crossing.rises else "lt", value, level)


def _start(scope: Scope, one: m.Intervention, phase: Var) -> list[KStmt]:
    builder = scope.builder
    off = test("eq", phase, integer(OFF))
    if isinstance(one.starts, m.Crossing):
        return _start_on_crossing(scope, one, one.starts, phase)
    match one.starts:
        case None:
            now: KExpr = test("eq", STEP, integer(0))
        case m.OnDate():
            now = test("ge", days_passed(builder), number(one.starts.day))
        case m.Elapsed():
            now = _has_elapsed(scope, one.starts, integer(0))
    fresh = test("eq", builder.load(f"{one.name}_once", FIRST), integer(0))
    started = (*_activate(builder, one, phase), Store(f"{one.name}_once", (FIRST,), integer(1)))
    return [If(all_of(off, now, fresh), started, span=one.span)]


def _start_on_crossing(scope: Scope, one: m.Intervention, crossing: m.Crossing, phase: Var) -> list[KStmt]:
    builder = scope.builder
    body: list[KStmt] = []
    past = scope.let(body, "is_past", _is_past(scope, crossing))
    before = test("ne", builder.load(f"{one.name}_seen", FIRST), integer(0))
    crossed = all_of(test("eq", phase, integer(OFF)), past, test("not", before))
    start: list[KStmt] = []
    if crossing.delay is None:
        start += _activate(builder, one, phase)
    else:
        wait = scope.let(start, "wait", _wait(scope, crossing.delay))
        later = (Assign(phase.name, integer(PENDING)), Store(f"{one.name}_pending", (FIRST,), op("add", STEP, wait)))
        start.append(If(test("gt", wait, integer(0)), later, tuple(_activate(builder, one, phase))))
    body.append(If(crossed, tuple(start), span=crossing.span))
    body.append(Store(f"{one.name}_seen", (FIRST,), op("to_i64", past), crossing.span))
    return body


def ceiling(value: KExpr) -> KExpr:
    """Smallest integer that is not below the value less 1e-9."""
    return op("to_i64", real("neg", real("floor", real("sub", number(1e-9), value))))


# ------------------------------------------------------------------ blocks


def is_due(builder: Builder, one: m.Intervention, block: m.Repeated) -> KExpr:
    """Return True if a block runs at step t: its period, counted from the start, is over."""
    active = test("eq", builder.load(f"{one.name}_phase", FIRST), integer(ACTIVE))
    started = builder.load(f"{one.name}_started", FIRST)
    if block.on is not None:
        boundary = math.ceil(block.on / builder.model.clock.step - 1e-9)
        return all_of(active, test("eq", STEP, integer(boundary)))
    return all_of(active, is_period_over(builder, block, started, op("sub", STEP, started)))


def together_items(builder: Builder, one: m.Intervention) -> list[ScheduleItem]:
    """Fills the limit that blocks share, at the start of each of its periods."""
    limit = one.together
    if limit is None:
        return []
    left = builder.buffer(f"{one.name}_left", "i64", (1,), "control", note="how many may still be reached together")
    scope = Scope(builder, "")
    looked = look_at(scope, limit.at_most, "limit")
    value = rounded(real("max", number(0.0), scope.value(limit.at_most, "at_most")))
    store = Store(left, (FIRST,), value, limit.span)
    kernel = Kernel(f"fill_{one.name}", "", tuple(scope.prologue), (*looked, store), limit.span)
    if limit.months:
        now, before = (months_passed(builder, at) for at in (STEP, op("max", op("sub", STEP, integer(1)), FIRST)))
        turns = test("gt", *(op("floordiv", n, integer(limit.months)) for n in (now, before)))
        due = any_of(test("eq", STEP, FIRST), turns)
    else:
        steps = max(1, round(limit.every / builder.model.clock.step))
        due = test("eq", op("mod", STEP, integer(steps)), FIRST)
    return [Gate(due, (Launch(builder.kernel(kernel)),), f"{one.name} together")]


def _shared(one: m.Intervention, block: m.Repeated) -> str:
    """The buffer of the limit that a block shares with others; "" if it has none."""
    return f"{one.limited_by}_left" if one.limited_by and block.counts_people else ""


def block_items(builder: Builder, one: m.Intervention, k: int) -> list[ScheduleItem]:
    """The schedule of one ``every …`` block: choose, select, act, and count the run."""
    block = one.repeated[k]
    name = f"{one.name}_{k}"
    due = is_due(builder, one, block)
    items: list[ScheduleItem] = view_items(builder, block, "")
    shared = _shared(one, block)
    is_limited = block.at_most is not None or bool(shared)
    declare_block(builder, name, block, bool(shared))
    if is_limited:
        items += choice_items(builder, name, block, shared)
    if block.paragraphs:
        items += follow_items(builder, m.as_rule(one, k), is_limited, counts=not is_limited)
    else:
        items.append(Launch(builder.kernel(_act_kernel(builder, name, block, is_limited))))
    if not is_limited:
        items.append(Fold(f"{name}_chosen_tally", f"{name}_chosen", "add"))
    items.append(Launch(builder.kernel(_ran_kernel(builder, one, name, block))))
    return [Gate(due, tuple(items), one.name)]


def _act_kernel(builder: Builder, name: str, block: m.Repeated, is_limited: bool) -> Kernel:
    scope = Scope(builder, block.of)
    if not is_limited:
        body = read_states(scope)
        inner: list[KStmt] = [Tally(f"{name}_chosen_tally", integer(0), integer(1))]
        chosen = eligible(scope, block)
    else:
        body, inner = [], read_states(scope)
        chosen = is_chosen(scope, name, block, body)
    live = [c for c in builder.model.conditions if c.of == block.of]
    scope.live = {c.name: op("to_i64", builder.load(c.name, AGENT)) for c in live}
    inner += _actions(scope, name, block)
    body.append(If(chosen, tuple(inner), span=block.span))
    return Kernel(f"act_{name}", block.of, tuple(scope.prologue), tuple(body), block.span)


def _actions(scope: Scope, name: str, block: m.Repeated) -> list[KStmt]:
    """Everything is read before anything is written; then the actions write in their order."""
    reads = read_before_writing(scope, _written(scope.builder, block))
    writes: list[KStmt] = []
    for k, action in enumerate(block.actions):
        happens: KExpr = Const(True, "bool")
        if action.probability is not None:
            path = f"{block.site}.action{k}"
            draw = scope.fresh("w")
            runs = scope.builder.load(f"{name}_runs", FIRST)
            reads.append(Draw(draw, site(path), AGENT, runs, path, action.span))
            reads += look_at(scope, action.probability, "probability")
            p = scope.value(action.probability, "chance")
            happens = scope.let(reads, "happens", test("lt", word(draw, 0), chance_threshold(p)))
            score_happens(scope, path, action.probability, p, happens, reads)
        match action:
            case m.SetAttribute():
                looked = look_at(scope, action.value, "value")
                reads += [If(happens, tuple(looked), span=action.span)] if looked else []
                value = scope.let(reads, "value", stored_value(scope, block.of, action))
                writes.append(If(happens, (write(scope, block.of, action, value),), span=action.span))
            case m.ForceMove():
                to = frozenset({action.state})
                writes += force(scope, action.condition, integer(action.state), to, happens, action.span)
    return [*reads, *writes]


def _written(builder: Builder, block: m.Repeated) -> set[str]:
    """The attributes that a block can write, also by making agents enter states."""
    forced = [builder.model.condition(a.condition) for a in block.actions if isinstance(a, m.ForceMove)]
    return {a.attribute for a in block.actions if isinstance(a, m.SetAttribute)} | set_on_entering(forced)


def _ran_kernel(builder: Builder, one: m.Intervention, name: str, block: m.Repeated) -> Kernel:
    """Counts the run of a block and what it cost."""
    body: list[KStmt] = [
        Store(f"{name}_runs", (FIRST,), op("add", builder.load(f"{name}_runs", FIRST), integer(1)), one.span)
    ]
    shared = _shared(one, block)
    if shared:
        rest = op("sub", builder.load(shared, FIRST), builder.load(f"{name}_chosen", FIRST))
        body.append(Store(shared, (FIRST,), rest, one.span))
    if one.costs is not None and one.costs_per == "person" and block.counts_people:
        body.append(pay(builder, one, builder.load(f"{name}_chosen", FIRST)))
    if is_counted(builder.model, one) and block.counts_people:
        body.append(count_reached(builder, one, builder.load(f"{name}_chosen", FIRST)))
    return Kernel(f"ran_{name}", "", (), tuple(body), one.span)

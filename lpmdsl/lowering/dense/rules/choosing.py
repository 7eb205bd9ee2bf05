"""Choice of those for whom a block or a rule is: as many as it may be, by keyed priority or by rank.

By rank the same selection is made twice: of ranks, and of the priorities of those who are level with the last.
"""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.months import months_between
from lpmdsl.lowering.dense.neighbours import look
from lpmdsl.lowering.dense.presence import any_removed
from lpmdsl.lowering.dense.watched_values import look_at
from lpmdsl.networks.rng_keys import site
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    Assign,
    Draw,
    Fold,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Let,
    ScheduleItem,
    SelectSmallest,
    Store,
    Tally,
    Var,
)
from lpmdsl.program.nodes import AGENT, STEP, all_of, any_of, as_number, integer, number, op, real, rounded, test, word
from lpmdsl.semantics import model as m

FIRST = integer(0)


def choice_items(builder: Builder, name: str, block: m.Repeated, shared: str) -> list[ScheduleItem]:
    """Items that give everyone eligible a priority and find the last who is chosen; ``shared``: a limit with others."""
    chooses, limits = choose_kernel(builder, name, block), limit_kernel(builder, name, block, shared)
    limit = builder.load(f"{name}_limit", FIRST)
    items: list[ScheduleItem] = [
        Launch(builder.kernel(chooses)),
        Launch(builder.kernel(limits)),
        SelectSmallest(f"{name}_keys", limit, f"{name}_cutoff", f"{name}_chosen"),
    ]
    return items if block.by is None else [*items, *_level_items(builder, name, block)]


def _level_items(builder: Builder, name: str, block: m.Repeated) -> list[ScheduleItem]:
    """Items that draw, of those who are level with the last who is chosen, as many as there is room for."""
    level = builder.kernel(_level_kernel(builder, name, block))
    rest = op("sub", builder.load(f"{name}_chosen", FIRST), builder.load(f"{name}_before", FIRST))
    store = Store(f"{name}_rest", (FIRST,), rest, block.span)
    room = builder.kernel(Kernel(f"rest_{name}", "", (), (store,), block.span))
    return [
        Launch(level),
        Fold(handles.tally(f"{name}_before"), f"{name}_before", "add"),
        Launch(room),
        SelectSmallest(f"{name}_lots", builder.load(f"{name}_rest", FIRST), f"{name}_last", f"{name}_level"),
    ]


def _level_kernel(builder: Builder, name: str, block: m.Repeated) -> Kernel:
    """Counts those who come before the last rank that is chosen; a priority for everyone of that rank."""
    scope, body = Scope(builder, block.of), []
    key = scope.let(body, "key", builder.load(f"{name}_keys", AGENT))
    cutoff = scope.hoist("cutoff", builder.load(f"{name}_cutoff", FIRST))
    lot = Var(scope.fresh("lot"), "i64")
    body.append(Let(lot.name, integer(-1)))
    may = test("ge", key, integer(0))
    counted = Tally(handles.tally(f"{name}_before"), integer(0), integer(1))
    body.append(If(all_of(may, test("lt", key, cutoff)), (counted,), span=block.span))
    drawn = (_priority_draw(scope, name, block), Assign(lot.name, _PRIORITY))
    body.append(If(all_of(may, test("eq", key, cutoff)), drawn, span=block.span))
    body.append(Store(f"{name}_lots", (AGENT,), lot))
    return Kernel(f"level_{name}", block.of, tuple(scope.prologue), tuple(body), block.span)


def is_chosen(scope: Scope, name: str, block: m.Repeated, body: list[KStmt]) -> KExpr:
    """Test that the agent is among those chosen."""
    key = scope.let(body, "key", scope.builder.load(f"{name}_keys", AGENT))
    cutoff = scope.hoist("cutoff", scope.builder.load(f"{name}_cutoff", FIRST))
    if block.by is None:
        return all_of(test("ge", key, integer(0)), test("le", key, cutoff))
    lot = scope.let(body, "lot", scope.builder.load(f"{name}_lots", AGENT))
    last = scope.hoist("last", scope.builder.load(f"{name}_last", FIRST))
    before = all_of(test("ge", key, integer(0)), test("lt", key, cutoff))
    return any_of(before, all_of(test("ge", lot, integer(0)), test("le", lot, last)))


def declare_block(builder: Builder, name: str, block: m.Repeated, shares: bool) -> None:
    """Buffers by which those are chosen for whom a block is."""
    builder.buffer(f"{name}_chosen", "i64", (1,), "scratch", note="how many were chosen")
    if block.at_most is not None or shares:
        builder.buffer(f"{name}_keys", "i64", (block.of,), "scratch", -1, "priority of the eligible, −1: not eligible")
        builder.buffer(f"{name}_cutoff", "i64", (1,), "scratch")
        builder.buffer(f"{name}_limit", "i64", (1,), "scratch")
        if block.by is not None:
            builder.buffer(f"{name}_lots", "i64", (block.of,), "scratch", -1, "priority of those level with the last")
            builder.buffer(handles.tally(f"{name}_before"), "i64", (handles.chunks(block.of), 1), "tally")
            for one in ("before", "rest", "last", "level"):
                builder.buffer(f"{name}_{one}", "i64", (1,), "scratch")
    else:
        builder.buffer(handles.tally(f"{name}_chosen"), "i64", (handles.chunks(block.of), 1), "tally")


def runs(scope: Scope, rule: m.Rule) -> KExpr:
    """Number of times that the rule was due before, by which its draws are keyed."""
    if rule.is_after_moves:
        return op("add", STEP, integer(1))  # at the start, then at the end of every step
    return run_of(scope, rule.name, rule.block)


def days_passed(builder: Builder) -> KExpr:
    """Days since the clock's start, and a hair more, so that a step of 0.1 days reaches day 3 at step 30."""
    days = real("mul", op("to_f64", STEP, dtype="f64"), number(builder.model.clock.step))
    return real("add", days, number(1e-9))


def is_period_over(builder: Builder, block: m.Repeated, since: KExpr, elapsed: KExpr) -> KExpr:
    """Test that a whole number of periods of a block is over at step t since a boundary, ``elapsed`` steps ago."""
    if not block.months:
        steps = max(1, round(block.every / builder.model.clock.step))
        return test("eq", op("mod", elapsed, integer(steps)), integer(0))
    now = months_between(builder, since, STEP)
    before = months_between(builder, since, op("max", op("sub", STEP, integer(1)), since))
    whole = test("eq", op("mod", now, integer(block.months)), integer(0))
    return any_of(test("eq", STEP, since), all_of(test("gt", now, before), whole))


def eligible(scope: Scope, block: m.Repeated) -> KExpr:
    """Test that an agent may be chosen: it is not removed, and ``where`` holds."""
    tests: list[KExpr] = []
    if m.may_be_removed(scope.builder.model, block.of):
        tests.append(test("not", any_removed(scope, block.of)))
    if block.where is not None:
        tests.append(scope.value(block.where))
    return all_of(*tests)


def run_of(scope: Scope, name: str, block: m.Repeated) -> KExpr:
    """Number of times that a block or rule was due before, which keys its draws: of one of each place, in one's own."""
    return scope.builder.load(handles.times_run(name), scope.place(block.of, block.place)[1] if block.place else FIRST)


_PRIORITY = op("add", op("shl", word("w", 0), integer(31)), AGENT)


def _priority_draw(scope: Scope, name: str, block: m.Repeated) -> Draw:
    """The draw of the words that priorities are made of."""
    return Draw("w", site(block.site), AGENT, run_of(scope, name, block), block.site, block.span)


def choose_kernel(builder: Builder, name: str, block: m.Repeated) -> Kernel:
    """A key for everyone eligible: its rank, or a priority of word and agent in one, so that no two are equal."""
    scope = Scope(builder, block.of)
    body = read_states(scope)
    key = Var(scope.fresh("key"), "i64")
    body.append(Let(key.name, integer(-1)))
    look(scope, block.where, body)
    given: list[KStmt] = [_priority_draw(scope, name, block), Assign(key.name, _PRIORITY)]
    if block.by is not None:
        given = []
        look(scope, block.by, given)
        value = scope.let(given, "value", as_number(scope.value(block.by)))
        first = real("neg", value) if block.order == "highest" else value
        known = (Assign(key.name, op("to_rank", first)),)
        given.append(If(test("eq", value, value), known, span=block.span))  # nobody is chosen by what has no number
    body.append(If(eligible(scope, block), tuple(given), span=block.span))
    body.append(Store(f"{name}_keys", (AGENT,), key))
    return Kernel(f"choose_{name}", block.of, tuple(scope.prologue), tuple(body), block.span)


def limit_kernel(builder: Builder, name: str, block: m.Repeated, shared: str) -> Kernel:
    """Largest number that may be chosen."""
    scope = Scope(builder, "")
    limits: list[KExpr] = [builder.load(shared, FIRST)] if shared else []
    looked: list[KStmt] = []
    if block.at_most is not None:
        looked = look_at(scope, block.at_most, "limit")
        limits.append(rounded(real("max", number(0.0), scope.value(block.at_most, "at_most"))))
    value = limits[0] if len(limits) == 1 else op("min", *limits)
    store = Store(f"{name}_limit", (FIRST,), value, block.span)
    return Kernel(f"limit_{name}", "", tuple(scope.prologue), (*looked, store), block.span)

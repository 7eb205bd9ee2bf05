"""Blocks of interventions become a choice of agents and what is done to them."""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.draws import happens
from lpmdsl.lowering.dense.entries import read_before_writing, set_on_entering, stored_value, write
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.interventions.spending import count_reached, is_counted, pay
from lpmdsl.lowering.dense.interventions.triggers import FIRST, is_due
from lpmdsl.lowering.dense.months import months_passed
from lpmdsl.lowering.dense.neighbours import view_items
from lpmdsl.lowering.dense.rules.choosing import choice_items, declare_block, eligible, is_chosen, run_of
from lpmdsl.lowering.dense.rules.moves import force
from lpmdsl.lowering.dense.rules.program import follow_items
from lpmdsl.lowering.dense.watched_values import look_at
from lpmdsl.program import handles
from lpmdsl.program.ir import Const, Fold, Gate, If, Kernel, KExpr, KStmt, Launch, ScheduleItem, Store, Tally
from lpmdsl.program.nodes import AGENT, STEP, any_of, integer, number, op, real, rounded, test
from lpmdsl.semantics import model as m

# ------------------------------------------------------------------ blocks


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
    due = is_due(builder, one, k)
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
        items.append(Fold(handles.tally(f"{name}_chosen"), f"{name}_chosen", "add"))
    ran = _ran_kernel(builder, one, name, block)
    items += [Launch(builder.kernel(ran))] if ran.body else []
    return [Gate(due, tuple(items), one.name)]


def _act_kernel(builder: Builder, name: str, block: m.Repeated, is_limited: bool) -> Kernel:
    scope = Scope(builder, block.of)
    if not is_limited:
        body = read_states(scope)
        inner: list[KStmt] = [Tally(handles.tally(f"{name}_chosen"), integer(0), integer(1))]
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
        hit: KExpr = Const(True, "bool")
        if action.probability is not None:
            path, run = f"{block.site}.action{k}", run_of(scope, name, block)
            hit = happens(scope, path, action.probability, AGENT, run, reads)
        match action:
            case m.SetAttribute():
                looked = look_at(scope, action.value, "value")
                reads += [If(hit, tuple(looked), span=action.span)] if looked else []
                value = scope.let(reads, "value", stored_value(scope, block.of, action))
                writes.append(If(hit, (write(scope, block.of, action, value),), span=action.span))
            case m.ForceMove():
                to = frozenset({action.state})
                writes += force(scope, action.condition, integer(action.state), to, hit, action.span)
    return [*reads, *writes]


def _written(builder: Builder, block: m.Repeated) -> set[str]:
    """The attributes that a block can write, also by making agents enter states."""
    forced = [builder.model.condition(a.condition) for a in block.actions if isinstance(a, m.ForceMove)]
    return {a.attribute for a in block.actions if isinstance(a, m.SetAttribute)} | set_on_entering(forced)


def _ran_kernel(builder: Builder, one: m.Intervention, name: str, block: m.Repeated) -> Kernel:
    """Counts the run of a block and what it cost; those of one of each place are counted by its trigger."""
    body: list[KStmt] = []
    if not block.place:
        more = op("add", builder.load(handles.times_run(name), FIRST), integer(1))
        body.append(Store(handles.times_run(name), (FIRST,), more, one.span))
    shared = _shared(one, block)
    if shared:
        rest = op("sub", builder.load(shared, FIRST), builder.load(f"{name}_chosen", FIRST))
        body.append(Store(shared, (FIRST,), rest, one.span))
    if one.costs is not None and one.costs_per == "person" and block.counts_people:
        body.append(pay(builder, one, builder.load(f"{name}_chosen", FIRST)))
    if is_counted(builder.model, one) and block.counts_people:
        body.append(count_reached(builder, one, builder.load(f"{name}_chosen", FIRST)))
    return Kernel(f"ran_{name}", "", (), tuple(body), one.span)

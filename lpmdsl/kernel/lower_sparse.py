"""The Program that touches only what changes, for a processor: who is at risk, who is due, who has just moved.

The force of infection along ties is kept as a view: each agent has the sum of what its neighbours weigh, and a move
that changes a weight adds the change along the mover's row. Those with a force on them stand in a set, those with a
timed exit in the bucket of its step; nobody else is looked at. Levels are counted once and then follow the moves. All
of it is integers, so the counts are those of the Program that goes through everyone (``lower``).
"""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.kernel.builder import AGENT, STEP, Builder, all_of, integer, op, test
from lpmdsl.kernel.dwell import TICK_BITS
from lpmdsl.kernel.ir import (
    Append,
    AtomicAdd,
    Claim,
    Collect,
    Enqueue,
    Fold,
    Gate,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Let,
    Load,
    Mark,
    Program,
    ScheduleItem,
    Store,
    Var,
    expressions,
    statements,
    walk,
)
from lpmdsl.kernel.lower import begin_items, declare_all, observation_items
from lpmdsl.kernel.lower_conditions import moves_of
from lpmdsl.kernel.lower_contagion import expose_kernel, hazard, networks_of, sends, weight_buffer
from lpmdsl.kernel.lower_entries import left_buffer, timed_exits
from lpmdsl.kernel.lower_expressions import Scope, read_states
from lpmdsl.kernel.lower_observations import group_code
from lpmdsl.kernel.lower_presence import for_neighbours
from lpmdsl.semantics import model as m

FIRST = integer(0)
BLOCK = 64
"""Places of a block of the calendar."""


def lower_sparse(model: m.Model) -> Program | None:
    """The Program, or None for a model of which something is not sparse (``why_dense`` says what)."""
    if why_dense(model):
        return None
    builder = Builder(model)
    declare_all(builder)
    condition = model.conditions[0]
    _declare(builder, condition)
    observations = observation_items(builder)
    begin = [*begin_items(builder), *observations, *_first_forces(builder, condition)]
    step = [*_step_items(builder, condition), *_without_censuses(observations)]
    return Program(
        model.name,
        tuple(builder.buffers.values()),
        tuple(builder.constants),
        tuple(builder.quantiles.values()),
        tuple(builder.kernels),
        tuple(begin),
        tuple(step),
    )


# ------------------------------------------------------------------ which models


def why_dense(model: m.Model) -> str:
    """What of a model needs everyone to be looked at in every step; "" if nothing does."""
    if len(model.conditions) != 1:
        return "there is not exactly one condition"
    condition = model.conditions[0]
    if model.interventions:
        return "interventions act on people who have not moved"
    if condition.whiles or condition.entering:
        return "states change attributes or presence"
    if why := _exits(condition):
        return why
    return _networks(model, condition) or _levels(model)


def _exits(condition: m.Condition) -> str:
    for state in range(len(condition.states)):
        exits = condition.exits_of(state)
        if any(not isinstance(e.trigger, m.After | m.ByContagion) for e in exits):
            return f"{condition.name}.{condition.states[state]} has an exit that may come in any step"
        if len(exits) > 1 and any(isinstance(e.trigger, m.ByContagion) for e in exits):
            return f"{condition.name}.{condition.states[state]} has another exit beside contagion"
    return ""


def _networks(model: m.Model, condition: m.Condition) -> str:
    contagion = model.contagion_of(condition.name)
    if contagion is None:
        return "nothing is passed on"
    weights: list[m.Expr] = [s.rate for s in contagion.spreads]
    for scaling in (s for s in contagion.scalings if s.end == "source"):
        weights += [scaling.factor, *([scaling.where] if scaling.where is not None else [])]
    for name in dict.fromkeys(s.network for s in contagion.spreads):
        network = model.network(name)
        if network.layout != "ties" or network.days or (network.contacts is not None and not network.per_tie):
            return f"contacts in {name} are not ties that always hold"
        weights += [network.contacts] if network.contacts is not None else []
    return "" if all(_is_steady(w) for w in weights) else "what the infectious weigh changes with time"


def _levels(model: m.Model) -> str:
    aggregates = [
        (o.value.aggregate, [*o.by, *([o.where] if o.where is not None else [])])
        for o in model.observations
        if isinstance(o.value, m.Level)
    ]
    aggregates += [
        (e, []) for c in model.checks if isinstance(c, m.CheckAlways) for e in m.walk(c.test)
        if isinstance(e, m.Aggregate)
    ]  # fmt: skip
    if any(o.thinned is not None for o in model.observations if isinstance(o.value, m.Level)):
        return "a level is thinned anew in every report"
    for aggregate, more in aggregates:
        tests = [*more, *([aggregate.where] if aggregate.where is not None else [])]
        if aggregate.function not in ("count", "share") or not all(_is_steady(t) for t in tests):
            return "a level is more than a count of states"
    return ""


def _is_steady(expr: m.Expr) -> bool:
    """Whether a value changes only when the agent moves: attributes of these models never change."""
    changing = (m.Time, m.ObservationRef, m.RollingMean, m.Aggregate, m.IsActive)
    return not any(isinstance(e, changing) for e in m.walk(expr))


# ------------------------------------------------------------------ lists and views


def _declare(builder: Builder, condition: m.Condition) -> None:
    kind, name = condition.of, condition.name
    for items, note in (("acting", "who acts in this step"), ("moved", "whose weight has changed")):
        builder.buffer(f"{name}_{items}", "i32", (kind,), "scratch", note=note)
        builder.buffer(f"{name}_{items}_size", "i64", (1,), "scratch")
    builder.buffer(f"{name}_at_risk", "i64", (f"words_{kind}",), "state", note="susceptible, under a force")
    builder.buffer(f"{name}_at_ease", "i64", (f"words_{kind}",), "state", note="susceptible, under none")
    builder.buffer(f"{name}_calendar_head", "i32", ("steps+1",), "state", -1, "first of those due in a step")
    builder.buffer(f"{name}_calendar_blocks", "i32", (f"blocks_{kind}", BLOCK), "state", note="those due, by step")
    builder.buffer(f"{name}_calendar_pool", "i64", (3,), "state", note="blocks that are free")
    for network in _networks_of(builder, condition):
        builder.buffer(f"{name}_{network.name}_change", "i64", (kind,), "scratch", note="change of the weight")


def _networks_of(builder: Builder, condition: m.Condition) -> list[m.Network]:
    contagion = builder.model.contagion_of(condition.name)
    assert contagion is not None
    return networks_of(builder, contagion)


def _susceptible(condition: m.Condition) -> list[int]:
    return [
        s for s in range(len(condition.states))
        if any(isinstance(e.trigger, m.ByContagion) for e in condition.exits_of(s))
    ]  # fmt: skip


def _timed(condition: m.Condition) -> list[int]:
    return [s for s in range(len(condition.states)) if timed_exits(condition, s)]


def _any_force(builder: Builder, condition: m.Condition, agent: KExpr) -> KExpr:
    """Whether any network puts a force on an agent: weights are never negative."""
    contagion = builder.model.contagion_of(condition.name)
    assert contagion is not None
    total: KExpr = integer(0)
    for network in _networks_of(builder, condition):
        load = Load(weight_buffer(contagion, network), (agent,), "i64")
        total = load if total == integer(0) else op("add", total, load)
    return test("gt", total, integer(0))


def _bucket(due: KExpr, earliest: KExpr) -> KExpr:
    """The step at whose end an exit that is due at a tick has happened."""
    return op("max", earliest, op("shr", op("sub", due, integer(1)), integer(TICK_BITS)))


# ------------------------------------------------------------------ the beginning


def _first_forces(builder: Builder, condition: m.Condition) -> list[ScheduleItem]:
    """What the infectious weigh at the start, and who is at risk or has a day in the calendar because of it."""
    contagion = builder.model.contagion_of(condition.name)
    assert contagion is not None
    expose = builder.kernel(expose_kernel(builder, contagion))
    name = condition.name
    scope = Scope(builder, condition.of)
    body = read_states(scope)
    due = op("to_i64", builder.load(f"{name}_due", AGENT)) if _timed(condition) else integer(0)
    if _timed(condition):
        later = Enqueue(f"{name}_calendar", _bucket(due, integer(0)), AGENT)
        body.append(If(scope.in_state(name, tuple(_timed(condition))), (later,)))
    body.append(If(scope.in_state(name, tuple(_susceptible(condition))), (_in_its_set(builder, condition),)))
    wake = Kernel(f"wake_{name}", condition.of, tuple(scope.prologue), tuple(body), condition.span, "who acts first")
    return [Launch(expose), Launch(builder.kernel(wake))]


def _in_its_set(builder: Builder, condition: m.Condition) -> If:
    """A susceptible agent stands in one of two sets."""
    name = condition.name
    at_risk, at_ease = Mark(f"{name}_at_risk", AGENT, True), Mark(f"{name}_at_ease", AGENT, True)
    return If(_any_force(builder, condition, AGENT), (at_risk,), (at_ease,))


# ------------------------------------------------------------------ a step


def _step_items(builder: Builder, condition: m.Condition) -> list[ScheduleItem]:
    name = condition.name
    reset = Kernel(f"empty_lists_{name}", "", (), (
        Store(f"{name}_acting_size", (FIRST,), integer(0)),
        Store(f"{name}_moved_size", (FIRST,), integer(0)),
    ), condition.span)  # fmt: skip
    kernels = [reset, _risk_kernel(builder, condition), _advance_kernel(builder, condition)]
    items: list[ScheduleItem] = [Launch(builder.kernel(k)) for k in kernels[:2]]
    items += [Collect(f"{name}_calendar", f"{name}_acting"), Launch(builder.kernel(kernels[2]))]
    pushes = [_push_kernel(builder, condition, network) for network in _networks_of(builder, condition)]
    return [*items, *(Launch(builder.kernel(k)) for k in pushes)]


def _risk_kernel(builder: Builder, condition: m.Condition) -> Kernel:
    """Those under a force: what is left of their threshold shrinks; whose it is used up, acts; who has none, leaves.

    The set holds susceptible agents only, so with one susceptible state the state need not be read.
    """
    scope, name = Scope(builder, condition.of), condition.name
    alone = len(_susceptible(condition)) == 1
    body = [] if alone else read_states(scope)
    leave = Mark(f"{name}_at_risk", AGENT, False)
    at_ease = Mark(f"{name}_at_ease", AGENT, True)
    for state in _susceptible(condition):
        if alone:
            scope.states[name] = integer(state)
        inner, force = hazard(scope, condition, state)
        left = scope.let(inner, "left", op("sub", builder.load(left_buffer(name, 0), AGENT), force))
        caught = (Append(f"{name}_acting", AGENT), leave)
        spent = (Store(left_buffer(name, 0), (AGENT,), left),)
        inner.append(If(all_of(test("gt", force, integer(0)), test("le", left, integer(0))), caught, spent))
        under = If(_any_force(builder, condition, AGENT), tuple(inner), (leave, at_ease))
        body.append(under if alone else If(scope.in_state(name, (state,)), (under,)))
    return Kernel(f"risk_{name}", condition.of, tuple(scope.prologue), tuple(body), condition.span, "those at risk",
                  over=f"{name}_at_risk")  # fmt: skip


def _advance_kernel(builder: Builder, condition: m.Condition) -> Kernel:
    """The moves of those who act, and what follows: levels, weights, the calendar, the list of those at risk."""
    scope, name = Scope(builder, condition.of), condition.name
    body = read_states(scope)
    before = scope.states[name]
    assert isinstance(before, Var)
    body += moves_of(scope, condition)
    after = scope.live[name]
    assert isinstance(after, Var)
    then: list[KStmt] = []
    for state, sign in ((before, -1), (after, 1)):
        scope.states[name] = state
        then += _counted(scope, sign)
    then += _weights_changed(scope, condition, before, after)
    scope.states[name] = after
    if _timed(condition):
        due = builder.load(f"{name}_due", AGENT)
        later = Enqueue(f"{name}_calendar", _bucket(due, op("add", STEP, integer(1))), AGENT)
        then.append(If(scope.in_state(name, tuple(_timed(condition))), (later,)))
    then.append(If(scope.in_state(name, tuple(_susceptible(condition))), (_in_its_set(builder, condition),)))
    body.append(If(test("gt", Var(f"{name}_moves", "i64"), integer(0)), tuple(then), note="after a move"))
    kernel = Kernel(f"advance_{name}", condition.of, tuple(scope.prologue), tuple(body), condition.span, "who acts")
    return replace(kernel, over=f"{name}_acting", ahead=_own_elements(kernel))


def _own_elements(kernel: Kernel) -> tuple[str, ...]:
    """The buffers of which a kernel reads or writes the agent's own element."""
    names: set[str] = set()
    for stmt in statements(kernel.body):
        if isinstance(stmt, Store) and stmt.index == (AGENT,):
            names.add(stmt.buffer)
        names |= {e.buffer for x in expressions(stmt) for e in walk(x) if isinstance(e, Load) and e.index == (AGENT,)}
    return tuple(sorted(names))


def _weights_changed(scope: Scope, condition: m.Condition, before: Var, after: Var) -> list[KStmt]:
    """The change of the agent's weight on every network, kept for ``_push_kernel``."""
    contagion = scope.builder.model.contagion_of(condition.name)
    assert contagion is not None
    body: list[KStmt] = []
    changes: list[KExpr] = []
    for network in _networks_of(scope.builder, condition):
        scope.states[condition.name] = before
        old = sends(scope, contagion, network, body)
        scope.states[condition.name] = after
        change = scope.let(body, "change", op("sub", sends(scope, contagion, network, body), old))
        body.append(Store(f"{condition.name}_{network.name}_change", (AGENT,), change))
        changes.append(test("ne", change, integer(0)))
    changed: KExpr = changes[0]
    for one in changes[1:]:
        changed = test("or", changed, one)
    body.append(If(changed, (Append(f"{condition.name}_moved", AGENT),)))
    return body


def _push_kernel(builder: Builder, condition: m.Condition, network: m.Network) -> Kernel:
    """Adds the change of those who moved to each neighbour; who is under a force for the first time is at risk."""
    scope, name = Scope(builder, condition.of), condition.name
    contagion = builder.model.contagion_of(name)
    assert contagion is not None
    counter = weight_buffer(contagion, network)
    change = Var("change", "i64")
    body: list[KStmt] = [Let(change.name, builder.load(f"{name}_{network.name}_change", AGENT))]

    def action(neighbour: KExpr) -> list[KStmt]:
        other = Var(scope.fresh("other"), "i64")
        was_at_ease = Var(scope.fresh("was_at_ease"), "bool")
        claim = Claim(was_at_ease.name, f"{name}_at_ease", other)
        wakes = If(test("gt", change, integer(0)), (claim, If(was_at_ease, (Mark(f"{name}_at_risk", other, True),))))
        return [Let(other.name, neighbour), AtomicAdd(counter, (other,), change, network.span), wakes]

    rows = for_neighbours(scope, network, action)
    body.append(If(test("ne", change, integer(0)), tuple(rows)))
    offsets, targets = f"{network.name}_offsets", f"{network.name}_targets"
    return Kernel(f"push_{name}_{network.name}", condition.of, tuple(scope.prologue), tuple(body), network.span,
                  over=f"{name}_moved", ahead=(offsets, f"{name}_{network.name}_change"),
                  row_ahead=(offsets, targets, counter))  # fmt: skip


# ------------------------------------------------------------------ levels that follow the moves


def _counted(scope: Scope, sign: int) -> list[KStmt]:
    """Adds the agent to (or takes it from) every level that counts it in the state that ``scope`` says."""
    model = scope.builder.model
    body: list[KStmt] = []
    for observation in model.observations:
        if isinstance(observation.value, m.Level):
            body += _count(scope, observation.name, observation.value.aggregate, observation, sign)
    for index, check in enumerate(c for c in model.checks if isinstance(c, m.CheckAlways)):
        aggregates = dict.fromkeys(e for e in m.walk(check.test) if isinstance(e, m.Aggregate))
        for k, aggregate in enumerate(aggregates):
            body += _count(scope, f"watch_{index}_{k}", aggregate, None, sign)
    return body


def _count(
    scope: Scope, name: str, aggregate: m.Aggregate, observation: m.Observation | None, sign: int
) -> list[KStmt]:
    body: list[KStmt] = []
    groups = len(observation.groups) if observation else 1
    column: KExpr = integer(0)
    if observation is not None and groups > 1:
        column = scope.let(body, "group", group_code(scope, observation))
        if aggregate.function == "share":
            body.append(AtomicAdd(f"{name}_all", (column,), integer(sign)))
    tests: list[KExpr] = [] if aggregate.where is None else [scope.value(aggregate.where)]
    if observation is not None and observation.where is not None:
        tests.append(scope.value(observation.where))
    add = AtomicAdd(f"{name}_count", (column,), integer(sign), aggregate.span)
    if tests:
        body.append(If(all_of(*tests), (add,)))
    elif groups > 1:
        body.append(add)
    return body


def _without_censuses(items: list[ScheduleItem]) -> list[ScheduleItem]:
    """Reports alone: what they read is up to date."""
    kept: list[ScheduleItem] = []
    for item in items:
        match item:
            case Gate():
                kept.append(Gate(item.test, tuple(_without_censuses(list(item.items))), item.note))
            case Fold():
                continue
            case Launch() if item.kernel.startswith("census_"):
                continue
            case _:
                kept.append(item)
    return kept

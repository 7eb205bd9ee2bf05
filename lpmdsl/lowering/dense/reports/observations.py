"""Observations become counts at the entries themselves, censuses at report times, and scalar formulas."""

from __future__ import annotations

from collections.abc import Callable

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.draws import by_word
from lpmdsl.lowering.dense.expressions import Scope, dwell, is_flow_like, joined, read_states
from lpmdsl.lowering.dense.months import completed, completes, report_of_tick
from lpmdsl.lowering.dense.neighbours import AT_END, view_items
from lpmdsl.lowering.dense.reports.kept_censuses import kept_census
from lpmdsl.lowering.dense.watched_values import look_at
from lpmdsl.networks.rng_keys import site
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    LANES,
    AtomicAdd,
    Draw,
    Fold,
    Gate,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Loop,
    OneMore,
    OrderStatistic,
    Reports,
    ScheduleItem,
    Store,
    Tally,
    Var,
)
from lpmdsl.program.nodes import AGENT, STEP, all_of, any_of, as_number, integer, number, op, real, test, word
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.quantile_tables import radix

Tallies = Callable[..., str]
NEXT = op("add", STEP, integer(1))
"""The boundary at which a step ends; 0 before the first step, where t is −1."""


def declare_observation(builder: Builder, observation: m.Observation) -> None:
    """The reports of an observation: counts for a flow, else numbers in base units, NaN until reported."""
    shape = (Reports(observation.name), len(observation.groups))
    name = handles.observed(observation.name)
    if isinstance(observation.value, m.Flow):
        builder.buffer(name, "i64", shape, "output", note=observation.span.label)
    else:
        builder.buffer(name, "f64", shape, "output", float("nan"), observation.span.label)


# ------------------------------------------------------------------ flows


def count_entry(
    scope: Scope,
    observation: m.Observation,
    condition: m.Condition,
    state: int,
    entered: Var,
    since: KExpr,
    episode: KExpr,
    left: KExpr,
) -> list[KStmt]:
    """Counts the entry in the report of its (perhaps delayed) time, if this observation wants it.

    ``left``: the state before.
    """
    flow = observation.value
    if not isinstance(flow, m.Flow) or flow.condition != condition.name or state not in flow.states:
        return []
    body: list[KStmt] = []
    at, tests = since, []
    if observation.thinned is not None or observation.delayed is not None:
        draw = scope.fresh("w")
        path = f"{observation.name}.{condition.name}.{condition.states[state]}"
        body.append(Draw(draw, site(path), AGENT, episode, path, observation.span))
        if observation.thinned is not None:
            body += look_at(scope, observation.thinned, "probability")
            tests.append(by_word(scope, f"{path}.thinned", observation.thinned, word(draw, 0), body))
        if observation.delayed is not None:
            at = op("add", since, dwell(scope, observation.delayed, f"{observation.name}.delay", word(draw, 1)))
    inner = _count_at(scope, observation, condition, entered, at)
    body.append(If(all_of(*tests), tuple(inner), span=observation.span) if tests else inner[0])
    body += [] if tests else inner[1:]
    wanted = [any_of(*(test("eq", left, integer(s)) for s in flow.origins))] if flow.origins else []
    wanted += [scope.value(observation.where)] if observation.where is not None else []
    return [If(all_of(*wanted), tuple(body), span=observation.span)] if wanted else body


def _count_at(scope: Scope, observation: m.Observation, condition: m.Condition, entered: Var, at: KExpr) -> list[KStmt]:
    body: list[KStmt] = []
    report = scope.let(body, "report", report_of_tick(scope.builder, observation.name, at), observation.name)
    group = group_code(scope, observation, scope.live | {condition.name: entered})
    reports = Var(str(Reports(observation.name)), "i64")
    add = AtomicAdd(handles.observed(observation.name), (report, group), integer(1), observation.span)
    body.append(If(test("lt", report, reports), (add,), span=observation.span))
    return body


def group_code(scope: Scope, observation: m.Observation, moved: dict[str, KExpr] | None = None) -> KExpr:
    """The agent's group. A condition in ``by`` is read from ``moved``; attributes are as the phase reads them."""
    seen, now = scope.states, scope.states | (moved or {})
    codes: list[KExpr] = []
    for leaf in observation.by:
        scope.states = now if isinstance(leaf, m.StateOf | m.InState) else seen
        codes.append(scope.index(leaf))
    scope.states = seen
    return joined(codes, [radix(leaf) for leaf in observation.by])


# ------------------------------------------------------------------ levels and aggregates


def census_kernel(
    builder: Builder, name: str, aggregate: m.Aggregate, observation: m.Observation | None
) -> tuple[Kernel, list[ScheduleItem]]:
    """Counts or sums over everyone at the boundary; returns the kernel and what joins its partial sums."""
    kept = kept_census(builder, name, aggregate, observation, group_code)
    if kept is not None:
        return kept
    scope = Scope(builder, aggregate.of, now=NEXT)
    body = read_states(scope)
    group = group_code(scope, observation) if observation else integer(0)
    groups = len(observation.groups) if observation else 1
    column = scope.let(body, "group", group) if groups > 1 else integer(0)
    folds: list[ScheduleItem] = [Launch(f"census_{name}")]
    tally = _tallies(builder, name, aggregate.of, groups, folds)
    if aggregate.function == "share":
        body.append(Tally(tally("all", "i64", "add"), column, integer(1)))
    tests: list[KExpr] = [] if aggregate.where is None else [scope.value(aggregate.where)]
    if observation is not None and observation.where is not None:
        tests.append(scope.value(observation.where))
    if observation is not None and observation.thinned is not None:
        tests.append(_thinned_level(scope, observation, body, all_of(*tests)))
    if aggregate.function == "quantile":
        kernel = _value_kernel(scope, name, aggregate, body, all_of(*tests), column, tally)
        return kernel, [*folds, _order(builder, name, aggregate, groups)]
    inner = _tally_value(scope, aggregate, tally, column)
    body += [If(all_of(*tests), tuple(inner), span=aggregate.span)] if tests else inner
    return Kernel(f"census_{name}", aggregate.of, tuple(scope.prologue), tuple(body), aggregate.span), folds


def _value_kernel(
    scope: Scope, name: str, aggregate: m.Aggregate, body: list[KStmt], counts: KExpr, column: KExpr, tally: Tallies
) -> Kernel:
    """Tells everyone's number, and whose number it is: a group's, or nobody's."""
    assert aggregate.what is not None
    builder, kind = scope.builder, aggregate.of
    builder.buffer(f"{name}_values", "f64", (kind,), "scratch")
    builder.buffer(f"{name}_whose", "i32", (kind,), "scratch", note="the group, −1: not counted")
    tell = (
        Tally(tally("count", "i64", "add"), column, integer(1)),
        Store(f"{name}_values", (AGENT,), as_number(scope.value(aggregate.what)), aggregate.span),
    )
    whose = op("select", counts, column, integer(-1))
    body += [Store(f"{name}_whose", (AGENT,), op("to_i32", whose, dtype="i32")), If(counts, tell, span=aggregate.span)]
    return Kernel(f"census_{name}", kind, tuple(scope.prologue), tuple(body), aggregate.span)


def _order(builder: Builder, name: str, aggregate: m.Aggregate, groups: int) -> ScheduleItem:
    into = builder.buffer(f"{name}_quantile", "f64", (groups,), "scratch")
    return OrderStatistic(f"{name}_values", f"{name}_whose", into, aggregate.level)


def _tallies(builder: Builder, name: str, kind: str, groups: int, folds: list[ScheduleItem]):
    def tally(part: str, dtype, how) -> str:
        fill = {"add": 0.0, "min": float("inf"), "max": float("-inf")}[how]
        # Float sums depend on their order: lanes state one that many threads of a GPU can keep at a time.
        lanes = (LANES,) if dtype == "f64" and how == "add" else ()
        rows = builder.buffer(
            handles.tally(f"{name}_{part}"), dtype, (handles.chunks(kind), groups, *lanes), "tally", fill
        )
        total = builder.buffer(f"{name}_{part}", dtype, (groups,), "scratch", fill)
        folds.append(Fold(rows, total, how))
        return rows

    return tally


def _thinned_level(scope: Scope, observation: m.Observation, body: list[KStmt], matters: KExpr) -> KExpr:
    assert observation.thinned is not None
    path = f"{observation.name}.thinned"
    draw = scope.fresh("w")
    report = completed(scope.builder, observation.name, NEXT)
    body.append(Draw(draw, site(path), AGENT, report, path, observation.span))
    looked = look_at(scope, observation.thinned, "probability")
    body += [If(matters, tuple(looked), span=observation.span)] if looked else []
    return by_word(scope, path, observation.thinned, word(draw, 0), body, matters)


def _tally_value(scope: Scope, aggregate: m.Aggregate, tally, column: KExpr) -> list[KStmt]:
    function = aggregate.function
    if function in ("count", "share"):
        return [Tally(tally("count", "i64", "add"), column, integer(1))]
    assert aggregate.what is not None
    body: list[KStmt] = []
    x = scope.let(body, "x", as_number(scope.value(aggregate.what)))
    if function in ("min", "max"):
        body.append(Tally(tally(function, "f64", function), column, x, function))  # type: ignore[arg-type]
    else:
        body.append(Tally(tally("sum", "f64", "add"), column, x))
    body.append(Tally(tally("count", "i64", "add"), column, integer(1)))
    if function == "sd":
        body.append(Tally(tally("squares", "f64", "add"), column, real("mul", x, x)))
    return body


def aggregate_value(scope: Scope, name: str, aggregate: m.Aggregate, column: KExpr) -> KExpr:
    """The aggregate from its joined sums; ``else`` or NaN where nobody is counted."""
    builder = scope.builder

    def total(part: str) -> KExpr:
        return as_number(builder.load(f"{name}_{part}", column))

    match aggregate.function:
        case "count":
            return total("count")
        case "share":
            return real("div", total("count"), total("all"))
        case "sum":
            return total("sum")
        case "mean":
            value = real("div", total("sum"), total("count"))
        case "sd":
            mean = real("div", total("sum"), total("count"))
            squares = real("div", total("squares"), total("count"))
            value = real("sqrt", real("maximum", number(0.0), real("sub", squares, real("mul", mean, mean))))
        case "min" | "max" | "quantile":
            value = total(aggregate.function)
    empty = number(float("nan")) if aggregate.otherwise is None else as_number(scope.value(aggregate.otherwise))
    nobody = test("eq", builder.load(f"{name}_count", column), integer(0))
    return op("select", nobody, empty, value, dtype="f64")


def level_items(builder: Builder, observation: m.Observation) -> list[ScheduleItem]:
    """Census and report of a level observation, at its report times."""
    assert isinstance(observation.value, m.Level)
    kernel, items = census_kernel(builder, observation.name, observation.value.aggregate, observation)
    builder.kernel(kernel)
    scope = Scope(builder, "", now=NEXT)
    group = Var("group", "i64")
    value = aggregate_value(scope, observation.name, observation.value.aggregate, group)
    items.append(report_item(builder, scope, observation, [], value, group))
    return [at_reports(builder, observation, [*view_items(builder, observation, AT_END, NEXT), *items])]


def report_item(
    builder: Builder, scope: Scope, observation: m.Observation, body: list[KStmt], value: KExpr, group: Var
) -> Launch:
    """The kernel that works out a report, group by group, and stores it."""
    late = 1 if is_flow_like(builder.model, observation.name) else 0
    row = op("sub", completed(builder, observation.name, NEXT), integer(late))
    store = Store(handles.observed(observation.name), (row, group), value, observation.span)
    loop = Loop(group.name, integer(0), integer(len(observation.groups)), (*body, store), observation.span)
    kernel = Kernel(f"report_{observation.name}", "", tuple(scope.prologue), (loop,), observation.span)
    return Launch(builder.kernel(kernel))


def at_reports(builder: Builder, observation: m.Observation, items: list[ScheduleItem]) -> Gate:
    """Statements under the test that a report is due."""
    return Gate(completes(builder, observation.name, NEXT), tuple(items), observation.name)


# ------------------------------------------------------------------ formulas and watches


def derived_items(builder: Builder, observation: m.Observation) -> list[ScheduleItem]:
    """The scalar kernel of a formula of other observations, group by group."""
    assert isinstance(observation.value, m.Derived)
    scope = Scope(builder, "", now=NEXT)
    group = Var("group", "i64")
    scope.group = group if len(observation.groups) > 1 else None
    value = as_number(scope.value(observation.value.formula))
    launch = report_item(builder, scope, observation, scope._group_body, value, group)
    return [at_reports(builder, observation, [launch])]


def in_dependency_order(builder: Builder) -> list[m.Observation]:
    """Derived observations, each after those it reads."""
    done: dict[str, m.Observation] = {}

    def visit(observation: m.Observation) -> None:
        if not isinstance(observation.value, m.Derived) or observation.name in done:
            return
        for part in m.walk(observation.value.formula):
            if isinstance(part, m.ObservationRef | m.Rolling):
                visit(builder.model.observation(part.observation))
        done[observation.name] = observation

    for observation in builder.model.observations:
        visit(observation)
    return list(done.values())


def watch_items(builder: Builder, index: int, check: m.CheckAlways) -> list[ScheduleItem]:
    """The value of a ``check always`` after every step."""
    builder.buffer(handles.watched(index), "f64", (OneMore("steps"),), "output", float("nan"), check.span.label)
    scope = Scope(builder, "", now=NEXT)
    items: list[ScheduleItem] = view_items(builder, check, AT_END, NEXT)
    aggregates = dict.fromkeys(e for e in m.walk(check.test) if isinstance(e, m.Aggregate))
    for k, aggregate in enumerate(aggregates):
        name = f"watch_{index}_{k}"
        kernel, census = census_kernel(builder, name, aggregate, None)
        builder.kernel(kernel)
        items += census
        scope.aggregates[aggregate] = aggregate_value(scope, name, aggregate, integer(0))
    value = as_number(scope.value(check.test))
    store = Store(handles.watched(index), (NEXT,), value, check.span)
    items.append(Launch(builder.kernel(Kernel(f"check_{index}", "", tuple(scope.prologue), (store,), check.span))))
    return items

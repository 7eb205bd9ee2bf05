"""Observations of the relaxed program: expected flows, delayed through stages, expected levels, and formulas."""

from __future__ import annotations

from functools import reduce

from lpmdsl.lowering.dense.expressions import Scope, is_flow_like, joined
from lpmdsl.lowering.dense.months import completed, completes
from lpmdsl.lowering.dense.reports.observations import NEXT, as_number, in_dependency_order
from lpmdsl.lowering.relaxed.chances import ONE, ZERO, Chances, Relaxing, minus, plus, simple, times, truth
from lpmdsl.lowering.relaxed.phase_type import ENTRY, LEAVES, Shape
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    LANES,
    Fold,
    Gate,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Let,
    Load,
    Reports,
    ScheduleItem,
    Store,
    Tally,
    Var,
)
from lpmdsl.program.nodes import STEP, integer, number, op, real, test
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.quantile_tables import radix


def declare_observations(relaxing: Relaxing) -> None:
    """Reports in base units (flows: expected counts)."""
    for observation in relaxing.model.observations:
        shape = (Reports(observation.name), len(observation.groups))
        name = handles.observed(observation.name)
        fill = 0.0 if isinstance(observation.value, m.Flow) else float("nan")
        relaxing.builder.buffer(name, "f64", shape, "output", fill, observation.span.label)


# ------------------------------------------------------------------ flows


def flow_tallies(here: Chances, condition: m.Condition, entered: dict[int, KExpr]) -> list[ScheduleItem]:
    """Adds what enters the states of each flow to its groups' sums; the items that join them."""
    folds: list[ScheduleItem] = []
    for observation in here.model.observations:
        flow = observation.value
        if not isinstance(flow, m.Flow) or flow.condition != condition.name:
            continue
        name = f"flow_{observation.name}"
        here.relaxing.scratch(name, (len(observation.groups),), "expected entries of the step")
        here.relaxing.builder.buffer(
            handles.tally(name), "f64", (handles.chunks(condition.of), len(observation.groups), LANES), "tally"
        )
        for state in flow.states:
            if state in entered and entered[state] != ZERO:
                _tally(here, observation, {condition.name: state}, entered[state], handles.tally(name))
        folds.append(Fold(handles.tally(name), name, "add"))
    return folds


def _read_by(observation: m.Observation) -> tuple[m.Expr, ...]:
    return (*observation.by, *(e for e in (observation.where, observation.thinned) if e is not None))


def _tally(here: Chances, observation: m.Observation, given: dict[str, int], amount: KExpr, tally: str) -> None:
    """An amount, in the group of every case of what is random."""

    def value() -> tuple[KExpr, KExpr]:
        weight = ONE if observation.where is None else truth(here.scope.value(observation.where))
        if observation.thinned is not None:
            weight = times(weight, here.scope.value(observation.thinned, "reporting"))
        codes = [here.scope.index(leaf) for leaf in observation.by]
        return weight, simple(joined(codes, [radix(leaf) for leaf in observation.by]))

    for chance, (weight, group) in here.cases(_read_by(observation), given, value):
        part = times(amount, chance, weight)
        if part != ZERO:
            here.body.append(Tally(tally, group, part, span=observation.span))


def report_flows(relaxing: Relaxing, shapes: dict[str, Shape]) -> list[ScheduleItem]:
    """Keeps the flows of every step, and adds them, after their delay, to the report that is open."""
    items: list[ScheduleItem] = []
    for observation in relaxing.model.observations:
        if isinstance(observation.value, m.Flow):
            items += _report_flow(relaxing, observation, shapes.get(observation.name))
    return items


def _report_flow(relaxing: Relaxing, observation: m.Observation, shape: Shape | None) -> list[ScheduleItem]:
    builder, name = relaxing.builder, observation.name
    groups = len(observation.groups)
    kept = builder.buffer(f"flows_{name}", "f64", ("steps", groups), "output", note="expected entries of each step")
    keep = [Store(kept, (STEP, integer(g)), Load(f"flow_{name}", (integer(g),), "f64")) for g in range(groups)]
    builder.kernel(Kernel(f"keep_{name}", "", (), tuple(keep), observation.span))
    body: list[KStmt] = []
    for group in range(groups):
        amount = Var(f"entries_{group}", "f64")
        body.append(Let(amount.name, Load(kept, (STEP, integer(group)), "f64")))
        came = amount if shape is None else _delay(relaxing, observation, shape, group, amount, body)
        body.append(_add(observation, completed(builder, name, STEP), group, came))
    builder.kernel(Kernel(f"report_{name}", "", (), tuple(body), observation.span))
    return [Launch(f"keep_{name}"), Launch(f"report_{name}")]


def _add(observation: m.Observation, open_: KExpr, group: int, amount: KExpr) -> Store:
    """Adds to the report that is open; nothing after the last one."""
    reports, name = Var(str(Reports(observation.name)), "i64"), handles.observed(observation.name)
    row = simple(op("max", integer(0), op("min", open_, op("sub", reports, integer(1)))))
    counts = truth(test("lt", open_, reports))
    so_far = Load(name, (row, integer(group)), "f64")
    return Store(name, (row, integer(group)), real("add", so_far, times(counts, amount)), observation.span)


def _delay(
    relaxing: Relaxing, observation: m.Observation, shape: Shape, group: int, amount: KExpr, body: list[KStmt]
) -> KExpr:
    """The stages of a delay; what leaves the last one is reported in this step."""
    name = f"delay_{observation.name}"
    relaxing.state(name, (len(observation.groups) * shape.stages,), "waiting to be reported")
    numbers = f"stages_{name}"
    leaves = Load(numbers, (integer(LEAVES),), "f64")
    coming: KExpr = ZERO
    entered: list[KExpr] = []
    stores: list[KStmt] = []
    for stage in range(shape.stages):
        at = integer(group * shape.stages + stage)
        waiting, gone = Var(f"waiting_{group}_{stage}", "f64"), Var(f"gone_{group}_{stage}", "f64")
        body += [Let(waiting.name, Load(name, (at,), "f64")), Let(gone.name, times(waiting, leaves))]
        entered.append(times(amount, Load(numbers, (integer(ENTRY + stage),), "f64")))
        stores.append(Store(name, (at,), plus(minus(waiting, gone), coming, entered[-1])))
        coming = gone
    at_once = minus(amount, plus(*entered))
    came = Var(f"came_{group}", "f64")
    body += [Let(came.name, plus(coming, at_once)), *stores]
    return came


# ------------------------------------------------------------------ levels and formulas


def observation_items(relaxing: Relaxing) -> list[ScheduleItem]:
    """Levels at the boundary at which a step ends, then formulas of what is reported."""
    items: list[ScheduleItem] = []
    for observation in relaxing.model.observations:
        if isinstance(observation.value, m.Level):
            items.append(_at_reports(relaxing, observation, _level(relaxing, observation, observation.value.aggregate)))
    for observation in in_dependency_order(relaxing.builder):
        items.append(_at_reports(relaxing, observation, [_formula(relaxing, observation)]))
    return items


def _at_reports(relaxing: Relaxing, observation: m.Observation, items: list[ScheduleItem]) -> Gate:
    due = completes(relaxing.builder, observation.name, NEXT)
    return Gate(simple(due), tuple(items), observation.name)


def _level(relaxing: Relaxing, observation: m.Observation, aggregate: m.Aggregate) -> list[ScheduleItem]:
    builder, groups = relaxing.builder, len(observation.groups)
    here = Chances(relaxing, Scope(builder, aggregate.of, now=NEXT))
    needs = {"count": ("above",), "sum": ("above",), "share": ("above", "below"), "mean": ("above", "below")}
    folds: list[ScheduleItem] = []
    for part in needs[aggregate.function]:
        name = relaxing.scratch(f"{part}_{observation.name}", (groups,))
        builder.buffer(handles.tally(name), "f64", (handles.chunks(aggregate.of), groups, LANES), "tally")
        folds.append(Fold(handles.tally(name), name, "add"))
        _census(here, observation, aggregate, part, handles.tally(name))
    kernel = Kernel(f"census_{observation.name}", aggregate.of, tuple(here.scope.prologue), tuple(here.body),
                    aggregate.span)  # fmt: skip
    values = [_level_value(observation, aggregate, g) for g in range(groups)]
    return [Launch(builder.kernel(kernel)), *folds, _report(relaxing, observation, values, Scope(builder, ""))]


def _census(here: Chances, observation: m.Observation, aggregate: m.Aggregate, part: str, tally: str) -> None:
    """The sum above the line of a share or mean, or that below it."""
    counts_all = part == "below" and aggregate.function == "share"
    wheres = [] if counts_all else [e for e in (aggregate.where, observation.where) if e is not None]
    weights = [] if counts_all or observation.thinned is None else [observation.thinned]
    what = [aggregate.what] if part == "above" and aggregate.what is not None else []

    def value() -> tuple[KExpr, KExpr]:
        weight = times(ONE, *(truth(here.scope.value(e)) for e in (*wheres, *weights, *what)))
        codes = [here.scope.index(leaf) for leaf in observation.by]
        return weight, simple(joined(codes, [radix(leaf) for leaf in observation.by]))

    for chance, (weight, group) in here.cases((*observation.by, *wheres, *weights, *what), {}, value):
        if weight != ZERO:
            here.body.append(Tally(tally, group, times(chance, weight), span=aggregate.span))


def _level_value(observation: m.Observation, aggregate: m.Aggregate, group: int) -> KExpr:
    above = Load(f"above_{observation.name}", (integer(group),), "f64")
    if aggregate.function in ("count", "sum"):
        return above
    return real("div", above, real("max", Load(f"below_{observation.name}", (integer(group),), "f64"), number(1e-12)))


def _report(relaxing: Relaxing, observation: m.Observation, values: list[KExpr], scope: Scope) -> ScheduleItem:
    late = 1 if is_flow_like(relaxing.model, observation.name) else 0
    row = simple(op("sub", completed(relaxing.builder, observation.name, NEXT), integer(late)))
    stores = [Store(handles.observed(observation.name), (row, integer(g)), v, observation.span)
              for g, v in enumerate(values)]  # fmt: skip
    kernel = Kernel(f"report_{observation.name}", "", tuple(scope.prologue), tuple(stores), observation.span)
    return Launch(relaxing.builder.kernel(kernel))


class _FormulaScope(Scope):
    """Formulas without loops: a rolling mean is written out, so that its adjoint can be."""

    def _rolling(self, expr: m.Rolling) -> KExpr:
        window = max(1, round(expr.window / self.builder.model.observation(expr.observation).every))
        last = self.latest(expr.observation)
        parts: list[KExpr] = []
        for back in reversed(range(window)):
            row = op("sub", last, integer(back))
            value = self._group_value(expr.observation, op("max", row, integer(0)), expr.group)
            parts.append(op("select", test("ge", row, integer(0)), value, ZERO, dtype="f64"))
        count = op("to_f64", op("min", op("add", last, integer(1)), integer(window)), dtype="f64")
        mean = real("div", reduce(lambda a, b: real("add", a, b), parts), count)
        return op("select", test("ge", last, integer(0)), mean, number(float("nan")), dtype="f64")


def _formula(relaxing: Relaxing, observation: m.Observation) -> ScheduleItem:
    assert isinstance(observation.value, m.Derived)
    scope = _FormulaScope(relaxing.builder, "", now=NEXT)
    values: list[KExpr] = []
    for group in range(len(observation.groups)):
        scope.group = integer(group) if len(observation.groups) > 1 else None
        values.append(as_number(scope.value(observation.value.formula)))
    return _report(relaxing, observation, values, scope)

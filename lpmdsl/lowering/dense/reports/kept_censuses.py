"""Censuses read from a table of how many agents are in each state and group, which every move keeps up to date."""

from __future__ import annotations

from collections.abc import Callable

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.plan.censuses import Occupancy, occupancy_of
from lpmdsl.program import handles
from lpmdsl.program.ir import Fold, If, Kernel, KExpr, KStmt, Launch, Loop, ScheduleItem, Store, Var
from lpmdsl.program.nodes import STEP, all_of, integer, op, test
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m

Grouping = Callable[[Scope, m.Observation], KExpr]
"""The column in which an agent with the scope's states and attributes is reported."""


def kept_census(
    builder: Builder, name: str, aggregate: m.Aggregate, observation: m.Observation | None, column_of: Grouping
) -> tuple[Kernel, list[ScheduleItem]] | None:
    """The census as sums over the cells of a table; None if there is none for it."""
    one = occupancy_of(builder.model, aggregate, observation) if builder.plan is not None else None
    if one is None:
        return None
    scope = Scope(builder, aggregate.of, now=op("add", STEP, integer(1)))
    groups = len(observation.groups) if observation is not None else 1
    parts = ("all", "count") if aggregate.function == "share" else ("count",)
    group = Var(scope.fresh("group"), "i64")
    empty: list[KStmt] = []
    for part in parts:
        builder.buffer(f"{name}_{part}", "i64", (groups,), "scratch")
        empty.append(Store(f"{name}_{part}", (group,), integer(0)))
    at = Var(scope.fresh("cell"), "i64")
    body = _read_cell(scope, one, at)
    column = column_of(scope, observation) if observation is not None else integer(0)
    if aggregate.function == "share":
        body.append(_added(builder, one, f"{name}_all", column, at))
    tests = [] if aggregate.where is None else [scope.value(aggregate.where)]
    if observation is not None and observation.where is not None:
        tests.append(scope.value(observation.where))
    body.append(If(all_of(*tests), (_added(builder, one, f"{name}_count", column, at),), span=aggregate.span))
    loops = (
        Loop(group.name, integer(0), integer(groups), tuple(empty)),
        Loop(at.name, integer(0), integer(one.cells), tuple(body), aggregate.span),
    )
    return Kernel(f"census_{name}", "", tuple(scope.prologue), loops, aggregate.span), [Launch(f"census_{name}")]


def _added(builder: Builder, one: Occupancy, counter: str, column: KExpr, at: Var) -> Store:
    total = op("add", builder.load(counter, column), builder.load(one.name, at))
    return Store(counter, (column,), total)


def _read_cell(scope: Scope, one: Occupancy, at: Var) -> list[KStmt]:
    """Locals with the state and the attributes of those in a cell; the scope reads them as if they were an agent's."""
    body: list[KStmt] = []
    rest: KExpr = at
    leaves = [*one.attributes, None]
    for leaf, size in reversed(list(zip(leaves, one.sizes, strict=True))):
        name = one.condition.name if leaf is None else leaf.name
        code = scope.let(body, f"{name}_here", op("mod", rest, integer(size)))
        rest = op("floordiv", rest, integer(size))
        if leaf is None:
            scope.states[one.condition.name] = code
        else:
            scope.attributes[leaf.name] = test("ne", code, integer(0)) if leaf.type.kind is Kind.BOOLEAN else code
    return body


def settle_items(builder: Builder) -> list[ScheduleItem]:
    """Add what the moves of a step changed to the tables."""
    items: list[ScheduleItem] = []
    for one in builder.plan.occupancies if builder.plan is not None else ():
        at = Var("cell", "i64")
        total = op("add", builder.load(one.name, at), builder.load(f"{one.name}_change", at))
        loop = Loop(at.name, integer(0), integer(one.cells), (Store(one.name, (at,), total),))
        kernel = Kernel(f"settle_{one.name}", "", (), (loop,), one.condition.span)
        items.append(Fold(handles.tally(one.name), f"{one.name}_change", "add"))
        items.append(Launch(builder.kernel(kernel)))
    return items

"""Costs of interventions: whole numbers of people, starts or active steps are counted, and a price is put on them when
they are reported."""

from __future__ import annotations

from functools import reduce

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.reports.observations import NEXT, at_reports, report_item
from lpmdsl.program.ir import AtomicAdd, KExpr, KStmt, ScheduleItem, Store, Var
from lpmdsl.program.nodes import integer, number, op, real
from lpmdsl.semantics import model as m

_PAID = {"day": "active steps", "person": "people", "start": "starts", "": "nothing"}
_FIRST = integer(0)


def paid(one: m.Intervention) -> str:
    """The name of the buffer that counts what an intervention is paid for."""
    return f"{one.name}_paid"


def declare_paid(builder: Builder, one: m.Intervention) -> None:
    """The counter of what is paid for, if an intervention costs anything."""
    if one.costs is not None:
        builder.buffer(paid(one), "i64", (1,), "control", note=f"{_PAID[one.costs_per]} paid for")
    if is_counted(builder.model, one):
        builder.buffer(reached(one), "i64", (1,), "control", note="people reached")


def is_counted(model: m.Model, one: m.Intervention) -> bool:
    """Return True if an observation counts whom an intervention reaches."""
    counts = (o.value for o in model.observations if isinstance(o.value, m.Spending) and o.value.is_number)
    return any(one.name in value.interventions for value in counts)


def reached(one: m.Intervention) -> str:
    """Name of the buffer that counts whom an intervention reaches."""
    return f"{one.name}_reached"


def count_reached(builder: Builder, one: m.Intervention, count: KExpr) -> Store:
    """Counts people whom a block has reached."""
    return Store(reached(one), (_FIRST,), op("add", builder.load(reached(one), _FIRST), count), one.span)


def pay_here(builder: Builder, one: m.Intervention) -> KStmt:
    """Counts one more that is paid for, in the kernel of a trigger: in every place where it is one of each."""
    if one.place:
        return AtomicAdd(paid(one), (_FIRST,), integer(1), one.span)
    return pay(builder, one, integer(1))


def pay(builder: Builder, one: m.Intervention, count: KExpr) -> Store:
    """Counts what is paid for."""
    return Store(paid(one), (_FIRST,), op("add", builder.load(paid(one), _FIRST), count), one.span)


def spending_items(builder: Builder, observation: m.Observation) -> list[ScheduleItem]:
    """Money of the period: what has been paid for since the last report times its price; or whom it has reached."""
    assert isinstance(observation.value, m.Spending)
    names, is_number = observation.value.interventions, observation.value.is_number
    before = builder.buffer(
        f"{observation.name}_paid_before", "i64", (len(names),), "control", note="paid for at the last report"
    )
    scope = Scope(builder, "", now=NEXT)
    body: list[KStmt] = []
    money: list[KExpr] = []
    for k, name in enumerate(names):
        one, place = builder.model.intervention(name), integer(k)
        counter = reached(one) if is_number else paid(one)
        now = scope.let(body, f"{name}_now", builder.load(counter, _FIRST))
        since = scope.let(body, f"{name}_since", op("sub", now, builder.load(before, place)))
        count = op("to_f64", since, dtype="f64")
        money.append(count if is_number else _money(one, count, builder.model.clock.step))
        body.append(Store(before, (place,), now, observation.span))
    value = scope.let(body, "spent", reduce(lambda a, b: real("add", a, b), money))
    return [
        at_reports(builder, observation, [report_item(builder, scope, observation, body, value, Var("group", "i64"))])
    ]


def _money(one: m.Intervention, count: KExpr, step: float) -> KExpr:
    assert one.costs is not None
    return real("mul", number(one.costs), real("mul", count, number(step)) if one.costs_per == "day" else count)

"""Exposure of mixing groups, or of everybody at random, to each other."""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.contagion.buffers import made_up_buffer, weight_buffer
from lpmdsl.lowering.dense.contagion.weights import total_weight
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.presence import CONTACT, groups_of, runs_today
from lpmdsl.program import handles
from lpmdsl.program.ir import Assign, If, Kernel, KExpr, KStmt, Loop, Store, Var
from lpmdsl.program.nodes import integer, number, op, real, rounded, test
from lpmdsl.semantics import model as m


def group_hazards(
    scope: Scope, contagion: m.Contagion, network: m.Network, group: KExpr, own: KExpr, body: list[KStmt],
    is_again: bool = False,
) -> tuple[Var, Var]:  # fmt: skip
    """Force and exposure of one of ``group`` from everyone: Σ_b round(C[a, b]·W_b / n_b), or round(W / n) unmixed."""
    builder = scope.builder
    groups = len(groups_of(builder, network)[1])
    sums = scope.let(body, "force_on_group", integer(0)), scope.let(body, "mixed", integer(0))
    other = Var(scope.fresh("other_group"), "i64")
    today = None if is_again else runs_today(scope, network)
    inner: list[KStmt] = []
    weight: KExpr = integer(0)
    if not is_again:
        weight = total_weight(scope, contagion, network, other)
        if own != integer(0):
            weight = op("sub", weight, op("select", test("eq", other, group), own, integer(0)))
        if today is not None:
            weight = op("select", today, weight, integer(0))
        weight = scope.let(inner, "sent", weight)
    owed = builder.load(made_up_buffer(contagion, network), other)
    present = builder.load(handles.present(network.name), other)
    for into, sent in zip(sums, (weight, op("add", weight, owed)), strict=True):
        if sent != integer(0):
            share = _mixed_share(builder, network, sent, present, op("add", op("mul", group, integer(groups)), other))
            inner.append(Assign(into.name, op("add", into, share)))
    adding = If(test("gt", present, integer(0)), tuple(inner))
    body.append(Loop(other.name, integer(0), integer(groups), (adding,)))
    return sums


def _mixed_share(builder: Builder, network: m.Network, sent: KExpr, present: KExpr, cell: KExpr) -> KExpr:
    """Exposure that one group brings to one of another, for the number of those present of it."""
    value: KExpr = op("to_f64", sent, dtype="f64")
    if network.mixing is not None:
        table = builder.model.table(network.mixing)
        value = real("mul", builder.load(builder.table_values(table), cell), value)
    shared_by: KExpr = op("to_f64", op("max", present, integer(1)), dtype="f64")
    if network.is_by_person:
        shared_by = real("div", shared_by, number(CONTACT))
    return rounded(real("div", value, shared_by))


def mixing_kernel(builder: Builder, contagion: m.Contagion, network: m.Network, is_again: bool = False) -> Kernel:
    """The exposure of each mixing group and the force on it, once a look."""
    scope = Scope(builder, "")
    group = Var("group", "i64")
    body: list[KStmt] = []
    force, total = group_hazards(scope, contagion, network, group, integer(0), body, is_again)
    name = weight_buffer(contagion, network)
    body.append(Store(handles.hazard(name), (group,), total, network.span))
    if not is_again:
        body.append(Store(handles.force(name), (group,), force, network.span))
    groups = len(groups_of(builder, network)[1])
    loop = Loop(group.name, integer(0), integer(groups), tuple(body), network.span)
    return Kernel(f"mix_{name}{'_again' if is_again else ''}", "", tuple(scope.prologue), (loop,), network.span)

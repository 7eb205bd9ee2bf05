"""Force of infection kept as sums: each agent's weight and presence by its difference from the last time.

Only agents that changed are looked at. When something changed on which all weights may hang, everyone is looked at
once; and in each step where that is time or a report itself. Integers are added, so the sums are those of a fresh
count. On a network where all sources weigh the same, the sum is how many they are, and the weight is for the reader.
"""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.contagion.buffers import made_up_buffer, networks_of, owed_buffer, weight_buffer
from lpmdsl.lowering.dense.contagion.sending import send_owed
from lpmdsl.lowering.dense.contagion.weights import weight_of
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.presence import add_to_shared, for_neighbours, is_static, needs_presence, recount, takes_part
from lpmdsl.lowering.parts import Part
from lpmdsl.lowering.plan.plan import susceptible
from lpmdsl.lowering.sparse.watching import FIRST, varying, watch_kernel
from lpmdsl.lowering.sparse.worklists import at_risk, declare_changed, not_at_risk, plan_of
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    Assign,
    AtomicAdd,
    Claim,
    Clear,
    DType,
    Gate,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Let,
    Mark,
    ScheduleItem,
    Store,
    Var,
)
from lpmdsl.program.nodes import AGENT, STEP, all_of, any_of, integer, op, test
from lpmdsl.semantics import model as m
from lpmdsl.source import Span


def view_items(builder: Builder, kind: str) -> list[ScheduleItem]:
    """The pass that brings what others feel up to date, over those who changed."""
    kernel, name = _refresh_kernel(builder, kind), handles.changed(kind)
    differing = varying(builder, kernel)
    if differing is None:
        return [Launch(builder.kernel(kernel))]
    declare_changed(builder, kind)
    items: list[ScheduleItem] = []
    anew: KExpr = test("eq", STEP, integer(0))
    if differing:
        items.append(Launch(builder.kernel(watch_kernel(builder, kernel, name, differing, anew))))
        anew = test("eq", builder.load(f"{name}_all", FIRST), integer(1))
    everyone = [Launch(builder.kernel(k)) for k in _everyone_kernels(kind, kernel.span)]
    items.append(Gate(anew, tuple(everyone), "everyone anew"))
    body = kernel.body
    if kind in plan_of(builder).acted_on:
        body = (Store(handles.noted(name), (AGENT,), op("to_u8", integer(0), dtype="u8")), *body)
    builder.kernel(replace(kernel, over=name, body=body))
    return [*items, Launch(kernel.name), Clear(handles.size(name))]


def resend_items(builder: Builder, kind: str) -> list[ScheduleItem]:
    """The same pass once more in a step, over those whom its infections changed."""
    name = handles.changed(kind)
    items: list[ScheduleItem] = [Launch(f"refresh_{kind}")]
    return [*items, *([Clear(handles.size(name))] if handles.size(name) in builder.buffers else [])]


def _everyone_kernels(kind: str, span: Span) -> list[Kernel]:
    """The list of those who changed becomes everyone, in order."""
    name = handles.changed(kind)
    listing = Store(name, (AGENT,), op("to_i32", AGENT, dtype="i32"))
    size = Store(handles.size(name), (FIRST,), Var(kind, "i64"))
    return [
        Kernel(f"list_every_{kind}", kind, (), (listing,), span),
        Kernel(f"count_every_{kind}", "", (), (size,), span),
    ]


# ------------------------------------------------------------------ the differences


def _refresh_kernel(builder: Builder, kind: str) -> Kernel:
    scope = Scope(builder, kind)
    body = read_states(scope)
    contagions = [c for c in builder.contagions if builder.model.condition(c.condition).of == kind]
    names = dict.fromkeys(s.network for c in contagions for s in c.spreads if not s.of)
    codes: dict[str, tuple[KExpr, KExpr]] = {}
    """For groups that one may leave: 1 + the agent's group, 0 if absent, at the last look and now."""
    for network in (builder.model.network(n) for n in names):
        if needs_presence(network) and not is_static(builder, network):
            here = scope.let(body, f"{network.name}_takes_part", takes_part(scope, network))
            more, before, now = recount(scope, network, here)
            body += more
            if network.layout == "random":
                codes[network.name] = before, now
    for contagion in contagions:
        for network in (n for n in networks_of(builder, contagion) if not n.is_afresh):
            body += _weight_change(scope, contagion, network, codes.get(network.name))
    note = ", ".join(names)
    return Kernel(f"refresh_{kind}", kind, tuple(scope.prologue), tuple(body), contagions[0].span, note)


def _weight_change(
    scope: Scope, contagion: m.Contagion, network: m.Network, codes: tuple[KExpr, KExpr] | None
) -> list[KStmt]:
    """Adds the difference between the agent's weight now and when it was last sent. Weekdays are up to the reader."""
    builder = scope.builder
    counted = builder.counts_sources(contagion, network)
    dtype: DType = "u8" if counted else "i64"
    note = "whether others count the agent" if counted else "the weight that others have from the agent"
    name = builder.buffer(handles.told(weight_buffer(contagion, network)), dtype, (scope.kind,), "state", note=note)
    body: list[KStmt] = []
    now = scope.let(body, f"weighs_on_{network.name}", integer(0))
    inner: list[KStmt] = []
    weight = integer(1) if counted else weight_of(scope, contagion, network, inner)
    inner.append(Assign(now.name, weight))
    states = contagion.sources_on(network.name)
    is_source = all_of(scope.in_state(contagion.condition, states), takes_part(scope, network))
    body.append(If(is_source, tuple(inner), span=network.span, note=network.name))
    before = scope.let(body, f"told_on_{network.name}", op("to_i64", builder.load(name, AGENT)))
    share: list[KStmt] = []
    owed: KExpr | None = None
    if network.layout == "ties":
        owed = scope.let(body, f"owed_{network.name}", builder.load(owed_buffer(contagion, network), AGENT))
        settled = Store(owed_buffer(contagion, network), (AGENT,), integer(0))
        share.append(If(test("ne", owed, integer(0)), (settled,)))
    else:
        body += send_owed(scope, contagion, network)
    if network.layout == "random" and codes is not None:
        share += _change_group(weight_buffer(contagion, network), before, now, codes)
    else:
        change = scope.let(share, "change", op("sub", now, before))
        share += _share_change(scope, contagion, network, change, owed)
    differs: KExpr = test("ne", before, now)
    if owed is not None:
        differs = any_of(differs, test("ne", owed, integer(0)))
    if codes is not None:
        differs = any_of(differs, test("ne", *codes))
    told = op("to_u8", now, dtype="u8") if counted else now
    body.append(If(differs, (Store(name, (AGENT,), told), *share), span=contagion.span))
    return body


def _share_change(
    scope: Scope, contagion: m.Contagion, network: m.Network, change: Var, owed: KExpr | None
) -> list[KStmt]:
    """Add a change of weight to what others feel; ``owed``: what goes along ties beside it, None elsewhere."""
    name = weight_buffer(contagion, network)
    if owed is None:
        return add_to_shared(scope, network, name, change, span=network.span)
    counted = scope.builder.counts_sources(contagion, network)
    added = op("to_i32", change, dtype="i32") if counted else change
    wakes = _wakes(scope, contagion, any_of(test("gt", change, integer(0)), test("gt", owed, integer(0))))
    into, debt = made_up_buffer(contagion, network), owed

    def tell(neighbour: KExpr) -> list[KStmt]:
        other = Var(scope.fresh("other"), "i64")
        sent = AtomicAdd(name, (other,), added, network.span), AtomicAdd(into, (other,), debt, network.span)
        return [Let(other.name, neighbour), *sent, *wakes(other)]

    return for_neighbours(scope, network, tell)


def _wakes(scope: Scope, contagion: m.Contagion, brings: KExpr):
    """Put those at risk who were not and now have an infectious neighbour."""
    condition = scope.builder.model.condition(contagion.condition)

    def wakes(other: Var) -> list[KStmt]:
        is_listed = plan_of(scope.builder).ways[condition.name] == "listed"
        if not is_listed or not susceptible(condition) or isinstance(contagion, Part):
            return []
        was = Var(scope.fresh("was_at_ease"), "bool")
        claim = Claim(was.name, not_at_risk(condition), other)
        return [If(brings, (claim, If(was, (Mark(at_risk(condition), other, True),))))]

    return wakes


def _change_group(name: str, before: Var, now: Var, codes: tuple[KExpr, KExpr]) -> list[KStmt]:
    """From the group that the agent was in to the one that it is in."""
    was, is_ = (op("sub", code, integer(1)) for code in codes)
    gone = If(test("gt", before, integer(0)), (AtomicAdd(name, (was,), op("neg", before)),))
    come = If(test("gt", now, integer(0)), (AtomicAdd(name, (is_,), now),))
    return [gone, come]

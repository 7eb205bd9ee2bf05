"""Sums of the relaxed program over what agents share: ties, places and mixing groups; the force that follows.

Everyone adds up over its own row of ties, and every place over its members, so no float is added by two at once; the
same rows, read the other way, serve the adjoint.
"""

from __future__ import annotations

from lpmdsl.lowering.dense.contagion.buffers import weight_buffer
from lpmdsl.lowering.dense.contagion.weights import scalings_of
from lpmdsl.lowering.dense.presence import (
    group_of,
    groups_of,
    is_static,
    needs_presence,
    other_ends,
    runs_today,
    takes_part,
)
from lpmdsl.lowering.relaxed.chances import ONE, Chances, Relaxing, minus, plus, times, truth
from lpmdsl.lowering.relaxed.weights import absences, presence_name, read_by, scaled, weight_name
from lpmdsl.program import handles
from lpmdsl.program.gathers import gather_kernel
from lpmdsl.program.ir import (
    Gather,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Load,
    MemberRows,
    Members,
    OneMore,
    PlaceRead,
    RowSum,
    ScheduleItem,
    Store,
)
from lpmdsl.program.nodes import AGENT, integer, number, op, real
from lpmdsl.semantics import model as m


def sum_items(relaxing: Relaxing, contagion: m.Contagion, part: str, networks: list[m.Network]) -> list[ScheduleItem]:
    """Items that sum what everyone feels of a part of the weights (``exposure``) on some networks of a contagion."""
    items: list[ScheduleItem] = []
    for network in networks:
        match network.layout:
            case "ties":
                items += _along_ties(relaxing, contagion, network, part)
            case "place":
                items += _in_places(relaxing, contagion, network, part)
            case "random":
                items += _at_random(relaxing, contagion, network, part)
    return items


def _along_ties(relaxing: Relaxing, contagion: m.Contagion, network: m.Network, part: str) -> list[ScheduleItem]:
    name = weight_buffer(contagion, network)
    source, felt = weight_name(contagion, network, part), f"{name}_felt{part}"
    items = [_sum(relaxing, network, f"feel_{name}{part}", source, felt)]
    if needs_presence(network) and not is_static(relaxing.builder, network):
        around = f"{network.name}_around"
        if around not in relaxing.builder.buffers:
            items.append(_sum(relaxing, network, f"meet_{network.name}", presence_name(network), around))
    return items


def _sum(relaxing: Relaxing, network: m.Network, kernel: str, source: str, into: str) -> ScheduleItem:
    relaxing.scratch(into, (network.of,), "added up over an agent's ties")
    back = network.name
    if network.directed:
        back = other_ends(relaxing.builder, network)  # along which derivatives go back
    there, again = ((handles.offsets(name), handles.targets(name)) for name in (network.name, back))
    gather = Gather(RowSum(network.of, source, into, *there), RowSum(network.of, into, source, *again))
    return Launch(relaxing.builder.kernel(gather_kernel(kernel, gather, network.span)))


def _in_places(relaxing: Relaxing, contagion: m.Contagion, network: m.Network, part: str) -> list[ScheduleItem]:
    name = weight_buffer(contagion, network)
    items = _shared(relaxing, network, name, weight_name(contagion, network, part), f"felt{part}")
    if needs_presence(network) and f"{network.name}_around" not in relaxing.builder.buffers:
        items += _shared(relaxing, network, network.name, presence_name(network), "around")
    return items


def _shared(relaxing: Relaxing, network: m.Network, name: str, source: str, into: str) -> list[ScheduleItem]:
    """A place adds up over its members, and everyone reads the sum of the own place."""
    kind, place = network.of, network.place
    builder = relaxing.builder
    total, felt = f"{name}_{into}_at", f"{name}_{into}"
    places = handles.places(kind, place)
    members, note = (handles.member_rows(kind, place), handles.members(kind, place)), "members of each place"
    builder.buffer(members[0], "i64", (OneMore(places),), "input", note=note, filled=MemberRows(kind, place))
    builder.buffer(members[1], "i32", (kind,), "input", filled=Members(kind, place))
    relaxing.scratch(total, (places,), "added up over a place")
    relaxing.scratch(felt, (kind,), "what the own place adds up to")
    sum_, read = f"sum_{name}_{into}", f"read_{name}_{into}"
    own = handles.attribute(kind, place)
    adds = Gather(RowSum(places, source, total, *members), PlaceRead(kind, total, source, own))
    reads = Gather(PlaceRead(kind, total, felt, own), RowSum(places, felt, total, *members))
    builder.kernel(gather_kernel(sum_, adds, network.span))
    builder.kernel(gather_kernel(read, reads, network.span))
    return [Launch(sum_), Launch(read)]


def _at_random(relaxing: Relaxing, contagion: m.Contagion, network: m.Network, part: str) -> list[ScheduleItem]:
    """The force on one of each mixing group, from everyone: scalar code, one group after the other."""
    builder, name = relaxing.builder, weight_buffer(contagion, network)
    groups = len(groups_of(builder, network)[1])
    relaxing.scratch(f"{name}_force{part}", (groups,), "force of infection on one of the group")
    body: list[KStmt] = []
    for group in range(groups):
        parts = [times(_share(relaxing, network, group, b), Load(f"{name}_sum{part}", (integer(b),), "f64"))
                 for b in range(groups)]  # fmt: skip
        body.append(Store(f"{name}_force{part}", (integer(group),), plus(*parts), network.span))
    return [Launch(builder.kernel(Kernel(f"mix_{name}{part}", "", (), tuple(body), network.span)))]


def _share(relaxing: Relaxing, network: m.Network, group: int, other: int) -> KExpr:
    """Share that one agent of ``group`` gets of the weight of ``other``: contacts over the number present."""
    present = Load(f"{presence_name(network)}_sum", (integer(other),), "f64")
    each = real("div", ONE, real("max", present, number(1e-9)))
    if network.mixing is None:
        return each
    table = relaxing.model.table(network.mixing)
    groups = len(table.keys[0])
    return times(number(float(table.values[group * groups + other])), each)


# ------------------------------------------------------------------ the force on each agent


def force_on(here: Chances, contagion: m.Contagion, state: int, part: str, networks: list[m.Network]) -> KExpr:
    """The agent's expected force in this step while it is in a state, from a part of the weights without its own."""
    terms: list[KExpr] = []
    for network in networks:
        scalings = scalings_of(contagion, network, "target")

        def value(network: m.Network = network, scalings: list[m.Scaling] = scalings) -> KExpr:
            return times(scaled(here.scope, ONE, scalings), truth(takes_part(here.scope, network)))

        exprs = (*read_by(scalings), *absences(here.model, network))
        factor = here.mean(exprs, {contagion.condition: state}, value)
        felt = times(factor, _felt(here, contagion, network, part))
        today = runs_today(here.scope, network)
        terms.append(felt if today is None else times(truth(today), felt))
    return plus(*terms)


def _felt(here: Chances, contagion: m.Contagion, network: m.Network, part: str) -> KExpr:
    name = weight_buffer(contagion, network)
    own = Load(weight_name(contagion, network, part), (AGENT,), "f64")
    if network.layout == "random":
        group = here.let(f"group_on_{network.name}", group_of(here.scope, network))
        all_ = Load(f"{name}_force{part}", (group,), "f64")
        present = Load(f"{presence_name(network)}_sum", (group,), "f64")
        mine = real("div", own, real("max", present, number(1e-9)))
        if network.mixing is not None:
            groups = len(here.model.table(network.mixing).keys[0])
            table = here.relaxing.builder.table_values(here.model.table(network.mixing), network.span)
            mine = real("mul", Load(table, (op("mul", group, integer(groups + 1)),), "f64"), mine)
        return minus(all_, mine)
    felt: KExpr = Load(f"{name}_felt{part}", (AGENT,), "f64")
    if network.layout == "place":
        felt = minus(felt, own)
    if not needs_presence(network):
        return felt
    return real("div", felt, real("max", _others(here, network), number(1e-6)))


def _others(here: Chances, network: m.Network) -> KExpr:
    """Expected number of others present in the agent's place, or among its ties."""
    if network.layout == "place":
        around = Load(f"{network.name}_around", (AGENT,), "f64")
        return minus(around, Load(presence_name(network), (AGENT,), "f64"))
    if not is_static(here.relaxing.builder, network):
        return Load(f"{network.name}_around", (AGENT,), "f64")
    start, stop = (Load(handles.offsets(network.name), (i,), "i64") for i in (AGENT, op("add", AGENT, integer(1))))
    return op("to_f64", op("sub", stop, start), dtype="f64")

"""The infectious add their weight to what they share, a place, a mixing group, the whole population, or to each
neighbour; and what they owe. Sums are integers, so their order does not matter."""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.contagion.buffers import (
    is_owed,
    made_up_buffer,
    notes_debts,
    owed_buffer,
    remembers,
    sent_buffer,
    weight_buffer,
)
from lpmdsl.lowering.dense.contagion.mixing import mixing_kernel
from lpmdsl.lowering.dense.contagion.weights import weight_of
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.presence import add_to_shared, group_of, groups_move, runs_today, takes_part
from lpmdsl.lowering.parts import Part
from lpmdsl.program import handles
from lpmdsl.program.ir import Assign, Clear, Fold, If, Kernel, KExpr, KStmt, Launch, ScheduleItem, Store, Tally, Var
from lpmdsl.program.nodes import AGENT, all_of, integer, op, test
from lpmdsl.semantics import model as m


def expose_items(builder: Builder, contagion: m.Contagion, networks: list[m.Network]) -> list[ScheduleItem]:
    """Add up the weights of the infectious on some networks afresh; at random, the hazard that follows."""
    items: list[ScheduleItem] = [Clear(made_up_buffer(contagion, n)) for n in networks]
    items += [Clear(weight_buffer(contagion, n)) for n in networks if n.layout != "random"]
    for source in dict.fromkeys(contagion.source_on(n.name) for n in networks):
        items.append(Launch(builder.kernel(_expose_kernel(builder, contagion, source, networks))))
    for network in networks:
        if network.layout == "random":
            name = weight_buffer(contagion, network)
            items.append(Fold(handles.tally(name), name, "add"))
            items.append(Launch(builder.kernel(mixing_kernel(builder, contagion, network))))
    return items


def send_items(builder: Builder, contagion: m.Contagion, networks: list[m.Network]) -> list[ScheduleItem]:
    """Send what is owed on some networks of a contagion, and that alone, for a second look."""
    items: list[ScheduleItem] = [Clear(made_up_buffer(contagion, n)) for n in networks]
    for source in dict.fromkeys(contagion.source_on(n.name) for n in networks):
        items.append(Launch(builder.kernel(_send_kernel(builder, contagion, source, networks))))
    for network in networks:
        if network.layout == "random":
            items.append(Launch(builder.kernel(mixing_kernel(builder, contagion, network, is_again=True))))
    return items


def _send_kernel(builder: Builder, contagion: m.Contagion, source: str, networks: list[m.Network]) -> Kernel:
    condition = builder.model.condition(source)
    scope = Scope(builder, condition.of)
    sent = [n for n in networks if contagion.source_on(n.name) == source]
    # States may decide what somebody's mixing group reads as.
    body = read_states(scope) if any(groups_move(builder.model, n) for n in sent) else []
    for network in sent:
        body += send_owed(scope, contagion, network)
    return Kernel(_named("send", contagion, source), condition.of, tuple(scope.prologue), tuple(body), contagion.span)


def send_owed(scope: Scope, contagion: m.Contagion, network: m.Network, sent: KExpr | None = None) -> list[KStmt]:
    """The agent sends what it owes on a network, once; ``sent``: what it has sent already in this look."""
    name = owed_buffer(contagion, network)
    body: list[KStmt] = []
    owed = scope.let(body, f"owed_{network.name}", scope.builder.load(name, AGENT))
    if remembers(contagion):
        before = sent if sent is not None else integer(0)
        body.append(Store(sent_buffer(contagion, network), (AGENT,), op("add", before, owed)))
    told = add_to_shared(scope, network, made_up_buffer(contagion, network), owed)
    settled: list[KStmt] = [Store(name, (AGENT,), integer(0))]
    if notes_debts(scope.builder, network):
        settled.append(Store(is_owed(contagion, network), (integer(0),), integer(1)))
    body.append(If(test("ne", owed, integer(0)), (*told, *settled), span=network.span, note=network.name))
    return body


def _expose_kernel(builder: Builder, contagion: m.Contagion, source: str, networks: list[m.Network]) -> Kernel:
    """The infectious of one condition add their weight to what they share on every network that runs."""
    condition = builder.model.condition(source)
    scope = Scope(builder, condition.of)
    body = read_states(scope)
    sources = tuple(sorted({s for spread in contagion.spreads if (spread.of or contagion.condition) == source
                            for s in spread.states}))  # fmt: skip
    inner: list[KStmt] = []
    owed: list[KStmt] = []
    for network in (n for n in networks if contagion.source_on(n.name) == source):
        sent = scope.let(body, f"sent_on_{network.name}", integer(0)) if remembers(contagion) else None
        inner += _expose_on(scope, contagion, network, sent)
        owed += send_owed(scope, contagion, network, sent)
    body.append(If(scope.in_state(source, sources), tuple(inner), span=contagion.span))
    body += owed
    return Kernel(_named("expose", contagion, source), condition.of, tuple(scope.prologue), tuple(body), contagion.span)


def _named(verb: str, contagion: m.Contagion, source: str) -> str:
    """Name of a kernel over the sources in a condition, for a contagion that they feed."""
    parts = "_to_".join(dict.fromkeys((source, contagion.condition)))
    return f"{verb}_{parts}{contagion.suffix if isinstance(contagion, Part) else ''}"


def _expose_on(scope: Scope, contagion: m.Contagion, network: m.Network, sent: Var | None) -> list[KStmt]:
    body: list[KStmt] = []
    weight = weight_of(scope, contagion, network, body)
    if sent is not None:
        body.append(Assign(sent.name, weight))
    body.append(If(test("gt", weight, integer(0)), tuple(_share_weight(scope, contagion, network, weight))))
    source, states = contagion.source_on(network.name), contagion.sources_on(network.name)
    tests = [scope.in_state(source, states), takes_part(scope, network)]
    today = runs_today(scope, network)
    return [If(all_of(*([today] if today else []), *tests), tuple(body), span=network.span, note=network.name)]


def _share_weight(scope: Scope, contagion: m.Contagion, network: m.Network, weight: KExpr) -> list[KStmt]:
    name = weight_buffer(contagion, network)
    if network.layout == "random":
        return [Tally(handles.tally(name), group_of(scope, network), weight)]
    return add_to_shared(scope, network, name, weight)

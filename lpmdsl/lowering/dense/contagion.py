"""Contagion becomes kernels: what the infectious weigh, and the force of infection on one agent.

The infectious add their weight to what they share (a place, a mixing group, the whole population) or to each neighbour;
a susceptible then reads one number per network. Sums are integers, so their order does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpmdsl.lowering.builder import Builder, held
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.presence import (
    CONTACT,
    counter_shape,
    for_neighbours,
    group_of,
    groups_of,
    needs_presence,
    place_of,
    runs_today,
    takes_part,
)
from lpmdsl.lowering.score.draws import Felt, parts_of
from lpmdsl.lowering.score.statistics import Part
from lpmdsl.program.ir import (
    Assign,
    AtomicAdd,
    Clear,
    Fold,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Loop,
    ScheduleItem,
    Store,
    Tally,
    Var,
)
from lpmdsl.program.nodes import AGENT, all_of, integer, number, op, real, rounded, test
from lpmdsl.quantities import CONTACT_RATE, NUMBER, Kind, Type
from lpmdsl.semantics import model as m

# ------------------------------------------------------------------ weights of the infectious


def networks_of(builder: Builder, contagion: m.Contagion) -> list[m.Network]:
    """The networks of a contagion, each once, in the order in which they are named."""
    names = dict.fromkeys(s.network for s in contagion.spreads)
    return [builder.model.network(n) for n in names]


def weight_buffer(contagion: m.Contagion, network: m.Network) -> str:
    """Name of the buffer of infectious weights on a network."""
    return f"{contagion.condition}_{network.name}{contagion.suffix if isinstance(contagion, Part) else ''}"


def owed_buffer(contagion: m.Contagion, network: m.Network) -> str:
    """Name of the buffer of what each source owes on a network beside its weight."""
    return f"{weight_buffer(contagion, network)}_owed"


def made_up_buffer(contagion: m.Contagion, network: m.Network) -> str:
    """Name of the buffer of what was owed to a place, to a group or along an agent's ties."""
    return f"{weight_buffer(contagion, network)}_made_up"


def forget_made_up(builder: Builder, condition: m.Condition) -> list[KStmt]:
    """Statements that forget what came along an agent's ties, once felt; a dense program empties all in each step."""
    contagion = builder.model.contagion_of(condition.name)
    body: list[KStmt] = []
    for c in (c for c in builder.contagions if contagion is not None and c.condition == condition.name):
        for network in networks_of(builder, c):
            name = made_up_buffer(c, network)
            if builder.plan is not None and network.layout == "ties":
                empty = Store(name, (AGENT,), integer(0))
                body.append(If(test("ne", builder.load(name, AGENT), integer(0)), (empty,)))
    return body


def declare_contagion(builder: Builder, contagion: m.Contagion) -> None:
    """Declare the buffers of a contagion's weights on each of its networks."""
    for network in networks_of(builder, contagion):
        name = weight_buffer(contagion, network)
        _declare_counter(builder, contagion, network)
        if network.layout == "random":
            groups = len(groups_of(builder, network)[1])
            kind = builder.model.condition(contagion.source_on(network.name)).of
            if builder.plan is None or network.is_between:
                builder.buffer(f"{name}_tally", "i64", (f"chunks_{kind}", groups), "tally")
            builder.buffer(f"{name}_hazard", "i64", (groups,), "scratch", note="exposure of one of the group")
            builder.buffer(f"{name}_force", "i64", (groups,), "scratch", note="the force on it as the step ends")


def _declare_counter(builder: Builder, contagion: m.Contagion, network: m.Network) -> None:
    """The dense Program fills it anew in each step; the sparse one keeps it."""
    name, shape = weight_buffer(contagion, network), (counter_shape(builder, network),)
    kind = builder.model.condition(contagion.source_on(network.name)).of
    owed = "what an agent weighed, less the weight of a whole step"
    builder.buffer(owed_buffer(contagion, network), "i64", (kind,), "state", note=owed)
    kept = "state" if builder.plan is not None and network.layout == "ties" else "scratch"
    builder.buffer(made_up_buffer(contagion, network), "i64", shape, kept, note="what was owed")
    role = "scratch" if builder.plan is None or network.is_between else "state"
    if not builder.counts_sources(contagion, network):
        builder.buffer(name, "i64", shape, role, note="sum of the weights of the infectious, 2⁻³² a step")
    elif network.layout == "ties":
        rows = f"{network.name}_{'degree' if builder.is_circles(network) else 'offsets'}"
        builder.buffer(name, "i32", shape, role, note="how many neighbours are infectious", rows=rows)
    else:
        builder.buffer(name, "i64", shape, role, note="how many are infectious")


def total_weight(scope: Scope, contagion: m.Contagion, network: m.Network, index: KExpr) -> KExpr:
    """Weight of all the infectious together at a place, in a group or along an agent's ties."""
    total = scope.builder.load(weight_buffer(contagion, network), index)
    if not scope.builder.counts_sources(contagion, network):
        return total
    (spread,) = (s for s in contagion.spreads if s.network == network.name)
    return op("mul", op("to_i64", total), fixed_weight(scope, contagion, network, spread, []))


def expose_items(builder: Builder, contagion: m.Contagion, networks: list[m.Network]) -> list[ScheduleItem]:
    """Add up the weights of the infectious on some networks afresh; at random, the hazard that follows."""
    items: list[ScheduleItem] = [Clear(made_up_buffer(contagion, n)) for n in networks]
    items += [Clear(weight_buffer(contagion, n)) for n in networks if n.layout != "random"]
    for source in dict.fromkeys(contagion.source_on(n.name) for n in networks):
        items.append(Launch(builder.kernel(_expose_kernel(builder, contagion, source, networks))))
    for network in networks:
        if network.layout == "random":
            name = weight_buffer(contagion, network)
            items.append(Fold(f"{name}_tally", name, "add"))
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
    body: list[KStmt] = []
    for network in networks:
        if contagion.source_on(network.name) == source:
            body += send_owed(scope, contagion, network)
    name = "_to_".join(dict.fromkeys((source, contagion.condition)))
    name += contagion.suffix if isinstance(contagion, Part) else ""
    return Kernel(f"send_{name}", condition.of, tuple(scope.prologue), tuple(body), contagion.span)


def send_owed(scope: Scope, contagion: m.Contagion, network: m.Network) -> list[KStmt]:
    """The agent sends what it owes on a network, once."""
    name = owed_buffer(contagion, network)
    body: list[KStmt] = []
    owed = scope.let(body, f"owed_{network.name}", scope.builder.load(name, AGENT))
    into = made_up_buffer(contagion, network)
    match network.layout:
        case "place":
            sent: list[KStmt] = [AtomicAdd(into, (place_of(scope, network),), owed)]
        case "random":
            sent = [AtomicAdd(into, (group_of(scope, network),), owed)]
        case "ties":
            sent = for_neighbours(scope, network, lambda j: [AtomicAdd(into, (j,), owed)])
    sent.append(Store(name, (AGENT,), integer(0)))
    body.append(If(test("ne", owed, integer(0)), tuple(sent), span=network.span, note=network.name))
    return body


def _expose_kernel(builder: Builder, contagion: m.Contagion, source: str, networks: list[m.Network]) -> Kernel:
    """The infectious of one condition add their weight to what they share on every network that runs."""
    condition = builder.model.condition(source)
    scope = Scope(builder, condition.of)
    body = read_states(scope)
    sources = tuple(sorted({s for spread in contagion.spreads if (spread.of or contagion.condition) == source
                            for s in spread.states}))  # fmt: skip
    inner: list[KStmt] = []
    for network in (n for n in networks if contagion.source_on(n.name) == source):
        inner += _expose_on(scope, contagion, network)
        body += send_owed(scope, contagion, network)
    body.append(If(scope.in_state(source, sources), tuple(inner), span=contagion.span))
    name = "_to_".join(dict.fromkeys((source, contagion.condition)))
    name += contagion.suffix if isinstance(contagion, Part) else ""
    return Kernel(f"expose_{name}", condition.of, tuple(scope.prologue), tuple(body), contagion.span)


def _expose_on(scope: Scope, contagion: m.Contagion, network: m.Network) -> list[KStmt]:
    body: list[KStmt] = []
    weight = weight_of(scope, contagion, network, body)
    body.append(If(test("gt", weight, integer(0)), tuple(_share_weight(scope, contagion, network, weight))))
    spreads = [s for s in contagion.spreads if s.network == network.name]
    states = tuple(sorted({s for spread in spreads for s in spread.states}))
    tests = [scope.in_state(contagion.source_on(network.name), states), takes_part(scope, network)]
    today = runs_today(scope, network)
    return [If(all_of(*([today] if today else []), *tests), tuple(body), span=network.span, note=network.name)]


def sends(scope: Scope, contagion: m.Contagion, network: m.Network, body: list[KStmt]) -> Var:
    """Weight of the agent on a network in the state that ``scope`` says; 0 for who is no source or is absent."""
    total = scope.let(body, "sends", integer(0))
    inner: list[KStmt] = []
    weight = weight_of(scope, contagion, network, inner)
    inner.append(Assign(total.name, weight))
    spreads = [s for s in contagion.spreads if s.network == network.name]
    states = tuple(sorted({s for spread in spreads for s in spread.states}))
    tests = all_of(scope.in_state(contagion.condition, states), takes_part(scope, network))
    body.append(If(tests, tuple(inner), span=network.span, note=network.name))
    return total


def _share_weight(scope: Scope, contagion: m.Contagion, network: m.Network, weight: KExpr) -> list[KStmt]:
    name = weight_buffer(contagion, network)
    match network.layout:
        case "place":
            return [AtomicAdd(name, (place_of(scope, network),), weight)]
        case "random":
            return [Tally(f"{name}_tally", group_of(scope, network), weight)]
        case "ties":
            return for_neighbours(scope, network, lambda j: [AtomicAdd(name, (j,), weight)])


def weight_of(scope: Scope, contagion: m.Contagion, network: m.Network, body: list[KStmt]) -> Var:
    """The agent's weight on a network in fixed point: rate × contacts × step × source scalings, over its spreads."""
    total = scope.let(body, "weight", integer(0))
    for spread in (s for s in contagion.spreads if s.network == network.name):
        inner: list[KStmt] = []
        fixed = fixed_weight(scope, contagion, network, spread, inner)
        inner.append(Assign(total.name, op("add", total, fixed)))
        source = spread.of or contagion.condition
        body.append(If(scope.in_state(source, spread.states), tuple(inner), span=spread.span))
    return total


def fixed_weight(
    scope: Scope, contagion: m.Contagion, network: m.Network, spread: m.Spread, body: list[KStmt]
) -> KExpr:
    """The weight in fixed point by one spread; worked out once where it is the same for all."""
    value = _spread_value(scope, contagion, network, spread, body)
    fixed = held(value)
    if body or _reads_agent(contagion, network, spread):
        return fixed
    return scope.hoist(f"weight_on_{network.name}", fixed, spread.span.label)


def _reads_agent(contagion: m.Contagion, network: m.Network, spread: m.Spread) -> bool:
    parts: list[m.Expr] = [spread.rate, *([network.contacts] if network.contacts is not None else [])]
    for scaling in scalings_of(contagion, network, "source"):
        parts += [scaling.factor, *([scaling.where] if scaling.where is not None else [])]
    return any(m.reads_agent(p) for p in parts)


def _spread_value(
    scope: Scope, contagion: m.Contagion, network: m.Network, spread: m.Spread, body: list[KStmt]
) -> KExpr:
    product: m.Expr = spread.rate
    if network.contacts is not None and network.mixing is None:
        product = m.Apply("mul", (product, network.contacts), NUMBER, spread.span)
    step = m.Literal_(scope.builder.model.clock.step, Type(Kind.NUMBER, CONTACT_RATE), spread.span)
    product = m.Apply("mul", (product, step), NUMBER, spread.span)
    value = scope.value(product, f"rate_on_{network.name}")
    return scaled(scope, value, scalings_of(contagion, network, "source"), body)


def scalings_of(contagion: m.Contagion, network: m.Network, end: str) -> list[m.Scaling]:
    """The scalings of one end that name the network, or name none, in written order."""
    return [s for s in contagion.scalings if s.end == end and (not s.networks or network.name in s.networks)]


def scaled(scope: Scope, value: KExpr, scalings: list[m.Scaling], body: list[KStmt]) -> KExpr:
    """A product with the factors that hold for this agent."""
    for scaling in scalings:
        factor = scope.value(scaling.factor, "scaling")
        if scaling.where is None:
            value = real("mul", value, factor)
            continue
        local = scope.let(body, "scaled", value)
        where = scope.value(scaling.where)
        body.append(If(where, (Assign(local.name, real("mul", local, factor)),), span=scaling.span))
        value = local
    return value


# ------------------------------------------------------------------ the force of infection


@dataclass(frozen=True, slots=True)
class Met:
    """Locals of what an agent meets in a look: its exposure in all, and the force at the end of the step."""

    total: Var
    force: Var


def exposure(
    scope: Scope, condition: m.Condition, state: int, told: Felt | None = None, is_again: bool = False
) -> tuple[list[KStmt], Met]:
    """Statements and the locals that hold what the agent meets in this step (fixed point).

    ``told``: gets the parts of it that the score is made of. ``is_again``: what was owed alone, in a second look.
    """
    contagion = scope.builder.model.contagion_of(condition.name)
    body: list[KStmt] = []
    met = Met(scope.let(body, "met", integer(0), "exposure"), scope.let(body, "force", integer(0), "at the end"))
    for network in networks_of(scope.builder, contagion) if contagion else []:
        assert contagion is not None
        inner: list[KStmt] = []
        weight, total = _sent_on(scope, contagion, network, state, inner, is_again)
        # Most people meet nobody infectious on most days: the rest is worked out only where something is shared.
        felt: list[KStmt] = []
        scalings = scalings_of(contagion, network, "target")
        factor = real("max", number(0.0), scaled(scope, number(1.0), scalings, felt)) if scalings else None
        here = scope.let(felt, f"met_on_{network.name}", _weakened(_spread_evenly(scope, network, total), factor))
        if told is not None:
            felt += _tell(told, contagion, network, state, here, factor, body, is_again)
        felt.append(Assign(met.total.name, op("add", met.total, here)))
        if not is_again:
            force = _weakened(_spread_evenly(scope, network, weight), factor)
            felt.append(Assign(met.force.name, op("add", met.force, force)))
        inner.append(If(test("gt", total, integer(0)), tuple(felt)))
        body.append(If(takes_part(scope, network), tuple(inner), span=network.span, note=network.name))
    return body, met


def _sent_on(
    scope: Scope, contagion: m.Contagion, network: m.Network, state: int, body: list[KStmt], is_again: bool
) -> tuple[KExpr, KExpr]:
    """Weight of the others, and that with what they owe, at the agent's place or along its ties.

    At random it is the hazard on one of the agent's group.
    """
    builder, name = scope.builder, weight_buffer(contagion, network)
    if network.layout == "random":
        group = group_of(scope, network)
        own = integer(0) if is_again else _own_weight(scope, contagion, network, state, body)
        if own == integer(0):
            hazard = scope.let(body, f"from_{network.name}", builder.load(f"{name}_hazard", group))
            return builder.load(f"{name}_force", group), hazard
        hazards = group_hazards(scope, contagion, network, group, own, body, is_again)
        return hazards
    index = place_of(scope, network) if network.layout == "place" else AGENT
    owed = builder.load(made_up_buffer(contagion, network), index)
    if is_again:
        return integer(0), scope.let(body, f"from_{network.name}", owed)
    own = _own_weight(scope, contagion, network, state, body)
    weight: KExpr = minus(total_weight(scope, contagion, network, index), own)
    today = runs_today(scope, network)
    if today is not None:
        weight = op("select", today, weight, integer(0))
    weight = scope.let(body, f"weight_of_{network.name}", weight)
    return weight, scope.let(body, f"from_{network.name}", op("add", weight, owed))


def _weakened(force: KExpr, factor: KExpr | None) -> KExpr:
    """A force times the factor of the one who feels it."""
    return force if factor is None else rounded(real("mul", op("to_f64", force, dtype="f64"), factor))


def _tell(told: Felt, contagion: m.Contagion, network: m.Network, state: int, met: KExpr, factor: KExpr | None,
          before: list[KStmt], is_again: bool) -> list[KStmt]:  # fmt: skip
    """Statements that keep the exposure on a network, and every part of it that follows a parameter by itself."""
    scope, ledger = told.scope, told.ledger
    body: list[KStmt] = []
    slopes, parts = parts_of(ledger, contagion, network)
    scalings = scalings_of(contagion, network, "target")
    for scaling in (s for s in scalings if s.where is None):
        slopes += ledger.free((scaling.factor,))
    body.append(Assign(told.declare(before, slopes, is_whole=True).name, met))
    for part, its in parts:
        _, total = _sent_on(scope, part, network, state, body, is_again)
        shared = _spread_evenly(scope, network, total)
        body.append(Assign(told.declare(before, its).name, _weakened(shared, factor)))
    for scaling in scalings:
        where = None if scaling.where is None else scope.value(scaling.where)
        free = ledger.free((scaling.factor,))
        if free and where is not None:
            body.append(If(where, (Assign(told.declare(before, free).name, met),), span=scaling.span))
        for parameter, slope in ledger.own((scaling.factor,)):
            one = ((parameter, m.Literal_(1.0, NUMBER, slope.span)),)
            value = rounded(real("mul", op("to_f64", met, dtype="f64"), scope.value(slope, "slope")))
            keep = Assign(told.declare(before, one).name, value)
            body.append(keep if where is None else If(where, (keep,), span=scaling.span))
    return body


def can_weigh(contagion: m.Contagion, network: m.Network, state: int) -> bool:
    """Return True if one who is susceptible in ``state`` is also a source on the network."""
    return any(state in s.states for s in contagion.spreads if s.network == network.name and not s.of)


def _own_weight(scope: Scope, contagion: m.Contagion, network: m.Network, state: int, body: list[KStmt]) -> KExpr:
    if network.layout == "ties" or not can_weigh(contagion, network, state):
        return integer(0)
    return weight_of(scope, contagion, network, body)


def minus(value: KExpr, own: KExpr) -> KExpr:
    """Value less the agent's own share of it."""
    return value if own == integer(0) else op("sub", value, own)


def _spread_evenly(scope: Scope, network: m.Network, weight: KExpr) -> KExpr:
    """The weight shared among those present (a place counts oneself), or all of it on every tie."""
    if not needs_presence(network) or network.layout == "random":
        return weight
    if network.layout == "place":
        present = scope.builder.load(f"{network.name}_present", place_of(scope, network))
        divisor = op("sub", present, integer(1))
    else:
        divisor = scope.builder.load(f"{network.name}_present", AGENT)
    shared = op("floordiv", weight, op("max", divisor, integer(1)))
    return op("select", test("gt", divisor, integer(0)), shared, integer(0))


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
    present = builder.load(f"{network.name}_present", other)
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
        builder.buffer(f"table_{table.name}", "f64", (len(table.values),), "constant", note=table.span.label)
        value = real("mul", builder.load(f"table_{table.name}", cell), value)
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
    body.append(Store(f"{name}_hazard", (group,), total, network.span))
    if not is_again:
        body.append(Store(f"{name}_force", (group,), force, network.span))
    groups = len(groups_of(builder, network)[1])
    loop = Loop(group.name, integer(0), integer(groups), tuple(body), network.span)
    return Kernel(f"mix_{name}{'_again' if is_again else ''}", "", tuple(scope.prologue), (loop,), network.span)

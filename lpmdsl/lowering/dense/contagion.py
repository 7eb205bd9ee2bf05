"""Contagion becomes kernels: what the infectious weigh, and the force of infection on one agent.

The infectious add their weight to what they share (a place, a mixing group, the whole population) or to each neighbour;
a susceptible then reads one number per network. Sums are integers, so their order does not matter.
"""

from __future__ import annotations

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


def declare_contagion(builder: Builder, contagion: m.Contagion) -> None:
    """Declare the buffers of a contagion's weights on each of its networks."""
    for network in networks_of(builder, contagion):
        name = weight_buffer(contagion, network)
        _declare_counter(builder, contagion, network)
        if network.layout == "random":
            groups = len(groups_of(builder, network)[1])
            if builder.plan is None or network.is_between:
                kind = builder.model.condition(contagion.source_on(network.name)).of
                builder.buffer(f"{name}_tally", "i64", (f"chunks_{kind}", groups), "tally")
            builder.buffer(f"{name}_hazard", "i64", (groups,), "scratch", note="hazard on one of the group")


def _declare_counter(builder: Builder, contagion: m.Contagion, network: m.Network) -> None:
    """The dense Program fills it anew in each step; the sparse one keeps it."""
    name, shape = weight_buffer(contagion, network), (counter_shape(builder, network),)
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
    items: list[ScheduleItem] = [Clear(weight_buffer(contagion, n)) for n in networks if n.layout != "random"]
    for source in dict.fromkeys(contagion.source_on(n.name) for n in networks):
        items.append(Launch(builder.kernel(_expose_kernel(builder, contagion, source, networks))))
    for network in networks:
        if network.layout == "random":
            name = weight_buffer(contagion, network)
            items.append(Fold(f"{name}_tally", name, "add"))
            items.append(Launch(builder.kernel(mixing_kernel(builder, contagion, network))))
    return items


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


def hazard(scope: Scope, condition: m.Condition, state: int, told: Felt | None = None) -> tuple[list[KStmt], Var]:
    """Statements and the local that hold the agent's force of infection in this step (fixed point).

    ``told``: gets the parts of it that the score is made of.
    """
    contagion = scope.builder.model.contagion_of(condition.name)
    body: list[KStmt] = []
    total = scope.let(body, "force", integer(0), "force of infection")
    for network in networks_of(scope.builder, contagion) if contagion else []:
        assert contagion is not None
        inner: list[KStmt] = []
        own = _own_weight(scope, contagion, network, state, inner)
        weight = scope.let(inner, f"from_{network.name}", _weight_on(scope, contagion, network, own, inner))
        # Most people meet nobody infectious on most days: the rest is worked out only where something is shared.
        felt: list[KStmt] = []
        force = _spread_evenly(scope, network, weight)
        scalings = scalings_of(contagion, network, "target")
        factor = real("max", number(0.0), scaled(scope, number(1.0), scalings, felt)) if scalings else None
        force = _weakened(force, factor)
        if told is not None:
            force = scope.let(felt, f"force_of_{network.name}", force)
            told_here = _tell(told, contagion, network, state, force, factor, body)
            felt += told_here
        felt.append(Assign(total.name, op("add", total, force)))
        inner.append(If(test("gt", weight, integer(0)), tuple(felt)))
        today = runs_today(scope, network)
        tests = [*([today] if today else []), takes_part(scope, network)]
        body.append(If(all_of(*tests), tuple(inner), span=network.span, note=network.name))
    return body, total


def _weakened(force: KExpr, factor: KExpr | None) -> KExpr:
    """A force times the factor of the one who feels it."""
    return force if factor is None else rounded(real("mul", op("to_f64", force, dtype="f64"), factor))


def _tell(told: Felt, contagion: m.Contagion, network: m.Network, state: int, force: KExpr, factor: KExpr | None,
          before: list[KStmt]) -> list[KStmt]:  # fmt: skip
    """Statements that keep the force on a network, and every part of it that follows a parameter by itself."""
    scope, ledger = told.scope, told.ledger
    body: list[KStmt] = []
    slopes, parts = parts_of(ledger, contagion, network)
    scalings = scalings_of(contagion, network, "target")
    for scaling in (s for s in scalings if s.where is None):
        slopes += ledger.free((scaling.factor,))
    body.append(Assign(told.declare(before, slopes, is_whole=True).name, force))
    for part, its in parts:
        own = _own_weight(scope, part, network, state, body)
        weight = _spread_evenly(scope, network, _weight_on(scope, part, network, own, body))
        body.append(Assign(told.declare(before, its).name, _weakened(weight, factor)))
    for scaling in scalings:
        where = None if scaling.where is None else scope.value(scaling.where)
        free = ledger.free((scaling.factor,))
        if free and where is not None:
            body.append(If(where, (Assign(told.declare(before, free).name, force),), span=scaling.span))
        for parameter, slope in ledger.own((scaling.factor,)):
            one = ((parameter, m.Literal_(1.0, NUMBER, slope.span)),)
            value = rounded(real("mul", op("to_f64", force, dtype="f64"), scope.value(slope, "slope")))
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


def _weight_on(scope: Scope, contagion: m.Contagion, network: m.Network, own: KExpr, body: list[KStmt]) -> KExpr:
    """Weight of the others in the agent's place or among its ties; at random: the hazard on one of its group."""
    builder, name = scope.builder, weight_buffer(contagion, network)
    match network.layout:
        case "place":
            return minus(total_weight(scope, contagion, network, place_of(scope, network)), own)
        case "ties":
            return total_weight(scope, contagion, network, AGENT)
        case "random":
            group = group_of(scope, network)
            if own == integer(0):
                return builder.load(f"{name}_hazard", group)
            return group_hazard(scope, contagion, network, group, own, body)


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


def group_hazard(
    scope: Scope, contagion: m.Contagion, network: m.Network, group: KExpr, own: KExpr, body: list[KStmt]
) -> Var:
    """Hazard on one of ``group`` from everyone: Σ_b round(C[a, b]·W_b / n_b), or round(W / n) without mixing."""
    builder = scope.builder
    groups = len(groups_of(builder, network)[1])
    total = scope.let(body, "mixed", integer(0))
    other = Var(scope.fresh("other_group"), "i64")
    weight = total_weight(scope, contagion, network, other)
    if own != integer(0):
        weight = op("sub", weight, op("select", test("eq", other, group), own, integer(0)))
    present = builder.load(f"{network.name}_present", other)
    value: KExpr = op("to_f64", weight, dtype="f64")
    if network.mixing is not None:
        table = builder.model.table(network.mixing)
        builder.buffer(f"table_{table.name}", "f64", (len(table.values),), "constant", note=table.span.label)
        contacts = builder.load(f"table_{table.name}", op("add", op("mul", group, integer(groups)), other))
        value = real("mul", contacts, value)
    shared_by: KExpr = op("to_f64", op("max", present, integer(1)), dtype="f64")
    if network.is_by_person:
        shared_by = real("div", shared_by, number(CONTACT))
    share = rounded(real("div", value, shared_by))
    adding = Assign(total.name, op("add", total, share))
    body.append(Loop(other.name, integer(0), integer(groups), (If(test("gt", present, integer(0)), (adding,)),)))
    return total


def mixing_kernel(builder: Builder, contagion: m.Contagion, network: m.Network) -> Kernel:
    """The hazard on each mixing group, once a step."""
    scope = Scope(builder, "")
    group = Var("group", "i64")
    body: list[KStmt] = []
    value = group_hazard(scope, contagion, network, group, integer(0), body)
    name = weight_buffer(contagion, network)
    body.append(Store(f"{name}_hazard", (group,), value, network.span))
    groups = len(groups_of(builder, network)[1])
    loop = Loop(group.name, integer(0), integer(groups), tuple(body), network.span)
    return Kernel(f"mix_{name}", "", tuple(scope.prologue), (loop,), network.span)

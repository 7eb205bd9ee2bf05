"""Contagion becomes kernels: who is present, what the infectious weigh, and the force of infection on one agent.

The infectious add their weight to what they share (a place, a mixing group, the whole population) or to each neighbour;
a susceptible then reads one number per network. Sums are integers, so their order does not matter.
"""

from __future__ import annotations

from lpmdsl.kernel.builder import (
    AGENT,
    HAZARD_MAX,
    HAZARD_ONE,
    STEP,
    Builder,
    all_of,
    any_of,
    integer,
    number,
    op,
    real,
    rounded,
    test,
)
from lpmdsl.kernel.ir import Assign, AtomicAdd, If, Kernel, KExpr, KStmt, Let, Loop, Store, Tally, Var
from lpmdsl.kernel.lower_expressions import Scope, present_tests, read_states
from lpmdsl.quantities import CONTACT_RATE, NUMBER, Kind, Type
from lpmdsl.semantics import model as m

# ------------------------------------------------------------------ what a network needs


def groups_of(builder: Builder, network: m.Network) -> tuple[str, tuple[str, ...]]:
    """The attribute that a mixing table is by, and its labels; ("", ("",)) without mixing."""
    if network.mixing is None:
        return "", ("",)
    table = builder.model.table(network.mixing)
    return table.key_attributes[0], table.keys[0]


def needs_presence(network: m.Network) -> bool:
    """Whether contacts are spread over those present, who must then be counted."""
    return network.layout == "random" or (network.contacts is not None and not network.per_tie)


def is_static(builder: Builder, network: m.Network) -> bool:
    """Whether nobody can ever be absent from the network, nor change mixing group."""
    model = builder.model
    conditions = [c for c in model.conditions if c.of == network.of]
    leaves = any(network.name in w.networks for c in conditions for w in c.whiles)
    told = any(network.name in w.networks for i in model.interventions for w in i.while_active)
    group, _ = groups_of(builder, network)
    moves = any(a.name == group and a.is_changed for a in model.agent(network.of).attributes)
    return not (leaves or told or moves or any(c.removed for c in conditions))


def declare_network(builder: Builder, network: m.Network) -> None:
    """Inputs of a network: its places or rows, the steps on which it runs, and the counters of those present."""
    kind, name = network.of, network.name
    if network.layout == "place":
        builder.buffer(f"{kind}_{network.place}", "i32", (kind,), "input", note="place of each agent, −1: none")
    if network.layout == "ties":
        builder.buffer(f"{name}_offsets", "i64", (f"{kind}+1",), "input", note="rows of ties")
        builder.buffer(f"{name}_targets", "i32", (f"{name}_ties",), "input")
    if network.days:
        builder.buffer(f"{name}_runs", "u8", ("steps",), "input", note=f"1 on {network.days}")
    if needs_presence(network):
        builder.buffer(f"{name}_present", "i64", (counter_shape(builder, network),), "state", note="how many are present")
        if not is_static(builder, network):
            builder.buffer(f"{name}_here", "u8", (kind,), "state", note="1 + mixing group of those present")


def counter_shape(builder: Builder, network: m.Network) -> int | str:
    match network.layout:
        case "place":
            return f"{network.of}_{network.place}_places"
        case "ties":
            return network.of
        case "random":
            return len(groups_of(builder, network)[1])


def place_of(scope: Scope, network: m.Network) -> KExpr:
    return op("to_i64", scope.builder.load(f"{network.of}_{network.place}", AGENT))


def group_of(scope: Scope, network: m.Network) -> KExpr:
    """The agent's mixing group (0 without mixing)."""
    attribute, _ = groups_of(scope.builder, network)
    if not attribute:
        return integer(0)
    ref = next(a for a in scope.builder.model.agent(network.of).attributes if a.name == attribute)
    return scope.index(m.AttributeRef(network.of, attribute, ref.type, network.span))


def takes_part(scope: Scope, network: m.Network) -> KExpr:
    """Present apart from the weekday: not removed, not kept away, and with a place where one is needed."""
    present = present_tests(scope, network)
    if network.layout == "place":
        return all_of(test("ge", place_of(scope, network), integer(0)), present)
    return present


def runs_today(scope: Scope, network: m.Network) -> KExpr | None:
    """Whether the network runs in this step; None if it always does."""
    if not network.days:
        return None
    name = f"{network.name}_runs"
    taken = next((s for s in scope.prologue if isinstance(s, Let) and s.name == f"{network.name}_today"), None)
    if taken:
        return Var(taken.name, "bool")
    return scope.hoist(f"{network.name}_today", test("ne", scope.builder.load(name, STEP), integer(0)), network.days)


# ------------------------------------------------------------------ presence


def presence_kernel(builder: Builder, network: m.Network) -> Kernel:
    """Keeps the counts of those present; touches only agents who came or went since the last step."""
    scope = Scope(builder, network.of)
    body = read_states(scope)
    here = scope.let(body, f"{network.name}_takes_part", takes_part(scope, network))
    if is_static(builder, network):
        body.append(If(here, tuple(_count(scope, network, group_of(scope, network), 1))))
    else:
        body += _recount(scope, network, here)
    return Kernel(f"presence_{network.name}", network.of, tuple(scope.prologue), tuple(body), network.span)


def _recount(scope: Scope, network: m.Network, here: KExpr) -> list[KStmt]:
    body: list[KStmt] = []
    name = f"{network.name}_here"
    before = scope.let(body, "before", op("to_i64", scope.builder.load(name, AGENT)))
    code = op("add", integer(1), group_of(scope, network))
    now = scope.let(body, "now", op("select", here, code, integer(0)))
    came = If(test("gt", now, integer(0)), tuple(_count(scope, network, op("sub", now, integer(1)), 1)))
    went = If(test("gt", before, integer(0)), tuple(_count(scope, network, op("sub", before, integer(1)), -1)))
    store = Store(name, (AGENT,), op("to_u8", now, dtype="u8"))
    body.append(If(test("ne", before, now), (store, went, came), span=network.span))
    return body


def _count(scope: Scope, network: m.Network, group: KExpr, change: int) -> list[KStmt]:
    counter, delta = f"{network.name}_present", integer(change)
    match network.layout:
        case "place":
            return [AtomicAdd(counter, (place_of(scope, network),), delta)]
        case "random":
            return [AtomicAdd(counter, (group,), delta)]
        case "ties":
            return _for_neighbours(scope, network, lambda j: [AtomicAdd(counter, (j,), delta)])


def _for_neighbours(scope: Scope, network: m.Network, action) -> list[KStmt]:
    builder = scope.builder
    edge = Var(scope.fresh("edge"), "i64")
    neighbour = op("to_i64", builder.load(f"{network.name}_targets", edge))
    start = builder.load(f"{network.name}_offsets", AGENT)
    stop = builder.load(f"{network.name}_offsets", op("add", AGENT, integer(1)))
    return [Loop(edge.name, start, stop, tuple(action(neighbour)))]


# ------------------------------------------------------------------ weights of the infectious


def networks_of(builder: Builder, contagion: m.Contagion) -> list[m.Network]:
    """The networks of a contagion, each once, in the order in which they are named."""
    names = dict.fromkeys(s.network for s in contagion.spreads)
    return [builder.model.network(n) for n in names]


def weight_buffer(contagion: m.Contagion, network: m.Network) -> str:
    return f"{contagion.condition}_{network.name}"


def declare_contagion(builder: Builder, contagion: m.Contagion) -> None:
    for network in networks_of(builder, contagion):
        name = weight_buffer(contagion, network)
        note = "sum of the weights of the infectious, 2⁻³² a step"
        builder.buffer(name, "i64", (counter_shape(builder, network),), "scratch", note=note)
        if network.layout == "random":
            groups = len(groups_of(builder, network)[1])
            builder.buffer(f"{name}_tally", "i64", (f"chunks_{network.of}", groups), "tally")
            builder.buffer(f"{name}_hazard", "i64", (groups,), "scratch", note="hazard on one of the group")


def expose_kernel(builder: Builder, contagion: m.Contagion) -> Kernel:
    """The infectious add their weight to what they share on every network that runs."""
    condition = builder.model.condition(contagion.condition)
    scope = Scope(builder, condition.of)
    body = read_states(scope)
    sources = tuple(sorted({s for spread in contagion.spreads for s in spread.states}))
    inner: list[KStmt] = []
    for network in networks_of(builder, contagion):
        inner += _expose_on(scope, contagion, network)
    body.append(If(scope.in_state(condition.name, sources), tuple(inner), span=contagion.span))
    return Kernel(f"expose_{condition.name}", condition.of, tuple(scope.prologue), tuple(body), contagion.span)


def _expose_on(scope: Scope, contagion: m.Contagion, network: m.Network) -> list[KStmt]:
    body: list[KStmt] = []
    weight = weight_of(scope, contagion, network, body)
    body.append(If(test("gt", weight, integer(0)), tuple(_share_weight(scope, contagion, network, weight))))
    spreads = [s for s in contagion.spreads if s.network == network.name]
    states = tuple(sorted({s for spread in spreads for s in spread.states}))
    tests = [scope.in_state(contagion.condition, states), takes_part(scope, network)]
    today = runs_today(scope, network)
    return [If(all_of(*([today] if today else []), *tests), tuple(body), span=network.span, note=network.name)]


def _share_weight(scope: Scope, contagion: m.Contagion, network: m.Network, weight: KExpr) -> list[KStmt]:
    name = weight_buffer(contagion, network)
    match network.layout:
        case "place":
            return [AtomicAdd(name, (place_of(scope, network),), weight)]
        case "random":
            return [Tally(f"{name}_tally", group_of(scope, network), weight)]
        case "ties":
            return _for_neighbours(scope, network, lambda j: [AtomicAdd(name, (j,), weight)])


def weight_of(scope: Scope, contagion: m.Contagion, network: m.Network, body: list[KStmt]) -> Var:
    """The agent's weight on a network in fixed point: rate × contacts × step × source scalings, over its spreads."""
    total = scope.let(body, "weight", integer(0))
    for spread in (s for s in contagion.spreads if s.network == network.name):
        inner: list[KStmt] = []
        value = _spread_value(scope, contagion, network, spread, inner)
        fixed = op("min", rounded(real("mul", real("max", number(0.0), value), number(HAZARD_ONE))), integer(HAZARD_MAX))
        if not inner and not _reads_agent(contagion, network, spread):
            fixed = scope.hoist(f"weight_on_{network.name}", fixed, spread.span.label)
        inner.append(Assign(total.name, op("add", total, fixed)))
        body.append(If(scope.in_state(contagion.condition, spread.states), tuple(inner), span=spread.span))
    return total


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
        where = scope.truth(scaling.where)
        body.append(If(where, (Assign(local.name, real("mul", local, factor)),), span=scaling.span))
        value = local
    return value


# ------------------------------------------------------------------ the force of infection


def hazard(scope: Scope, condition: m.Condition, state: int) -> tuple[list[KStmt], Var]:
    """Statements and the local that hold the agent's force of infection in this step (fixed point)."""
    contagion = scope.builder.model.contagion_of(condition.name)
    body: list[KStmt] = []
    total = scope.let(body, "force", integer(0), "force of infection")
    for network in networks_of(scope.builder, contagion) if contagion else []:
        assert contagion is not None
        inner: list[KStmt] = []
        own = _own_weight(scope, contagion, network, state, inner)
        weight = scope.let(inner, f"from_{network.name}", _weight_on(scope, contagion, network, own, inner))
        # Most people meet nobody infectious on most days: the rest is worked out only where there is something to share.
        felt: list[KStmt] = []
        force = _spread_evenly(scope, network, weight)
        scalings = scalings_of(contagion, network, "target")
        if scalings:
            factor = scaled(scope, number(1.0), scalings, felt)
            product = real("mul", op("to_f64", force, dtype="f64"), real("max", number(0.0), factor))
            force = rounded(product)
        felt.append(Assign(total.name, op("add", total, force)))
        inner.append(If(test("gt", weight, integer(0)), tuple(felt)))
        today = runs_today(scope, network)
        tests = [*([today] if today else []), takes_part(scope, network)]
        body.append(If(all_of(*tests), tuple(inner), span=network.span, note=network.name))
    return body, total


def can_weigh(contagion: m.Contagion, network: m.Network, state: int) -> bool:
    """Whether one who is susceptible in ``state`` is also a source on the network."""
    return any(state in s.states for s in contagion.spreads if s.network == network.name)


def _own_weight(scope: Scope, contagion: m.Contagion, network: m.Network, state: int, body: list[KStmt]) -> KExpr:
    if network.layout == "ties" or not can_weigh(contagion, network, state):
        return integer(0)
    return weight_of(scope, contagion, network, body)


def _weight_on(scope: Scope, contagion: m.Contagion, network: m.Network, own: KExpr, body: list[KStmt]) -> KExpr:
    """What the others weigh in the agent's place or among its ties; at random already the hazard on one of its group."""
    builder, name = scope.builder, weight_buffer(contagion, network)
    match network.layout:
        case "place":
            return minus(builder.load(name, place_of(scope, network)), own)
        case "ties":
            return builder.load(name, AGENT)
        case "random":
            group = group_of(scope, network)
            if own == integer(0):
                return builder.load(f"{name}_hazard", group)
            return group_hazard(scope, contagion, network, group, own, body)


def minus(value: KExpr, own: KExpr) -> KExpr:
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
    builder, name = scope.builder, weight_buffer(contagion, network)
    groups = len(groups_of(builder, network)[1])
    total = scope.let(body, "mixed", integer(0))
    other = Var(scope.fresh("other_group"), "i64")
    weight = builder.load(name, other)
    if own != integer(0):
        weight = op("sub", weight, op("select", test("eq", other, group), own, integer(0)))
    present = builder.load(f"{network.name}_present", other)
    value: KExpr = op("to_f64", weight, dtype="f64")
    if network.mixing is not None:
        table = builder.model.table(network.mixing)
        builder.buffer(f"table_{table.name}", "f64", (len(table.values),), "constant", note=table.span.label)
        contacts = builder.load(f"table_{table.name}", op("add", op("mul", group, integer(groups)), other))
        value = real("mul", contacts, value)
    share = rounded(real("div", value, op("to_f64", op("max", present, integer(1)), dtype="f64")))
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


def any_removed(scope: Scope, kind: str) -> KExpr:
    """Whether the agent is in a removed state of any condition."""
    conditions = [c for c in scope.builder.model.conditions if c.of == kind and c.removed]
    return any_of(*(scope.in_state(c.name, c.removed) for c in conditions))

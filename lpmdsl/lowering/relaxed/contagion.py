"""Contagion of the relaxed program: expected weights, summed over what agents share, and the force on each agent.

Everyone adds up over its own row of ties, and every place over its members, so no float is added by two at once; the
same rows, read the other way, serve the adjoint.
"""

from __future__ import annotations

from lpmdsl.lowering.dense.contagion import networks_of, scalings_of, weight_buffer
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.presence import group_of, groups_of, is_static, needs_presence, runs_today, takes_part
from lpmdsl.lowering.relaxed.chances import ONE, ZERO, Chances, Gather, Relaxing, minus, plus, simple, times, truth
from lpmdsl.program.ir import (
    LANES,
    Assign,
    Fold,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Let,
    Load,
    Loop,
    ScheduleItem,
    Store,
    Tally,
    Var,
)
from lpmdsl.program.nodes import AGENT, integer, number, op, real, test
from lpmdsl.quantities import BOOLEAN, CONTACT_RATE, NUMBER, Kind, Type
from lpmdsl.semantics import model as m
from lpmdsl.source import Span


def contagion_items(relaxing: Relaxing) -> list[ScheduleItem]:
    """Weights, sums and what everyone feels of them, for every network of every contagion."""
    items: list[ScheduleItem] = []
    for contagion in relaxing.model.contagions:
        items += _weigh(relaxing, contagion)
        for network in networks_of(relaxing.builder, contagion):
            match network.layout:
                case "ties":
                    items += _along_ties(relaxing, contagion, network)
                case "place":
                    items += _in_places(relaxing, contagion, network)
                case "random":
                    items += _at_random(relaxing, contagion, network)
    return items


# ------------------------------------------------------------------ what agents weigh


def absences(model: m.Model, network: m.Network) -> tuple[m.Expr, ...]:
    """Tests that decide, apart from the weekday, whether an agent takes part."""
    found: list[m.Expr] = []
    for condition in (c for c in model.conditions if c.of == network.of):
        if condition.removed:
            found.append(m.InState(condition.name, condition.removed, BOOLEAN, condition.span))
        found += [
            m.InState(condition.name, w.states, BOOLEAN, w.span) for w in condition.whiles if network.name in w.networks
        ]
    for intervention in model.interventions:
        for clause in intervention.while_active:
            if network.name in clause.networks and clause.of == network.of and clause.where is not None:
                found.append(clause.where)
    return tuple(found)


def _weigh(relaxing: Relaxing, contagion: m.Contagion) -> list[ScheduleItem]:
    """The kernel of expected weights and presences. At random they go to their group's sum at once."""
    model = relaxing.model
    condition = model.condition(contagion.condition)
    here = Chances(relaxing, Scope(relaxing.builder, condition.of))
    folds: list[ScheduleItem] = []
    for network in networks_of(relaxing.builder, contagion):
        weight = here.let(f"weight_on_{network.name}", _weight(here, contagion, network))
        relaxing.scratch(weight_name(contagion, network), (condition.of,), "expected weight of the agent")
        here.body.append(Store(weight_name(contagion, network), (AGENT,), weight, network.span))
        if network.layout == "random":
            folds += _to_group(here, network, f"{weight_buffer(contagion, network)}_sum", weight)
        if needs_presence(network):
            folds += _presence(here, network)
    kernel = Kernel(f"weigh_{condition.name}", condition.of, tuple(here.scope.prologue), tuple(here.body),
                    contagion.span)  # fmt: skip
    return [Launch(relaxing.builder.kernel(kernel)), *folds]


def weight_name(contagion: m.Contagion, network: m.Network) -> str:
    """Name of the buffer of expected weights on a network."""
    return f"{weight_buffer(contagion, network)}_weight"


def presence_name(network: m.Network) -> str:
    """Name of the buffer of chances of being present on a network."""
    return f"{network.name}_presence"


def _weight(here: Chances, contagion: m.Contagion, network: m.Network) -> KExpr:
    """Over the states that are sources: the chance of the state × the mean weight in it."""
    terms: list[KExpr] = []
    for state in range(len(here.model.condition(contagion.condition).states)):
        spreads = [s for s in contagion.spreads if s.network == network.name and state in s.states]
        if spreads:
            given = {contagion.condition: state}
            each = [_spread_mean(here, contagion, network, s, given) for s in spreads]
            terms.append(times(here.state(contagion.condition, state), plus(*each)))
    return plus(*terms)


def _spread_mean(
    here: Chances, contagion: m.Contagion, network: m.Network, spread: m.Spread, given: dict[str, int]
) -> KExpr:
    product: m.Expr = spread.rate
    if network.contacts is not None and network.mixing is None:
        product = m.Apply("mul", (product, network.contacts), NUMBER, spread.span)
    step = m.Literal_(here.model.clock.step, Type(Kind.NUMBER, CONTACT_RATE), spread.span)
    product = m.Apply("mul", (product, step), NUMBER, spread.span)
    scalings = scalings_of(contagion, network, "source")

    def value() -> KExpr:
        rate = here.scope.value(product, f"rate_on_{network.name}")
        present = truth(takes_part(here.scope, network))
        return times(scaled(here.scope, rate, scalings), present)

    return here.mean((product, *read_by(scalings), *absences(here.model, network)), given, value)


def read_by(scalings: list[m.Scaling]) -> tuple[m.Expr, ...]:
    """Expressions that scalings read: factors and tests."""
    return tuple(e for s in scalings for e in (s.factor, s.where) if e is not None)


def scaled(scope: Scope, value: KExpr, scalings: list[m.Scaling]) -> KExpr:
    """A product with the factors that hold, never below 0."""
    for scaling in scalings:
        factor = scope.value(scaling.factor, "scaling")
        if scaling.where is not None:
            factor = simple(op("select", simple(scope.value(scaling.where)), factor, ONE, dtype="f64"))
        value = times(value, factor)
    return simple(real("max", value, ZERO)) if scalings else value


def _presence(here: Chances, network: m.Network) -> list[ScheduleItem]:
    """The chance of being present, once for each network; nobody's changes on a network that is static."""
    name = presence_name(network)
    if name in here.relaxing.builder.buffers:
        return []
    present = here.mean(absences(here.model, network), {}, lambda: truth(takes_part(here.scope, network)))
    if network.layout == "ties" and is_static(here.relaxing.builder, network):
        return []
    present = here.let(f"here_on_{network.name}", present)
    here.relaxing.scratch(name, (network.of,), "the chance of being present")
    here.body.append(Store(name, (AGENT,), present, network.span))
    return _to_group(here, network, f"{name}_sum", present) if network.layout == "random" else []


def _to_group(here: Chances, network: m.Network, name: str, value: KExpr) -> list[ScheduleItem]:
    """Adds up over the agents of each mixing group."""
    builder = here.relaxing.builder
    groups = len(groups_of(builder, network)[1])
    here.relaxing.scratch(name, (groups,))
    builder.buffer(f"{name}_tally", "f64", (f"chunks_{network.of}", groups, LANES), "tally")
    here.body.append(Tally(f"{name}_tally", group_of(here.scope, network), value))
    return [Fold(f"{name}_tally", name, "add")]


# ------------------------------------------------------------------ sums over ties and places


def sum_kernel(name: str, domain: str, source: str, into: str, rows: str, ends: str, span: Span,
               adds: bool = False) -> Kernel:  # fmt: skip
    """``into[i]`` is (or grows by) the sum of ``source`` over the row of i."""
    edge, total = Var("edge", "i64"), Var("total", "f64")
    other = op("to_i64", Load(ends, (edge,), "i32"))
    start, stop = Load(rows, (AGENT,), "i64"), Load(rows, (op("add", AGENT, integer(1)),), "i64")
    adding = Assign(total.name, real("add", total, Load(source, (other,), "f64")))
    value: KExpr = real("add", Load(into, (AGENT,), "f64"), total) if adds else total
    body = (Let(total.name, ZERO), Loop(edge.name, start, stop, (adding,)), Store(into, (AGENT,), value, span))
    return Kernel(name, domain, (), body, span)


def read_kernel(name: str, kind: str, source: str, into: str, place: str, span: Span, adds: bool = False) -> Kernel:
    """``into[i]`` is (or grows by) ``source`` at the place of i; nothing for those without a place."""
    mine = Var("place", "i64")
    found = Load(source, (op("max", mine, integer(0)),), "f64")
    value: KExpr = op("select", test("ge", mine, integer(0)), found, ZERO, dtype="f64")
    value = real("add", Load(into, (AGENT,), "f64"), value) if adds else value
    body = (Let(mine.name, op("to_i64", Load(f"{kind}_{place}", (AGENT,), "i32"))), Store(into, (AGENT,), value, span))
    return Kernel(name, kind, (), body, span)


def _along_ties(relaxing: Relaxing, contagion: m.Contagion, network: m.Network) -> list[ScheduleItem]:
    name = weight_buffer(contagion, network)
    items = [_sum(relaxing, network, f"feel_{name}", weight_name(contagion, network), f"{name}_felt")]
    if needs_presence(network) and not is_static(relaxing.builder, network):
        around = f"{network.name}_around"
        if around not in relaxing.builder.buffers:
            items.append(_sum(relaxing, network, f"meet_{network.name}", presence_name(network), around))
    return items


def _sum(relaxing: Relaxing, network: m.Network, kernel: str, source: str, into: str) -> ScheduleItem:
    relaxing.scratch(into, (network.of,), "added up over an agent's ties")
    relaxing.gathers[kernel] = Gather("rows", source, into, network.name, is_place=False)
    rows, ends = f"{network.name}_offsets", f"{network.name}_targets"
    made = sum_kernel(kernel, network.of, source, into, rows, ends, network.span)
    return Launch(relaxing.builder.kernel(made))


def _in_places(relaxing: Relaxing, contagion: m.Contagion, network: m.Network) -> list[ScheduleItem]:
    name = weight_buffer(contagion, network)
    items = _shared(relaxing, network, name, weight_name(contagion, network))
    if needs_presence(network) and f"{network.name}_around" not in relaxing.builder.buffers:
        items += _shared(relaxing, network, network.name, presence_name(network), "around")
    return items


def _shared(relaxing: Relaxing, network: m.Network, name: str, source: str, into: str = "felt") -> list[ScheduleItem]:
    """A place adds up over its members, and everyone reads the sum of the own place."""
    kind, place = network.of, network.place
    builder = relaxing.builder
    total, felt = f"{name}_{into}_at", f"{name}_{into}"
    places = f"{kind}_{place}_places"
    builder.buffer(f"{kind}_{place}_rows", "i64", (f"{places}+1",), "input", note="members of each place")
    builder.buffer(f"{kind}_{place}_members", "i32", (kind,), "input")
    relaxing.scratch(total, (places,), "added up over a place")
    relaxing.scratch(felt, (kind,), "what the own place adds up to")
    sum_, read = f"sum_{name}_{into}", f"read_{name}_{into}"
    relaxing.gathers[sum_] = Gather("rows", source, total, network.name, is_place=True)
    relaxing.gathers[read] = Gather("read", total, felt, network.name, is_place=True)
    rows, members = f"{kind}_{place}_rows", f"{kind}_{place}_members"
    builder.kernel(sum_kernel(sum_, places, source, total, rows, members, network.span))
    builder.kernel(read_kernel(read, kind, total, felt, place, network.span))
    return [Launch(sum_), Launch(read)]


def _at_random(relaxing: Relaxing, contagion: m.Contagion, network: m.Network) -> list[ScheduleItem]:
    """The force on one of each mixing group, from everyone: scalar code, one group after the other."""
    builder, name = relaxing.builder, weight_buffer(contagion, network)
    groups = len(groups_of(builder, network)[1])
    relaxing.scratch(f"{name}_force", (groups,), "force of infection on one of the group")
    body: list[KStmt] = []
    for group in range(groups):
        parts = [times(_share(relaxing, network, group, b), Load(f"{name}_sum", (integer(b),), "f64"))
                 for b in range(groups)]  # fmt: skip
        body.append(Store(f"{name}_force", (integer(group),), plus(*parts), network.span))
    return [Launch(builder.kernel(Kernel(f"mix_{name}", "", (), tuple(body), network.span)))]


def _share(relaxing: Relaxing, network: m.Network, group: int, other: int) -> KExpr:
    """Share that one agent of ``group`` gets of the weight of ``other``: contacts over the number present."""
    present = Load(f"{presence_name(network)}_sum", (integer(other),), "f64")
    each = real("div", ONE, real("max", present, number(1e-9)))
    if network.mixing is None:
        return each
    table = relaxing.model.table(network.mixing)
    groups = len(table.keys[0])
    return times(number(float(table.values[group * groups + other])), each)


# ------------------------------------------------------------------ the force of infection


def force_on(here: Chances, contagion: m.Contagion, state: int) -> KExpr:
    """The agent's expected force of infection in this step while it is in a state, without its own weight."""
    terms: list[KExpr] = []
    for network in networks_of(here.relaxing.builder, contagion):
        scalings = scalings_of(contagion, network, "target")

        def value(network: m.Network = network, scalings: list[m.Scaling] = scalings) -> KExpr:
            return times(scaled(here.scope, ONE, scalings), truth(takes_part(here.scope, network)))

        exprs = (*read_by(scalings), *absences(here.model, network))
        factor = here.mean(exprs, {contagion.condition: state}, value)
        felt = times(factor, _felt(here, contagion, network))
        today = runs_today(here.scope, network)
        terms.append(felt if today is None else times(truth(today), felt))
    # Rounding may leave a place without its own weight a hair below nothing.
    return simple(real("max", plus(*terms), ZERO))


def _felt(here: Chances, contagion: m.Contagion, network: m.Network) -> KExpr:
    name = weight_buffer(contagion, network)
    own = Load(weight_name(contagion, network), (AGENT,), "f64")
    if network.layout == "random":
        group = here.let(f"group_on_{network.name}", group_of(here.scope, network))
        all_ = Load(f"{name}_force", (group,), "f64")
        present = Load(f"{presence_name(network)}_sum", (group,), "f64")
        mine = real("div", own, real("max", present, number(1e-9)))
        if network.mixing is not None:
            groups = len(here.model.table(network.mixing).keys[0])
            table = here.relaxing.builder.buffer(
                f"table_{network.mixing}", "f64", (groups * groups,), "constant", note=network.span.label
            )
            mine = real("mul", Load(table, (op("mul", group, integer(groups + 1)),), "f64"), mine)
        return minus(all_, mine)
    felt: KExpr = Load(f"{name}_felt", (AGENT,), "f64")
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
    start, stop = (Load(f"{network.name}_offsets", (i,), "i64") for i in (AGENT, op("add", AGENT, integer(1))))
    return op("to_f64", op("sub", stop, start), dtype="f64")

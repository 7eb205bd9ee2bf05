"""Expected weights of sources in the relaxed program, and chances of being present."""

from __future__ import annotations

from collections.abc import Mapping

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.contagion.buffers import networks_of, weight_buffer
from lpmdsl.lowering.dense.contagion.weights import scalings_of
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.presence import group_of, groups_of, is_static, needs_presence, takes_part
from lpmdsl.lowering.relaxed.chances import ONE, ZERO, Chances, plus, simple, times, truth
from lpmdsl.program import handles
from lpmdsl.program.ir import LANES, Fold, KExpr, Load, ScheduleItem, Store, Tally
from lpmdsl.program.nodes import AGENT, op, real
from lpmdsl.quantities import BOOLEAN, CONTACT_RATE, NUMBER, Kind, Type
from lpmdsl.semantics import model as m


def weight_name(contagion: m.Contagion, network: m.Network, part: str = "") -> str:
    """Name of the buffer of expected weights on a network; ``part``: see ``exposure``."""
    return f"{weight_buffer(contagion, network)}_weight{part}"


def presence_name(network: m.Network) -> str:
    """Name of the buffer of chances of being present on a network."""
    return f"{network.name}_presence"


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


def lasts(builder: Builder, contagion: m.Contagion, network: m.Network) -> bool:
    """Return True if what is felt of a weight is the same in every step: who shares what, and the target's factor."""
    return not (network.days or scalings_of(contagion, network, "target")) and is_static(builder, network)


def missed_name(contagion: m.Contagion, network: m.Network) -> str:
    """Name of the buffer of weights that were missed in the step before, where it makes no difference when felt."""
    return f"{weight_buffer(contagion, network)}_missed"


def weigh(
    here: Chances, contagion: m.Contagion, covered: Mapping[int, list[KExpr]], part: str, networks: list[m.Network],
    with_missed: bool = False,
) -> list[ScheduleItem]:  # fmt: skip
    """Store what the agent weighs on every network, from the part of the step for which it is in each state.

    At random weights go to their group's sum at once, on ``networks``; the items that join those. ``with_missed``: what
    was missed in the step before is added, where it lasts.
    """
    condition = here.model.condition(contagion.condition)
    folds: list[ScheduleItem] = []
    for network in networks_of(here.relaxing.builder, contagion):
        weight = _weight(here, contagion, network, covered)
        if with_missed and lasts(here.relaxing.builder, contagion, network):
            missed = here.relaxing.state(missed_name(contagion, network), (condition.of,), "weight missed in a step")
            weight = plus(weight, Load(missed, (AGENT,), "f64"))
        weight = here.let(f"weight_on_{network.name}", weight)
        name = weight_name(contagion, network, part)
        here.relaxing.scratch(name, (condition.of,), "expected weight of the agent")
        here.body.append(Store(name, (AGENT,), weight, network.span))
        if network.layout == "random" and network in networks:
            folds += _to_group(here, network, f"{weight_buffer(contagion, network)}_sum{part}", weight)
    return folds


def _weight(
    here: Chances, contagion: m.Contagion, network: m.Network, covered: Mapping[int, list[KExpr]]
) -> KExpr:  # fmt: skip
    """Over the states that are sources: the part of the step in it × the mean weight of a step in it."""
    terms: list[KExpr] = []
    for state in sorted(covered):
        spreads = [s for s in contagion.spreads_on(network.name) if state in s.states]
        if spreads:
            given = {contagion.condition: state}
            each = [_spread_mean(here, contagion, network, s, given) for s in spreads]
            terms.append(times(plus(*covered[state]), plus(*each)))
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


def presence(here: Chances, network: m.Network) -> list[ScheduleItem]:
    """The chance of being present, once for each network; nobody's changes on a network that is static."""
    name = presence_name(network)
    if not needs_presence(network) or name in here.relaxing.builder.buffers:
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
    builder.buffer(handles.tally(name), "f64", (handles.chunks(network.of), groups, LANES), "tally")
    here.body.append(Tally(handles.tally(name), group_of(here.scope, network), value))
    return [Fold(handles.tally(name), name, "add")]

"""Exposure of one agent to the infectious: one number for each network, times the factors of the one who feels it."""

from __future__ import annotations

from dataclasses import dataclass

from lpmdsl.lowering.dense.contagion.buffers import is_owed, made_up_buffer, networks_of, notes_debts, weight_buffer
from lpmdsl.lowering.dense.contagion.mixing import group_hazards
from lpmdsl.lowering.dense.contagion.weights import can_weigh, scaled, scalings_of, total_weight, weight_of
from lpmdsl.lowering.dense.draws import given
from lpmdsl.lowering.dense.expressions import Scope, present_tests
from lpmdsl.lowering.dense.presence import group_of, needs_presence, place_of, runs_today, takes_part
from lpmdsl.program import handles
from lpmdsl.program.ir import Assign, Exposure, If, KExpr, KStmt, Sample, Var
from lpmdsl.program.nodes import AGENT, SURE, all_of, any_of, integer, number, op, real, rounded, test
from lpmdsl.semantics import model as m


@dataclass(frozen=True, slots=True)
class Met:
    """Locals of what an agent meets in a look: its exposure in all, and the force at the end of the step."""

    total: Var
    force: Var


def exposure(
    scope: Scope, condition: m.Condition, state: int, is_again: bool = False, apart: list[Var] | None = None,
    is_own: bool = True,
) -> tuple[list[KStmt], Met]:  # fmt: skip
    """Statements and the locals that hold what the agent meets in this step (fixed point).

    ``is_again``: what was owed alone, in a second look. ``apart``: gets locals of what is met on each network.
    ``is_own``: it is what the condition's own threshold is held against, and not looked at for another's sake.
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
        if apart is not None:
            apart.append(scope.let(body, f"from_all_on_{network.name}", integer(0)))
            felt.append(Assign(apart[-1].name, here))
        if is_own:
            felt.append(_law(scope, contagion, network, state, here, met.total, factor, felt, is_again))
        felt.append(Assign(met.total.name, op("add", met.total, here)))
        if not is_again:
            force = _weakened(_spread_evenly(scope, network, weight), factor)
            felt.append(Assign(met.force.name, op("add", met.force, force)))
        inner.append(If(test("gt", total, integer(0)), tuple(felt)))
        present = present_tests(scope, network) if _reads_any_place(scope, network) else takes_part(scope, network)
        here_too = all_of(*_is_felt_today(scope, contagion, network), present)
        body.append(If(here_too, tuple(inner), span=network.span, note=network.name))
    return body, met


def _reads_any_place(scope: Scope, network: m.Network) -> bool:
    """Return True if who has no place reads another's in vain: a processor would guess wrongly who has one."""
    return network.layout == "place" and scope.builder.plan is not None


def _where_placed(scope: Scope, network: m.Network, value: KExpr, body: list[KStmt]) -> KExpr:
    """A value read at the agent's place, 0 where it has none; read by all, so that there is no branch."""
    if not _reads_any_place(scope, network):
        return value
    read = scope.let(body, f"at_{network.name}", value)
    return op("select", test("ge", place_of(scope, network), integer(0)), read, integer(0))


def _is_felt_today(scope: Scope, contagion: m.Contagion, network: m.Network) -> list[KExpr]:
    """Test that a network runs in this step or that something was owed on it, where that is noted."""
    today = runs_today(scope, network)
    if today is None or not notes_debts(scope.builder, network):
        return []
    owed = test("ne", scope.builder.load(is_owed(contagion, network), integer(0)), integer(0))
    return [any_of(today, scope.hoist(f"{network.name}_owed", owed))]


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
            hazard = scope.let(body, f"from_{network.name}", builder.load(handles.hazard(name), group))
            return builder.load(handles.force(name), group), hazard
        hazards = group_hazards(scope, contagion, network, group, own, body, is_again)
        return hazards
    index = place_of(scope, network) if network.layout == "place" else AGENT
    if _reads_any_place(scope, network):
        index = op("max", index, integer(0))
    owed = builder.load(made_up_buffer(contagion, network), index)
    if is_again:
        return integer(0), scope.let(body, f"from_{network.name}", _where_placed(scope, network, owed, body))
    own = _own_weight(scope, contagion, network, state, body)
    weight: KExpr = minus(total_weight(scope, contagion, network, index), own)
    today = runs_today(scope, network)
    if today is not None:
        weight = op("select", today, weight, integer(0))
    weight = scope.let(body, f"weight_of_{network.name}", weight)
    total = _where_placed(scope, network, op("add", weight, owed), body)
    return weight, scope.let(body, f"from_{network.name}", total)


def _weakened(force: KExpr, factor: KExpr | None) -> KExpr:
    """A force times the factor of the one who feels it; what is more than sure to infect fits into no integer."""
    if factor is None:
        return force
    return rounded(real("min", real("mul", op("to_f64", force, dtype="f64"), factor), number(SURE)))


def _law(scope: Scope, contagion: m.Contagion, network: m.Network, state: int, met: Var, total: Var,
         factor: KExpr | None, body: list[KStmt], is_again: bool) -> Sample:  # fmt: skip
    """Law of what was met on a network, with what of it came from each part of the sources that is counted apart."""
    apart: list[KExpr] = []
    for part in scope.builder.parts_on(contagion, network):
        _, sent = _sent_on(scope, part, network, state, body, is_again)
        apart.append(_weakened(_spread_evenly(scope, network, sent), factor))
    scalings = scalings_of(contagion, network, "target")
    read = given(scope, *(e for s in scalings for e in (s.factor, s.where) if e is not None))
    law = Exposure(contagion.condition, network.name, total, met, tuple(apart), read)
    return Sample("", contagion.condition, law, network.span)


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
        present = scope.builder.load(handles.present(network.name), place_of(scope, network))
        divisor = op("sub", present, integer(1))
    else:
        divisor = scope.builder.load(handles.present(network.name), AGENT)
    shared = op("floordiv", weight, op("max", divisor, integer(1)))
    return op("select", test("gt", divisor, integer(0)), shared, integer(0))

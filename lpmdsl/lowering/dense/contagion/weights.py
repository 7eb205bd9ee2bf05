"""Weights of the infectious on a network: rate, contacts and step, times the factors of the source."""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.lowering.builder import held
from lpmdsl.lowering.dense.contagion.buffers import weight_buffer
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.parts import Moved
from lpmdsl.program.ir import Assign, If, KExpr, KStmt, Var
from lpmdsl.program.nodes import STEP, integer, op, real
from lpmdsl.quantities import CONTACT_RATE, NUMBER, Kind, Type
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.quantile_tables import TICKS

MIDDLE = op("add", op("mul", STEP, integer(TICKS)), integer(TICKS // 2))
"""The tick in the middle of step t."""


def weight_of(scope: Scope, contagion: m.Contagion, network: m.Network, body: list[KStmt]) -> Var:
    """The agent's weight on a network in fixed point: rate × contacts × step × source scalings, over its spreads.

    How long ago a source moved is read at ``scope.since_at``, or in the middle of the step.
    """
    if scope.since_at is None and reads_since(contagion, network):
        scope = replace(scope, since_at=MIDDLE)
    total = scope.let(body, "weight", integer(0))
    if isinstance(contagion, Moved):
        return total
    for spread in contagion.spreads_on(network.name):
        inner: list[KStmt] = []
        fixed = fixed_weight(scope, contagion, network, spread, inner)
        inner.append(Assign(total.name, op("add", total, fixed)))
        source = spread.of or contagion.condition
        body.append(If(scope.in_state(source, spread.states), tuple(inner), span=spread.span))
    return total


def reads_since(contagion: m.Contagion, network: m.Network) -> bool:
    """Return True if what a source weighs on a network hangs on how long ago it moved."""
    parts = (p for spread in contagion.spreads_on(network.name) for p in weight_parts(contagion, network, spread))
    return any(isinstance(e, m.Since) for part in parts for e in m.walk(part))


def fixed_weight(
    scope: Scope, contagion: m.Contagion, network: m.Network, spread: m.Spread, body: list[KStmt]
) -> KExpr:
    """The weight in fixed point by one spread; worked out once where it is the same for all."""
    value = _spread_value(scope, contagion, network, spread, body)
    fixed = held(value)
    if body or any(m.reads_agent(p) for p in weight_parts(contagion, network, spread)):
        return fixed
    return scope.hoist(f"weight_on_{network.name}", fixed, spread.span.label)


def weight_parts(contagion: m.Contagion, network: m.Network, spread: m.Spread) -> list[m.Expr]:
    """Expressions of which a source's weight by one spread is made."""
    parts: list[m.Expr] = [spread.rate, *([network.contacts] if network.contacts is not None else [])]
    for scaling in scalings_of(contagion, network, "source"):
        parts += [scaling.factor, *([scaling.where] if scaling.where is not None else [])]
    return parts


def _spread_value(
    scope: Scope, contagion: m.Contagion, network: m.Network, spread: m.Spread, body: list[KStmt]
) -> KExpr:
    value = scope.value(_rate(scope.builder.model, network, spread), f"rate_on_{network.name}")
    return scaled(scope, value, scalings_of(contagion, network, "source"), body)


def _rate(model: m.Model, network: m.Network, spread: m.Spread) -> m.Expr:
    """The hazard of a spread in a whole step, before it is scaled."""
    product: m.Expr = spread.rate
    if network.contacts is not None and network.mixing is None:
        product = m.Apply("mul", (product, network.contacts), NUMBER, spread.span)
    step = m.Literal_(model.clock.step, Type(Kind.NUMBER, CONTACT_RATE), spread.span)
    return m.Apply("mul", (product, step), NUMBER, spread.span)


def constant_rate(model: m.Model, contagion: m.Contagion, network: m.Network, spread: m.Spread) -> m.Expr:
    """The hazard of a source in a whole step, where it is one number: scaled for everybody, if at all."""
    product = _rate(model, network, spread)
    for scaling in scalings_of(contagion, network, "source"):
        product = m.Apply("mul", (product, scaling.factor), NUMBER, spread.span)
    return product


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


def can_weigh(contagion: m.Contagion, network: m.Network, state: int) -> bool:
    """Return True if one who is susceptible in ``state`` is also a source on the network."""
    return any(state in s.states for s in contagion.spreads_on(network.name) if not s.of)


def total_weight(scope: Scope, contagion: m.Contagion, network: m.Network, index: KExpr) -> KExpr:
    """Weight of all the infectious together at a place, in a group or along an agent's ties."""
    total = scope.builder.load(weight_buffer(contagion, network), index)
    if not scope.builder.counts_sources(contagion, network):
        return total
    (spread,) = contagion.spreads_on(network.name)
    return op("mul", op("to_i64", total), fixed_weight(scope, contagion, network, spread, []))

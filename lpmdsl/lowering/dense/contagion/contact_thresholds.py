"""Thresholds kept as a number of contacts with the infectious, each of the same hazard, and a rest.

Where each infectious neighbour adds the same hazard w in every step, what is left of a threshold is (n − 1)·w + r, with
r from 1 to w: a number of contacts and a rest. Contacts are small integers, of which a processor takes many at a time,
so blocks of agents are gone through without asking who of them is at risk. The rest changes only when a neighbour comes
or goes within a step. It may grow beyond w, so that as a rule one place in memory is touched and not two; who has no
contact left is looked at with what the rest holds more. The sums are those of adding up hazards, to the bit.
"""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.contagion.buffers import networks_of, weight_buffer
from lpmdsl.lowering.dense.contagion.weights import constant_rate, fixed_weight
from lpmdsl.lowering.dense.courses import left_buffer
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.program import handles
from lpmdsl.program.ir import Const, KExpr, KStmt, Store, Var
from lpmdsl.program.nodes import AGENT, integer, op, test
from lpmdsl.semantics import model as m

AHEAD = 5
"""The most contacts that are carried to a rest beyond what it needs, so that it is long until the next time."""
FEW_BYTES = 1 << 32
"""Rests are below this where the weight of a contact is below a quarter of it (``Buffer.hazard``)."""


def spread_of(builder: Builder, condition: m.Condition) -> tuple[m.Contagion, m.Network, m.Spread]:
    """The contagion of a condition at a constant hazard, its only network and its only kind of sources."""
    contagion = builder.model.contagion_of(condition.name)
    assert contagion is not None
    (network,), (spread,) = networks_of(builder, contagion), contagion.spreads
    return contagion, network, spread


def rest_buffer(condition: m.Condition) -> str:
    """Name of the buffer of what is left of a threshold beside whole contacts: 1 or more, at first at most a weight."""
    return f"{condition.name}_rest"


def declare_rest(builder: Builder, condition: m.Condition) -> None:
    """Declare the buffer of rests, in as few bytes as the weight of a contact asks for."""
    contagion, network, spread = spread_of(builder, condition)
    rate = constant_rate(builder.model, contagion, network, spread)
    _, load = builder.constant(rate, f"rate_on_{network.name}")
    (place,) = load.index
    assert isinstance(place, Const)
    note = "what is left beside whole contacts"
    builder.buffer(rest_buffer(condition), "i64", (condition.of,), "state", 1, note, hazard=int(place.value))


def weight_of_contact(scope: Scope, condition: m.Condition) -> KExpr:
    """Hazard that each infectious neighbour adds in a whole step."""
    contagion, network, spread = spread_of(scope.builder, condition)
    return fixed_weight(scope, contagion, network, spread, [])


def contacts_left(scope: Scope, condition: m.Condition, threshold: Var, into: str) -> list[KStmt]:
    """Keeps ⌈threshold / weight⌉ contacts, and the rest; more than anyone has where the weight is nothing."""
    weight = weight_of_contact(scope, condition)
    one = one_contact(weight)
    body: list[KStmt] = []
    whole = scope.let(body, "whole", op("floordiv", op("sub", threshold, integer(1)), one))
    never = scope.hoist("never", scope.builder.load(handles.never(into), integer(0)))
    contacts = op("add", whole, integer(1))
    fewest = op("select", test("gt", weight, integer(0)), op("min", contacts, never), never)
    rest = op("sub", threshold, op("mul", whole, one))
    if condition.name not in scope.builder.again:
        return [*body, *keep_contacts(condition, AGENT, fewest, rest)]
    # In a second look sources owe what they weighed: rests only fall.
    ahead = _ahead(scope, condition, fewest, body)
    return [*body, *keep_contacts(condition, AGENT, op("sub", fewest, ahead), op("add", rest, op("mul", ahead, one)))]


def keep_contacts(condition: m.Condition, agent: KExpr, contacts: KExpr, rest: KExpr) -> list[KStmt]:
    """Stores of whole contacts and of the rest of an agent's threshold."""
    whole = op("to_i32", contacts, dtype="i32")
    return [Store(left_buffer(condition.name, 0), (agent,), whole), Store(rest_buffer(condition), (agent,), rest)]


def _ahead(scope: Scope, condition: m.Condition, contacts: KExpr, body: list[KStmt]) -> Var:
    """Contacts that are carried to a rest before it needs them: fewer than half, and to half of the rest's room."""
    room = _room(scope, condition, op("shr", most_of_rest(scope, condition), integer(1)))
    most = scope.hoist("most_ahead", op("max", op("min", op("sub", room, integer(1)), integer(AHEAD)), integer(0)))
    spare = op("max", op("shr", op("sub", contacts, integer(1)), integer(1)), integer(0))
    return scope.let(body, "ahead", op("min", spare, most))


def _room(scope: Scope, condition: m.Condition, most: KExpr) -> KExpr:
    """Number of whole contacts for which so much of a rest has room."""
    return op("floordiv", most, one_contact(weight_of_contact(scope, condition)))


def carried_ahead(scope: Scope, condition: m.Condition, contacts: Var, body: list[KStmt]) -> Var:
    """The same of anybody: all that the rest has room for of one who is not susceptible, or never reached."""
    ahead = _ahead(scope, condition, contacts, body)
    if condition.name not in scope.builder.again:
        return ahead  # rests rise and fall: they stay longest where they are in the middle
    room = op("sub", _room(scope, condition, most_of_rest(scope, condition)), integer(1))
    all_of_it = scope.hoist("room", op("max", room, integer(0)))
    never = scope.hoist("never", scope.builder.load(handles.never(left_buffer(condition.name, 0)), integer(0)))
    waits_for_nothing = test("gt", contacts, op("shr", never, integer(1)))
    return scope.let(body, "carried", op("select", waits_for_nothing, all_of_it, ahead))


def reached(
    scope: Scope, condition: m.Condition, body: list[KStmt], into: str
) -> tuple[KExpr, KExpr, list[KStmt], list[KStmt]]:
    """Rest of a threshold, the force on the agent, what is kept if it is reached, and if not; in fixed point.

    No contact is left (``Spend``), but the rest may be more than the weight of one: then something is left.
    """
    builder, weight = scope.builder, weight_of_contact(scope, condition)
    contagion, network, _ = spread_of(builder, condition)
    never = scope.hoist("never", builder.load(handles.never(into), integer(0)))
    contacts = scope.let(body, "contacts", op("sub", op("to_i64", builder.load(into, AGENT)), never))
    rest = scope.let(body, "rest", op("to_i64", builder.load(rest_buffer(condition), AGENT)))
    left = scope.let(body, "left", op("add", op("mul", op("sub", contacts, integer(1)), weight), rest))
    count = op("to_i64", builder.load(weight_buffer(contagion, network), AGENT))
    # Whoever is no longer susceptible has a rest that neighbours may add to and take from without carrying.
    only_falls = condition.name in builder.again
    roomy = most_of_rest(scope, condition) if only_falls else op("shr", most_of_rest(scope, condition), integer(1))
    caught: list[KStmt] = [Store(rest_buffer(condition), (AGENT,), roomy)]
    stays: list[KStmt] = []
    contacts, rest = carried(scope, condition, contacts, rest, stays)
    return left, op("mul", count, weight), caught, [*stays, *keep_contacts(condition, AGENT, contacts, rest)]


def one_contact(weight: KExpr) -> KExpr:
    """The weight of a contact to divide by: 1 where it is nothing."""
    return op("max", weight, integer(1))


def most_of_rest(scope: Scope, condition: m.Condition) -> KExpr:
    """The most that a rest may hold before whole contacts are carried: as much as its bytes have room for."""
    weight = weight_of_contact(scope, condition)
    room, more = op("sub", integer(FEW_BYTES - 1), weight), op("mul", integer(8), weight)
    most = op("select", test("lt", weight, integer(FEW_BYTES // 4)), room, more)
    return scope.hoist("most", most)


def carried(scope: Scope, condition: m.Condition, contacts: KExpr, rest: KExpr, body: list[KStmt]) -> tuple[Var, Var]:
    """Contacts and rest, with whole contacts carried so that the rest is from 1 to the weight of one."""
    one = one_contact(weight_of_contact(scope, condition))
    whole = scope.let(body, "whole", op("floordiv", op("sub", rest, integer(1)), one))
    more = scope.let(body, "contacts", op("add", contacts, whole))
    return more, scope.let(body, "rest", op("sub", rest, op("mul", whole, one)))

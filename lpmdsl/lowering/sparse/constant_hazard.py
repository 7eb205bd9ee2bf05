"""Contagion along ties at a constant hazard: the susceptible wait for a number of contacts with the infectious.

Where each infectious neighbour adds the same hazard w in every step, what is left of a threshold is (n − 1)·w + r, with
r from 1 to w: a number of contacts and a rest. Contacts are small integers, of which a processor takes many at a time,
so blocks of agents are gone through without asking who of them is at risk. The rest changes only when a neighbour comes
or goes within a step. It may grow beyond w, so that as a rule one place in memory is touched and not two; who has no
contact left is looked at with what the rest holds more. The sums are those of adding up hazards, to the bit.
"""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.contagion.buffers import networks_of, owed_buffer, weight_buffer
from lpmdsl.lowering.dense.contagion.weights import constant_rate, fixed_weight
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.presence import for_neighbours
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    Append,
    AtomicAdd,
    Const,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Let,
    ScheduleItem,
    Spend,
    Store,
    Var,
)
from lpmdsl.program.nodes import AGENT, any_of, integer, op, test
from lpmdsl.semantics import model as m

BLOCK_BITS = 6
"""log₂ of ``ir.SPENT_TOGETHER``."""
AHEAD = 5
"""The most contacts that are carried to a rest beyond what it needs, so that it is long until the next time."""
FEW_BYTES = 1 << 32
"""Rests are below this where the weight of a contact is below a quarter of it (``Buffer.hazard``)."""


def dirty_blocks(condition: m.Condition) -> str:
    """Name of the marks of blocks of 64 agents in which somebody may have infectious contacts."""
    return f"{condition.name}_stirred"


def _spread_of(builder: Builder, condition: m.Condition) -> tuple[m.Contagion, m.Network, m.Spread]:
    contagion = builder.model.contagion_of(condition.name)
    assert contagion is not None
    (network,), (spread,) = networks_of(builder, contagion), contagion.spreads
    return contagion, network, spread


def rest_buffer(condition: m.Condition) -> str:
    """Name of the buffer of what is left of a threshold beside whole contacts: 1 or more, at first at most a weight."""
    return f"{condition.name}_rest"


def declare_rest(builder: Builder, condition: m.Condition) -> None:
    """Declare the buffer of rests, in as few bytes as the weight of a contact asks for."""
    contagion, network, spread = _spread_of(builder, condition)
    rate = constant_rate(builder.model, contagion, network, spread)
    _, load = builder.constant(rate, f"rate_on_{network.name}")
    (place,) = load.index
    assert isinstance(place, Const)
    note = "what is left beside whole contacts"
    builder.buffer(rest_buffer(condition), "i64", (condition.of,), "state", 1, note, hazard=int(place.value))


def weight_of_contact(scope: Scope, condition: m.Condition) -> KExpr:
    """Hazard that each infectious neighbour adds in a whole step."""
    contagion, network, spread = _spread_of(scope.builder, condition)
    return fixed_weight(scope, contagion, network, spread, [])


def contacts_left(scope: Scope, condition: m.Condition, threshold: Var, into: str) -> list[KStmt]:
    """Keeps ⌈threshold / weight⌉ contacts, and the rest; more than anyone has where the weight is nothing."""
    weight = weight_of_contact(scope, condition)
    one = op("max", weight, integer(1))
    body: list[KStmt] = []
    whole = scope.let(body, "whole", op("floordiv", op("sub", threshold, integer(1)), one))
    never = scope.hoist("never", scope.builder.load(handles.never(into), integer(0)))
    contacts = op("add", whole, integer(1))
    fewest = op("select", test("gt", weight, integer(0)), op("min", contacts, never), never)
    rest = op("sub", threshold, op("mul", whole, one))
    if condition.name not in scope.builder.again:
        return [*body, *_kept(condition, AGENT, fewest, rest)]
    # In a second look sources owe what they weighed: rests only fall.
    ahead = _ahead(scope, condition, fewest, body)
    return [*body, *_kept(condition, AGENT, op("sub", fewest, ahead), op("add", rest, op("mul", ahead, one)))]


def _kept(condition: m.Condition, agent: KExpr, contacts: KExpr, rest: KExpr) -> list[KStmt]:
    whole = op("to_i32", contacts, dtype="i32")
    return [Store(f"{condition.name}_left", (agent,), whole), Store(rest_buffer(condition), (agent,), rest)]


def _ahead(scope: Scope, condition: m.Condition, contacts: KExpr, body: list[KStmt]) -> Var:
    """Contacts that are carried to a rest before it needs them: fewer than half, and to half of the rest's room."""
    room = _room(scope, condition, op("shr", _most(scope, condition), integer(1)))
    most = scope.hoist("most_ahead", op("max", op("min", op("sub", room, integer(1)), integer(AHEAD)), integer(0)))
    spare = op("max", op("shr", op("sub", contacts, integer(1)), integer(1)), integer(0))
    return scope.let(body, "ahead", op("min", spare, most))


def _room(scope: Scope, condition: m.Condition, most: KExpr) -> KExpr:
    """Number of whole contacts for which so much of a rest has room."""
    return op("floordiv", most, _one(weight_of_contact(scope, condition)))


def _carried_ahead(scope: Scope, condition: m.Condition, contacts: Var, body: list[KStmt]) -> Var:
    """The same of anybody: all that the rest has room for of one who is not susceptible, or never reached."""
    ahead = _ahead(scope, condition, contacts, body)
    if condition.name not in scope.builder.again:
        return ahead  # rests rise and fall: they stay longest where they are in the middle
    room = op("sub", _room(scope, condition, _most(scope, condition)), integer(1))
    all_of_it = scope.hoist("room", op("max", room, integer(0)))
    never = scope.hoist("never", scope.builder.load(f"{condition.name}_left_never", integer(0)))
    waits_for_nothing = test("gt", contacts, op("shr", never, integer(1)))
    return scope.let(body, "carried", op("select", waits_for_nothing, all_of_it, ahead))


def reached(
    scope: Scope, condition: m.Condition, body: list[KStmt], into: str
) -> tuple[KExpr, KExpr, list[KStmt], list[KStmt]]:
    """Rest of a threshold, the force on the agent, what is kept if it is reached, and if not; in fixed point.

    No contact is left (``Spend``), but the rest may be more than the weight of one: then something is left.
    """
    builder, weight = scope.builder, weight_of_contact(scope, condition)
    contagion, network, _ = _spread_of(builder, condition)
    never = scope.hoist("never", builder.load(handles.never(into), integer(0)))
    contacts = scope.let(body, "contacts", op("sub", op("to_i64", builder.load(into, AGENT)), never))
    rest = scope.let(body, "rest", op("to_i64", builder.load(rest_buffer(condition), AGENT)))
    left = scope.let(body, "left", op("add", op("mul", op("sub", contacts, integer(1)), weight), rest))
    count = op("to_i64", builder.load(weight_buffer(contagion, network), AGENT))
    # Whoever is no longer susceptible has a rest that neighbours may add to and take from without carrying.
    only_falls = condition.name in builder.again
    roomy = _most(scope, condition) if only_falls else op("shr", _most(scope, condition), integer(1))
    caught: list[KStmt] = [Store(rest_buffer(condition), (AGENT,), roomy)]
    stays: list[KStmt] = []
    contacts, rest = _carried(scope, condition, contacts, rest, stays)
    return left, op("mul", count, weight), caught, [*stays, *_kept(condition, AGENT, contacts, rest)]


def _one(weight: KExpr) -> KExpr:
    return op("max", weight, integer(1))


def _most(scope: Scope, condition: m.Condition) -> KExpr:
    """The most that a rest may hold before whole contacts are carried: as much as its bytes have room for."""
    weight = weight_of_contact(scope, condition)
    room, more = op("sub", integer(FEW_BYTES - 1), weight), op("mul", integer(8), weight)
    most = op("select", test("lt", weight, integer(FEW_BYTES // 4)), room, more)
    return scope.hoist("most", most)


def _carried(scope: Scope, condition: m.Condition, contacts: KExpr, rest: KExpr, body: list[KStmt]) -> tuple[Var, Var]:
    """Contacts and rest, with whole contacts carried so that the rest is from 1 to the weight of one."""
    one = _one(weight_of_contact(scope, condition))
    whole = scope.let(body, "whole", op("floordiv", op("sub", rest, integer(1)), one))
    more = scope.let(body, "contacts", op("add", contacts, whole))
    return more, scope.let(body, "rest", op("sub", rest, op("mul", whole, one)))


def mark_dirty(condition: m.Condition, agent: KExpr) -> Store:
    """Somebody of the agent's block may have contacts with the infectious."""
    return Store(dirty_blocks(condition), (op("shr", agent, integer(BLOCK_BITS)),), op("to_u8", integer(1), dtype="u8"))


def spend(builder: Builder, condition: m.Condition, left: str, items: str) -> Spend:
    """A step of waiting, for all susceptible."""
    contagion, network, _ = _spread_of(builder, condition)
    return Spend(left, weight_buffer(contagion, network), dirty_blocks(condition), items)


# ------------------------------------------------------------------ what the infectious tell their neighbours


def tell_at_once(scope: Scope, condition: m.Condition, before: KExpr, state: KExpr) -> list[KStmt]:
    """The neighbours count one infectious agent more or fewer, and what it owes; nothing reads that before a look."""
    contagion, network, spread = _spread_of(scope.builder, condition)
    change = op("sub", _one_if_source(state, spread.states), _one_if_source(before, spread.states))
    body: list[KStmt] = []
    more, owed = scope.let(body, "more", change), scope.builder.owes["own", owed_buffer(contagion, network)]
    return [*body, _tell(scope, condition, more, owed, "")]


def tell_kernel(builder: Builder, condition: m.Condition, caught: str) -> Kernel:
    """Those whom a look infected tell their neighbours, all of them after it: it still reads what is counted.

    ``caught``: the list of those who are infected by it in turn, in a second look.
    """
    scope = Scope(builder, condition.of)
    body = read_states(scope)
    contagion, network, spread = _spread_of(builder, condition)
    more = scope.let(body, "more", _one_if_source(scope.states[condition.name], spread.states))
    unsent = owed_buffer(contagion, network)
    owed = scope.let(body, "owed", builder.load(unsent, AGENT))
    body += [_tell(scope, condition, more, owed, caught), Store(unsent, (AGENT,), integer(0))]
    name = f"tell_{condition.name}_{'again' if caught else 'late'}"
    return Kernel(name, condition.of, tuple(scope.prologue), tuple(body), condition.span, over=fresh(condition))


def fresh(condition: m.Condition) -> str:
    """Name of the list of those whom a look made infectious, or who owe something since."""
    return f"{condition.name}_fresh"


def _tell(scope: Scope, condition: m.Condition, more: Var, owed: Var, caught: str) -> If:
    """Tell the neighbours of a change in number and of what is owed, if there is any."""
    differs = any_of(test("ne", more, integer(0)), test("ne", owed, integer(0)))
    network = _spread_of(scope.builder, condition)[1]
    return If(differs, tuple(_count(scope, condition, more, owed, caught)), span=network.span)


def _one_if_source(state: KExpr, sources: tuple[int, ...]) -> KExpr:
    value: KExpr = integer(0)
    for source in sources:
        value = op("select", test("eq", state, integer(source)), integer(1), value)
    return value


def _count(scope: Scope, condition: m.Condition, change: KExpr, owed: KExpr, caught: str) -> list[KStmt]:
    contagion, network, _ = _spread_of(scope.builder, condition)
    name = weight_buffer(contagion, network)

    def tell(neighbour: KExpr) -> list[KStmt]:
        other = Var(scope.fresh("other"), "i64")
        counted = AtomicAdd(name, (other,), op("to_i32", change, dtype="i32"), network.span)
        settled = [] if owed == integer(0) else _settle(scope, condition, other, owed, caught)
        # A block whose contacts get fewer is marked already, if anybody of it has any.
        mark = If(test("gt", change, integer(0)), (mark_dirty(condition, other),))
        return [Let(other.name, neighbour), counted, *settled, mark]

    return for_neighbours(scope, network, tell)


def _settle(scope: Scope, condition: m.Condition, other: Var, owed: KExpr, caught: str) -> list[KStmt]:
    """Takes what is owed, at most the weight of a contact either way, from the rest of a neighbour's threshold.

    Contacts are touched only where the rest would leave its bounds. Who is not susceptible, or never reached, has so
    many contacts left that it changes nothing.
    """
    builder = scope.builder
    most = _most(scope, condition)
    left, rest = f"{condition.name}_left", rest_buffer(condition)
    body: list[KStmt] = []
    after = scope.let(body, "after", op("sub", op("to_i64", builder.load(rest, other)), owed))
    body.append(Store(rest, (other,), after))
    inner: list[KStmt] = []
    contacts, least = _carried(scope, condition, op("to_i64", builder.load(left, other)), after, inner)
    ahead = _carried_ahead(scope, condition, contacts, inner)
    one = _one(weight_of_contact(scope, condition))
    inner += _kept(condition, other, op("sub", contacts, ahead), op("add", least, op("mul", ahead, one)))
    inner.append(mark_dirty(condition, other))
    if caught:
        never = scope.hoist("never", builder.load(handles.never(left), integer(0)))
        mark = Store(left, (other,), op("to_i32", op("add", contacts, never), dtype="i32"))
        inner.append(If(test("le", contacts, integer(0)), (mark, Append(caught, other))))
    body.append(If(any_of(test("lt", after, integer(1)), test("gt", after, most)), tuple(inner)))
    return body


def first_tell(builder: Builder, condition: m.Condition) -> list[ScheduleItem]:
    """Those who are infectious from the start are counted."""
    scope = Scope(builder, condition.of)
    body = read_states(scope)
    sources = _spread_of(builder, condition)[2].states
    counted = _count(scope, condition, integer(1), integer(0), "")
    body.append(If(scope.in_state(condition.name, sources), tuple(counted), span=condition.span))
    kernel = Kernel(f"tell_{condition.name}", condition.of, tuple(scope.prologue), tuple(body), condition.span)
    return [Launch(builder.kernel(kernel))]

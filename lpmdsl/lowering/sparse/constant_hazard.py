"""Contagion along ties at a constant hazard: the susceptible wait for a number of contacts with the infectious.

Where each infectious neighbour adds the same hazard w in every step, what is left of a threshold is (n − 1)·w + r, with
r from 1 to w: a number of contacts and a rest. Contacts are small integers, of which a processor takes many at a time,
so blocks of agents are gone through without asking who of them is at risk. The rest changes only when a neighbour comes
or goes within a step; the sums are those of adding up hazards, to the bit.
"""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.contagion.buffers import networks_of, owed_buffer, weight_buffer
from lpmdsl.lowering.dense.contagion.weights import fixed_weight
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.presence import for_neighbours
from lpmdsl.program.ir import (
    Append,
    Assign,
    AtomicAdd,
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


def dirty_blocks(condition: m.Condition) -> str:
    """Name of the marks of blocks of 64 agents in which somebody may have infectious contacts."""
    return f"{condition.name}_stirred"


def _spread_of(builder: Builder, condition: m.Condition) -> tuple[m.Contagion, m.Network, m.Spread]:
    contagion = builder.model.contagion_of(condition.name)
    assert contagion is not None
    (network,), (spread,) = networks_of(builder, contagion), contagion.spreads
    return contagion, network, spread


def rest_buffer(condition: m.Condition) -> str:
    """Name of the buffer of what is left of a threshold beside whole contacts: 1 to the weight of one."""
    return f"{condition.name}_rest"


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
    never = scope.hoist("never", scope.builder.load(f"{into}_never", integer(0)))
    contacts = op("add", whole, integer(1))
    fewest = op("select", test("gt", weight, integer(0)), op("min", contacts, never), never)
    rest = op("sub", threshold, op("mul", whole, one))
    return [
        *body,
        Store(into, (AGENT,), op("to_i32", fewest, dtype="i32")),
        Store(rest_buffer(condition), (AGENT,), rest),
    ]


def reached(scope: Scope, condition: m.Condition, body: list[KStmt], into: str) -> tuple[KExpr, KExpr]:
    """Rest (at most 0) of a threshold that is reached, and the force on the agent, in fixed point.

    The contacts that are left stand below ``never`` then (``Spend``).
    """
    builder, weight = scope.builder, weight_of_contact(scope, condition)
    contagion, network, _ = _spread_of(builder, condition)
    never = scope.hoist("never", builder.load(f"{into}_never", integer(0)))
    contacts = op("sub", op("to_i64", builder.load(into, AGENT)), never)
    whole = op("mul", op("sub", contacts, integer(1)), weight)
    left = scope.let(body, "left", op("add", whole, builder.load(rest_buffer(condition), AGENT)))
    count = op("to_i64", builder.load(weight_buffer(contagion, network), AGENT))
    return left, op("mul", count, weight)


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
    sources = _spread_of(scope.builder, condition)[2].states
    change = op("sub", _one_if_source(state, sources), _one_if_source(before, sources))
    return _tell(scope, condition, change, "")


def tell_kernel(builder: Builder, condition: m.Condition, caught: str) -> Kernel:
    """Those whom a look infected tell their neighbours, all of them after it: it still reads what is counted.

    ``caught``: the list of those who are infected by it in turn, in a second look.
    """
    scope = Scope(builder, condition.of)
    body = read_states(scope)
    sources = _spread_of(builder, condition)[2].states
    body += _tell(scope, condition, _one_if_source(scope.states[condition.name], sources), caught)
    name = f"tell_{condition.name}_{'again' if caught else 'late'}"
    return Kernel(name, condition.of, tuple(scope.prologue), tuple(body), condition.span, over=fresh(condition))


def fresh(condition: m.Condition) -> str:
    """Name of the list of those whom a look made infectious, or who owe something since."""
    return f"{condition.name}_fresh"


def _tell(scope: Scope, condition: m.Condition, change: KExpr, caught: str) -> list[KStmt]:
    """Tell the neighbours of a change in number and of what is owed, if there is any."""
    contagion, network, _ = _spread_of(scope.builder, condition)
    name = owed_buffer(contagion, network)
    body: list[KStmt] = []
    more = scope.let(body, "more", change)
    owed = scope.let(body, "owed", scope.builder.load(name, AGENT))
    inner = [*_count(scope, condition, more, owed, caught), Store(name, (AGENT,), integer(0))]
    differs = any_of(test("ne", more, integer(0)), test("ne", owed, integer(0)))
    return [*body, If(differs, tuple(inner), span=network.span)]


def _one_if_source(state: KExpr, sources: tuple[int, ...]) -> KExpr:
    value: KExpr = integer(0)
    for source in sources:
        value = op("select", test("eq", state, integer(source)), integer(1), value)
    return value


def _count(scope: Scope, condition: m.Condition, change: KExpr, owed: KExpr, caught: str) -> list[KStmt]:
    contagion, network, _ = _spread_of(scope.builder, condition)
    name = weight_buffer(contagion, network)
    body: list[KStmt] = []
    brings = any_of(test("gt", change, integer(0)), test("gt", owed, integer(0)))
    wakes = scope.let(body, "brings", brings)

    def tell(neighbour: KExpr) -> list[KStmt]:
        other = Var(scope.fresh("other"), "i64")
        counted = AtomicAdd(name, (other,), op("to_i32", change, dtype="i32"), network.span)
        settled = _settle(scope, condition, other, owed, caught)
        return [Let(other.name, neighbour), counted, *settled, If(wakes, (mark_dirty(condition, other),))]

    return [*body, *for_neighbours(scope, network, tell)]


def _settle(scope: Scope, condition: m.Condition, other: Var, owed: KExpr, caught: str) -> list[KStmt]:
    """Takes what is owed, at most the weight of a contact either way, from what is left of a neighbour's threshold.

    Who has half of ``never`` left is not susceptible, or never reached: what it meets changes nothing.
    """
    builder, weight = scope.builder, weight_of_contact(scope, condition)
    left, rest = f"{condition.name}_left", rest_buffer(condition)
    never = scope.hoist("never", builder.load(f"{left}_never", integer(0)))
    body: list[KStmt] = []
    before = scope.let(body, "contacts", op("to_i64", builder.load(left, other)))
    inner: list[KStmt] = []
    after = scope.let(inner, "after", op("sub", builder.load(rest, other), owed))
    above = op("select", test("gt", after, weight), integer(1), integer(0))
    below = op("select", test("lt", after, integer(1)), integer(1), integer(0))
    turn = scope.let(inner, "turn", op("sub", above, below))
    inner.append(Store(rest, (other,), op("sub", after, op("mul", turn, weight))))
    contacts = scope.let(inner, "contacts", op("add", before, turn))
    if caught:
        mark = Assign(contacts.name, op("add", contacts, never))
        inner.append(If(test("le", contacts, integer(0)), (mark, Append(caught, other))))
    inner.append(Store(left, (other,), op("to_i32", contacts, dtype="i32")))
    body.append(If(test("lt", op("add", before, before), never), tuple(inner)))
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

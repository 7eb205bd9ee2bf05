"""Contagion along ties at a constant hazard: the susceptible wait for a number of contacts with the infectious.

Where each infectious neighbour adds the same hazard w in every step, a threshold E is reached in the step in which the
contacts so far come to ⌈E/w⌉: the same step as by adding up hazards, to the bit. Contacts are small integers, of which
a processor takes many at a time, so blocks of agents are gone through without asking who of them is at risk.
"""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.contagion import fixed_weight, networks_of, weight_buffer
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.presence import for_neighbours
from lpmdsl.program.ir import (
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
from lpmdsl.program.nodes import integer, op, test
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


def contacts_left(scope: Scope, condition: m.Condition, threshold: KExpr, into: str) -> KExpr:
    """⌈threshold / weight⌉ contacts, as an i32; more than anyone has where the weight is nothing."""
    contagion, network, spread = _spread_of(scope.builder, condition)
    weight = fixed_weight(scope, contagion, network, spread, [])
    last = op("sub", weight, integer(1))
    contacts = op("floordiv", op("add", threshold, last), op("max", weight, integer(1)))
    never = scope.hoist("never", scope.builder.load(f"{into}_never", integer(0)))
    fewest = op("select", test("gt", weight, integer(0)), op("min", contacts, never), never)
    return op("to_i32", fewest, dtype="i32")


def mark_dirty(condition: m.Condition, agent: KExpr) -> Store:
    """Somebody of the agent's block may have contacts with the infectious."""
    return Store(dirty_blocks(condition), (op("shr", agent, integer(BLOCK_BITS)),), op("to_u8", integer(1), dtype="u8"))


def spend(builder: Builder, condition: m.Condition, left: str, items: str) -> Spend:
    """A step of waiting, for all susceptible."""
    contagion, network, _ = _spread_of(builder, condition)
    return Spend(left, weight_buffer(contagion, network), dirty_blocks(condition), items)


def tell_at_once(scope: Scope, condition: m.Condition, before: KExpr, state: KExpr) -> list[KStmt]:
    """The neighbours count one infectious agent more or fewer; nothing reads their counts before the next step."""
    sources = _spread_of(scope.builder, condition)[2].states
    body: list[KStmt] = []
    was = scope.let(body, "was_source", _one_if_source(before, sources))
    is_ = scope.let(body, "is_source", _one_if_source(state, sources))
    more = If(test("gt", is_, was), tuple(_count(scope, condition, 1)))
    fewer = If(test("lt", is_, was), tuple(_count(scope, condition, -1)))
    return [*body, more, fewer]


def _one_if_source(state: KExpr, sources: tuple[int, ...]) -> KExpr:
    value: KExpr = integer(0)
    for source in sources:
        value = op("select", test("eq", state, integer(source)), integer(1), value)
    return value


def _count(scope: Scope, condition: m.Condition, change: int) -> list[KStmt]:
    contagion, network, _ = _spread_of(scope.builder, condition)
    name = weight_buffer(contagion, network)

    def tell(neighbour: KExpr) -> list[KStmt]:
        other = Var(scope.fresh("other"), "i64")
        counted = AtomicAdd(name, (other,), op("to_i32", integer(change), dtype="i32"), network.span)
        return [Let(other.name, neighbour), counted, *([mark_dirty(condition, other)] if change > 0 else [])]

    return for_neighbours(scope, network, tell)


def first_tell(builder: Builder, condition: m.Condition) -> list[ScheduleItem]:
    """Those who are infectious from the start are counted."""
    scope = Scope(builder, condition.of)
    body = read_states(scope)
    sources = _spread_of(builder, condition)[2].states
    body.append(If(scope.in_state(condition.name, sources), tuple(_count(scope, condition, 1)), span=condition.span))
    kernel = Kernel(f"tell_{condition.name}", condition.of, tuple(scope.prologue), tuple(body), condition.span)
    return [Launch(builder.kernel(kernel))]

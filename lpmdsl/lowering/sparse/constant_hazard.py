"""Contagion along ties at a constant hazard: the susceptible wait, and the infectious tell them when they come and go.

What a threshold is there stands in ``dense/contagion/contact_thresholds.py``.
"""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.contagion.buffers import owed_buffer, weight_buffer
from lpmdsl.lowering.dense.contagion.contact_thresholds import (
    carried,
    carried_ahead,
    keep_contacts,
    most_of_rest,
    one_contact,
    rest_buffer,
    spread_of,
    weight_of_contact,
)
from lpmdsl.lowering.dense.courses import left_buffer
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.presence import for_neighbours
from lpmdsl.program import handles
from lpmdsl.program.ir import Append, AtomicAdd, If, Kernel, KExpr, KStmt, Launch, Let, ScheduleItem, Spend, Store, Var
from lpmdsl.program.nodes import AGENT, any_of, integer, op, test
from lpmdsl.semantics import model as m

BLOCK_BITS = 6
"""log₂ of ``ir.SPENT_TOGETHER``."""


def dirty_blocks(condition: m.Condition) -> str:
    """Name of the marks of blocks of 64 agents in which somebody may have infectious contacts."""
    return f"{condition.name}_stirred"


def mark_dirty(condition: m.Condition, agent: KExpr) -> Store:
    """Somebody of the agent's block may have contacts with the infectious."""
    return Store(dirty_blocks(condition), (op("shr", agent, integer(BLOCK_BITS)),), op("to_u8", integer(1), dtype="u8"))


def spend(builder: Builder, condition: m.Condition, left: str, items: str) -> Spend:
    """A step of waiting, for all susceptible."""
    contagion, network, _ = spread_of(builder, condition)
    return Spend(left, weight_buffer(contagion, network), dirty_blocks(condition), items)


# ------------------------------------------------------------------ what the infectious tell their neighbours


def tell_at_once(scope: Scope, condition: m.Condition, before: KExpr, state: KExpr) -> list[KStmt]:
    """The neighbours count one infectious agent more or fewer, and what it owes; nothing reads that before a look."""
    contagion, network, spread = spread_of(scope.builder, condition)
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
    contagion, network, spread = spread_of(builder, condition)
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
    network = spread_of(scope.builder, condition)[1]
    return If(differs, tuple(_count(scope, condition, more, owed, caught)), span=network.span)


def _one_if_source(state: KExpr, sources: tuple[int, ...]) -> KExpr:
    value: KExpr = integer(0)
    for source in sources:
        value = op("select", test("eq", state, integer(source)), integer(1), value)
    return value


def _count(scope: Scope, condition: m.Condition, change: KExpr, owed: KExpr, caught: str) -> list[KStmt]:
    contagion, network, _ = spread_of(scope.builder, condition)
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
    most = most_of_rest(scope, condition)
    left, rest = left_buffer(condition.name, 0), rest_buffer(condition)
    body: list[KStmt] = []
    after = scope.let(body, "after", op("sub", op("to_i64", builder.load(rest, other)), owed))
    body.append(Store(rest, (other,), after))
    inner: list[KStmt] = []
    contacts, least = carried(scope, condition, op("to_i64", builder.load(left, other)), after, inner)
    ahead = carried_ahead(scope, condition, contacts, inner)
    one = one_contact(weight_of_contact(scope, condition))
    inner += keep_contacts(condition, other, op("sub", contacts, ahead), op("add", least, op("mul", ahead, one)))
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
    sources = spread_of(builder, condition)[2].states
    counted = _count(scope, condition, integer(1), integer(0), "")
    body.append(If(scope.in_state(condition.name, sources), tuple(counted), span=condition.span))
    kernel = Kernel(f"tell_{condition.name}", condition.of, tuple(scope.prologue), tuple(body), condition.span)
    return [Launch(builder.kernel(kernel))]

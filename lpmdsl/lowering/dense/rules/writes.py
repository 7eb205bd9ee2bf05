"""Writes to others: what several add is summed as integers; what they set is one constant, or what the one sets who
has taken the other. All is settled after the last pass.

Integers commute, and so do equal values: the order of agents cannot show. What takers set is theirs alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpmdsl.lowering.builder import Builder, as_stored, stored_as
from lpmdsl.lowering.dense.entries import stored_value
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.rules.moves import force, own_scope
from lpmdsl.program import handles
from lpmdsl.program.ir import AtomicAdd, Clear, Const, If, Kernel, KExpr, KStmt, Launch, ScheduleItem, Store
from lpmdsl.program.nodes import AGENT, integer, number, op, real, rounded, test
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m

UNIT = 16_777_216.0
"""Parts of a base unit in which what is added to others is counted: 2²⁴."""
MOST = 2.0**39
"""Base units beyond which what one adds to another is held."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Items before and after the pass in which agents act."""

    before: list[ScheduleItem]
    after: list[ScheduleItem]


def declare_written(builder: Builder, rule: m.Rule) -> None:
    """Counters of what is added to others, and notes of what is set."""
    for action in _to_others(rule):
        if action.adds:
            note = "what others add, in 2⁻²⁴"
            builder.buffer(added(rule, action.attribute), "i64", (rule.of,), "state", note=note)
        else:
            builder.buffer(given(rule, action.attribute), "u8", (rule.of,), "state", note="1 where others set it")
            if varies(rule, action.attribute):
                dtype = stored_as(_attribute(builder, rule, action.attribute).type)
                name = value_given(rule, action.attribute)
                builder.buffer(name, dtype, (rule.of,), "state", note="what others set")

    for action in _moves_of_others(rule):
        builder.buffer(moved(rule, action.condition), "u8", (rule.of,), "state", note="1 + state others move it to")


def moved(rule: m.Rule, condition: str) -> str:
    """Name of the notes that others move the agent in a condition."""
    return f"{rule.name}_moves_{condition}"


def added(rule: m.Rule, attribute: str) -> str:
    """Name of the counters of what others add to an attribute."""
    return f"{rule.name}_adds_{attribute}"


def given(rule: m.Rule, attribute: str) -> str:
    """Name of the notes that others set an attribute."""
    return f"{rule.name}_sets_{attribute}"


def value_given(rule: m.Rule, attribute: str) -> str:
    """Name of the values to which others set an attribute, where they are not one constant."""
    return f"{rule.name}_gives_{attribute}"


def varies(rule: m.Rule, attribute: str) -> bool:
    """Return True if not all who set an attribute of others set the same constant."""
    values = [a.value for a in _to_others(rule) if a.attribute == attribute and not a.adds]
    constants = {v.value for v in values if isinstance(v, m.Literal_)}
    return len(constants) > 1 or not all(isinstance(v, m.Literal_) for v in values)


def _attribute(builder: Builder, rule: m.Rule, name: str) -> m.Attribute:
    return next(a for a in builder.model.agent(rule.of).attributes if a.name == name)


def add_to_other(scope: Scope, rule: m.Rule, action: m.SetAttribute, other: KExpr, value: KExpr) -> KStmt:
    """The addition of a number to the other agent's attribute."""
    held = real("max", number(-MOST), real("min", value, number(MOST)))
    return AtomicAdd(added(rule, action.attribute), (other,), rounded(real("mul", held, number(UNIT))), action.span)


def set_other(scope: Scope, rule: m.Rule, action: m.SetAttribute, other: KExpr) -> list[KStmt]:
    """The note that the other agent's attribute is set, and to what."""
    noted = Store(given(rule, action.attribute), (other,), Const(1, "u8"), action.span)
    if not varies(rule, action.attribute):
        return [noted]
    value = stored_value(scope, rule.of, action)
    return [noted, Store(value_given(rule, action.attribute), (other,), value, action.span)]


def move_other(rule: m.Rule, action: m.ForceMove, other: KExpr) -> KStmt:
    """The note that the other agent is moved."""
    return Store(moved(rule, action.condition), (other,), Const(action.state + 1, "u8"), action.span)


def settle_items(builder: Builder, rule: m.Rule) -> Settled:
    """Items that clear the counters, and that write what was counted."""
    actions, moves = _to_others(rule), _moves_of_others(rule)
    if not actions and not moves:
        return Settled([], [])
    names = dict.fromkeys(added(rule, a.attribute) if a.adds else given(rule, a.attribute) for a in actions)
    names |= dict.fromkeys(moved(rule, a.condition) for a in moves)
    scope = own_scope(Scope(builder, rule.of), rule, AGENT)
    body = [*_settle(builder, rule, actions), *_settle_moves(scope, rule, moves)]
    kernel = Kernel(f"settle_{rule.name}", rule.of, tuple(scope.prologue), tuple(body), rule.span)
    return Settled([Clear(name) for name in names], [Launch(builder.kernel(kernel))])


def _settle(builder: Builder, rule: m.Rule, actions: list[m.SetAttribute]) -> list[KStmt]:
    body: list[KStmt] = []
    attributes = {a.name: a for a in builder.model.agent(rule.of).attributes}
    for action in {(a.attribute, a.adds): a for a in sorted(actions, key=lambda a: a.adds)}.values():
        name = handles.attribute(rule.of, action.attribute)
        own = builder.load(name, AGENT)
        if action.adds:
            more = op("to_f64", builder.load(added(rule, action.attribute), AGENT), dtype="f64")
            touched = test("ne", builder.load(added(rule, action.attribute), AGENT), integer(0))
            value: KExpr = real("add", own, real("div", more, number(UNIT)))
        else:
            touched = test("ne", builder.load(given(rule, action.attribute), AGENT), integer(0))
            value = _set_to(builder, rule, action, attributes[action.attribute])
        body.append(If(touched, (Store(name, (AGENT,), value, action.span),), span=action.span))
    return body


def _settle_moves(scope: Scope, rule: m.Rule, moves: list[m.ForceMove]) -> list[KStmt]:
    body: list[KStmt] = []
    for condition in dict.fromkeys(a.condition for a in moves):
        states = frozenset(a.state for a in moves if a.condition == condition)
        noted = scope.let(body, "noted", op("to_i64", scope.builder.load(moved(rule, condition), AGENT)))
        happens = test("gt", noted, integer(0))
        to = integer(next(iter(states))) if len(states) == 1 else op("sub", noted, integer(1))
        span = next(a.span for a in moves if a.condition == condition)
        body += force(scope, condition, to, states, happens, span)
    return body


def _set_to(builder: Builder, rule: m.Rule, action: m.SetAttribute, attribute: m.Attribute) -> KExpr:
    if varies(rule, action.attribute):
        return builder.load(value_given(rule, action.attribute), AGENT)
    assert isinstance(action.value, m.Literal_)
    return _constant(action.value, attribute)


def _constant(value: m.Literal_, attribute: m.Attribute) -> KExpr:
    if attribute.type.kind in (Kind.BOOLEAN, Kind.CATEGORY):
        return as_stored(integer(int(value.value)), stored_as(attribute.type))
    return number(value.value)


def _to_others(rule: m.Rule) -> list[m.SetAttribute]:
    return [a for a in rule.actions if isinstance(a, m.SetAttribute) and a.theirs]


def _moves_of_others(rule: m.Rule) -> list[m.ForceMove]:
    return [a for a in rule.actions if isinstance(a, m.ForceMove) and a.theirs]

"""Writes to others: what several add is summed as integers, what they set is one constant; both are settled after all.

Integers commute, and so do equal values: the order of agents cannot show.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpmdsl.lowering.builder import Builder, as_stored, stored_as
from lpmdsl.lowering.dense.expressions import Scope
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


def added(rule: m.Rule, attribute: str) -> str:
    """Name of the counters of what others add to an attribute."""
    return f"{rule.name}_adds_{attribute}"


def given(rule: m.Rule, attribute: str) -> str:
    """Name of the notes that others set an attribute."""
    return f"{rule.name}_sets_{attribute}"


def add_to_other(scope: Scope, rule: m.Rule, action: m.SetAttribute, other: KExpr, value: KExpr) -> KStmt:
    """The addition of a number to the other agent's attribute."""
    held = real("max", number(-MOST), real("min", value, number(MOST)))
    return AtomicAdd(added(rule, action.attribute), (other,), rounded(real("mul", held, number(UNIT))), action.span)


def set_other(rule: m.Rule, action: m.SetAttribute, other: KExpr) -> KStmt:
    """The note that the other agent's attribute is set."""
    return Store(given(rule, action.attribute), (other,), Const(1, "u8"), action.span)


def settle_items(builder: Builder, rule: m.Rule) -> Settled:
    """Items that clear the counters, and that write what was counted."""
    actions = _to_others(rule)
    if not actions:
        return Settled([], [])
    names = dict.fromkeys(added(rule, a.attribute) if a.adds else given(rule, a.attribute) for a in actions)
    kernel = Kernel(f"settle_{rule.name}", rule.of, (), tuple(_settle(builder, rule, actions)), rule.span)
    return Settled([Clear(name) for name in names], [Launch(builder.kernel(kernel))])


def _settle(builder: Builder, rule: m.Rule, actions: list[m.SetAttribute]) -> list[KStmt]:
    body: list[KStmt] = []
    attributes = {a.name: a for a in builder.model.agent(rule.of).attributes}
    for action in {(a.attribute, a.adds): a for a in sorted(actions, key=lambda a: a.adds)}.values():
        name = f"{rule.of}_{action.attribute}"
        own = builder.load(name, AGENT)
        if action.adds:
            more = op("to_f64", builder.load(added(rule, action.attribute), AGENT), dtype="f64")
            touched = test("ne", builder.load(added(rule, action.attribute), AGENT), integer(0))
            value: KExpr = real("add", own, real("div", more, number(UNIT)))
        else:
            touched = test("ne", builder.load(given(rule, action.attribute), AGENT), integer(0))
            assert isinstance(action.value, m.Literal_)
            value = _constant(action.value, attributes[action.attribute])
        body.append(If(touched, (Store(name, (AGENT,), value, action.span),), span=action.span))
    return body


def _constant(value: m.Literal_, attribute: m.Attribute) -> KExpr:
    if attribute.type.kind in (Kind.BOOLEAN, Kind.CATEGORY):
        return as_stored(integer(int(value.value)), stored_as(attribute.type))
    return number(value.value)


def _to_others(rule: m.Rule) -> list[m.SetAttribute]:
    return [a for a in rule.actions if isinstance(a, m.SetAttribute) and a.theirs]

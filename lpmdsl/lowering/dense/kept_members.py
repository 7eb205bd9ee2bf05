"""Numbers of members of each place who are in some states, where moves keep count of them."""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.program import handles
from lpmdsl.program.ir import KExpr
from lpmdsl.semantics import model as m


def is_kept(builder: Builder, expr: m.Neighbours) -> bool:
    """Return True if moves alone change how many members of a place an expression counts: one condition decides it,
    and nobody is removed."""
    gone = m.may_be_removed(builder.model, expr.of)
    is_counted = expr.function in ("count", "share") and isinstance(expr.where, m.InState)
    return builder.plan is not None and bool(expr.place) and is_counted and not gone


def kept_number(builder: Builder, expr: m.Neighbours, place: KExpr) -> KExpr:
    """Number of members of a place that are counted, as the moves made so far have left it."""
    return builder.load(counter_of(builder, expr), place)


def counter_of(builder: Builder, expr: m.Neighbours) -> str:
    """The buffer of the numbers of members, declared when it is first asked for."""
    assert isinstance(expr.where, m.InState)
    states = "_".join(str(state) for state in sorted(expr.where.states))
    name = f"in_{expr.where.condition}_{states}_by_{expr.place}"
    size = handles.places(expr.of, expr.place)
    return builder.buffer(name, "i64", (size,), "state", note="members in these states")

"""Numbers of members of each place who are in some states, kept by moves for the triggers that ask for them."""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.program import handles
from lpmdsl.program.ir import AtomicAdd, If, KExpr, KStmt
from lpmdsl.program.nodes import all_of, integer, is_one_of, op, test
from lpmdsl.semantics import model as m


def is_kept(builder: Builder, expr: m.Neighbours) -> bool:
    """Return True if moves alone change how many members of a place an expression counts: one condition decides it,
    and nobody is removed."""
    gone = m.may_be_removed(builder.model, expr.of)
    is_counted = expr.function in ("count", "share") and isinstance(expr.where, m.InState)
    return builder.plan is not None and bool(expr.place) and is_counted and not gone


def kept_number(builder: Builder, expr: m.Neighbours, place: KExpr) -> KExpr:
    """Number of members of a place that are counted, as the moves made so far have left it."""
    return builder.load(_counter(builder, expr), place)


def tell_places(scope: Scope, condition: m.Condition, state: KExpr, before: KExpr | None = None) -> list[KStmt]:
    """An agent is one fewer or one more among those counted in its places; ``before`` None: it was in no state."""
    body: list[KStmt] = []
    for expr in _kept(scope.builder, condition):
        assert isinstance(expr.where, m.InState)
        inside, place = scope.place(expr.of, expr.place)
        now = is_one_of(state, expr.where.states)
        counter = _counter(scope.builder, expr)
        if before is None:
            body.append(If(all_of(now, inside), (AtomicAdd(counter, (place,), integer(1)),), span=expr.span))
            continue
        was = is_one_of(before, expr.where.states)
        change = op("sub", op("to_i64", now), op("to_i64", was))
        add = (AtomicAdd(counter, (place,), change),)
        body.append(If(all_of(test("ne", op("to_i64", now), op("to_i64", was)), inside), add, span=expr.span))
    return body


def _kept(builder: Builder, condition: m.Condition) -> list[m.Neighbours]:
    """One expression for each number of members that is kept of a condition."""
    found: dict[str, m.Neighbours] = {}
    for one in builder.model.interventions:
        for expr in m.every_expression((one.starts, one.stops)):
            if isinstance(expr, m.Neighbours) and is_kept(builder, expr):
                assert isinstance(expr.where, m.InState)
                if expr.where.condition == condition.name:
                    found.setdefault(_counter(builder, expr), expr)
    return list(found.values())


def _counter(builder: Builder, expr: m.Neighbours) -> str:
    """The buffer of the numbers of members, declared when it is first asked for."""
    assert isinstance(expr.where, m.InState)
    states = "_".join(str(state) for state in sorted(expr.where.states))
    name = f"in_{expr.where.condition}_{states}_by_{expr.place}"
    size = handles.places(expr.of, expr.place)
    return builder.buffer(name, "i64", (size,), "state", note="members in these states")

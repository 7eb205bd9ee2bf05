"""Numbers of members of each place who are in some states, kept by moves for the triggers that ask for them."""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.kept_members import counter_of, is_kept
from lpmdsl.program.ir import AtomicAdd, If, KExpr, KStmt
from lpmdsl.program.nodes import all_of, integer, is_one_of, op, test
from lpmdsl.semantics import model as m


def tell_places(scope: Scope, condition: m.Condition, state: KExpr, before: KExpr | None = None) -> list[KStmt]:
    """An agent is one fewer or one more among those counted in its places; ``before`` None: it was in no state."""
    body: list[KStmt] = []
    for expr in _kept(scope.builder, condition):
        assert isinstance(expr.where, m.InState)
        inside, place = scope.place(expr.of, expr.place)
        now = is_one_of(state, expr.where.states)
        counter = counter_of(scope.builder, expr)
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
                    found.setdefault(counter_of(builder, expr), expr)
    return list(found.values())

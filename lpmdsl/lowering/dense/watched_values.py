"""Values that a run finds to be no number in their range are counted, and the step of the first is kept.

``semantics.analysis.watched_values`` says which. Chances, rates of exits, limits and values that are set are looked at
where they are used; what contagion is made of, before it (``contagion/watched.py``).
"""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.program.ir import AtomicAdd, If, Kernel, KExpr, KStmt, Launch, Loop, ScheduleItem, Store, Var, walk
from lpmdsl.program.nodes import STEP, all_of, any_of, integer, number, op, test
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.watched_values import FAULTS, LARGEST, Role, Watched, doubtful, excuses

COUNTED, FIRST = "watched_counted", "watched_first"
NOT_YET = 1 << 40
LONG = 24
"""Nodes of an expression that is kept in a local before its fault is told."""


def declare_watched(builder: Builder) -> None:
    """Declare what is to be looked at and where it is counted: a cell for each expression and fault."""
    builder.watched = {(w.expr, w.role): (k, w) for k, w in enumerate(doubtful(builder.model))}
    if builder.watched:
        cells = len(builder.watched) * len(FAULTS)
        builder.buffer(COUNTED, "i64", (cells,), "control", note="how often something was no number in its range")
        builder.buffer(FIRST, "i64", (cells,), "control", NOT_YET, "the boundary at which it first was none")


def look_at(scope: Scope, expr: m.Expr, role: Role) -> list[KStmt]:
    """Statements that count a fault of an expression for the agent; none if it cannot have any."""
    if (expr, role) not in scope.builder.watched:
        return []
    place, one = scope.builder.watched[expr, role]
    sound, value = is_sound(scope, one), scope.value(expr, role)
    inner: list[KStmt] = []
    if sum(1 for _ in walk(value)) > LONG:
        # A GPU tests what leads to a part of an expression once more for each part.
        value = scope.let(inner, role, value)
    fault: KExpr = op("select", test("lt", value, number(one.range[0])), integer(2), integer(3))
    infinite = any_of(test("ge", value, number(LARGEST)), test("le", value, number(-LARGEST)))
    fault = op("select", infinite, integer(1), fault)
    fault = op("select", test("ne", value, value), integer(0), fault)
    cell = op("add", integer(place * len(FAULTS)), fault)
    return [If(sound, (), (*inner, AtomicAdd(COUNTED, (cell,), integer(1), expr.span)), expr.span)]


def is_sound(scope: Scope, one: Watched) -> KExpr:
    """Test that it is a number in its range, or has none because something that it reads has none yet."""
    value = scope.value(one.expr, one.role)
    low, high = one.range
    if one.role == "hazard":
        sound: KExpr = test("not", test("gt", value, number(high)))
        return sound if one.of else scope.hoist("hazard_is_sound", sound, one.expr.span.label)
    sound = all_of(test("ge", value, number(low)), test("le", value, number(high)))
    unknown = [test("ne", part, part) for part in (scope.value(e) for e in excuses(one.expr))]
    if unknown:
        sound = any_of(sound, all_of(test("ne", value, value), any_of(*unknown)))
    return sound if one.of else scope.hoist(f"{one.role}_is_sound", sound, one.expr.span.label)


def note_items(builder: Builder, shift: int) -> list[ScheduleItem]:
    """Keeps the boundary, t + ``shift``, of what was counted for the first time."""
    if not builder.watched:
        return []
    cell = Var("cell", "i64")
    is_new = all_of(test("gt", builder.load(COUNTED, cell), integer(0)),
                    test("eq", builder.load(FIRST, cell), integer(NOT_YET)))  # fmt: skip
    keep = If(is_new, (Store(FIRST, (cell,), op("add", STEP, integer(shift))),))
    loop = Loop(cell.name, integer(0), integer(len(builder.watched) * len(FAULTS)), (keep,))
    name = f"note_faults_{shift}"
    if name not in builder.kernels:
        builder.kernel(Kernel(name, "", (), (loop,)))
    return [Launch(name)]

"""Dwell times moved with a parameter: by how much each agent's next moment moves, and what others meet more by it.

A run that is scored draws times and counts their densities. Where ``may_move`` holds there is another way to the same
derivative: the random word of a time is kept, and its quantile moves with the parameter. Who goes at b then goes at
b + ∂b, and others meet more of it: its weight times ∂b; less, if it came at a + ∂a. That is a part of the contagion
(``Moved``), which weighs nothing but owes as much. So it takes every way that debts take, and the infections that
follow are scored with it (Glasserman 1991, Gradient Estimation via Perturbation Analysis, on times; L'Ecuyer 1990,
Manage Sci 36:1364, on both ways in one view).
"""

from __future__ import annotations

from dataclasses import dataclass

from lpmdsl.lowering.dense.expressions import Scope, dwell_row
from lpmdsl.lowering.parts import SLOPE_ZERO, Moved, moved_name
from lpmdsl.program.ir import Assign, KExpr, KStmt, Load, Quantile, Store, Var
from lpmdsl.program.nodes import AGENT, any_of, integer, number, op, real, rounded, test
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.exposure.moved_times import is_moved
from lpmdsl.semantics.host.quantile_tables import TICKS


@dataclass(frozen=True, slots=True)
class Move:
    """Locals of one agent: by how much ``came``, the moment at which it came to its state in this step (0 if before),
    and ``goes``, at which it will go, move with the logarithm of a parameter; in ticks."""

    parameter: str
    came: Var
    goes: Var
    buffer: str


def moves_in(scope: Scope, condition: m.Condition, body: list[KStmt], is_new: bool = False) -> list[Move]:
    """Append locals for every parameter along which times of the condition are moved; ``is_new``: none is planned."""
    builder = scope.builder
    parts = (c for c in builder.contagions if isinstance(c, Moved) and c.condition == condition.name)
    found: list[Move] = []
    for k, parameter in enumerate(dict.fromkeys(p.parameter for p in parts)):
        name = builder.buffer(f"{condition.name}_moved_by_{k}", "i64", (condition.of,), "state", note="∂ due")
        goes = integer(0) if is_new else builder.load(name, AGENT)
        came = scope.let(body, f"came_moves_{k}", integer(0))
        found.append(Move(parameter, came, scope.let(body, f"due_moves_{k}", goes), name))
    return found


def planned(scope: Scope, moves: list[Move], exit_: m.Exit, word: KExpr) -> list[KStmt]:
    """Statements that plan a move after a dwell time drawn with ``word``."""
    assert not moves or isinstance(exit_.trigger, m.After)
    body: list[KStmt] = []
    for move in moves:
        goes: KExpr = move.came
        if is_moved(scope.builder.model, exit_, move.parameter):
            goes = op("add", goes, _slope(scope, exit_, move.parameter, word))
        body += [Assign(move.goes.name, goes), Store(move.buffer, (AGENT,), move.goes, exit_.span)]
    return body


def _slope(scope: Scope, exit_: m.Exit, parameter: str, word: KExpr) -> KExpr:
    assert isinstance(exit_.trigger, m.After)
    law = exit_.trigger.dwell
    table = scope.builder.quantile_table(law, f"{exit_.site}.{moved_name(parameter)}", parameter)
    row = dwell_row(scope, law)
    if law.family == "fixed":
        return op("sub", Load(table, (row, integer(0), integer(0)), "i64"), integer(SLOPE_ZERO))
    return op("sub", Quantile(table, row, word), integer(SLOPE_ZERO))


def taken(moves: list[Move], exits: list[tuple[int, m.Exit]], chosen: Var) -> list[KStmt]:
    """Statements of leaving a state: after a time at a moment that moves, by an infection at one that does not."""
    timed = any_of(*(test("eq", chosen, integer(k)) for k, e in exits if isinstance(e.trigger, m.After)))
    return [Assign(move.came.name, op("select", timed, move.goes, integer(0))) for move in moves]


def owed(moves: list[Move], part: Moved, weight: KExpr, leaves: KExpr) -> KExpr:
    """Exposure that others meet more of a source of some weight, in the step in which it comes or ``leaves``."""
    (move,) = (x for x in moves if x.parameter == part.parameter)
    longer = op("sub", op("select", leaves, move.goes, integer(0)), move.came)
    share = real("mul", op("to_f64", longer, dtype="f64"), number(1.0 / TICKS))
    return rounded(real("mul", op("to_f64", weight, dtype="f64"), share))

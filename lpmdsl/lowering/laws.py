"""Givens of the law of a draw: its Model expressions, and what they read of the agent where it is drawn."""

from __future__ import annotations

from collections.abc import Iterator

from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.program.ir import Given, KExpr
from lpmdsl.semantics import model as m


def given(scope: Scope, *expressions: m.Expr) -> Given:
    """The expressions of a law with the values of the parts of them that differ between agents."""
    reads: dict[object, KExpr] = {}
    for part in (p for expr in expressions for p in _own_parts(scope.builder.model, expr)):
        if part not in reads:
            reads[part] = scope.value(part)
    return Given(expressions, tuple(reads.items()), scope.now)


def _own_parts(model: m.Model, expr: m.Expr, as_stored: bool = False) -> Iterator[m.Expr]:
    """The parts of an expression that read the agent, and of what ``while`` clauses make of its attributes."""
    match expr:
        case m.AttributeRef():
            yield expr
            for clause in () if as_stored else m.overlays(model, expr.of, expr.name):
                for part in clause:
                    yield from _own_parts(model, part, as_stored=True)
        case m.TableRef() | m.Apply():
            for child in m.children(expr):
                yield from _own_parts(model, child, as_stored)
        case _ if m.reads_agent(expr):
            yield expr
        case _:
            pass

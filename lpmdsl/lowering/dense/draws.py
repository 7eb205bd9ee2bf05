"""Draws: the givens of their laws, and chances, by which something happens to an agent."""

from __future__ import annotations

from collections.abc import Iterator

from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.neighbours import look
from lpmdsl.lowering.dense.watched_values import look_at
from lpmdsl.networks.rng_keys import site
from lpmdsl.program.ir import Bernoulli, Draw, Given, KExpr, KStmt, Sample, Var
from lpmdsl.program.nodes import word
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


def happens(
    scope: Scope, path: str, probability: m.Expr, agent: KExpr, episode: KExpr, body: list[KStmt]
) -> KExpr:  # fmt: skip
    """Append a draw at ``path``; return whether what has this probability happens."""
    draw = scope.fresh("w")
    look(scope, probability, body)
    body.append(Draw(draw, site(path), agent, episode, path, probability.span))
    body += look_at(scope, probability, "probability")
    return by_word(scope, path, probability, word(draw, 0), body)


def by_word(
    scope: Scope, path: str, probability: m.Expr, luck: KExpr, body: list[KStmt], matters: KExpr | None = None
) -> KExpr:  # fmt: skip
    """Append what a word that is drawn already decides; return whether it happens.

    ``matters``: test that anything comes of it.
    """
    p = scope.value(probability, "chance")
    name = scope.fresh("happens")
    law = Bernoulli(luck, p, given(scope, probability), matters)
    body.append(Sample(name, path, law, probability.span))
    return Var(name, "bool")

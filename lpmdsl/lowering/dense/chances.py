"""Chances: whether something happens to an agent, by a word of its own draw."""

from __future__ import annotations

from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.neighbours import look
from lpmdsl.lowering.dense.watched_values import look_at
from lpmdsl.lowering.laws import given
from lpmdsl.networks.rng_keys import site
from lpmdsl.program.ir import Bernoulli, Draw, KExpr, KStmt, Sample, Var
from lpmdsl.program.nodes import word
from lpmdsl.semantics import model as m


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

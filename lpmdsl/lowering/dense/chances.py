"""Chances: whether something happens to an agent, by a word of its own draw, told to the score where a run has one."""

from __future__ import annotations

from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.neighbours import look
from lpmdsl.lowering.dense.watched_values import look_at
from lpmdsl.lowering.score.draws import happens as told_to_score
from lpmdsl.networks.rng_keys import site
from lpmdsl.program.ir import Draw, KExpr, KStmt
from lpmdsl.program.nodes import chance_threshold, test, word
from lpmdsl.semantics import model as m


def happens(
    scope: Scope, path: str, probability: m.Expr, agent: KExpr, episode: KExpr, body: list[KStmt]
) -> KExpr:  # fmt: skip
    """Append a draw at ``path``; return whether what has this probability happens."""
    draw = scope.fresh("w")
    look(scope, probability, body)
    body.append(Draw(draw, site(path), agent, episode, path, probability.span))
    return by_word(scope, path, probability, word(draw, 0), body)


def by_word(
    scope: Scope, path: str, probability: m.Expr, luck: KExpr, body: list[KStmt], is_scored: bool = True
) -> KExpr:  # fmt: skip
    """Append what watches a probability and tells its score; return whether it happens by a word already drawn."""
    body += look_at(scope, probability, "probability")
    p = scope.value(probability, "chance")
    hit = scope.let(body, "happens", test("lt", luck, chance_threshold(p)))
    if is_scored:
        told_to_score(scope, path, probability, p, hit, body)
    return hit

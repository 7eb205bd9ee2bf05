"""One time at which a rule is due: the agents as it has made them so far, others as they were when it began."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from lpmdsl.reference.arithmetic import fixed
from lpmdsl.reference.blocks import episodes
from lpmdsl.reference.expressions import Moment, over_agents
from lpmdsl.reference.moves.courses import Body
from lpmdsl.reference.moves.entering import with_luck
from lpmdsl.reference.neighbours import facing, looked_at
from lpmdsl.reference.watched import look_at
from lpmdsl.semantics.model import Expr, Neighbours, Rule, walk, whole_expressions


@dataclass(slots=True)
class Turn:
    """One time at which a rule is due: others as they were, and what is written to them in the end."""

    body: Body
    rule: Rule
    before: Moment
    time: float
    t: int
    run: int | Tensor
    added: dict[str, Tensor] = field(default_factory=dict)
    given: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    moved: dict[str, Tensor] = field(default_factory=dict)

    def now(self, part: object) -> Moment:
        """The agents as they are, with all that a part of the rule sees of neighbours worked out."""
        live = replace(self.body.now, time=self.time, since_at=self.before.since_at)
        for expr in whole_expressions(part):
            for one in reversed([e for e in walk(expr) if isinstance(e, Neighbours)]):
                value = looked_at(one, live, self.before, self.body.world, self.body.draws, self.time)
                live = replace(live, seen_of_others={**live.seen_of_others, one: value})
        kind = self.rule.of
        return with_luck(live, part, kind, self.body.draws, episodes(self.run, torch.arange(live.counts[kind])))


def values_of(turn: Turn, expr: Expr, agents: Tensor, partner: Tensor | None) -> tuple[Tensor, Moment]:
    """The value for each of ``agents``, beside the one whom it has in view, and the moment of these pairs."""
    kind, seen = turn.rule.of, turn.now(expr)
    theirs = agents if partner is None else partner[agents]
    between = facing(kind, agents, theirs, seen, turn.before, turn.body.world)
    return over_agents(expr, kind, between), between


def those_lucky(turn: Turn, probability: Expr | None, agents: Tensor, partner: Tensor | None, path: str) -> Tensor:
    """Those of ``agents`` to whom what has this chance happens, each beside the one whom it has in view."""
    if probability is None:
        return agents
    p, between = values_of(turn, probability, agents, partner)
    look_at(probability, "probability", p, torch.ones(len(agents), dtype=torch.bool), turn.rule.of, between)
    word = turn.body.draws.words(agents, path, episodes(turn.run, agents))[0]
    return agents[word < fixed(p)]

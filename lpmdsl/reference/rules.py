"""Rules, paragraph by paragraph: agents as the rule has made them so far, others as they were when it began."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import assert_never

import numpy as np
import torch
from torch import Tensor

from lpmdsl.reference.arithmetic import TICKS, fixed, rounded, threshold
from lpmdsl.reference.blocks import chosen, is_period_over, move
from lpmdsl.reference.contagion import SLACK, removed, runs_on
from lpmdsl.reference.expressions import Moment, evaluate, everyone, over_agents
from lpmdsl.reference.moves import Body, with_luck
from lpmdsl.reference.neighbours import facing, looked_at, pairs, pairs_before
from lpmdsl.reference.watched import look_at
from lpmdsl.semantics.model import (
    CopyState,
    Expr,
    ForceMove,
    Meeting,
    Neighbours,
    Paragraph,
    Rule,
    RuleAction,
    SetAttribute,
    entering_rules,
    walk,
    whole_expressions,
)

UNIT, MOST = 2.0**24, 2.0**39
"""Parts of a base unit in which what is added to others is counted, and the most of it that one may add."""
NEVER = float("inf")


@dataclass(slots=True)
class Ruled:
    """One rule in a run. ``runs``: how often it was due."""

    rule: Rule
    runs: int = 0


@dataclass(slots=True)
class Turn:
    """One time at which a rule is due: others as they were, and what is written to them in the end."""

    body: Body
    rule: Rule
    before: Moment
    time: float
    t: int
    run: int
    added: dict[str, Tensor] = field(default_factory=dict)
    given: dict[str, tuple[Tensor, float]] = field(default_factory=dict)

    def now(self, part: object) -> Moment:
        """The agents as they are, with all that a part of the rule sees of neighbours worked out."""
        live = replace(self.body.now, time=self.time, since_at=self.before.since_at)
        for expr in whole_expressions(part):
            for one in reversed([e for e in walk(expr) if isinstance(e, Neighbours)]):
                value = looked_at(one, live, self.before, self.body.world, self.body.draws, self.time)
                live = replace(live, seen_of_others={**live.seen_of_others, one: value})
        kind = self.rule.of
        return with_luck(live, part, kind, self.body.draws, torch.full((live.counts[kind],), self.run))


def follow(body: Body, ruled: Ruled, t: int, time: float) -> None:
    """Follow a rule at the start of step ``t`` if it is due."""
    rule = ruled.rule
    if not _is_due(body, ruled, t, time):
        return
    turn = Turn(body, rule, body.now.seen(time), time, t, ruled.runs)
    act(turn, _lucky(turn, rule.chance, _for_whom(turn), None, f"{rule.name}.rate"))
    ruled.runs += 1


def follow_on_entering(body: Body, boundary: int) -> None:
    """Follow the paragraphs on entering states, each clause for those who entered its states in the step that ends at
    ``boundary``: the clock is that of the step, ``time since`` and all that moves are read at its end."""
    t = max(0, boundary - 1)
    time, since_at = t * body.now.model.clock.step, torch.tensor(boundary * TICKS)
    for condition in body.now.model.conditions:
        for site, rule in entering_rules(condition).items():
            marked = body.entered.pop(site, None)
            if marked is not None:
                before = replace(body.now.seen(time), since_at=since_at)
                act(Turn(body, rule, before, time, t, boundary), torch.nonzero(marked).flatten())


def act(turn: Turn, agents: Tensor) -> None:
    """Follow the paragraphs from top to bottom, each of ``agents`` for itself."""
    body, rule = turn.body, turn.rule
    chain: list[Tensor] = []
    partner: Tensor | None = None
    for one in rule.paragraphs:
        may = torch.ones_like(chain[-1]) if chain else everyone(rule.of, body.now)
        if one.joined == "and":
            may = chain[-1]
        elif one.joined == "otherwise":
            may = ~torch.stack(chain).any(dim=0)
        else:
            chain = []
        partner = partner if one.joined == "and" else None
        acted, partner = _paragraph(turn, one, agents[may[agents]], partner)
        chain.append(acted)
    _settle(turn)


def _is_due(body: Body, ruled: Ruled, t: int, time: float) -> bool:
    rule = ruled.rule
    clock = body.now.model.clock
    if rule.date is not None:
        return ruled.runs == 0 and time + SLACK >= rule.date
    if rule.test is not None:
        return bool(evaluate(rule.test, replace(body.now, time=time)) != 0)
    if t < rule.offset or (rule.days and not runs_on(rule, clock, time)):
        return False
    return is_period_over(rule.block, rule.offset, t, clock)


def _for_whom(turn: Turn) -> Tensor:
    """Agents for whom the rule is this time, in their order."""
    block = turn.rule.block
    return torch.sort(chosen(turn.body, block, turn.run, turn.now((block.where, block.by)))).values


# ------------------------------------------------------------------ paragraphs


def _paragraph(turn: Turn, one: Paragraph, agents: Tensor, partner: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Act on those of ``agents`` whom it is about; return the mask of them, and whom everybody has in view."""
    agents = agents[_is_true(turn, one.where, agents, partner)]
    if one.meeting is not None and one.meeting.how == "each":
        return _each(turn, one, one.meeting, agents), None
    if one.meeting is not None:
        partner = _picked(turn, one.meeting, agents)
        agents = agents[partner[agents] >= 0]
    agents = _lucky(turn, one.probability, agents, partner, f"{one.site}.chance")
    for number, action in enumerate(one.actions):
        lucky = _lucky(turn, action.probability, agents, partner, f"{one.site}.action{number}")
        _act(turn, action, lucky, partner)
    acted = torch.zeros(turn.before.counts[turn.rule.of], dtype=torch.bool)
    acted[agents] = True
    return acted, partner


def _values(turn: Turn, expr: Expr, agents: Tensor, partner: Tensor | None) -> tuple[Tensor, Moment]:
    """The value for each of ``agents``, beside the one whom it has in view, and the moment of these pairs."""
    kind, seen = turn.rule.of, turn.now(expr)
    theirs = agents if partner is None else partner[agents]
    between = facing(kind, agents, theirs, seen, turn.before, turn.body.world)
    return over_agents(expr, kind, between), between


def _is_true(turn: Turn, where: Expr | None, agents: Tensor, partner: Tensor | None) -> Tensor:
    if where is None:
        return torch.ones(len(agents), dtype=torch.bool)
    return _values(turn, where, agents, partner)[0] != 0


def _lucky(turn: Turn, probability: Expr | None, agents: Tensor, partner: Tensor | None, path: str) -> Tensor:
    if probability is None:
        return agents
    p, between = _values(turn, probability, agents, partner)
    look_at(probability, "probability", p, torch.ones(len(agents), dtype=torch.bool), turn.rule.of, between)
    word = turn.body.draws.words(agents, path, torch.full_like(agents, turn.run))[0]
    return agents[word < fixed(p)]


def _act(turn: Turn, action: RuleAction, agents: Tensor, partner: Tensor | None) -> None:
    body, kind = turn.body, turn.rule.of
    match action:
        case SetAttribute():
            value, between = _values(turn, action.value, agents, partner)
            look_at(action.value, "value", value, torch.ones(len(agents), dtype=torch.bool), kind, between)
            if action.theirs:
                assert partner is not None
                _tell(turn, action, partner[agents], value)
                return
            stored = body.now.attributes[(kind, action.attribute)]
            stored[agents] = stored[agents] + value if action.adds else value
        case ForceMove():
            move(body, action.condition, agents, torch.full_like(agents, action.state), turn.t, turn.now(()))
        case CopyState():
            assert partner is not None
            to = turn.before.states[action.theirs][partner[agents]]
            move(body, action.condition, agents, to, turn.t, turn.now(()))
        case _:
            assert_never(action)


# ------------------------------------------------------------------ meetings


def _candidates(turn: Turn, meeting: Meeting, agents: Tensor) -> tuple[Tensor, Tensor]:
    """Both ends of all pairs of one of ``agents`` and somebody whom it may meet, in the order of rows."""
    kind, live = turn.rule.of, turn.now(())
    count = live.counts[kind]
    if meeting.network:
        network = live.model.network(meeting.network)
        if meeting.last:
            kept = turn.body.presence.get(network.name, [])
            mine, theirs = pairs_before(network, meeting.last, kept, turn.body.world, live)
        else:
            mine, theirs = pairs(network, live, turn.before, turn.body.world, turn.time)
        asked = torch.zeros(count, dtype=torch.bool)
        asked[agents] = True
        mine, theirs = mine[asked[mine]], theirs[asked[mine]]
    else:
        mine, theirs = agents.repeat_interleave(count), torch.arange(count).repeat(len(agents))
        there = ~removed(kind, turn.before)[theirs]
        there &= (mine != theirs) if meeting.is_other else torch.ones_like(there)
        mine, theirs = mine[there], theirs[there]
    if meeting.where is None:
        return mine, theirs
    between = facing(kind, mine, theirs, turn.now(meeting.where), turn.before, turn.body.world)
    holds_ = over_agents(meeting.where, kind, between) != 0
    return mine[holds_], theirs[holds_]


def _luck(turn: Turn, site: str, agents: Tensor) -> Tensor:
    """A word of every agent for this turn, by which the draws of its candidates are keyed."""
    return turn.body.draws.words(agents, f"{site}.who", torch.full_like(agents, turn.run))[0]


def _picked(turn: Turn, meeting: Meeting, agents: Tensor) -> Tensor:
    """For every agent whom it picks; -1 where nobody qualifies, or it was not asked."""
    kind = turn.rule.of
    count = turn.before.counts[kind]
    found = torch.full((count,), -1, dtype=torch.int64)
    everybody = torch.arange(count)
    luck = _luck(turn, meeting.site, everybody)
    gone = any(c.of == kind and c.removed for c in turn.before.model.conditions)
    if not meeting.network and meeting.order == "lot" and meeting.where is None and not gone:
        found[agents] = _anybody(luck[agents], agents, count, meeting.is_other)
        return found
    for some in _portions(agents, count if not meeting.network else 1):
        mine, theirs = _candidates(turn, meeting, some)
        order = _in_order(turn, meeting, mine, theirs, luck)
        mine, theirs = mine[order], theirs[order]
        first = torch.ones(len(mine), dtype=torch.bool)
        first[1:] = mine[1:] != mine[:-1]
        found[mine[first]] = theirs[first]
    return found


def _portions(agents: Tensor, width: int) -> Iterable[Tensor]:
    """Agents in portions of which the pairs fit into memory."""
    return torch.split(agents, max(1, 2_000_000 // width)) if len(agents) else ()


def _anybody(luck: Tensor, agents: Tensor, count: int, is_other: bool) -> Tensor:
    if not is_other:
        return (luck * count) >> 32
    if count == 1:
        return torch.full_like(agents, -1)
    drawn = (luck * (count - 1)) >> 32
    return torch.where(drawn >= agents, drawn + 1, drawn)


def _in_order(turn: Turn, meeting: Meeting, mine: Tensor, theirs: Tensor, luck: Tensor) -> Tensor:
    """The pairs by the first of them, who is picked first; those with no chance are left out."""
    kind = turn.rule.of
    w0, w1, _, _ = turn.body.draws.words(theirs, f"{meeting.site}.lot", luck[mine])
    place = np.arange(len(mine))
    if meeting.order == "lot":
        return torch.from_numpy(np.lexsort((place, w0.numpy(), mine.numpy())))
    assert meeting.by is not None
    by = over_agents(meeting.by, kind, facing(kind, mine, theirs, turn.now(meeting.by), turn.before, turn.body.world))
    if meeting.order == "weight":
        time = threshold(w0, w1).to(torch.float64) / by
        order = np.lexsort((place, time.numpy(), mine.numpy()))
        may = ((by > 0) & (time < NEVER)).numpy()[order]
        return torch.from_numpy(order[may])
    key = -by if meeting.order == "highest" else by
    order = np.lexsort((place, w0.numpy(), key.numpy(), mine.numpy()))
    return torch.from_numpy(order[~torch.isnan(by).numpy()[order]])


# ------------------------------------------------------------------ writes to others


def _each(turn: Turn, one: Paragraph, meeting: Meeting, agents: Tensor) -> Tensor:
    """Act on every pair; what is added to the agents themselves is added up in the order of the rows."""
    kind, count = turn.rule.of, turn.before.counts[turn.rule.of]
    mine, theirs = _candidates(turn, meeting, agents)
    luck = _luck(turn, one.site, torch.arange(count))
    mine, theirs = _lucky_pairs(turn, one.probability, mine, theirs, luck, f"{one.site}.chance")
    sums: dict[str, np.ndarray] = {}
    for number, action in enumerate(one.actions):
        assert isinstance(action, SetAttribute)
        path = f"{one.site}.action{number}"
        first, second = _lucky_pairs(turn, action.probability, mine, theirs, luck, path)
        between = facing(kind, first, second, turn.now(action.value), turn.before, turn.body.world)
        value = over_agents(action.value, kind, between)
        look_at(action.value, "value", value, torch.ones(len(first), dtype=torch.bool), kind, between)
        if action.theirs:
            _tell(turn, action, second, value)
        else:
            total = sums.setdefault(action.attribute, np.zeros(count))
            np.add.at(total, first.numpy(), value.numpy())
    for name, total in sums.items():
        stored = turn.body.now.attributes[(kind, name)]
        stored[agents] = stored[agents] + torch.from_numpy(total)[agents]
    acted = torch.zeros(count, dtype=torch.bool)
    acted[mine] = True
    return acted


def _lucky_pairs(
    turn: Turn, probability: Expr | None, mine: Tensor, theirs: Tensor, luck: Tensor, path: str
) -> tuple[Tensor, Tensor]:
    if probability is None:
        return mine, theirs
    kind = turn.rule.of
    between = facing(kind, mine, theirs, turn.now(probability), turn.before, turn.body.world)
    p = over_agents(probability, kind, between)
    look_at(probability, "probability", p, torch.ones(len(mine), dtype=torch.bool), kind, between)
    happens = turn.body.draws.words(theirs, path, luck[mine])[0] < fixed(p)
    return mine[happens], theirs[happens]


def _tell(turn: Turn, action: SetAttribute, others: Tensor, value: Tensor) -> None:
    count = turn.before.counts[turn.rule.of]
    if action.adds:
        total = turn.added.setdefault(action.attribute, torch.zeros(count, dtype=torch.int64))
        total.index_add_(0, others, rounded(torch.clamp(value, -MOST, MOST) * UNIT).to(torch.int64))
        return
    if len(others):
        nobody = torch.zeros(count, dtype=torch.bool)
        noted, _ = turn.given.setdefault(action.attribute, (nobody, float(value[0])))
        noted[others] = True


def _settle(turn: Turn) -> None:
    attributes, kind = turn.body.now.attributes, turn.rule.of
    for name, (noted, value) in turn.given.items():
        attributes[(kind, name)][noted] = value
    for name, total in turn.added.items():
        attributes[(kind, name)] += total.to(torch.float64) / UNIT

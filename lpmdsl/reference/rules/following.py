"""Rules, paragraph by paragraph: agents as the rule has made them so far, others as they were when it began."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
import torch
from torch import Tensor

from lpmdsl.reference.arithmetic import TICKS, fixed, rounded
from lpmdsl.reference.blocks import chosen, is_period_over, move
from lpmdsl.reference.contagion.presence import SLACK, runs_on
from lpmdsl.reference.expressions import evaluate, everyone, over_agents
from lpmdsl.reference.moves.courses import Body
from lpmdsl.reference.neighbours import facing
from lpmdsl.reference.rules.meetings import candidates, own_luck, picked, taken
from lpmdsl.reference.rules.turns import Turn, those_lucky, values_of
from lpmdsl.reference.watched import look_at
from lpmdsl.semantics.model import (
    CopyState,
    Expr,
    ForceMove,
    Meeting,
    Paragraph,
    Rule,
    RuleAction,
    SetAttribute,
    entering_rules,
)

UNIT, MOST = 2.0**24, 2.0**39
"""Parts of a base unit in which what is added to others is counted, and the most of it that one may add."""


@dataclass(slots=True)
class Ruled:
    """One rule in a run. ``runs``: how often it was due."""

    rule: Rule
    runs: int = 0


def follow(body: Body, ruled: Ruled, t: int, time: float) -> None:
    """Follow a rule at the start of step ``t`` if it is due."""
    rule = ruled.rule
    if not _is_due(body, ruled, t, time):
        return
    turn = Turn(body, rule, body.now.seen(time), time, t, ruled.runs)
    act(turn, those_lucky(turn, rule.chance, _for_whom(turn), None, f"{rule.name}.rate"))
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
    if one.meeting is not None and one.meeting.how == "take":
        agents = those_lucky(turn, one.probability, agents, partner, f"{one.site}.chance")
        partner = taken(turn, one.meeting, agents, partner)
        agents = agents[partner[agents] >= 0]
    else:
        if one.meeting is not None:
            partner = picked(turn, one.meeting, agents)
            agents = agents[partner[agents] >= 0]
        agents = those_lucky(turn, one.probability, agents, partner, f"{one.site}.chance")
    for number, action in enumerate(one.actions):
        lucky = those_lucky(turn, action.probability, agents, partner, f"{one.site}.action{number}")
        _act(turn, action, lucky, partner)
    acted = torch.zeros(turn.before.counts[turn.rule.of], dtype=torch.bool)
    acted[agents] = True
    return acted, partner


def _is_true(turn: Turn, where: Expr | None, agents: Tensor, partner: Tensor | None) -> Tensor:
    if where is None:
        return torch.ones(len(agents), dtype=torch.bool)
    return values_of(turn, where, agents, partner)[0] != 0


def _act(turn: Turn, action: RuleAction, agents: Tensor, partner: Tensor | None) -> None:
    body, kind = turn.body, turn.rule.of
    match action:
        case SetAttribute():
            value, between = values_of(turn, action.value, agents, partner)
            look_at(action.value, "value", value, torch.ones(len(agents), dtype=torch.bool), kind, between)
            if action.theirs:
                assert partner is not None
                _tell(turn, action, partner[agents], value)
                return
            stored = body.now.attributes[(kind, action.attribute)]
            stored[agents] = stored[agents] + value if action.adds else value
        case ForceMove(theirs=True):
            assert partner is not None
            _send(turn, action, partner[agents])
        case ForceMove():
            move(body, action.condition, agents, torch.full_like(agents, action.state), turn.t, turn.now(()))
        case CopyState():
            assert partner is not None
            to = turn.before.states[action.theirs][partner[agents]]
            move(body, action.condition, agents, to, turn.t, turn.now(()))
        case _:
            assert_never(action)


# ------------------------------------------------------------------ writes to others


def _each(turn: Turn, one: Paragraph, meeting: Meeting, agents: Tensor) -> Tensor:
    """Act on every pair; what is added to the agents themselves is added up in the order of the rows."""
    kind, count = turn.rule.of, turn.before.counts[turn.rule.of]
    mine, theirs = candidates(turn, meeting, agents)
    luck = own_luck(turn, one.site, torch.arange(count))
    mine, theirs = _lucky_pairs(turn, one.probability, mine, theirs, luck, f"{one.site}.chance")
    sums: dict[str, np.ndarray] = {}
    for number, action in enumerate(one.actions):
        path = f"{one.site}.action{number}"
        first, second = _lucky_pairs(turn, action.probability, mine, theirs, luck, path)
        if isinstance(action, ForceMove):
            _send(turn, action, second)
            continue
        assert isinstance(action, SetAttribute)
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
    nothing = torch.zeros(count, dtype=torch.bool), torch.zeros(count, dtype=torch.float64)
    noted, values = turn.given.setdefault(action.attribute, nothing)
    noted[others], values[others] = True, value.to(torch.float64)


def _send(turn: Turn, action: ForceMove, others: Tensor) -> None:
    """Note the state to which others are moved once all have acted."""
    nowhere = torch.full((turn.before.counts[turn.rule.of],), -1, dtype=torch.int64)
    turn.moved.setdefault(action.condition, nowhere)[others] = action.state


def _settle(turn: Turn) -> None:
    attributes, kind = turn.body.now.attributes, turn.rule.of
    for name, (noted, values) in turn.given.items():
        attributes[(kind, name)][noted] = values[noted].to(attributes[(kind, name)].dtype)
    for name, total in turn.added.items():
        attributes[(kind, name)] += total.to(torch.float64) / UNIT
    for condition in dict.fromkeys(a.condition for a in turn.rule.actions if isinstance(a, ForceMove)):
        to = turn.moved.get(condition)
        if to is not None:
            agents = torch.nonzero(to >= 0).flatten()
            move(turn.body, condition, agents, to[agents], turn.t, turn.now(()))

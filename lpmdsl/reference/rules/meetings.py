"""Meetings of a rule: who is picked, and who is taken, agent by agent."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from lpmdsl.reference.arithmetic import threshold
from lpmdsl.reference.blocks import episodes
from lpmdsl.reference.contagion.presence import removed
from lpmdsl.reference.expressions import over_agents
from lpmdsl.reference.neighbours import facing, pairs, pairs_before
from lpmdsl.reference.rules.turns import Turn, values_of
from lpmdsl.semantics.model import Meeting

NEVER = float("inf")


def candidates(turn: Turn, meeting: Meeting, agents: Tensor) -> tuple[Tensor, Tensor]:
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


def own_luck(turn: Turn, site: str, agents: Tensor) -> Tensor:
    """A word of every agent for this turn, by which the draws of its candidates are keyed."""
    return turn.body.draws.words(agents, f"{site}.who", episodes(turn.run, agents))[0]


def picked(turn: Turn, meeting: Meeting, agents: Tensor) -> Tensor:
    """For every agent whom it picks; -1 where nobody qualifies, or it was not asked."""
    kind = turn.rule.of
    count = turn.before.counts[kind]
    found = torch.full((count,), -1, dtype=torch.int64)
    everybody = torch.arange(count)
    luck = own_luck(turn, meeting.site, everybody)
    gone = any(c.of == kind and c.removed for c in turn.before.model.conditions)
    if not meeting.network and meeting.order == "lot" and meeting.where is None and not gone:
        found[agents] = _anybody(luck[agents], agents, count, meeting.is_other)
        return found
    for some in _portions(agents, count if not meeting.network else 1):
        mine, theirs = candidates(turn, meeting, some)
        order = _in_order(turn, meeting, mine, theirs, luck)
        mine, theirs = mine[order], theirs[order]
        first = torch.ones(len(mine), dtype=torch.bool)
        first[1:] = mine[1:] != mine[:-1]
        found[mine[first]] = theirs[first]
    return found


def taken(turn: Turn, meeting: Meeting, agents: Tensor, partner: Tensor | None) -> Tensor:
    """For every agent whom it takes, one after the other; -1 where nobody is left, or it does not take."""
    count = turn.before.counts[turn.rule.of]
    found = torch.full((count,), -1, dtype=torch.int64)
    mine, theirs = candidates(turn, meeting, agents)
    order = _in_order(turn, meeting, mine, theirs, own_luck(turn, meeting.site, torch.arange(count)))
    wanted: dict[int, list[int]] = {}
    for taker, candidate in zip(mine[order].tolist(), theirs[order].tolist(), strict=True):
        wanted.setdefault(taker, []).append(candidate)
    gone: set[int] = set()
    for taker in _one_by_one(turn, meeting, agents, partner).tolist():
        candidate = next((c for c in wanted.get(taker, ()) if c not in gone), None)
        if candidate is not None:
            found[taker] = candidate
            gone.add(candidate)
    return found


def _one_by_one(turn: Turn, meeting: Meeting, agents: Tensor, partner: Tensor | None) -> Tensor:
    """The takers in their order; those of whom it cannot be told when they come do not take."""
    lot = turn.body.draws.words(agents, f"{meeting.site}.turn", episodes(turn.run, agents))[0]
    if meeting.first_by is None:
        return agents[torch.from_numpy(np.lexsort((agents.numpy(), lot.numpy())))]
    by, _ = values_of(turn, meeting.first_by, agents, partner)
    key = -by if meeting.first == "highest" else by
    order = np.lexsort((agents.numpy(), lot.numpy(), key.numpy()))
    return agents[torch.from_numpy(order[~torch.isnan(by).numpy()[order]])]


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

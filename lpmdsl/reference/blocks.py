"""Blocks of interventions and of rules: when they are due, whom they are for, and the moves that they make."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lpmdsl.reference.arithmetic import TICKS, rounded
from lpmdsl.reference.contagion.presence import removed
from lpmdsl.reference.expressions import Moment, evaluate, holds, over_agents
from lpmdsl.reference.months import months
from lpmdsl.reference.moves.courses import Body
from lpmdsl.reference.moves.entering import enter
from lpmdsl.reference.watched import look_at_number
from lpmdsl.semantics.model import Clock, Repeated


def is_period_over(block: Repeated, since: int, t: int, clock: Clock) -> bool:
    """Return True if a whole number of periods of a block is over at step ``t`` since a boundary."""
    if not block.months:
        return (t - since) % max(1, round(block.every / clock.step)) == 0
    if t == since:
        return True
    passed = months(clock, since, t)
    return passed > months(clock, since, t - 1) and passed % block.months == 0


def episodes(run: int | Tensor, agents: Tensor) -> Tensor:
    """Number of times that a block was due before, which keys its draws: for all, or for each by its place."""
    return torch.full_like(agents, run) if isinstance(run, int) else run[agents]


def may_reach(block: Repeated, seen: Moment) -> Tensor:
    """Mask of the agents whom a block is for, of whom it may reach fewer."""
    return ~removed(block.of, seen) & holds(block.where, block.of, seen)


def chosen(body: Body, block: Repeated, run: int | Tensor, seen: Moment, left: int | None = None) -> Tensor:
    """Agents whom the block reaches: all that it may, or as many as it can by their rank and priority. ``left``: how
    many others who share a limit leave."""
    agents = torch.nonzero(may_reach(block, seen)).flatten()
    limits = [] if left is None else [left]
    if block.at_most is not None:
        look_at_number(block.at_most, "limit", seen)
        limits.append(max(0, int(rounded(evaluate(block.at_most, seen)))))
    if not limits:
        return agents
    rank = _ranks(block, agents, seen)
    agents, rank = agents[~torch.isnan(rank)], rank[~torch.isnan(rank)]
    priority = body.draws.words(agents, block.site, episodes(run, agents))[0]
    order = np.lexsort((priority.numpy(), rank.numpy()))  # stable: what is equal stays in the order of agents
    return agents[torch.from_numpy(order[: min(limits)])]


def _ranks(block: Repeated, agents: Tensor, seen: Moment) -> Tensor:
    """The lower, the sooner: 0 for all without an order by rank; numbers without their last bit."""
    if block.by is None:
        return torch.zeros(len(agents), dtype=torch.float64)
    value = over_agents(block.by, block.of, seen)[agents]
    bits = (-value if block.order == "highest" else value).view(torch.int64)
    return (bits & ~1).view(torch.float64)


def move(body: Body, condition: str, agents: Tensor, to: Tensor, t: int, seen: Moment) -> None:
    """Moves agents at the start of step ``t``, each to a state of its own: who is there already stays, as does whoever
    has a condition that excludes this one, unless it goes to the start."""
    course = body.courses[condition]
    moving = course.state[agents] != to
    for other in course.condition.excludes:
        has = body.courses[other]
        at_rest = has.state[agents] == has.condition.start.state
        moving &= at_rest | (to == course.condition.start.state)
    agents, to = agents[moving], to[moving]
    enter(body, course, agents, to, torch.full_like(agents, t * TICKS), t, seen)

"""Entering a state: what is drawn, counted and done by those who come to it."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from lpmdsl.reference.arithmetic import Draws, fixed, quantile, threshold
from lpmdsl.reference.expressions import Moment, over_agents, table_rows
from lpmdsl.reference.moves.courses import NEVER, Body, Course
from lpmdsl.reference.reports import Entries
from lpmdsl.reference.watched import look_at
from lpmdsl.semantics.model import After, Exit, Expr, Luck, SetAttribute, every_expression


def draw_exits(body: Body, course: Course, agents: Tensor, seen: Moment) -> None:
    """Draws all that the present states of ``agents`` need: the planned exit and the thresholds of the others."""
    kind = course.condition.of
    course.due[agents] = NEVER
    for number, exit in enumerate(course.exits):
        here = agents[course.state[agents] == exit.state]
        if not len(here):
            continue
        w0, w1, _, _ = body.draws.words(here, exit.site, course.episodes(here))
        if not isinstance(exit.trigger, After):
            course.remaining[number][here] = threshold(w0, w1)
            continue
        rows = table_rows(exit.trigger.dwell, kind, seen)[here]
        due = course.entered[here] + quantile(body.dwells[exit.site], rows, w0)
        first = due < course.due[here]
        here, due = here[first], due[first]
        course.due[here], course.planned[here] = due, number
        course.leads_to[here] = branch(exit, w1[first], here, kind, seen)


def branch(exit: Exit, word: Tensor, agents: Tensor, kind: str, seen: Moment) -> Tensor:
    """The state that each agent's word picks among the exit's branches."""
    to = torch.full_like(agents, exit.branches[-1].to)
    open_ = torch.ones_like(agents, dtype=torch.bool)
    cumulated = torch.zeros(len(agents), dtype=torch.float64)
    for one in exit.branches[:-1]:
        assert one.probability is not None
        p = over_agents(one.probability, kind, seen)
        look_at(one.probability, "probability", p, agents, kind, seen)
        cumulated = cumulated + p[agents]
        hit = open_ & (word < fixed(cumulated))
        to, open_ = torch.where(hit, one.to, to), open_ & ~hit
    return to


def enter(body: Body, course: Course, agents: Tensor, to: Tensor, ticks: Tensor, t: int, seen: Moment) -> None:
    """Moves ``agents`` into states at ticks: draws, counts and acts as any entry in step ``t`` does."""
    left = course.state[agents].clone()
    course.state[agents], course.entered[agents] = to, ticks
    course.moves[agents] += 1
    draw_exits(body, course, agents, seen)
    episodes = course.episodes(agents)
    body.reports.count(Entries(course.condition, agents, left, to, ticks, episodes, t, seen, body.now))
    act_on_entering(body, course, agents, to, seen)


def act_on_entering(body: Body, course: Course, agents: Tensor, to: Tensor, seen: Moment) -> None:
    """Act as ``on entering`` says on ``agents``, who have just entered the states ``to``."""
    kind, episodes = course.condition.of, course.episodes(agents)
    for clause in course.condition.entering:
        inside = torch.isin(to, torch.tensor(clause.states))
        for number, action in enumerate(clause.actions):
            site = f"{clause.site}.action{number}"
            chosen = acts(body.draws, action.probability, agents[inside], episodes[inside], site, kind, seen)
            everybody = torch.arange(len(course.state))
            lucky = with_luck(seen, action.value, kind, body.draws, course.episodes(everybody))
            write(body.now, kind, action, chosen, lucky)
        if clause.paragraphs:
            nobody = torch.zeros(len(course.state), dtype=torch.bool)
            body.entered.setdefault(clause.site, nobody)[agents[inside]] = True


def with_luck(moment: Moment, part: object, kind: str, draws: Draws, episodes: Tensor) -> Moment:
    """The moment with the uniform numbers, one for every agent of a kind, of which drawn values in a part are made."""
    found = dict(moment.seen_of_others)
    for luck in (e for e in every_expression(part) if isinstance(e, Luck)):
        word = draws.words(torch.arange(moment.counts[kind]), luck.site, episodes)[luck.word]
        found[luck] = (word.to(torch.float64) + 0.5) / 2.0**32
    return replace(moment, seen_of_others=found)


def acts(
    draws: Draws, probability: Expr | None, agents: Tensor, episodes: Tensor, site: str, kind: str, seen: Moment
) -> Tensor:
    """Those of ``agents`` for whom an action happens."""
    if probability is None:
        return agents
    word = draws.words(agents, site, episodes)[0]
    p = over_agents(probability, kind, seen)
    look_at(probability, "probability", p, agents, kind, seen)
    return agents[word < fixed(p[agents])]


def write(now: Moment, kind: str, action: SetAttribute, agents: Tensor, seen: Moment) -> None:
    """Set an attribute of ``agents``, or add to it, by values of the moment ``seen``."""
    value = over_agents(action.value, kind, seen)
    look_at(action.value, "value", value, agents, kind, seen)
    stored = now.attributes[(kind, action.attribute)]
    stored[agents] = stored[agents] + value[agents] if action.adds else value[agents]

"""A run of a model, read straight from the Model IR and worked out in plain torch on the CPU.

Slow and plain on purpose. It shares no code with the compiler's lowering nor with the other back ends, so where the
counts differ from theirs, one of the two is wrong. The contract of every number is ``docs/numerics.md``.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lpmdsl.backends.request import Progress, RunRequest, RunResult
from lpmdsl.diagnostics import LpmError
from lpmdsl.reference import neighbours
from lpmdsl.reference.arithmetic import Draws
from lpmdsl.reference.behaviours import decide, deciders
from lpmdsl.reference.contagion.exposure import Met, exposure, nothing_owed
from lpmdsl.reference.expressions import Moment, evaluate
from lpmdsl.reference.interventions import Policies, begin, fill_limits, intervene, look as look_at_trigger
from lpmdsl.reference.moves.courses import Body, course_from_start
from lpmdsl.reference.moves.entering import act_on_entering, draw_exits
from lpmdsl.reference.moves.leaving import keep_apart, look, make_own_moves
from lpmdsl.reference.reports import Reports, Schedule, price
from lpmdsl.reference.rules.following import Ruled, follow, follow_on_entering
from lpmdsl.semantics.analysis.exposure.largest_hazards import refuse_hazards
from lpmdsl.semantics.analysis.exposure.second_look import is_looked_at_again
from lpmdsl.semantics.analysis.views import read_in_moves
from lpmdsl.semantics.analysis.watched_values import unsound, watched
from lpmdsl.semantics.host.quantile_tables import quantile_table
from lpmdsl.semantics.model import After, CheckAlways, Distribution


def run(request: RunRequest, progress: Progress | None = None) -> RunResult:
    """One replicate of one scenario, step by step until the end or until ``progress`` says stop."""
    began = time.perf_counter()
    body = _begin(request)
    started = [begin(i, request.world, body.now) for i in request.model.interventions]
    policies = [p for p in started if p.intervention.name not in request.disabled]
    rules = [Ruled(r) for r in request.model.rules if r.name not in request.disabled]
    watches = _Watches(request, body)
    people = deciders(request)
    body.reports.report(0, _at(body, 0))
    watches.look(0, _at(body, 0))
    steps_done = 0
    stopped: LpmError | None = None
    ended: int | None = None
    for t in range(request.steps):
        try:
            decide(body, people, t, _at(body, t).time)
        except LpmError as error:
            stopped = error
            break
        _step(request, body, policies, rules, t)
        watches.look(t + 1, _at(body, t + 1))
        _require_sound(body, t)
        steps_done = t + 1
        if _is_over(body, t + 1):
            ended, steps_done = t + 1, request.steps
        if progress is not None and not progress(steps_done):
            break
        if ended is not None:
            break
    _require_sound(body, request.steps)
    seconds = {"run": time.perf_counter() - began}
    result = _result(request, body, policies, watches, steps_done, seconds)
    return replace(result, stopped=stopped, ended=ended)


def _is_over(body: Body, boundary: int) -> bool:
    """Return True if the run ends at a boundary, once all has been observed."""
    until = body.now.model.clock.until
    return until is not None and bool(evaluate(until, _at(body, boundary)) != 0)


def _step(request: RunRequest, body: Body, policies: list[Policies], rules: list[Ruled], t: int) -> None:
    """Phases 1 to 7 of step ``t``, after the decisions."""
    for policy in policies:
        look_at_trigger(policy, t, _at(body, t), body)
    fill_limits(body, t, _at(body, t).time)
    for policy in policies:
        intervene(body, policy, t, _at(body, t).time)
    for ruled in rules:
        follow(body, ruled, t, _at(body, t).time)
    neighbours.look(_at(body, t), read_in_moves(body.now.model), body.world, body.draws)
    seen = body.now.seen(_at(body, t).time)
    for course in body.courses.values():
        make_own_moves(body, course, t, seen)
    neighbours.note_presence(body.presence, _at(body, t))
    _infect(request, body, t, tuple(c.condition for c in request.model.contagions), True)
    if body.again:
        _infect(request, body, t, body.again, False)
    follow_on_entering(body, t + 1)
    body.reports.paid.update({p.intervention.name: p.paid for p in policies})
    body.reports.reached.update({p.intervention.name: p.treated for p in policies})
    body.reports.report(t + 1, _at(body, t + 1))


def _infect(request: RunRequest, body: Body, t: int, conditions: tuple[str, ...], is_first: bool) -> None:
    """One look at all who can catch one of ``conditions``; what is owed is sent, and what they weigh is owed."""
    seen, sent = body.now.seen(_at(body, t).time), body.owed
    body.owed = {key: torch.zeros_like(x) if key[0] in conditions else x for key, x in sent.items()}
    contagions = [c for c in request.model.contagions if c.condition in conditions]
    met: dict[str, Met] = {c.condition: exposure(c, seen, request.world, sent, is_first) for c in contagions}
    keep_apart(body, met, t)
    for name, course in body.courses.items():
        if name in met:
            look(body, course, t, met[name], is_first, seen)


def _require_sound(body: Body, boundary: int) -> None:
    """Raises ``LpmError`` E0744 if something was no number in its range at a boundary or before."""
    if any(at <= boundary for at in body.now.faults.values()):
        raise unsound(body.now.model, body.now.faults)


def _at(body: Body, boundary: int) -> Moment:
    """The live moment read at a boundary between steps."""
    return replace(body.now, time=boundary * body.now.model.clock.step)


# ------------------------------------------------------------------ before the first step


def _begin(request: RunRequest) -> Body:
    """Everyone in a start state at tick 0, with its exits drawn and its actions done; nothing is reported."""
    model = request.model
    refuse_hazards(model, request.parameters, request.world.counts)
    states = {c.name: torch.from_numpy(request.start[c.name].astype(np.int64)) for c in model.conditions}
    attributes = {key: torch.from_numpy(v.astype(np.float64)) for key, v in request.world.attributes.items()}
    for network in (n for n in model.networks if n.remembers):
        nobody = torch.full((request.world.counts[network.of],), -1.0, dtype=torch.float64)
        attributes[(network.of, network.name)] = nobody
    history: dict[str, list[Tensor]] = {o.name: [] for o in model.observations}
    active: dict[str, bool | Tensor] = {i.name: False for i in model.interventions}
    looked = {(w.expr, w.role): w for w in watched(model)}
    now = Moment(
        model, request.world.counts, request.parameters, attributes, states, history, active, 0.0, watched=looked
    )
    draws = Draws(request.seed, request.replicate)
    delays = {o.name: _table(o.delayed, request) for o in model.observations if o.delayed is not None}
    reports = Reports(model, Schedule.of(model, request.steps), draws, delays, history, request.world)
    reports.prepare()
    courses = {c.name: course_from_start(c, states[c.name]) for c in model.conditions}
    again = tuple(c.condition for c in model.contagions if is_looked_at_again(model, c))
    now.entered.update({name: course.entered for name, course in courses.items()})
    body = Body(now, courses, reports, draws, _dwell_tables(request), nothing_owed(model, request.world.counts), again,
                request.world)  # fmt: skip
    neighbours.look(now, read_in_moves(model), request.world, draws)
    seen = now.seen(0.0)
    for course in courses.values():
        everyone = torch.arange(len(course.state))
        draw_exits(body, course, everyone, seen)
        act_on_entering(body, course, everyone, course.state, seen)
    follow_on_entering(body, 0)
    return body


def _dwell_tables(request: RunRequest) -> dict[str, Tensor]:
    exits = (e for c in request.model.conditions for e in c.exits)
    return {e.site: _table(e.trigger.dwell, request) for e in exits if isinstance(e.trigger, After)}


def _table(distribution: Distribution, request: RunRequest) -> Tensor:
    table = quantile_table(distribution, request.model, request.parameters, request.model.clock.step)
    return torch.from_numpy(table)


# ------------------------------------------------------------------ what comes out


class _Watches:
    """The values of every ``check always`` at the start and after each step."""

    def __init__(self, request: RunRequest, body: Body) -> None:
        self.body = body
        self.checks = [c for c in request.model.checks if isinstance(c, CheckAlways)]
        self.values = tuple(np.full(request.steps + 1, np.nan) for _ in self.checks)

    def look(self, boundary: int, now: Moment) -> None:
        for check, values in zip(self.checks, self.values, strict=True):
            neighbours.look(now, check, self.body.world, self.body.draws, at_end=True)
            values[boundary] = float(evaluate(check.test, now))


def _result(
    request: RunRequest,
    body: Body,
    policies: list[Policies],
    watches: _Watches,
    steps_done: int,
    seconds: dict[str, float],
) -> RunResult:
    costs = {i.name: 0.0 for i in request.model.interventions}
    costs.update({p.intervention.name: price(p.intervention, p.paid, request.model.clock.step) for p in policies})
    states = {name: course.state.numpy().astype(np.uint8) for name, course in body.courses.items()}
    return RunResult(body.reports.out, watches.values, costs, states, steps_done, seconds)

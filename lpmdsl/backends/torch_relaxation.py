"""The relaxation written a second time: a slow reference over whole tensors, differentiable by torch itself.

It reads the Model and shares nothing with lowering, so that the compiler's adjoint can be held to torch's autograd.
``docs/numerics.md`` says what the relaxation is. Float64; every agent at once; one kind of agent at a time.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import torch

from lpmdsl.backends.torch_relaxed_stages import Stages, stages
from lpmdsl.networks.world import World
from lpmdsl.quantities import BOOLEAN
from lpmdsl.semantics import model as m

Tensor = torch.Tensor
ALONE = 1e-6
NOBODY = 1e-9


def relaxed_reports(
    model: m.Model, world: World, parameters: Mapping[str, Tensor], steps: int, disabled: frozenset[str] = frozenset()
) -> dict[str, Tensor]:
    """(reports, groups) of every observation in base units (flows: counts). ``parameters``: float64 scalars."""
    run = _Run(model, world, dict(parameters), steps, disabled)
    run.begin()
    for step in range(steps):
        run.step(step)
    return run.finished()


@dataclass(slots=True)
class _Run:
    """``chance[condition][state]``: (agents, stages). ``yes[kind, attribute]``: of attributes that change."""

    model: m.Model
    world: World
    parameters: dict[str, Tensor]
    steps: int
    disabled: frozenset[str]
    chance: dict[str, list[Tensor]] = field(default_factory=dict)
    yes: dict[tuple[str, str], Tensor] = field(default_factory=dict)
    law: dict[object, Stages] = field(default_factory=dict)
    waiting: dict[str, Tensor] = field(default_factory=dict)
    reports: dict[str, dict[int, Tensor]] = field(default_factory=dict)
    phase: dict[str, str] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)
    seen: dict[str, bool] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    ending: dict[str, int] = field(default_factory=dict)
    now: int = 0
    case: dict[object, object] = field(default_factory=dict)

    # ------------------------------------------------------------------ values

    def value(self, e: m.Expr, group: int | None = None) -> Tensor:
        """An expression in the case that is set, as float64: a scalar or (agents,)."""
        match e:
            case m.Literal_():
                return torch.tensor(float(e.value), dtype=torch.float64)
            case m.ParameterRef():
                return self.parameters[e.name]
            case m.AttributeRef():
                return self._attribute(e)
            case m.InState():
                return _truth(self.case[e.condition] in e.states)
            case m.StateOf():
                return torch.tensor(float(self.case[e.condition]), dtype=torch.float64)  # type: ignore[arg-type]
            case m.TableRef():
                table = self.model.table(e.table)
                values = torch.tensor(table.values, dtype=torch.float64).reshape([len(k) for k in table.keys])
                return values[tuple(self.value(k).long() for k in e.keys)]
            case m.ObservationRef():
                return self._observed(e.observation, self._last(e.observation), e.group if e.group is not None else group)
            case m.RollingMean():
                return self._rolling(e, group)
            case m.Population():
                return torch.tensor(float(self.world.counts[e.of]), dtype=torch.float64)
            case m.Time():
                return torch.tensor(self.now * self.model.clock.step, dtype=torch.float64)
            case m.IsActive():
                return _truth(self.phase.get(e.intervention) == "active")
            case m.Apply():
                return _apply(e.op, [self.value(a, group) for a in e.arguments])
            case _:
                raise AssertionError(e)

    def _attribute(self, e: m.AttributeRef) -> Tensor:
        key = (e.of, e.name)
        if key in self.case:
            value = self.case[key]
            assert isinstance(value, Tensor)
        else:
            value = torch.tensor(np.asarray(self.world.attributes[key]), dtype=torch.float64)
        for condition, clause in self._clauses(e):
            if self.case[condition.name] in clause.states:
                before = dict(self.case)
                self.case[("plain", e.of, e.name)] = True
                value = self.value(clause.value) if clause.value is not None else value
                self.case = before
        return value

    def _clauses(self, e: m.AttributeRef) -> list[tuple[m.Condition, m.WhileInState]]:
        if ("plain", e.of, e.name) in self.case:
            return []
        return [(c, w) for c in self.model.conditions if c.of == e.of for w in c.whiles if w.attribute == e.name]

    def _last(self, name: str) -> int:
        return self.now // _period(self.model, name) - (1 if _covers(self.model, name) else 0)

    def _observed(self, name: str, row: int, group: int | None) -> Tensor:
        if row < 0:
            return torch.tensor(math.nan, dtype=torch.float64)
        observation = self.model.observation(name)
        report = self.reports[name][row]
        value = report[group] if group is not None and len(observation.groups) > 1 else report.sum()
        return value / observation.every if isinstance(observation.value, m.Flow) else value

    def _rolling(self, e: m.RollingMean, group: int | None) -> Tensor:
        window = max(1, round(e.window / self.model.observation(e.observation).every))
        last = self._last(e.observation)
        rows = range(max(0, last - window + 1), last + 1)
        if not rows:
            return torch.tensor(math.nan, dtype=torch.float64)
        each = [self._observed(e.observation, r, e.group if e.group is not None else group) for r in rows]
        return torch.stack(each).mean()

    # ------------------------------------------------------------------ means over cases

    def state(self, condition: str, state: int) -> Tensor:
        return self.chance[condition][state].sum(dim=1)

    def cases(self, exprs: Iterable[m.Expr], given: Mapping[str, int]) -> Iterator[Tensor]:
        """The chance of every combination of states and attributes that are read; the case is set meanwhile."""
        conditions, attributes = self._random(list(exprs), set(given))
        before = dict(self.case)
        options = [[(c, s, self.state(c, s)) for s in range(len(self.chance[c]))] for c in sorted(conditions)]
        for a in sorted(attributes):
            q = self.yes[a]
            options.append([(a, torch.ones_like(q), q), (a, torch.zeros_like(q), 1 - q)])  # type: ignore[list-item]
        for combination in product(*options):
            self.case = {**before, **given, **{name: value for name, value, _ in combination}}
            chance = torch.ones((), dtype=torch.float64)
            for _, _, part in combination:
                chance = chance * part
            yield chance
        self.case = before

    def mean(self, exprs: Iterable[m.Expr], given: Mapping[str, int], value: Callable[[], Tensor]) -> Tensor:
        total = torch.zeros((), dtype=torch.float64)
        for chance in self.cases(exprs, given):
            total = total + chance * value()
        return total

    def _random(self, exprs: list[m.Expr], given: set[str]) -> tuple[set[str], set[tuple[str, str]]]:
        conditions: set[str] = set()
        attributes: set[tuple[str, str]] = set()
        for e in (part for whole in exprs for part in m.walk(whole)):
            if isinstance(e, m.InState | m.StateOf) and e.condition not in given:
                conditions.add(e.condition)
            if isinstance(e, m.AttributeRef):
                if (e.of, e.name) in self.yes:
                    attributes.add((e.of, e.name))
                conditions |= {c.name for c, _ in self._clauses(e)} - given
        return conditions, attributes

    # ------------------------------------------------------------------ the start

    def begin(self) -> None:
        for agent in self.model.agents:
            for attribute in (a for a in agent.attributes if a.is_changed):
                column = np.asarray(self.world.attributes[agent.name, attribute.name])
                self.yes[agent.name, attribute.name] = torch.tensor(column, dtype=torch.float64)
        for condition in self.model.conditions:
            for exit_ in condition.exits:
                if isinstance(exit_.trigger, m.After):
                    self.law[condition.name, exit_.state] = self._stages(exit_.trigger.dwell)
            self._start(condition)
        for observation in self.model.observations:
            self.reports[observation.name] = {}
            if observation.delayed is not None:
                law = self._stages(observation.delayed)
                self.law[observation.name] = law
                self.waiting[observation.name] = torch.zeros(
                    (len(observation.groups), law.within.shape[1]), dtype=torch.float64
                )
        self.observe()

    def _stages(self, law: m.Distribution) -> Stages:
        arguments = {name: self.value(e) for name, e in law.arguments}
        return stages(law, arguments, self.model)

    def _start(self, condition: m.Condition) -> None:
        agents = self.world.counts[condition.of]
        start = [torch.zeros(agents, dtype=torch.float64) for _ in condition.states]
        free = torch.ones(agents, dtype=torch.float64)
        for exception in condition.start.exceptions:
            if exception.where is not None:
                taken = self.value(exception.where).expand(agents)
                start = [s * (1 - taken) for s in start]
                start[exception.state] = start[exception.state] + taken
                free = free * (1 - taken)
                continue
            written = exception.number if exception.number is not None else exception.share
            assert written is not None
            asked = self.value(written) * (1 if exception.number is not None else agents)
            part = asked / free.sum()
            start[exception.state] = start[exception.state] + free * part
            free = free * (1 - part)
        start[condition.start.state] = start[condition.start.state] + free
        self.chance[condition.name] = [self._at_boundary(condition, s, amount) for s, amount in enumerate(start)]

    def _at_boundary(self, condition: m.Condition, state: int, amount: Tensor) -> Tensor:
        law = self.law.get((condition.name, state))
        return amount[:, None] if law is None else amount[:, None] * law.at_boundary

    # ------------------------------------------------------------------ a step

    def step(self, step: int) -> None:
        self.now = step
        for one in self.model.interventions:
            if one.name not in self.disabled:
                self._trigger(one)
        forced: dict[tuple[str, int], Tensor] = {}
        for one in self.model.interventions:
            for block in one.repeated:
                if self.phase.get(one.name) == "active":
                    every = max(1, round(block.every / self.model.clock.step))
                    if (step - self.since[one.name]) % every == 0:
                        self._act(block, forced)
        forces = {c.name: self._forces(c) for c in self.model.conditions}
        new: dict[str, list[Tensor]] = {}
        entered: dict[str, dict[int, Tensor]] = {}
        for condition in self.model.conditions:
            new[condition.name], entered[condition.name] = self._moves(condition, forces[condition.name])
        for (name, state), amount in forced.items():
            entered[name][state] = entered[name].get(state, torch.zeros(1, dtype=torch.float64)) + amount
        self._count(entered)
        self.chance = new
        self.now = step + 1
        self.observe()

    def _past(self, crossing: m.Crossing) -> bool:
        value, level = float(self.value(crossing.value).detach()), float(self.value(crossing.level).detach())
        return value > level if crossing.rises else value < level

    def _wait(self, delay: m.Expr | None) -> int:
        return 0 if delay is None else math.ceil(float(self.value(delay).detach()) / self.model.clock.step - 1e-9)

    def _trigger(self, one: m.Intervention) -> None:
        phase, day = self.phase.get(one.name, "off"), self.now * self.model.clock.step + 1e-9
        if one.stops is not None and phase == "active":
            over = day >= one.stops.day if isinstance(one.stops, m.OnDate) else self._past(one.stops)
            delayed = isinstance(one.stops, m.Crossing) and one.stops.delay is not None
            if delayed and over and one.name not in self.ending:
                assert isinstance(one.stops, m.Crossing)
                self.ending[one.name] = self.now + max(0, self._wait(one.stops.delay))
            if (over and not delayed) or self.now >= self.ending.get(one.name, self.now + 1):
                phase = "off"
                self.ending.pop(one.name, None)
        if phase == "pending" and self.now >= self.since[one.name]:
            phase, self.since[one.name] = "active", self.now
        if isinstance(one.starts, m.Crossing):
            past = self._past(one.starts)
            if phase == "off" and past and not self.seen.get(one.name, False):
                wait = self._wait(one.starts.delay)
                phase, self.since[one.name] = ("pending" if wait > 0 else "active"), self.now + max(0, wait)
            self.seen[one.name] = past
        elif phase == "off" and one.name not in self.done and (one.starts is None or day >= one.starts.day):
            phase, self.since[one.name] = "active", self.now
            self.done.add(one.name)
        self.phase[one.name] = phase

    def _act(self, block: m.Repeated, forced: dict[tuple[str, int], Tensor]) -> None:
        """Everything from the chances before the block."""
        removed = [c for c in self.model.conditions if c.of == block.of and c.removed]
        who = [m.InState(c.name, c.removed, BOOLEAN, c.span) for c in removed]
        exprs: list[m.Expr] = [*who, *([block.where] if block.where is not None else [])]

        def eligible() -> Tensor:
            ok = torch.ones((), dtype=torch.float64)
            for condition in removed:
                ok = ok * _truth(self.case[condition.name] not in condition.removed)
            return ok if block.where is None else ok * self.value(block.where)

        share = torch.ones((), dtype=torch.float64)
        if block.at_most is not None:
            agents = torch.ones(self.world.counts[block.of], dtype=torch.float64)
            count = (self.mean(exprs, {}, eligible) * agents).sum()
            limit = torch.clamp(self.value(block.at_most), min=0.0)
            share = torch.clamp(limit / torch.clamp(count, min=NOBODY), max=1.0)
        yes, chance = dict(self.yes), {c: list(s) for c, s in self.chance.items()}
        for action in block.actions:
            more = [] if action.probability is None else [action.probability]

            def happens(action: m.Action = action) -> Tensor:
                p = torch.ones((), dtype=torch.float64)
                return share * eligible() * (p if action.probability is None else self.value(action.probability))

            if isinstance(action, m.SetAttribute):
                key = (block.of, action.attribute)
                own = m.AttributeRef(*key, action.value.type, action.span)

                def change(action: m.SetAttribute = action, key: tuple[str, str] = key) -> Tensor:
                    stored = self.case[key]
                    assert isinstance(stored, Tensor)
                    return happens(action) * (self.value(action.value) - stored)

                yes[key] = self.yes[key] + self.mean([own, action.value, *exprs, *more], {}, change)
            else:
                condition = self.model.condition(action.condition)
                moved = torch.zeros(self.world.counts[block.of], dtype=torch.float64)
                for state in (s for s in range(len(condition.states)) if s != action.state):
                    part = self.mean([*exprs, *more], {condition.name: state}, happens)
                    gone = self.chance[condition.name][state] * (part[:, None] if part.dim() else part)
                    chance[condition.name][state] = self.chance[condition.name][state] - gone
                    moved = moved + gone.sum(dim=1)
                arrives = self._at_boundary(condition, action.state, moved)
                chance[condition.name][action.state] = self.chance[condition.name][action.state] + arrives
                key2 = (condition.name, action.state)
                forced[key2] = forced.get(key2, torch.zeros(1, dtype=torch.float64)) + moved
        self.yes, self.chance = yes, chance

    # ------------------------------------------------------------------ contagion

    def _absent(self, network: m.Network) -> Tensor:
        """1 where the agent keeps away, in the case that is set."""
        stays = torch.ones((), dtype=torch.float64)
        for condition in (c for c in self.model.conditions if c.of == network.of):
            gone = [condition.removed, *(w.states for w in condition.whiles if network.name in w.networks)]
            for states in (g for g in gone if g):
                stays = stays * _truth(self.case[condition.name] not in states)
        for intervention in self.model.interventions:
            for clause in intervention.while_active:
                if network.name in clause.networks and clause.of == network.of:
                    active = _truth(self.phase.get(intervention.name) == "active")
                    told = active if clause.where is None else active * self.value(clause.where)
                    stays = stays * (1 - told)
        if network.layout == "place":
            place = torch.tensor(np.asarray(self.world.attributes[network.of, network.place]))
            stays = stays * (place >= 0).double()
        return stays

    def _presence_reads(self, network: m.Network) -> list[m.Expr]:
        found: list[m.Expr] = []
        for condition in (c for c in self.model.conditions if c.of == network.of):
            if condition.removed or any(network.name in w.networks for w in condition.whiles):
                found.append(m.StateOf(condition.name, BOOLEAN, condition.span))
        for intervention in self.model.interventions:
            for clause in intervention.while_active:
                if network.name in clause.networks and clause.where is not None:
                    found.append(clause.where)
        return found

    def _scaled(self, contagion: m.Contagion, network: m.Network, end: str) -> Tensor:
        value = torch.ones((), dtype=torch.float64)
        mine = self._scalings(contagion, network, end)
        for scaling in mine:
            factor = self.value(scaling.factor)
            if scaling.where is not None:
                inside = self.value(scaling.where)
                factor = inside * factor + (1 - inside)
            value = value * factor
        return torch.clamp(value, min=0.0) if mine else value

    @staticmethod
    def _scalings(contagion: m.Contagion, network: m.Network, end: str) -> list[m.Scaling]:
        return [s for s in contagion.scalings if s.end == end and (not s.networks or network.name in s.networks)]

    def _scaling_reads(self, contagion: m.Contagion, network: m.Network, end: str) -> list[m.Expr]:
        mine = self._scalings(contagion, network, end)
        return [e for s in mine for e in (s.factor, s.where) if e is not None]

    def _forces(self, condition: m.Condition) -> dict[int, Tensor]:
        """By susceptible state, (agents,): the expected force in this step."""
        contagion = self.model.contagion_of(condition.name)
        if contagion is None:
            return {}
        susceptible = {e.state for e in condition.exits if isinstance(e.trigger, m.ByContagion)}
        agents = self.world.counts[condition.of]
        total = {s: torch.zeros(agents, dtype=torch.float64) for s in susceptible}
        for name in dict.fromkeys(s.network for s in contagion.spreads):
            network = self.model.network(name)
            if not self._runs(network):
                continue
            felt = self._felt(contagion, network, agents)
            reads = [*self._scaling_reads(contagion, network, "target"), *self._presence_reads(network)]
            for state in susceptible:
                factor = self.mean(reads, {condition.name: state},
                                   lambda n=network: self._scaled(contagion, n, "target") * self._absent(n))  # fmt: skip
                total[state] = total[state] + factor * felt
        return {s: torch.clamp(h, min=0.0) for s, h in total.items()}

    def _runs(self, network: m.Network) -> bool:
        if not network.days:
            return True
        assert self.model.clock.start is not None
        day = datetime.date.fromisoformat(self.model.clock.start).weekday()
        weekend = (day + math.floor(self.now * self.model.clock.step + 1e-9)) % 7 >= 5
        return weekend == (network.days == "weekends")

    def _felt(self, contagion: m.Contagion, network: m.Network, agents: int) -> Tensor:
        weight = torch.zeros(agents, dtype=torch.float64)
        dt = self.model.clock.step
        for spread in (s for s in contagion.spreads if s.network == network.name):
            reads = [spread.rate, *self._scaling_reads(contagion, network, "source"), *self._presence_reads(network)]
            contacts = network.contacts if network.mixing is None else None
            reads += [] if contacts is None else [contacts]

            def one(spread: m.Spread = spread, contacts: m.Expr | None = contacts) -> Tensor:
                rate = self.value(spread.rate) * (1 if contacts is None else self.value(contacts)) * dt
                return rate * self._scaled(contagion, network, "source") * self._absent(network)

            for state in spread.states:
                each = self.mean(reads, {contagion.condition: state}, one)
                weight = weight + self.state(contagion.condition, state) * each
        here = self.mean(self._presence_reads(network), {}, lambda: self._absent(network)).expand(agents)
        evenly = network.contacts is not None and not network.per_tie
        match network.layout:
            case "ties":
                ties = self.world.ties[network.name]
                rows = torch.repeat_interleave(torch.arange(agents), torch.tensor(np.diff(ties.offsets)))
                add = lambda x: torch.zeros(agents, dtype=torch.float64).index_add(0, rows, x[torch.tensor(ties.targets).long()])  # noqa: E501,E731
                return add(weight) / torch.clamp(add(here), min=ALONE) if evenly else add(weight)
            case "place":
                place = torch.tensor(np.asarray(self.world.attributes[network.of, network.place])).long()
                size = int(place.max().clamp(min=0)) + 1
                inside = place >= 0
                spread_ = lambda x: torch.zeros(size, dtype=torch.float64).index_add(0, place[inside], x[inside])[place.clamp(min=0)] * inside  # noqa: E501,E731
                felt = spread_(weight) - weight
                return felt / torch.clamp(spread_(here) - here, min=ALONE) if evenly else felt
            case _:
                return self._mixed(network, weight, here)

    def _mixed(self, network: m.Network, weight: Tensor, here: Tensor) -> Tensor:
        if network.mixing is None:
            return (weight.sum() - weight) / torch.clamp(here.sum(), min=NOBODY)
        table = self.model.table(network.mixing)
        size = len(table.keys[0])
        contacts = torch.tensor(table.values, dtype=torch.float64).reshape(size, size)
        group = torch.tensor(np.asarray(self.world.attributes[network.of, table.key_attributes[0]])).long()
        total = torch.zeros(size, dtype=torch.float64).index_add(0, group, weight)
        number = torch.clamp(torch.zeros(size, dtype=torch.float64).index_add(0, group, here), min=NOBODY)
        return (contacts @ (total / number))[group] - contacts[group, group] * weight / number[group]

    # ------------------------------------------------------------------ moves

    def _moves(self, condition: m.Condition, forces: dict[int, Tensor]) -> tuple[list[Tensor], dict[int, Tensor]]:
        agents = self.world.counts[condition.of]
        nothing = torch.zeros(agents, dtype=torch.float64)
        stay = [s.clone() for s in self.chance[condition.name]]
        within: dict[int, Tensor] = {}
        at_end: dict[int, Tensor] = {}
        entered: dict[int, Tensor] = {}

        def send(exit_: m.Exit, amount: Tensor, where: dict[int, Tensor]) -> None:
            rest = torch.ones((), dtype=torch.float64)
            for branch in exit_.branches:
                share = rest
                if branch.probability is not None:
                    p = branch.probability
                    share = self.mean([p], {condition.name: exit_.state}, lambda p=p: self.value(p))
                    rest = rest - share
                where[branch.to] = where.get(branch.to, nothing) + amount * share
                entered[branch.to] = entered.get(branch.to, nothing) + amount * share

        def rate_of(exit_: m.Exit) -> Tensor | None:
            if isinstance(exit_.trigger, m.ByContagion):
                return forces.get(exit_.state)
            if isinstance(exit_.trigger, m.AtRate):
                rate = exit_.trigger.rate
                value = self.mean([rate], {condition.name: exit_.state}, lambda: self.value(rate))
                return torch.clamp(value * self.model.clock.step, min=0.0)
            return None

        for state in range(len(condition.states)):
            exits = condition.exits_of(state)
            hazards = [(e, h) for e in exits if (h := rate_of(e)) is not None]
            if hazards:
                total = sum((h for _, h in hazards), start=torch.zeros((), dtype=torch.float64))
                gone = stay[state] * (1 - torch.exp(-total)).reshape(-1, 1)
                stay[state] = stay[state] - gone
                for exit_, h in hazards:
                    share = torch.ones((), dtype=torch.float64) if len(hazards) == 1 else h / torch.clamp(total, min=1e-300)
                    send(exit_, gone.sum(dim=1) * share, within)
            for exit_ in (e for e in exits if isinstance(e.trigger, m.After)):
                law = self.law[condition.name, state]
                gone = stay[state] * law.leaves[:, None]
                shifted = torch.cat([torch.zeros((agents, 1), dtype=torch.float64), gone[:, :-1]], dim=1)
                stay[state] = stay[state] - gone + shifted
                send(exit_, gone[:, -1], within)
            for exit_ in exits:
                chance = self._at_end(exit_, condition)
                if chance is not None:
                    gone = stay[state] * chance.reshape(-1, 1)
                    stay[state] = stay[state] - gone
                    send(exit_, gone.sum(dim=1), at_end)
        for turn in range(4):
            for state in _downstream(condition):
                amount = within.pop(state, None)
                if amount is None:
                    continue
                rated = [(e, h) for e in condition.exits_of(state) if isinstance(e.trigger, m.AtRate)
                         and (h := rate_of(e)) is not None]  # fmt: skip
                if rated and turn < 3:
                    total = sum((h for _, h in rated), start=torch.zeros((), dtype=torch.float64))
                    big = torch.clamp(total, min=1e-4)
                    at_once = torch.where(total > 1e-4, 1 - (1 - torch.exp(-big)) / big, total * (0.5 - total / 6))
                    for exit_, h in rated:
                        part = torch.ones((), dtype=torch.float64) if len(rated) == 1 else h / torch.clamp(total, min=1e-300)
                        send(exit_, amount * at_once * part, within)
                    amount = amount * (1 - at_once)
                law = self.law.get((condition.name, state))
                if law is None:
                    stay[state] = stay[state] + amount[:, None]
                    continue
                stay[state] = stay[state] + amount[:, None] * law.within
                passes = amount * (1 - law.within.sum(dim=1))
                if turn == 3:
                    last = torch.zeros(law.within.shape[1], dtype=torch.float64)
                    last[-1] = 1.0
                    stay[state] = stay[state] + passes[:, None] * last
                    continue
                (timed,) = (e for e in condition.exits_of(state) if isinstance(e.trigger, m.After))
                send(timed, passes, within)
        for state, amount in at_end.items():
            stay[state] = stay[state] + self._at_boundary(condition, state, amount)
        return stay, entered

    def _at_end(self, exit_: m.Exit, condition: m.Condition) -> Tensor | None:
        given = {condition.name: exit_.state}
        match exit_.trigger:
            case m.Chance(probability, every):
                once = self.mean([probability], given, lambda: self.value(probability))
                dt = self.model.clock.step
                many = math.floor((self.now + 1) * dt / every + 1e-9) - math.floor(self.now * dt / every + 1e-9)
                return 1 - torch.clamp(1 - once, min=2.0**-60) ** many if many else torch.zeros((), dtype=torch.float64)
            case m.When(test):
                return self.mean([test], given, lambda: self.value(test))
            case _:
                return None

    # ------------------------------------------------------------------ observations

    def _groups(self, observation: m.Observation, amount: Tensor, given: Mapping[str, int], more: list[m.Expr],
                weight: Callable[[], Tensor]) -> Tensor:  # fmt: skip
        """(groups,): an amount of every agent, times a weight, added up by group."""
        total = torch.zeros(len(observation.groups), dtype=torch.float64)
        for chance in self.cases([*observation.by, *more], given):
            code = torch.zeros((), dtype=torch.long)
            for leaf in observation.by:
                size = len(leaf.type.labels) if leaf.type.labels else 2
                code = code * size + self.value(leaf).long()
            part = (amount * chance * weight()).expand(len(amount))
            total = total.index_add(0, code.expand(len(part)), part)
        return total

    def _count(self, entered: dict[str, dict[int, Tensor]]) -> None:
        for observation in self.model.observations:
            flow = observation.value
            if not isinstance(flow, m.Flow):
                continue
            reads = [e for e in (observation.where, observation.thinned) if e is not None]

            def weight(reads: list[m.Expr] = reads) -> Tensor:
                product_ = torch.ones((), dtype=torch.float64)
                for e in reads:
                    product_ = product_ * self.value(e)
                return product_

            came = torch.zeros(len(observation.groups), dtype=torch.float64)
            for state in flow.states:
                if state in entered[flow.condition]:
                    given = {flow.condition: state}
                    amount = entered[flow.condition][state]
                    came = came + self._groups(observation, amount, given, reads, weight)
            if observation.delayed is not None:
                came = self._delayed(observation, came)
            row = self.now // _period(self.model, observation.name)
            reports = self.reports[observation.name]
            reports[row] = reports[row] + came if row in reports else came

    def _delayed(self, observation: m.Observation, came: Tensor) -> Tensor:
        law, waiting = self.law[observation.name], self.waiting[observation.name]
        gone = waiting * law.leaves[0]
        shifted = torch.cat([torch.zeros((len(came), 1), dtype=torch.float64), gone[:, :-1]], dim=1)
        self.waiting[observation.name] = waiting - gone + shifted + came[:, None] * law.within[0]
        return gone[:, -1] + came * (1 - law.within[0].sum())

    def observe(self) -> None:
        """Levels, and formulas after what they read."""
        for observation in self.model.observations:
            period = _period(self.model, observation.name)
            if isinstance(observation.value, m.Level) and self.now % period == 0:
                self.reports[observation.name][self.now // period] = self._level(observation, observation.value.aggregate)
        pending = [o for o in self.model.observations if isinstance(o.value, m.Derived)]
        while pending:
            waiting = {o.name for o in pending}
            ready = [o for o in pending if not {e.observation for e in m.walk(o.value.formula)  # type: ignore[union-attr]
                     if isinstance(e, m.ObservationRef | m.RollingMean)} & waiting]  # fmt: skip
            for observation in ready:
                self._formula(observation)
                pending.remove(observation)

    def _formula(self, observation: m.Observation) -> None:
        assert isinstance(observation.value, m.Derived)
        formula, period = observation.value.formula, _period(self.model, observation.name)
        late = 1 if _covers(self.model, observation.name) else 0
        if self.now % period == 0 and self.now // period - late >= 0:
            groups = len(observation.groups)
            values = [self.value(formula, g if groups > 1 else None) for g in range(groups)]
            self.reports[observation.name][self.now // period - late] = torch.stack(values)

    def _level(self, observation: m.Observation, aggregate: m.Aggregate) -> Tensor:
        people = torch.ones(self.world.counts[aggregate.of], dtype=torch.float64)
        wheres = [e for e in (aggregate.where, observation.where) if e is not None]
        thin = [] if observation.thinned is None else [observation.thinned]
        what = [] if aggregate.what is None else [aggregate.what]

        def total(exprs: list[m.Expr]) -> Tensor:
            def weight() -> Tensor:
                product_ = torch.ones((), dtype=torch.float64)
                for e in exprs:
                    product_ = product_ * self.value(e)
                return product_

            return self._groups(observation, people, {}, exprs, weight)

        above = total([*wheres, *thin, *what])
        match aggregate.function:
            case "count" | "sum":
                return above
            case "share":
                return above / torch.clamp(total([]), min=1e-12)
            case _:
                return above / torch.clamp(total([*wheres, *thin]), min=1e-12)

    def finished(self) -> dict[str, Tensor]:
        """Reports that are complete."""
        made: dict[str, Tensor] = {}
        for observation in self.model.observations:
            count = self.steps // _period(self.model, observation.name)
            count += 0 if _covers(self.model, observation.name) else 1
            empty = torch.full((len(observation.groups),), math.nan, dtype=torch.float64)
            rows = [self.reports[observation.name].get(r, empty) for r in range(count)]
            made[observation.name] = torch.stack(rows) if rows else empty[None][:0]
        return made


def _downstream(condition: m.Condition) -> list[int]:
    """States before those that they lead to (reverse of the order in which a search leaves them)."""
    left: list[int] = []
    met: set[int] = set()

    def search(state: int) -> None:
        if state not in met:
            met.add(state)
            for exit_ in condition.exits_of(state):
                for branch in exit_.branches:
                    search(branch.to)
            left.append(state)

    for state in range(len(condition.states)):
        search(state)
    return list(reversed(left))


def _period(model: m.Model, name: str) -> int:
    return max(1, round(model.observation(name).every / model.clock.step))


def _covers(model: m.Model, name: str) -> bool:
    """Whether a report covers the period before it."""
    observation = model.observation(name)
    if not isinstance(observation.value, m.Derived):
        return isinstance(observation.value, m.Flow)
    parts = {e.observation for e in m.walk(observation.value.formula) if isinstance(e, m.ObservationRef | m.RollingMean)}
    longest = max((model.observation(p).every for p in parts), default=0)
    return any(_covers(model, p) for p in parts if model.observation(p).every == longest)


def _truth(holds: bool) -> Tensor:
    return torch.tensor(1.0 if holds else 0.0, dtype=torch.float64)


def _apply(op: str, a: list[Tensor]) -> Tensor:
    match op:
        case "neg":
            return -a[0]
        case "not":
            return 1 - a[0]
        case "add":
            return a[0] + a[1]
        case "sub":
            return a[0] - a[1]
        case "mul" | "and":
            return a[0] * a[1]
        case "or":
            return a[0] + a[1] - a[0] * a[1]
        case "div":
            return a[0] / a[1]
        case "pow":
            return a[0] ** a[1]
        case "lt" | "le" | "gt" | "ge" | "eq" | "ne":
            return getattr(torch, op)(a[0], a[1]).double()
        case "min" | "max":
            value = a[0]
            for other in a[1:]:
                value = (torch.minimum if op == "min" else torch.maximum)(value, other)
            return value
        case "round":
            return torch.floor(a[0] + 0.5)
        case "logit":
            return torch.log(a[0] / (1 - a[0]))
        case "inverse_logit":
            return torch.sigmoid(a[0])
        case _:
            return getattr(torch, op)(a[0])

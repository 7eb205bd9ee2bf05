"""The reference of the relaxation, moves: what leaves every state in a step, and where it arrives."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch

from compiler_tests.relaxed_reference.contagion import Contagion, Covered
from compiler_tests.relaxed_reference.marginals import NONE, ONE, Tensor
from compiler_tests.relaxed_reference.tries import Round, period, round_of, tries_of
from compiler_tests.relaxed_reference.ways import downstream, to_sources
from lpmdsl.reference.months import months
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.exposure.second_look import is_looked_at_again


@dataclass(slots=True)
class Part:
    """Chances of one condition in a part of a step; ``covered``: for how much of the step one is in each state."""

    condition: m.Condition
    stay: list[Tensor]
    forces: dict[int, Tensor] = field(default_factory=dict)
    held: frozenset[int] = frozenset()
    within: dict[int, Tensor] = field(default_factory=dict)
    at_end: dict[int, Tensor] = field(default_factory=dict)
    entered: dict[int, Tensor] = field(default_factory=dict)
    covered: Covered = field(default_factory=dict)

    def cover(self, state: int, amount: Tensor) -> None:
        self.covered[state] = self.covered.get(state, NONE) + amount


def half_left(h: Tensor) -> Tensor:
    """(h − 1 + e⁻ʰ) / h²."""
    small, large = torch.clamp(h, max=0.1), torch.clamp(h, min=0.1)
    series = sum(((-small) ** k / math.factorial(k + 2) for k in range(10)), start=NONE)
    return torch.where(h > 0.1, (large - 1 + torch.exp(-large)) / large**2, series)


@dataclass(slots=True)
class Moves(Contagion):
    """The moves of one condition at the present step."""

    def _at_boundary(self, condition: m.Condition, state: int, amount: Tensor) -> Tensor:
        law, tried = self.law.get((condition.name, state)), self._round(condition, state)
        if tried is None:
            return amount[:, None] if law is None else amount[:, None] * law.at_boundary
        where = torch.zeros(tried.stages, dtype=torch.float64)
        where[: 1 + tried.early] = 1 / (1 + tried.early)
        return amount[:, None] * where

    def _round(self, condition: m.Condition, state: int) -> Round | None:
        law = self.law.get((condition.name, state))
        if law is not None and law.hazard is None:
            return None
        return round_of(condition.exits_of(state), self.model.clock.step, state in to_sources(self.model, condition))

    def _stays(self, exit_: m.Exit, condition: m.Condition) -> Tensor:
        """The chance not to leave by an exit in a step in which one may try."""
        assert isinstance(exit_.trigger, m.Chance)
        p, steps = exit_.trigger.probability, period(exit_, self.model.clock.step)
        once = self.expected(p, condition.name, exit_.state)
        fails, tried = torch.clamp(1 - once, min=2.0**-60), self._round(condition, exit_.state)
        return fails if tried is not None and tried.steps == steps else 1 - (1 - fails) / steps

    def _moves(self, condition: m.Condition) -> tuple[list[Tensor], dict[int, Tensor]]:
        """The chances after the step, and by state what has entered it."""
        part = Part(condition, [s.clone() for s in self.chance[condition.name]])
        contagion = self.model.contagion_of(condition.name)
        if contagion is None:
            for state in range(len(condition.states)):
                self._leave(part, state)
            self._arrive(part)
        else:
            self._infect(part, contagion)
        for state, amount in part.at_end.items():
            part.stay[state] = part.stay[state] + self._at_boundary(condition, state, amount)
        return part.stay, part.entered

    def _infect(self, part: Part, contagion: m.Contagion) -> None:
        """Own moves, the force meanwhile, infections, what the infected weigh, and who that infects."""
        name = part.condition.name
        at_risk = frozenset(e.state for e in part.condition.exits if isinstance(e.trigger, m.ByContagion))
        part.held = at_risk
        for state in (s for s in range(len(part.condition.states)) if s not in at_risk):
            self._leave(part, state)
        self._arrive(part)
        for state in at_risk:
            part.cover(state, self.state(name, state) + 0.5 * part.within.get(state, NONE))
        before = {s: part.covered[s] for s in at_risk}
        forces = self._forces(contagion, part.covered)
        owed = self.owed.get(name, {})
        part.forces = {s: torch.clamp(h + owed.get(s, NONE), min=0.0) for s, h in forces.items()}
        part.held, part.covered = frozenset(), {s: -amount for s, amount in before.items()}
        for state in at_risk:
            self._leave(part, state)
        self._arrive(part, at_risk)
        values = {name: float(value.detach()) for name, value in self.parameters.items()}
        if is_looked_at_again(self.model, contagion, values):
            again = {s: torch.clamp(h, min=0.0) for s, h in self._forces(contagion, part.covered).items()}
            part.forces, part.covered = {}, {}
            for state in at_risk:
                there = part.stay[state]
                gone = there * (1 - torch.exp(-again[state])).reshape(-1, 1)
                part.stay[state] = there - gone
                part.cover(state, -0.5 * gone.sum(dim=1))
                (exit_,) = (e for e in part.condition.exits_of(state) if isinstance(e.trigger, m.ByContagion))
                self._send(part, exit_, gone.sum(dim=1), part.within)
            self._arrive(part, at_risk)
        self.owed[name] = self._forces(contagion, part.covered)

    def _send(self, part: Part, exit_: m.Exit, amount: Tensor, where: dict[int, Tensor]) -> None:
        rest = ONE
        for branch in exit_.branches:
            share = rest
            if branch.probability is not None:
                share = self.expected(branch.probability, part.condition.name, exit_.state)
                rest = rest - share
            where[branch.to] = where.get(branch.to, NONE) + amount * share
            part.entered[branch.to] = part.entered.get(branch.to, NONE) + amount * share

    def _hazards(self, part: Part, state: int) -> list[tuple[m.Exit, Tensor]]:
        found: list[tuple[m.Exit, Tensor]] = []
        for exit_ in part.condition.exits_of(state):
            law = self.law.get((part.condition.name, state))
            if isinstance(exit_.trigger, m.ByContagion) and state in part.forces:
                found.append((exit_, part.forces[state]))
            elif isinstance(exit_.trigger, m.AtRate):
                value = self.expected(exit_.trigger.rate, part.condition.name, state)
                found.append((exit_, torch.clamp(value * self.model.clock.step, min=0.0)))
            elif isinstance(exit_.trigger, m.After) and law is not None and law.hazard is not None:
                found.append((exit_, law.hazard))
        return found

    def _leave(self, part: Part, state: int) -> None:
        stay, hazards = part.stay, self._hazards(part, state)
        law = self.law.get((part.condition.name, state))
        chain = law if law is not None and law.hazard is None else None
        total = sum((h for _, h in hazards), start=NONE)
        there = stay[state].sum(dim=1)
        if chain is not None:
            there = there - stay[state][:, -1] * chain.leaves * chain.misses
        stays = ONE
        for exit_ in tries_of(part.condition.exits_of(state)):
            stays = stays * self._stays(exit_, part.condition)
        there = there - (there if chain is not None else stay[state][:, -1]) * (1 - stays) / 2
        part.cover(state, there * (1 - total * half_left(total)))
        if hazards:
            gone = stay[state] * (1 - torch.exp(-total)).reshape(-1, 1)
            stay[state] = stay[state] - gone
            for exit_, h in hazards:
                share = ONE if len(hazards) == 1 else h / torch.clamp(total, min=1e-300)
                self._send(part, exit_, gone.sum(dim=1) * share, part.within)
        for exit_ in part.condition.exits_of(state):
            if chain is not None and isinstance(exit_.trigger, m.After):
                gone = stay[state] * chain.leaves[:, None]
                shifted = torch.cat([torch.zeros((len(gone), 1), dtype=torch.float64), gone[:, :-1]], dim=1)
                stay[state] = stay[state] - gone + shifted
                self._send(part, exit_, gone[:, -1], part.within)
        self._try(part, state)
        for exit_ in part.condition.exits_of(state):
            chance = self._at_end(exit_, part.condition)
            if chance is not None:
                gone = stay[state] * chance.reshape(-1, 1)
                stay[state] = stay[state] - gone
                self._send(part, exit_, gone.sum(dim=1), part.at_end)

    def _try(self, part: Part, state: int) -> None:
        """Who was there as the step began tries in it, or is a step nearer to its next try."""
        exits, tried, stay = (
            tries_of(part.condition.exits_of(state)),
            self._round(part.condition, state),
            part.stay[state],
        )
        rest = stay if tried is None else stay[:, -1:]
        for exit_ in exits:
            gone = rest * (1 - self._stays(exit_, part.condition).reshape(-1, 1))
            rest = rest - gone
            self._send(part, exit_, gone.sum(dim=1), part.within)
        if tried is not None:
            where = torch.zeros(tried.stages, dtype=torch.float64)
            where[int(tried.early)] = 1.0
            rest = torch.cat([0 * rest, stay[:, :-1]], dim=1) + rest * where
        part.stay[state] = rest

    def _arrive(self, part: Part, at_risk: frozenset[int] = frozenset()) -> None:
        """``at_risk``: states to which who comes at the end of the step stays apart until then."""
        states = [s for s in downstream(part.condition) if s not in part.held]
        for _ in range(3):
            for state in states:
                if state in part.within:
                    self._come(part, state, part.within.pop(state))
        for state in states:
            amount = part.within.pop(state, None)
            if state not in at_risk and state in part.at_end:
                amount = part.at_end.pop(state) + (NONE if amount is None else amount)
            if amount is not None:
                part.stay[state] = part.stay[state] + self._at_boundary(part.condition, state, amount)

    def _come(self, part: Part, state: int, amount: Tensor) -> None:
        """What comes within the step: some leaves at once."""
        hazards, law = self._hazards(part, state), self.law.get((part.condition.name, state))
        total = sum((h for _, h in hazards), start=NONE)
        covers = amount * half_left(total)
        for exit_, h in hazards:
            share = ONE if len(hazards) == 1 else h / torch.clamp(total, min=1e-300)
            self._send(part, exit_, amount * total * half_left(total) * share, part.within)
        amount = amount * (1 - total * half_left(total))
        if law is None or law.hazard is not None:
            part.cover(state, covers)
            tried = self._round(part.condition, state)
            where = torch.zeros(part.stay[state].shape[1], dtype=torch.float64)
            where[1 if tried is not None and tried.early else 0] = 1.0
            part.stay[state] = part.stay[state] + amount[:, None] * where
            return
        enters = law.within.sum(dim=1)
        part.cover(state, covers * 2 * law.misses * enters)
        part.stay[state] = part.stay[state] + amount[:, None] * law.within
        (timed,) = (e for e in part.condition.exits_of(state) if isinstance(e.trigger, m.After))
        self._send(part, timed, amount * (1 - enters), part.within)

    def _at_end(self, exit_: m.Exit, condition: m.Condition) -> Tensor | None:
        match exit_.trigger:
            case m.Chance(probability, _, by) if by:
                once = self.expected(probability, condition.name, exit_.state)
                many = months(self.model.clock, 0, self.now + 1) // by - months(self.model.clock, 0, self.now) // by
                return 1 - torch.clamp(1 - once, min=2.0**-60) ** many if many else NONE
            case m.When(test):
                return self.expected(test, condition.name, exit_.state)
            case _:
                return None

"""The reference of the relaxation, moves: what leaves every state in a step, and where it arrives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from compiler_tests.relaxed_reference.contagion import Contagion
from compiler_tests.relaxed_reference.values import NONE, ONE, Tensor
from lpmdsl.reference.months import months
from lpmdsl.semantics import model as m


@dataclass(slots=True)
class Moves(Contagion):
    """The moves of one condition at the present step."""

    def _at_boundary(self, condition: m.Condition, state: int, amount: Tensor) -> Tensor:
        law = self.law.get((condition.name, state))
        return amount[:, None] if law is None else amount[:, None] * law.at_boundary

    def _moves(self, condition: m.Condition, forces: dict[int, Tensor]) -> tuple[list[Tensor], dict[int, Tensor]]:
        agents = self.world.counts[condition.of]
        nothing = torch.zeros(agents, dtype=torch.float64)
        stay = [s.clone() for s in self.chance[condition.name]]
        within: dict[int, Tensor] = {}
        at_end: dict[int, Tensor] = {}
        entered: dict[int, Tensor] = {}

        def send(exit_: m.Exit, amount: Tensor, where: dict[int, Tensor]) -> None:
            rest = ONE
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
                total = sum((h for _, h in hazards), start=NONE)
                gone = stay[state] * (1 - torch.exp(-total)).reshape(-1, 1)
                stay[state] = stay[state] - gone
                for exit_, h in hazards:
                    share = ONE if len(hazards) == 1 else h / torch.clamp(total, min=1e-300)
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
            for state in downstream(condition):
                amount = within.pop(state, None)
                if amount is None:
                    continue
                rated = [(e, h) for e in condition.exits_of(state) if isinstance(e.trigger, m.AtRate)
                         and (h := rate_of(e)) is not None]  # fmt: skip
                if rated and turn < 3:
                    total = sum((h for _, h in rated), start=NONE)
                    big = torch.clamp(total, min=1e-4)
                    at_once = torch.where(total > 1e-4, 1 - (1 - torch.exp(-big)) / big, total * (0.5 - total / 6))
                    for exit_, h in rated:
                        part = ONE if len(rated) == 1 else h / torch.clamp(total, min=1e-300)
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
            case m.Chance(probability, every, by):
                once = self.mean([probability], given, lambda: self.value(probability))
                dt = self.model.clock.step
                many = math.floor((self.now + 1) * dt / every + 1e-9) - math.floor(self.now * dt / every + 1e-9)
                if by:
                    ago = months(self.model.clock, 0, self.now) // by
                    many = months(self.model.clock, 0, self.now + 1) // by - ago
                return 1 - torch.clamp(1 - once, min=2.0**-60) ** many if many else NONE
            case m.When(test):
                return self.mean([test], given, lambda: self.value(test))
            case _:
                return None


def downstream(condition: m.Condition) -> list[int]:
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

"""The domain of marginals: a moment is one case of what is random, and torch differentiates what is read in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np
import torch

from compiler_tests.relaxed_reference.stages import Stages
from lpmdsl.networks.world import World
from lpmdsl.reference.expressions import Moment, evaluate
from lpmdsl.reference.reports import Schedule
from lpmdsl.semantics import model as m

Tensor = torch.Tensor
ONE, NONE = torch.ones((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
ALONE, NOBODY = 1e-6, 1e-9
"""The fewest others, and the fewest people, that anything is divided by."""

Key = str | tuple[str, str]
"""A condition, or an attribute that changes by its kind and name: what is random, each independent of the others."""
K = TypeVar("K", str, tuple[str, str])
T = TypeVar("T")
Case = Mapping[Key, int | Tensor]
"""The state, or the values of everybody, of what is decided."""


class Marginals:
    """The domain of chances, in float64: all can be differentiated by torch."""

    log = staticmethod(torch.log)
    sqrt = staticmethod(torch.sqrt)
    sin = staticmethod(torch.sin)
    cos = staticmethod(torch.cos)

    def exp(self, x: Tensor) -> Tensor:
        """e to the power x, with x held within [−708, 709] as in a run."""
        return torch.exp(torch.clamp(x, -708.0, 709.0))

    def weight(self, x: Tensor) -> Tensor:
        """The weight itself; 0 of a negative one."""
        return torch.clamp(x, min=0.0)

    def evenly(self, sums: Tensor, others: Tensor) -> Tensor:
        """Quotient, bounded where hardly anybody else is expected."""
        return sums / torch.clamp(others, min=ALONE)

    def among(self, weight: Tensor, number: Tensor) -> Tensor:
        """Quotient, bounded where hardly anybody is expected."""
        return weight / torch.clamp(number, min=NOBODY)


MARGINALS = Marginals()


class Undecided(Exception):
    """Something random was read that the case does not decide."""

    def __init__(self, key: Key) -> None:
        self.key = key


class Decided(dict[K, Tensor]):
    """What a case decides; to read anything else of what is random raises ``Undecided``."""

    def __missing__(self, key: K) -> Tensor:
        raise Undecided(key)


@dataclass(slots=True)
class Values:
    """Chances of all that is random at the present step, and means over it.

    ``chance[condition][state]``: (agents, stages). ``yes[kind, attribute]``: (agents,), of attributes that change.
    ``still``: attributes that do not. ``owed[condition][state]``: (agents,), the force missed in the step before.
    ``history``: completed reports in base units; ``counts``: of flows by period, also of those that are not over.
    """

    model: m.Model
    world: World
    parameters: dict[str, Tensor]
    schedule: Schedule
    chance: dict[str, list[Tensor]] = field(default_factory=dict)
    yes: dict[tuple[str, str], Tensor] = field(default_factory=dict)
    still: dict[tuple[str, str], Tensor] = field(default_factory=dict)
    owed: dict[str, dict[int, Tensor]] = field(default_factory=dict)
    law: dict[object, Stages] = field(default_factory=dict)
    waiting: dict[str, Tensor] = field(default_factory=dict)
    history: dict[str, list[Tensor]] = field(default_factory=dict)
    counts: dict[str, dict[int, Tensor]] = field(default_factory=dict)
    active: dict[str, bool | Tensor] = field(default_factory=dict)
    now: int = 0

    def set_out(self) -> None:
        """Attributes as they are drawn, and no report yet."""
        changed = {(agent.name, a.name) for agent in self.model.agents for a in agent.attributes if a.is_changed}
        for key, column in self.world.attributes.items():
            where = self.yes if key in changed else self.still
            where[key] = torch.tensor(np.asarray(column), dtype=torch.float64)
        self.history = {o.name: [] for o in self.model.observations}

    def moment(self, case: Case | None = None) -> Moment:
        """The present step in a case; without one, only what is the same in all cases can be read."""
        states: Decided[str] = Decided()
        attributes: Decided[tuple[str, str]] = Decided(self.still)
        for key, value in (case or {}).items():
            if isinstance(key, str):
                states[key] = torch.full((self.world.counts[self.model.condition(key).of],), int(value))
            else:
                assert isinstance(value, Tensor)
                attributes[key] = value
        time = self.now * self.model.clock.step
        return Moment(self.model, self.world.counts, self.parameters, attributes, states, self.history, self.active,
                      time, domain=MARGINALS)  # fmt: skip

    def state(self, condition: str, state: int) -> Tensor:
        """(agents,): the chance to be in a state."""
        return self.chance[condition][state].sum(dim=1)

    def cases(self, given: Case, value: Callable[[Moment], T], chance: Tensor = ONE) -> Iterator[tuple[Tensor, T]]:
        """Chance and value of every combination of what the value reads of what is random and not given.

        What it reads is found out by reading it: a first case that leaves it open is split.
        """
        try:
            found = value(self.moment(given))
        except Undecided as what:
            key = what.key
        else:
            yield chance, found
            return
        for option, part in self._options(key):
            yield from self.cases({**given, key: option}, value, chance * part)

    def _options(self, key: Key) -> Iterator[tuple[int | Tensor, Tensor]]:
        if isinstance(key, str):
            yield from ((s, self.state(key, s)) for s in range(len(self.chance[key])))
        else:
            q = self.yes[key]
            yield from ((torch.ones_like(q), q), (torch.zeros_like(q), 1 - q))

    def expected(self, expr: m.Expr, condition: str, state: int) -> Tensor:
        """Mean of an expression for those in a state."""
        return self.mean({condition: state}, partial(evaluate, expr))

    def mean(self, given: Case, value: Callable[[Moment], Tensor]) -> Tensor:
        """Mean of a value over all cases."""
        return sum((chance * one for chance, one in self.cases(given, value)), start=NONE)

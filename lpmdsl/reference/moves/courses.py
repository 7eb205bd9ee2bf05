"""An agent's course through a condition, and all courses of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from lpmdsl.networks.world import World
from lpmdsl.reference.arithmetic import Draws
from lpmdsl.reference.contagion.exposure import Owed
from lpmdsl.reference.expressions import Moment
from lpmdsl.reference.reports import Reports
from lpmdsl.semantics.model import ByContagion, Condition, Exit

NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Course:
    """State of everyone in one condition: int64 tensors over agents, written in place.

    ``entered``: tick of the last entry; ``moves`` made; ``due``, ``planned``, ``leads_to``: tick, exit and target of
    the timed exit that was drawn on entry; ``remaining``: what is left of each exit's threshold.
    """

    condition: Condition
    exits: tuple[Exit, ...]
    state: Tensor
    entered: Tensor
    moves: Tensor
    due: Tensor
    planned: Tensor
    leads_to: Tensor
    remaining: tuple[Tensor, ...]

    def is_open(self, agents: Tensor) -> Tensor:
        """Return for each of ``agents`` whether its state has an exit by contagion."""
        states = {e.state for e in self.exits if isinstance(e.trigger, ByContagion)}
        return torch.isin(self.state[agents], torch.tensor(sorted(states), dtype=torch.int64))

    def episodes(self, agents: Tensor) -> Tensor:
        """Episodes that draws of ``agents`` are keyed by; 0 where a state is entered once."""
        return self.moves[agents] if self.condition.is_cyclic else torch.zeros_like(agents)


@dataclass(slots=True)
class Body:
    """State of a run for moves: the live moment, its courses and reports, draws, and tables of dwell times by site."""

    now: Moment
    courses: dict[str, Course]
    reports: Reports
    draws: Draws
    dwells: dict[str, Tensor]
    owed: Owed
    again: tuple[str, ...]
    """The conditions that a step looks at twice."""
    world: World
    presence: dict[str, list[Tensor]] = field(default_factory=dict)
    """Masks of who took part in every step so far, of networks to whose ties somebody looks back."""
    limits: dict[str, int] = field(default_factory=dict)
    """Rest of limits that blocks share, by the intervention that states them."""
    entered: dict[str, Tensor] = field(default_factory=dict)
    """Marks of those who follow the paragraphs of a clause on entering at the end of the step, by its site."""


def course_from_start(condition: Condition, state: Tensor) -> Course:
    """Everyone in its start state at tick 0, nothing drawn yet."""
    exits = tuple(sorted(condition.exits, key=lambda e: (e.state, e.index)))
    entered, moves, due, planned, leads_to = (torch.zeros_like(state) for _ in range(5))
    remaining = tuple(torch.zeros_like(state) for _ in exits)
    return Course(condition, exits, state, entered, moves, due, planned, leads_to, remaining)

"""The reference of the relaxation, exits with a chance a period: how many steps from one try to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lpmdsl.semantics import model as m

LONGEST = 60
"""Stages of a round at most."""


@dataclass(frozen=True, slots=True)
class Round:
    """Steps from try to try; 1 where tries may fall into any step. ``early``: half of who enters at a boundary waits
    a step before it, in a stage of its own."""

    steps: int
    early: bool

    @property
    def stages(self) -> int:
        return self.steps + self.early


def tries_of(exits: Sequence[m.Exit]) -> list[m.Exit]:
    return [e for e in exits if isinstance(e.trigger, m.Chance) and not e.trigger.months]


def period(exit_: m.Exit, step: float) -> int:
    assert isinstance(exit_.trigger, m.Chance)
    return round(exit_.trigger.every / step)


def round_of(exits: Sequence[m.Exit], step: float, timed: bool) -> Round | None:
    """None where nothing is tried; for states without a chain of stages."""
    periods = {period(e, step) for e in tries_of(exits)}
    if not periods:
        return None
    (one, *more) = periods
    return Round(1 if more or one > LONGEST else one, timed)

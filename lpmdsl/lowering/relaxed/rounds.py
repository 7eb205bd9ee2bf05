"""Stages between tries: exits with a chance a period, tried one, two … periods after one came.

Who came at some time within a step tries at that time of later steps, and a period is a whole number of steps. So the
way to a try is gone in stages, a step each; in the last one tries, and who fails begins anew. Where a state has a dwell
time that is a chain, or exits of several periods, there are no such stages, and tries of longer periods fall into any
step: the mean number of tries is right, the law of the stay wider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lpmdsl.semantics import model as m

MOST_ROUND = 60
"""Stages of a round; the tries of longer ones fall into any step."""


@dataclass(frozen=True, slots=True)
class Round:
    """Columns of a state with tries.

    ``stages``: steps from one try to the next; 1 where every step may have one. ``waits``: exposure hangs on the state,
    so that the mean stay has to be right of who enters at a boundary, which is half a step before who enters within the
    step that follows. Half of them wait a step more, in a column of its own, the first.
    """

    stages: int
    waits: bool

    @property
    def columns(self) -> int:
        """Number of columns of the state."""
        return self.stages + self.waits

    @property
    def entry(self) -> int:
        """The column at which one enters within a step and goes back to after a try."""
        return int(self.waits)


def tried(exits: Sequence[m.Exit]) -> list[tuple[m.Exit, m.Chance]]:
    """The exits with a chance a period that is no month."""
    pairs = [(e, e.trigger) for e in exits if isinstance(e.trigger, m.Chance)]
    return [(e, trigger) for e, trigger in pairs if not trigger.months]


def steps_of(trigger: m.Chance, step: float) -> int:
    """Steps of a period."""
    return max(1, round(trigger.every / step))


def round_of(exits: Sequence[m.Exit], step: float, is_timed: bool) -> Round | None:
    """The columns of a state without a chain by its exits; None if nothing is tried."""
    periods = {steps_of(trigger, step) for _, trigger in tried(exits)}
    if not periods:
        return None
    is_round = len(periods) == 1 and max(periods) <= MOST_ROUND
    return Round(max(periods) if is_round else 1, is_timed)

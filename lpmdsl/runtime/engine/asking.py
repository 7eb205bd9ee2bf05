"""Between two steps: which archetypes occur is read, what they answer is asked for, and the tables are filled."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.request import Archetype, RunRequest, require_ask
from lpmdsl.diagnostics import LpmError
from lpmdsl.lowering.decision_tables import table_rows
from lpmdsl.semantics.analysis.archetypes import asked_as, labels_of_code, stages, steps_between
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.model import Behaviour

Occurring = Callable[[str], NDArray[np.uint8]]
"""The buffer ``NAME_occurs`` of a behaviour that asks; its last element is for those who do not decide."""
Fill = Callable[[str, NDArray[np.int64], NDArray], None]
"""Writes rows of the table of a behaviour: name, codes of the archetypes, rows."""


@dataclass(slots=True)
class Asking:
    """The behaviours of one replicate that ask. ``seconds``: how long answers took; ``stopped``: why there are none."""

    request: RunRequest
    behaviours: tuple[Behaviour, ...]
    seconds: float = 0.0
    stopped: LpmError | None = None
    _shifts: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, request: RunRequest) -> Asking | None:
        """None where nobody is ever asked. Raises ``LpmError`` E0850 where somebody must be and nobody can."""
        asking = tuple(b for b in request.model.behaviours if b.rule is None and b.name not in request.disabled)
        if not asking:
            return None
        require_ask(request, asking)
        scope = Scope(request.model, request.parameters, counts=request.world.counts)
        shifts = {b.name: float(evaluate(b.shifted, scope)) if b.shifted is not None else 0.0 for b in asking}
        return cls(request, asking, _shifts=shifts)

    def is_due(self, t: int) -> bool:
        """Return True if a behaviour is due in step ``t``."""
        return any(t % self._period(b) == 0 for b in self.behaviours)

    def next_due(self, t: int) -> int:
        """The first boundary from ``t`` on at which somebody may have to be asked."""
        return min(-(-t // self._period(b)) * self._period(b) for b in self.behaviours)

    def _period(self, behaviour: Behaviour) -> int:
        return steps_between(self.request.model, behaviour)

    @property
    def turns(self) -> tuple[int, ...]:
        """Turns of a moment, before each of which people look: its number is written into the buffer ``TURN``."""
        return tuple(range(1, 1 + stages(self.request.model)))

    def answer(self, t: int, turn: int, occurring: Occurring, fill: Fill) -> bool:
        """Asks for everyone who decides at boundary ``t`` in a turn, in written order of the behaviours.

        False if whoever is asked ends the run: the error is in ``stopped``.
        """
        began = time.perf_counter()
        try:
            self._answer(t, turn, occurring, fill)
        except LpmError as error:
            self.stopped = error
        self.seconds += time.perf_counter() - began
        return self.stopped is None

    def _answer(self, t: int, turn: int, occurring: Occurring, fill: Fill) -> None:
        assert self.request.ask is not None
        for behaviour in (b for b in self.behaviours if b.stage + 1 == turn):
            codes = np.flatnonzero(occurring(asked_as(behaviour))[:-1]) if t % self._period(behaviour) == 0 else []
            if len(codes):
                who = tuple(Archetype(int(code), labels_of_code(behaviour, int(code))) for code in codes)
                answers = np.asarray(self.request.ask(behaviour.name, t, who), np.float64)
                rows = table_rows(behaviour, answers, self._shifts[behaviour.name])
                fill(behaviour.name, np.asarray(codes, np.int64), rows)

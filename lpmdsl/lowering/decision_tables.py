"""Rows of a behaviour's table from what is answered for archetypes: thresholds of labels, or replies to draw from.

In float64 with our own logarithm and exponential, as ``docs/numerics.md`` says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpmdsl.quantities import Kind
from lpmdsl.semantics.analysis.archetypes import labels_of
from lpmdsl.semantics.host import numbers
from lpmdsl.semantics.model import Behaviour

TURN = "decisions_turn"
"""Buffer of the turn in which people look, where some decide after others at the same moment: 1, 2, … while there are
questions, ``DONE`` when all are answered, 0 in a step in which nobody was asked."""
DONE = -1


def table_rows(behaviour: Behaviour, answers: NDArray[np.float64], shift: float) -> NDArray:
    """A row an archetype: int64 cumulative thresholds of all labels but the last, or float64 replies; where a rule is
    blended in, the probability of yes.

    ``answers``: what an ``Ask`` gave, (archetypes, columns). ``shift``: of the logit of yes, or of each reply.
    """
    wanted = len(labels_of(behaviour)) or behaviour.asks
    assert answers.ndim == 2 and answers.shape[1] == wanted, f"{behaviour.name}: {answers.shape}, not (…, {wanted})"
    if not labels_of(behaviour):
        return shifted(answers, shift)
    if behaviour.blends is not None:
        return shifted(answers[:, 1:], shift)
    chances = answers
    if behaviour.decides.kind is Kind.BOOLEAN and shift != 0:
        yes = shifted(answers[:, 1:], shift)
        chances = np.concatenate([1.0 - yes, yes], axis=1)
    bounds = np.empty((len(chances), wanted - 1), np.int64)
    total = np.zeros(len(chances))
    for label in range(wanted - 1):
        total = total + chances[:, label]
        bounds[:, label] = np.floor(np.maximum(total, 0.0) * 4294967296.0 + 0.5).astype(np.int64)
    return bounds


def shifted(chances: NDArray[np.float64], shift: float) -> NDArray[np.float64]:
    """The inverse logit of the logit and the shift; no shift leaves them as they are."""
    if shift == 0:
        return chances
    with np.errstate(divide="ignore"):
        logit = numbers.log(chances / (1.0 - chances))
    return 1.0 / (1.0 + numbers.exp(-(logit + shift)))

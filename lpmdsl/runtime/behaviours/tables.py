"""Tables of replies: what each archetype's replies come to, for a run and to tell kinds of people apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lpmdsl.runtime.behaviours.render import Request
from lpmdsl.semantics.analysis.archetypes import bounds_of, labels_of
from lpmdsl.semantics.model import Behaviour

Value = float | tuple[float, ...] | None
"""One reply: the label's number, the number or the share; probabilities of the labels; None for a fallback."""


def of_all_labels(behaviour: Behaviour, request: Request, said: tuple[float, ...]) -> tuple[float, ...]:
    """The probabilities of all labels: 0 of those that may not be said."""
    every = [0.0] * len(labels_of(behaviour))
    for label, probability in zip(request.parts[0].labels, said, strict=True):
        every[label] = probability
    return tuple(every)


def rows(behaviour: Behaviour, values: Sequence[tuple[Value, ...]], otherwise: float) -> NDArray[np.float64]:
    """The table of replies, float64 (archetypes, columns), with what is decided otherwise in place of each fallback.

    Labels: the share of the replies for each, where a fallback weighs as one reply spread as ``otherwise`` says.
    """
    labels = len(labels_of(behaviour))
    if not labels:
        return np.array([[otherwise if v is None else v for v in replies] for replies in values], np.float64)
    spread = _spread(labels, otherwise, behaviour)
    table = np.zeros((len(values), labels))
    for row, replies in zip(table, values, strict=True):
        for value in replies:
            if value is None:
                row += spread
            elif isinstance(value, tuple):
                row += value
            else:
                row[int(value)] += 1
    return table / table.sum(axis=1, keepdims=True)


def _nothing_said(behaviour: Behaviour) -> float:
    """A value in place of a fallback that tells no kinds apart."""
    low, high = bounds_of(behaviour)
    return 0.0 if behaviour.decides.labels else (low + high) / 2


def _spread(labels: int, otherwise: float, behaviour: Behaviour) -> NDArray[np.float64]:
    """The distribution over the labels where no reply can be had."""
    if not behaviour.decides.labels:
        return np.array([1 - otherwise, otherwise])
    return np.eye(labels)[int(otherwise)]


def numbers(behaviour: Behaviour, values: Sequence[Value]) -> list[float]:
    """Numbers between 0 and 1 that replies come to: shares of labels, or where the mean lies between its bounds."""
    row = rows(behaviour, [tuple(values)], _nothing_said(behaviour))[0]
    low, high = bounds_of(behaviour)
    return [float(x) for x in row] if labels_of(behaviour) else [(float(row.mean()) - low) / (high - low)]

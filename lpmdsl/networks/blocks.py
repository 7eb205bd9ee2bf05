"""A table of mean ties between groups: whether its two sides agree on how many ties there are."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

APART = 0.05
"""Share by which the two counts of the same ties may differ; a model is run with their mean."""


def contradiction(
    means: NDArray[np.float64], sizes: NDArray[np.float64], drawn: bool
) -> tuple[int, int, float, float] | None:
    """Two groups a, b and the ties between them as a's row and as b's row count them, if these cannot both be.

    ``sizes``: agents of each group, or their shares. ``drawn``: they are numbers that chance has moved.
    """
    flows = means * sizes[:, None]
    for a in range(len(sizes)):
        for b in range(a + 1, len(sizes)):
            one, other = float(flows[a, b]), float(flows[b, a])
            noise = 4 * math.sqrt(1 / max(sizes[a], 1) + 1 / max(sizes[b], 1)) if drawn else 0.0
            if abs(one - other) > (APART + noise) * max(one, other):
                return a, b, one, other
    return None

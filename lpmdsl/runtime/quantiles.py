"""Quantiles of reports over replicates, some of which may be infinite or missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def quantiles(values: ArrayLike, levels: Sequence[float]) -> NDArray[np.float64]:
    """Quantiles along the last axis, (levels, …): missing values (NaN) are left out, NaN where there are no others.

    They lie between the two nearest values as far along as the level says (type 7 of Hyndman & Fan 1996, Am Stat
    50:361). Where one of the two is infinite nothing lies between: the nearer one is taken, the smaller if both are.
    """
    ordered = np.sort(np.asarray(values, np.float64), axis=-1)  # NaN come last
    count = (~np.isnan(ordered)).sum(axis=-1, keepdims=True)
    place = np.asarray(levels, np.float64) * np.maximum(count - 1, 0)
    low, high, nearest = (
        np.take_along_axis(ordered, rank.astype(np.int64), axis=-1)
        for rank in (np.floor(place), np.ceil(place), np.ceil(place - 0.5))
    )
    finite = np.isfinite(low) & np.isfinite(high)
    gap, part = np.where(finite, high, 0.0) - np.where(finite, low, 0.0), place - np.floor(place)
    between = np.where(part >= 0.5, high - gap * (1 - part), low + gap * part)
    return np.moveaxis(np.where(finite, between, nearest), -1, 0)


def median(values: ArrayLike) -> float:
    """The median of all values as ``quantiles`` has it."""
    return float(quantiles(np.ravel(values), [0.5])[0])

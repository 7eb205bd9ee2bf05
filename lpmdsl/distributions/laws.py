"""Laws made of others: scaled, shifted, from ``scipy.stats``; and what keeps senseless parameters out of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lpmdsl.distributions.family import Law


def positive(x: Any) -> Any:
    """x, or NaN where it is not above 0: squared, a negative standard deviation would pass for one."""
    return np.where(np.asarray(x) > 0, x, np.nan)


def scaled(standard: Law, scale: Any, *shapes: Any) -> Law:
    """``scale`` times the standard law; NaN where the scale or a shape is not above 0."""
    sound = np.logical_and.reduce(np.broadcast_arrays(*(np.asarray(x) > 0 for x in (scale, *shapes))))
    return Law(
        lambda p: np.where(sound, standard.ppf(p) * scale, np.nan),
        lambda p: np.where(sound, standard.isf(p) * scale, np.nan),
        lambda x: np.where(sound, standard.cdf(x / scale), np.nan),
    )


def shifted(centred: Law, by: Any) -> Law:
    """The law moved to the right."""
    return Law(lambda p: centred.ppf(p) + by, lambda p: centred.isf(p) + by, lambda x: centred.cdf(x - by))


def from_stats(frozen: Callable[..., Any]) -> Callable[..., Law]:
    """The law of a family by its distribution of ``scipy.stats``."""

    def law(*parameters: Any) -> Law:
        made = frozen(*parameters)
        return Law(made.ppf, made.isf, made.cdf)

    return law

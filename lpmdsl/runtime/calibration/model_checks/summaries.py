"""Summaries of the data against those of data that the fitted model makes: posterior predictive checks.

Gelman, Meng & Stern 1996, Statistica Sinica 6:733. A curve may pass through every band and still have the wrong shape:
too few on weekends, too smooth, too high a peak.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
RARE = 0.005
"""Two-sided probability below which a summary speaks against the model; six accuse a right one in 3 % of fits."""
LEAST_REPORTS = 8


@dataclass(frozen=True, slots=True)
class Summary:
    """One number of the data, the middle 95 % of what the model makes of it, and how rarely it makes such a one."""

    name: str
    seen: float
    low: float
    high: float
    probability: float

    @property
    def is_flagged(self) -> bool:
        """Return True if the data's summary is rare among the model's."""
        return self.probability < RARE


def summaries(seen: Array, anew: Array, along: Array, times: Array, start: str | None) -> list[Summary]:
    """The summaries of one series. ``seen`` (reports,); ``anew`` (draws, reports): whole epidemics with the fitted
    parameters; ``along``: those that go along with the data. ``times``: days at which reports came out.
    """
    if len(seen) < LEAST_REPORTS:
        return []
    found = [
        _summary("the total", np.sum, seen, anew),
        _summary("the highest report", np.max, seen, anew),
        _summary("the day of the highest report", lambda s: float(times[int(np.argmax(s))]), seen, anew),
        _summary("the likeness of neighbouring reports", _roughness, seen, along),
    ]
    weekdays = _weekdays(times, start)
    if weekdays is not None and len(seen) >= 14:
        found += _by_weekday(seen, along, weekdays)
    return found


def _summary(name: str, of: Callable[[Array], float], seen: Array, drawn: Array) -> Summary:
    values = np.array([of(one) for one in drawn])
    return _placed(name, float(of(seen)), values)


def _placed(name: str, seen: float, values: Array) -> Summary:
    """The two-sided probability, the data counted among the draws so that it is never 0."""
    low, high = np.quantile(values, [0.025, 0.975])
    smaller, larger = float(np.sum(values <= seen)), float(np.sum(values >= seen))
    probability = min(1.0, 2 * (1 + min(smaller, larger)) / (1 + len(values)))
    return Summary(name, seen, float(low), float(high), probability)


def _roughness(series: Array) -> float:
    """Correlation of neighbouring changes of log(1 + report): −0.5 for scatter about a smooth course, more if slow."""
    changes = np.diff(np.log1p(np.clip(series, 0, None)))
    a, b = changes[:-1] - changes.mean(), changes[1:] - changes.mean()
    spread = float(np.sum((changes - changes.mean()) ** 2))
    return float(a @ b) / spread if spread > 0 else 0.0


def _weekdays(times: Array, start: str | None) -> NDArray[np.int64] | None:
    """(reports,): the day of the week that each report is about; None where reports are not daily or have no date."""
    if start is None or len(times) < 2 or not np.allclose(np.diff(times), 1.0):
        return None
    first = date.fromisoformat(start[:10])
    return np.array([(first + timedelta(days=float(t) - 1e-6)).weekday() for t in times])


def _by_weekday(seen: Array, drawn: Array, weekdays: NDArray[np.int64]) -> list[Summary]:
    def shares(series: Array) -> Array:
        total = max(float(series.sum()), 1e-12)
        return np.array([float(series[weekdays == d].sum()) / total for d in range(7)])

    mine, theirs = shares(seen), np.array([shares(one) for one in drawn])
    middle, width = theirs.mean(axis=0), np.maximum(theirs.std(axis=0), 1e-9)
    apart = ((theirs - middle) ** 2 / width**2).sum(axis=1)
    own = float(((mine - middle) ** 2 / width**2).sum())
    further = (1 + float(np.sum(apart >= own))) / (1 + len(apart))
    low, high = np.quantile(apart, [0.025, 0.975])
    return [
        _placed("the share of Saturdays and Sundays", float(mine[5:].sum()), theirs[:, 5:].sum(axis=1)),
        Summary("the shares of the days of the week", own, float(low), float(high), further),
    ]

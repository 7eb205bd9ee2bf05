"""Objectives of a gradient: ``total of infections``, or the reports of an observation, read from one replicate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.request import RunResult
from lpmdsl.diagnostics import did_you_mean, fail, nearest
from lpmdsl.semantics.host.report_times import adds_up, boundaries, times_of
from lpmdsl.semantics.model import Level, Model, Observation
from lpmdsl.source import Source, Span

FUNCTIONS = {
    "total": np.nansum, "peak": np.nanmax, "mean": np.nanmean, "median": np.nanmedian, "min": np.nanmin,
    "max": np.nanmax,
    "final": lambda reports: reports[~np.isnan(reports)][-1],
}  # fmt: skip
PEAK_DAY = "peak day"
"""Time of the report of the largest value, in days since the start: it depends on the times of reports as well."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """``function`` of the reports of ``observation``; "" for the reports themselves."""

    function: str
    observation: str

    def of(self, model: Model, result: RunResult) -> NDArray[np.float64]:
        """One number, or (reports,) in the observation's own unit; groups of people are added up."""
        reports = result.observations[self.observation]
        whole = reports.reshape(-1, len(model.observation(self.observation).groups)).sum(axis=1)
        return np.atleast_1d(self.number(model, whole)) if self.function else whole

    def number(self, model: Model, reports: NDArray[np.float64]) -> float:
        """The function of the reports (reports,) of one replicate."""
        if self.function == PEAK_DAY:
            return float(times_of(model, self.observation, len(reports))[np.nanargmax(reports)])
        return float(FUNCTIONS[self.function](reports))


def read_quantity(model: Model, text: str, needs_number: bool) -> Quantity:
    """The quantity that a text names. Raises ``LpmError`` (E0840) for one that no run gives."""
    words = text.split()
    if len(words) == 1 and not needs_number:
        words = ["", "of", *words]
    words = [" ".join(words[:-2]), *words[-2:]]
    known_words = (*FUNCTIONS, PEAK_DAY)
    known = {o.name: o for o in model.reported}
    place = Span(Source("--of", text), 0, len(text))
    if len(words) != 3 or words[1] != "of" or (words[0] and words[0] not in known_words):
        example = _example(known, words[-1])
        raise fail("E0840", f"`{text}` is not one number of a run.", place,
                   f"Write one of {', '.join(known_words)}, then `of OBSERVATION`: `{example}`.")  # fmt: skip
    if words[2] not in known:
        names = f"Its observations are {', '.join(f'`{k}`' for k in known)}." if known else "It observes nothing."
        unknown = f"{model.name} has no observation `{words[2]}`.{did_you_mean(words[2], known)}"
        raise fail("E0840", unknown, place, names)
    if len(known[words[2]].groups) > 1 and not adds_up(known[words[2]]):
        raise fail("E0840", f"The groups of `{words[2]}` do not add up to one number.", place,
                   "Observe the same without `by`, and name that.")  # fmt: skip
    return Quantity(words[0], words[2])


def _example(known: Mapping[str, Observation], meant: str) -> str:
    """A quantity of the observation that is meant, or of the model's first: ``total of infections``."""
    name = nearest(meant, known) or next(iter(known), "infections")
    of_all = name in known and isinstance(known[name].value, Level)
    return f"{'peak' if of_all else 'total'} of {name}"


def weights_of(function: str, reports: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The weights that make a quantity a sum of its reports (replicates, reports); None if it is none."""
    count = reports.shape[1]
    match function:
        case "total":
            return np.ones(count)
        case "mean" if not np.isnan(reports).any():
            return np.full(count, 1 / count)
        case "final" if not np.isnan(reports[:, -1]).any():
            return np.eye(count)[-1]
        case _:
            return None


def boundaries_of(model: Model, observation: str, reports: int) -> NDArray[np.int64]:
    """After how many steps each report is made."""
    return boundaries(model, observation, reports)

"""The result of a run in one or two sentences, as somebody would tell it on the telephone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from lpmdsl.config import Manifest
from lpmdsl.runtime.quantiles import median, quantiles
from lpmdsl.runtime.results import Results
from lpmdsl.runtime.table import pivot
from lpmdsl.semantics.model import ByContagion, Flow, Model, Observation


@dataclass(frozen=True, slots=True)
class Told:
    """One observation of one scenario by replicate: totals, and the highest report with the moment it came out."""

    total: np.ndarray
    peak: np.ndarray
    peak_time: np.ndarray


def headlines(model: Model, results: Results) -> list[str]:
    """One sentence for each scenario, the first in full; [] where no flow was reported."""
    observation = headline_observation(model, results.manifest)
    if observation is None:
        return []
    told = {s: _told(results, s, observation.name) for s in results.manifest.scenarios}
    lines = [(name, one) for name, one in told.items() if one is not None]
    if not lines:
        return []
    first, *others = lines
    sentences = [_first_sentence(model, results.manifest, observation, first[1])]
    return [*sentences, *(_other_sentence(model, results.manifest, observation, *line) for line in others)]


def headline_observation(model: Model, manifest: Manifest) -> Observation | None:
    """The observation that counts infections; else the first flow; None where there is none."""
    flows = [o for o in model.reported if o.name in manifest.observations and isinstance(o.value, Flow)]
    infections = [o for o in flows if counts_infections(model, o)]
    return next(iter([*infections, *flows]), None)


def counts_infections(model: Model, observation: Observation) -> bool:
    """Return True where every infection of a condition is counted once, and nothing else."""
    flow = observation.value
    if not isinstance(flow, Flow) or observation.where is not None or observation.thinned is not None:
        return False
    condition = model.condition(flow.condition)
    caught = {b.to for e in condition.exits if isinstance(e.trigger, ByContagion) for b in e.branches}
    entered_otherwise = {
        b.to for e in condition.exits if not isinstance(e.trigger, ByContagion) for b in e.branches
    }  # such as those who relapse
    return bool(caught) and set(flow.states) == caught and not caught & entered_otherwise


def _told(results: Results, scenario: str, observation: str) -> Told | None:
    rows = results.table.where("scenario", scenario).where("observation", observation)
    if not len(rows):
        return None
    times, values = pivot(rows, "time", "replicate", "value")
    return Told(np.nansum(values, axis=0), np.nanmax(values, axis=0), times[np.nanargmax(values, axis=0)])


def _first_sentence(model: Model, manifest: Manifest, observation: Observation, told: Told) -> str:
    if told.total.max() == 0:
        return f"Nothing was reported of {observation.name.replace('_', ' ')}."
    return f"{_amount(model, manifest, observation, told)}; {_peak(manifest, observation, told)}."


def _other_sentence(model: Model, manifest: Manifest, observation: Observation, scenario: str, told: Told) -> str:
    words = _amount(model, manifest, observation, told)
    return f"With {scenario.replace('_', ' ')}: {words[0].lower()}{words[1:]}."


def _amount(model: Model, manifest: Manifest, observation: Observation, told: Told) -> str:
    """``63 % were infected [61 – 65 %]``, or the total of what was observed."""
    people = manifest.agents.get(observation.of, 0)
    if people and counts_infections(model, observation):
        shares = told.total / people
        condition = model.condition(observation.value.condition)  # type: ignore[union-attr]
        if condition.is_cyclic:
            return f"{_number(median(shares))} infections per {observation.of} on average"
        return f"{_percent(median(shares))} were infected{_range(shares, _percent)}"
    name = observation.name.replace("_", " ")
    return f"{name[0].upper()}{name[1:]}: {_number(median(told.total))} in all{_range(told.total, _number)}"


def _range(values: np.ndarray, words: Callable[[float], str]) -> str:
    """The middle 90 % of the replicates, where there are replicates enough to tell."""
    if len(values) < 3:
        return ""
    low, high = quantiles(values, [0.05, 0.95])
    return f" ({words(low)} to {words(high)} in nine of ten replicates)"


def _peak(manifest: Manifest, observation: Observation, told: Told) -> str:
    """``the peak, 1,010 per week, was in the week to 21 November 2024``."""
    moment, period = median(told.peak_time), observation.every
    amount = f"{_number(median(told.peak))} {manifest.observations[observation.name].unit}"
    if manifest.start_date is None:
        return f"the peak, {amount}, was reported on day {moment:g}"
    end = datetime.fromisoformat(manifest.start_date) + timedelta(days=moment)
    last = end - timedelta(seconds=1)  # a report that comes out at midnight is about the day before
    date = f"{last.day} {last:%B %Y}"
    if period <= 1:
        return f"the peak, {amount}, was on {date}"
    return f"the peak, {amount}, was in the {'week' if period == 7 else f'{period:g} days'} to {date}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def _number(value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}"

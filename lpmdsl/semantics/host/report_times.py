"""Times of the reports of an observation: at moments or for periods, and after how many steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.calendar import boundary_after, months_passed

_KEPT: list[tuple[m.Model, dict[str, bool]]] = []
"""The last models asked about, with what was found: a chain of formulas is followed once."""


def is_flow_like(model: m.Model, name: str) -> bool:
    """Return True if report r covers a period that ends at (r + 1)·every, not the moment r·every."""
    found = next((found for kept, found in _KEPT if kept is model), None)
    if found is None:
        found = {}
        _KEPT.append((model, found))
        del _KEPT[:-4]
    return _is_flow_like(model, name, found)


def _is_flow_like(model: m.Model, name: str, found: dict[str, bool]) -> bool:
    if name not in found:
        observation = model.observation(name)
        if isinstance(observation.value, m.Derived):
            found[name] = any(_is_flow_like(model, part, found) for part in longest_parts(model, observation))
        else:
            found[name] = observation.adds_over_time
    return found[name]


def longest_parts(model: m.Model, observation: m.Observation) -> list[str]:
    """The observations in a formula that report most rarely."""
    assert isinstance(observation.value, m.Derived)
    parts = (e for e in m.walk(observation.value.formula) if isinstance(e, m.ObservationRef | m.Rolling))
    every = {part.observation: model.observation(part.observation).every for part in parts}
    most = max(every.values(), default=0.0)
    return [name for name, period in every.items() if period == most]


def report_steps(model: m.Model, name: str) -> int:
    """Steps between reports that are not by the calendar."""
    return max(1, round(model.observation(name).every / model.clock.step))


def completed(model: m.Model, name: str, boundary: int) -> int:
    """Number of periods of an observation are complete at a boundary between steps."""
    months = model.observation(name).months
    if months:
        return months_passed(model.clock, boundary)[-1] // months
    return boundary // report_steps(model, name)


def report_count(model: m.Model, name: str, steps: int) -> int:
    """Number of reports of a whole run: one at the start too, unless they cover periods."""
    whole = completed(model, name, steps)
    return whole if is_flow_like(model, name) else whole + 1


def boundaries(model: m.Model, name: str, reports: int) -> NDArray[np.int64]:
    """After how many steps each of so many reports is made."""
    late = 1 if is_flow_like(model, name) else 0
    number = np.arange(reports, dtype=np.int64) + late
    months = model.observation(name).months
    if months:
        return np.array([boundary_after(model.clock, int(n) * months) for n in number], np.int64)
    return number * report_steps(model, name)


def times_of(model: m.Model, name: str, reports: int) -> NDArray[np.float64]:
    """Times of so many reports, in days since the start."""
    observation = model.observation(name)
    if observation.months:
        return boundaries(model, name, reports) * np.float64(model.clock.step)
    # Multiples of the period, not of the step, whose sums would show its rounding.
    late = 1 if is_flow_like(model, name) else 0
    return np.arange(late, reports + late) * np.float64(observation.every)


def period_text(observation: m.Observation | m.Chance) -> str:
    """Period of reports or tries, in words: ``every 7 days``, ``every month``."""
    if observation.months:
        count, unit = (
            (observation.months // 12, "year") if observation.months % 12 == 0 else (observation.months, "month")
        )
        return f"every {unit}" if count == 1 else f"every {count} {unit}s"
    return f"every {observation.every:g} {'day' if observation.every == 1 else 'days'}"


def adds_up(observation: m.Observation) -> bool:
    """Return True if the groups of an observation are parts of a whole."""
    match observation.value:
        case m.Flow() | m.Spending():
            return True
        case m.Level():
            return observation.value.aggregate.function in ("count", "sum")
        case _:
            return False

"""When an observation reports: at moments or for periods, and after how many steps."""

from __future__ import annotations

from lpmdsl.semantics import model as m

_KEPT: list[tuple[m.Model, dict[str, bool]]] = []
"""The last models asked about, with what was found: a chain of formulas is followed once."""


def is_flow_like(model: m.Model, name: str) -> bool:
    """Whether report r covers a period that ends at (r + 1)·every, not the moment r·every."""
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
            found[name] = isinstance(observation.value, m.Flow)
    return found[name]


def longest_parts(model: m.Model, observation: m.Observation) -> list[str]:
    """The observations in a formula that report most rarely."""
    assert isinstance(observation.value, m.Derived)
    parts = (e for e in m.walk(observation.value.formula) if isinstance(e, m.ObservationRef | m.RollingMean))
    every = {part.observation: model.observation(part.observation).every for part in parts}
    most = max(every.values(), default=0.0)
    return [name for name, period in every.items() if period == most]


def report_steps(model: m.Model, name: str) -> int:
    """Steps between reports."""
    return max(1, round(model.observation(name).every / model.clock.step))


def report_count(model: m.Model, name: str, steps: int) -> int:
    """How many reports a whole run makes: one at the start too, unless they cover periods."""
    whole = steps // report_steps(model, name)
    return whole if is_flow_like(model, name) else whole + 1


def adds_up(observation: m.Observation) -> bool:
    """Whether the groups of an observation are parts of a whole."""
    match observation.value:
        case m.Flow():
            return True
        case m.Level():
            return observation.value.aggregate.function in ("count", "sum")
        case _:
            return False

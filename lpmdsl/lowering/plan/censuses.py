"""Counts of everybody: those that are read from a table that follows the moves, and those that are counted anew."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from lpmdsl.lowering.plan.choices import Choice
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.quantile_tables import radix

LARGEST_CENSUS = 1024
"""Cells of a table of how many are in each state and group; more than that are counted anew at each report."""


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Numbers of agents in each state of a condition, by groups of attributes that never change."""

    condition: m.Condition
    attributes: tuple[m.AttributeRef, ...]

    @property
    def name(self) -> str:
        """Name of the table of counts."""
        return "_by_".join([f"in_{self.condition.name}", *(a.name for a in self.attributes)])

    @property
    def sizes(self) -> list[int]:
        """Numbers of values of each attribute, then of states."""
        return [*(radix(a) for a in self.attributes), len(self.condition.states)]

    @property
    def cells(self) -> int:
        """Number of cells of the table."""
        return prod(self.sizes)


def censuses(model: m.Model) -> list[tuple[str, m.Aggregate, m.Observation | None]]:
    """Every count, share, sum, … over a kind of agents, with the name that its kernel has."""
    found: list[tuple[str, m.Aggregate, m.Observation | None]] = []
    for observation in model.observations:
        if isinstance(observation.value, m.Level):
            found.append((observation.name, observation.value.aggregate, observation))
    for index, check in enumerate(c for c in model.checks if isinstance(c, m.CheckAlways)):
        aggregates = dict.fromkeys(e for e in m.walk(check.test) if isinstance(e, m.Aggregate))
        found += [(f"watch_{index}_{k}", a, None) for k, a in enumerate(aggregates)]
    return found


def occupancy_of(model: m.Model, aggregate: m.Aggregate, observation: m.Observation | None) -> Occupancy | None:
    """The table that the census can be read from, if one condition and unchanging attributes decide who counts."""
    if aggregate.function not in ("count", "share") or (observation is not None and observation.thinned is not None):
        return None
    read = [aggregate.where] if aggregate.where is not None else []
    if observation is not None:
        read += [*([observation.where] if observation.where is not None else []), *observation.by]
    leaves = [e for expr in read for e in m.walk(expr)]
    names = dict.fromkeys(e.condition for e in leaves if isinstance(e, m.InState | m.StateOf))
    attributes = {e.name: e for e in leaves if isinstance(e, m.AttributeRef)}
    if any(isinstance(e, m.Since) for e in leaves):
        return None
    if len(names) != 1 or not all(_is_steady(model, a) for a in attributes.values()):
        return None
    occupancy = Occupancy(model.condition(next(iter(names))), tuple(attributes[n] for n in sorted(attributes)))
    return occupancy if occupancy.cells <= LARGEST_CENSUS else None


def _is_steady(model: m.Model, ref: m.AttributeRef) -> bool:
    """Return True if an attribute has few values and never changes."""
    return ref.type.kind in (Kind.BOOLEAN, Kind.CATEGORY) and m.is_fixed(model, ref.of, ref.name)


def census_choice(name: str, occupancy: Occupancy | None) -> Choice:
    """The line of explanation for a count of everybody."""
    if occupancy is None:
        return Choice(f"census {name}", "counted anew", "more than one condition's states and fixed groups decide it")
    return Choice(f"census {name}", "kept", f"read from {occupancy.name}, which follows the moves")

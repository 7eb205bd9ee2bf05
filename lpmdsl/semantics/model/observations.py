"""Observations and what they report."""

from __future__ import annotations

import itertools

from lpmdsl.quantities import BOOLEAN, Type
from lpmdsl.records import dataclass
from lpmdsl.semantics.model.expressions import Aggregate, Expr
from lpmdsl.semantics.model.values import Distribution
from lpmdsl.source import Span

MOST_GROUPS = 100_000


def group_labels(by: tuple[Expr, ...]) -> tuple[str, ...]:
    """``child|I``-style labels in row-major order; ("",) without groups."""
    labels = [("no", "yes") if e.type == BOOLEAN else e.type.labels for e in by]
    return tuple("|".join(combination) for combination in itertools.islice(itertools.product(*labels), MOST_GROUPS))


@dataclass(frozen=True, slots=True)
class Flow:
    """``number entering`` states of a condition per period (days); ``origins``: from these only, () from any."""

    condition: str
    states: tuple[int, ...]
    per: float
    origins: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Spending:
    """``costs of`` interventions in one currency per period (days): added up in written order.

    ``is_number``: how many people their blocks reach.
    """

    interventions: tuple[str, ...]
    per: float
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Level:
    """An aggregate looked at every ``every`` days."""

    aggregate: Aggregate


@dataclass(frozen=True, slots=True)
class Derived:
    """A formula of other observations, parameters and time."""

    formula: Expr


@dataclass(frozen=True, slots=True)
class Observation:
    """``every``: days between reports (a flow's period). ``by``: category or yes/no attributes and conditions.

    ``groups`` are labels like ``child|I`` in row-major order of ``by`` (``("",)`` without ``by``).
    ``scale``: a reported value is the value in base units divided by it (a flow ``per week``: base is per day,
    scale 1/7, so the report is the count of the week). ``of`` is the kind of agent counted ("" for derived).
    """

    name: str
    of: str
    value: Flow | Spending | Level | Derived
    where: Expr | None
    by: tuple[Expr, ...]
    groups: tuple[str, ...]
    thinned: Expr | None
    delayed: Distribution | None
    every: float
    unit: str
    scale: float
    type: Type
    doc: str
    span: Span
    months: int = 0
    """Above 0: a report every so many months of the calendar, whose mean length ``every`` is."""
    is_hidden: bool = False
    """True of what is counted for the model alone, because rates, chances or rules read it."""

    @property
    def adds_over_time(self) -> bool:
        """Return True if a report is kept as what its period came to, and not per day."""
        return isinstance(self.value, Flow | Spending)

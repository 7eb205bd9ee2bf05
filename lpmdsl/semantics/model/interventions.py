"""Interventions, and the moments at which they start and stop."""

from __future__ import annotations

from typing import Literal

from lpmdsl.quantities import BOOLEAN
from lpmdsl.records import dataclass
from lpmdsl.semantics.model.actions import Action, SetAttribute
from lpmdsl.semantics.model.expressions import Expr, IsActive
from lpmdsl.semantics.model.paragraphs import Paragraph, RuleAction
from lpmdsl.source import Span


@dataclass(frozen=True, slots=True)
class OnDate:
    """``day``: days since the start; ``iso`` as written, or ``day 30``."""

    day: float
    iso: str
    span: Span


@dataclass(frozen=True, slots=True)
class Elapsed:
    """So long after the clock's start, for a start; so long after it started, for a stop.

    ``delay`` in days, of parameters alone. ``months`` above 0: so many months of the calendar.
    """

    delay: Expr
    months: int
    span: Span


@dataclass(frozen=True, slots=True)
class Crossing:
    """``value`` and ``level`` are global expressions of observations and parameters; ``delay`` in days."""

    value: Expr
    rises: bool
    level: Expr
    delay: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Repeated:
    """``every`` in days; ``months`` above 0: every so many months of the calendar from its start.

    ``at_most`` global (agents) or None: all who satisfy ``where``.
    """

    of: str
    every: float
    at_most: Expr | None
    where: Expr | None
    actions: tuple[Action, ...]
    site: str
    span: Span
    months: int = 0
    on: float | None = None
    """Day since the clock's start on which it is done, once; None: every period."""
    paragraphs: tuple[Paragraph, ...] = ()
    """Paragraphs in place of actions: those for whom it is follow them as those of a rule."""
    counts_people: bool = True
    """True if those whom it reaches cost something and count against a limit; not if it only draws who is meant."""
    order: Literal["lot", "highest", "lowest"] = "lot"
    """Order of those who qualify, where not all are reached: by lot, or most or least of ``by`` first, then by lot."""
    by: Expr | None = None
    place: str = ""
    """The place in each of which it runs on its own, and is counted; "": it runs for all at once."""

    @property
    def done(self) -> tuple[RuleAction, ...]:
        """All that is done to those for whom the block is, also in its paragraphs."""
        return (*self.actions, *(action for one in self.paragraphs for action in one.actions))


@dataclass(frozen=True, slots=True)
class Rescale:
    """Contacts on ``networks`` times ``factor`` (global)."""

    networks: tuple[str, ...]
    factor: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """Another value (global) of a parameter; the parameter itself in it is what the changes before made of it."""

    parameter: str
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Together:
    """At most so many agents in all blocks that share the limit, in every period counted from the clock's start."""

    of: str
    at_most: Expr
    every: float
    months: int
    span: Span


@dataclass(frozen=True, slots=True)
class WhileActive:
    """Effects that hold while an intervention is active, for agents of ``of`` with ``where``.

    They are absent from ``networks``, and ``sets`` says what attributes read as. ``scales`` and ``changes`` are here as
    they are written; ``semantics.desugar`` has made scalings of contagions and choices in expressions of them. ``of``
    is "" where nobody in particular is meant.
    """

    of: str
    where: Expr | None
    networks: tuple[str, ...]
    span: Span
    sets: tuple[SetAttribute, ...] = ()
    scales: tuple[Rescale, ...] = ()
    changes: tuple[ParameterChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Intervention:
    """``starts`` None: active from the start. ``costs``: money per day active, per person treated, or once a start."""

    name: str
    starts: OnDate | Elapsed | Crossing | None
    stops: OnDate | Elapsed | Crossing | None
    repeated: tuple[Repeated, ...]
    while_active: tuple[WhileActive, ...]
    costs: float | None
    costs_per: Literal["day", "person", "start", ""]
    doc: str
    span: Span
    together: Together | None = None
    limited_by: str = ""
    """The intervention whose ``together`` limits the blocks of this one: itself, another, or none."""
    currency: str = ""
    of: str = ""
    place: str = ""
    """Each ``place`` of agents of kind ``of`` has one of its own; "": there is one for everybody."""

    def active(self, span: Span, block: int = -1) -> IsActive:
        """Test that it is active, for an agent in its own place; with ``block`` that this block is due there."""
        return IsActive(self.name, BOOLEAN, span, self.of, self.place, block)

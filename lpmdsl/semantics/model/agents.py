"""Kinds of agents, their attributes and their places."""

from __future__ import annotations

from lpmdsl.quantities import Type
from lpmdsl.records import dataclass
from lpmdsl.semantics.model.expressions import AttributeRef, Expr, Neighbours
from lpmdsl.semantics.model.values import Distribution
from lpmdsl.source import Span


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an agent; exactly one of value, drawn, band, ``column`` (from the kind's file) is set.

    ``band``: (attribute, cut points in base units); its labels are in ``type.labels``.
    ``low``, ``high``: declared limits. ``missing``: what a missing value of the file means (in base
    units, or as the number of a label); None: it is a mistake. ``since``: the day from which a date counts.
    ``is_changed``: something writes it in a run, or makes it read otherwise for a while.
    """

    name: str
    type: Type
    value: Expr | None
    drawn: Distribution | None
    band: tuple[str, tuple[Expr, ...]] | None
    column: str | None
    unit: str
    scale: float
    is_changed: bool
    doc: str
    span: Span
    low: float | None = None
    high: float | None = None
    missing: float | None = None
    since: str | None = None
    view: Neighbours | None = None
    """Sight of the agent's neighbours, of which this attribute is the value whenever something reads it."""
    follows: Expr | None = None
    """Formula of what is stored that this attribute is at every moment, because what it is made of changes."""
    first_of: str = ""
    """The place of which the first member alone has yes, in place of a value: whoever counts these counts places."""


@dataclass(frozen=True, slots=True)
class Place:
    """Synthetic places of a size; ``size`` None: read from the kind's file, column ``name``.

    ``within``: category and yes/no attributes in which all of a place are alike; ``size`` may read these alone.
    ``missing_is_none``: an empty cell of the file is no place; else it is a mistake.
    """

    name: str
    size: Expr | Distribution | None
    where: Expr | None
    doc: str
    span: Span
    within: tuple[AttributeRef, ...] = ()
    missing_is_none: bool = False


@dataclass(frozen=True, slots=True)
class Agent:
    """``count`` None: as many as the file has rows. Attributes and places in the order in which they are made."""

    name: str
    count: int | None
    file: str | None
    file_span: Span | None
    members: tuple[Attribute | Place, ...]
    doc: str
    span: Span

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """Attributes in written order."""
        return tuple(m for m in self.members if isinstance(m, Attribute))

    @property
    def places(self) -> tuple[Place, ...]:
        """Places in written order."""
        return tuple(m for m in self.members if isinstance(m, Place))

    @property
    def written(self) -> tuple[Attribute | Place, ...]:
        """Members that stand in the text: without what is only seen of neighbours, or made to count places by."""
        return tuple(m for m in self.members if isinstance(m, Place) or (m.view is None and not m.first_of))

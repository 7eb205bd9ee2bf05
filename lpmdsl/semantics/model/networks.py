"""Networks, and the generators that make ties."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Literal

from lpmdsl.records import dataclass
from lpmdsl.semantics.model.agents import Attribute
from lpmdsl.semantics.model.expressions import Expr, reads_agent
from lpmdsl.semantics.model.values import Distribution
from lpmdsl.source import Span


@dataclass(frozen=True, slots=True)
class Generator:
    """``small_world(degree 12, rewiring 5 %)``: a row of ``networks.generators.NETWORKS`` and its arguments.

    An argument of kind ``blocks`` is a ``TableRef`` without keys; one of kind ``degrees`` that too, or a distribution.
    """

    name: str
    arguments: tuple[tuple[str, Expr | Distribution], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Network:
    """``layout``: ``place`` (attribute ``place``), ``random`` (whole population, or groups of ``mixing``), ``ties``.

    ``contacts`` (contacts per day) None: the contagion's rate is itself per time. ``per_tie``: that many with each
    other; else spread evenly. ``days``: ``weekdays``, ``weekends`` or "" (always). ``mixing`` is a table by one
    category attribute twice: contacts per day of the row's group with the column's group. ``to``: the second kind of a
    network between two kinds, "" for one within a kind; each of ``of`` has contacts with people of ``to``, at random.
    ``closed``: on which of its days it does not run, in days since the start, from one until before the other.
    ``where``: who takes part (None: everybody). At random, ``contacts`` may be each agent's own. ``directed``: a tie
    is in the row of the agent it comes from alone; ``back_of``: the directed network of which this one has the same
    ties, in the rows of those they lead to.
    """

    name: str
    of: str
    layout: Literal["place", "random", "ties"]
    place: str
    mixing: str | None
    generator: Generator | None
    file: str | None
    contacts: Expr | None
    per_tie: bool
    days: str
    doc: str
    span: Span
    to: str = ""
    where: Expr | None = None
    closed: tuple[tuple[float, float], ...] = ()
    directed: bool = False
    back_of: str = ""
    columns: tuple[Attribute, ...] = ()
    """Columns of the file that are the ties' own."""
    remembers: str = ""
    """The condition of which this is each one's source, one or none; "": of none."""
    redrawn: float = 0.0
    """Days, a whole number of steps, after which all ties are drawn anew; 0: they stay."""

    def other_ends(self, networks: Iterable[Network]) -> str:
        """Name under which a directed network's ties stand in the rows of those they lead to: that of the network that
        is it from its other ends, else one that none of a model's ``networks`` has."""
        known = list(networks)
        back = next((n.name for n in known if n.back_of == self.name), self.back_of)
        taken = {n.name for n in known}
        return back or next(name for k in count() if (name := f"{self.name}_back{'_' * k}") not in taken)

    @property
    def is_by_person(self) -> bool:
        """Return True if everybody has a number of contacts of their own."""
        return self.contacts is not None and reads_agent(self.contacts)

    @property
    def is_between(self) -> bool:
        """Return True if it joins two kinds of agents."""
        return bool(self.to)

    @property
    def is_afresh(self) -> bool:
        """Return True if what passes on it is added up anew in each step: between two kinds, and on redrawn ties."""
        return self.is_between or bool(self.redrawn)

    @property
    def met(self) -> str:
        """The kind among whom contacts are spread."""
        return self.to or self.of

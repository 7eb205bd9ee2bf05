"""Things that an expression may read, depending on where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from lpmdsl.semantics.model import Expr

Readable = Literal[
    "members", "states", "since", "observations", "time", "aggregates", "activity", "neighbours", "counts"
]


@dataclass(frozen=True, slots=True)
class Scope:
    """``kind``: whose attributes a bare name may be (None: nobody's). ``place`` says where, for messages.

    ``made``: the attributes that exist by then (None: all). ``grouped``: a grouped observation may stand as it is,
    group by group. ``slots``: what alone may be read of the agent and of reports, and how (None: everything).
    ``theirs``: the kind of the other agent, where one is in view; ``pulls``: what is seen of neighbours stays an
    expression, read as the rule has made the agent so far.
    """

    place: str
    reads: frozenset[Readable]
    kind: str | None = None
    made: frozenset[str] | None = None
    grouped: bool = False
    slots: Mapping[str, Expr] | None = None
    theirs: str | None = None
    pulls: bool = False
    tie: str = ""
    """The network of the tie to the agent in view; "": there is none."""
    names_nobody: bool = False
    """A value of nobody has a label of its own here, so nothing need stand in for it."""
    domain: tuple[str, str] | None = None
    """The kind of agents and their place, each of which is looked at as a whole; None: none is."""

    def can(self, what: Readable) -> bool:
        """Return True if expressions here may read that."""
        return what in self.reads


def constant(place: str) -> Scope:
    """Parameters, tables and numbers only."""
    return Scope(place, frozenset())


def timed(place: str) -> Scope:
    """Parameters, tables, numbers, and the time."""
    return Scope(place, frozenset({"time"}))


def making(kind: str, place: str, made: frozenset[str] | None = None) -> Scope:
    """Scope of an agent while the population is made: its earlier attributes."""
    return Scope(place, frozenset({"members"}), kind, made)


def on_entry(kind: str, place: str) -> Scope:
    """Scope of a dwell time: the agent's attributes and states."""
    return Scope(place, frozenset({"members", "states"}), kind)


def apart(kind: str, place: str) -> Scope:
    """Scope of what decides who is present and what attributes read as: like ``running``, without neighbours."""
    return Scope(place, frozenset({"members", "states", "since", "observations", "time", "activity"}), kind)


def acting(kind: str, place: str) -> Scope:
    """Scope of an agent whom an intervention looks at: itself, its neighbours, the reports, the time."""
    return Scope(
        place, frozenset({"members", "states", "since", "observations", "time", "activity", "neighbours"}), kind
    )


def knowing(kind: str, place: str, names_nobody: bool) -> Scope:
    """Scope of what an agent knows when it decides: itself, its neighbours, the reports."""
    reads: frozenset[Readable] = frozenset({"members", "states", "since", "observations", "neighbours"})
    return Scope(place, reads, kind, names_nobody=names_nobody)


def running(kind: str, place: str) -> Scope:
    """Scope of an agent while the model runs: the same, and how many there are: nature reads what is."""
    scope = acting(kind, place)
    return replace(scope, reads=scope.reads | {"counts"})


def ruling(kind: str, place: str) -> Scope:
    """Scope of an agent in a rule: like ``running``, and neighbours are seen as the rule has made the agent so far."""
    return replace(running(kind, place), pulls=True)


def counting(kind: str, place: str) -> Scope:
    """Inside an aggregate over ``kind``."""
    return Scope(place, frozenset({"members", "states", "since", "time", "activity", "neighbours"}), kind)


def reporting(place: str, grouped: bool = False) -> Scope:
    """Scope of triggers and formulas of observations: completed reports, parameters, the time."""
    return Scope(place, frozenset({"observations", "time"}), grouped=grouped)


def formulas(place: str) -> Scope:
    """Scope of formulas of observations: the same, group by group, and which interventions are active."""
    return Scope(place, frozenset({"observations", "time", "activity"}), grouped=True)


def watching(place: str) -> Scope:
    """Scope of ``check always`` and ``observe``: the whole population as well."""
    return Scope(place, frozenset({"observations", "time", "aggregates", "activity"}))

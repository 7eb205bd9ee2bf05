"""Kernels, and the schedule of a step."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from lpmdsl.program import handles
from lpmdsl.program.ir.expressions import KExpr
from lpmdsl.program.ir.statements import KStmt
from lpmdsl.source import NOWHERE, Span

LONGEST_KERNEL = 90
"""Letters of a kernel's name."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """Prefetches for the agent so many places further down a list."""

    places: int
    body: tuple[KStmt, ...]


@dataclass(frozen=True, slots=True)
class RowSum:
    """``into[i]``, for everyone of the domain: the sum of ``source`` over the ends in the row of i."""

    domain: str
    source: str
    into: str
    rows: str
    ends: str


@dataclass(frozen=True, slots=True)
class PlaceRead:
    """``into[i]``, for everyone of the domain: ``source`` at the place of i; 0 for those without a place."""

    domain: str
    source: str
    into: str
    place: str


@dataclass(frozen=True, slots=True)
class Gather:
    """A kernel that adds up or reads elements of others, and its mirror image: from ``into`` back to ``source``."""

    way: RowSum | PlaceRead
    mirror: RowSum | PlaceRead


@dataclass(frozen=True, slots=True)
class Kernel:
    """``domain``: a kind of agents, or "" for scalar code. ``prologue`` holds what is the same for all agents.

    ``over``: a list of agents (i32) or a set of bits (i64); only they are meant. ``ahead``: what is fetched early for
    agents further down a list. ``gather``: it does this and nothing else.
    """

    name: str
    domain: str
    prologue: tuple[KStmt, ...]
    body: tuple[KStmt, ...]
    span: Span = NOWHERE
    note: str = ""
    over: str = ""
    ahead: tuple[Ahead, ...] = ()
    gather: Gather | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", bounded(self.name))


def bounded(name: str) -> str:
    """The name of a kernel, cut where its compiled form would have too long a file name."""
    if len(name) <= LONGEST_KERNEL:
        return name
    return f"{name[: LONGEST_KERNEL - 9]}_{blake2b(name.encode(), digest_size=4).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Launch:
    """One run of a kernel over its domain."""

    kernel: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", bounded(self.kernel))


@dataclass(frozen=True, slots=True)
class Clear:
    """Fills a buffer with its ``fill``."""

    buffer: str


@dataclass(frozen=True, slots=True)
class Fold:
    """Joins the chunk rows of ``tally`` in order into ``into`` and empties them; lanes are joined last, in halves."""

    tally: str
    into: str
    how: Literal["add", "min", "max"]


@dataclass(frozen=True, slots=True)
class SelectSmallest:
    """``cutoff[0]``: the largest of the ``limit`` smallest keys ≥ 0 of ``keys`` (−1: not eligible; −1 if none);
    ``chosen[0]``: how many that are."""

    keys: str
    limit: KExpr
    cutoff: str
    chosen: str


@dataclass(frozen=True, slots=True)
class OrderStatistic:
    """``into[g]``: the quantile ``level`` of those of ``values`` whose ``groups`` says g (−1: nobody's); between two
    values as far along as it lies between their ranks. NaN if any of them is, or if there is none."""

    values: str
    groups: str
    into: str
    level: float


@dataclass(frozen=True, slots=True)
class Rank:
    """``into[i]``: how many of those with a key ≥ 0 come before i, by ``values`` and then by ``keys``; −1 for those
    without a key. No two keys are equal, and no value of one with a key is NaN."""

    values: str
    keys: str
    into: str


@dataclass(frozen=True, slots=True)
class Gate:
    """``items`` only when the scalar ``test`` holds."""

    test: KExpr
    items: tuple[ScheduleItem, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Collect:
    """Adds those whose bucket of the calendar is this step's to a list."""

    calendar: str
    items: str


@dataclass(frozen=True, slots=True)
class Spend:
    """Takes ``counts`` from ``left`` in every block of ``SPENT_TOGETHER`` agents that is ``dirty``, and adds those of
    whom nothing is left to a list, once: ``never``, as much as nobody ever counts, is added to what is left then. A
    block of which nobody counts anything rests.
    """

    left: str
    counts: str
    dirty: str
    items: str

    @property
    def never(self) -> str:
        """One element: ``NEVER``, or the largest number of a narrower ``left`` that holds all that can be counted."""
        return handles.never(self.left)

    @property
    def buffers(self) -> tuple[str, ...]:
        """All that it reads and writes, in the order in which back ends take them."""
        return (self.left, self.counts, self.dirty, self.never, self.items, handles.size(self.items))


@dataclass(frozen=True, slots=True)
class Decide:
    """Everyone of a kind decides by a quartered draw and the row of ``table`` that ``archetypes`` names; the last row
    is for those who do not.

    ``asks`` 0: yes from the row's threshold on. Else so many replies stand in a row, and the word picks one.
    ``listed``: a list that those join who change their minds, unless they are noted; empty if nobody is notified.
    """

    behaviour: str
    into: str
    asks: int
    site: int
    episode: KExpr
    listed: str = ""
    span: Span = NOWHERE
    asked: str = ""
    """The behaviour whose archetypes these are, where it is another one."""

    @property
    def archetypes(self) -> str:
        """Name of the buffer of everyone's archetype."""
        return handles.archetype(self.asked or self.behaviour)

    @property
    def table(self) -> str:
        """Name of the buffer of the answers."""
        return handles.answers(self.behaviour)

    @property
    def buffers(self) -> tuple[str, ...]:
        """All that it reads and writes, in the order in which back ends take them."""
        told = (self.listed, handles.size(self.listed), handles.noted(self.listed)) if self.listed else ()
        return (self.archetypes, self.table, self.into, *told)


ScheduleItem = Launch | Clear | Fold | SelectSmallest | OrderStatistic | Rank | Gate | Collect | Spend | Decide

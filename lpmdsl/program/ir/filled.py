"""Contents of buffers before a run, by who fills them: the engine goes by these values, and reads no names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ByKernels:
    """Nobody: it holds its ``fill`` until kernels write it."""


@dataclass(frozen=True, slots=True)
class Constants:
    """The values of the program's constants."""


@dataclass(frozen=True, slots=True)
class TableValues:
    """The values of a table of the model."""

    table: str


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Quantiles of the distribution that the program names for the buffer."""


@dataclass(frozen=True, slots=True)
class Column:
    """An attribute, or the places, of everybody of a kind."""

    kind: str
    attribute: str


@dataclass(frozen=True, slots=True)
class StartStates:
    """The states of a condition in which everybody starts."""

    condition: str


@dataclass(frozen=True, slots=True)
class TieOffsets:
    """Beginnings of the rows of ties; ``turned``: of directed ties, from their other ends."""

    network: str
    turned: bool = False


@dataclass(frozen=True, slots=True)
class TieTargets:
    """The ends of ties, row after row; ``turned``: of directed ties, from their other ends."""

    network: str
    turned: bool = False


@dataclass(frozen=True, slots=True)
class TieColumn:
    """A column of the file of a network, one element a tie."""

    network: str
    column: str


@dataclass(frozen=True, slots=True)
class CircleKeys:
    """The keys of circles, of a network that is worked out from them."""

    network: str


@dataclass(frozen=True, slots=True)
class CircleDegree:
    """Number of ties of everybody in circles."""

    network: str


@dataclass(frozen=True, slots=True)
class MemberRows:
    """Beginnings of the rows of the members of places."""

    kind: str
    place: str


@dataclass(frozen=True, slots=True)
class Members:
    """The members of places, place after place."""

    kind: str
    place: str


@dataclass(frozen=True, slots=True)
class OpenDays:
    """1 in the steps whose day is one of those of a network or a rule."""

    of: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """1 where a scenario goes without an intervention, a rule or a behaviour."""

    name: str


@dataclass(frozen=True, slots=True)
class MonthsPassed:
    """Whole months since the start, at every boundary."""


@dataclass(frozen=True, slots=True)
class DayTable:
    """Month, day in it, and its last such day, at every boundary."""


@dataclass(frozen=True, slots=True)
class LastBoundary:
    """The boundary that ends the run."""


@dataclass(frozen=True, slots=True)
class StageNumbers:
    """The stages of a dwell time or delay in the relaxed program, which names them by the buffer."""


@dataclass(frozen=True, slots=True)
class StartChances:
    """The chance with which everybody starts in each state of a condition."""

    condition: str


@dataclass(frozen=True, slots=True)
class ColumnChances:
    """The chance of yes of an attribute that changes."""

    kind: str
    attribute: str


@dataclass(frozen=True, slots=True)
class Adjoint:
    """0, before each part of the program that runs backwards: the derivatives by the elements of another buffer."""

    of: str


Filled = (
    ByKernels
    | Constants
    | TableValues
    | Quantiles
    | Column
    | StartStates
    | TieOffsets
    | TieTargets
    | TieColumn
    | CircleKeys
    | CircleDegree
    | MemberRows
    | Members
    | OpenDays
    | LeftOut
    | MonthsPassed
    | DayTable
    | LastBoundary
    | StageNumbers
    | StartChances
    | ColumnChances
    | Adjoint
)
BY_KERNELS = ByKernels()

"""Expressions of the Model IR: resolved, typed, in base units.

They say whose state they read: the agent's own, or the whole population's (global).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

from lpmdsl.quantities import Type
from lpmdsl.records import dataclass
from lpmdsl.source import Span


@dataclass(frozen=True, slots=True)
class Literal_:
    """A number in base units; yes is 1, no is 0; a category label is its index in ``type.labels``."""

    value: float
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class ParameterRef:
    """Value of a parameter."""

    name: str
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Follows:
    """1 if a parameter is what its formula makes of the others, 0 if something has set it by hand to another value."""

    parameter: str
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class AttributeRef:
    """An attribute of agent kind ``of``: a number, yes/no (0, 1), category index or place number (-1: none)."""

    of: str
    name: str
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class InState:
    """Test that the agent's ``condition`` is in one of ``states`` (indices)."""

    condition: str
    states: tuple[int, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class StateOf:
    """The agent's state in ``condition`` as a category (index)."""

    condition: str
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Since:
    """Days since the agent's last move in ``condition``, or since the start; 0 of a move later in the step."""

    condition: str
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class TableRef:
    """A table entry; ``keys`` are category indices, one per dimension of the table."""

    table: str
    keys: tuple[Expr, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class ObservationRef:
    """The last completed, reported value of an observation in base units (counts per day for a flow).

    ``group``: index of one group; None: the sum over groups (flows, counts), or group by group inside
    another observation that has the same groups.
    """

    observation: str
    group: int | None
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class GroupReport:
    """``ObservationRef`` for the group that the agent itself is in.

    ``keys``: the agent's category index, state or truth value in each thing that the observation is ``by``.
    """

    observation: str
    keys: tuple[Expr, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Rolling:
    """``mean of OBSERVATION over WINDOW``, of the last completed reports, or ``total of OBSERVATION``: what they count.

    ``window`` in days; infinite: since the start.
    """

    observation: str
    window: float
    group: int | None
    type: Type
    span: Span
    how: Literal["mean", "total"] = "mean"


@dataclass(frozen=True, slots=True)
class Population:
    """Number of agents of ``of`` that the run began with."""

    of: str
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Time:
    """Days since the start at the beginning of the step."""

    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class IsActive:
    """Test that an intervention is active in this step.

    With ``place``, that it is so in the place of the agent, of kind ``of``; ``block``: and that its block of this
    number is due there (-1: none is meant).
    """

    intervention: str
    type: Type
    span: Span
    of: str = ""
    place: str = ""
    block: int = -1


@dataclass(frozen=True, slots=True)
class Apply:
    """A built-in of numbers or truth values.

    ``op``: ``neg not add sub mul div pow lt le gt ge eq ne and or``, ``select`` (test, value if it holds, value if
    not) or a function of ``semantics.functions.FUNCTIONS``.
    """

    op: str
    arguments: tuple[Expr, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Aggregate:
    """``function`` of ``what`` over all agents of kind ``of`` that satisfy ``where``; global.

    ``count`` and ``share`` have ``what=None``; ``share`` divides by all agents of the kind. A ``quantile`` lies above
    the share ``level`` of the values, as far between the two nearest as the level is; a median is that of 0.5.
    """

    function: Literal["count", "share", "sum", "mean", "sd", "min", "max", "quantile"]
    of: str
    what: Expr | None
    where: Expr | None
    otherwise: Expr | None
    type: Type
    span: Span
    level: float = 0.5


@dataclass(frozen=True, slots=True)
class Theirs:
    """An attribute or state of the other agent of a tie, ``inner`` as it would read it of itself."""

    inner: AttributeRef | StateOf
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class TieRef:
    """Cell of the file of a network for the tie to the agent in view; ``low``, ``high``: declared limits."""

    network: str
    name: str
    type: Type
    span: Span
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """``function`` of ``what`` over those with whom the agent has a tie of ``network``, present and with ``where``.

    ``Theirs`` reads the other agent in it, all else the agent's own. ``count`` and ``share`` have ``what=None``;
    ``share`` divides by all who are present. A ``quantile`` lies above the share ``level`` of the values;
    ``commonest`` is a label, and of those that are equally common one by lot. With ``place`` it is of the members of a
    place of agents of kind ``of``, as the place itself sees them: each reads its own, and ``network`` is "".
    """

    function: NeighbourFunction
    network: str
    what: Expr | None
    where: Expr | None
    otherwise: Expr | None
    type: Type
    span: Span
    level: float = 0.5
    of: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Luck:
    """A number above 0 and below 1, drawn for an agent of kind ``of`` whenever a rule is due: a word of ``site``."""

    of: str
    site: str
    word: int
    type: Type
    span: Span


NeighbourFunction = Literal["count", "share", "sum", "mean", "sd", "min", "max", "quantile", "commonest"]
Expr = (
    Literal_
    | ParameterRef
    | Follows
    | AttributeRef
    | InState
    | StateOf
    | Since
    | TableRef
    | ObservationRef
    | GroupReport
    | Rolling
    | Population
    | Time
    | IsActive
    | Apply
    | Aggregate
    | Theirs
    | TieRef
    | Neighbours
    | Luck
)


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct sub-expressions."""
    match expr:
        case TableRef() | GroupReport():
            return expr.keys
        case Apply():
            return expr.arguments
        case Aggregate() | Neighbours():
            return tuple(e for e in (expr.what, expr.where, expr.otherwise) if e is not None)
        case Theirs():
            return (expr.inner,)
        case _:
            return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and all it is made of, outermost first."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


def mapped(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The expression with its direct parts changed; itself if none is."""
    parts = children(expr)
    made = tuple(change(part) for part in parts)
    if all(a is b for a, b in zip(parts, made, strict=True)):
        return expr
    match expr:
        case TableRef() | GroupReport():
            return replace(expr, keys=made)
        case Apply():
            return replace(expr, arguments=made)
        case Theirs():
            return replace(expr, inner=made[0])  # type: ignore[arg-type]
        case Aggregate() | Neighbours():
            rest = iter(made)
            what, where, otherwise = (
                None if e is None else next(rest) for e in (expr.what, expr.where, expr.otherwise)
            )
            return replace(expr, what=what, where=where, otherwise=otherwise)
        case _:
            return expr


def reads_agent(expr: Expr) -> bool:
    """Return True if the value differs between agents (own attributes or states outside an aggregate)."""
    match expr:
        case AttributeRef() | InState() | StateOf() | Since() | Neighbours() | Theirs() | TieRef() | Luck():
            return True
        case IsActive():
            return bool(expr.place)
        case Aggregate():
            return False
        case _:
            return any(reads_agent(child) for child in children(expr))


def is_constant(expr: Expr) -> bool:
    """Return True if parameters, tables and literals alone decide the value."""
    plain = Literal_ | ParameterRef | Follows | TableRef | Apply | Population
    return all(isinstance(e, plain) for e in walk(expr))

"""Statements of kernels: what one agent does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lpmdsl.program.ir.draws import Law
from lpmdsl.program.ir.expressions import KExpr
from lpmdsl.source import NOWHERE, Span


@dataclass(frozen=True, slots=True)
class Let:
    """A new local. ``note`` is printed beside it."""

    name: str
    value: KExpr
    span: Span = NOWHERE
    note: str = ""


@dataclass(frozen=True, slots=True)
class Assign:
    """A new value for a local."""

    name: str
    value: KExpr
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Draw:
    """Locals ``name_0 … name_3``: the four words of Philox at (agent, site, episode, replicate).

    ``quartered``: four agents share a draw, and only ``name_0`` is made: word (agent mod 4) of Philox at (agent div 4,
    site, episode, replicate). ``together``, of such a draw: a test that is the same for all agents, as is the episode.
    Where it holds nearly everyone in the pass draws; a processor draws for many at once then.
    """

    name: str
    site: int
    agent: KExpr
    episode: KExpr
    path: str
    span: Span = NOWHERE
    quartered: bool = False
    together: KExpr | None = None


def words_of(draw: Draw) -> tuple[str, ...]:
    """The locals that a draw makes."""
    return tuple(f"{draw.name}_{k}" for k in range(1 if draw.quartered else 4))


@dataclass(frozen=True, slots=True)
class Store:
    """Write a value to a buffer's element."""

    buffer: str
    index: tuple[KExpr, ...]
    value: KExpr
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class AtomicAdd:
    """Adds an integer to an element that several agents share."""

    buffer: str
    index: tuple[KExpr, ...]
    value: KExpr
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class AtomicMax:
    """A new local: what an element that several agents share was before it became the larger of that and a value.

    Nothing else changes the element in the pass, so it only grows. What a kernel loads of it may be an earlier value.
    """

    name: str
    buffer: str
    index: tuple[KExpr, ...]
    value: KExpr
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Tally:
    """Adds to (or takes the minimum or maximum with) column ``index`` of this chunk's row of a tally; ``Fold`` joins
    the rows in order. A tally of float64 sums has a third dimension, ``LANES``: the agent's lane of the column adds.
    """

    buffer: str
    index: KExpr
    value: KExpr
    how: Literal["add", "min", "max"] = "add"
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class If:
    """One of two blocks, by a test."""

    test: KExpr
    then: tuple[KStmt, ...]
    orelse: tuple[KStmt, ...] = ()
    span: Span = NOWHERE
    note: str = ""


@dataclass(frozen=True, slots=True)
class Loop:
    """``for var in range(start, stop)``"""

    var: str
    start: KExpr
    stop: KExpr
    body: tuple[KStmt, ...]
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class While:
    """A block, as long as a test holds."""

    test: KExpr
    body: tuple[KStmt, ...]
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Append:
    """Adds an agent to a list: the buffers ``items`` (agents) and ``items_size`` (1)."""

    items: str
    value: KExpr
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Mark:
    """Puts an agent into a set of bits, 64 to an element, or takes it out."""

    bits: str
    index: KExpr
    on: bool
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Claim:
    """A new local: whether an agent was in a set of bits, which it leaves. Of several who ask, one gets yes."""

    name: str
    bits: str
    index: KExpr
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Puts an agent into the bucket of a later step; the calendar is three buffers (``calendar_buffers``)."""

    calendar: str
    step: KExpr
    value: KExpr
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Prefetch:
    """Asks for the memory of an element that is needed soon; changes nothing."""

    buffer: str
    index: KExpr
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Sample:
    """A local that a draw decides, or what has come of a draw that was made before (no ``name``), with the law of it.

    ``path``: the place of the draw in the text. Only ``passes.draws`` and those before it know the statement.
    """

    name: str
    path: str
    law: Law
    span: Span = NOWHERE


def calendar_buffers(calendar: str) -> tuple[str, str, str]:
    """The newest block of each step's bucket (steps + 1), the blocks, and which of them are free."""
    return f"{calendar}_head", f"{calendar}_blocks", f"{calendar}_pool"


KStmt = (
    Let | Assign | Draw | Store | AtomicAdd | AtomicMax | Tally | If | Loop | While | Append | Mark | Claim | Enqueue
    | Prefetch | Sample
)  # fmt: skip

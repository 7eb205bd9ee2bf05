"""Contagion: from which states, on which networks, scaled by what."""

from __future__ import annotations

from lpmdsl.records import dataclass
from lpmdsl.source import Span
from lpmdsl.syntax.tree.expressions import Expr, Name


@dataclass(frozen=True, slots=True)
class Spread:
    """``from I on homes, classes at transmissibility``"""

    states: tuple[Name, ...]
    networks: tuple[Name, ...]
    rate: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Scaled:
    """``source, target scaled by EXPR [where EXPR] [on NETWORKS]``; ``ends`` holds ``source`` and/or ``target``."""

    ends: tuple[str, ...]
    factor: Expr
    where: Expr | None
    networks: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Contagion:
    """``contagion of Flu`` and its clauses; ``remembers``: the name of the network of each one's source."""

    of: Name
    spreads: tuple[Spread, ...]
    scalings: tuple[Scaled, ...]
    doc: str
    span: Span
    remembers: Name | None = None

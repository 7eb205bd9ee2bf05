"""Actions: what happens at a moment, and what holds as long as something else does."""

from __future__ import annotations

from lpmdsl.records import dataclass
from lpmdsl.source import Span
from lpmdsl.syntax.tree.expressions import Distribution, Expr, Name, Theirs


@dataclass(frozen=True, slots=True)
class SetTo:
    """``set vaccinated to yes with probability 80 %``; ``adds``: ``add 1 to doses``, ``add 1 to their.doses``."""

    target: Name | Theirs
    value: Expr
    probability: Expr | None
    span: Span
    adds: bool = False


@dataclass(frozen=True, slots=True)
class DrawTo:
    """``set mood ~ normal(mean 0, sd 1) with probability 10 %``"""

    target: Name | Theirs
    drawn: Distribution
    probability: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class MoveTo:
    """``move Flu to R with probability 50 %``, ``move Flu to their.Flu``, ``move their.Flu to R``"""

    condition: Name | Theirs
    state: Name | Theirs
    probability: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Leave:
    """``leave offices, classes``"""

    networks: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Scale:
    """``scale town by 40 %``"""

    networks: tuple[Name, ...]
    factor: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Change:
    """``change beta to 0.02 per contact``, in a scenario or while an intervention is active.

    ``part``: the labels in brackets of a part of a family of parameters, ``change beta[Bronx] to``.
    """

    target: Name
    value: Expr
    span: Span
    part: tuple[Name, ...] = ()


Action = SetTo | DrawTo | MoveTo | Leave | Scale | Change
AT_A_MOMENT = {
    "set": "set ATTRIBUTE to VALUE with probability P",
    "add": "add VALUE to ATTRIBUTE with probability P",
    "move": "move CONDITION to STATE with probability P",
}
"""First word of each action that happens at a moment -> how it reads."""
LASTING = {
    "leave": "leave NETWORK",
    "scale": "scale NETWORK by FACTOR",
    "change": "change PARAMETER to VALUE",
}
"""The same of what holds as long as something else does."""

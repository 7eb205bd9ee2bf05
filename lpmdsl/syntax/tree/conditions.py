"""Conditions: states, starts, exits and what holds in a state."""

from __future__ import annotations

from dataclasses import dataclass

from lpmdsl.source import Span
from lpmdsl.syntax.tree.actions import Action
from lpmdsl.syntax.tree.expressions import Distribution, Expr, Name, Quantity


@dataclass(frozen=True, slots=True)
class ByContagion:
    span: Span


@dataclass(frozen=True, slots=True)
class After:
    dwell: Distribution
    span: Span


@dataclass(frozen=True, slots=True)
class AtRate:
    rate: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Chance:
    """``with probability P every PERIOD``"""

    probability: Expr
    every: Quantity
    span: Span


@dataclass(frozen=True, slots=True)
class When:
    test: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Branch:
    """``to H with probability p`` or ``to R otherwise`` (``probability=None``)."""

    to: Name
    probability: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Exit:
    """``from S, V TRIGGER to E`` or with branches; a plain ``to`` is one branch without a probability."""

    states: tuple[Name, ...]
    trigger: ByContagion | After | AtRate | Chance | When
    branches: tuple[Branch, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Except:
    """``except 20 Person in E`` (number, kind) / ``except share 0.5 % in E`` / ``except where EXPR in I``.

    A number or a share may have a ``where`` too: so many, or such a share, of those for whom it holds.
    """

    number: Expr | None
    kind: Name | None
    share: Expr | None
    where: Expr | None
    state: Name
    span: Span


@dataclass(frozen=True, slots=True)
class Start:
    state: Name
    exceptions: tuple[Except, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class While:
    states: tuple[Name, ...]
    actions: tuple[Action, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class OnEntering:
    states: tuple[Name, ...]
    actions: tuple[Action, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Condition:
    name: Name
    of: Name
    states: tuple[Name, ...]
    start: Start | None
    exits: tuple[Exit, ...]
    whiles: tuple[While, ...]
    entering: tuple[OnEntering, ...]
    removed: tuple[Name, ...]
    doc: str
    span: Span
    at_most_one: tuple[Name, ...] = ()

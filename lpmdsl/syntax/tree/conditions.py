"""Conditions: states, starts, exits and what holds in a state."""

from __future__ import annotations

from lpmdsl.records import dataclass
from lpmdsl.source import Span
from lpmdsl.syntax.tree.actions import Action
from lpmdsl.syntax.tree.expressions import Distribution, Expr, Name, Quantity
from lpmdsl.syntax.tree.rules import Paragraph


@dataclass(frozen=True, slots=True)
class ByContagion:
    """``by contagion``"""

    span: Span


@dataclass(frozen=True, slots=True)
class After:
    """``after gamma(mean 5 days, sd 2 days)``"""

    dwell: Distribution
    span: Span


@dataclass(frozen=True, slots=True)
class AtRate:
    """``at rate 0.1 per day``"""

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
    """``when age > 64``"""

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
    """``from S, V TRIGGER to E`` or with branches; a plain ``to`` is one branch without a probability.

    ``row``: ``to one of next[Stage]``, a row of a table of shares in place of branches.
    """

    states: tuple[Name, ...]
    trigger: ByContagion | After | AtRate | Chance | When
    branches: tuple[Branch, ...]
    span: Span
    row: Distribution | None = None


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
    """``start S except 10 Person in I``"""

    state: Name
    exceptions: tuple[Except, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class While:
    """``while I, H`` and its actions."""

    states: tuple[Name, ...]
    actions: tuple[Action, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class OnEntering:
    """``on entering R``, its actions, and the paragraphs below them."""

    states: tuple[Name, ...]
    actions: tuple[Action, ...]
    span: Span
    paragraphs: tuple[Paragraph, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """``condition Flu of Person`` and its clauses."""

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
    seen: tuple[Name, ...] = ()

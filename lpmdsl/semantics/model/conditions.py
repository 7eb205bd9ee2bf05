"""Conditions: states, starts, exits, and what is done on entering a state."""

from __future__ import annotations

from lpmdsl.records import dataclass
from lpmdsl.semantics.identity_cache import kept_by_identity
from lpmdsl.semantics.model.actions import SetAttribute
from lpmdsl.semantics.model.expressions import Expr
from lpmdsl.semantics.model.paragraphs import Paragraph
from lpmdsl.semantics.model.values import Distribution
from lpmdsl.source import Span


@dataclass(frozen=True, slots=True)
class ByContagion:
    """Trigger of an exit by infection."""


@dataclass(frozen=True, slots=True)
class After:
    """Trigger of an exit after a dwell time."""

    dwell: Distribution


@dataclass(frozen=True, slots=True)
class AtRate:
    """Trigger of an exit at a rate per day."""

    rate: Expr


@dataclass(frozen=True, slots=True)
class Chance:
    """``every`` in days; ``months`` above 0: every so many months of the calendar, whose mean ``every`` is."""

    probability: Expr
    every: float
    months: int = 0


@dataclass(frozen=True, slots=True)
class When:
    """Trigger of an exit in the step in which a test holds."""

    test: Expr


@dataclass(frozen=True, slots=True)
class Branch:
    """``probability`` None for the last, ``otherwise`` branch (or the only one)."""

    to: int
    probability: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Exit:
    """One way out of one state. ``site`` keys its draws; ``index`` is its written order within the state."""

    state: int
    index: int
    site: str
    trigger: ByContagion | After | AtRate | Chance | When
    branches: tuple[Branch, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class StartExcept:
    """A number of agents or a share of them, or all; with ``where`` of those for whom it holds."""

    number: Expr | None
    share: Expr | None
    where: Expr | None
    state: int
    site: str
    span: Span


@dataclass(frozen=True, slots=True)
class Start:
    """State in which agents begin, and the exceptions."""

    state: int
    exceptions: tuple[StartExcept, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class WhileInState:
    """While in ``states``: ``attribute`` reads as ``value`` (a set), or the agent is absent from ``networks``."""

    states: tuple[int, ...]
    attribute: str | None
    value: Expr | None
    networks: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class OnEntering:
    """Actions on agents who enter one of the states: ``actions`` at that moment, ``paragraphs`` after all moves of the
    step, by whoever entered one of the states in it, once."""

    states: tuple[int, ...]
    actions: tuple[SetAttribute, ...]
    site: str
    span: Span
    paragraphs: tuple[Paragraph, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """``is_cyclic``: an agent can come back to a state (by exits or by forced moves), or draws the same on entering
    several, so episodes are counted."""

    name: str
    of: str
    states: tuple[str, ...]
    start: Start
    exits: tuple[Exit, ...]
    whiles: tuple[WhileInState, ...]
    entering: tuple[OnEntering, ...]
    removed: tuple[int, ...]
    is_cyclic: bool
    doc: str
    span: Span
    excludes: tuple[str, ...] = ()
    """Conditions that nobody has beside this one: whoever is out of the start state of one cannot catch another."""
    tells_since: bool = False
    """Something reads how long ago an agent moved (``time since``)."""
    seen: tuple[int, ...] = ()
    """States that others see, each from the rest: what people may know of those to whom they have ties."""

    def exits_of(self, state: int) -> tuple[Exit, ...]:
        """The exits of a state in written order."""
        return _exits_by_state(self.exits).get(state, ())


@kept_by_identity
def _exits_by_state(exits: tuple[Exit, ...]) -> dict[int, tuple[Exit, ...]]:
    """The exits of every state, kept: passes ask state by state, and for thousands that would cost their square."""
    found: dict[int, list[Exit]] = {}
    for exit_ in sorted(exits, key=lambda e: e.index):
        found.setdefault(exit_.state, []).append(exit_)
    return {s: tuple(of) for s, of in found.items()}

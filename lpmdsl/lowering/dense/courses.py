"""An agent's course through a condition in a kernel, and what its states ask to be kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.moved_times import Move
from lpmdsl.program import handles
from lpmdsl.program.ir import KExpr, Var
from lpmdsl.program.nodes import integer
from lpmdsl.semantics import model as m


def entered(rule: m.Rule) -> str:
    """Name of the marks of those who follow paragraphs on entering a state."""
    return handles.entered(rule.name)


def left_buffer(condition: str, slot: int) -> str:
    """Name of the buffer of what is left of a threshold; ``slot``: among those of a state."""
    return f"{condition}_left" if slot == 0 else f"{condition}_left_{slot}"


def timed_exits(condition: m.Condition, state: int) -> list[m.Exit]:
    """Exits of a state that come after a dwell time."""
    return [e for e in condition.exits_of(state) if isinstance(e.trigger, m.After)]


def thresholds(condition: m.Condition, state: int) -> list[m.Exit]:
    """The exits that wait for an accumulated hazard, in written order: their position is their slot."""
    return [e for e in condition.exits_of(state) if isinstance(e.trigger, m.ByContagion | m.AtRate | m.Chance)]


def needs_plan(condition: m.Condition, state: int) -> bool:
    """Return True if ties between exits need to know which of several timed exits is planned."""
    timed = timed_exits(condition, state)
    return len(timed) > 1 and len(timed) < len(condition.exits_of(state))


def keeps_target(builder: Builder, condition: m.Condition, state: int) -> bool:
    """Return True if an agent must remember where its planned exit leads: the GPU's Program has it always."""
    targets = {b.to for e in timed_exits(condition, state) for b in e.branches}
    return builder.plan is None or len(targets) > 1


NOBODY = integer(-1)


def asks_origin(model: m.Model, condition: str) -> bool:
    """Return True if a flow counts those who come from certain states of a condition."""
    flows = (o.value for o in model.observations if isinstance(o.value, m.Flow))
    return any(flow.condition == condition and flow.origins for flow in flows)


Phase = Literal["own", "look", "again"]
"""own: moves that hang on nobody else; look: infections, and what competes with them; again: those of a second look."""


def is_entered(condition: m.Condition, state: int) -> bool:
    """Return True if an exit leads to a state, so that one may come to it within a step."""
    return any(b.to == state for e in condition.exits for b in e.branches)


def is_contested(condition: m.Condition, state: int) -> bool:
    """Return True if something else can happen to one who waits for an infection: it matters which comes first."""
    return bool(condition.excludes) or len(condition.exits_of(state)) > 1


def keeps_entry(condition: m.Condition) -> bool:
    """Return True if an agent must remember when it came: to where it can be infected, or where it has tries; or if
    something reads how long ago that was."""
    if condition.tells_since:
        return True
    tried = any(isinstance(e.trigger, m.Chance) and not e.trigger.months for e in condition.exits)
    caught = (e.state for e in condition.exits if isinstance(e.trigger, m.ByContagion))
    return tried or any(is_entered(condition, state) for state in caught)


@dataclass(slots=True)
class Course:
    """The locals of one agent's course through one condition in a kernel."""

    scope: Scope
    condition: m.Condition
    state: Var
    since: KExpr
    episode: KExpr
    counts_entries: bool = True
    left: KExpr = NOBODY
    """The state that the agent came from; known only where a flow asks for it."""
    phase: Phase = "own"
    through: Var | None = None
    """The network of an infection, where its source is remembered; -1 before."""
    moves: list[Move] = field(default_factory=list)
    """By how much the agent's times move with parameters, where a run is scored by that."""

"""The ways between the states of a condition, with the lines of their labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

from lpmdsl.semantics.host.report_times import period_text
from lpmdsl.semantics.model import (
    After,
    Apply,
    AtRate,
    Branch,
    ByContagion,
    Chance,
    Condition,
    Exit,
    Expr,
    ForceMove,
    InState,
    Intervention,
    When,
)
from lpmdsl.source import Span


def text_of(span: Span) -> str:
    """Text of the model there, on one line."""
    return " ".join(span.source.text[span.start : span.end].split())


@dataclass(slots=True)
class Edge:
    """A way from one state to another with the lines of its label; ``rests`` are its points in the layers between.

    ``is_forced``: an intervention moves people this way; nobody goes it alone.
    """

    start: int
    end: int
    label: list[str]
    is_forced: bool = False
    rests: list[int] = field(default_factory=list)


def dwell_notes(condition: Condition) -> dict[int | None, list[str]]:
    """A state with one timed exit carries its dwell time under its name; the branches then need only their shares."""
    notes: dict[int | None, list[str]] = {}
    for state in range(len(condition.states)):
        exits = condition.exits_of(state)
        if len(exits) == 1 and isinstance(exits[0].trigger, After) and not _is_loop_only(exits[0]):
            notes[state] = _wrapped(text_of(exits[0].trigger.dwell.span))
    return notes


def _is_loop_only(exit: Exit) -> bool:
    return all(branch.to == exit.state for branch in exit.branches)


def _wrapped(text: str) -> list[str]:
    """``gamma(mean 2 days, sd 1 day)`` on two lines where it is long."""
    name, bracket, rest = text.partition("(")
    return [name, rest.removesuffix(")")] if bracket and len(text) > 22 else [text]


def own_edges(condition: Condition) -> list[Edge]:
    """One edge for each pair of states that an exit joins; several exits between the same two share it."""
    edges: dict[tuple[int, int], Edge] = {}
    for exit in condition.exits:
        noted = len(condition.exits_of(exit.state)) == 1 and isinstance(exit.trigger, After)
        for branch in exit.branches:
            edge = edges.setdefault((exit.state, branch.to), Edge(exit.state, branch.to, []))
            edge.label += _edge_label(exit, branch, noted)
    return list(edges.values())


def forced_edges(condition: Condition, interventions: tuple[Intervention, ...]) -> list[Edge]:
    """One edge for each state that an intervention moves people to, from each state that its test names."""
    edges: dict[tuple[int, int], Edge] = {}
    for intervention in interventions:
        for block in intervention.repeated:
            for action in block.done:
                if isinstance(action, ForceMove) and action.condition == condition.name:
                    for state in _states_named(condition, block.where):
                        if state != action.state:
                            edge = edges.setdefault((state, action.state), Edge(state, action.state, [], True))
                            edge.label.append(_short(intervention.name.replace("_", " ")))
    return list(edges.values())


def _states_named(condition: Condition, where: Expr | None) -> list[int]:
    """The states of ``condition`` in which ``where`` can hold, as far as its parts joined by ``and`` say; else all."""
    states = set(range(len(condition.states)))
    for part in _parts(where):
        if isinstance(part, InState) and part.condition == condition.name:
            states &= set(part.states)
    return sorted(states) if len(states) < len(condition.states) else [condition.start.state]


def _parts(test: Expr | None) -> list[Expr]:
    """The tests that ``and`` joins."""
    if isinstance(test, Apply) and test.op == "and":
        return [part for argument in test.arguments for part in _parts(argument)]
    return [] if test is None else [test]


def _edge_label(exit: Exit, branch: Branch, noted: bool) -> list[str]:
    trigger = [] if noted else _trigger(exit)
    if len(exit.branches) == 1 and branch.probability is None:
        return trigger
    return [*trigger, _short(text_of(branch.probability.span)) if branch.probability is not None else "otherwise"]


def _trigger(exit: Exit) -> list[str]:
    match exit.trigger:
        case ByContagion():
            return ["contagion"]
        case After(dwell):
            return [f"after {_short(text_of(dwell.span))}"]
        case AtRate(rate):
            return [f"at rate {_short(text_of(rate.span))}"]
        case Chance(probability):
            return [f"chance {_short(text_of(probability.span))}", period_text(exit.trigger)]
        case When(test):
            return [f"when {_short(text_of(test.span))}"]
        case _:
            assert_never(exit.trigger)


def _short(text: str) -> str:
    return text if len(text) <= 34 else text[:33] + "…"

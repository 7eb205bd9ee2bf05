"""The states of a condition as a graph: where one can get, and whether one can come back."""

from __future__ import annotations

from collections.abc import Callable

from lpmdsl.semantics import model

Edges = dict[int, set[int]]


def edges(condition: model.Condition, usable: Callable[[model.Exit], bool] = lambda e: True) -> Edges:
    """State -> states that its usable exits lead to."""
    found: Edges = {s: set() for s in range(len(condition.states))}
    for e in condition.exits:
        if usable(e):
            found[e.state] |= {b.to for b in e.branches}
    return found


def reachable(start: set[int], graph: Edges) -> set[int]:
    """All states that can be reached from ``start``, those of ``start`` included."""
    seen, waiting = set(start), list(start)
    while waiting:
        for to in graph[waiting.pop()] - seen:
            seen.add(to)
            waiting.append(to)
    return seen


def circle(graph: Edges) -> list[int] | None:
    """The states of one circle, or None."""
    for state in graph:
        if state in reachable(set(graph[state]), graph) and graph[state]:
            return [s for s in graph if s in reachable({state}, graph) and state in reachable({s}, graph)]
    return None


def is_cyclic(condition: model.Condition, forced: set[int]) -> bool:
    """Return True if an agent can return to a state, by exits or by forced moves (these lead from every other one)."""
    graph = edges(condition)
    for state in graph:
        graph[state] |= forced - {state}
    return circle(graph) is not None


def starts(condition: model.Condition) -> set[int]:
    """The states in which agents begin."""
    return {condition.start.state, *(e.state for e in condition.start.exceptions)}

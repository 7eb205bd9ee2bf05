"""The states of a condition as a graph: where one can get, and whether one can come back."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Container, Iterable

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


def shortest_way(
    condition: model.Condition, start: Iterable[int], to: Container[int], stay: Callable[[model.Exit], float]
) -> float:
    """The least sum of stays on a way from one of ``start`` to one of ``to``; infinite if there is none.

    Dijkstra (1959, Numer Math 1:269). ``stay``: the time that an exit takes, at least 0.
    """
    ways = [(0.0, state) for state in sorted(start)]
    seen: set[int] = set()
    while ways:
        time, state = heapq.heappop(ways)
        if state in to:
            return time
        if state not in seen:
            seen.add(state)
            for exit_ in condition.exits_of(state):
                at = time + stay(exit_)
                for branch in exit_.branches:
                    heapq.heappush(ways, (at, branch.to))
    return math.inf


def caught(condition: model.Condition) -> set[int]:
    """The states that one enters by contagion."""
    return {b.to for e in condition.exits if isinstance(e.trigger, model.ByContagion) for b in e.branches}


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

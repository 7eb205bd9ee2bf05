"""The layout of a diagram in layers from left to right.

A small case of Sugiyama, Tagawa and Toda (1981): loops back are set aside, states are put into layers by their longest
way from the start, long ways get a resting point in every layer they cross, and each layer is ordered by the mean
position of its neighbours. Loops back run in lanes below.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from lpmdsl.runtime.reports.state_diagram.edges import Edge, dwell_notes, forced_edges, own_edges
from lpmdsl.semantics.model import Condition, Intervention

ROW, LANE, NODE_HEIGHT, CHARACTER, LINE = 92.0, 40.0, 38.0, 6.3, 14.0


@dataclass(slots=True)
class Point:
    """A state, or where a long way crosses a layer (``state`` is None)."""

    state: int | None
    layer: int
    x: float = 0.0
    y: float = 0.0


@dataclass(slots=True)
class Drawing:
    """All that is drawn: ``points`` (the states first), ``columns`` of them by layer, edges, and dwell times as notes.

    ``halves``: half the width of each column. ``width`` and ``height``: without the lanes of the loops.
    """

    condition: Condition
    notes: dict[int | None, list[str]]
    forward: list[Edge]
    back: list[Edge]
    points: list[Point] = field(default_factory=list)
    columns: list[list[int]] = field(default_factory=list)
    halves: list[float] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def laid_out(condition: Condition, interventions: tuple[Intervention, ...]) -> Drawing:
    """All that the diagram of a condition shows, with its place."""
    own = own_edges(condition)
    ways = {(edge.start, edge.end) for edge in own}
    forced = [e for e in forced_edges(condition, interventions) if (e.start, e.end) not in ways]
    forward, back = _without_loops(condition, [*own, *forced])
    drawing = Drawing(condition, dwell_notes(condition), forward, back)
    layers = _layers(len(condition.states), forward)
    drawing.points = [Point(state, layers[state]) for state in range(len(condition.states))]
    for edge in forward:
        _add_rests(edge, drawing.points)
    drawing.columns = _ordered(drawing.points, forward)
    _place(drawing)
    return drawing


def _without_loops(condition: Condition, edges: list[Edge]) -> tuple[list[Edge], list[Edge]]:
    """Forward edges, and those that lead back to a state on the way that a depth-first walk came."""
    onward = {s: [e for e in edges if e.start == s] for s in range(len(condition.states))}
    back: list[Edge] = []
    done: set[int] = set()
    for root in [condition.start.state, *range(len(condition.states))]:
        if root in done:
            continue
        way, stack = {root}, [(root, iter(onward[root]))]
        while stack:
            state, ways = stack[-1]
            edge = next(ways, None)
            if edge is None:
                stack.pop()
                way.discard(state)
                done.add(state)
            elif edge.end in way:
                back.append(edge)
            elif edge.end not in done:
                way.add(edge.end)
                stack.append((edge.end, iter(onward[edge.end])))
    return [e for e in edges if e not in back], back


def _layers(states: int, forward: list[Edge]) -> list[int]:
    """The layer of every state: its longest way from a beginning."""
    layers = [0] * states
    for _ in range(states):
        for edge in forward:
            layers[edge.end] = max(layers[edge.end], layers[edge.start] + 1)
    return layers


def _add_rests(edge: Edge, points: list[Point]) -> None:
    for layer in range(points[edge.start].layer + 1, points[edge.end].layer):
        edge.rests.append(len(points))
        points.append(Point(None, layer))


def _ordered(points: list[Point], forward: list[Edge]) -> list[list[int]]:
    """Per layer its points from top to bottom, after a few sweeps by the mean position of their neighbours."""
    columns: list[list[int]] = [[] for _ in range(1 + max(p.layer for p in points))]
    for index, point in enumerate(points):
        columns[point.layer].append(index)
    near: dict[int, list[int]] = {i: [] for i in range(len(points))}
    for edge in forward:
        for a, b in pairwise([edge.start, *edge.rests, edge.end]):
            near[a].append(b)
            near[b].append(a)
    rank = {i: k - (len(column) - 1) / 2 for column in columns for k, i in enumerate(column)}
    for sweep in range(7):
        for layer in range(len(columns)) if sweep % 2 == 0 else reversed(range(len(columns))):
            _sort_layer(columns[layer], points, near, rank, layer + (-1 if sweep % 2 == 0 else 1))
    return columns


def _sort_layer(
    column: list[int], points: list[Point], near: dict[int, list[int]], rank: dict[int, float], beside: int
) -> None:
    """Orders a layer by the mean rank of each point's neighbours in the layer ``beside`` it."""

    def mean(point: int) -> float:
        ranks = [rank[n] for n in near[point] if points[n].layer == beside]
        return sum(ranks) / len(ranks) if ranks else rank[point]

    column.sort(key=mean)
    rank.update({i: k - (len(column) - 1) / 2 for k, i in enumerate(column)})


def _half_width(drawing: Drawing, point: Point) -> float:
    """Half the room that a point needs across its column: the state, and the dwell time under it."""
    if point.state is None:
        return 10.0
    lines = drawing.notes.get(point.state, [])
    # The 24 leave room for an arrow's head before the state.
    return max([24 + node_width(drawing.condition, point.state), *(len(line) * CHARACTER for line in lines)]) / 2


def node_width(condition: Condition, state: int) -> float:
    """Width of the box of a state."""
    return max(46.0, 24 + 9.6 * len(condition.states[state]))


def _place(drawing: Drawing) -> None:
    """Gives every point its place, every column its width, and the drawing its size."""
    points = drawing.points
    drawing.height = max(len(column) for column in drawing.columns) * ROW
    margin = 32.0 if drawing.back else 6.0  # room for the loops' way down and up
    x = margin
    for layer, column in enumerate(drawing.columns):
        half = max(_half_width(drawing, points[i]) for i in column)
        drawing.halves.append(half)
        for k, index in enumerate(column):
            points[index].x = x + half
            points[index].y = drawing.height / 2 + (k - (len(column) - 1) / 2) * ROW - 8
        drawing.width = x + 2 * half + margin
        labels = [line for e in drawing.forward if points[e.start].layer == layer for line in e.label]
        x += 2 * half + max([44.0, *(len(line) * CHARACTER + 34 for line in labels)])

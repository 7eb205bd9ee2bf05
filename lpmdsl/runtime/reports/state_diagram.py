"""The states of a condition and the ways between them, drawn as SVG in layers from left to right.

A small case of Sugiyama, Tagawa and Toda (1981): loops back are set aside, states are put into layers by their longest
way from the start, long ways get a resting point in every layer they cross, and each layer is ordered by the mean
position of its neighbours. Loops back run in lanes below.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import assert_never

from lpmdsl.escaping import html
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

ROW, LANE, NODE_HEIGHT, CHARACTER, LINE = 92.0, 40.0, 38.0, 6.3, 14.0


def text_of(span: Span) -> str:
    """Text of the model there, on one line."""
    return " ".join(span.source.text[span.start : span.end].split())


@dataclass(slots=True)
class _Edge:
    """A way from one state to another with the lines of its label; ``rests`` are its points in the layers between.

    ``is_forced``: an intervention moves people this way; nobody goes it alone.
    """

    start: int
    end: int
    label: list[str]
    is_forced: bool = False
    rests: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Point:
    """A state, or where a long way crosses a layer (``state`` is None)."""

    state: int | None
    layer: int
    x: float = 0.0
    y: float = 0.0


@dataclass(slots=True)
class _Drawing:
    """All that is drawn: ``points`` (the states first), ``columns`` of them by layer, edges, and dwell times as notes.

    ``halves``: half the width of each column. ``width`` and ``height``: without the lanes of the loops.
    """

    condition: Condition
    notes: dict[int | None, list[str]]
    forward: list[_Edge]
    back: list[_Edge]
    points: list[_Point] = field(default_factory=list)
    columns: list[list[int]] = field(default_factory=list)
    halves: list[float] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def state_diagram(condition: Condition, interventions: tuple[Intervention, ...] = ()) -> str:
    """The SVG of one condition, with the moves that interventions force as broken lines; its colours are the page's."""
    drawing = _laid_out(condition, interventions)
    parts = [_forward_path(drawing, edge) for edge in drawing.forward]
    parts += [_back_path(drawing, edge, lane) for lane, edge in enumerate(drawing.back)]
    parts += [_node(drawing, state) for state in range(len(condition.states))]
    parts += [_forward_label(drawing, edge) for edge in drawing.forward]
    height = drawing.height + (LANE * len(drawing.back) + 8 if drawing.back else 0)
    name = html(condition.name)
    return (
        f'<svg class="states" viewBox="0 0 {drawing.width:.0f} {height:.0f}" width="{drawing.width:.0f}" role="img" '
        f'aria-label="States of {name}"><defs><marker id="arrow-{name}" viewBox="0 0 10 10" refX="9" refY="5" '
        'markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="head" d="M0 0L10 5L0 10z"/>'
        f"</marker></defs>{''.join(parts)}</svg>"
    )


# ------------------------------------------------------------------ what is drawn


def _dwell_notes(condition: Condition) -> dict[int | None, list[str]]:
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


def _edges(condition: Condition) -> list[_Edge]:
    """One edge for each pair of states that an exit joins; several exits between the same two share it."""
    edges: dict[tuple[int, int], _Edge] = {}
    for exit in condition.exits:
        noted = len(condition.exits_of(exit.state)) == 1 and isinstance(exit.trigger, After)
        for branch in exit.branches:
            edge = edges.setdefault((exit.state, branch.to), _Edge(exit.state, branch.to, []))
            edge.label += _edge_label(exit, branch, noted)
    return list(edges.values())


def _forced_edges(condition: Condition, interventions: tuple[Intervention, ...]) -> list[_Edge]:
    """One edge for each state that an intervention moves people to, from each state that its test names."""
    edges: dict[tuple[int, int], _Edge] = {}
    for intervention in interventions:
        for block in intervention.repeated:
            for action in block.actions:
                if isinstance(action, ForceMove) and action.condition == condition.name:
                    for state in _states_named(condition, block.where):
                        if state != action.state:
                            edge = edges.setdefault((state, action.state), _Edge(state, action.state, [], True))
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


# ------------------------------------------------------------------ layout


def _laid_out(condition: Condition, interventions: tuple[Intervention, ...]) -> _Drawing:
    own = _edges(condition)
    ways = {(edge.start, edge.end) for edge in own}
    forced = [e for e in _forced_edges(condition, interventions) if (e.start, e.end) not in ways]
    forward, back = _without_loops(condition, [*own, *forced])
    drawing = _Drawing(condition, _dwell_notes(condition), forward, back)
    layers = _layers(len(condition.states), forward)
    drawing.points = [_Point(state, layers[state]) for state in range(len(condition.states))]
    for edge in forward:
        _add_rests(edge, drawing.points)
    drawing.columns = _ordered(drawing.points, forward)
    _place(drawing)
    return drawing


def _without_loops(condition: Condition, edges: list[_Edge]) -> tuple[list[_Edge], list[_Edge]]:
    """Forward edges, and those that lead back to a state on the way that a depth-first walk came."""
    onward = {s: [e for e in edges if e.start == s] for s in range(len(condition.states))}
    back: list[_Edge] = []
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


def _layers(states: int, forward: list[_Edge]) -> list[int]:
    """The layer of every state: its longest way from a beginning."""
    layers = [0] * states
    for _ in range(states):
        for edge in forward:
            layers[edge.end] = max(layers[edge.end], layers[edge.start] + 1)
    return layers


def _add_rests(edge: _Edge, points: list[_Point]) -> None:
    for layer in range(points[edge.start].layer + 1, points[edge.end].layer):
        edge.rests.append(len(points))
        points.append(_Point(None, layer))


def _ordered(points: list[_Point], forward: list[_Edge]) -> list[list[int]]:
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
    column: list[int], points: list[_Point], near: dict[int, list[int]], rank: dict[int, float], beside: int
) -> None:
    """Orders a layer by the mean rank of each point's neighbours in the layer ``beside`` it."""

    def mean(point: int) -> float:
        ranks = [rank[n] for n in near[point] if points[n].layer == beside]
        return sum(ranks) / len(ranks) if ranks else rank[point]

    column.sort(key=mean)
    rank.update({i: k - (len(column) - 1) / 2 for k, i in enumerate(column)})


def _half_width(drawing: _Drawing, point: _Point) -> float:
    """Half the room that a point needs across its column: the state, and the dwell time under it."""
    if point.state is None:
        return 10.0
    lines = drawing.notes.get(point.state, [])
    # The 24 leave room for an arrow's head before the state.
    return max([24 + _node_width(drawing.condition, point.state), *(len(line) * CHARACTER for line in lines)]) / 2


def _node_width(condition: Condition, state: int) -> float:
    return max(46.0, 24 + 9.6 * len(condition.states[state]))


def _place(drawing: _Drawing) -> None:
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


# ------------------------------------------------------------------ drawing


def _node(drawing: _Drawing, state: int) -> str:
    condition, point, note = drawing.condition, drawing.points[state], drawing.notes.get(state, [])
    width = _node_width(condition, state)
    kind = (
        "state"
        + (" first" if state == condition.start.state else "")
        + (" removed" if state in condition.removed else "")
    )
    box = (
        f'<rect class="{kind}" x="{point.x - width / 2:.1f}" y="{point.y - NODE_HEIGHT / 2:.1f}" '
        f'width="{width:.1f}" height="{NODE_HEIGHT:.0f}" rx="{NODE_HEIGHT / 2:.0f}"/>'
        f'<text class="name" x="{point.x:.1f}" y="{point.y + 5:.1f}">{html(condition.states[state])}</text>'
    )
    return box + _label(point.x, point.y + NODE_HEIGHT / 2 + 15 + LINE * (len(note) - 1) / 2, note)


def _label(x: float, y: float, lines: list[str]) -> str:
    """Lines of text around a point, each with a halo in the page's colour."""
    first = y - LINE * (len(lines) - 1) / 2
    return "".join(
        f'<text class="label" x="{x:.1f}" y="{first + LINE * k:.1f}">{html(line)}</text>'
        for k, line in enumerate(lines)
    )


def _hops(drawing: _Drawing, edge: _Edge) -> list[tuple[float, float, float, float]]:
    """For each gap between columns that the edge crosses: where it leaves one column and enters the next."""
    chain = [drawing.points[i] for i in (edge.start, *edge.rests, edge.end)]
    return [(a.x + drawing.halves[a.layer], a.y, b.x - drawing.halves[b.layer], b.y) for a, b in pairwise(chain)]


def _forward_path(drawing: _Drawing, edge: _Edge) -> str:
    """Straight through the columns, an S-curve through the gaps."""
    begin, end = drawing.points[edge.start], drawing.points[edge.end]
    path = [f"M{begin.x + _node_width(drawing.condition, edge.start) / 2:.1f} {begin.y:.1f}"]
    for left, y0, right, y1 in _hops(drawing, edge):
        middle = (left + right) / 2
        path.append(f"L{left:.1f} {y0:.1f}C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {right:.1f} {y1:.1f}")
    path.append(f"L{end.x - _node_width(drawing.condition, edge.end) / 2 - 1:.1f} {end.y:.1f}")
    return _path("".join(path), drawing.condition, edge)


def _forward_label(drawing: _Drawing, edge: _Edge) -> str:
    """The label in the middle of the edge's first gap; a level edge has it just above the line."""
    left, y0, right, y1 = _hops(drawing, edge)[0]
    lift = 7 + LINE * (len(edge.label) - 1) / 2 if abs(y0 - y1) < 1 else -4
    return _label((left + right) / 2, (y0 + y1) / 2 - lift, edge.label)


def _back_path(drawing: _Drawing, edge: _Edge, lane: int) -> str:
    """Out to the right of one state, down, along a lane below everything, up, and in from the left of the other."""
    a, b = drawing.points[edge.start], drawing.points[edge.end]
    lane_y, step = drawing.height + LANE * lane + 18, 7.0 * (lane % 3)
    x0, x1 = a.x + drawing.halves[a.layer] + 8 + step, b.x - drawing.halves[b.layer] - 8 - step
    y0, y1 = a.y + 8, b.y + 8
    path = (
        f"M{a.x + _node_width(drawing.condition, edge.start) / 2 - 2:.1f} {y0:.1f}H{x0 - 10:.1f}"
        f"Q{x0:.1f} {y0:.1f} {x0:.1f} {y0 + 10:.1f}V{lane_y - 10:.1f}Q{x0:.1f} {lane_y:.1f} {x0 - 10:.1f} {lane_y:.1f}"
        f"H{x1 + 10:.1f}Q{x1:.1f} {lane_y:.1f} {x1:.1f} {lane_y - 10:.1f}V{y1 + 10:.1f}"
        f"Q{x1:.1f} {y1:.1f} {x1 + 10:.1f} {y1:.1f}H{b.x - _node_width(drawing.condition, edge.end) / 2 + 1:.1f}"
    )
    label = _label((x0 + x1) / 2, lane_y - 6 - LINE * (len(edge.label) - 1) / 2, edge.label)
    return _path(path, drawing.condition, edge) + label


def _path(data: str, condition: Condition, edge: _Edge) -> str:
    kind = "way forced" if edge.is_forced else "way"
    return f'<path class="{kind}" d="{data}" marker-end="url(#arrow-{html(condition.name)})"/>'

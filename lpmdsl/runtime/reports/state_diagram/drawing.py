"""The diagram of a condition as SVG."""

from __future__ import annotations

from itertools import pairwise

from lpmdsl.escaping import html
from lpmdsl.runtime.reports.state_diagram.edges import Edge
from lpmdsl.runtime.reports.state_diagram.layout import LANE, LINE, NODE_HEIGHT, Drawing, laid_out, node_width
from lpmdsl.semantics.model import Condition, Intervention


def state_diagram(condition: Condition, interventions: tuple[Intervention, ...] = ()) -> str:
    """The SVG of one condition, with the moves that interventions force as broken lines; its colours are the page's."""
    drawing = laid_out(condition, interventions)
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


def _node(drawing: Drawing, state: int) -> str:
    condition, point, note = drawing.condition, drawing.points[state], drawing.notes.get(state, [])
    width = node_width(condition, state)
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


def _hops(drawing: Drawing, edge: Edge) -> list[tuple[float, float, float, float]]:
    """For each gap between columns that the edge crosses: where it leaves one column and enters the next."""
    chain = [drawing.points[i] for i in (edge.start, *edge.rests, edge.end)]
    return [(a.x + drawing.halves[a.layer], a.y, b.x - drawing.halves[b.layer], b.y) for a, b in pairwise(chain)]


def _forward_path(drawing: Drawing, edge: Edge) -> str:
    """Straight through the columns, an S-curve through the gaps."""
    begin, end = drawing.points[edge.start], drawing.points[edge.end]
    path = [f"M{begin.x + node_width(drawing.condition, edge.start) / 2:.1f} {begin.y:.1f}"]
    for left, y0, right, y1 in _hops(drawing, edge):
        middle = (left + right) / 2
        path.append(f"L{left:.1f} {y0:.1f}C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {right:.1f} {y1:.1f}")
    path.append(f"L{end.x - node_width(drawing.condition, edge.end) / 2 - 1:.1f} {end.y:.1f}")
    return _path("".join(path), drawing.condition, edge)


def _forward_label(drawing: Drawing, edge: Edge) -> str:
    """The label in the middle of the edge's first gap; a level edge has it just above the line."""
    left, y0, right, y1 = _hops(drawing, edge)[0]
    lift = 7 + LINE * (len(edge.label) - 1) / 2 if abs(y0 - y1) < 1 else -4
    return _label((left + right) / 2, (y0 + y1) / 2 - lift, edge.label)


def _back_path(drawing: Drawing, edge: Edge, lane: int) -> str:
    """Out to the right of one state, down, along a lane below everything, up, and in from the left of the other."""
    a, b = drawing.points[edge.start], drawing.points[edge.end]
    lane_y, step = drawing.height + LANE * lane + 18, 7.0 * (lane % 3)
    x0, x1 = a.x + drawing.halves[a.layer] + 8 + step, b.x - drawing.halves[b.layer] - 8 - step
    y0, y1 = a.y + 8, b.y + 8
    path = (
        f"M{a.x + node_width(drawing.condition, edge.start) / 2 - 2:.1f} {y0:.1f}H{x0 - 10:.1f}"
        f"Q{x0:.1f} {y0:.1f} {x0:.1f} {y0 + 10:.1f}V{lane_y - 10:.1f}Q{x0:.1f} {lane_y:.1f} {x0 - 10:.1f} {lane_y:.1f}"
        f"H{x1 + 10:.1f}Q{x1:.1f} {lane_y:.1f} {x1:.1f} {lane_y - 10:.1f}V{y1 + 10:.1f}"
        f"Q{x1:.1f} {y1:.1f} {x1 + 10:.1f} {y1:.1f}H{b.x - node_width(drawing.condition, edge.end) / 2 + 1:.1f}"
    )
    label = _label((x0 + x1) / 2, lane_y - 6 - LINE * (len(edge.label) - 1) / 2, edge.label)
    return _path(path, drawing.condition, edge) + label


def _path(data: str, condition: Condition, edge: Edge) -> str:
    kind = "way forced" if edge.is_forced else "way"
    return f'<path class="{kind}" d="{data}" marker-end="url(#arrow-{html(condition.name)})"/>'

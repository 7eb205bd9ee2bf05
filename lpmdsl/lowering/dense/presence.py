"""Presence in networks, and numbers of those present, over whom contacts that are spread evenly are spread."""

from __future__ import annotations

from collections.abc import Callable

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.expressions import Scope, present_tests, read_states
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    AtomicAdd,
    Beside,
    CircleDegree,
    CircleKeys,
    Column,
    If,
    Kernel,
    KExpr,
    KStmt,
    Let,
    Loop,
    OneMore,
    OpenDays,
    Store,
    TieOffsets,
    TieTargets,
    Var,
)
from lpmdsl.program.nodes import AGENT, STEP, all_of, any_of, integer, number, op, real, rounded, test
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.events import may_be_absent
from lpmdsl.source import NOWHERE, Span

CONTACT, MOST_CONTACTS = 65_536.0, 65_536.0
"""Contacts per day that people have of their own are added up in units of 2⁻¹⁶, at most so many each."""

# ------------------------------------------------------------------ what a network needs


def groups_of(builder: Builder, network: m.Network) -> tuple[str, tuple[str, ...]]:
    """The attribute that a mixing table is by, and its labels; ("", ("",)) without mixing."""
    if network.mixing is None:
        return "", ("",)
    table = builder.model.table(network.mixing)
    return table.key_attributes[0], table.keys[0]


def needs_presence(network: m.Network) -> bool:
    """Return True if contacts are spread over those present, who must then be counted."""
    return network.layout == "random" or (network.contacts is not None and not network.per_tie)


def is_static(builder: Builder, network: m.Network) -> bool:
    """Return True if nobody among whom contacts are spread can ever be absent, nor change mixing group."""
    model = builder.model
    if network.where is not None and not _stays(model, network.where):
        return False
    return not (groups_move(model, network) or may_be_absent(model, network, network.met))


def groups_move(model: m.Model, network: m.Network) -> bool:
    """Return True if somebody's mixing group may be another in the course of a run."""
    group = model.table(network.mixing).key_attributes[0] if network.mixing is not None else ""
    return not m.is_fixed(model, network.met, group)


def _stays(model: m.Model, where: m.Expr) -> bool:
    """Return True if a test reads nothing that changes in a run."""
    changing = (m.InState, m.StateOf, m.Since, m.ObservationRef, m.GroupReport, m.Rolling, m.Time, m.IsActive)
    for leaf in m.walk(where):
        if isinstance(leaf, changing):
            return False
        if isinstance(leaf, m.AttributeRef) and not m.is_fixed(model, leaf.of, leaf.name):
            return False
    return True


def declare_network(builder: Builder, network: m.Network) -> None:
    """Inputs of a network: its places or rows, the steps on which it runs, and the counters of those present."""
    kind, name = network.of, network.name
    if network.layout == "place":
        declare_place(builder, kind, network.place)
    if builder.is_circles(network):
        declare_circles(builder, name)
    elif network.layout == "ties":
        declare_ties(builder, network, name)
    declare_days(builder, network)
    if needs_presence(network):
        builder.buffer(
            handles.present(name), "i64", (counter_shape(builder, network),), "state", note="how many are present"
        )
        if not is_static(builder, network):
            builder.buffer(handles.here(name), "u8", (network.met,), "state", note="1 + mixing group of those present")


def counter_shape(builder: Builder, network: m.Network) -> int | str:
    """Number of counters of a network: one for each place, one for each agent, or one for each mixing group."""
    match network.layout:
        case "place":
            return handles.places(network.of, network.place)
        case "ties":
            return network.of
        case "random":
            return len(groups_of(builder, network)[1])


def place_of(scope: Scope, network: m.Network) -> KExpr:
    """Number of the agent's place of a network."""
    return op("to_i64", scope.builder.load(handles.attribute(network.of, network.place), scope.agent))


def group_of(scope: Scope, network: m.Network) -> KExpr:
    """The agent's mixing group (0 without mixing)."""
    attribute, _ = groups_of(scope.builder, network)
    if not attribute:
        return integer(0)
    ref = next(a for a in scope.builder.model.agent(network.of).attributes if a.name == attribute)
    return scope.index(m.AttributeRef(network.of, attribute, ref.type, network.span))


def takes_part(scope: Scope, network: m.Network) -> KExpr:
    """Present apart from the weekday: not removed, not kept away, and with a place where one is needed."""
    present = present_tests(scope, network)
    if network.layout == "place":
        return all_of(test("ge", place_of(scope, network), integer(0)), present)
    return present


def runs_today(scope: Scope, network: m.Network) -> KExpr | None:
    """Test that the network runs in this step; None if it always does."""
    if not network.days:
        return None
    name = handles.open_days(network.name)
    taken = next((s for s in scope.prologue if isinstance(s, Let) and s.name == f"{network.name}_today"), None)
    if taken:
        return Var(taken.name, "bool")
    return scope.hoist(f"{network.name}_today", test("ne", scope.builder.load(name, STEP), integer(0)), network.days)


# ------------------------------------------------------------------ presence


def presence_kernel(builder: Builder, network: m.Network) -> Kernel:
    """Keeps the counts of those present; touches only agents who came or went since the last step."""
    scope = Scope(builder, network.met)
    body = read_states(scope)
    here = scope.let(body, f"{network.name}_takes_part", takes_part(scope, network))
    if is_static(builder, network):
        body.append(If(here, tuple(_count(scope, network, group_of(scope, network), 1))))
    else:
        body += recount(scope, network, here)[0]
    return Kernel(f"presence_{network.name}", network.met, tuple(scope.prologue), tuple(body), network.span)


def recount(scope: Scope, network: m.Network, here: KExpr) -> tuple[list[KStmt], Var, Var]:
    """Statements that update the counters by who came or went; 1 + the agent's group, 0 if absent, before and now."""
    body: list[KStmt] = []
    name = handles.here(network.name)
    before = scope.let(body, "before", op("to_i64", scope.builder.load(name, AGENT)))
    code = op("add", integer(1), group_of(scope, network))
    now = scope.let(body, "now", op("select", here, code, integer(0)))
    came = If(test("gt", now, integer(0)), tuple(_count(scope, network, op("sub", now, integer(1)), 1)))
    went = If(test("gt", before, integer(0)), tuple(_count(scope, network, op("sub", before, integer(1)), -1)))
    store = Store(name, (AGENT,), op("to_u8", now, dtype="u8"))
    body.append(If(test("ne", before, now), (store, went, came), span=network.span))
    return body, before, now


def _count(scope: Scope, network: m.Network, group: KExpr, change: int) -> list[KStmt]:
    return add_to_shared(scope, network, handles.present(network.name), _contact_weight(scope, network, change), group)


def add_to_shared(
    scope: Scope, network: m.Network, into: str, value: KExpr, group: KExpr | None = None, span: Span = NOWHERE
) -> list[KStmt]:
    """Add an integer to the counters that the agent shares with others: of its place, its group or each neighbour."""
    match network.layout:
        case "place":
            return [AtomicAdd(into, (place_of(scope, network),), value, span)]
        case "random":
            return [AtomicAdd(into, (group_of(scope, network) if group is None else group,), value, span)]
        case "ties":
            return for_neighbours(scope, network, lambda j: [AtomicAdd(into, (j,), value, span)])


def _contact_weight(scope: Scope, network: m.Network, change: int) -> KExpr:
    """Weight of an agent among those over whom contacts are spread: 1, or its own contacts in 2⁻¹⁶."""
    if not network.is_by_person or network.contacts is None:
        return integer(change)
    own = real("min", real("max", scope.value(network.contacts, "contacts"), number(0.0)), number(MOST_CONTACTS))
    fixed = rounded(real("mul", own, number(CONTACT)))
    return fixed if change > 0 else op("neg", fixed)


def for_neighbours(scope: Scope, network: m.Network, action) -> list[KStmt]:
    """Loop over those who feel the agent on ties; ``action(neighbour)`` gives the statements.

    They are its neighbours; where ties have a direction, those from whom ties lead to it.
    """
    rows = other_ends(scope.builder, network) if network.directed else network.name
    return along_rows(scope, network, lambda neighbour, edge: action(neighbour), rows)


def other_ends(builder: Builder, network: m.Network) -> str:
    """Name of the rows of a directed network from its other ends, with their buffers."""
    name = network.other_ends(builder.model.networks)
    declare_ties(builder, network, name)
    return name


def declare_ties(builder: Builder, network: m.Network, name: str) -> None:
    """Inputs of the rows of ties of a network, or of the same from the other ends under a name of its own."""
    turned, size = name != network.name, (OneMore(network.of),)
    rows, ends = TieOffsets(network.name, turned), TieTargets(network.name, turned)
    builder.buffer(handles.offsets(name), "i64", size, "input", note="rows of ties", filled=rows)
    builder.buffer(handles.targets(name), "i32", (handles.ties(name),), "input", one_way=network.directed, filled=ends)


def declare_place(builder: Builder, kind: str, place: str) -> None:
    """Input with the number of the place of everybody of a kind."""
    name, note = handles.attribute(kind, place), "place of each agent, −1: none"
    builder.buffer(name, "i32", (kind,), "input", note=note, filled=Column(kind, place))


def declare_circles(builder: Builder, network: str) -> None:
    """Inputs of a network that is worked out from the keys of its circles."""
    shape, note = (f"{network}_half_degree", "rounds"), "keys of circles"
    builder.buffer(handles.circles(network), "i64", shape, "input", note=note, filled=CircleKeys(network))
    note = "ties of each agent"
    builder.buffer(handles.degree(network), "i64", (1,), "input", note=note, filled=CircleDegree(network))


def declare_days(builder: Builder, network: m.Network) -> None:
    """Input with the steps on which a network is there, if it is not on all days."""
    if network.days:
        name, filled = handles.open_days(network.name), OpenDays(network.name)
        builder.buffer(name, "u8", ("steps",), "input", note=f"1 on {network.days}", filled=filled)


def along_rows(
    scope: Scope, network: m.Network, action: Callable[[KExpr, KExpr], list[KStmt]], rows: str = ""
) -> list[KStmt]:
    """Loop over the agent's own row; ``action`` is also given the entry in which the neighbour stands.

    ``rows``: the name of other rows than the network's.
    """
    rows = rows or network.name
    builder = scope.builder
    edge = Var(scope.fresh("edge"), "i64")
    if builder.is_circles(network):
        beside = Beside(handles.circles(network.name), scope.agent, edge, Var(network.of, "i64"))
        return [Loop(edge.name, *_circles_now(builder, network), tuple(action(beside, edge)))]
    neighbour = op("to_i64", builder.load(handles.targets(rows), edge))
    start = builder.load(handles.offsets(rows), scope.agent)
    stop = builder.load(handles.offsets(rows), op("add", scope.agent, integer(1)))
    return [Loop(edge.name, start, stop, tuple(action(neighbour, edge)))]


def _circles_now(builder: Builder, network: m.Network) -> tuple[KExpr, KExpr]:
    """From which edge of the circles until which the ties go that there are in this step."""
    degree = builder.load(handles.degree(network.name), integer(0))
    if not network.redrawn:
        return integer(0), degree
    draw = draw_of(builder, network, op("max", STEP, integer(0)))  # at the end of a step those of its day are there
    return op("mul", draw, degree), op("mul", op("add", draw, integer(1)), degree)


def draw_of(builder: Builder, network: m.Network, step: KExpr) -> KExpr:
    """Number of the draw whose ties a network has in a step."""
    steps = round(network.redrawn / builder.model.clock.step)
    return step if steps == 1 else op("floordiv", step, integer(steps))


def any_removed(scope: Scope, kind: str) -> KExpr:
    """Test that the agent is in a removed state of any condition."""
    conditions = [c for c in scope.builder.model.conditions if c.of == kind and c.removed]
    return any_of(*(scope.in_state(c.name, c.removed) for c in conditions))

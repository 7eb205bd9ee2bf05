"""Buffers of a contagion: what sources weigh on a network, what they owe, and what that makes up."""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.presence import counter_shape, groups_of
from lpmdsl.lowering.parts import Part
from lpmdsl.program import handles
from lpmdsl.program.ir import Clear, If, KStmt, ScheduleItem, Store
from lpmdsl.program.nodes import AGENT, integer, test
from lpmdsl.semantics import model as m


def networks_of(builder: Builder, contagion: m.Contagion) -> list[m.Network]:
    """The networks of a contagion, each once, in the order in which they are named."""
    return [builder.model.network(n) for n in contagion.networks]


def weight_buffer(contagion: m.Contagion, network: m.Network) -> str:
    """Name of the buffer of infectious weights on a network."""
    return f"{contagion.condition}_{network.name}{contagion.suffix if isinstance(contagion, Part) else ''}"


def owed_buffer(contagion: m.Contagion, network: m.Network) -> str:
    """Name of the buffer of what each source owes on a network beside its weight."""
    return f"{weight_buffer(contagion, network)}_owed"


def made_up_buffer(contagion: m.Contagion, network: m.Network) -> str:
    """Name of the buffer of what was owed to a place, to a group or along an agent's ties."""
    return f"{weight_buffer(contagion, network)}_made_up"


def notes_debts(builder: Builder, network: m.Network) -> bool:
    """Return True if it is noted whether anything was owed on a network: else it is skipped on days when it rests."""
    return builder.plan is not None and bool(network.days) and network.layout == "place" and not network.is_between


def is_owed(contagion: m.Contagion, network: m.Network) -> str:
    """Name of the note whether anything was owed on a network in this step."""
    return f"{made_up_buffer(contagion, network)}_any"


def clear_made_up(builder: Builder, contagion: m.Contagion, network: m.Network) -> list[ScheduleItem]:
    """Items that forget what was made up in the look before."""
    name = made_up_buffer(contagion, network)
    return [Clear(name), *([Clear(is_owed(contagion, network))] if notes_debts(builder, network) else [])]


def forget_made_up(builder: Builder, condition: m.Condition) -> list[KStmt]:
    """Statements that forget what came along an agent's ties, once felt; a dense program empties all in each step."""
    body: list[KStmt] = []
    for contagion in (c for c in builder.contagions if c.condition == condition.name):
        for network in networks_of(builder, contagion):
            if _is_kept(builder, contagion, network):
                name = made_up_buffer(contagion, network)
                empty = Store(name, (AGENT,), integer(0))
                body.append(If(test("ne", builder.load(name, AGENT), integer(0)), (empty,)))
    return body


def _is_kept(builder: Builder, contagion: m.Contagion, network: m.Network) -> bool:
    """Return True if what was owed stays with an agent until it is felt, and is not emptied in each step.

    Where thresholds are kept as contacts it goes straight into what is left of them.
    """
    is_felt_at_once = builder.has_constant_hazard(contagion.condition)
    return builder.plan is not None and network.layout == "ties" and not (network.is_afresh or is_felt_at_once)


def remembers(contagion: m.Contagion) -> bool:
    """Return True if each one's source is remembered; parts of a contagion, for the score, remember nothing."""
    return bool(contagion.remembers) and not isinstance(contagion, Part)


def sent_buffer(contagion: m.Contagion, network: m.Network) -> str:
    """Name of the buffer of all that each source sent on a network in a look, its weight and what it owed."""
    return f"{weight_buffer(contagion, network)}_sent"


def declare_contagion(builder: Builder, contagion: m.Contagion) -> None:
    """Declare the buffers of a contagion's weights on each of its networks."""
    if remembers(contagion):
        kind = builder.model.condition(contagion.condition).of
        for network in networks_of(builder, contagion):
            builder.buffer(sent_buffer(contagion, network), "i64", (kind,), "scratch", note="what each source sent")
    for network in networks_of(builder, contagion):
        name = weight_buffer(contagion, network)
        _declare_counter(builder, contagion, network)
        if network.layout == "random":
            groups = len(groups_of(builder, network)[1])
            kind = builder.model.condition(contagion.source_on(network.name)).of
            if builder.plan is None or network.is_between:
                builder.buffer(handles.tally(name), "i64", (handles.chunks(kind), groups), "tally")
            builder.buffer(handles.hazard(name), "i64", (groups,), "scratch", note="exposure of one of the group")
            builder.buffer(handles.force(name), "i64", (groups,), "scratch", note="the force on it as the step ends")


def _declare_counter(builder: Builder, contagion: m.Contagion, network: m.Network) -> None:
    """The dense Program fills it anew in each step; the sparse one keeps it."""
    name, shape = weight_buffer(contagion, network), (counter_shape(builder, network),)
    kind = builder.model.condition(contagion.source_on(network.name)).of
    owed = "what an agent weighed, less the weight of a whole step"
    builder.buffer(owed_buffer(contagion, network), "i64", (kind,), "state", note=owed)
    if not builder.has_constant_hazard(contagion.condition):
        kept = "state" if _is_kept(builder, contagion, network) else "scratch"
        builder.buffer(made_up_buffer(contagion, network), "i64", shape, kept, note="what was owed")
        if notes_debts(builder, network):
            builder.buffer(is_owed(contagion, network), "i64", (1,), "control", note="1: something was owed")
    role = "scratch" if builder.plan is None or network.is_afresh else "state"
    if not builder.counts_sources(contagion, network):
        builder.buffer(name, "i64", shape, role, note="sum of the weights of the infectious, 2⁻³² a step")
    elif network.layout == "ties":
        rows = f"{network.name}_{'degree' if builder.is_circles(network) else 'offsets'}"
        builder.buffer(name, "i32", shape, role, note="how many neighbours are infectious", rows=rows)
    else:
        builder.buffer(name, "i64", shape, role, note="how many are infectious")

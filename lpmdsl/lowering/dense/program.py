"""The Model becomes a Program: buffers, one kernel per stage and kind of agent, and the order of a step."""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder, declare_attribute
from lpmdsl.lowering.dense.behaviours.archetypes import band_items, declare_turn, look_items
from lpmdsl.lowering.dense.behaviours.decisions import decide_items, declare_behaviour, early_items
from lpmdsl.lowering.dense.conditions import begin_kernel, moves_kernel
from lpmdsl.lowering.dense.contagion.buffers import declare_contagion, networks_of, remembers
from lpmdsl.lowering.dense.contagion.sending import expose_items, send_items
from lpmdsl.lowering.dense.contagion.source import source_items
from lpmdsl.lowering.dense.contagion.watched import contagion_items
from lpmdsl.lowering.dense.courses import Phase
from lpmdsl.lowering.dense.entries import declare
from lpmdsl.lowering.dense.interventions.blocks import block_items, together_items
from lpmdsl.lowering.dense.interventions.spending import spending_items
from lpmdsl.lowering.dense.interventions.triggers import declare_intervention, trigger_items
from lpmdsl.lowering.dense.looking_back import declare_presence, remember_items
from lpmdsl.lowering.dense.neighbours import declare_rows, view_items
from lpmdsl.lowering.dense.presence import declare_network, is_static, needs_presence, presence_kernel
from lpmdsl.lowering.dense.reports.ending import until_ended
from lpmdsl.lowering.dense.reports.observations import (
    declare_observation,
    derived_items,
    in_dependency_order,
    level_items,
    watch_items,
)
from lpmdsl.lowering.dense.rules.program import declare_rule, entering_items, rule_items
from lpmdsl.lowering.dense.watched_values import declare_watched, note_items
from lpmdsl.lowering.parts import Part
from lpmdsl.program.ir import Launch, Program, ScheduleItem
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.views import looked_over, read_in_moves


def lower(model: m.Model, parts: tuple[Part, ...] | None = None) -> Program:
    """The Program of a checked model.

    A step is behaviours, triggers, interventions, contagion, transitions, observations, in this order. ``parts``:
    sources that are also counted apart.
    """
    builder = Builder(model, parts=parts)
    declare_all(builder)
    observations = observation_items(builder)
    entered = entering_items(builder)
    begin = [*begin_items(builder), *entered]
    acts = acting_items(builder)
    own = [*moves_views(builder), *moves_items(builder, "own")]
    moves = [*_contagion_items(builder), *moves_items(builder, "look"), *source_items(builder)]
    if builder.again:
        moves += [*_send_items(builder), *moves_items(builder, "again"), *source_items(builder, is_again=True)]
    return program_of(builder, begin, acts, own, [*moves, *entered], observations)


def program_of(
    builder: Builder,
    begin: list[ScheduleItem],
    acts: list[ScheduleItem],
    own: list[ScheduleItem],
    moves: list[ScheduleItem],
    observations: list[ScheduleItem],
) -> Program:
    """The schedule from its phases; ``own``: the moves that hang on nobody else."""
    kept, looks = contagion_items(builder)
    begin = [*begin, *kept, *observations, *note_items(builder, 1)]
    moves = [*looks, *moves, *note_items(builder, 0)]
    step = [*acts, *own, *moves, *observations, *note_items(builder, 1)]
    asked = look_items(builder, lambda stage: early_items(builder, stage))
    return _program(builder, begin, until_ended(builder, step), asked)


def _program(
    builder: Builder, begin: list[ScheduleItem], step: list[ScheduleItem], look: list[ScheduleItem]
) -> Program:
    model = builder.model
    return Program(
        model.name,
        tuple(builder.buffers.values()),
        tuple(builder.constants),
        tuple(builder.quantiles.values()),
        tuple(builder.kernels.values()),
        tuple(begin),
        tuple(step),
        tuple(look),
    )


def declare_all(builder: Builder) -> None:
    """The buffers of agents, conditions, networks, contagions, observations and interventions."""
    model = builder.model
    declare_watched(builder)
    for agent in model.agents:
        for attribute in agent.attributes:
            role = "state" if attribute.is_changed else "input"
            declare_attribute(builder, agent.name, attribute, role)
    for condition in model.conditions:
        declare(builder, condition)
    for network in _used_networks(builder):
        declare_network(builder, network)
    for network in looked_over(model):
        declare_rows(builder, network)
    for contagion in (c for c in builder.contagions if remembers(c)):
        for name in (contagion.remembers, *contagion.networks):
            declare_rows(builder, model.network(name))
    declare_presence(builder)
    for contagion in builder.contagions:
        declare_contagion(builder, contagion)
    for observation in model.observations:
        declare_observation(builder, observation)
    for intervention in model.interventions:
        declare_intervention(builder, intervention)
    for rule in model.rules:
        declare_rule(builder, rule)
    for behaviour in model.behaviours:
        declare_behaviour(builder, behaviour)
    declare_turn(builder)


def _used_networks(builder: Builder) -> list[m.Network]:
    names = dict.fromkeys(n for c in builder.model.contagions for n in c.networks)
    return [builder.model.network(n) for n in names]


def begin_items(builder: Builder) -> list[ScheduleItem]:
    """Everyone enters the start states; those who are always present are counted."""
    kinds = dict.fromkeys(c.of for c in builder.model.conditions)
    items: list[ScheduleItem] = [
        *moves_views(builder),
        *(Launch(builder.kernel(begin_kernel(builder, kind))) for kind in kinds),
    ]
    for network in _used_networks(builder):
        if needs_presence(network) and is_static(builder, network):
            items.append(Launch(builder.kernel(presence_kernel(builder, network))))
    return [*items, *band_items(builder)]


def acting_items(builder: Builder) -> list[ScheduleItem]:
    """Schedule of what is done before agents move: decisions, interventions, rules."""
    rules = (item for rule in builder.model.rules for item in rule_items(builder, rule))
    return [*decide_items(builder), *intervention_items(builder), *rules]


def moves_views(builder: Builder) -> list[ScheduleItem]:
    """Launches that bring up to date what exits, infections and actions on entering read of neighbours."""
    return view_items(builder, read_in_moves(builder.model), "")


def intervention_items(builder: Builder) -> list[ScheduleItem]:
    """Schedule of all interventions: triggers, then limits that blocks share, then blocks."""
    interventions = builder.model.interventions
    items: list[ScheduleItem] = [item for one in interventions for item in trigger_items(builder, one)]
    for intervention in interventions:
        items += together_items(builder, intervention)
    for intervention in interventions:
        for k in range(len(intervention.repeated)):
            items += block_items(builder, intervention, k)
    return items


def _contagion_items(builder: Builder) -> list[ScheduleItem]:
    items = remember_items(builder)
    for network in _used_networks(builder):
        if needs_presence(network) and not is_static(builder, network):
            items.append(Launch(builder.kernel(presence_kernel(builder, network))))
    for contagion in builder.contagions:
        items += expose_items(builder, contagion, networks_of(builder, contagion))
    return items


def _send_items(builder: Builder) -> list[ScheduleItem]:
    """Send what the infections of a step owe, for a second look."""
    contagions = [c for c in builder.contagions if c.condition in builder.again]
    networks = dict.fromkeys(n for c in contagions for n in networks_of(builder, c))
    counted = [n for n in networks if needs_presence(n) and not is_static(builder, n)]
    items: list[ScheduleItem] = [Launch(f"presence_{n.name}") for n in counted]
    for contagion in contagions:
        items += send_items(builder, contagion, networks_of(builder, contagion))
    return items


def moves_items(builder: Builder, phase: Phase) -> list[ScheduleItem]:
    """The moves of everybody in one phase of a step, a kind of agent after the other."""
    kinds = dict.fromkeys(c.of for c in builder.model.conditions)
    kernels = (moves_kernel(builder, kind, phase) for kind in kinds)
    return [Launch(builder.kernel(k)) for k in kernels if k is not None]


def observation_items(builder: Builder) -> list[ScheduleItem]:
    """Censuses and reports, for the beginning and for every step."""
    items: list[ScheduleItem] = []
    for observation in builder.model.observations:
        if isinstance(observation.value, m.Level):
            items += level_items(builder, observation)
        elif isinstance(observation.value, m.Spending):
            items += spending_items(builder, observation)
    for observation in in_dependency_order(builder):
        items += derived_items(builder, observation)
    checks = [c for c in builder.model.checks if isinstance(c, m.CheckAlways)]
    for index, check in enumerate(checks):
        items += watch_items(builder, index, check)
    return items

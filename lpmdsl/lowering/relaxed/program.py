"""The Model becomes its relaxed Program: the chance of every state for every agent, in place of draws.

Same IR as ``lower`` makes, same order of a step, float64 throughout and no draw. What it is and is not, is said in
``docs/numerics.md``. Every buffer but states and reports is written once a step, and states only by the kernels that
end it, so that ``adjoint`` can run a step again and then backwards.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpmdsl.lowering.builder import Builder, declare_attribute, state_name
from lpmdsl.lowering.dense.contagion.buffers import networks_of
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.presence import declare_network
from lpmdsl.lowering.relaxed.chances import ZERO, Chances, Layout, Relaxing, plus
from lpmdsl.lowering.relaxed.exposure import contagion_items, settle
from lpmdsl.lowering.relaxed.interventions import intervention_items
from lpmdsl.lowering.relaxed.moves import enter_at_boundary, moves_of
from lpmdsl.lowering.relaxed.observations import declare_observations, flow_tallies, observation_items, report_flows
from lpmdsl.lowering.relaxed.phase_type import Shape, shape_of
from lpmdsl.lowering.relaxed.rounds import round_of
from lpmdsl.lowering.relaxed.second_look import looked_again, to_sources
from lpmdsl.lowering.relaxed.supported import check_relaxable
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    ColumnChances,
    Const,
    Gate,
    Kernel,
    KExpr,
    Launch,
    Load,
    Program,
    ScheduleItem,
    StageNumbers,
    StartChances,
    Store,
)
from lpmdsl.program.nodes import AGENT, integer
from lpmdsl.program.passes.adjoint import Event
from lpmdsl.program.passes.simplify import simplify
from lpmdsl.program.verify import verify
from lpmdsl.semantics import model as m


@dataclass(frozen=True, slots=True)
class Relaxed:
    """A relaxed program and what its adjoint and its host need to know of it.

    ``inputs``: constant buffers by which derivatives are wanted. ``layouts``: where states lie. ``dwells``: the
    distribution and shape behind every buffer of stages' numbers. ``moved``: by site, where the chance that its event
    happens stands; ``SITE.again`` is that of a second look.
    """

    program: Program
    inputs: frozenset[str]
    layouts: dict[str, Layout]
    dwells: dict[str, tuple[m.Distribution, Shape]]
    moved: dict[str, Event]


@dataclass(frozen=True, slots=True)
class Outline:
    """Form of a relaxed program as its parameters decide it.

    ``shapes``: by buffer, the stages of each dwell time and delay.

    ``looked_again``: conditions in which the infected may be sources so soon that there is a second look.
    """

    shapes: tuple[tuple[str, Shape], ...]
    looked_again: frozenset[str]


def outline_of(model: m.Model, parameters: dict[str, float]) -> Outline:
    """The outline of the relaxed program at these parameters."""
    on_the_way = _on_the_way(model)
    shapes = {name: shape_of(law, model, parameters, name in on_the_way) for name, law in _laws(model).items()}
    return Outline(tuple(sorted(shapes.items())), looked_again(model, parameters))


def _on_the_way(model: m.Model) -> frozenset[str]:
    """Buffers of the dwell times of states whose agents infect others, or will if nobody infects them."""
    pairs = ((model.condition(c.condition), s) for c in model.contagions for s in to_sources(model, c))
    return frozenset(f"stages_{condition.name}_{state_name(condition, s)}" for condition, s in pairs)


def _laws(model: m.Model) -> dict[str, m.Distribution]:
    found: dict[str, m.Distribution] = {}
    for condition in model.conditions:
        for exit_ in condition.exits:
            if isinstance(exit_.trigger, m.After):
                found[f"stages_{condition.name}_{state_name(condition, exit_.state)}"] = exit_.trigger.dwell
    for observation in model.observations:
        if observation.delayed is not None:
            found[f"stages_delay_{observation.name}"] = observation.delayed
    return found


def relax(model: m.Model, outline: Outline) -> Relaxed:
    """The relaxed program of a checked model. Raises ``LpmError`` (E0846) for what cannot be relaxed."""
    check_relaxable(model)
    shapes = dict(outline.shapes)
    relaxing = Relaxing(Builder(model), {})
    _declare(relaxing, shapes)
    begin: list[ScheduleItem] = [Launch(relaxing.builder.kernel(_enter(relaxing, kind))) for kind in _kinds(model)]
    step = [*intervention_items(relaxing), *contagion_items(relaxing, outline.looked_again)]
    for kind in _kinds(model):
        step += _advance(relaxing, kind)
    step += report_flows(relaxing, {o.name: shapes[f"stages_delay_{o.name}"] for o in model.observations
                                    if o.delayed is not None})  # fmt: skip
    relaxing.now.clear()
    levels = [i for item in observation_items(relaxing) for i in _opened(item)]
    builder = relaxing.builder
    kernels = tuple(simplify(k) for k in builder.kernels.values())
    program = Program(f"{model.name}_relaxed", tuple(builder.buffers.values()), tuple(builder.constants), (), kernels,
                      (*begin, *levels), (*step, *levels))  # fmt: skip
    verify(program)
    dwells = {name: (law, shapes[name]) for name, law in _laws(model).items()}
    inputs = frozenset(relaxing.inputs | {"constants"} & set(builder.buffers))
    return Relaxed(program, inputs, relaxing.layouts, dwells, dict(relaxing.moved))


def _opened(item: ScheduleItem) -> tuple[ScheduleItem, ...]:
    """The items of a gate that is always open."""
    return item.items if isinstance(item, Gate) and item.test == Const(True, "bool") else (item,)


def _kinds(model: m.Model) -> list[str]:
    return list(dict.fromkeys(c.of for c in model.conditions))


def _declare(relaxing: Relaxing, shapes: dict[str, Shape]) -> None:
    """People, states as chances, stages' numbers, networks and reports."""
    builder, model = relaxing.builder, relaxing.model
    for agent in model.agents:
        for attribute in agent.attributes:
            if attribute.is_changed:
                note = f"the chance that {attribute.name} is yes"
                chance, filled = handles.chance(agent.name, attribute.name), ColumnChances(agent.name, attribute.name)
                relaxing.state(chance, (agent.name,), note, filled)
            else:
                declare_attribute(builder, agent.name, attribute, "input")
    for name, shape in shapes.items():
        size, note = (shape.rows * shape.columns,), "stages of a dwell time or delay"
        builder.buffer(name, "f64", size, "constant", note=note, filled=StageNumbers())
        relaxing.inputs.add(name)
    for condition in model.conditions:
        _declare_condition(relaxing, condition, shapes)
    used = dict.fromkeys(n for c in model.contagions for n in (n.name for n in networks_of(builder, c)))
    for name in used:
        declare_network(builder, model.network(name))
    for name in used:  # presence is a float here, under other names
        for counter in (handles.present(name), handles.here(name)):
            builder.buffers.pop(counter, None)
    declare_observations(relaxing)


def _declare_condition(relaxing: Relaxing, condition: m.Condition, shapes: dict[str, Shape]) -> None:
    layout = _layout_of(relaxing.model, condition, shapes)
    relaxing.layouts[condition.name] = layout
    relaxing.state(layout.buffer, (condition.of, layout.columns), "the chance of every stage of every state")
    start, filled = handles.start_chances(condition.name), StartChances(condition.name)
    size = (condition.of, len(condition.states))
    relaxing.builder.buffer(start, "f64", size, "constant", note="chances at time 0", filled=filled)
    relaxing.inputs.add(start)


def _layout_of(model: m.Model, condition: m.Condition, shapes: dict[str, Shape]) -> Layout:
    on_the_way = _on_the_way(model)
    first, counts, dwell, rounds = [], [], {}, {}
    for state in range(len(condition.states)):
        name = f"stages_{condition.name}_{state_name(condition, state)}"
        exits = condition.exits_of(state)
        first.append(sum(counts))
        for trigger in (e.trigger for e in exits if isinstance(e.trigger, m.After)):
            dwell[state] = (name, shapes[name], trigger.dwell)
        if state in dwell and not shapes[name].is_hazard:
            counts.append(shapes[name].stages)
            continue
        round_ = round_of(exits, model.clock.step, name in on_the_way)
        counts.append(1 if round_ is None else round_.columns)
        if round_ is not None:
            rounds[state] = round_
    return Layout(condition, tuple(first), tuple(counts), dwell, rounds)


def _enter(relaxing: Relaxing, kind: str) -> Kernel:
    """Everyone enters the start states at time 0."""
    here = Chances(relaxing, Scope(relaxing.builder, kind, now=integer(0)))
    conditions = [c for c in relaxing.model.conditions if c.of == kind]
    for condition in conditions:
        layout = relaxing.layouts[condition.name]
        begun: list[KExpr] = [ZERO] * layout.columns

        def add(state: int, stage: int, part: KExpr, layout: Layout = layout, begun: list[KExpr] = begun) -> None:
            column = layout.first[state] + stage
            begun[column] = plus(begun[column], part)

        for state in range(len(condition.states)):
            amount = here.let("starts", Load(handles.start_chances(condition.name), (AGENT, integer(state)), "f64"))
            enter_at_boundary(here, layout, state, amount, add)
        for column, value in enumerate(begun):
            here.body.append(Store(layout.buffer, (AGENT, integer(column)), value, condition.span))
    return Kernel(f"enter_{kind}", kind, tuple(here.scope.prologue), tuple(here.body), conditions[0].span)


def _advance(relaxing: Relaxing, kind: str) -> list[ScheduleItem]:
    """The moves of one step in every condition of a kind, from the chances at the start of the phase."""
    here = Chances(relaxing, Scope(relaxing.builder, kind), f"advance_{kind}")
    folds: list[ScheduleItem] = []
    conditions = [c for c in relaxing.model.conditions if c.of == kind]
    for condition in conditions:  # everything is read before anything is written
        for column in range(relaxing.layouts[condition.name].columns):
            here.stage(condition.name, column)
    for attribute in (a for a in relaxing.model.agent(kind).attributes if a.is_changed):
        base = handles.chance(kind, attribute.name)
        if relaxing.current(base) != base:
            here.body.append(Store(base, (AGENT,), here.yes(attribute.name), attribute.span))
    for condition in conditions:
        entered = settle(here, condition) if condition.name in relaxing.phases else moves_of(here, condition)
        for state in range(len(condition.states)):
            forced = f"{condition.name}_forced_{state}"
            if forced in relaxing.builder.buffers:
                load = here.let("forced", Load(forced, (AGENT,), "f64"))
                entered[state] = here.let("entered", plus(entered.get(state, ZERO), load))
        folds += flow_tallies(here, condition, entered)
    note = ", ".join(c.name for c in conditions)
    kernel = Kernel(here.kernel, kind, tuple(here.scope.prologue), tuple(here.body), conditions[0].span, note)
    return [Launch(relaxing.builder.kernel(kernel)), *folds]

"""Small models built by hand as Model IR, for tests of what comes after the checker. One kind of agent: Person."""

from __future__ import annotations

from typing import Any

import numpy as np

from lpmdsl.backends.request import RunRequest
from lpmdsl.networks.world import Ties, World
from lpmdsl.quantities import BOOLEAN, NUMBER, Kind, Type
from lpmdsl.semantics.model import (
    After,
    Agent,
    Aggregate,
    Apply,
    AtRate,
    Attribute,
    AttributeRef,
    Branch,
    ByContagion,
    Chance,
    Clock,
    Condition,
    Contagion,
    Crossing,
    Derived,
    Distribution,
    Exit,
    Expr,
    Flow,
    ForceMove,
    InState,
    Intervention,
    IsActive,
    Level,
    Literal_,
    Model,
    Network,
    Observation,
    ObservationRef,
    OnEntering,
    Repeated,
    Rolling,
    Scaling,
    SetAttribute,
    Spread,
    Start,
    StateOf,
    Table,
    TableRef,
    When,
    WhileActive,
    WhileInState,
)
from lpmdsl.source import NOWHERE

KIND = "Person"
Trigger = ByContagion | After | AtRate | Chance | When


def category(*labels: str) -> Type:
    return Type(Kind.CATEGORY, labels=labels)


# ------------------------------------------------------------------ expressions


def expr(value: Any) -> Expr:
    """A number as a literal; an expression as it is."""
    return Literal_(float(value), NUMBER, NOWHERE) if isinstance(value, int | float) else value


def apply(op: str, *arguments: Any) -> Apply:
    return Apply(op, tuple(expr(a) for a in arguments), NUMBER, NOWHERE)


def own(name: str, type: Type = NUMBER) -> AttributeRef:
    return AttributeRef(KIND, name, type, NOWHERE)


def is_in(condition: str, *states: int) -> InState:
    return InState(condition, states, BOOLEAN, NOWHERE)


def state_of(condition: str, *labels: str) -> StateOf:
    return StateOf(condition, category(*labels), NOWHERE)


def active(intervention: str) -> IsActive:
    return IsActive(intervention, BOOLEAN, NOWHERE)


def last(observation: str, group: int | None = None) -> ObservationRef:
    return ObservationRef(observation, group, NUMBER, NOWHERE)


def rolling(observation: str, window: float) -> Rolling:
    return Rolling(observation, window, None, NUMBER, NOWHERE)


def total(function: Any, what: Any = None, where: Expr | None = None, otherwise: Any = None) -> Aggregate:
    given = None if what is None else expr(what)
    return Aggregate(function, KIND, given, where, None if otherwise is None else expr(otherwise), NUMBER, NOWHERE)


def look_up(table: str, *keys: Expr) -> TableRef:
    return TableRef(table, keys, NUMBER, NOWHERE)


def law(family: str, **arguments: Any) -> Distribution:
    return Distribution(family, tuple((k, expr(v)) for k, v in arguments.items()), None, (), NUMBER, NOWHERE)


# ------------------------------------------------------------------ declarations


def leave(state: int, trigger: Trigger, *branches: Any, index: int = 0) -> tuple[int, int, Trigger, tuple[Any, ...]]:
    """An exit, its branches as target states or (target state, probability)."""
    return state, index, trigger, branches


def condition(name: str, states: str, *exits: Any, is_cyclic: bool = False, **others: Any) -> Condition:
    labels = tuple(states.split())
    made = tuple(
        Exit(s, k, f"{name}.{labels[s]}.exit{k}", trigger, tuple(_branch(b) for b in branches), NOWHERE)
        for s, k, trigger, branches in exits
    )
    rest: dict[str, Any] = {"whiles": (), "entering": (), "removed": (), **others}
    return Condition(name, KIND, labels, Start(0, (), NOWHERE), made, is_cyclic=is_cyclic, doc="", span=NOWHERE, **rest)


def _branch(b: Any) -> Branch:
    return Branch(b[0], expr(b[1]), NOWHERE) if isinstance(b, tuple) else Branch(b, None, NOWHERE)


def after(family: str, **arguments: Any) -> After:
    return After(law(family, **arguments))


def at_rate(rate: Any) -> AtRate:
    return AtRate(expr(rate))


def chance(probability: Any, every: float = 1.0) -> Chance:
    return Chance(expr(probability), every)


def on_entering(condition: str, state: int, label: str, *actions: SetAttribute) -> OnEntering:
    return OnEntering((state,), actions, f"{condition}.{label}.entering0", NOWHERE)


def while_in(
    state: int, attribute: str | None = None, value: Any = None, networks: tuple[str, ...] = ()
) -> WhileInState:
    return WhileInState((state,), attribute, None if value is None else expr(value), networks, NOWHERE)


def setting(attribute: str, value: Any, probability: Any = None) -> SetAttribute:
    return SetAttribute(attribute, expr(value), None if probability is None else expr(probability), NOWHERE)


def forcing(condition: str, state: int, probability: Any = None) -> ForceMove:
    return ForceMove(condition, state, None if probability is None else expr(probability), NOWHERE)


def network(name: str, layout: Any, contacts: Any = None, **others: Any) -> Network:
    rest: dict[str, Any] = {"place": "", "mixing": None, "per_tie": False, "days": "", **others}
    rate = None if contacts is None else expr(contacts)
    return Network(name, KIND, layout, generator=None, file=None, contacts=rate, doc="", span=NOWHERE, **rest)


def contagion(condition: str, *spreads: tuple[int, str, Any], scalings: tuple[Scaling, ...] = ()) -> Contagion:
    """``spreads``: source state, network, rate."""
    made = tuple(Spread((state,), on, expr(rate), NOWHERE) for state, on, rate in spreads)
    return Contagion(condition, made, scalings, "", NOWHERE)


def scaling(end: Any, factor: Any, where: Expr | None = None, networks: tuple[str, ...] = ()) -> Scaling:
    return Scaling(end, expr(factor), where, networks, NOWHERE)


def table(name: str, keys: tuple[tuple[str, ...], ...], values: tuple[float, ...], by: tuple[str, ...]) -> Table:
    return Table(name, by, keys, values, NUMBER, "", "", NOWHERE)


def observe(name: str, value: Any, every: float = 1.0, **others: Any) -> Observation:
    """A flow as (condition, states), an aggregate, or a formula."""
    kind = "" if isinstance(value, Expr) and not isinstance(value, Aggregate) else KIND
    if isinstance(value, tuple):
        made: Any = Flow(value[0], value[1], every)
    else:
        made = Level(value) if isinstance(value, Aggregate) else Derived(value)
    scale = 1 / every if isinstance(made, Flow) else 1.0
    rest: dict[str, Any] = {"where": None, "by": (), "groups": ("",), "thinned": None, "delayed": None, **others}
    return Observation(name, kind, made, every=every, unit="", scale=scale, type=NUMBER, doc="", span=NOWHERE, **rest)


def crossing(value: Expr, rises: bool, level: Any, delay: Any = None) -> Crossing:
    return Crossing(value, rises, expr(level), None if delay is None else expr(delay), NOWHERE)


def block(
    intervention: str, *actions: Any, every: float = 1.0, at_most: Any = None, where: Expr | None = None
) -> Repeated:
    most = None if at_most is None else expr(at_most)
    return Repeated(KIND, every, most, where, actions, f"{intervention}.each0", NOWHERE)


def intervention(name: str, *blocks: Repeated, **others: Any) -> Intervention:
    rest: dict[str, Any] = {"starts": None, "stops": None, "while_active": (), "costs": None, "costs_per": "", **others}
    return Intervention(name, repeated=blocks, doc="", span=NOWHERE, **rest)


def away(*networks: str, where: Expr | None = None) -> WhileActive:
    return WhileActive(KIND, where, networks, NOWHERE)


# ------------------------------------------------------------------ whole models and runs


def model(steps: int, step: float = 1.0, start: str | None = None, **parts: Any) -> Model:
    """A model of one kind of agent from its declarations by their plural names (``conditions=(…,)``)."""
    attributes: dict[str, Type] = parts.pop("attributes", {})
    person = Agent(KIND, None, None, None, tuple(_attribute(n, t) for n, t in attributes.items()), "", NOWHERE)
    lists = ("parameters", "tables", "networks", "conditions", "contagions", "observations", "interventions")
    rest = {name: parts.pop(name, ()) for name in (*lists, "scenarios", "comparisons", "checks", "calibrations")}
    assert not parts, f"no such part of a model: {list(parts)}"
    return Model("test", "1.0", "", ".", Clock(step, steps, start, NOWHERE), agents=(person,), **rest)


def _attribute(name: str, type: Type) -> Attribute:
    return Attribute(name, type, expr(0.0), None, None, None, "", 1.0, True, "", NOWHERE)


def request(m: Model, count: int, seed: int = 1, **world: Any) -> RunRequest:
    """A run of ``m``: ``start`` by condition (default: state 0), ``attributes`` and ``places`` by name, ``ties``."""
    start = {c.name: np.zeros(count, dtype=np.uint8) for c in m.conditions}
    start.update({name: np.asarray(s, dtype=np.uint8) for name, s in world.get("start", {}).items()})
    values = {(KIND, n): np.asarray(v, dtype=np.float64) for n, v in world.get("attributes", {}).items()}
    places = {(KIND, n): np.asarray(v, dtype=np.int32) for n, v in world.get("places", {}).items()}
    sizes = {key: int(v.max()) + 1 for key, v in places.items()}
    made = World({KIND: count}, values | places, sizes, world.get("ties", {}))
    disabled = frozenset(world.get("disabled", ()))
    parameters, replicate = world.get("parameters", {}), world.get("replicate", 0)
    return RunRequest(m, made, parameters, start, seed, replicate, m.clock.steps, disabled)


def ties(count: int, pairs: list[tuple[int, int]]) -> Ties:
    """Compressed sparse rows of undirected ties."""
    both = sorted({(a, b) for a, b in pairs} | {(b, a) for a, b in pairs})
    offsets = np.searchsorted([a for a, _ in both], np.arange(count + 1)).astype(np.int64)
    return Ties(offsets, np.array([b for _, b in both], dtype=np.int32))

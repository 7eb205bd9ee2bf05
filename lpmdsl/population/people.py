"""The world of a run from the Model IR: attributes, places and ties, and who starts in which state.

The world is drawn with the replicate number ``WORLD_REPLICATE``, so replicates share it; start states do not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn, assert_never

import numpy as np
from numpy.typing import NDArray

from lpmdsl.diagnostics import fail
from lpmdsl.networks.directed import turned
from lpmdsl.networks.files import People, read_people
from lpmdsl.networks.generators import NETWORKS
from lpmdsl.networks.places import SizeOf, allocate, allocate_within, constant
from lpmdsl.networks.random import in_keyed_order, uniforms
from lpmdsl.networks.rng_keys import site
from lpmdsl.networks.storage.csr import Unbuildable
from lpmdsl.networks.world import World
from lpmdsl.population.connections import build_circles, build_ties
from lpmdsl.population.draws import draw, dtype_of, made_values
from lpmdsl.population.memory import redrawn, require_memory, too_large_for_rows
from lpmdsl.quantities import Kind, Type
from lpmdsl.reading.door import place_of
from lpmdsl.semantics.data_files.agents import wanted
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.model import Agent, Attribute, Distribution, Model, Place, StartExcept

PLACE = Type(Kind.PLACE)


def build_world(
    model: Model,
    parameters: Mapping[str, float],
    seed: int,
    counts: Mapping[str, int] | None = None,
    keeps_keys: bool = False,
) -> World:
    """Everyone with their attributes, places and ties. ``counts`` replaces the written number of a kind's agents.

    ``keeps_keys``: the back end can do without the ties of a network that memory would not hold
    (``networks.random_regular``).

    Raises LpmError: E0640 to E0650 for files, networks and places, E0801, E0811, E0812, E0823 for the population.
    """
    people = {agent.name: _from_file(agent, model) for agent in model.agents if agent.file is not None}
    numbers = {agent.name: _count(agent, people.get(agent.name), counts or {}) for agent in model.agents}
    circles = redrawn(model)
    circles |= too_large_for_rows(model, numbers, parameters, circles) if keeps_keys else frozenset()
    require_memory(model, numbers, parameters, circles)
    attributes: dict[tuple[str, str], NDArray] = {}
    place_counts: dict[tuple[str, str], int] = {}
    scope = Scope(model, parameters, attributes, {}, numbers)
    for agent in model.agents:
        for member in agent.members:
            key = (agent.name, member.name)
            match member:
                case Attribute():
                    attributes[key] = _attribute(agent, member, scope, seed, people.get(agent.name))
                case Place():
                    attributes[key], place_counts[key] = _place(agent, member, scope, seed, people.get(agent.name))
                case _:
                    assert_never(member)
    ids = {name: group.ids for name, group in people.items()}
    tied = [n for n in model.networks if n.layout == "ties" and not (n.back_of or n.remembers)]
    ties = {n.name: build_ties(n, scope, seed, ids.get(n.of)) for n in tied if n.name not in circles}
    ties |= {n.name: turned(ties[n.back_of]) for n in model.networks if n.back_of}
    keys = {n.name: build_circles(n, scope, seed) for n in tied if n.name in circles}
    return World(numbers, attributes, place_counts, ties, keys)


def _from_file(agent: Agent, model: Model) -> People:
    columns = tuple(want for want in map(wanted, agent.members) if want is not None)
    span = agent.file_span or agent.span
    return read_people(agent.file or "", place_of(span.source, model.directory), columns, span)


def _count(agent: Agent, people: People | None, counts: Mapping[str, int]) -> int:
    asked = counts.get(agent.name, agent.count)
    if people is None:
        assert asked is not None
        return asked
    if asked is not None and asked != people.count:
        raise fail(
            "E0812",
            f"{agent.file} has {people.count:,} agents, not {asked:,}.",
            agent.file_span or agent.span,
            "Leave the count out: as many agents are made as the file has rows.",
        )
    return people.count


# ------------------------------------------------------------------ attributes


def _attribute(agent: Agent, attribute: Attribute, scope: Scope, seed: int, people: People | None) -> NDArray:
    """One column of the population: drawn, computed, banded or from the file."""
    if attribute.column is not None:
        assert people is not None
        return people.columns[attribute.column].astype(dtype_of(attribute.type), copy=False)
    if attribute.first_of:
        return _firsts(scope.attributes[(agent.name, attribute.first_of)]).astype(dtype_of(attribute.type))
    made = made_values(agent, attribute, scope, seed, scope.counts[agent.name])
    _within_limits(agent, attribute, made)
    return made


def _firsts(places: NDArray) -> NDArray[np.bool_]:
    """Mask of the agents who are the first member of their place."""
    found, first = np.unique(places, return_index=True)
    made = np.zeros(places.shape, bool)
    made[first[found >= 0]] = True
    return made


def _within_limits(agent: Agent, attribute: Attribute, values: NDArray) -> None:
    """Raises E0414 where somebody's value lies outside the limits that the attribute declares."""
    low = -math.inf if attribute.low is None else attribute.low
    high = math.inf if attribute.high is None else attribute.high
    outside = np.flatnonzero((values < low) | (values > high)) if attribute.type.is_numeric else np.empty(0, np.int64)
    if outside.size:
        first = values[outside[0]] / attribute.scale
        raise fail(
            "E0414",
            f"`{attribute.name}` of {outside.size:,} of {values.size:,} {agent.name} lies outside its limits; the "
            f"first is {first:g} {attribute.unit}.".replace(" .", "."),
            attribute.span,
            "Draw it from a distribution within the limits: `uniform`, `truncated_normal`, or `min(HIGH, max(LOW, …))` "
            "of what is drawn.",
        )


# ------------------------------------------------------------------ places


def _place(agent: Agent, place: Place, scope: Scope, seed: int, people: People | None) -> tuple[NDArray, int]:
    """The number of every agent's place (−1: none) and how many there are."""
    if place.size is None:
        assert people is not None
        return people.columns[place.name], people.places[place.name]
    members = None
    if place.where is not None:
        members = np.broadcast_to(np.asarray(evaluate(place.where, scope)) != 0, (scope.counts[agent.name],))
    path = f"{agent.name}.{place.name}"
    order = None if _may_sit_side_by_side(agent, place, scope.model) else (seed, site(path))
    try:
        if place.within:
            return _within(agent, place, scope, seed, members, order)
        size_of = _size_of(place.size, scope, seed, site(f"{path}.size"))
        return allocate(scope.counts[agent.name], members, size_of, order)
    except Unbuildable as problem:
        raise fail("E0650", f"`{place.name}`: {problem}.", place.span, problem.help) from problem


def _within(
    agent: Agent,
    place: Place,
    scope: Scope,
    seed: int,
    members: NDArray[np.bool_] | None,
    order: tuple[int, int] | None,
) -> tuple[NDArray, int]:
    """Places whose people are alike in ``within``: each combination of labels, in their order, has its own places.

    The sizes of combination g are drawn with the episode g, so that they are other sizes than its neighbour's.
    """
    radix = [len(a.type.labels) if a.type.kind is Kind.CATEGORY else 2 for a in place.within]
    groups = np.zeros(scope.counts[agent.name], np.int64)
    for attribute, labels in zip(place.within, radix, strict=True):
        groups = groups * labels + scope.attributes[(agent.name, attribute.name)]

    def sizes_in(group: int) -> SizeOf:
        digits = np.unravel_index(group, radix)
        alike = {(a.of, a.name): np.array(digit) for a, digit in zip(place.within, digits, strict=True)}
        inside = replace(scope, attributes=alike)
        return _size_of(place.size, inside, seed, site(f"{agent.name}.{place.name}.size"), group)

    return allocate_within(groups, math.prod(radix), members, sizes_in, order)


def _size_of(size: object, scope: Scope, seed: int, at: int, episode: int = 0) -> SizeOf:
    if isinstance(size, Distribution):
        return lambda numbers: draw(size, scope, uniforms(seed, numbers, at, episode))
    return constant(float(evaluate(size, scope)))  # type: ignore[arg-type]


def _may_sit_side_by_side(agent: Agent, place: Place, model: Model) -> bool:
    """Return True if members of a place may have consecutive numbers, which keeps households together in memory.

    Drawn attributes are independent of the agent's number, so giving the first place that everyone has to consecutive
    agents is as random as any other order. Not so if numbers mean something: rows of a file, neighbours on a ring.
    """
    first = next((p for p in agent.places if p.where is None and p.size is not None), None)
    tied = [n for n in model.networks if n.of == agent.name and n.layout == "ties"]
    numbered = [n for n in tied if not (n.back_of or n.remembers)]
    alike = all(n.generator is not None and NETWORKS[n.generator.name].agents_alike for n in numbered)
    return place is first and agent.file is None and alike


# ------------------------------------------------------------------ start states


def start_states(
    model: Model, world: World, parameters: Mapping[str, float], seed: int, replicate: int
) -> dict[str, NDArray[np.uint8]]:
    """The state of every agent at time 0, per condition. Exceptions apply in written order.

    A number or share is taken from those no exception has taken yet, by smallest keyed priority (with ``where`` from
    those who satisfy it); ``where`` alone takes all who satisfy it. Raises LpmError E0810.
    """
    states = {c.name: np.full(world.counts[c.of], c.start.state, np.uint8) for c in model.conditions}
    scope = Scope(model, parameters, world.attributes, states, world.counts)
    for condition in model.conditions:
        # Of conditions that exclude each other, the one written first has its start states.
        starts = [states[other] == model.condition(other).start.state for other in condition.excludes]
        free = np.logical_and.reduce(starts) if starts else np.ones(world.counts[condition.of], bool)
        apart = free.copy()
        for exception in condition.start.exceptions:
            chosen = _chosen(exception, free, scope, seed, replicate)
            chosen = chosen[apart[chosen]]
            states[condition.name][chosen] = exception.state
            free[chosen] = False
    return states


def _chosen(exception: StartExcept, free: NDArray[np.bool_], scope: Scope, seed: int, replicate: int) -> NDArray:
    """The numbers of the agents that one exception takes."""
    fit = np.ones(free.shape, bool)
    if exception.where is not None:
        fit = np.broadcast_to(np.asarray(evaluate(exception.where, scope)) != 0, free.shape)
    if exception.number is not None:
        asked = float(evaluate(exception.number, scope))
    elif exception.share is not None:
        asked = float(evaluate(exception.share, scope)) * np.count_nonzero(fit)
    else:
        return np.flatnonzero(fit)
    left = np.flatnonzero(free & fit)
    if not 0 <= np.floor(asked + 0.5) <= left.size:
        _too_many(exception, asked, left.size, int(np.count_nonzero(fit)))
    wanted = int(np.floor(asked + 0.5))
    return in_keyed_order(seed, left, site(exception.site), 0, replicate, first=wanted)


def _too_many(exception: StartExcept, asked: float, left: int, fit: int) -> NoReturn:
    """Raises LpmError E0810."""
    if exception.where is None:
        message = f"{asked:,.15g} agents are to start there, but {left:,} of {fit:,} are left."
        raise fail("E0810", message, exception.span, "Lower the number, or give the kind of agent a larger count.")
    taken = f", and {fit - left:,} of them start elsewhere already" if left < fit else ""
    message = f"{asked:,.15g} agents are to start there, but `where` holds for {fit:,}{taken}."
    raise fail("E0810", message, exception.span, "Lower the number, or let `where` hold for more.")

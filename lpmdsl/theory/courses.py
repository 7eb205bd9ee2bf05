"""Courses of an illness without contagion: who, once infected, is in which state from when to when.

Particles: a sample of the model's own people, several times each, go through the exits of a condition with stratified
draws. Times are exact (no steps); the laws are those of the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lpmdsl.networks.world import World
from lpmdsl.population.draws import draw
from lpmdsl.semantics import model as m
from lpmdsl.semantics.evaluate import Scope, evaluate

MOST_MOVES = 24
NEVER = 1e9
"""Days: after any clock."""

Days = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stay:
    """One round of stays: particle, state, begin and length in days. Each particle is in it once at most."""

    particle: NDArray[np.int64]
    state: NDArray[np.int64]
    begin: Days
    length: Days


def courses(scope: Scope, condition: m.Condition, agent: NDArray[np.int64], seed: int = 1) -> list[Stay]:
    """The stays of particles (``agent``: whose course each is, a row of the scope's columns) from their infection on.

    Courses end in a state without exits and where contagion is awaited again. An exit by contagion or by a test of
    something that only a run knows is not taken.
    """
    random = np.random.default_rng(seed)
    particle = np.arange(agent.size)
    state, now = _infected(scope, condition, agent, random), np.zeros(agent.size)
    stays: list[Stay] = []
    waiting = {e.state for e in condition.exits if isinstance(e.trigger, m.ByContagion)}
    for _ in range(MOST_MOVES):
        length, to = np.full(particle.size, NEVER), np.full(particle.size, -1)
        for code in np.unique(state):
            here = np.flatnonzero(state == code)
            if code not in waiting:
                length[here], to[here] = _leave(at(scope, condition, code, agent[here]), condition, code, random)
        stays.append(Stay(particle, state, now, length))
        goes = (to >= 0) & (length < NEVER)
        if not goes.any():
            return stays
        particle, agent, state, now = particle[goes], agent[goes], to[goes], (now + length)[goes]
    return stays


def at(scope: Scope, condition: m.Condition, state: int, agent: NDArray[np.int64]) -> Scope:
    """The scope of some agents as if they were in a state: with what its ``while`` clauses make of attributes."""
    attributes = {key: column[agent] for key, column in scope.attributes.items()}
    states = {name: column[agent] for name, column in scope.states.items()}
    inside = replace(scope, attributes=attributes, states={**states, condition.name: np.full(agent.size, state)})
    changed = dict(attributes)
    for clause in condition.whiles:
        if state in clause.states and clause.attribute is not None and clause.value is not None:
            value = np.broadcast_to(np.asarray(evaluate(clause.value, inside)), (agent.size,))
            changed[(condition.of, clause.attribute)] = value
    return replace(inside, attributes=changed)


def susceptible(condition: m.Condition) -> int:
    """The state in which people wait to be infected: the one they start in if it can be left by contagion."""
    waiting = [e.state for e in condition.exits if isinstance(e.trigger, m.ByContagion)]
    return condition.start.state if condition.start.state in waiting else waiting[0]


def _infected(scope: Scope, condition: m.Condition, agent: NDArray[np.int64], random: np.random.Generator):
    """The state that each enters on infection."""
    state = susceptible(condition)
    exit_ = next(e for e in condition.exits_of(state) if isinstance(e.trigger, m.ByContagion))
    return _branch(at(scope, condition, state, agent), exit_, strata(agent.size, random))


def strata(size: int, random: np.random.Generator) -> NDArray[np.float64]:
    """One uniform in each of ``size`` equal parts of (0, 1), in random order."""
    return (random.permutation(size) + random.random(size)) / size


def _leave(scope: Scope, condition: m.Condition, state: int, random: np.random.Generator) -> tuple[Days, NDArray]:
    """How long each stays, and where it goes: the earliest of the exits."""
    size = scope.states[condition.name].size
    length, to = np.full(size, NEVER), np.full(size, -1)
    for exit_ in condition.exits_of(state):
        wait = _wait(scope, exit_, strata(size, random))
        first = wait < length
        length = np.where(first, wait, length)
        to = np.where(first, _branch(scope, exit_, strata(size, random)), to)
    return length, to


def _wait(scope: Scope, exit_: m.Exit, u: NDArray[np.float64]) -> Days:
    match exit_.trigger:
        case m.After():
            return np.asarray(draw(exit_.trigger.dwell, scope, u), np.float64)
        case m.AtRate():
            rate = np.broadcast_to(np.asarray(evaluate(exit_.trigger.rate, scope), np.float64), u.shape)
            return np.where(rate > 0, -np.log(u) / np.maximum(rate, 1e-300), NEVER)
        case m.Chance():
            p = np.broadcast_to(np.asarray(evaluate(exit_.trigger.probability, scope), np.float64), u.shape)
            with np.errstate(divide="ignore"):
                tries = np.ceil(np.log(u) / np.log1p(-np.clip(p, 0, 1)))
            return np.where(p > 0, np.maximum(tries, 1) * exit_.trigger.every, NEVER)
        case m.ByContagion() | m.When():
            return np.full(u.shape, NEVER)


def _branch(scope: Scope, exit_: m.Exit, u: NDArray[np.float64]) -> NDArray[np.int64]:
    to = np.full(u.size, exit_.branches[-1].to)
    below = np.zeros(u.size)
    taken = np.zeros(u.size, bool)
    for branch in exit_.branches[:-1]:
        assert branch.probability is not None
        below = below + np.asarray(evaluate(branch.probability, scope))
        now = ~taken & (u < below)
        to[now], taken = branch.to, taken | now
    return to


def everyone_at_start(kind: str, world: World, model: m.Model, parameters: Mapping[str, float]) -> Scope:
    """The scope of all agents of a kind in their start states at time 0."""
    states = {c.name: np.full(world.counts[kind], c.start.state) for c in model.conditions if c.of == kind}
    attributes = {key: column for key, column in world.attributes.items() if key[0] == kind}
    return Scope(model, parameters, attributes, states, world.counts, idle=True)

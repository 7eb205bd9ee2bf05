"""Courses of an illness without contagion: how long somebody infected is in each state, all ways of it together.

A course is a chain of stays (``stays``). With e the chance of each state on infection and P_θ(s, t) the discounted
chance that a stay in s ends in t, the discounted visits solve v = e + v P, part by part of the graph of states, from
those where courses begin to those where they end: linear in the number of states where they lead in one direction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter

import numpy as np
from numpy.typing import NDArray

from lpmdsl.networks.world import World
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.state_graph import reachable
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.theory.course.stays import Rows, Staying, staying

CLOSED = 1e-13
"""A part of the states that fewer leave is never left."""


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


def catches(condition: m.Condition) -> m.Exit:
    """The exit that infection takes."""
    exits = condition.exits_of(susceptible(condition))
    return next(e for e in exits if isinstance(e.trigger, m.ByContagion))


def everyone_at_start(
    condition: m.Condition, worlds: tuple[World, ...], model: m.Model, parameters: Mapping[str, float]
) -> Scope:
    """The scope of all agents of a condition's kind in their start states at time 0, those of several worlds one after
    another. Since any other condition they have been where they are for no time; since their own, it has no value."""
    kind = condition.of
    size = sum(w.counts[kind] for w in worlds)
    states = {c.name: np.full(size, c.start.state) for c in model.conditions if c.of == kind}
    keys = [key for key in worlds[0].attributes if key[0] == kind]
    attributes = {key: np.concatenate([w.attributes[key] for w in worlds]) for key in keys}
    since = {c.name: 0.0 for c in model.conditions if c.of == kind and c is not condition}
    return Scope(model, parameters, attributes, states, worlds[0].counts, idle=True, since=since)


@dataclass(frozen=True, slots=True)
class Course:
    """The course of people from infection until they are susceptible again. ``order``: parts of the states, each
    before those to which it leads."""

    size: int
    entry: Mapping[int, Rows]
    stays: Mapping[int, Staying]
    leads: Mapping[int, tuple[tuple[int, int, Rows], ...]]
    order: tuple[tuple[int, ...], ...]

    def times(self, theta: Mapping[int, Rows] | float) -> dict[int, Rows]:
        """Expected discounted days in each state; ``theta``: the discount, in each state or in all alike.

        Infinite where a course stays without end, or where the integral is.
        """
        coming = {s: np.array(self.entry.get(s, np.zeros(self.size))) for part in self.order for s in part}
        found: dict[int, Rows] = {}
        for part in self.order:
            at_ = {s: theta[s] if isinstance(theta, Mapping) else np.full(1, theta) for s in part}
            out = {s: self.stays[s].transform(at_[s]) for s in part}
            ways = [(s, to, product(share, out[s][1][e])) for s in part for e, to, share in self.leads[s]]
            visits = self._visits(part, coming, [w for w in ways if w[1] in part])
            for s in part:
                found[s] = product(visits[s], out[s][0])
            for s, to, share in ways:
                if to in coming and to not in part:
                    coming[to] = coming[to] + product(visits[s], share)
        return found

    def _visits(
        self, part: tuple[int, ...], coming: Mapping[int, Rows], inside: list[tuple[int, int, Rows]]
    ) -> Mapping[int, Rows]:
        if not inside:
            return {s: coming[s] for s in part}
        number = {s: k for k, s in enumerate(part)}
        ways = np.zeros((self.size, len(part), len(part)))
        for s, to, share in inside:
            ways[:, number[s], number[to]] += share
        entries = np.stack([coming[s] for s in part], axis=1)
        visits = np.full(entries.shape, np.inf)
        some = _is_left(ways)
        system = np.eye(len(part)) - ways[some].transpose(0, 2, 1)
        if some.any():
            visits[some] = np.linalg.solve(system, entries[some][:, :, None])[:, :, 0]
        visits = np.where(entries.sum(axis=1, keepdims=True) > 0, visits, 0.0)
        return {s: visits[:, k] for s, k in number.items()}


def product(a: Rows, b: Rows) -> Rows:
    """a·b, with 0 times infinity 0: a state where nobody comes, or that leads nowhere."""
    a, b = np.broadcast_arrays(a, b)
    none = (a == 0) | (b == 0)
    return np.where(none, 0.0, np.where(none, 0.0, a) * np.where(none, 0.0, b))


def _is_left(ways: Rows) -> NDArray[np.bool_]:
    """For whom a part of the states is left in the end: the discounted ways inside it die out."""
    found = np.all(np.isfinite(ways), axis=(1, 2))
    if not found.any():
        return found
    alike, back = np.unique(ways[found].reshape(found.sum(), -1), axis=0, return_inverse=True)
    shape = ways.shape[1:]
    radius = np.array([np.abs(np.linalg.eigvals(w.reshape(shape))).max() for w in alike])
    found[found] = (radius < 1 - CLOSED)[back.reshape(-1)]
    return found


def course(
    scope: Scope, condition: m.Condition, agent: NDArray[np.int64], sources: Collection[int],
    by_moments: Collection[int] = (),
) -> Course:  # fmt: skip
    """The course of agents (rows of the scope) as far as it matters to states in ``sources``.

    It ends where people are susceptible again. An exit by contagion is not taken on the way. ``by_moments``: states
    whose stays are wanted as moments, not in closed form.
    """
    end, caught = susceptible(condition), catches(condition)
    entry = dict.fromkeys((b.to for b in caught.branches), np.zeros(agent.size))
    for to, share in _branches(at(scope, condition, end, agent), caught, agent.size):
        entry[to] = entry[to] + share
    ways, kept = on_the_way(condition, sources)
    stays: dict[int, Staying] = {}
    leads: dict[int, tuple[tuple[int, int, Rows], ...]] = {}
    for state in kept:
        inside = at(scope, condition, state, agent)
        exits = [e for e in condition.exits_of(state) if not isinstance(e.trigger, m.ByContagion)]
        stays[state] = staying(inside, tuple(exits), agent.size, scope.model.clock.step, state in by_moments)
        leads[state] = tuple(
            (e.index, to, share) for e in exits for to, share in _branches(inside, e, agent.size) if to in kept
        )
    return Course(agent.size, {s: e for s, e in entry.items() if s in kept}, stays, leads, parts_of(kept, ways))


def _branches(scope: Scope, exit_: m.Exit, size: int) -> list[tuple[int, Rows]]:
    """Targets of an exit, with the chance of each."""
    rest, found = np.ones(size), []
    for branch in exit_.branches:
        share = rest if branch.probability is None else np.asarray(evaluate(branch.probability, scope), np.float64)
        share = np.clip(np.broadcast_to(share, (size,)), 0.0, rest)
        found.append((branch.to, share))
        rest = rest - share
    return found


def on_the_way(condition: m.Condition, sources: Collection[int]) -> tuple[set[tuple[int, int]], set[int]]:
    """The ways between states that a course can take, and the states from which it may come to ``sources``."""
    end = susceptible(condition)
    ways = {(e.state, b.to) for e in condition.exits for b in e.branches
            if not isinstance(e.trigger, m.ByContagion) and e.state != end}  # fmt: skip
    begin = {b.to for b in catches(condition).branches} - {end}
    return ways, _reached(begin, ways) & _reached(set(sources) - {end}, {(b, a) for a, b in ways}) - {end}


def _reached(begin: set[int], ways: set[tuple[int, int]]) -> set[int]:
    following: dict[int, list[int]] = {}
    for a, b in ways:
        following.setdefault(a, []).append(b)
    found, todo = set(begin), list(begin)
    while todo:
        fresh = [b for b in following.get(todo.pop(), []) if b not in found]
        found.update(fresh)
        todo += fresh
    return found


def parts_of(states: set[int], ways: set[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    """States that lead to one another together, each part before those to which it leads."""
    graph: dict[int, set[int]] = {s: set() for s in sorted(states)}
    for a, b in ways:
        if a in graph and b in graph:
            graph[a].add(b)
    within = {s: reachable({s}, graph) for s in graph}
    parts = {s: tuple(t for t in graph if t in within[s] and s in within[t]) for s in graph}
    before: dict[tuple[int, ...], set[tuple[int, ...]]] = {parts[s]: set() for s in graph}
    for a, following in graph.items():
        for b in following:
            if parts[a] != parts[b]:
                before[parts[b]].add(parts[a])
    return tuple(TopologicalSorter(before).static_order())

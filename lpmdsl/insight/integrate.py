"""The mean-field equations in time: Heun's method, with dwell times that are no chain of stages kept as cohorts.

A state with a remembered inflow holds X(t) = X(0) S(t) + ∫ inflow(t − a) S(a) da, S the law's survival (Kermack &
McKendrick 1927). Those who enter within a step are one cohort of its middle; the outflow of a step is what the cohorts
lose in it, so nobody is lost whatever the step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from lpmdsl.distributions.table import law
from lpmdsl.networks.world import World
from lpmdsl.population.people import start_states
from lpmdsl.semantics import model as m
from lpmdsl.theory.equations import Course, Equations, size
from lpmdsl.theory.formulas import Group, NoFormula, formula, values_of

FINEST = 1 / 8
"""Days: the longest step of the integration."""
Values = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Curves:
    """``time`` (points,) in days; ``states[name]``: (points,) people in each state, all groups together."""

    time: Values
    states: Mapping[str, Values]


def integrate(
    model: m.Model, written: Sequence[Equations], parameters: Mapping[str, float], world: World, seed: int
) -> dict[str, Curves]:
    """The courses from the model's own start, by condition; ``written``: those of conditions that infect one another.

    Raises ``NoFormula`` where the equations name what only a run knows.
    """
    parts = [_Part(w, Course(model, model.condition(w.condition), parameters)) for w in written]
    system = _System(model, parts, parameters, world)
    begin = np.zeros(len(system.index))
    for part in parts:
        _start(model, part, world, parameters, seed, system.index, begin)
    every = max(1, int(np.ceil(model.clock.step / FINEST)))
    dt, steps = model.clock.step / every, model.clock.steps * every
    path = _heun(system, begin, dt, steps)[::every]
    time = np.arange(len(path)) * model.clock.step
    return {p.course.condition.name: Curves(time, _states(p, path, system.index)) for p in parts}


@dataclass(frozen=True, slots=True)
class _Part:
    """The equations of one condition and its variables."""

    written: Equations
    course: Course


def _states(part: _Part, path: Values, index: Mapping[sp.Symbol, int]) -> dict[str, Values]:
    """(points,) people in each state of a condition, all groups together."""
    states = {}
    for code, name in enumerate(part.course.condition.states):
        inside = [index[s] for g in part.written.groups for s in part.course.stages(g, code)]
        states[name] = path[:, inside].sum(axis=1)
    return states


class _System:
    """The right-hand sides as numbers: ``flow(t, y, out)``; ``survival[k]`` and ``inflow`` of what is remembered."""

    def __init__(self, model: m.Model, parts: Sequence[_Part], parameters: Mapping[str, float], world: World) -> None:
        variables = [x for p in parts for x in p.written.rates]
        self.outs = [out for p in parts for out in p.written.remembered]
        self.index = {x: k for k, x in enumerate(variables)}
        changes = [_with_forces(p, e) for p in parts for e in p.written.rates.values()]
        rates = [*changes, *(_with_forces(p, e) for p in parts for e, _ in p.written.remembered.values())]
        known = values_of(model, parameters, rates)
        for part in parts:
            known |= _sizes(model, part, world, rates)
        time = sp.Symbol("t", nonnegative=True)
        ready = [e.subs([*known.items()]) for e in rates]
        allowed = {*variables, *self.outs, time}
        unknown = {str(s) for e in ready for s in e.free_symbols if s not in allowed}
        if unknown:
            raise NoFormula(f"{', '.join(sorted(unknown))} is known to a run alone")
        evaluate = sp.lambdify([time, variables, self.outs], ready, "numpy", cse=True)
        size = len(variables)

        def flow(t: float, y: Values, out: Values) -> tuple[Values, Values]:
            values = np.array(evaluate(t, y, out), np.float64)
            return values[:size], values[size:]

        self.flow = flow
        whose = [(p, out) for p in parts for out in p.written.remembered]
        self.holders = [self.index[_holder(p.course, p.written.groups, out)] for p, out in whose]
        self.survival = [_survival(model, p.course, p.written.groups, out, known) for p, out in whose]


def _with_forces(part: _Part, expr: sp.Expr) -> sp.Expr:
    return sp.sympify(expr).subs([*part.written.forces.items()])


def _sizes(model: m.Model, part: _Part, world: World, rates: list[sp.Expr]) -> dict[sp.Symbol, float]:
    """``N`` or ``N_group``, and how many others one has on a network."""
    condition = part.course.condition
    kind = condition.of
    named: dict[str, float] = {"N": float(world.counts[kind])}
    for group in part.written.groups:
        named[size(model, condition, group).name] = float(members(kind, group, world).sum())
    for network in model.networks:
        if network.name in world.ties:
            named[f"others_{network.name}"] = len(world.ties[network.name].targets) / world.counts[network.of]
        elif network.layout == "place":
            places = world.attributes[(network.of, network.place)]
            sizes = np.bincount(places[places >= 0])
            named[f"others_{network.name}"] = float((sizes * (sizes - 1.0)).sum()) / world.counts[network.of]
    symbols = {s for e in rates for s in e.free_symbols if isinstance(s, sp.Symbol)}
    return {s: named[s.name] for s in symbols if s.name in named}


def members(kind: str, group: Group, world: World) -> NDArray[np.bool_]:
    """Mask of the agents of a group."""
    inside = np.ones(world.counts[kind], bool)
    for name, code in group.codes.items():
        inside &= world.attributes[(kind, name)] == code
    return inside


def _start(
    model: m.Model, part: _Part, world: World, parameters: Mapping[str, float], seed: int,
    index: Mapping[sp.Symbol, int], begin: Values,
) -> None:  # fmt: skip
    """Fill ``begin`` with each group's numbers by start state: those of the first replicate, in the first stage."""
    condition = part.course.condition
    codes = start_states(model, world, dict(parameters), seed, 0)[condition.name]
    for group in part.written.groups:
        inside = members(condition.of, group, world)
        for state in range(len(condition.states)):
            begin[index[part.course.stages(group, state)[0]]] = float((codes[inside] == state).sum())


def _holder(course: Course, groups: tuple[Group, ...], out: sp.Symbol) -> sp.Symbol:
    """The variable of the state that an outflow leaves."""
    group, state = _whose(course, groups, out)
    return course.stages(group, state)[0]


def _whose(course: Course, groups: tuple[Group, ...], out: sp.Symbol) -> tuple[Group, int]:
    return next(
        (g, s) for g in groups for s, name in enumerate(course.condition.states) if g.symbol(f"out_{name}") == out
    )


def _survival(
    model: m.Model, course: Course, groups: tuple[Group, ...], out: sp.Symbol, known: Mapping[sp.Symbol, float]
) -> Callable[[Values], Values]:
    """The share who are still in the state after so many days."""
    group, state = _whose(course, groups, out)
    (exit_,) = course.condition.exits_of(state)
    assert isinstance(exit_.trigger, m.After)
    dwell, inside = exit_.trigger.dwell, {course.condition.name: state}
    written = {n: formula(e, model, group, inside) for n, e in dwell.arguments}
    numbers = values_of(model, course.parameters, list(written.values()))
    arguments = {n: float(e.subs({**numbers, **known})) for n, e in written.items()}
    if dwell.family == "fixed":
        return lambda days: (days < next(iter(arguments.values())) - 1e-9).astype(np.float64)
    curve = law(dwell.family, arguments)
    return lambda days: np.where(days > 0, 1.0 - np.asarray(curve.cdf(np.maximum(days, 1e-12)), np.float64), 1.0)


# ------------------------------------------------------------------ the method


def _heun(system: _System, begin: Values, dt: float, steps: int) -> Values:
    """(steps + 1, variables): predictor and corrector, outflows of cohorts exact within a step."""
    path, kinds = np.zeros((steps + 1, len(begin))), len(system.outs)
    path[0] = begin
    entered = np.zeros((steps, kinds))
    ends = np.arange(steps + 2) * dt
    now = np.array([s(ends) for s in system.survival]).reshape(kinds, steps + 2)
    half = np.array([s(ends + dt / 2) for s in system.survival]).reshape(kinds, steps + 2)
    for n in range(steps):
        y, t = path[n], n * dt
        left = begin[system.holders] * (now[:, n] - now[:, n + 1])
        if n:
            # Cohort j has been there for n - j - 1/2 steps at the beginning of this one.
            ages = np.arange(n, 0, -1) - 1
            left = left + ((half[:, ages] - half[:, ages + 1]) * entered[:n].T).sum(axis=1)
        out, fresh = left / dt, 1.0 - half[:, 0]
        first, inflow = system.flow(t, y, out)
        out = (left + fresh * inflow * dt) / dt
        first, inflow = system.flow(t, y, out)
        _, later = system.flow(t + dt, y + dt * first, out)
        entered[n] = dt * (inflow + later) / 2
        out = (left + fresh * entered[n]) / dt
        path[n + 1] = y + dt * (system.flow(t, y, out)[0] + system.flow(t + dt, y + dt * first, out)[0]) / 2
    return path

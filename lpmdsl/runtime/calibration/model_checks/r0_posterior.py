"""R0 over the posterior: what a fit says of how fast it spreads, with its interval, for every condition passed on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from lpmdsl.config import Reproduced
from lpmdsl.networks.world import World
from lpmdsl.runtime.calibration.posterior import Tell
from lpmdsl.runtime.calibration.problem import Problem
from lpmdsl.semantics.model import Condition, Model
from lpmdsl.theory.agreement import CLOSE, agreed_formula
from lpmdsl.theory.promised import TOO_SLOW
from lpmdsl.theory.reproduction import r0_of, read_by_people, reproduction, samples_of, world_of

Array = NDArray[np.float64]
Values = Mapping[str, float]
BY_FORMULA, BY_SAMPLE = 2000, 200
"""So many draws of the posterior, evenly among all: from a sample of people each takes some hundredths of a second."""


def reproduction_numbers(problem: Problem, draws: Array, tell: Tell) -> dict[str, Reproduced]:
    """R0 of every condition that the fit says something of; ``draws``: (chains, draws, parameters).

    Of the people as they are at the start, without interventions. What has no R0 is left out, and all if asked to stop.
    """
    model, found = problem.model, {}
    for condition in (c for c in model.conditions if model.is_passed_on(c.name)):
        every = draws.reshape(-1, draws.shape[-1])
        written = _formula(model, condition, problem.everything(problem.values(every[-1])))
        some = _evenly(every, BY_FORMULA if written is not None else BY_SAMPLE)
        told = [problem.everything(problem.values(z)) for z in some]
        values = _by_formula(written, told) if written is not None else _by_sample(model, condition, told, tell)
        if values is None:
            return {}
        if np.ptp(values) > CLOSE * np.abs(values).max() and np.isfinite(values).all():
            found[condition.name] = _summary(values, str(written) if written is not None else None)
    return found


def long_steps(model: Model, middle: Values) -> tuple[str, ...]:
    """A note for every condition that grows much more slowly in the steps of the clock than R0 says."""
    notes = []
    for condition in (c for c in model.conditions if model.is_passed_on(c.name)):
        lost = _once(lambda v, c=condition: reproduction(model, c, v).lost_to_steps, middle)
        if lost > TOO_SLOW:
            notes.append(f"in steps as long as the clock's {condition.name} grows by {100 * lost:.0f} % less than in "
                         "short ones, and R0 makes up for it: a shorter `step` is nearer to the truth")  # fmt: skip
    return tuple(notes)


def _evenly(draws: Array, most: int) -> Array:
    return draws[np.unique(np.linspace(0, len(draws) - 1, most).astype(np.int64))]


def _formula(model: Model, condition: Condition, at: Values) -> sp.Expr | None:
    """R0 in parameters alone, if it is so short and gives the number that a sample of people does."""
    try:
        samples = samples_of(model, condition, at)
        written = agreed_formula(model, condition, at, samples, r0_of(samples))
    except ValueError:  # no formula, or what it needs is known in a run only
        return None
    parameters = {p.name for p in model.parameters}
    return written if {str(s) for s in written.free_symbols} <= parameters else None


def _by_formula(written: sp.Expr, told: list[dict[str, float]]) -> Array:
    symbols = sorted(written.free_symbols, key=str)
    computed = sp.lambdify(symbols, written, "numpy")
    columns = [np.array([v[str(s)] for v in told]) for s in symbols]
    return np.broadcast_to(np.asarray(computed(*columns), np.float64), (len(told),))


def _by_sample(model: Model, condition: Condition, told: list[dict[str, float]], tell: Tell) -> Array | None:
    values, worlds = np.empty(len(told)), _Worlds(model)
    for k, v in enumerate(told):
        if not tell("R0", k, len(told), condition.name):
            return None
        values[k] = _once(lambda at: r0_of(samples_of(model, condition, at, worlds=(worlds.at(at),))), v)
    return values


class _Worlds:
    """The people of each draw, made anew where it moves a parameter of which they are made."""

    def __init__(self, model: Model) -> None:
        self.model, self.read = model, sorted(read_by_people(model))
        self.made: tuple[tuple[float, ...], World] | None = None

    def at(self, values: Values) -> World:
        key = tuple(values[name] for name in self.read)
        if self.made is None or self.made[0] != key:
            self.made = key, world_of(self.model, values)
        return self.made[1]


def _once(value: Callable[[Values], float], at: Values) -> float:
    try:
        return value(at)
    except ValueError:  # what it needs is known in a run only
        return float("nan")


def _summary(values: Array, formula: str | None) -> Reproduced:
    low_95, low_50, median, high_50, high_95 = (float(q) for q in np.quantile(values, [0.025, 0.25, 0.5, 0.75, 0.975]))
    return Reproduced(median=median, low_50=low_50, high_50=high_50, low_95=low_95, high_95=high_95,
                      draws=len(values), formula=formula)  # fmt: skip

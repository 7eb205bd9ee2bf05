"""Differences spread over the replicates: each replicate is moved one way, and all of them together give every slope.

Two runs of every replicate serve any number of parameters. With five replicates or more for each parameter, each moves
one parameter; its slope has an error of its own. With fewer, each moves all parameters along a direction of its own:
what changes along a direction is the sum of what its parameters change, so least squares over the directions gives the
gradient (Berahas et al. 2022, Found Comput Math 22:507: linear interpolation with orthogonal directions), and the error
is shared among the parameters. For the same number of runs both are as exact as one parameter after the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lpmdsl.runtime.engine.replicates import Repeats
from lpmdsl.runtime.gradients.finite_differences import (
    HALVINGS,
    STEP,
    STEPS,
    TWO_SIDED_95,
    UNCERTAIN,
    Certificate,
    agreement,
)
from lpmdsl.runtime.gradients.gradient_check import size
from lpmdsl.runtime.scenarios import world_key
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.semantics.model import Model

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

OWN = 5
"""Replicates of its own for every parameter, at least; with fewer all are moved together."""
SPARE = 10
"""So many more directions than parameters, at least: their scatter is the error."""
MOST_EACH = 2
"""Directions of one replicate, at most."""
NARROW = STEP / 2
"""Steps along a direction, in sizes of the parameters; on some replicates twice as far too, for the certificate."""
WIDE_OF, FEWEST_WIDE = 8, 8
"""One way of so many is also gone twice as far, and so many at least."""


@dataclass(frozen=True, slots=True)
class Spread:
    """``gradient`` and its standard errors, (parameters,), in base units, and whether wider differences agree.

    With few replicates behind an error it is made larger, so that 1.96 of them are the 95 % of Student's t.
    ``ways`` (ways, parameters) in base units, and the slopes along them, are what it was made from.
    """

    names: tuple[str, ...]
    gradient: Array
    se: Array
    certificate: Certificate
    ways: Array
    slopes: Array


def can_spread(repeats: Repeats, names: Sequence[str], settings: Mapping[str, float]) -> tuple[str, ...]:
    """The parameters that can be moved in few replicates: not those that decide who people are (each value is another
    population), are computed from others or at a limit. None of them if there are too few replicates."""
    free = (n for n in names if repeats.is_free(n) and size(repeats.model, n, settings[n]) > 0)
    moved = tuple(n for n in free if not _draws_people(repeats.model, n, settings))
    return moved if _each(len(moved), repeats.plan.options.replicates) <= MOST_EACH else ()


def _draws_people(model: Model, name: str, settings: Mapping[str, float]) -> bool:
    """Return True if people, places or ties are others with another value of a parameter."""
    further = {**settings, name: settings[name] + NARROW * size(model, name, settings[name])}
    here, there = (world_key(model, parameter_values(model, dict(at))) for at in (settings, further))
    return here != there


def _each(parameters: int, replicates: int) -> int:
    """Number of directions in which one replicate goes."""
    return math.ceil((parameters + SPARE) / replicates) if replicates < OWN * parameters else 1


def spread(
    repeats: Repeats, names: tuple[str, ...], settings: Mapping[str, float], weights: Array | None = None
) -> Spread:
    """The gradient by all of ``names``, for which ``can_spread`` holds, of the quantity or of a weighed sum of its
    numbers. ``settings``: what is set, these parameters and others."""
    replicates, seed = repeats.plan.options.replicates, repeats.plan.options.seed
    numbers = np.tile(np.arange(replicates), _each(len(names), replicates))
    sizes = np.array([size(repeats.model, n, settings[n]) for n in names])
    alone = replicates >= OWN * len(names)
    ways = np.eye(len(names))[numbers % len(names)] if alone else directions(len(numbers), len(names), seed)
    moved = _Moved(repeats, names, settings, ways * sizes, numbers, weights)
    slopes, certificate = _straight(moved, len(names) if alone else 0)
    scaled, se = one_by_one(ways, slopes) if alone else least_squares(ways, slopes)
    return Spread(names, scaled / sizes, se / sizes, certificate, ways * sizes, slopes)


def _straight(moved: _Moved, least: int) -> tuple[Array, Certificate]:
    """The slope along every way, over steps that are halved where twice the step surely gives something else.

    ``least``: so many ways at least are gone twice as far at first: where each is one parameter's, the first of all.
    """
    every, step = np.arange(len(moved.numbers)), NARROW
    some = every[: max(FEWEST_WIDE, len(every) // WIDE_OF, least)]
    slopes = moved.slopes(every, step)
    certificate = agreement(moved.slopes(some, 2 * step), slopes[some], STEPS)
    for _ in range(HALVINGS):
        if certificate.words != STEPS[1]:
            break
        step, wide = step / 2, slopes
        slopes = moved.slopes(every, step)
        certificate = agreement(wide, slopes, STEPS)
    return slopes, certificate


def held_to(found: Spread, gradient: Mapping[str, float], what: str) -> Certificate:
    """The certificate of another estimator, by the slopes that were seen along every way.

    Its ratio is that of the slopes over what the estimator says of them: the other way round the noise of the slopes
    would count against it.
    """
    own = np.array([gradient.get(n, g) for n, g in zip(found.names, found.gradient, strict=True)])
    agree, off = f"{what} and differences agree within 10 %", f"differences are not what {what} says: it is wrong here"
    return agreement(found.slopes, found.ways @ own, (agree, off, UNCERTAIN))


@dataclass(frozen=True, slots=True)
class _Moved:
    """Replicates, each with the way it is moved, in base units."""

    repeats: Repeats
    names: tuple[str, ...]
    settings: Mapping[str, float]
    ways: Array
    numbers: Indices
    weights: Array | None

    def slopes(self, which: Indices, step: float) -> Array:
        """The central difference of each of these along its way."""
        base = np.array([self.settings[n] for n in self.names])
        # Both ends one after the other: they share the people of the replicate.
        ends = [(base + far * self.ways[k], int(self.numbers[k])) for k in which for far in (step, -step)]
        runs = [({**self.settings, **dict(zip(self.names, at, strict=True))}, number) for at, number in ends]
        found = self.repeats.pairs(self.repeats.quantity, runs)
        values = found[:, 0] if self.weights is None else np.nan_to_num(found) @ self.weights
        return (values[::2] - values[1::2]) / (2 * step)


def directions(count: int, parameters: int, seed: int) -> Array:
    """(count, parameters) of length 1, orthogonal within each set of as many as there are parameters."""
    random = np.random.default_rng(seed)
    sets = [_orthogonal(random, parameters) for _ in range(math.ceil(count / parameters))]
    return np.concatenate(sets)[:count]


def _orthogonal(random: np.random.Generator, n: int) -> Array:
    rotation, upper = np.linalg.qr(random.standard_normal((n, n)))
    return (rotation * np.sign(np.diag(upper))).T


def one_by_one(ways: Array, slopes: Array) -> tuple[Array, Array]:
    """Mean and error of the slopes of each parameter, every way being one parameter's."""
    own = [slopes[way > 0] for way in ways.T]
    error = [s.std(ddof=1) / math.sqrt(len(s)) * _wider(len(s) - 1) for s in own]
    return np.array([s.mean() for s in own]), np.array(error)


def least_squares(ways: Array, slopes: Array) -> tuple[Array, Array]:
    """The gradient whose projections on the ways are nearest to the slopes, and its errors, from their scatter."""
    inverse, freedom = np.linalg.inv(ways.T @ ways), len(slopes) - ways.shape[1]
    found = inverse @ (ways.T @ slopes)
    rest = slopes - ways @ found
    return found, np.sqrt(np.diag(inverse) * (rest @ rest) / freedom) * _wider(freedom)


def _wider(freedom: int) -> float:
    return float(stats.t.ppf(0.975, freedom)) / TWO_SIDED_95

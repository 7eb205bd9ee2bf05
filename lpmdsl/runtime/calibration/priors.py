"""Priors of parameters, and the way from the real line to its possible values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpmdsl.distributions.table import DISTRIBUTIONS, frozen, law
from lpmdsl.runtime.settings import limits
from lpmdsl.semantics.analysis.dependencies import parameters_in
from lpmdsl.semantics.host import laws
from lpmdsl.semantics.host.evaluate import Scope, computed_values, parameter_values
from lpmdsl.semantics.model import Distribution, Model, Parameter

Moved = dict[str, frozenset[str]]
EDGE = 1e-12
"""Least distance of a parameter from its bounds, as a share of theirs."""


def arguments(written: Distribution, model: Model, values: Mapping[str, float]) -> dict[str, float]:
    """The arguments of a distribution as numbers, with parameters at some values."""
    return {name: float(value) for name, value in laws.arguments(written, Scope(model, values)).items()}


@dataclass(frozen=True, slots=True)
class Free:
    """A parameter that is estimated: its prior, and its least and greatest value in base units.

    ``about``: names of the estimated parameters that have a part in the arguments of its prior.
    """

    parameter: Parameter
    prior: Distribution
    low: float
    high: float
    about: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Name of the parameter."""
        return self.parameter.name

    def value(self, z: Any) -> Any:
        """From the real line: a logistic curve between two bounds, an exponential from one, else the number itself."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            share = np.clip(1 / (1 + np.exp(-np.clip(z, -500, 500))), EDGE, 1 - EDGE)
            return self.low + (self.high - self.low) * share
        if math.isfinite(self.low):
            return self.low + np.exp(np.clip(z, -500, 500))
        return self.high - np.exp(np.clip(z, -500, 500)) if math.isfinite(self.high) else z

    def real(self, value: Any) -> Any:
        """Back to the real line."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            share = np.clip((value - self.low) / (self.high - self.low), EDGE, 1 - EDGE)
            return np.log(share / (1 - share))
        if math.isfinite(self.low):
            return np.log(np.maximum(value - self.low, 1e-300))
        return np.log(np.maximum(self.high - value, 1e-300)) if math.isfinite(self.high) else value

    def log_slope(self, z: float) -> float:
        """log |d value / dz|."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            return math.log(self.high - self.low) - abs(z) - 2 * math.log1p(math.exp(-abs(z)))
        return z if math.isfinite(self.low) or math.isfinite(self.high) else 0.0


def free_parameters(model: Model, names: Sequence[str], fixed: Mapping[str, float]) -> tuple[Free, ...]:
    """The estimated parameters of these names, each with its bounds: those written, those of its type, those of its
    prior at the values of ``fixed`` and of what is written.

    A prior between two ends that move with what is estimated bounds nothing by itself: its density does.
    """
    values, moved = parameter_values(model, fixed), _moved_by(model, names, fixed)
    return tuple(_free(model.parameter(name), model, values, moved) for name in names)


def _free(parameter: Parameter, model: Model, values: Mapping[str, float], moved: Moved) -> Free:
    assert parameter.prior is not None
    about = frozenset[str]().union(*(moved[name] for name in parameters_in(parameter.prior.arguments)))
    low, high = limits(parameter)
    least, most = -math.inf, math.inf
    row = DISTRIBUTIONS[parameter.prior.family]
    if row.support in ("positive", "unit"):
        least = 0.0
    if row.support == "unit":
        most = 1.0
    if row.between is not None and not about:
        a = arguments(parameter.prior, model, values)
        least, most = (a[end] for end in row.between)
    return Free(parameter, parameter.prior, max(least, -math.inf if low is None else low),
                min(most, math.inf if high is None else high), about)  # fmt: skip


def _moved_by(model: Model, names: Sequence[str], fixed: Mapping[str, float]) -> Moved:
    """For every parameter the estimated ones that have a part in its value: itself, or those it is computed from."""
    moved: Moved = {}
    for p in model.parameters:
        read = () if p.name in fixed else (moved[other] for other in parameters_in(p.default))
        moved[p.name] = frozenset((p.name,)) if p.name in names else frozenset[str]().union(*read)
    return moved


def log_prior(frees: tuple[Free, ...], model: Model, values: Mapping[str, float]) -> float:
    """The sum of the log densities of the priors, up to the constants that bounds cut off; where these depend on what
    is estimated, as in the steps of a walk, they are counted."""
    total = 0.0
    for free in frees:
        law_ = _law(free.prior.family, tuple(arguments(free.prior, model, values).items()))
        total += float(law_.logpdf(values[free.name]))
        if free.about:
            mass = float(law_.cdf(free.high)) - float(law_.cdf(free.low))
            total -= math.log(mass) if mass > 0 else math.inf
    return total if not math.isnan(total) else -math.inf


@lru_cache(maxsize=256)
def _law(family: str, given: tuple[tuple[str, float], ...]) -> Any:
    """The distribution of a prior: scipy takes a millisecond to make one, and most priors stay as they are."""
    return frozen(family, dict(given))


def prior_draws(
    frees: tuple[Free, ...],
    model: Model,
    fixed: Mapping[str, float],
    random: Callable[[int], np.random.Generator],
    count: int,
) -> NDArray[np.float64]:
    """Draws of all priors within the parameters' bounds, (count, parameters), each given those that it is about.

    ``fixed``: values of parameters that are set and not drawn; ``random(k)``: the generator of the k-th.
    """
    drawn: dict[str, NDArray[np.float64]] = {}
    waiting = list(enumerate(frees))
    while waiting:
        ready = [(k, f) for k, f in waiting if f.about <= drawn.keys()]
        known = computed_values(model, {**fixed, **drawn})
        drawn |= {free.name: _draws(free, model, known, random(k), count) for k, free in ready}
        waiting = [(k, f) for k, f in waiting if f.name not in drawn]
    return np.stack([drawn[free.name] for free in frees], axis=1)


def _draws(
    free: Free, model: Model, values: Mapping[str, Any], random: np.random.Generator, count: int
) -> NDArray[np.float64]:
    shares = random.random(count)
    scope = Scope(model, values)
    given = laws.arguments(free.prior, scope)
    # One law for each draw where it is about what is drawn, else one for all.
    law_ = frozen if all(np.ndim(a) == 0 for a in given.values()) else law
    of = law_(free.prior.family, given)
    with np.errstate(divide="ignore"):  # the logarithm of a bound of 0
        below, above = of.cdf(free.low), of.cdf(free.high)
    return np.clip(of.ppf(below + (above - below) * shares), free.low, free.high)

"""All families by name, and what is asked of one with the arguments that were written."""

from __future__ import annotations

from typing import Any

from lpmdsl.distributions import counts, ranges, stages, waiting
from lpmdsl.distributions.family import NO_SCORE, Arguments, Family, Law, Likelihood, Numbers, Score
from lpmdsl.distributions.laws import parameters_of
from lpmdsl.distributions.walks import RANDOM_WALK

_ROWS = (
    waiting.EXPONENTIAL,
    waiting.GAMMA,
    waiting.ERLANG,
    waiting.LOGNORMAL,
    waiting.WEIBULL,
    stages.HYPOEXPONENTIAL,
    ranges.FIXED,
    ranges.UNIFORM,
    ranges.TRIANGULAR,
    ranges.NORMAL,
    ranges.BETA,
    counts.BERNOULLI,
    counts.BINOMIAL,
    counts.POISSON,
    counts.NEGATIVE_BINOMIAL,
    counts.CATEGORICAL,
    counts.EMPIRICAL,
)
DISTRIBUTIONS: dict[str, Family] = {row.name: row for row in _ROWS}
SPELT_AS_LAWS: dict[str, Family] = {**DISTRIBUTIONS, RANDOM_WALK.name: RANDOM_WALK}
"""All that is written with arguments like a distribution."""
BOUNDED = frozenset(row.name for row in _ROWS if row.between is not None and row.between[0] != row.between[1])
"""Families whose arguments are the ends between which they lie, the least first and the greatest last."""
WHOLE = frozenset(row.name for row in _ROWS if row.support == "whole")
"""Families of counts."""


def numbers(family: str) -> Numbers:
    """The numbers of a family that has them."""
    found = DISTRIBUTIONS[family].numbers
    assert found is not None, f"{family} is drawn by shares of labels"
    return found


def score_of(family: str) -> Score | str:
    """The score of a time drawn from a family, or why there is none."""
    row = DISTRIBUTIONS[family].numbers
    score = row.score if row is not None else NO_SCORE
    return score.format(family=family) if isinstance(score, str) else score


def is_memoryless(family: str) -> bool:
    """Return True if a time of the family ends at a rate."""
    row = DISTRIBUTIONS[family].numbers
    return row is not None and row.is_memoryless


def likelihood(family: str) -> Likelihood:
    """Likelihood of a family: the scatter of data about a report."""
    found = DISTRIBUTIONS[family].likelihood
    assert found is not None, f"no likelihood is called {family}"
    return found


def parameters(family: str, arguments: Arguments) -> tuple[Any, ...]:
    """The canonical parameters of a family, from whichever arguments were written, in base units."""
    return parameters_of(numbers(family), arguments)


def law(family: str, arguments: Arguments) -> Law:
    """The law of a family with its arguments in base units (floats or arrays); NaN where they make no sense.

    Gamma, lognormal and beta by mean and sd use the method of moments; lognormal also by median and spread (the
    geometric standard deviation); Weibull by shape (k) and scale or mean, or mean and sd solved for k.
    """
    return numbers(family).law(*parameters(family, arguments))


def moments(family: str, arguments: Arguments) -> tuple[Any, Any]:
    """Mean and variance in base units; those that were written where both were."""
    if "mean" in arguments and "sd" in arguments:
        return arguments["mean"], arguments["sd"] ** 2
    return numbers(family).moments(*parameters(family, arguments))


def frozen(family: str, arguments: Arguments) -> Any:
    """The distribution of ``scipy.stats``, from whichever arguments were written."""
    row = numbers(family)
    if row.frozen is None:
        raise ValueError(f"no density is known of {family}")
    return row.frozen(*parameters(family, arguments))

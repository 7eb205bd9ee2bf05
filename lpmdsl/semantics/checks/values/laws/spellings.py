"""Distributions as R and scipy spell them: the arguments that a user may know, and what they are in our own.

A spelling is turned into a family's own arguments when it is checked, so that nothing after the checker knows of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lpmdsl.distributions.family import Role
from lpmdsl.quantities import NUMBER, Type
from lpmdsl.semantics import model
from lpmdsl.source import Span

Formula = str | float | tuple
"""The name of a written argument, a number, or an operation and its parts: ``("exp", "meanlog")``."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """``form``: what is written, in positional order; ``made``: the family's own arguments, made of that."""

    form: tuple[tuple[str, Role], ...]
    made: tuple[tuple[str, Formula], ...]


def _renamed(roles: Mapping[str, Role], **own: str) -> Spelling:
    """The same arguments under other names: ``own`` says which written name each has."""
    return Spelling(tuple((written, roles[name]) for name, written in own.items()), tuple(own.items()))


_GAUSS: dict[str, Role] = {"mean": "value", "sd": "positive value"}
_BETA: dict[str, Role] = {"a": "positive number", "b": "positive number"}
_SCALED: dict[str, Role] = {"mean": "positive value", "shape": "positive number", "scale": "positive value"}
_TRIALS: dict[str, Role] = {"trials": "whole number", "probability": "probability"}
_COUNT: dict[str, Role] = {"mean": "positive number", "dispersion": "positive number"}
_ENDS: dict[str, Role] = {"min": "value", "max": "value", "low": "value", "mode": "value", "high": "value"}


def _lognormal(mean: str, sd: str) -> Spelling:
    form: tuple[tuple[str, Role], ...] = ((mean, "number"), (sd, "positive number"))
    return Spelling(form, (("median", ("exp", mean)), ("spread", ("exp", sd))))


def _negative_binomial(size: str, probability: str) -> Spelling:
    form: tuple[tuple[str, Role], ...] = ((size, "positive number"), (probability, "probability"))
    mean = ("div", ("mul", size, ("sub", 1.0, probability)), probability)
    return Spelling(form, (("mean", mean), ("dispersion", size)))


SPELLINGS: dict[str, tuple[Spelling, ...]] = {
    "exponential": (_renamed(_SCALED, mean="scale"),),
    "gamma": (_renamed(_SCALED, shape="a", scale="scale"),),
    "lognormal": (
        _lognormal("meanlog", "sdlog"),
        _lognormal("mu", "sigma"),
        Spelling((("s", "positive number"), ("scale", "positive value")),
                 (("median", "scale"), ("spread", ("exp", "s")))),
    ),
    "weibull": (_renamed(_SCALED, shape="c", scale="scale"),),
    "uniform": (_renamed(_ENDS, min="low", max="high"), _renamed(_ENDS, min="lower", max="upper")),
    "triangular": (_renamed(_ENDS, low="min", mode="mode", high="max"),
                   _renamed(_ENDS, low="left", mode="mode", high="right")),
    "normal": (_renamed(_GAUSS, mean="mu", sd="sigma"), _renamed(_GAUSS, mean="loc", sd="scale")),
    "beta": (_renamed(_BETA, a="alpha", b="beta"), _renamed(_BETA, a="shape1", b="shape2")),
    "bernoulli": (_renamed(_TRIALS, probability="p"), _renamed(_TRIALS, probability="prob")),
    "binomial": (
        _renamed(_TRIALS, trials="size", probability="prob"),
        _renamed(_TRIALS, trials="n", probability="p"),
        _renamed(_TRIALS, trials="n", probability="prob"),
    ),
    "poisson": (_renamed(_COUNT, mean="lambda"), _renamed(_COUNT, mean="mu")),
    "negative_binomial": (
        _renamed(_COUNT, mean="mean", dispersion="size"),
        _renamed(_COUNT, mean="mu", dispersion="size"),
        _negative_binomial("size", "prob"),
        _negative_binomial("n", "p"),
    ),
}  # fmt: skip
LIKELIHOODS: dict[str, tuple[Spelling, ...]] = {
    "lognormal": (Spelling((("sdlog", "positive number"),), (("spread", ("exp", "sdlog")),)),
                  Spelling((("sigma", "positive number"),), (("spread", ("exp", "sigma")),))),
    "normal": (_renamed(_GAUSS, sd="sigma"),),
    "binomial": (_renamed(_TRIALS, trials="size"), _renamed(_TRIALS, trials="n")),
    "negative_binomial": (_renamed(_COUNT, dispersion="size"),),
}  # fmt: skip
ELSEWHERE = {
    "expon": "exponential", "exp": "exponential", "lnorm": "lognormal", "lognorm": "lognormal", "norm": "normal",
    "gaussian": "normal", "unif": "uniform", "triang": "triangular", "nbinom": "negative_binomial", "pois": "poisson",
    "binom": "binomial", "weibull_min": "weibull", "constant": "fixed", "deterministic": "fixed", "multinomial":
    "categorical", "choice": "categorical", "sample": "categorical",
}  # fmt: skip
"""Names of families in other systems."""


def respelled(
    spelling: Spelling, written: Mapping[str, model.Expr], want: Type, span: Span
) -> tuple[tuple[str, model.Expr], ...]:
    """A family's own arguments, made of the written ones; results of a formula are in base units of ``want``."""
    return tuple((name, _made(formula, written, want, span)) for name, formula in spelling.made)


def _made(formula: Formula, written: Mapping[str, model.Expr], want: Type, span: Span) -> model.Expr:
    match formula:
        case str():
            return written[formula]
        case int() | float():
            return model.Literal_(float(formula), NUMBER, span)
        case _:
            kind = want if want.is_numeric else NUMBER
            return model.Apply(formula[0], tuple(_made(p, written, want, span) for p in formula[1:]), kind, span)

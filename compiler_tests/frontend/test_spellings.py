"""Distributions as R and scipy spell them: the same law as scipy's, wherever a law stands."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from compiler_tests.example_models.behaviour_models import checked, problems
from lpmdsl.distributions.table import frozen, law
from lpmdsl.lowering.relaxed.phase_type import moments
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.model import Model

MODEL = """model s version 1.0
clock
  step 1 day
  for 3 days
agent Person count 100
  x {type} ~ {drawn}
condition Flu of Person
  states S, R
  start S
  from S after exponential(mean 5 days) to R
observe e = count of Person where Flu is R and x > {zero}
"""
TIME = "duration", "0 days"
PURE = "number", "0"
ROWS = [
    (TIME, "exponential(scale 5 days)", stats.expon(scale=5)),
    (TIME, "gamma(shape 2, rate 0.4 per day)", stats.gamma(2, scale=2.5)),
    (TIME, "gamma(a 2, scale 2.5 days)", stats.gamma(2, scale=2.5)),
    (TIME, "erlang(shape 3, rate 0.5 per day)", stats.gamma(3, scale=2)),
    (TIME, "erlang(shape 3, scale 2 days)", stats.gamma(3, scale=2)),
    (TIME, "lognormal(meanlog 1.5, sdlog 0.4)", stats.lognorm(0.4, scale=np.exp(1.5))),
    (TIME, "lognormal(mu 1.5, sigma 0.4)", stats.lognorm(0.4, scale=np.exp(1.5))),
    (TIME, "lognormal(s 0.4, scale 1 week)", stats.lognorm(0.4, scale=7)),
    (PURE, "lognormal(meanlog -1, sdlog 2)", stats.lognorm(2, scale=np.exp(-1))),
    (TIME, "weibull(shape 2, scale 5 days)", stats.weibull_min(2, scale=5)),
    (TIME, "weibull(c 2, scale 5 days)", stats.weibull_min(2, scale=5)),
    (TIME, "uniform(low 1 day, high 3 days)", stats.uniform(1, 2)),
    (TIME, "triangular(1 day, 3 days, 9 days)", stats.triang(0.25, 1, 8)),
    (TIME, "triangular(low 1 day, mode 1 day, high 9 days)", stats.triang(0, 1, 8)),
    (TIME, "triangular(min 1 day, mode 9 days, max 9 days)", stats.triang(1, 1, 8)),
    (PURE, "normal(mu 3, sigma 2)", stats.norm(3, 2)),
    (PURE, "normal(loc 3, scale 2)", stats.norm(3, 2)),
    (PURE, "beta(alpha 2, beta 5)", stats.beta(2, 5)),
    (PURE, "beta(shape1 2, shape2 5)", stats.beta(2, 5)),
    (PURE, "binomial(n 10, p 20 %)", stats.binom(10, 0.2)),
    (PURE, "binomial(size 10, prob 0.2)", stats.binom(10, 0.2)),
    (PURE, "poisson(lambda 4)", stats.poisson(4)),
    (PURE, "negative_binomial(mean 4, size 2)", stats.nbinom(2, 2 / 6)),
    (PURE, "negative_binomial(size 2, prob 0.3)", stats.nbinom(2, 0.3)),
    (PURE, "negative_binomial(n 2, p 0.3)", stats.nbinom(2, 0.3)),
]
P = np.array([0.001, 0.1, 0.25, 0.5, 0.9, 0.999])


def made(kind: tuple[str, str], drawn: str) -> tuple[Model, str, dict[str, float]]:
    model = checked(MODEL.format(type=kind[0], drawn=drawn, zero=kind[1]))
    found = model.agents[0].attributes[0].drawn
    assert found is not None
    return model, found.family, {n: float(evaluate(e, Scope(model, {}))) for n, e in found.arguments}


@pytest.mark.parametrize(("kind", "drawn", "wanted"), ROWS, ids=lambda x: x if isinstance(x, str) else "")
def test_the_law_is_that_of_scipy(kind: tuple[str, str], drawn: str, wanted) -> None:
    _, family, arguments = made(kind, drawn)
    own = law(family, arguments)
    np.testing.assert_allclose(own.ppf(P), wanted.ppf(P), rtol=1e-9)
    np.testing.assert_allclose(own.isf(P), wanted.isf(P), rtol=1e-9)
    np.testing.assert_allclose(own.cdf(wanted.ppf(P)), wanted.cdf(wanted.ppf(P)), rtol=1e-9)


@pytest.mark.parametrize(
    ("kind", "drawn", "wanted"), [row for row in ROWS if row[0] == TIME], ids=lambda x: x if isinstance(x, str) else ""
)
def test_priors_and_stages_have_the_same_mean_and_variance(kind: tuple[str, str], drawn: str, wanted) -> None:
    model, family, arguments = made(kind, drawn)
    distribution = model.agents[0].attributes[0].drawn
    assert distribution is not None
    np.testing.assert_allclose(moments(distribution, arguments, model), (wanted.mean(), wanted.var()), rtol=1e-9)
    np.testing.assert_allclose(frozen(family, arguments).pdf(wanted.ppf(P)), wanted.pdf(wanted.ppf(P)), rtol=1e-9)


@pytest.mark.parametrize(
    ("drawn", "code"),
    [
        ("triangular(3 days, 1 day, 9 days)", "E0316"),
        ("triangular(3 days, 10 days, 9 days)", "E0316"),
        ("triangular(9 days, 9 days, 9 days)", "E0316"),
        ("lognormal(meanlog 1_000, sdlog 0.4)", "E0316"),
        ("lognormal(meanlog 1.5, sdlog 0)", "E0316"),
        ("lognormal(meanlog 1.5 days, sdlog 0.4)", "E0303"),
        ("gamma(shape 2, rate 0.4 days)", "E0303"),
        ("lnorm(meanlog 1.5, sdlog 0.4)", "E0310"),
        ("triangular(1 day, 9 days)", "E0311"),
    ],
)
def test_what_makes_no_law_is_told(drawn: str, code: str) -> None:
    assert problems(MODEL.format(type="duration", drawn=drawn, zero="0 days")) == [code]

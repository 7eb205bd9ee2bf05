"""The quantile functions of the distributions against scipy.stats, which works out the same by another road."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from lpmdsl.distributions.counts import poisson_table
from lpmdsl.distributions.table import law

TAIL = 2.0 ** -np.arange(1, 35)
MEAN_SD = {"mean": 5.0, "sd": 2.0}
SIGMA2 = np.log1p((2 / 5) ** 2)
CASES = [
    ("exponential", {"mean": 4.0}, stats.expon(scale=4)),
    ("exponential", {"rate": 0.25}, stats.expon(scale=4)),
    ("gamma", MEAN_SD, stats.gamma(6.25, scale=0.8)),
    ("gamma", {"shape": 0.3, "scale": 2.0}, stats.gamma(0.3, scale=2)),
    ("gamma", {"shape": 3.0, "rate": 0.5}, stats.gamma(3, scale=2)),
    ("gamma", {"shape": 3.0, "mean": 6.0}, stats.gamma(3, scale=2)),
    ("erlang", {"mean": 6.0, "shape": 3.0}, stats.erlang(3, scale=2)),
    ("lognormal", {"median": 5.0, "spread": 1.5}, stats.lognorm(np.log(1.5), scale=5)),
    ("lognormal", MEAN_SD, stats.lognorm(np.sqrt(SIGMA2), scale=5 / np.exp(SIGMA2 / 2))),
    ("weibull", {"k": 2.0, "scale": 5.0}, stats.weibull_min(2, scale=5)),
    ("weibull", {"shape": 2.0, "scale": 5.0}, stats.weibull_min(2, scale=5)),
    ("uniform", {"min": -1.0, "max": 3.0}, stats.uniform(-1, 4)),
    ("normal", {"mean": -1.0, "sd": 3.0}, stats.norm(-1, 3)),
    ("beta", {"mean": 0.3, "sd": 0.1}, stats.beta(6, 14)),
    ("beta", {"a": 6.0, "b": 14.0}, stats.beta(6, 14)),
    ("bernoulli", {"probability": 0.2}, stats.bernoulli(0.2)),
    ("binomial", {"trials": 10, "probability": 0.2}, stats.binom(10, 0.2)),
    ("poisson", {"mean": 4.0}, stats.poisson(4)),
    ("negative_binomial", {"mean": 4.0, "dispersion": 2.0}, stats.nbinom(2, 1 / 3)),
]


@pytest.mark.parametrize(("family", "arguments", "oracle"), CASES, ids=lambda x: x if isinstance(x, str) else "")
def test_both_tails_are_those_of_scipy(family, arguments, oracle):
    made = law(family, arguments)
    np.testing.assert_allclose(made.ppf(TAIL), oracle.ppf(TAIL), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(made.isf(TAIL), oracle.isf(TAIL), rtol=1e-12, atol=1e-300)
    values = oracle.ppf(np.linspace(0.01, 0.99, 50))
    np.testing.assert_allclose(made.cdf(values), oracle.cdf(values), rtol=1e-11)


@pytest.mark.parametrize("mean", [1e-9, 0.01, 0.3, 1.0, 2.4, 17.3, 99.5, 200.0])
def test_counts_of_a_poisson_table_are_those_of_scipy(mean):
    """Quantiles at the words of a draw exactly; chances, and those of more in the upper tail, to 10⁻¹²."""
    made, table = law("poisson", {"mean": mean}), poisson_table(mean)
    u = (np.random.default_rng(1).integers(0, 2**32, 200_000) + 0.5) / 2**32
    np.testing.assert_array_equal(made.ppf(u), stats.poisson(mean).ppf(u))
    np.testing.assert_array_equal(made.isf(TAIL), law("poisson", {"mean": np.array([mean])}).isf(TAIL))
    number = np.arange(table.size)
    np.testing.assert_allclose(made.cdf(number), special.pdtr(number, mean), rtol=1e-12)
    np.testing.assert_allclose(1 - made.cdf(number), special.pdtrc(number, mean), rtol=1e-12, atol=2e-16)
    assert made.cdf(1e300) == made.cdf(np.inf) == 1 and made.cdf(-0.5) == 0 and np.isnan(made.cdf(np.nan))
    assert np.isnan(made.ppf([-0.1, 1.0, np.nan])).all() and made.ppf(0.0) == 0


@pytest.mark.parametrize(("mean", "sd"), [(5.0, 2.0), (1.0, 3.0), (10.0, 0.5)])
def test_a_weibull_of_mean_and_sd_has_them(mean, sd):
    u = (np.arange(2_000_000) + 0.5) / 2_000_000
    drawn = law("weibull", {"mean": mean, "sd": sd}).ppf(u)
    assert np.mean(drawn) == pytest.approx(mean, rel=1e-3)
    assert np.std(drawn) == pytest.approx(sd, rel=2e-2)


def test_a_weibull_of_shape_and_mean_has_the_mean():
    u = (np.arange(100_000) + 0.5) / 100_000
    for name in ("k", "shape"):
        assert np.mean(law("weibull", {name: 1.7, "mean": 3.0}).ppf(u)) == pytest.approx(3.0, rel=1e-4)


@pytest.mark.parametrize(
    ("family", "arguments"),
    [
        ("exponential", {"mean": -1.0}),
        ("gamma", {"mean": 5.0, "sd": np.array([-1.0, 0.0])}),
        ("gamma", {"shape": -2.0, "scale": 1.0}),
        ("lognormal", {"median": 5.0, "spread": 0.9}),
        ("weibull", {"k": -1.0, "scale": 5.0}),
        ("normal", {"mean": 0.0, "sd": 0.0}),
        ("uniform", {"min": 3.0, "max": 3.0}),
        ("beta", {"mean": 0.5, "sd": 0.6}),
        ("poisson", {"mean": -1.0}),
    ],
)
def test_arguments_without_sense_give_no_number(family, arguments):
    with np.errstate(all="ignore"):
        assert not np.any(np.isfinite(law(family, arguments).ppf(np.array([0.3, 0.7]))))


def test_arguments_may_differ_between_agents():
    means = np.array([1.0, 10.0, 100.0])
    assert law("exponential", {"mean": means}).ppf(0.5) == pytest.approx(means * np.log(2))

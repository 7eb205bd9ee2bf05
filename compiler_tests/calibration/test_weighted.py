"""The weighted posterior about a peak: against a slanted density known exactly, with noise in every likelihood."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from scipy import stats

from lpmdsl.config import CalibrationOptions
from lpmdsl.runtime.calibration.methods import importance_sampling
from lpmdsl.runtime.calibration.methods.quadratic_peak import Peak
from lpmdsl.runtime.calibration.problem import Problem
from lpmdsl.runtime.calibration.run import silent

SHAPE = 4.0
"""Of a gamma whose logarithm leans to the left; the second parameter is normal about a third of the first."""


def log_density(z: np.ndarray) -> float:
    return SHAPE * z[0] - np.exp(z[0]) - 0.5 * (z[1] - z[0] / 3) ** 2


@pytest.fixture
def problem(monkeypatch: pytest.MonkeyPatch) -> Problem:
    """Its log posterior is that density, with lognormal noise of mean one and log standard deviation 0.7."""
    noise = np.random.default_rng(11)

    def estimated(problem: Problem, z: np.ndarray, numbers: np.ndarray) -> float:
        return log_density(z) + float(noise.normal(-0.245, 0.7))

    monkeypatch.setattr(importance_sampling, "log_posterior", estimated)
    return cast(Any, SimpleNamespace(options=CalibrationOptions()))


def peak_at(centre: float, sd: float) -> Peak:
    """A peak that is off, and too narrow or too wide."""
    return Peak(np.array([centre, centre / 3]), np.diag([sd**2, 1.0]), np.zeros((2, 2)), 0.0, True, 0)


@pytest.mark.parametrize(("off", "sd"), [(0.0, 0.5), (0.5, 0.3), (-0.8, 0.25)])
def test_quantiles_are_those_of_the_density(problem: Problem, off: float, sd: float) -> None:
    """5 %, 50 % and 95 % points within 3.5 standard errors of so many independent draws, plus the kernel's 0.05 sd."""
    found = importance_sampling.weigh(problem, peak_at(np.log(SHAPE) + off, sd), 1, silent)
    assert (
        found is not None
        and found.effective_size >= importance_sampling.ENOUGH
        and importance_sampling.notes_on(found) == ()
    )
    draws = found.draws(1, 4, 5000).reshape(-1, 2)
    for p in (0.05, 0.5, 0.95):
        true = float(np.log(stats.gamma(SHAPE).ppf(p)))
        slope = float(stats.gamma(SHAPE).pdf(np.exp(true)) * np.exp(true))
        error = np.sqrt(p * (1 - p) / found.effective_size) / slope
        assert abs(np.quantile(draws[:, 0], p) - true) < 3.5 * error + 0.05 * 0.53, p
    assert abs(np.mean(draws[:, 1] - draws[:, 0] / 3)) < 3.5 / np.sqrt(found.effective_size)


def test_draws_keep_the_moments_of_the_weighted_points(problem: Problem) -> None:
    """Mean and covariance of 40 000 draws within 4 standard errors of the points' own."""
    found = importance_sampling.weigh(problem, peak_at(np.log(SHAPE), 0.5), 1, silent)
    assert found is not None
    mean, covariance = found.moments()
    draws = found.draws(3, 4, 10_000).reshape(-1, 2)
    sd = np.sqrt(np.diag(covariance))
    assert (np.abs(draws.mean(axis=0) - mean) < 4 * sd / 200).all()
    assert np.allclose(np.cov(draws.T) / np.outer(sd, sd), covariance / np.outer(sd, sd), atol=4 * np.sqrt(3) / 200)
    assert np.array_equal(found.draws(3, 4, 10_000).reshape(-1, 2), draws)


def test_points_that_one_of_them_outweighs_are_not_used() -> None:
    weights = np.full(100, 0.001)
    weights[7] = 0.901
    found = importance_sampling.Weighted(np.random.default_rng(1).standard_normal((100, 2)), weights, 100)
    assert found.effective_size == pytest.approx(1.2314, abs=1e-3)
    assert "effective sample size 1," in importance_sampling.notes_on(found)[0]
    assert np.isfinite(found.draws(1, 2, 10)).all()


def test_an_interrupt_ends_it(problem: Problem) -> None:
    assert importance_sampling.weigh(problem, peak_at(1.0, 0.5), 1, lambda *_: False) is None

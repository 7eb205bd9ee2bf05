"""Data held against what all other data let expect: exact where the answer is known, and summaries that accuse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lpmdsl.runtime.calibration.model_checks.left_out import (
    LeftOut,
    covered,
    left_out_weights,
    normalised,
    posterior_logs,
    surprise,
)
from lpmdsl.runtime.calibration.model_checks.summaries import Summary, summaries

POINTS, DRAWS, REPLICATES = 6, 40, 60


def _data_set(random: np.random.Generator) -> NDArray[np.float64]:
    """Counts about one level: log level = 2 + parameter + noise, both standard normal / 2."""
    level = 2 + 0.5 * random.standard_normal() + 0.5 * random.standard_normal()
    return random.poisson(np.exp(level), POINTS).astype(float)


def _posterior(seen: NDArray[np.float64], random: np.random.Generator, draws: int) -> NDArray[np.float64]:
    """Draws of the parameter given the data, by a grid over parameter and noise."""
    grid = np.linspace(-2, 2, 81)
    level = 2 + grid[:, None] + grid[None, :]
    table = stats.poisson.logpmf(seen[:, None, None], np.exp(level)).sum(0)
    table += stats.norm.logpdf(grid, scale=0.5)[:, None] + stats.norm.logpdf(grid, scale=0.5)
    weight = np.exp(table - table.max()).sum(1)
    return random.choice(grid, draws, p=weight / weight.sum())


def _left_out(
    seen: NDArray[np.float64], random: np.random.Generator, draws: int = DRAWS, replicates: int = REPLICATES
) -> tuple[LeftOut, LeftOut]:
    """Each point against all others, and against curves that have seen it too."""
    parameter = _posterior(seen, random, draws)[:, None]
    level = np.exp(2 + parameter + 0.5 * random.standard_normal((draws, replicates)))[:, :, None]
    each, at = stats.poisson.logpmf(seen, level), stats.poisson.pmf(seen, level)
    below, fitted = stats.poisson.cdf(seen, level) - at, np.ones(POINTS, bool)
    posterior = posterior_logs(each, fitted, parameter)
    apart, whole = left_out_weights(posterior, each, fitted), normalised(posterior.reshape(-1, 1))
    flat_below, flat_at = below.reshape(-1, POINTS), at.reshape(-1, POINTS)
    none = np.zeros((1, POINTS))
    return tuple(LeftOut((w * flat_below).sum(0), (w * flat_at).sum(0), none, np.ones(POINTS)) for w in (apart, whole))  # type: ignore[return-value]


def test_half_of_the_points_of_a_right_model_lie_within_half_of_what_the_others_expect() -> None:
    """300 data sets: the mean of six dependent points, |z| < 3 by the spread between the sets; in sight it is more."""
    random, every = np.random.default_rng(4), np.ones(POINTS, bool)
    apart, seen = [], []
    for _ in range(300):
        found = _left_out(_data_set(random), random)
        apart.append([covered(found[0], every, s).mean() for s in (0.5, 0.95)])
        seen.append(covered(found[1], every, 0.5).mean())
    values = np.array(apart)
    z = (values.mean(0) - [0.5, 0.95]) / (values.std(0, ddof=1) / np.sqrt(len(values)))
    assert np.all(np.abs(z) < 3), (values.mean(0), z)
    assert np.mean(seen) > values[:, 0].mean() + 0.02


def test_few_curves_of_each_draw_do_not_pull_what_is_expected_off_the_point() -> None:
    """120 data sets with 5 curves of each of 200 draws, of which few meet the data: |z| < 3, as with many curves."""
    random, every = np.random.default_rng(8), np.ones(POINTS, bool)
    values = []
    for _ in range(120):
        seen = _data_set(random)
        found = _left_out(seen, random, 200, 5)[0]
        values.append([covered(found, every, s).mean() for s in (0.5, 0.95)])
    table = np.array(values)
    z = (table.mean(0) - [0.5, 0.95]) / (table.std(0, ddof=1) / np.sqrt(len(table)))
    assert np.all(np.abs(z) < 3), (table.mean(0), z)


def _apart(each: NDArray[np.float64], fitted: list[bool]) -> NDArray[np.float64]:
    """Weights from one draw of one parameter."""
    chosen = np.array(fitted)
    return left_out_weights(posterior_logs(each, chosen, np.zeros((1, 1))), each, chosen)


def test_the_weights_leave_out_just_one_point() -> None:
    """By hand: two curves of one draw, two points; weights are in proportion to the likelihood of the other point."""
    each = np.log(np.array([[[0.2, 0.5], [0.6, 0.1]]]))
    weights = _apart(each, [True, True])
    assert np.allclose(weights[:, 0], [0.5 / 0.6, 0.1 / 0.6]) and np.allclose(weights[:, 1], [0.25, 0.75])
    held_out = _apart(each, [True, False])
    assert np.allclose(held_out[:, 1], [0.25, 0.75])


def test_one_point_outside_is_found() -> None:
    random = np.random.default_rng(5)
    seen = np.array([8.0, 7.0, 9.0, 45.0, 8.0, 6.0])
    found, _ = _left_out(seen, random)
    chances = surprise(found, np.ones(POINTS, bool))
    assert int(np.argmin(chances)) == 3 and chances[3] < 0.01 / POINTS and np.delete(chances, 3).min() > 0.01


def _flagged(found: list[Summary]) -> set[str]:
    return {summary.name for summary in found if summary.is_flagged}


def test_weekends_that_the_model_lacks_are_flagged_and_a_right_model_is_not() -> None:
    """Five weeks of daily counts about a wave; on Saturdays and Sundays a quarter of them is reported."""
    random = np.random.default_rng(6)
    times = np.arange(1.0, 36.0)
    wave = 60 * np.exp(-(((times - 18) / 9) ** 2)) + 4
    draws = random.poisson(wave * np.exp(0.1 * random.standard_normal((1000, 1))), (1000, 35)).astype(float)
    weekend = np.isin((np.arange(35) + 1) % 7, (5, 6))  # 2024-10-01 is a Tuesday
    thinned = random.poisson(np.where(weekend, 0.25, 1.3) * wave).astype(float)
    found = _flagged(summaries(thinned, draws, draws, times, "2024-10-01"))
    assert "the share of Saturdays and Sundays" in found and "the shares of the days of the week" in found
    accused = [_flagged(summaries(one, draws, draws, times, "2024-10-01")) for one in draws[:80]]
    assert sum(map(bool, accused)) <= 7  # 3 % of 80 expected: 2.4 ± 1.5


def test_a_total_a_peak_and_a_roughness_are_flagged() -> None:
    random = np.random.default_rng(7)
    times, level = np.arange(1.0, 29.0), np.full(28, 30.0)
    draws = random.poisson(level, (2000, 28)).astype(float)
    assert "the total" in _flagged(summaries(random.poisson(1.5 * level).astype(float), draws, draws, times, None))
    spike = draws[0].copy()
    spike[5] = 90
    assert "the highest report" in _flagged(summaries(spike, draws, draws, times, None))
    smooth = 30 + 25 * np.sin(times / 4)
    assert "the likeness of neighbouring reports" in _flagged(summaries(smooth, draws, draws, times, None))
    assert summaries(draws[0][:7], draws[:, :7], draws[:, :7], times[:7], None) == []

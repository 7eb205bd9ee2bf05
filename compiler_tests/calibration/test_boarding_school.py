"""Influenza in a boarding school (BMJ 1978;1:587) fitted: beside equations on a grid, and the points it must cover."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from lpmdsl.runtime.api import load
from lpmdsl.runtime.calibration.methods import gradient, quadratic_peak
from lpmdsl.runtime.calibration.model_checks import predict

MODEL = Path(__file__).parent.parent.parent / "models" / "boarding_school.lpm"
BOYS = 763
COUNTS = np.loadtxt(MODEL.with_suffix(".csv"), delimiter=",", skiprows=1, usecols=1)


def in_bed(beta: NDArray[np.float64], illness: NDArray[np.float64], seeds: int, late: int) -> NDArray[np.float64]:
    """(…, 14): the ill of the SIR equations at the 14 moments, by Runge and Kutta's rule with steps of 0.05 days.

    ``seeds`` are ill at the start, ``late`` days before the first moment.
    """

    def slope(s: NDArray, i: NDArray) -> tuple[NDArray, NDArray]:
        caught = beta * s * i / BOYS
        return -caught, caught - i / illness

    s, i, h, seen = np.full_like(beta, BOYS - seeds), np.full_like(beta, seeds), 0.05, []
    for step in range((13 + late) * 20 + 1):
        if step % 20 == 0 and step >= late * 20:
            seen.append(i)
        a = slope(s, i)
        b = slope(s + h / 2 * a[0], i + h / 2 * a[1])
        c = slope(s + h / 2 * b[0], i + h / 2 * b[1])
        d = slope(s + h * c[0], i + h * c[1])
        s, i = (x + h / 6 * (p + 2 * q + 2 * r + t) for x, p, q, r, t in zip((s, i), a, b, c, d, strict=True))
    return np.stack(seen, axis=-1)


def of_equations(seeds: int, late: int) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of R0, beta and illness after the data, on a grid, with the model's priors."""
    beta, illness = np.meshgrid(np.linspace(1.45, 2.1, 66), np.linspace(1.2, 2.7, 61), indexing="ij")
    k = np.exp(np.linspace(np.log(1.5), np.log(60), 40))[:, None]
    mean = in_bed(beta, illness, seeds, late)[..., None, :]
    table = stats.nbinom.logpmf(COUNTS, k, k / (k + mean)).sum(axis=-1)
    table += stats.norm.logpdf(beta, 2, 1)[..., None] + stats.lognorm.logpdf(illness, np.log(1.5), scale=2)[..., None]
    table += stats.expon.logpdf(k[:, 0], scale=10) + np.log(k[:, 0])  # the grid is even in log k
    weight = np.exp(table - table.max()).sum(axis=-1)
    weight /= weight.sum()
    found = {}
    for name, values in (("R0", beta * illness), ("beta", beta), ("illness", illness)):
        middle = float((weight * values).sum())
        found[name] = (middle, float(np.sqrt((weight * (values - middle) ** 2).sum())))
    return found


def test_the_equations_give_what_they_gave_elsewhere() -> None:
    """With one boy ill the day before, as in the case study of Grinsztajn et al. 2021 (Stat Med 40:6209): R0 3.22
    [2.74, 3.83], illness 1.86 ± 0.16 days, beta 1.735 ± 0.053 a day. With three on the first day R0 is a little higher.
    """
    found = of_equations(seeds=1, late=1)
    assert found["R0"] == pytest.approx((3.22, 0.28), abs=0.06)
    assert found["illness"] == pytest.approx((1.86, 0.16), abs=0.03)
    assert found["beta"] == pytest.approx((1.735, 0.053), abs=0.02)
    assert of_equations(seeds=3, late=0)["R0"][0] == pytest.approx(3.35, abs=0.03)


def test_boys_agree_with_equations_within_what_they_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short climb (the documentation has the long fits): the boys' means lie within 2 of the two standard deviations
    together, and the fitted model covers what was seen."""
    monkeypatch.setattr(gradient, "ITERATIONS", 10)
    monkeypatch.setattr(gradient, "DIRECTIONS", 6)
    monkeypatch.setattr(quadratic_peak, "ROUNDS", 4)
    monkeypatch.setattr(predict, "MOST", 80)
    equations = of_equations(seeds=3, late=0)
    fit = load(MODEL).calibrate(method="gradient", chains=2, draws=1000, replicates=40, threads=2)
    posterior = fit.posterior.posterior
    boys = {"beta": posterior["beta"].values, "illness": posterior["illness"].values}
    boys["R0"] = boys["beta"] * boys["illness"]
    for name, (mean, sd) in equations.items():
        assert abs(boys[name].mean() - mean) < 2 * np.hypot(sd, boys[name].std()), name
    assert 2.7 < fit.record.r0["Flu"].median < 4.2
    assert fit.record.r0["Flu"].median == pytest.approx(np.median(boys["R0"]), rel=0.02)
    assert fit.record.certificate is not None and fit.record.certificate.ratio is not None
    (score,) = fit.record.scores
    assert score.points == 14 and score.coverage_95 >= 13 / 14

"""Random walks as priors: their density and draws by hand, and every method against an exact posterior."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lpmdsl.config import CalibrationOptions
from lpmdsl.diagnostics import LpmError
from lpmdsl.runtime.api import LoadedModel, load
from lpmdsl.runtime.calibration.methods import gradient, neural, search
from lpmdsl.runtime.calibration.problem import keyed, read_problem

PEOPLE, DATA, DAYS = 300, (94, 110), 5
MEDIAN, SPREAD, STEP = 0.08, 1.5, 1.3
TEXT = f"""\
model leaving version 1.0

clock
  step 1 day
  for 10 days

parameter leaving every 5 days = {MEDIAN} per day ~ random_walk(spread {STEP})
  prior lognormal(median {MEDIAN} per day, spread {SPREAD})

agent Person count {PEOPLE}

condition Stay of Person
  states I, R
  start I
  from I at rate leaving to R

observe gone = number entering R per 5 days

calibrate
  fit gone to "gone.csv" column gone with poisson
  estimate leaving
"""
NAMES = ("leaving[1]", "leaving[2]")


def written(folder: Path, text: str = TEXT) -> LoadedModel:
    (folder / "leaving.lpm").write_text(text, encoding="utf-8")
    (folder / "gone.csv").write_text("gone\n" + "".join(f"{n}\n" for n in DATA), encoding="utf-8")
    return load(folder / "leaving.lpm")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return written(tmp_path_factory.mktemp("leaving"))


@pytest.fixture(scope="module")
def exact() -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of the logs: binomial leavers, Poisson data about them, on a grid of 140 × 140."""
    first, second = np.linspace(-3.6, -1.6, 140), np.linspace(-3.6, -1.2, 140)
    near, far = np.arange(40, 180), np.arange(40, 200)
    one = stats.binom.pmf(near, PEOPLE, 1 - np.exp(-DAYS * np.exp(first))[:, None])
    one = one * stats.poisson.pmf(DATA[0], near)
    two = stats.binom.pmf(far[None, None, :], (PEOPLE - near)[None, :, None],
                          1 - np.exp(-DAYS * np.exp(second))[:, None, None])  # fmt: skip
    two = two @ stats.poisson.pmf(DATA[1], far)
    prior = stats.norm.pdf(first, math.log(MEDIAN), math.log(SPREAD))[:, None]
    weight = (one @ two.T) * prior * stats.norm.pdf(second[None, :], first[:, None], math.log(STEP))
    weight /= weight.sum()
    found = {}
    for name, axis, marginal in ((NAMES[0], first, weight.sum(1)), (NAMES[1], second, weight.sum(0))):
        mean = float(marginal @ axis)
        found[name] = mean, math.sqrt(float(marginal @ (axis - mean) ** 2))
    return found


def test_the_prior_is_a_step_from_the_piece_before(model: LoadedModel) -> None:
    problem = read_problem(model.model, model.facts, CalibrationOptions(), None)
    assert problem.names == NAMES
    z = np.log([0.1, 0.07])
    by_hand = stats.norm.logpdf(z[0], math.log(MEDIAN), math.log(SPREAD)) + stats.norm.logpdf(
        z[1], z[0], math.log(STEP)
    )
    assert problem.log_prior(z) == pytest.approx(by_hand, abs=1e-12)
    drawn = problem.prior_on_the_line(lambda k: keyed(5, k), 4000)
    steps = drawn[:, 1] - drawn[:, 0]
    # Standard errors of a mean and of a standard deviation of 4000 normal draws; |z| < 4.
    assert abs(steps.mean()) < 4 * math.log(STEP) / math.sqrt(4000)
    assert abs(steps.std() / math.log(STEP) - 1) < 4 / math.sqrt(8000)
    assert abs(np.corrcoef(steps, drawn[:, 0])[0, 1]) < 4 / math.sqrt(4000)


def test_a_bound_cuts_a_step_off_and_the_rest_counts_as_a_whole(tmp_path: Path) -> None:
    """Additive steps between 0.06 and 0.1, without a prior of the first: truncated normals, by ``scipy``."""
    text = TEXT.replace(f"random_walk(spread {STEP})", "random_walk(sd 0.02 per day)")
    text = text.replace(
        f"prior lognormal(median {MEDIAN} per day, spread {SPREAD})", "between 0.06 per day and 0.1 per day"
    )
    loaded = written(tmp_path, text)
    problem = read_problem(loaded.model, loaded.facts, CalibrationOptions(), None)
    x = np.array([0.095, 0.07])
    z = problem.real(dict(zip(NAMES, x, strict=True)))
    slopes = sum(f.log_slope(float(k)) for f, k in zip(problem.free, z, strict=True))

    def cut(value: float, about: float) -> float:
        return float(stats.truncnorm.logpdf(value, (0.06 - about) / 0.02, (0.1 - about) / 0.02, about, 0.02))

    first = stats.norm.logpdf(x[0], MEDIAN, 0.02)  # of a prior about a fixed value the constant does not matter
    assert problem.log_prior(z) == pytest.approx(first + cut(x[1], x[0]) + slopes, abs=1e-9)
    drawn = problem.prior_draws(lambda k: keyed(7, k), 4000)
    assert drawn.min() >= 0.06 and drawn.max() <= 0.1
    chances = stats.truncnorm.cdf(
        drawn[:, 1], (0.06 - drawn[:, 0]) / 0.02, (0.1 - drawn[:, 0]) / 0.02, drawn[:, 0], 0.02
    )
    assert stats.kstest(chances, "uniform").pvalue > 1e-4


TWO = TEXT.replace("rate leaving to", "rate leaving + first to").replace("estimate leaving", "estimate {names}")
TWO = (
    TWO[: TWO.index("parameter")]
    + """\
parameter first = 0.08 per day
  prior lognormal(median 0.08 per day, spread 1.5)
parameter half = first / 2
parameter leaving = 0.1 per day
  prior {law}
"""
    + TWO[TWO.index("agent Person") :]
)


def test_what_is_computed_from_an_estimated_parameter_goes_along_with_it(tmp_path: Path) -> None:
    """A prior about a number that is computed from what is drawn: log steps are normal, |z| < 4."""
    loaded = written(tmp_path, TWO.format(names="leaving, first", law="lognormal(median half, spread 1.1)"))
    problem = read_problem(loaded.model, loaded.facts, CalibrationOptions(), None)
    drawn = problem.prior_on_the_line(lambda k: keyed(5, k), 4000)
    steps = drawn[:, 0] - drawn[:, 1] + math.log(2)
    assert abs(steps.mean()) < 4 * math.log(1.1) / math.sqrt(4000)
    assert abs(steps.std() / math.log(1.1) - 1) < 4 / math.sqrt(8000)
    assert not [d for d in loaded.report.diagnostics if d.code == "W0615"], "a prior reads `half`"


def test_a_prior_lies_between_ends_that_are_set_by_hand(tmp_path: Path) -> None:
    loaded = written(tmp_path, TWO.format(names="leaving", law="uniform(first, 2 * first)"))
    problem = read_problem(loaded.model, loaded.facts, CalibrationOptions(settings={"first": "0.03 per day"}), None)
    assert [(f.low, f.high) for f in problem.free] == [(0.03, 0.06)]
    assert problem.log_prior(problem.real({"leaving": 0.05})) > -math.inf


def test_a_prior_lies_between_ends_that_are_estimated(tmp_path: Path) -> None:
    """Uniform from an estimated end to twice that: its density has the length in it, and draws keep the ratio."""
    loaded = written(tmp_path, TWO.format(names="first, leaving", law="uniform(first, 2 * first)"))
    problem = read_problem(loaded.model, loaded.facts, CalibrationOptions(), None)
    inside, wider, outside = (
        problem.log_prior(problem.real({"first": a, "leaving": b})) - math.log(a) - _about_median(a)
        for a, b in ((0.02, 0.03), (0.3, 0.4), (0.02, 0.05))
    )
    assert inside == pytest.approx(-math.log(0.02)) and wider == pytest.approx(-math.log(0.3)) and outside == -math.inf
    first, leaving = problem.prior_draws(lambda k: keyed(7, k), 4000).T
    assert stats.kstest(leaving / first - 1, "uniform").pvalue > 1e-4


def test_what_a_prior_alone_reads_can_be_estimated(tmp_path: Path) -> None:
    """The median of a prior has no part in the run, and moves what is believed of the parameter: no E0907."""
    text = TWO.replace("leaving + first", "leaving").format(
        names="leaving, first", law="lognormal(median first, spread 2)"
    )
    loaded = written(tmp_path, text)
    assert "E0907" not in {d.code for d in loaded.report.diagnostics}
    problem = read_problem(loaded.model, loaded.facts, CalibrationOptions(), None)
    near, far = (problem.log_prior(problem.real({"first": a, "leaving": 0.1})) - _about_median(a) for a in (0.08, 0.2))
    law = [float(stats.lognorm.logpdf(0.1, math.log(2), scale=median)) for median in (0.08, 0.2)]
    slopes = [math.log(0.08), math.log(0.2)]
    assert near - far == pytest.approx(law[0] - law[1] + slopes[0] - slopes[1], abs=1e-9)


def test_what_only_the_prior_of_an_unseen_parameter_reads_cannot(tmp_path: Path) -> None:
    """Neither is behind the fit: both are told."""
    text = TWO.replace("leaving + first", "0.1 per day").format(
        names="leaving, first", law="lognormal(median first, spread 2)"
    )
    with pytest.raises(LpmError) as told:
        written(tmp_path, text)
    assert sorted(d.message.split("`")[1] for d in told.value.report.diagnostics if d.code == "E0907") == [
        "first",
        "leaving",
    ]


def _about_median(value: float) -> float:
    """Log density of the lognormal law."""
    return float(stats.lognorm.logpdf(value, math.log(SPREAD), scale=MEDIAN))


@pytest.mark.parametrize("method", ["sampling", "gradient", "search", "neural posterior"])
def test_every_method_gives_the_exact_posterior(
    method: str, model: LoadedModel, exact: dict[str, tuple[float, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Means within 4 Monte Carlo standard errors and a slack of a standard deviation, and widths within that."""
    monkeypatch.setattr(gradient, "ITERATIONS", 12)
    monkeypatch.setattr(gradient, "DIRECTIONS", 8)
    monkeypatch.setattr(search, "TRIALS", 30)
    monkeypatch.setattr(neural, "SIMULATIONS", 1000)
    monkeypatch.setattr(neural, "EPOCHS", 60)
    short: dict[str, Any] = {"draws": 200, "warmup": 80, "replicates": 16} if method == "sampling" else {"draws": 500}
    result: Any = model.calibrate(method=method, chains=2, threads=2, **short)
    slack = {"sampling": 0.15, "neural posterior": 0.6}.get(method, 0.3)
    assert list(result.record.parameters) == list(NAMES)
    for name, (mean, sd) in exact.items():
        values = np.log(result.posterior.posterior[name].values)
        size = result.record.parameters[name].ess_bulk
        assert size is not None
        assert abs(values.mean() - mean) < 4 * sd / math.sqrt(size) + slack * sd, (name, values.mean(), mean, sd)
        assert abs(values.std() / sd - 1) < 0.15 + 3 / math.sqrt(size) + slack, (name, values.std(), sd)


def test_a_fit_keeps_and_shows_every_part(model: LoadedModel, tmp_path: Path) -> None:
    result: Any = model.calibrate(method="search", chains=2, draws=100, threads=2, out=tmp_path, replicates=8)
    import arviz as az

    kept: Any = az.from_netcdf(tmp_path / "posterior.nc")
    assert list(kept.posterior.data_vars) == list(NAMES)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in NAMES)
    assert np.array_equal(kept.posterior[NAMES[1]].values, result.posterior.posterior[NAMES[1]].values)

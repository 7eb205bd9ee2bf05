"""Calibration: against an exact posterior, through every method; what is kept, resumed, reported and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from compiler_tests.example_models.calibrated_models import PEOPLE, TEXT, exact_moments, log_likelihood, ward
from lpmdsl import extras
from lpmdsl.cli import app
from lpmdsl.config import Calibration, CalibrationOptions
from lpmdsl.diagnostics import LpmError
from lpmdsl.runtime.api import LoadedModel, load
from lpmdsl.runtime.calibration.checkpoint import CHECKPOINT_NAME
from lpmdsl.runtime.calibration.densities import log_mean_exp
from lpmdsl.runtime.calibration.methods import gradient, importance_sampling, neural, peak_draws, quadratic_peak, search
from lpmdsl.runtime.calibration.methods.importance_sampling import weigh
from lpmdsl.runtime.calibration.methods.start import begin
from lpmdsl.runtime.calibration.outcome import Calibrated
from lpmdsl.runtime.calibration.problem import keyed, read_problem
from lpmdsl.runtime.calibration.run import calibrate, known_method, silent

SHORT = {"draws": 120, "warmup": 80, "replicates": 8}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return ward(tmp_path_factory.mktemp("ward"))


@pytest.fixture(scope="module")
def exact() -> dict[str, tuple[float, float]]:
    return exact_moments()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter climbs, searches and trainings."""
    monkeypatch.setattr(gradient, "ITERATIONS", 12)
    monkeypatch.setattr(search, "TRIALS", 30)
    monkeypatch.setattr(neural, "SIMULATIONS", 1000)
    monkeypatch.setattr(neural, "EPOCHS", 60)
    monkeypatch.setattr(gradient, "DIRECTIONS", 8)


def agrees(result: Calibrated, exact: dict[str, tuple[float, float]], slack: float) -> None:
    """Means within 4 Monte Carlo standard errors, and ``slack`` of a standard deviation; widths within 15 %, and it."""
    for name, (mean, sd) in exact.items():
        values = np.log(result.posterior.posterior[name].values)
        effective_size = result.record.parameters[name].ess_bulk
        assert effective_size is not None
        assert abs(values.mean() - mean) < 4 * sd / np.sqrt(effective_size) + slack * sd, name
        assert abs(values.std() / sd - 1) < 0.15 + 3 / np.sqrt(effective_size) + slack, name


# ------------------------------------------------------------------ the likelihood and the posterior


def test_the_estimated_likelihood_is_unbiased(model: LoadedModel) -> None:
    """The mean of exp of 400 single replicates, in standard errors of itself (|z| < 4), at three points."""
    problem = read_problem(model.model, model.facts, CalibrationOptions(), None)
    for illness, noise in ((7.0, 20.0), (8.0, 60.0), (10.0, 10.0)):
        z = problem.real({"illness": illness, "noise": noise})
        each = problem.log_likelihoods(z, problem.run(z, range(400)))
        ratio = np.exp(each - log_likelihood(illness, noise))
        assert abs(ratio.mean() - 1) < 4 * ratio.std(ddof=1) / 20


def test_sampling_gives_the_exact_posterior(model: LoadedModel, exact: dict[str, tuple[float, float]]) -> None:
    result = model.calibrate(threads=2, **SHORT)
    agrees(result, exact, slack=0.1)
    assert result.record.acceptance is not None and 0.2 < result.record.acceptance < 0.9
    assert not result.converged and all(
        "`" in r for r in result.record.reasons
    )  # the effective sample size of 600 draws is below 400


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("method", ["gradient", "search"])
def test_peaks_give_the_exact_posterior(method: str, model: LoadedModel, exact: dict[str, tuple[float, float]]) -> None:
    result = model.calibrate(method=method, chains=2, draws=500, threads=2)
    agrees(result, exact, slack=0.3)
    assert result.converged, result.record.reasons
    assert (result.record.certificate is not None) == (method == "gradient")


@pytest.mark.usefixtures("quick")
def test_a_normal_curve_stands_in_for_points_of_a_small_effective_size(
    model: LoadedModel, exact: dict[str, tuple[float, float]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in (peak_draws, importance_sampling):
        monkeypatch.setattr(module, "ENOUGH", 10**6)
    result = model.calibrate(method="search", chains=2, draws=500, threads=2, out=tmp_path)
    agrees(result, exact, slack=0.3)
    assert result.converged and "normal curve at the peak" in result.record.notes[0]
    assert "normal curve at the peak" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("quick")
def test_a_network_comes_near_the_posterior(model: LoadedModel, exact: dict[str, tuple[float, float]]) -> None:
    result = model.calibrate(method="neural posterior", chains=2, draws=300, threads=2)
    values = np.log(result.posterior.posterior["illness"].values)
    mean, sd = exact["illness"]
    assert abs(values.mean() - mean) < 0.75 * sd and 0.6 < values.std() / sd < 1.7


def test_threads_change_nothing(model: LoadedModel) -> None:
    one, two = (model.calibrate(threads=t, chains=2, draws=20, warmup=20, replicates=4) for t in (1, 2))
    assert np.array_equal(one.posterior.posterior["illness"], two.posterior.posterior["illness"])
    assert one.record.parameters == two.record.parameters and one.record.scores == two.record.scores


def test_certificates_convict_and_acquit() -> None:
    random = np.random.default_rng(1)
    truth = random.standard_normal(24)
    assert gradient.verdict(truth + 0.02 * random.standard_normal(24), truth).holds
    wrong = gradient.verdict(0.6 * truth + 0.05 * random.standard_normal(24), truth)
    assert not wrong.holds and wrong.words == gradient.CONVICTED
    unclear = gradient.verdict(truth + 2 * random.standard_normal(24), truth)
    assert not unclear.holds and unclear.words != gradient.CONVICTED


def test_a_convicted_gradient_is_replaced(model: LoadedModel, monkeypatch: pytest.MonkeyPatch, quick: None,
                                          exact: dict[str, tuple[float, float]]) -> None:  # fmt: skip
    true_one = gradient.Loss.through_simulator

    def halved(loss: gradient.Loss, z: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = true_one(loss, z)
        return value, slope * np.array([-1.0, 0.5])

    monkeypatch.setattr(gradient.Loss, "through_simulator", halved)
    monkeypatch.setattr(gradient, "DIRECTIONS", 24)
    result = model.calibrate(method="gradient", chains=2, draws=300, replicates=16, threads=2)
    assert result.record.certificate is not None and result.record.certificate.words == gradient.CONVICTED
    agrees(result, exact, slack=0.4)


def test_the_gradient_is_that_of_the_log_posterior(model: LoadedModel) -> None:
    """On the parameter that only the likelihood reads it is exact: against differences over 1e-3."""
    problem = read_problem(model.model, model.facts, CalibrationOptions(), None)
    loss = gradient.loss_of(problem, 0, 32)
    z = problem.real({"illness": 7.5, "noise": 25.0})
    value, slope = loss.through_simulator(z)
    assert value == pytest.approx(loss.value(z), rel=1e-12)
    step = np.array([0.0, 1e-3])
    assert slope[1] == pytest.approx((loss.value(z + step) - loss.value(z - step)) / 2e-3, rel=1e-4)


def test_a_ridge_is_no_peak(model: LoadedModel) -> None:
    """A log posterior that does not bend along one direction is reported."""
    random = np.random.default_rng(2)
    points = random.standard_normal((200, 2))
    before = quadratic_peak.Peak(np.zeros(2), np.eye(2), np.eye(2), 0.0, False, 0)
    flat = quadratic_peak._fitted(points, -((points[:, 0] + points[:, 1]) ** 2), before, 0)
    assert any("bend" in doubt for doubt in quadratic_peak.doubts_of(flat))
    round_one = quadratic_peak._fitted(points, -0.5 * (points**2).sum(axis=1) + points[:, 0] * 0.3, before, 0)
    assert quadratic_peak.doubts_of(round_one) == []
    assert np.allclose(round_one.centre, [0.3, 0.0]) and np.allclose(round_one.covariance, np.eye(2))


def test_ten_synthetic_fits_hold_their_truths(tmp_path: Path) -> None:
    """90 % intervals of 10 fits to data from known values: each parameter in at least 7 (by chance fewer: 1 in 80).
    ``benchmarks/recovery.py`` does it a hundred times for the boarding school."""
    model, held = ward(tmp_path / "truth"), np.zeros(2)
    options = CalibrationOptions(chains=2, draws=1000)
    for number in range(10):
        problem = read_problem(model.model, model.facts, options, None)
        random = keyed(7, number)
        truth = problem.real({"illness": float(8 * 1.6 ** random.normal()), "noise": float(20 * 2 ** random.normal())})
        counts = problem.data_draws(truth, problem.run(truth, [10**6 + number])[0], random)
        counts = np.minimum(counts, PEOPLE)
        rows = "".join(f"{4 * k},{n:.0f}\n" for k, n in enumerate(counts))
        problem = read_problem(*two_of(ward(tmp_path / str(number), f"day,ill\n{rows}")), options, None)
        start = begin(problem, silent, 2)
        assert start is not None
        peak = quadratic_peak.climb_quadratic(problem, start.centre, start.covariance, 12, silent)
        assert peak is not None
        points = weigh(problem, peak, 12, silent)
        assert points is not None
        low, high = np.quantile(points.draws(1, 2, 1000).reshape(-1, 2), [0.05, 0.95], axis=0)
        held += (low <= truth) & (truth <= high)
    assert (held >= 7).all(), held


def two_of(model: LoadedModel) -> tuple:
    return model.model, model.facts


# ------------------------------------------------------------------ stopping and going on


class After:
    """Says stop at the n-th call."""

    def __init__(self, tellings: int) -> None:
        self.left = tellings

    def __call__(self, stage: str, done: int, of: int, word: str) -> bool:
        self.left -= 1
        return self.left > 0


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("method", "tellings"),
    [("sampling", 245), ("sampling", 262), ("gradient", 110), ("search", 40), ("neural posterior", 8)],
)
def test_a_resumed_calibration_is_the_one_that_was_never_stopped(
    method: str, tellings: int, model: LoadedModel, tmp_path: Path
) -> None:
    options = CalibrationOptions(method=known_method(method), chains=2, draws=50, warmup=50, threads=2)
    parts = (model.model, model.facts, model.source, options, None)
    whole = calibrate(*parts, None)
    stopped = calibrate(*parts, tmp_path, False, After(tellings))
    assert stopped.record.stopped and not stopped.converged and not stopped.record.complete
    kept = Calibration.model_validate_json((tmp_path / "calibration.json").read_text())
    assert kept.reasons[0].startswith("it was stopped")
    resumed = calibrate(*parts, tmp_path, True)
    assert resumed.record.parameters == whole.record.parameters
    assert resumed.record.scores == whole.record.scores and resumed.record.complete
    for name in ("illness", "noise"):
        assert np.array_equal(resumed.posterior.posterior[name], whole.posterior.posterior[name])


def test_only_the_same_calibration_is_resumed(model: LoadedModel, tmp_path: Path) -> None:
    short = {"chains": 2, "draws": 10, "warmup": 10, "replicates": 2}
    with pytest.raises(LpmError) as nothing:
        model.calibrate(out=tmp_path / "new", resume=True, **short)
    assert [d.code for d in nothing.value.report.diagnostics] == ["E0863"]
    model.calibrate(out=tmp_path / "first", **short)
    with pytest.raises(LpmError) as other:
        model.calibrate(out=tmp_path / "first", resume=True, seed=2, **short)
    assert [d.code for d in other.value.report.diagnostics] == ["E0863"]
    (tmp_path / "first" / CHECKPOINT_NAME).write_bytes(b"half a file")
    with pytest.raises(LpmError) as broken:
        model.calibrate(out=tmp_path / "first", resume=True, **short)
    assert [d.code for d in broken.value.report.diagnostics] == ["E0863"]


# ------------------------------------------------------------------ the command


def test_the_command_writes_what_it_found_and_says_whether_to_believe_it(tmp_path: Path) -> None:
    loaded = ward(tmp_path / "ward")
    arguments = ["calibrate", str(tmp_path / "ward" / "ward.lpm"), "--out", str(tmp_path / "out"), "--draws", "20",
                 "--warmup", "20", "--replicates", "4", "--chains", "2"]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 3 and "NOT CONVERGED" in result.output and "effective sample size" in result.output
    record = json.loads((tmp_path / "out" / "calibration.json").read_text())
    assert record["converged"] is False and record["parameters"]["illness"]["unit"] == "days"
    assert record["parameters"]["illness"]["low_95"] < record["parameters"]["illness"]["median"]
    arviz = extras.optional("arviz")
    posterior = arviz.from_netcdf(tmp_path / "out" / "posterior.nc")
    assert posterior.posterior["noise"].shape == (2, 20) and "posterior_predictive" in posterior.groups()
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Not converged" in page and "Posteriors and priors" in page and "Chains" in page
    assert loaded.report.diagnostics == []


@pytest.mark.usefixtures("quick")
def test_a_fit_that_converged_ends_with_0_and_holds_out_what_it_was_told(tmp_path: Path) -> None:
    text = TEXT.replace("by sampling\n", "by search\n  hold out the last 4 days\n")
    ward(tmp_path / "model", text=text)
    (tmp_path / "data").mkdir()
    (tmp_path / "model" / "ward.csv").rename(tmp_path / "data" / "ward.csv")
    arguments = ["calibrate", str(tmp_path / "model" / "ward.lpm"), "--data", str(tmp_path / "data"), "--out",
                 str(tmp_path / "out"), "--draws", "200", "--chains", "2"]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    record = Calibration.model_validate_json((tmp_path / "out" / "calibration.json").read_text())
    assert record.converged and record.method == "search"
    assert [(s.part, s.points) for s in record.scores] == [("fitted", 3), ("held out", 1)]
    assert record.scores[0].coverage_95 == 1 and 0 < record.scores[1].crps < 10


def failing(run: Callable[[], object]) -> str:
    with pytest.raises(LpmError) as failed:
        run()
    (diagnostic,) = failed.value.report.diagnostics
    return f"{diagnostic.code} {diagnostic.message} {diagnostic.help}"


def test_what_cannot_be_calibrated_is_told(model: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = load(TEXT.split("calibrate")[0] + "\n")
    assert failing(plain.calibrate).startswith("E0861")
    assert "sampling" in failing(lambda: model.calibrate(method="guessing"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert failing(lambda: model.calibrate(data=elsewhere)).startswith("E0406")
    text = TEXT.replace("negative_binomial(dispersion noise)", "binomial(trials 10)")
    text = text.replace("illness, noise by", "illness by")
    impossible = ward(tmp_path / "never", "day,ill\n0,60\n4,60\n8,0\n16,60\n", text)
    assert failing(impossible.calibrate).startswith("E0862")
    monkeypatch.setitem(extras.EXTRA, "not_there", "calibrate")
    assert 'pip install "lpmdsl[calibrate]"' in failing(lambda: extras.optional("not_there"))


def test_a_model_has_one_calibration(tmp_path: Path) -> None:
    again = TEXT + TEXT[TEXT.index("calibrate") :]
    assert failing(lambda: ward(tmp_path, text=again)).startswith("E0111")


def test_log_mean_exp() -> None:
    assert log_mean_exp(np.array([-1000.0, -1001.0])) == pytest.approx(-1000 + np.log((1 + np.exp(-1)) / 2))
    assert log_mean_exp(np.array([-np.inf, -np.inf])) == -np.inf

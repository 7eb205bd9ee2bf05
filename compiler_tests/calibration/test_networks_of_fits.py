"""Networks that give parts of families: derivatives, the file of covariates, a fit, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.network_of_covariates import TEXT
from compiler_tests.support.agreement import formatted
from lpmdsl.config import CalibrationOptions
from lpmdsl.diagnostics import LpmError
from lpmdsl.runtime.api import LoadedModel, load
from lpmdsl.runtime.calibration.methods import gradient, training
from lpmdsl.runtime.calibration.methods.gradient import loss_of
from lpmdsl.runtime.calibration.problem import keyed, read_problem

WEATHER = "piece,rain,wind\n2,0,-1\n1,1,0.5\n3,-1,1\n4,2,0\n"
TRUE = np.array([0.06, 0.03, 0.02, 0.09])
"""Rates of the pieces, 0.04 · 1.5^rain."""


def written(folder: Path, text: str = TEXT, weather: str = WEATHER) -> LoadedModel:
    left, rows = 2000.0, []
    for rate in TRUE:
        went = left * -math.expm1(-5 * rate)
        rows.append(f"{round(0.7 * went)},{round(0.3 * went)}\n")
        left -= went
    (folder / "gone.csv").write_text("gone,taken\n" + "".join(rows), encoding="utf-8")
    (folder / "weather.csv").write_text(weather, encoding="utf-8")
    (folder / "leaving.lpm").write_text(text, encoding="utf-8")
    return load(folder / "leaving.lpm")


def test_covariates_stand_by_part_and_on_one_scale(tmp_path: Path) -> None:
    (net,) = written(tmp_path).model.nets
    assert net.parts == tuple(f"leaving[{k}]" for k in (1, 2, 3, 4)) and net.names == ("rain", "wind")
    raw = np.array([[1, 0.5], [0, -1], [-1, 1], [2, 0]])
    assert np.array(net.rows) == pytest.approx((raw - raw.mean(0)) / raw.std(0), abs=1e-12)


def test_derivatives_by_the_weights_are_differences(tmp_path: Path) -> None:
    """Of the parts and of the prior, 1 in 10⁶."""
    loaded = written(tmp_path)
    way = training.way_of(read_problem(loaded.model, loaded.facts, CalibrationOptions(), None))
    assert way.weights == 1 + 16 * (2 + 2)
    w = np.concatenate([keyed(3).standard_normal(way.weights), [0.4]])
    slopes, prior = way.slopes(w), way.prior_slopes(w)
    for k in range(len(w)):
        step = 1e-5 * np.eye(len(w))[k]
        assert slopes[:, k] == pytest.approx((way.z(w + step) - way.z(w - step)) / 2e-5, rel=1e-6, abs=1e-9)
        assert prior[k] == pytest.approx((way.prior(w + step) - way.prior(w - step)) / 2e-5, rel=1e-4, abs=1e-6)


def test_weights_give_the_spread_that_is_told(tmp_path: Path) -> None:
    """Logs of 4 parts over 4000 draws of the weights have the standard deviation log 1.86 within a tenth."""
    loaded = written(tmp_path)
    way = training.way_of(read_problem(loaded.model, loaded.facts, CalibrationOptions(), None))
    drawn = np.stack([way.networks[0].logs(w) for w in keyed(4).standard_normal((4000, way.weights))])
    assert np.abs(drawn.mean(0) - math.log(0.05)).max() < 4 * math.log(1.86) / math.sqrt(4000)
    assert drawn.std() == pytest.approx(math.log(1.86), rel=0.1)


def test_the_slope_by_weights_is_the_chain_of_the_slope_by_parts(tmp_path: Path) -> None:
    """In a direction of all weights: differences of the log posterior on the same replicates, 15 %."""
    loaded = written(tmp_path, TEXT.replace("dispersion 50", "dispersion 5"))
    problem = read_problem(loaded.model, loaded.facts, CalibrationOptions(threads=1), None)
    way, loss = training.way_of(problem), loss_of(problem, 0, 64)
    w = np.concatenate([0.2 * keyed(5).standard_normal(way.weights), [0.4]])
    _, slope = way.climbed(loss, w, None)
    along = slope / np.linalg.norm(slope)
    step = 0.1

    def height(x: np.ndarray) -> float:
        z = way.z(x)
        return loss.value(z) - problem.log_prior(z) + way.prior(x)

    measured = (height(w + step * along) - height(w - step * along)) / (2 * step)
    assert float(slope @ along) == pytest.approx(measured, rel=0.15)


def test_a_fit_trains_the_network_and_finds_the_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """90 % intervals hold the four rates and the share that made the expected data, and are a third as wide as before;
    the file has the values by period and the weights."""
    monkeypatch.setattr(gradient, "DIRECTIONS", 8)
    result: Any = written(tmp_path).calibrate(chains=2, draws=500, threads=2, replicates=8, out=tmp_path / "fit")
    names = [*(f"leaving[{k}]" for k in (1, 2, 3, 4)), "share"]
    assert list(result.record.parameters) == names
    for name, truth in zip(names, (*TRUE, 70.0), strict=True):
        drawn = result.posterior.posterior[name].values
        low, high = np.quantile(drawn, (0.05, 0.95))
        assert low < truth < high and (high - low) / truth < 0.8, (name, low, truth, high)
    weights = result.record.networks["leaving"]
    assert len(weights) == 65 and "into 16 from wind" in weights
    assert result.record.certificate is not None and result.record.certificate.words != gradient.CONVICTED


def test_threads_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradient, "DIRECTIONS", 4)
    monkeypatch.setattr(gradient, "ITERATIONS", 3)
    model = written(tmp_path)
    one, two = (model.calibrate(chains=2, draws=50, threads=n, replicates=4) for n in (1, 2))
    assert one.record.networks == two.record.networks and one.record.parameters == two.record.parameters


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "column", "words"),
    [
        ("every 5 days from", "from", "E0930", 7, 19, "several"),
        ("network of 16", "network of 0", "E0936", 7, 32, "from 1 to 200"),
        ("network of 16", "network of 2.5", "E0936", 7, 32, "from 1 to 200"),
        ("0.05 per day\n", "0.05 per day ~ random_walk(spread 2)\n", "E0936", 7, 96, "priors of their own"),
        ("0.05 per day\n", "0.05 per day\n  between 0 per day and 1 per day\n", "E0936", 8, 11, "no other bound"),
        ("0.05 per day\n", "0 per day\n", "E0316", 7, 81, "above 0"),
        ("weather.csv", "whether.csv", "E0406", 7, 48, "whether.csv"),
        ("share by gradient", "share by search", "E0937", 27, 12, "by gradient"),
        ("every 5 days from", "every 4 days from", "E0936", 7, 48, "no row of the part `5`"),
    ],
)
def test_what_is_no_network_is_refused(
    tmp_path: Path, old: str, new: str, code: str, line: int, column: int, words: str
) -> None:
    assert old in TEXT
    with pytest.raises(LpmError) as told:
        written(tmp_path, TEXT.replace(old, new, 1))
    first = next(d for d in told.value.report.sorted() if d.code.startswith("E"))
    assert (first.code, first.span.line, first.span.column) == (code, line, column), first
    assert words in first.message + first.help, first


@pytest.mark.parametrize(
    ("weather", "code", "words"),
    [
        ("rain\n1\n2\n3\n4\n", "E0407", "piece"),
        ("piece,rain\n1,1\n2,1\n3,1\n3,1\n", "E0936", "two rows of the part `3`"),
        ("piece\n1\n2\n3\n4\n", "E0936", "no column beside `piece`"),
        ("piece,rain\n1,1\n2,wet\n3,1\n4,1\n", "E0408", "wet"),
    ],
)
def test_what_is_no_file_of_covariates_is_refused(tmp_path: Path, weather: str, code: str, words: str) -> None:
    with pytest.raises(LpmError) as told:
        written(tmp_path, weather=weather)
    first = next(d for d in told.value.report.sorted() if d.code.startswith("E"))
    assert (first.code, first.span.line, first.span.column) == (code, 7, 48), first
    assert words in first.message + first.help, first


def test_another_method_of_the_command_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LpmError, match="E0937"):
        written(tmp_path).calibrate(method="sampling")


def test_it_is_formatted_as_it_is_written() -> None:
    assert formatted(TEXT) == TEXT

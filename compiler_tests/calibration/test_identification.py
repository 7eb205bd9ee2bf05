"""Notes at the end of a fit on parameters that the data do not identify, and of data that hardly say anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler_tests.example_models.calibrated_models import TEXT, ward
from lpmdsl.config import CalibrationOptions
from lpmdsl.runtime.calibration.model_checks.identification import notes_on
from lpmdsl.runtime.calibration.posterior import Posterior
from lpmdsl.runtime.calibration.problem import Problem, read_problem


def _problem(folder: Path, data: str = "date,ill\n2024-10-01,58\n2024-10-05,35\n2024-10-13,12\n") -> Problem:
    model = ward(folder, data, TEXT)
    return read_problem(model.model, model.facts, CalibrationOptions(), None)


def _found(draws: NDArray[np.float64]) -> Posterior:
    return Posterior(draws[None], np.zeros((1, len(draws))), replicates=8, runs=1)


def _draws(problem: Problem, illness: NDArray[np.float64], noise: NDArray[np.float64]) -> Posterior:
    free = {f.name: f for f in problem.free}
    return _found(np.stack([free["illness"].real(illness), free["noise"].real(noise)], axis=1))


def test_nothing_is_said_of_parameters_that_are_known(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    known = _draws(
        _problem(tmp_path), 7.5 * np.exp(0.05 * random.standard_normal(500)), 22 * np.exp(0.2 * random.normal(size=500))
    )
    assert notes_on(_problem(tmp_path), known) == []


def test_a_product_is_told_apart_from_a_quotient(tmp_path: Path) -> None:
    random, problem = np.random.default_rng(2), _problem(tmp_path)
    wide, little = 0.45 * random.standard_normal(500), 0.02 * random.standard_normal(500)
    product = notes_on(problem, _draws(problem, 8 * np.exp(wide), 20 * np.exp(little - 1.2 * wide)))
    assert len(product) == 1 and "their product (correlation -1.00)" in product[0] and "--set noise=" in product[0]
    quotient = notes_on(problem, _draws(problem, 8 * np.exp(wide), 20 * np.exp(little + 1.2 * wide)))
    assert "their quotient (correlation 1.00)" in quotient[0]


def test_a_posterior_that_is_the_prior_is_flat(tmp_path: Path) -> None:
    random, problem = np.random.default_rng(3), _problem(tmp_path)
    same = 20 * np.exp(np.log(2) * random.standard_normal(3000))
    notes = notes_on(problem, _draws(problem, 7.5 * np.exp(0.05 * random.standard_normal(3000)), same))
    assert len(notes) == 1 and notes[0].startswith("the data say nothing of `noise`")


def test_a_prior_far_from_the_data_is_told(tmp_path: Path) -> None:
    random, problem = np.random.default_rng(4), _problem(tmp_path)
    far = _draws(problem, 40 * np.exp(0.05 * random.standard_normal(500)), 22 * np.exp(0.2 * random.normal(size=500)))
    notes = notes_on(problem, far)
    assert len(notes) == 1 and "`illness` to the edge of its prior" in notes[0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("date,ill\n2024-10-05,35\n", "one data point for 2 parameters"),
        ("date,ill\n2024-10-01,0\n2024-10-05,0\n2024-10-13,0\n", "all data of `ill` are 0"),
    ],
)
def test_data_that_hardly_say_anything(data: str, words: str, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    problem = _problem(tmp_path, data)
    found = _draws(problem, 7.5 * np.exp(0.1 * random.normal(size=500)), 22 * np.exp(0.3 * random.normal(size=500)))
    assert any(words in note for note in notes_on(problem, found))

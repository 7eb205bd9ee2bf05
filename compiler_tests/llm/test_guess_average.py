"""Two thirds of the mean: by the book exactly, and from the answers that are recorded beside the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from benchmarks import guess_stand_in
from benchmarks.nyc_stand_in import record


def means(scenario: str) -> np.ndarray:
    run = lpmdsl.load(guess_stand_in.MODEL).run(seed=1, agents={"Person": 5_000}, scenario=scenario)
    return run.observations.query("observation == 'target'")["value"].to_numpy()


def test_by_the_book_the_mean_falls_by_a_third_each_time() -> None:
    assert means("by_the_book") == pytest.approx(0.5 * (2 / 3) ** np.arange(11), rel=1e-12)


def test_from_recorded_answers_the_mean_falls_in_the_first_rounds() -> None:
    found = means("baseline")
    assert (np.diff(found[:5]) < 0).all() and 0 < found[-1] < 0.15


def test_the_recorded_answers_are_those_of_the_stand_in(tmp_path: Path) -> None:
    made = tmp_path / "made.jsonl"
    record(made, tmp_path, guess_stand_in.MODEL, guess_stand_in.guess, guess_stand_in.NOTE)
    kept = guess_stand_in.MODEL.with_suffix(".ledger.jsonl")
    assert made.read_text(encoding="utf-8") == kept.read_text(encoding="utf-8")

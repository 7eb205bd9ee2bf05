"""Sensitivities to parameters that move by themselves in a run, and of models without any parameter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lpmdsl
from compiler_tests.support.both_backends import MODELS
from lpmdsl.diagnostics import Diagnostic, LpmError

SEASONS = next(p for p in MODELS if p.stem == "waning_seasons")
GUESSES = next(p for p in MODELS if p.stem == "guess_average")


def refused(path: Path, quantity: str, **asked: Any) -> Diagnostic:
    with pytest.raises(LpmError) as raised:
        lpmdsl.load(path).gradient(quantity, replicates=2, agents={"Person": 100}, steps=10, **asked)
    return raised.value.report.diagnostics[0]


def test_a_formula_of_the_time_is_not_among_the_parameters_unless_named() -> None:
    found = lpmdsl.load(SEASONS).gradient(
        "total of cases", replicates=2, agents={"Person": 200}, steps=20, estimator="differences"
    )
    assert {s.parameter for s in found} == {"beta", "infectious_period", "immunity", "amplitude"}


def test_a_season_held_by_hand_multiplies_the_rate() -> None:
    """By differences both rows are the same run: a season s at a rate β is a season 1 at a rate s β."""
    season, beta = (
        lpmdsl.load(SEASONS).gradient(
            "total of cases", [name], replicates=4, agents={"Person": 500}, steps=30, estimator="differences",
            parameters={"season": "1", "beta": "0.5 per day"},
        )[0]
        for name in ("season", "beta")
    )  # fmt: skip
    assert season.elasticity == pytest.approx(beta.elasticity, rel=1e-9) and season.elasticity != 0


@pytest.mark.parametrize(("estimator", "code", "line"), [("score", "E0845", 1), ("relaxation", "E0847", 22)])
def test_what_moves_by_itself_is_refused_by_what_cannot_see_it_held(estimator: str, code: str, line: int) -> None:
    told = refused(SEASONS, "total of cases", wrt=["season"], estimator=estimator)
    assert (told.code, told.span.line) == (code, line)
    assert "`season`" in told.message and "its formula moves in a run" in told.message
    assert estimator == "relaxation" or "waning_seasons.lpm:22" in told.message


@pytest.mark.parametrize("estimator", ["auto", "score", "relaxation", "differences"])
def test_a_model_without_parameters_has_no_sensitivity(estimator: str) -> None:
    told = refused(GUESSES, "final of target", estimator=estimator)
    assert (told.code, told.span.source.name, told.span.column) == ("E0803", "--of", 1)
    assert told.message == "guess_average has no parameter that `final of target` reads."

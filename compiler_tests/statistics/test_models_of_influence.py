"""Claims of the models of influence and of takeover: exact results, and one published threshold."""

from __future__ import annotations

import re
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import lpmdsl
from lpmdsl.cli.commands import app

MODELS = Path(__file__).parent.parent.parent / "models"


def text_of(name: str, more: str = "") -> str:
    return (MODELS / f"{name}.lpm").read_text(encoding="utf-8") + more


def series(run: lpmdsl.Results, name: str) -> np.ndarray:
    """Values of one report: a row for each replicate, in the order of time."""
    rows = run.observations[run.observations["observation"] == name]
    return rows.pivot(index="replicate", columns="time", values="value").to_numpy()


# ------------------------------------------------------------------ DeGroot


def test_opinions_weighed_by_ties_are_kept() -> None:
    """Σ (1 + ties) · opinion is the same in every step, so all come to agree on its mean: DeGroot 1974, theorem 3."""
    more = """
observe kept = sum of (1 + (count of friends)) * opinion over Person every day
observe heads = sum of (1 + (count of friends)) over Person every day
"""
    run = lpmdsl.load(text_of("degroot", more)).run(seed=3, steps=700, replicates=3, redraw_people=True)
    kept, heads = series(run, "kept"), series(run, "heads")
    np.testing.assert_allclose(kept, np.broadcast_to(kept[:, :1], kept.shape), rtol=1e-12)
    assert abs(kept[0, 0] - kept[1, 0]) > 1
    agreed = (kept / heads)[:, 0]
    np.testing.assert_allclose(series(run, "centre")[:, -1], agreed, atol=1e-6)
    assert (np.abs(series(run, "centre")[:, 0] - agreed) > 1e-4).all()
    assert (series(run, "spread")[:, -1] < 1e-6).all()


def test_stubborn_people_hear_nobody() -> None:
    run = lpmdsl.load(MODELS / "degroot.lpm").run(seed=3, steps=20, parameters={"stubborn_share": "100 %"})
    assert np.ptp(series(run, "spread")) == 0 and series(run, "spread")[0, 0] > 0.25


# ------------------------------------------------------------------ bounded confidence


def test_the_range_of_opinions_never_grows() -> None:
    for pull in ("0.1", "1"):
        run = lpmdsl.load(MODELS / "opinion.lpm").run(seed=2, parameters={"pull": pull})
        low, high = series(run, "lowest")[0], series(run, "highest")[0]
        assert (np.diff(low) >= -1e-15).all() and (np.diff(high) <= 1e-15).all()
        assert 0 <= low[0] < low[-1] and high[-1] <= high[0] <= 1


def test_without_confidence_nobody_moves() -> None:
    run = lpmdsl.load(MODELS / "opinion.lpm").run(seed=2, steps=20, parameters={"confidence": "0"})
    assert np.ptp(series(run, "spread")) < 1e-15 and series(run, "spread")[0, 0] > 0.25


def test_a_pull_above_one_leaves_the_range_and_the_check_says_so() -> None:
    text = text_of("opinion").replace("  between 0 and 1\n", "")
    with pytest.raises(lpmdsl.LpmError, match=r"(?s)E0820.*min of opinion.*E0820.*max of opinion"):
        lpmdsl.load(text).run(seed=2, parameters={"pull": "2.5"})


def test_all_agree_above_a_half_and_not_below_a_fifth() -> None:
    """On random graphs of any mean degree agreement is complete above 1/2, and below 1/5 never: Fortunato 2005."""
    model = lpmdsl.load(MODELS / "opinion.lpm")
    for confidence, agree in ((0.55, True), (0.12, False)):
        settings = {"confidence": str(confidence), "pull": "1"}
        run = model.run(seed=5, steps=150, replicates=5, redraw_people=True, parameters=settings)
        apart = (series(run, "highest") - series(run, "lowest"))[:, -1]
        assert ((apart < 1e-6) == agree).all(), (confidence, apart)
        assert agree or (series(run, "spread")[:, -1] > 0.1).all()


# ------------------------------------------------------------------ Moran


@pytest.mark.parametrize(("advantage", "cells", "steps"), [(1.0, 5, 300), (1.1, 10, 1_000), (2.0, 20, 900)])
def test_a_mutant_takes_over_as_often_as_moran_says(advantage: float, cells: int, steps: int) -> None:
    """(1 − 1/r) / (1 − 1/rᴺ), and 1/N for r = 1; 800 replicates, |z| < 4, and all decided."""
    model = lpmdsl.load(MODELS / "moran.lpm")
    settings = {"advantage": str(advantage)}
    run = model.run(seed=11, agents={"Cell": cells}, steps=steps, replicates=800, parameters=settings)
    final = series(run, "mutants")[:, -1]
    assert set(final) == {0.0, float(cells)}
    chance = 1 / cells if advantage == 1 else (1 - 1 / advantage) / (1 - advantage**-cells)
    z = ((final > 0).mean() - chance) / sqrt(chance * (1 - chance) / 800)
    assert abs(z) < 4, f"{(final > 0).mean():.3f} for {chance:.3f}"


def test_pages_show_no_name_that_is_not_in_the_text(tmp_path: Path) -> None:
    """What is seen of friends, and by whom schools are counted, is kept under names of the compiler's own."""
    for name, word in (("degroot", "opinion"), ("opinion", "opinion"), ("school_closures", "pupil")):
        lpmdsl.load(MODELS / f"{name}.lpm").run(seed=1, steps=3, out=tmp_path / name)
        page = (tmp_path / name / "report.html").read_text(encoding="utf-8")
        told = CliRunner().invoke(app, ["doc", str(MODELS / f"{name}.lpm"), "--out", str(tmp_path / f"{name}.html")])
        assert told.exit_code == 0
        described = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        for text in (page, described):
            assert word in text and not re.search(r"friends_\w+_\d|school_first", text)

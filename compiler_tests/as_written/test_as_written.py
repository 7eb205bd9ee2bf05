"""Models as users wrote them down: these texts are accepted without a letter changed, and they run."""

from __future__ import annotations

from pathlib import Path

import pytest

import lpmdsl

TEXTS = sorted(Path(__file__).parent.glob("*.lpm"))
FEWER = {"moran": 20, "guess_average": 3_000}
"""Model → how many people run; 2 000 of the others."""
SILENT = {"guess_average": "by_the_book"}
"""Model → the scenario in which nobody is asked anything."""


def test_six_texts_are_here() -> None:
    assert {p.stem for p in TEXTS} == {"degroot", "fast_test", "guess_average", "moran", "tracing", "vaccine_delay"}


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: p.stem)
def test_a_text_runs_as_it_was_written(path: Path) -> None:
    model = lpmdsl.load(path)
    kind = model.model.agents[0].name
    run = model.run(seed=1, agents={kind: FEWER.get(path.stem, 2_000)}, scenario=SILENT.get(path.stem, "baseline"))
    assert run.manifest.complete
    assert run.observations["value"].abs().sum() > 0

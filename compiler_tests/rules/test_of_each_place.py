"""Interventions of each place beside rules: blocks with every paragraph, and whatever reads if one is active."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compiler_tests.support.agreement import agreed

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("blocks_of_each_place", ("praised", "helped", "kept")),
        ("readers_of_each_place", ("inside", "closed", "weary", "visited")),
    ],
)
def test_every_back_end_counts_the_same(name: str, seen: tuple[str, ...]) -> None:
    """Ten days of 200 people: every report that hangs on it is above 0 on some day."""
    result = agreed((HERE / f"{name}.lpm").read_text(encoding="utf-8"), 200, steps=10)
    assert all(np.nanmax(result.observations[one]) > 0 for one in seen)

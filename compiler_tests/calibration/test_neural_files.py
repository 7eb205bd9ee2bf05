"""Files that training a network leaves behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lpmdsl.runtime.calibration.methods import neural

pytest.importorskip("sbi")


def test_training_writes_nothing_where_one_happens_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(neural, "EPOCHS", 2)
    random = np.random.default_rng(1)
    z = random.normal(size=(400, 1))
    draws_at, loss = neural.trained(z, z + 0.1 * random.normal(size=z.shape), seed=2)
    drawn = draws_at(np.zeros(1), 50)
    assert drawn.shape == (50, 1) and len(loss) > 0
    assert not list(tmp_path.iterdir())

"""A finished fit is lost to nobody: a refused resume, a failing disk, another fit; and more draws are added to it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compiler_tests.example_models.calibrated_models import ward
from compiler_tests.support.broken_disks import at_every_write
from lpmdsl.config import CalibrationOptions
from lpmdsl.diagnostics import LpmError
from lpmdsl.runtime.api import LoadedModel
from lpmdsl.runtime.calibration import run as fits
from lpmdsl.runtime.calibration.checkpoint import CHECKPOINT_NAME, Checkpoint
from lpmdsl.runtime.calibration.outcome import Calibrated
from lpmdsl.runtime.calibration.run import FIT
from lpmdsl.writing.folders import UNFINISHED, open_folder
from lpmdsl.writing.seals import digest_of, listed

SHORT: dict[str, Any] = {"chains": 2, "draws": 12, "warmup": 10, "replicates": 2, "threads": 1}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return ward(tmp_path_factory.mktemp("ward"))


@pytest.fixture(scope="module")
def whole(model: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Calibrated:
    return model.calibrate(out=tmp_path_factory.mktemp("fit") / "out", **SHORT)


@pytest.fixture
def folder(whole: Calibrated, tmp_path: Path) -> Path:
    """A copy of the folder of a finished fit."""
    assert whole.folder is not None
    shutil.copytree(whole.folder, tmp_path / "out")
    return tmp_path / "out"


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def code_of(command: Any) -> str:
    with pytest.raises(LpmError) as told:
        command()
    return told.value.report.diagnostics[0].code


def test_a_refused_resume_touches_nothing(model: LoadedModel, folder: Path) -> None:
    before = everything(folder)
    assert set(before) == {"calibration.json", CHECKPOINT_NAME, "posterior.nc", "report.html"}
    for other in ({"seed": 2}, {"replicates": 3}, {"draws": 11}, {"warmup": 11}, {"parameters": {"noise": "3"}}):
        assert code_of(lambda other=other: model.calibrate(out=folder, resume=True, **SHORT | other)) == "E0863", other
        assert everything(folder) == before


def test_draws_added_to_a_finished_fit_are_those_of_one_longer_fit(model: LoadedModel, folder: Path) -> None:
    longer = model.calibrate(**SHORT | {"draws": 20})
    added = model.calibrate(out=folder, resume=True, **SHORT | {"draws": 20, "warmup": None})
    for name in ("illness", "noise"):
        assert added.posterior.posterior[name].shape == (2, 20)
        assert np.array_equal(added.posterior.posterior[name], longer.posterior.posterior[name])
    assert added.record.parameters == longer.record.parameters and added.record.r0 == longer.record.r0
    assert added.record.scores == longer.record.scores and added.folder == folder
    assert not (folder / UNFINISHED).exists()


def test_an_unfinished_fit_is_not_lost_to_another(model: LoadedModel, folder: Path) -> None:
    """It stays beside the finished one, and goes on from there."""
    before, left = everything(folder), 248

    def stop(stage: str, done: int, of: int, word: str) -> bool:
        nonlocal left
        left -= 1
        return left > 0

    options = CalibrationOptions(**SHORT | {"seed": 5, "draws": 400})
    parts = (model.model, model.facts, model.source, options, None, folder)
    stopped = fits.calibrate(*parts, False, stop)
    assert stopped.folder == folder / UNFINISHED and stopped.record.stopped
    assert {n: d for n, d in everything(folder).items() if not n.startswith(UNFINISHED)} == before
    now = everything(folder)
    assert code_of(lambda: model.calibrate(out=folder, **SHORT)) == "E0870"
    assert code_of(lambda: model.calibrate(out=folder, resume=True, **SHORT)) == "E0870"
    assert code_of(lambda: model.calibrate(out=folder, resume=True, **SHORT | {"seed": 6})) == "E0863"
    assert everything(folder) == now


class Draws:
    """Writes a file as ArviZ does, without taking its time."""

    def to_netcdf(self, path: str, engine: str) -> None:
        Path(path).write_bytes(engine.encode() * 100)


@pytest.mark.parametrize("is_end", [False, True], ids=["no space", "killed"])
def test_a_fit_that_fails_at_any_write_leaves_the_old_or_the_new(
    is_end: bool, model: LoadedModel, whole: Calibrated, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fit itself is done once; checkpoints and results are written anew each time."""
    kept, old = tmp_path / "kept", everything(folder)
    shutil.copytree(folder, kept)
    record = whole.record.model_copy(update={"seed": 2})
    another = replace(whole, record=record, posterior=Draws())  # type: ignore[arg-type]

    def fitted(problem: object, method: object, checkpoint: Checkpoint, *rest: object) -> Calibrated:
        for k in range(2):
            checkpoint.keep({f"chain {k}": np.arange(10.0)}, now=True)
        return another

    monkeypatch.setattr(fits, "_calibrated", fitted)
    monkeypatch.setattr(fits, "read_problem", lambda *given: whole.problem)
    monkeypatch.setattr(fits, "calibration_page", lambda *given: "<p>a page</p>\n")

    def prepare() -> None:
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)

    def look() -> None:
        open_folder(folder, FIT).__exit__(None, None, None)
        files = listed(folder / "calibration.json")
        assert files and all(digest_of(folder / n) == d for n, d in files.items())
        is_old = {n: d for n, d in everything(folder).items() if not n.startswith(UNFINISHED)} == old
        assert is_old or b'"seed": 2,' in (folder / "calibration.json").read_bytes()
        again = model.calibrate(out=folder, force=True, **SHORT | {"seed": 2})
        assert again.folder == folder and not (folder / UNFINISHED).exists()

    failed = at_every_write(
        is_end, prepare, lambda: model.calibrate(out=folder, **SHORT | {"seed": 2}), look, (LpmError,)
    )
    assert failed > 20

"""A whole calibration: data, method, predictive, verdict, files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import assert_never

import numpy as np

from lpmdsl.config import CALIBRATION_NAME, CalibrationOptions, Method
from lpmdsl.diagnostics import did_you_mean, fail
from lpmdsl.runtime.calibration.checkpoint import CHECKPOINT_NAME, Checkpoint, identity_of, open_checkpoint
from lpmdsl.runtime.calibration.extras import needed
from lpmdsl.runtime.calibration.outcome import POSTERIOR_NAME, Calibrated, calibrated
from lpmdsl.runtime.calibration.page import calibration_page
from lpmdsl.runtime.calibration.posterior import STOPPED, Posterior, Tell
from lpmdsl.runtime.calibration.predict import predict
from lpmdsl.runtime.calibration.problem import Problem, read_problem, with_threads
from lpmdsl.runtime.calibration.reproduced import long_steps, reproduction_numbers
from lpmdsl.runtime.manifest import model_hash, now
from lpmdsl.runtime.outputs import REPORT_NAME, replace_file, writing
from lpmdsl.runtime.runners import threads_here
from lpmdsl.semantics.analysis import Facts
from lpmdsl.semantics.check_studies import ESTIMATORS
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source, Span


def silent(stage: str, done: int, of: int, word: str) -> bool:
    """Shows no progress and never stops."""
    return True


def calibrate(
    model: Model, facts: Facts, source: Source, options: CalibrationOptions, data: Path | None, out: Path | None,
    resume: bool = False, tell: Tell = silent,
) -> Calibrated:  # fmt: skip
    """The calibration that the model asks for, also written to ``out``.

    ``tell`` is told how it goes and may stop it: then the result is what there is by then. Raises ``LpmError``.
    """
    started = now()
    problem = read_problem(model, facts, options, data)
    method = method_of(problem, options)
    _load(method)
    sha256 = model_hash(model, source)
    if out is not None:
        prepare(out)
    checkpoint = open_checkpoint(out, identity_of(problem, sha256, options), resume)
    found = _fitted(problem, method, checkpoint, tell)
    threads = threads_here(options.threads)
    predictive, r0 = None, {}
    if found.draws.size:
        predictive = predict(with_threads(problem, threads), found.draws, max(found.replicates, 16), tell)
        if predictive is None:
            found = replace(found, stopped=STOPPED)
        else:
            middle = problem.everything(problem.values(np.median(found.draws, axis=(0, 1))))
            r0 = reproduction_numbers(problem, found.draws, tell)
            found = replace(found, notes=(*found.notes, *long_steps(model, middle)))
    result = calibrated(problem, method, found, predictive, r0, sha256, checkpoint.seconds, started)
    if out is not None:
        write(result, model, source, out)
    return result


def method_of(problem: Problem, options: CalibrationOptions) -> Method:
    """The method asked for, else the model's."""
    return options.method or problem.calibrate.method  # type: ignore[return-value]


def known_method(text: str) -> Method:
    """The method that a text names. Raises ``LpmError`` (E0905)."""
    words = " ".join(text.replace("_", " ").replace("-", " ").split())
    found = next((m for m in ESTIMATORS if m == words or m.split()[0] == words), None)
    if found is None:
        raise fail("E0905", f"There is no way of estimating called `{text}`.{did_you_mean(words, ESTIMATORS)}",
                   Span(Source("--method", text), 0, len(text)), f"There are {', '.join(ESTIMATORS)}.")  # fmt: skip
    return found  # type: ignore[return-value]


def _load(method: Method) -> None:
    """Whatever the method needs, before hours are spent."""
    for package in ("arviz", "h5netcdf", "scoringrules"):
        needed(package)
    if method == "neural posterior":
        needed("sbi")
    if method == "search":
        needed("optuna")


def _fitted(problem: Problem, method: Method, checkpoint: Checkpoint, tell: Tell) -> Posterior:
    # Imported where they are needed: each brings packages that the others do without.
    match method:
        case "sampling":
            from lpmdsl.runtime.calibration.sample import sample

            return sample(problem, checkpoint, tell)
        case "gradient":
            from lpmdsl.runtime.calibration.gradient import climb

            return climb(problem, checkpoint, tell)
        case "neural posterior":
            from lpmdsl.runtime.calibration.neural import neural

            return neural(problem, checkpoint, tell)
        case "search":
            from lpmdsl.runtime.calibration.search import search

            return search(problem, checkpoint, tell)
        case _:
            assert_never(method)


# ------------------------------------------------------------------ files


def prepare(folder: Path) -> None:
    """The folder, made if need be. Raises ``LpmError``: E0807 if it holds something else, E0808."""
    ours = {CALIBRATION_NAME, CHECKPOINT_NAME, POSTERIOR_NAME, REPORT_NAME}
    place = Span(Source(str(folder), ""), 0, 0)
    with writing(folder):
        if folder.exists() and not folder.is_dir():
            raise fail("E0807", "This is a file, not a folder.", place, "Give another name with --out.")
        if folder.is_dir() and any(folder.iterdir()) and not any((folder / name).is_file() for name in ours):
            raise fail("E0807", "This folder has files in it that are not of an earlier calibration.", place,
                       "Give an empty or new folder with --out.")  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        for name in ours - {CHECKPOINT_NAME}:
            (folder / name).unlink(missing_ok=True)  # an old result would pass for the new one's
        (folder / ".writable").write_text("", encoding="utf-8")
        (folder / ".writable").unlink()


def write(result: Calibrated, model: Model, source: Source, folder: Path) -> None:
    """The three files of a result; ``calibration.json`` last of all."""
    with writing(folder):
        part = folder / f".{POSTERIOR_NAME}.part"
        result.posterior.to_netcdf(str(part), engine="h5netcdf")
        part.replace(folder / POSTERIOR_NAME)
        replace_file(folder / REPORT_NAME, calibration_page(model, source, result))
        replace_file(folder / CALIBRATION_NAME, result.record.model_dump_json(indent=2) + "\n")

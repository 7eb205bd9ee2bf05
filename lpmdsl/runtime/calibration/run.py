"""A whole calibration: data, method, predictive, verdict, files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import assert_never

import numpy as np

from lpmdsl.config import CALIBRATION_NAME, CalibrationOptions, Method
from lpmdsl.diagnostics import did_you_mean, fail
from lpmdsl.extras import CALIBRATION, optional, require_for_calibration
from lpmdsl.runtime.calibration.checkpoint import CHECKPOINT_NAME, Checkpoint, identity_of, open_checkpoint
from lpmdsl.runtime.calibration.model_checks.predict import predict
from lpmdsl.runtime.calibration.model_checks.r0_posterior import long_steps, reproduction_numbers
from lpmdsl.runtime.calibration.outcome import POSTERIOR_NAME, Calibrated, calibrated
from lpmdsl.runtime.calibration.page import calibration_page
from lpmdsl.runtime.calibration.posterior import STOPPED, Posterior, Tell
from lpmdsl.runtime.calibration.problem import Problem, read_problem, with_threads
from lpmdsl.runtime.engine.engines import threads_here
from lpmdsl.runtime.manifest import model_hash, now
from lpmdsl.runtime.results import REPORT_NAME
from lpmdsl.semantics.analyse import Facts
from lpmdsl.semantics.checks.studies.fits import ESTIMATORS
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source, Span
from lpmdsl.writing.folders import Contents, Folder, Say, open_folder, settle_if_free, unsaid
from lpmdsl.writing.plain import writing


def silent(stage: str, done: int, of: int, word: str) -> bool:
    """Shows no progress and never stops."""
    return True


def calibrate(
    model: Model, facts: Facts, source: Source, options: CalibrationOptions, data: Path | None, out: Path | None,
    resume: bool = False, tell: Tell = silent, force: bool = False, say: Say = unsaid,
) -> Calibrated:  # fmt: skip
    """The calibration that the model asks for, also written to ``out``.

    ``tell`` gets the progress and may stop the fit: the result is what there is by then. ``force``: files in ``out``
    that are not of an earlier calibration are replaced, and ``say`` is called with them before. Raises ``LpmError``.
    """
    started = now()
    require_for_calibration(options.method or next((c.method for c in model.calibrations), ""))
    problem = read_problem(model, facts, options, data, source)
    method = method_of(problem, options)
    if problem.nets and method != "gradient":
        name = problem.nets[0].family
        raise fail("E0937", f"`{name}` is given by a network, which is trained by its gradient and by nothing else.",
                   Span(Source("--method", method), 0, len(method)), "Leave --method out.")  # fmt: skip
    _load(method)
    sha256 = model_hash(model, source)
    if out is None:
        checkpoint = open_checkpoint(None, identity_of(problem, sha256, options), options, resume)
        return _calibrated(problem, method, checkpoint, sha256, started, tell)
    settle_if_free(out, FIT)
    checkpoint = open_checkpoint(out, identity_of(problem, sha256, options), options, resume, force)
    with open_folder(out, FIT, force, say) as folder:
        in_work = checkpoint.path is not None and checkpoint.path.parent == folder.work
        folder.begin(_EMPTY, keep=(CHECKPOINT_NAME,) if in_work else ())
        checkpoint.write = lambda data: folder.put(CHECKPOINT_NAME, data, is_result=True)
        return write(_calibrated(problem, method, checkpoint, sha256, started, tell), model, source, folder)


def _calibrated(
    problem: Problem, method: Method, checkpoint: Checkpoint, sha256: str, started: str, tell: Tell
) -> Calibrated:
    """The fit, what it predicts, and the verdict."""
    found = _fitted(problem, method, checkpoint, tell)
    threads = threads_here(problem.options.threads)
    predictive, r0 = None, {}
    if found.draws.size:
        predictive = predict(with_threads(problem, threads), found.draws, max(found.replicates, 16), tell)
        if predictive is None:
            found = replace(found, stopped=STOPPED)
        else:
            middle = problem.everything(problem.values(np.median(found.draws, axis=(0, 1))))
            r0 = reproduction_numbers(problem, found.draws, tell) if problem.options.r0 else {}
            found = replace(found, notes=(*found.notes, *long_steps(problem.model, middle)))
    return calibrated(problem, method, found, predictive, r0, sha256, checkpoint.seconds, started)


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
    require_for_calibration(method)
    for package in (*CALIBRATION[""], *CALIBRATION.get(method.split()[0], ())):
        optional(package)


def _fitted(problem: Problem, method: Method, checkpoint: Checkpoint, tell: Tell) -> Posterior:
    # Imported where they are needed: each brings packages that the others do without.
    match method:
        case "sampling":
            from lpmdsl.runtime.calibration.methods.chains import sample

            return sample(problem, checkpoint, tell)
        case "gradient":
            from lpmdsl.runtime.calibration.methods.gradient import climb
            from lpmdsl.runtime.calibration.methods.training import train

            return train(problem, checkpoint, tell) if problem.nets else climb(problem, checkpoint, tell)
        case "neural posterior":
            from lpmdsl.runtime.calibration.methods.neural import neural

            return neural(problem, checkpoint, tell)
        case "search":
            from lpmdsl.runtime.calibration.methods.search import search

            return search(problem, checkpoint, tell)
        case _:
            assert_never(method)


# ------------------------------------------------------------------ files

FIT = Contents("calibration", CALIBRATION_NAME, (CHECKPOINT_NAME, POSTERIOR_NAME, REPORT_NAME))
_EMPTY = '{"complete": false, "files": {}, "seal": ""}\n'
"""The list while a calibration goes on."""


def write(result: Calibrated, model: Model, source: Source, folder: Folder) -> Calibrated:
    """The files of a result, ``calibration.json`` last of all; the result as written."""
    with writing(folder.path):
        result.posterior.to_netcdf(str(folder.work / POSTERIOR_NAME), engine="h5netcdf")
    folder.adopt(POSTERIOR_NAME)
    folder.put(REPORT_NAME, calibration_page(model, source, result))
    record = result.record.model_copy(update={"files": folder.digests()})
    at = folder.finish(record.model_dump_json(indent=2) + "\n", record.complete)
    return replace(result, folder=at)

"""What a calibration has so far, in one file that replaces itself: ``--resume`` goes on from there."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from lpmdsl.config import CalibrationOptions
from lpmdsl.diagnostics import fail
from lpmdsl.runtime.calibration.problem import Problem
from lpmdsl.source import Source, Span

CHECKPOINT_NAME = "checkpoint.npz"
EVERY = 5.0
"""Seconds between two writings: what an abrupt end can lose at most."""
_DECIDES_NOTHING = {"threads"}


@dataclass(slots=True)
class Checkpoint:
    """Arrays by name, kept in ``path`` (None: in memory only). ``identity`` says which calibration they are of.

    ``before``: seconds that were spent on it before it was resumed.
    """

    path: Path | None
    identity: str
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    before: float = 0.0
    began: float = field(default_factory=perf_counter)
    written: float = field(default_factory=perf_counter)

    @property
    def seconds(self) -> float:
        """Spent so far, all together."""
        return self.before + perf_counter() - self.began

    def keep(self, arrays: dict[str, NDArray[Any]], now: bool = False) -> None:
        """Remembers arrays, and writes them if that was not done lately."""
        self.arrays |= arrays
        if self.path is None or (not now and perf_counter() - self.written < EVERY):
            return
        temporary = self.path.with_name(f".{self.path.name}.part")
        with temporary.open("wb") as file:
            kept = {"identity": np.array(self.identity), "seconds": np.array(self.seconds), **self.arrays}
            np.savez(file, **kept)  # type: ignore[arg-type]
        os.replace(temporary, self.path)
        self.written = perf_counter()

    def begins_with(self, name: str) -> dict[str, NDArray[Any]]:
        """The arrays whose names begin so, by the rest of their names."""
        return {key[len(name) :]: value for key, value in self.arrays.items() if key.startswith(name)}


def identity_of(problem: Problem, sha256: str, options: CalibrationOptions) -> str:
    """What decides the result: the model, the data and the options but for the number of threads."""
    digest = hashlib.sha256(sha256.encode())
    for piece in problem.pieces:
        digest.update(piece.data.values.tobytes())
        digest.update(piece.fitted.tobytes())
    digest.update(json.dumps(options.model_dump(exclude=_DECIDES_NOTHING), sort_keys=True).encode())
    return digest.hexdigest()


def open_checkpoint(folder: Path | None, identity: str, resume: bool) -> Checkpoint:
    """A new checkpoint, or with ``resume`` what was left. Raises ``LpmError`` (E0863) if that is another's."""
    path = folder / CHECKPOINT_NAME if folder is not None else None
    if not resume:
        return Checkpoint(path, identity)
    place = Span(Source("--resume", str(path or "")), 0, len(str(path or "")))
    if path is None or not path.is_file():
        raise fail("E0863", f"There is no {CHECKPOINT_NAME} to resume from.", place,
                   "Leave --resume out, or name the folder of the calibration with --out.")  # fmt: skip
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, BadZipFile) as error:
        raise fail("E0863", f"The checkpoint cannot be read: {error}.", place,
                   "Begin again without --resume.") from error  # fmt: skip
    if str(arrays.pop("identity", "")) != identity:
        raise fail("E0863", "This checkpoint is of another model, other data or other options.", place,
                   "Resume with the same model, data and options, or begin again without --resume.")  # fmt: skip
    before = float(arrays.pop("seconds", 0.0))
    return Checkpoint(path, identity, arrays, before)

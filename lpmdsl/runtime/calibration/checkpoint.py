"""State of a calibration so far, in one file that replaces itself: ``--resume`` goes on from there."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from lpmdsl.config import CalibrationOptions
from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.runtime.calibration.problem import Problem
from lpmdsl.source import Source, Span
from lpmdsl.writing.folders import UNFINISHED
from lpmdsl.writing.plain import place_of

CHECKPOINT_NAME = "checkpoint.npz"
EVERY = 5.0
"""Seconds between two writings: what an abrupt end can lose at most."""
_DECIDES_NOTHING = {"threads", "draws", "warmup", "r0"}
"""The draws may become more; warm-up is looked at where it was kept, as by itself it depends on the draws."""


@dataclass(slots=True)
class Checkpoint:
    """Arrays by name. ``identity`` says which calibration they are of, ``draws`` and ``warmup`` how long chains are.

    ``write`` keeps them in a file (None: in memory only). ``before``: seconds that were spent on it before it was
    resumed. ``path``: where they were read.
    """

    identity: str
    draws: int = 0
    warmup: int = 0
    write: Callable[[bytes], None] | None = None
    path: Path | None = None
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
        if self.write is None or (not now and perf_counter() - self.written < EVERY):
            return
        facts = {"identity": self.identity, "seconds": self.seconds, "draws": self.draws, "warmup": self.warmup}
        file = io.BytesIO()
        np.savez(file, **{name: np.array(value) for name, value in facts.items()}, **self.arrays)  # type: ignore[arg-type]
        self.write(file.getvalue())
        self.written = perf_counter()

    def begins_with(self, name: str) -> dict[str, NDArray[Any]]:
        """The arrays whose names begin so, by the rest of their names."""
        return {key[len(name) :]: value for key, value in self.arrays.items() if key.startswith(name)}


def identity_of(problem: Problem, sha256: str, options: CalibrationOptions) -> str:
    """Digest of all that decides the result but its length: model, data, and options but for the number of threads."""
    digest = hashlib.sha256(sha256.encode())
    for piece in problem.pieces:
        digest.update(piece.data.values.tobytes())
        digest.update(piece.fitted.tobytes())
    digest.update(json.dumps(options.model_dump(exclude=_DECIDES_NOTHING), sort_keys=True).encode())
    return digest.hexdigest()


def open_checkpoint(
    folder: Path | None, identity: str, options: CalibrationOptions, resume: bool, force: bool = False
) -> Checkpoint:
    """A new checkpoint, or with ``resume`` what was left; nothing is written. Raises ``LpmError``.

    E0863 where there is nothing that can be resumed, E0870 where an unfinished calibration would be lost; ``force``
    gives that up.
    """
    begun = None if folder is None else _read(folder / UNFINISHED / CHECKPOINT_NAME)
    done = None if folder is None else _read(folder / CHECKPOINT_NAME)
    found = _resumed(folder, (begun, done), identity, options) if resume else None
    if isinstance(begun, Checkpoint) and begun is not found and not force:
        raise fail("E0870", "An unfinished calibration is kept here, and it would be lost.",
                   place_of(begun.path or Path()),
                   "Go on with it by --resume and its own options, give another folder with --out, or begin again with "
                   "--force.")  # fmt: skip
    return found or new_checkpoint(identity, options)


def new_checkpoint(identity: str, options: CalibrationOptions) -> Checkpoint:
    """One that holds nothing yet; warm-up is half as long as the draws where nothing is said of it."""
    return Checkpoint(identity, options.draws, options.warmup or max(10, options.draws // 2))


def _resumed(
    folder: Path | None, kept: tuple[Checkpoint | str | None, ...], identity: str, options: CalibrationOptions
) -> Checkpoint:
    """The one that is of this calibration, made as long as is asked for now."""
    there = [k for k in kept if k is not None]
    if not there:
        raise _not_resumed(folder, f"There is no {CHECKPOINT_NAME} to resume from.",
                           "Leave --resume out, or name the folder of the calibration with --out.")  # fmt: skip
    found = next((k for k in there if isinstance(k, Checkpoint) and k.identity == identity), None)
    if found is None:
        why = next((k for k in there if isinstance(k, str)), None)
        if why is not None:
            raise _not_resumed(folder, f"The checkpoint cannot be read: {why}.", "Begin again without --resume.")
        raise _not_resumed(folder, "This checkpoint is of another model, other data or other options.",
                           "Resume with the same model, data and options, or begin anew without --resume.")  # fmt: skip
    if options.draws < found.draws:
        raise _not_resumed(folder, f"This calibration has {found.draws} draws a chain, and fewer are asked for.",
                           f"Resume with --draws {found.draws} or more.")  # fmt: skip
    if options.warmup not in (None, found.warmup):
        raise _not_resumed(folder, f"This calibration has a warm-up of {found.warmup}.",
                           f"Resume with --warmup {found.warmup}, or leave that out.")  # fmt: skip
    found.draws = options.draws
    return found


def _not_resumed(folder: Path | None, why: str, help: str) -> LpmError:
    path = str(folder / CHECKPOINT_NAME) if folder is not None else ""
    return fail("E0863", why, Span(Source("--resume", path), 0, len(path)), help)


def _read(path: Path) -> Checkpoint | str | None:
    """A kept checkpoint, None where there is none, or why it does not read."""
    if not path.is_file():
        return None
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        facts = {name: arrays.pop(name).item() for name in ("identity", "seconds", "draws", "warmup")}
    except (OSError, ValueError, BadZipFile, KeyError, EOFError) as error:
        return "it lacks parts" if isinstance(error, KeyError) else str(error)
    return Checkpoint(str(facts["identity"]), int(facts["draws"]), int(facts["warmup"]), None, path, arrays,
                      float(facts["seconds"]))  # fmt: skip

"""The files that a model was made of, and whether one of them has been saved since."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import watchfiles

from lpmdsl.diagnostics import fail
from lpmdsl.source import Source, Span

EVERY_MS = 1000
"""Longest time after which all files are looked at in any case: some file systems tell nothing of a change."""
WAIT_MS = 80
"""Time without another change that ends a save: editors write a file in several steps."""

Stamp = tuple[int, int, int] | None


def stamp_of(path: Path) -> Stamp:
    """Time of the last change in nanoseconds, size and number of a file; None where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


@dataclass(slots=True)
class Watched:
    """Stamps of the model, of the files that it uses and of its data, as they were when they were last read.

    One thread reads the files (``begin``, ``look``, ``settle``) while another asks whether they have changed.
    """

    model: Path
    _known: dict[Path, Stamp] = field(default_factory=dict)
    _seen: set[Path] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """Start a round: every file is looked at anew."""
        with self._lock:
            self._seen = set()
        self.look(self.model)

    def look(self, path: Path) -> None:
        """Note a file that is about to be read, also one that is not there: it may come."""
        with self._lock:
            if path not in self._seen:
                self._seen.add(path)
                self._known[path] = stamp_of(path)

    def settle(self) -> None:
        """End a round that came to its end: what it did not look at counts no longer."""
        with self._lock:
            self._known = {path: self._known[path] for path in self._seen}

    def changed(self) -> bool:
        """Return True if a file is another one than when it was last read or asked for here."""
        with self._lock:
            now = {path: stamp_of(path) for path in self._known}
            changed = now != self._known
            self._known = now
            return changed

    def folders(self) -> frozenset[Path]:
        """Folders in which the files lie; of a folder that is not there the nearest one above that is."""
        with self._lock:
            paths = list(self._known)
        return frozenset(_there(path.absolute().parent) for path in paths)


def _there(folder: Path) -> Path:
    return next((one for one in (folder, *folder.parents) if one.is_dir()), Path.cwd())


def saves(watched: Watched) -> Iterator[None]:
    """One item for every save, without end. Raises ``LpmError`` (E0770) where the system cannot watch files."""
    while True:
        folders = watched.folders()
        # Not the files themselves: most editors write another file and give it the name.
        changes = watchfiles.watch(
            *folders, watch_filter=None, recursive=False, step=WAIT_MS, rust_timeout=EVERY_MS, yield_on_timeout=True
        )
        try:
            for _ in changes:
                if watched.changed():
                    yield
                if watched.folders() != folders:
                    break
        except (OSError, RuntimeError) as error:
            raise fail(
                "E0770",
                f"This computer does not tell when files change: {error}.",
                Span(Source(str(watched.model), ""), 0, 0),
                "Set WATCHFILES_FORCE_POLLING=1 in the environment, and lpmc looks at the files by itself.",
            ) from error

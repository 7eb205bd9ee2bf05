"""The texts that are open in an editor, the folders that it shows, and what is known of each text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lpmdsl.diagnostics import Report
from lpmdsl.editor.known.analysis import Analysis
from lpmdsl.editor.known.library import OpenLibrary, Readings
from lpmdsl.semantics.model import Model
from lpmdsl.semantics.resolve.library import installed_folders
from lpmdsl.source import Source
from lpmdsl.syntax.parse import read_source, source_of

MOST_FILES = 2_000
"""Models of a folder that are looked through for uses of a name."""


@dataclass(slots=True)
class Workspace:
    """``texts``: the open ones by their path; ``folders``: those that the editor shows.

    ``allow_files``: models may read any plain file, as with the option of the command line.
    """

    folders: tuple[Path, ...] = ()
    allow_files: bool = False
    texts: dict[Path, str] = field(default_factory=dict)
    _readings: Readings = field(default_factory=Readings)
    _libraries: tuple[Path, ...] = field(default_factory=installed_folders)
    _kept: dict[Path, Analysis] = field(default_factory=dict)
    _good: dict[Path, Model] = field(default_factory=dict)

    def open(self, path: Path, text: str) -> None:
        """Take over a text that was opened or changed."""
        self.texts[path] = text
        self.forget()

    def close(self, path: Path) -> None:
        """From now on the file counts."""
        self.texts.pop(path, None)
        self._good.pop(path, None)
        self.forget()

    def forget(self) -> None:
        """Something has changed, here or on the disk: everything is looked at anew when it is asked for."""
        self._kept.clear()

    def analysis(self, path: Path) -> Analysis | None:
        """Facts about a text that is open or on the disk, None for one that cannot be read."""
        if path not in self._kept:
            made = self._analysed(path)
            if made is None:
                return None
            self._kept[path] = made
        return self._kept[path]

    def _analysed(self, path: Path) -> Analysis | None:
        report = Report()
        texts = {p.resolve(): text for p, text in self.texts.items()}
        library = OpenLibrary(folders=self._libraries, texts=texts, readings=self._readings)
        if path in self.texts:
            data = self.texts[path].encode("utf-8", "replace")
            source = source_of(path, data, report, allow_files=self.allow_files)
        else:
            source = read_source(path, report, allow_files=self.allow_files)
        if source is None and path not in self.texts:
            return None
        return Analysis(source or Source(path.name, "", path), library, tuple(report.diagnostics))

    def model(self, path: Path) -> Model | None:
        """The Model of a text, or of its last state without errors."""
        found = self.analysis(path)
        if found is not None and found.model is not None:
            self._good[path] = found.model
        return self._good.get(path)

    def paths(self) -> Iterator[Path]:
        """The open texts, then the models in the folders; links that lead out of them are left out."""
        yield from self.texts
        left = MOST_FILES
        for path in (p for folder in self.folders for p in _models_below(folder.resolve())):
            if left > 0 and path not in self.texts:
                left -= 1
                yield path


def _models_below(root: Path) -> Iterator[Path]:
    """The models in a folder and in those below it that are not hidden: packages and histories lie in hidden ones."""
    for folder, below, files in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in _NOT_OURS)
        for name in sorted(files):
            path = Path(folder) / name
            if name.endswith(".lpm") and path.resolve().is_relative_to(root):
                yield path


_NOT_OURS = {"node_modules", "__pycache__", "site-packages"}

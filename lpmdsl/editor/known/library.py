"""Used files as an editor has them: a text that is open and not saved stands in place of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lpmdsl.diagnostics import Diagnostic, Report
from lpmdsl.semantics.resolve.library import Found, Library
from lpmdsl.source import Source
from lpmdsl.syntax import tree
from lpmdsl.syntax.parse import parse, source_of


@dataclass(slots=True)
class Readings:
    """Used files that have been parsed, by their path, as long as their text is the same."""

    kept: dict[Path, tuple[Source, tree.Module, tuple[Diagnostic, ...]]] = field(default_factory=dict)

    def read(self, path: Path, source: Source, report: Report) -> tree.Module:
        """The tree of a used file; what is wrong in it goes into the report each time."""
        found = self.kept.get(path)
        if found is None or found[0] != source or found[0].readable != source.readable:
            inner = Report()
            found = self.kept[path] = (source, parse(source, inner), tuple(inner.diagnostics))
        for d in found[2]:
            report.add(d.code, d.message, d.span, d.help, d.labels, d.fixes)
        return found[1]


@dataclass(slots=True)
class OpenLibrary(Library):
    """Reads what ``lpmc check`` reads, through the same door. ``texts``: what is open in the editor, by its path."""

    texts: Mapping[Path, str] = field(default_factory=dict)
    readings: Readings = field(default_factory=Readings)

    def load(self, found: Found, use: tree.Use, report: Report) -> tree.Module | None:
        """The parsed file, or None when it cannot be read; what is wrong in it goes into ``report``."""
        source = self._open_text(found, report) if found.path in self.texts else self._read(found, use, report)
        return None if source is None else self.readings.read(found.path, source, report)

    def _open_text(self, found: Found, report: Report) -> Source | None:
        data = self.texts[found.path].encode("utf-8", "replace")
        return source_of(found.place.folder / found.name, data, report, found.place.folders, found.place.any_file)

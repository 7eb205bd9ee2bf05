"""Finding the file that a ``use`` names, and reading it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from lpmdsl.diagnostics import Report, did_you_mean, instead
from lpmdsl.reading.door import Place, is_there, leads_out, outside, place_of, read_file
from lpmdsl.reading.problem import Problem
from lpmdsl.source import Source, data_dir
from lpmdsl.syntax import tree
from lpmdsl.syntax.parse import parse, source_of

ENTRY_POINTS = "lpmdsl.libraries"


@dataclass(frozen=True, slots=True)
class Found:
    """A used file: its name as it is opened, from where, and its path without links."""

    name: str
    place: Place
    path: Path


@dataclass(slots=True)
class Library:
    """Reads used files, each once. ``folders``, those of installed packages, come after the using file's own."""

    folders: tuple[Path, ...] | None = None
    bundled: Path = field(default_factory=lambda: data_dir("stdlib"))
    _modules: dict[Path, tree.Module | None] = field(default_factory=dict)

    def find(self, use: tree.Use, report: Report) -> Found | None:
        """The file for ``use``: beside the using file, in an installed library, in the bundled ones.

        None after a report: it leads out of the folders that may be read (E0413), or is in none of them (E0207).
        """
        own, path = place_of(use.span.source), use.path.removesuffix(".lpm")
        for place in self._places(own):
            for name in (use.path, f"{use.path}.lpm"):
                if is_there(name, place):
                    return Found(name, place, (place.folder / name).resolve())
        if leads_out(use.path, own):
            outside(use.path).tell(report, use.path_span)
        else:
            report.add(
                "E0207",
                f"No file `{use.path}` beside this one, in an installed library or among the bundled ones."
                f"{did_you_mean(path, self.bundled_names())}",
                use.path_span,
                "Check the path; `.lpm` at its end may be left out.",
                fixes=instead(use.path_span, path, self.bundled_names()),
            )
        return None

    def _places(self, own: Place) -> Iterator[Place]:
        """Places to look in, one after another: what is installed is asked for when it comes to that."""
        yield own
        if self.folders is None:
            self.folders = installed_folders()
        yield from (Place(folder, (folder,)) for folder in (*self.folders, self.bundled))

    def load(self, found: Found, use: tree.Use, report: Report) -> tree.Module | None:
        """The parsed file, or None when it cannot be read; what is wrong in it goes into ``report``."""
        if found.path not in self._modules:
            source = self._read(found, use, report)
            self._modules[found.path] = None if source is None else parse(source, report)
        return self._modules[found.path]

    def _read(self, found: Found, use: tree.Use, report: Report) -> Source | None:
        try:
            file = read_file(found.name, found.place)
        except Problem as problem:
            problem.tell(report, use.path_span)
            return None
        return source_of(file.path, file.data, report, found.place.folders, found.place.any_file)

    def bundled_names(self) -> list[str]:
        """The bundled files as a ``use`` names them: ``lpm/seir``."""
        return [p.relative_to(self.bundled).with_suffix("").as_posix() for p in self.bundled.rglob("*.lpm")]


def installed_folders() -> tuple[Path, ...]:
    """The folders of packages that offer libraries (entry points of the group ``lpmdsl.libraries``)."""
    from importlib import metadata  # with mail and archives behind it: a model without `use` does without

    found: list[Path] = []
    for entry in metadata.entry_points(group=ENTRY_POINTS):
        spec = find_spec(entry.module)
        found += [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    return tuple(found)

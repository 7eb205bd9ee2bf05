"""Finding the file that a ``use`` names, and reading it."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from lpmdsl.diagnostics import Report, did_you_mean
from lpmdsl.source import data_dir
from lpmdsl.syntax import tree
from lpmdsl.syntax.parse import parse, read_source

ENTRY_POINTS = "lpmdsl.libraries"


@dataclass(slots=True)
class Library:
    """Reads used files, each once. ``folders`` come after the using file's own and before the bundled ones."""

    folders: tuple[Path, ...] = field(default_factory=lambda: installed_folders())
    bundled: Path = field(default_factory=lambda: data_dir("stdlib"))
    _modules: dict[Path, tree.Module | None] = field(default_factory=dict)

    def find(self, use: tree.Use) -> Path | None:
        """The file for ``use``: beside the using file, in an installed library, in the bundled ones; else None."""
        for folder in (use.span.source.directory, *self.folders, self.bundled):
            for candidate in (folder / use.path, folder / f"{use.path}.lpm"):
                if candidate.is_file():
                    return candidate.resolve()
        return None

    def load(self, path: Path, report: Report) -> tree.Module | None:
        """The parsed file, or None when it cannot be read; what is wrong in it goes into ``report``."""
        if path not in self._modules:
            source = read_source(path, report)
            self._modules[path] = None if source is None else parse(source, report)
        return self._modules[path]

    def suggestion(self, path: str) -> str:
        """`` Did you mean `lpm/seir`?`` among the bundled files."""
        known = [p.relative_to(self.bundled).with_suffix("").as_posix() for p in self.bundled.rglob("*.lpm")]
        return did_you_mean(path.removesuffix(".lpm"), known)


def installed_folders() -> tuple[Path, ...]:
    """The folders of packages that offer libraries (entry points of the group ``lpmdsl.libraries``)."""
    found: list[Path] = []
    for entry in metadata.entry_points(group=ENTRY_POINTS):
        spec = find_spec(entry.module)
        found += [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    return tuple(found)

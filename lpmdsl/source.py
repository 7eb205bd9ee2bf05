"""Source text, positions in it, where the grammar and the bundled library live, and where compiled things are kept."""

from __future__ import annotations

import os
import sys
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path

from lpmdsl.escaping import plain

MAX_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """One text file: its display name, its path on disk (``None`` for text from memory) and its text.

    A file may be called anything; hidden characters of its name are spelt in ``name``, which stands in messages.
    ``readable``: folders beside its own that the text may read files from; ``reads_anything``: every plain file.
    """

    name: str
    text: str
    path: Path | None = None
    readable: tuple[Path, ...] = field(default=(), repr=False, compare=False)
    reads_anything: bool = field(default=False, repr=False, compare=False)
    _line_starts: tuple[int, ...] = field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = [0, *(i + 1 for i, c in enumerate(self.text) if c == "\n")]
        object.__setattr__(self, "_line_starts", tuple(starts))
        object.__setattr__(self, "name", plain(self.name))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character offset, both counted from one."""
        row = bisect_right(self._line_starts, offset) - 1
        return row + 1, offset - self._line_starts[row] + 1

    def line(self, number: int) -> str:
        """The text of line ``number`` (from one), without its line break."""
        start = self._line_starts[number - 1]
        return self.text[start:].split("\n", 1)[0].rstrip("\r")

    @property
    def directory(self) -> Path:
        """Folder that relative paths in this file start from."""
        return self.path.parent if self.path else Path.cwd()


@dataclass(frozen=True, slots=True)
class Span:
    """The characters ``start`` up to (not including) ``end`` of a source."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        """Line of the first character, from 1."""
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        """Column of the first character, from 1."""
        return self.source.position(self.start)[1]

    @property
    def label(self) -> str:
        """``town_flu.lpm:61``: how generated code and reports name a place in the text."""
        return f"{self.source.name}:{self.line}"

    def __repr__(self) -> str:
        return f"<{self.label}:{self.column}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Span):
            return NotImplemented
        return (self.source.name, self.start, self.end) == (other.source.name, other.start, other.end)

    def __hash__(self) -> int:
        return hash((self.source.name, self.start, self.end))

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of ``other``."""
        return Span(self.source, self.start, max(self.end, other.end))


NOWHERE = Span(Source("<built in>", ""), 0, 0)


def data_dir(name: str) -> Path:
    """The folder ``grammar`` or ``stdlib``: inside an installed wheel, else beside the package."""
    inside = Path(__file__).parent / name
    return inside if inside.is_dir() else Path(__file__).parent.parent / name


def cache_dir() -> Path:
    """``$LPMDSL_CACHE``, else the user's cache folder (``~/.cache/lpmdsl``, ``%LOCALAPPDATA%\\lpmdsl``)."""
    chosen = os.environ.get("LPMDSL_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "lpmdsl"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "lpmdsl"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lpmdsl"

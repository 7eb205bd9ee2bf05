"""The one door through which a model's files are opened: which may be read, and that they are plain files.

A model is passed from hand to hand, so it may name files beside it and below, and nothing else of the reader's
machine; so may its libraries, from their own folders. ``allow_files`` of a command lifts that rule and no other.
A file is opened once, looked at by its descriptor, and everything is read from there.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

from lpmdsl.diagnostics import did_you_mean
from lpmdsl.escaping import plain
from lpmdsl.reading.problem import Problem
from lpmdsl.source import Source

MOST_BYTES = 2**30
"""The largest file that is read: 1 GiB."""
_SYSTEM = ("/proc", "/sys", "/dev")
_IDENTIFIER = re.compile(r"[^\W\d]\w{0,39}")


@dataclass(frozen=True, slots=True)
class Place:
    """Folder that file names of a text start from (``folder``), and the folders that may be read with all below them.

    ``any_file``: the person at the keyboard allowed every plain file.
    """

    folder: Path
    folders: tuple[Path, ...]
    any_file: bool = False

    def moved(self, folder: Path | None) -> Place:
        """The same with names that start from a folder that the person at the keyboard named."""
        return self if folder is None else replace(self, folder=folder, folders=(folder,))


@dataclass(frozen=True, slots=True)
class File:
    """Content of one file. ``quotable``: it lies where the model may read, so messages may show short cells."""

    name: str
    path: Path
    data: bytes
    quotable: bool


def _unseen(path: Path) -> None:
    """Nobody asks which files are looked for."""


_on_look: ContextVar[Callable[[Path], None]] = ContextVar("on_look", default=_unseen)


@contextmanager
def each_look(tell: Callable[[Path], None]) -> Iterator[None]:
    """Call ``tell`` with every file that this thread looks for where a text may read, there or not, before it does."""
    before = _on_look.set(tell)
    try:
        yield
    finally:
        _on_look.reset(before)


def place_of(source: Source, otherwise: str = "") -> Place:
    """Folder of the names in a text; ``otherwise`` for a text that has lost its path (a Model from JSON)."""
    folder = Path(otherwise) if source.path is None and otherwise else source.directory
    return Place(folder, (folder, *source.readable), source.reads_anything)


def read_file(name: str, place: Place) -> File:
    """The bytes of the file that a text names. Raises ``Problem``: it is outside, not there, no plain file, too large.

    Nothing outside is opened or looked at, so a message does not say whether it is there.
    """
    must_be_there(name, place)
    path = place.folder / name
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise unreadable(name, (error.strerror or "it cannot be opened").lower()) from error
    with os.fdopen(handle, "rb") as stream:
        found = os.fstat(handle)
        really = _path_of(handle, path)
        if not place.any_file and not _within(really, place):
            raise outside(name)  # it was put in place of another between the look and the opening
        _judge(found.st_mode, found.st_size, really, name)
        try:
            data = stream.read(found.st_size)
        except OSError as error:
            raise unreadable(name, (error.strerror or "it cannot be read").lower()) from error
    return File(shown_name(name), path, data, _within(really, place))


def must_be_there(name: str, place: Place) -> None:
    """Raises ``Problem`` where ``read_file`` would before it reads."""
    path = place.folder / name
    if not place.any_file and _leads_out(name, path, place):
        raise outside(name)
    _on_look.get()(path)
    _must_be_plain(path, name, place)


def is_there(name: str, place: Place) -> bool:
    """Return True if the text may read a file of this name and it is there; its contents are not looked at."""
    path = place.folder / name
    try:
        if not place.any_file and _leads_out(name, path, place):
            return False
        _on_look.get()(path)
        return path.is_file()
    except (OSError, ValueError):
        return False


def leads_out(name: str, place: Place) -> bool:
    """Return True if a name leads to where the text may not read."""
    return not place.any_file and _leads_out(name, place.folder / name, place)


def outside(name: str) -> Problem:
    """The refusal of a file that a text may not read."""
    return Problem(
        "outside",
        f"`{shown_name(name)}` leads out of the folder of the model, where a model may not read.",
        "Put the file beside the model or below it; or say that you trust this model with your files: --allow-files.",
    )


def unreadable(name: str, why: str, help: str = "") -> Problem:
    """A file that cannot be used, and why."""
    return Problem("unreadable", f"`{shown_name(name)}` cannot be read: {why.rstrip('.')}.", help)


def shown_name(name: str) -> str:
    """A file's name for a message: one line, not too long."""
    text = plain(name)
    return text if len(text) <= 120 else text[:80] + "…" + text[-36:]


def names_shown(names: Iterable[str]) -> str:
    """Names of columns for a help: those that are plain identifiers, twelve at most, and how many others there are."""
    every = list(names)
    known = [name for name in every if _IDENTIFIER.fullmatch(name)]
    others = len(every) - len(known[:12])
    told = ", ".join(f"`{name}`" for name in known[:12])
    return f"{told} and {others} more" if told and others else told or f"{others}, none with a plain name"


def near(word: str, names: Iterable[str]) -> str:
    """The nearest of those names that are plain identifiers, as a question."""
    return did_you_mean(word, [name for name in names if _IDENTIFIER.fullmatch(name)])


# ------------------------------------------------------------------ rules


def _leads_out(name: str, path: Path, place: Place) -> bool:
    foreign = PureWindowsPath(name)
    if Path(name).is_absolute() or (sys.platform == "win32" and (foreign.drive or foreign.root)):
        return True
    try:
        return "\0" in name or not _within(path.resolve(), place)
    except (OSError, RuntimeError, ValueError):
        return True


def _within(path: Path, place: Place) -> bool:
    return any(path.is_relative_to(folder.resolve()) for folder in place.folders)


def _must_be_plain(path: Path, name: str, place: Place) -> None:
    """Raises before anything is opened: opening a device or a pipe may do something already."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        absent = isinstance(error, FileNotFoundError | NotADirectoryError)
        if not absent:
            why = error.strerror if isinstance(error, OSError) else "its name is no name of a file"
            raise unreadable(name, (why or "it cannot be opened").lower()) from error
        raise Problem(
            "absent",
            f"There is no file `{shown_name(name)}` here.{did_you_mean(path.name, _beside(path, place))}",
            "The path starts from the folder of the file that names it.",
        ) from error
    _judge(found.st_mode, found.st_size, path, name)


def _judge(mode: int, size: int, path: Path, name: str) -> None:
    if stat.S_ISDIR(mode):
        raise unreadable(name, "it is a folder", "Name a file in it.")
    if not stat.S_ISREG(mode) or str(path).startswith(tuple(f"{folder}/" for folder in _SYSTEM)):
        raise unreadable(name, "it is no plain file", "Devices, pipes and files of the system are never read.")
    if size > MOST_BYTES:
        raise unreadable(
            name,
            f"it has {size / 2**30:.1f} GiB, and {MOST_BYTES // 2**30} GiB is the most",
            "Parquet takes a fraction of the room of text.",
        )


def beside(place: Place) -> list[str]:
    """The names of the files where the names of a text start from."""
    return _beside(place.folder / "any", place)


def _beside(path: Path, place: Place) -> list[str]:
    """Files that could be meant, where the text may read."""
    try:
        if place.any_file or _within(path.parent.resolve(), place):
            return [plain(p.name) for p in path.parent.iterdir() if p.is_file()]
    except OSError:
        pass
    return []


def _path_of(handle: int, path: Path) -> Path:
    """Path at which an open file really lies, by its descriptor where the system says so."""
    try:
        return Path(os.readlink(f"/proc/self/fd/{handle}"))
    except OSError:
        return path.resolve()

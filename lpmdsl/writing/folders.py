"""A folder of results that changes at once: what is there stays whole until its successor is.

Everything is made in ``unfinished`` inside the folder. When it is whole, that gets another name, which is the moment at
which it counts, and its files move up, the list last. Whoever opens the folder after an abrupt end finishes the move.
Only files that the list there names, with the digests that it names, are ever replaced or removed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.writing.locks import LOCK_NAME, Lock, lock
from lpmdsl.writing.plain import append, place_of, require_plain, sync_file, sync_folder, write_new, writing
from lpmdsl.writing.seals import digest_of, listed, sealed

UNFINISHED = "unfinished"
MOVING = ".finished"
Say = Callable[[str], None]
"""Told in words what ``force`` is about to replace."""


def unsaid(line: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Files that one command writes: ``listing`` names the ``files`` with their digests. ``what``: in words,
    ``run``."""

    what: str
    listing: str
    files: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all files, the listing last."""
        return (*self.files, self.listing)


@dataclass(slots=True)
class Folder:
    """A folder that is ours alone until it is left: ``with open_folder(...) as folder``."""

    path: Path
    contents: Contents
    force: bool
    _lock: Lock
    _made: tuple[Path, ...]
    _written: set[str] = field(default_factory=set)
    _begun: bool = False
    _keep: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Lets others in; a failed beginning that holds no results leaves nothing behind."""
        try:
            with suppress(OSError):
                if self._begun and not self._keep:
                    _clear(self.work, self.contents.names)
        finally:
            self._lock.release()
        _unmake(self._made)

    @property
    def work(self) -> Path:
        """Folder of the files until they are whole."""
        return self.path / UNFINISHED

    def begin(self, record: str, keep: tuple[str, ...] = ()) -> None:
        """Makes room for new results: an unfinished one that is there gives way, but for the files to ``keep``.

        ``record``: JSON with an empty ``files`` and ``seal``.
        """
        with writing(self.path):
            self.work.mkdir(exist_ok=True)
            # The list goes last, or an end in between would leave files that nobody knows to be ours.
            for name in self.contents.names:
                if name not in keep:
                    _remove(self.work, name)
            self._begun, self._written = True, {n for n in keep if (self.work / n).is_file()}
            self._keep = bool(self._written)
            self._replace(self.contents.listing, sealed(record))

    def put(self, name: str, data: str | bytes, is_result: bool = False) -> None:
        """One whole file of the new results; one that ``is_result`` stays whatever happens after."""
        with writing(self.path):
            self._replace(name, data)
            self._written.add(name)
            self._keep |= is_result

    def append(self, name: str, text: str) -> None:
        """More lines of a file that grows, readable from now on."""
        with writing(self.path):
            append(self.work / name, text)
            self._written.add(name)
            self._keep = True

    def adopt(self, name: str) -> None:
        """A file that a library has written into ``work``."""
        with writing(self.path):
            sync_file(self.work / name)
            self._written.add(name)
            self._keep = True

    def digests(self) -> dict[str, str]:
        """Of the new results so far."""
        with writing(self.path):
            for name in self._written:
                sync_file(self.work / name)
            return {name: digest_of(self.work / name) for name in self.contents.files if name in self._written}

    def finish(self, record: str, is_whole: bool) -> Path:
        """Move the results up and return their folder: ``work`` still if they are not whole and would replace others.

        ``record``: JSON with ``digests()`` in ``files`` and an empty ``seal``. Raises ``LpmError``: E0865 where
        somebody changed what was to be replaced; the new results are kept in ``work`` then.
        """
        with writing(self.path):
            self._replace(self.contents.listing, sealed(record))
            sync_folder(self.work)
            self._keep = True
            if not is_whole and listed(self.path / self.contents.listing) is not None:
                return self.work
            self._recheck()
            os.rename(self.work, self.path / MOVING)
            _move_up(self.path, self.contents)
        return self.path

    def _replace(self, name: str, data: str | bytes) -> None:
        part = _part(self.work, name)
        part.unlink(missing_ok=True)
        write_new(part, data)
        os.replace(part, self.work / name)

    def _recheck(self) -> None:
        if self.force:
            return
        changed = in_the_way(self.path, self.contents)
        if changed:
            raise fail("E0865", f"`{changed[0]}` was changed while the {self.contents.what} went on: the new results "
                       f"are kept in {self.work}.", place_of(self.path / changed[0]), _HELP)  # fmt: skip


_HELP = "Give another folder with --out, or move the file away; --force replaces it."


def open_folder(path: Path, contents: Contents, force: bool = False, say: Say = unsaid) -> Folder:
    """The folder, made if need be, and locked. Nothing in it is touched yet.

    Raises ``LpmError``: E0807 for what is no folder of ours, E0865 for a file of somebody else's, E0866 for what is no
    plain file, E0868 where another program writes, E0808 where nothing can be written.
    """
    with writing(path):
        if path.exists() and not path.is_dir():
            raise fail("E0807", "This is a file, not a folder.", place_of(path), "Give another name with --out.")
        made = tuple(p for p in (path, *path.parents) if not p.exists())
        path.mkdir(parents=True, exist_ok=True)
        held = lock(path)
    try:
        with writing(path):
            settle(path, contents)
        _check(path, contents, force, say)
    except BaseException:
        held.release()
        _unmake(made)
        raise
    return Folder(path, contents, force, held, made)


def _check(path: Path, contents: Contents, force: bool, say: Say) -> None:
    """Raises ``LpmError`` for what must not be replaced; with ``force`` says what will be."""
    if (path / UNFINISHED).is_symlink() or (path / UNFINISHED).is_file():
        raise fail("E0866", "This name is for the folder of what is unfinished, and something else has it.",
                   place_of(path / UNFINISHED), "Move it away, or give another folder with --out.")  # fmt: skip
    others = {p.name for p in path.iterdir()} - {LOCK_NAME, UNFINISHED}
    is_new = not others and not _holds_anything(path / UNFINISHED, contents)
    foreign = [*in_the_way(path, contents), *in_the_way(path / UNFINISHED, contents)]
    lists = (path / contents.listing, path / UNFINISHED / contents.listing)
    if not (is_new or foreign or force or any(listed(p) is not None for p in lists)):
        raise fail("E0807", f"This folder has files in it but no {contents.listing}: it is not an earlier "
                   f"{contents.what}'s.", place_of(path), "Give an empty or new folder with --out; --force writes "
                   "into this one.")  # fmt: skip
    if foreign and not force:
        raise fail("E0865", f"No earlier {contents.what} wrote this file as it is, and it would be replaced.",
                   place_of(path / foreign[0]), _HELP)  # fmt: skip
    for name in foreign:
        say(f"--force: {path / name} is replaced, and no earlier {contents.what} wrote it as it is")


def in_the_way(path: Path, contents: Contents) -> list[str]:
    """The files that would be replaced though they are not ours or were changed. Raises ``LpmError`` E0866.

    While a run goes on its list is empty: then what stands beside it is ours.
    """
    ours = listed(path / contents.listing)
    there = [name for name in contents.names if require_plain(path / name)]
    if ours is None or not path.is_dir():
        return there
    if not ours and path.name == UNFINISHED:
        return []
    return [n for n in there if n != contents.listing and ours.get(n) != digest_of(path / n)]


def settle(path: Path, contents: Contents) -> None:
    """Finishes a move that an abrupt end broke off. Whoever calls this holds the lock."""
    if (path / MOVING).is_dir():
        _move_up(path, contents)


def settle_if_free(path: Path, contents: Contents) -> None:
    """The same before reading, unless a program is at it or nothing can be written here."""
    if not (path / MOVING).is_dir():
        return
    with suppress(OSError, LpmError):
        held = lock(path)
        try:
            settle(path, contents)
        finally:
            held.release()


def _move_up(path: Path, contents: Contents) -> None:
    """Old files that have no successor go, the new ones take their places, the list last. May be done again."""
    moving = path / MOVING
    new, old = listed(moving / contents.listing), listed(path / contents.listing)
    if new is not None:
        for name in set(old or {}) - set(new):
            if name in contents.files and (path / name).is_file() and (old or {})[name] == digest_of(path / name):
                os.unlink(path / name)
        for name in (*new, contents.listing):
            if (moving / name).is_file():
                os.replace(moving / name, path / name)
        sync_folder(path)
    if any(moving.iterdir()):  # somebody put files there
        os.rename(moving, path / UNFINISHED)
    else:
        os.rmdir(moving)


def _holds_anything(folder: Path, contents: Contents) -> bool:
    """Return True if there is more than what a beginning that was broken off had begun to write."""
    parts = {_part(folder, name) for name in contents.names}
    return folder.is_dir() and any(p not in parts for p in folder.iterdir())


def _unmake(made: tuple[Path, ...]) -> None:
    """Removes the folders that were made and are empty again, from the innermost on."""
    with suppress(OSError):
        for folder in made:
            os.rmdir(folder)


def _part(work: Path, name: str) -> Path:
    return work / f".{name}.part"


def _remove(work: Path, name: str) -> None:
    _part(work, name).unlink(missing_ok=True)
    (work / name).unlink(missing_ok=True)


def _clear(work: Path, names: tuple[str, ...]) -> None:
    for name in names:
        _remove(work, name)
    os.rmdir(work)

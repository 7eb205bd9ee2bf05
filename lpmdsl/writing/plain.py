"""Single files, written whole: an end at any moment leaves the old file or the new one.

Nothing but a plain file is ever replaced: no device, pipe, folder or link.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.source import Source, Span

_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_KINDS = {
    stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket",
}  # fmt: skip


def place_of(path: Path) -> Span:
    """The place that a diagnostic about a file names."""
    return Span(Source(str(path), ""), 0, 0)


@contextmanager
def writing(path: Path, help: str = "Give another place with --out.") -> Iterator[None]:
    """Turns what the operating system refuses (no room, no right, too long a name) into E0808."""
    try:
        yield
    except OSError as error:
        raise unwritten(path, error, help) from error


def unwritten(path: Path, error: OSError, help: str = "Give another place with --out.") -> LpmError:
    """E0808 with the system's own reason."""
    reason = error.strerror or str(error)
    return fail("E0808", f"This cannot be written: {reason}.", place_of(path), help)


def require_plain(path: Path) -> bool:
    """Return True if there is a file. Raises ``LpmError`` E0866 where something else than a plain file has the name."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        raise unwritten(path, error) from error
    if stat.S_ISREG(mode):
        return True
    kind = _KINDS.get(stat.S_IFMT(mode), "no plain file")
    leads = f" It leads to {os.path.realpath(path)}." if stat.S_ISLNK(mode) else ""
    raise fail("E0866", f"This is {kind}, and only a plain file is written.{leads}", place_of(path),
               "Give the name of a plain file.")  # fmt: skip


def require_other(path: Path, read: Iterable[Path | None]) -> None:
    """Raises ``LpmError`` E0867 where a page would replace one of the files that it is made from."""
    for source in read:
        with suppress(OSError):
            if source is not None and os.path.samefile(path, source):
                raise fail("E0867", "This is the model itself, and it would be lost.", place_of(path),
                           f"Give another name: --out {Path(source.name).with_suffix('.html')}.")  # fmt: skip


def require_unread(path: Path, text: str) -> None:
    """Raises ``LpmError`` E0865 where a file is no longer the text that was read from it."""
    with writing(path):
        now = path.read_bytes()
    if _lines(now.removeprefix(b"\xef\xbb\xbf")) != _lines(text.encode()):
        raise fail("E0865", "Another program changed this file at this moment: it is left as it is.", place_of(path),
                   "Save it there, and try again.")  # fmt: skip


def _lines(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def write_whole(path: Path, data: str | bytes, help: str = "Give another place with --out.") -> None:
    """Writes beside the file, waits until it is on the disk, and renames. Raises ``LpmError`` E0808, E0866."""
    is_there = require_plain(path)
    with writing(path, help):
        beside = _beside(path)
        try:
            write_new(beside, data, stat.S_IMODE(os.lstat(path).st_mode) if is_there else None)
            os.replace(beside, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(beside)
            raise
        sync_folder(path.parent)


def create(path: Path, data: str | bytes) -> None:
    """A new file, whole from the moment it has its name. Raises ``FileExistsError``, ``OSError``."""
    if os.path.lexists(path):
        raise FileExistsError(path)
    beside = _beside(path)
    try:
        write_new(beside, data)
        try:
            os.link(beside, path)  # refuses where the name has been taken in the meantime
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            os.rename(beside, path)
    finally:
        with suppress(OSError):
            os.unlink(beside)


def append(path: Path, text: str) -> None:
    """Adds lines to a file; a line that an abrupt end has cut short is ended first."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _FLAGS, 0o666), "r+b") as out:
        size = out.seek(0, os.SEEK_END)
        if size:
            out.seek(size - 1)
            if out.read(1) != b"\n":
                text = "\n" + text
        out.write(text.encode())


def write_new(path: Path, data: str | bytes, mode: int | None = None) -> None:
    """A file that is not there yet, on the disk when this returns."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o666)
    with os.fdopen(handle, "wb") as out:
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(out.fileno(), mode)
        out.write(data.encode() if isinstance(data, str) else data)
        out.flush()
        os.fsync(out.fileno())


def sync_file(path: Path) -> None:
    """Waits until what a library wrote is on the disk."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Waits until the names in a folder are on the disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems have no such call for folders
            os.fsync(handle)
    finally:
        os.close(handle)


def _beside(path: Path) -> Path:
    """A name in the same folder that nobody has, short whatever the file is called."""
    return path.with_name(f".lpmc-{secrets.token_hex(6)}.part")

"""One writer at a time in a folder: a lock of the operating system, which goes with the program that holds it."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lpmdsl.diagnostics import fail
from lpmdsl.writing.plain import place_of

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK_NAME = ".lpmc.lock"
_WITHOUT = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL}
"""Errors of a file system that knows no locks."""


@dataclass(slots=True)
class Lock:
    """A held lock. The file that carries it may stay behind a program that was killed: it holds nobody up."""

    path: Path
    _handle: int

    def release(self) -> None:
        """Lets others in."""
        try:
            with suppress(OSError):
                os.unlink(self.path)
        finally:
            os.close(self._handle)


def lock(folder: Path) -> Lock:
    """The lock of a folder that is there. Raises ``LpmError`` E0868 at once where another program holds it."""
    path = folder / LOCK_NAME
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            _take(handle)
            if os.path.samestat(os.stat(path), os.fstat(handle)):
                return Lock(path, handle)
        except FileNotFoundError:
            pass  # released in between: the file that we hold has no name any more
        except OSError as error:
            if error.errno in _WITHOUT:
                return Lock(path, handle)
            os.close(handle)
            if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise fail("E0868", "Another run writes into this folder at this moment.", place_of(folder),
                           "Wait for it, or give another folder with --out.") from None  # fmt: skip
            raise
        os.close(handle)


def _take(handle: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

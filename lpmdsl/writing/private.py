"""The folder of what is kept between runs: private, for what lies in it is run as code."""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from lpmdsl.diagnostics import Report
from lpmdsl.writing.plain import place_of

_told = Report()


def take_told() -> Report:
    """Return what is to be said of such folders at the end of a command, and forget it."""
    taken = Report(list(_told.diagnostics))
    _told.diagnostics.clear()
    return taken


@cache
def private_dir(chosen: Path) -> Path | None:
    """``chosen``, made for this user alone; else a folder that goes with the program; None where nothing is written.

    A folder that somebody else owns or may write to is not used.
    """
    why = _unfit(chosen)
    if not why:
        return chosen
    try:
        folder = Path(tempfile.mkdtemp(prefix="lpmdsl-"))
    except OSError:
        folder = None
    else:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _told.add("N0871", f"Compiled kernels cannot be kept here: {why}. They are made anew in every run.",
             place_of(chosen), "Set LPMDSL_CACHE to a folder that only you can write to.")  # fmt: skip
    return folder


def _unfit(folder: Path) -> str:
    """Reason why a folder cannot be used, in words; nothing if it can."""
    try:
        if not os.path.lexists(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.mkdir(folder, 0o700)
        found = os.stat(folder)
        if not stat.S_ISDIR(found.st_mode):
            return "it is no folder"
        if os.name == "posix":
            if found.st_uid != os.geteuid():
                return "somebody else owns it"
            if found.st_mode & 0o022:
                return "others may write to it"
        handle, probe = tempfile.mkstemp(dir=folder, prefix=".lpmc-")
        os.close(handle)
        os.unlink(probe)
    except OSError as error:
        return error.strerror or str(error)
    return ""

"""A disk that fails at the n-th call that changes it, once or for good: everything a program can be stopped at."""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

CHANGES = ("replace", "rename", "link", "unlink", "mkdir", "rmdir", "fsync")
MOST = 400


class Killed(BaseException):
    """The end of a program at any moment: nothing after it changes the disk."""


class Disk:
    """Counts what changes the disk; the call number ``at`` fails, and with ``is_end`` every one after it."""

    def __init__(self, at: int, is_end: bool) -> None:
        self.at, self.is_end, self.calls = at, is_end, 0

    @property
    def failed(self) -> bool:
        return self.calls >= self.at

    def call(self) -> None:
        self.calls += 1
        if self.is_end and self.calls >= self.at:
            raise Killed
        if self.calls == self.at:
            raise OSError(errno.ENOSPC, "No space left on device")


class _File:
    """An open file whose writes count; a program's end leaves half of what was being written."""

    def __init__(self, file: Any, disk: Disk) -> None:
        self.file, self.disk = file, disk

    def write(self, data: Any) -> int:
        try:
            self.disk.call()
        except BaseException:
            self.file.write(data[: len(data) // 2])
            self.file.flush()
            raise
        return self.file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()


@contextmanager
def failing(at: int, is_end: bool) -> Iterator[Disk]:
    """The operating system's calls on such a disk."""
    disk = Disk(at, is_end)
    with pytest.MonkeyPatch.context() as patch:
        for name in CHANGES:
            patch.setattr(os, name, _counted(getattr(os, name), disk))
        real_open, real_fdopen, real_text = os.open, os.fdopen, io.open

        def os_open(path: Any, flags: int, *more: Any, **named: Any) -> int:
            if flags & os.O_CREAT:
                disk.call()
            return real_open(path, flags, *more, **named)

        def text_open(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
            if not set(mode) & set("wax+"):
                return real_text(file, mode, *more, **named)
            disk.call()
            return _File(real_text(file, mode, *more, **named), disk)

        patch.setattr(os, "open", os_open)
        patch.setattr(os, "fdopen", lambda *a, **k: _File(real_fdopen(*a, **k), disk))
        patch.setattr(io, "open", text_open)
        patch.setattr(builtins, "open", text_open)
        yield disk


def _counted(call: Callable[..., Any], disk: Disk) -> Callable[..., Any]:
    def counted(*given: Any, **named: Any) -> Any:
        disk.call()
        return call(*given, **named)

    return counted


def at_every_write(is_end: bool, prepare: Callable[[], None], command: Callable[[], Any], look: Callable[[], None],
                   errors: tuple[type[BaseException], ...]) -> int:  # fmt: skip
    """Fails the first, the second, … call until ``command`` gets by; ``look`` looks at what is there each time.

    How many calls failed.
    """
    for at in count(1):
        assert at < MOST, "it never got by"
        prepare()
        with failing(at, is_end) as disk:
            try:
                command()
            except (Killed, *errors):
                assert disk.failed
        look()
        if not disk.failed:
            return at - 1
    raise AssertionError

"""Machine code that is kept between runs, each file with its digest: what is cut short or garbled is made anew.

Numba reads its files as they are; a damaged one would end the program, at times without a word.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import IndexDataCacheFile
from numba.core.dispatcher import Dispatcher

from lpmdsl.writing.seals import digest


class _SealedFiles(IndexDataCacheFile):
    """Numba's files of one function, each with the SHA-256 of what stands before it at its end."""

    def load(self, key: Any) -> Any:
        try:
            return super().load(key)
        except Exception:  # whatever it holds: it is made anew
            return None

    def save(self, key: Any, data: Any) -> None:
        with suppress(OSError):  # no room: the code serves this run and is made again in the next
            super().save(key, data)

    def _load_index(self) -> Any:
        return super()._load_index() if _is_sound(Path(self._index_path)) else {}

    def _load_data(self, name: str) -> Any:
        if not _is_sound(Path(self._data_path(name))):
            raise OSError("the file is damaged")
        return super()._load_data(name)

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[Any]:
        out = io.BytesIO()
        yield out
        with super()._open_for_write(filepath) as file:
            file.write(out.getvalue() + digest(out.getvalue()).encode())


def _is_sound(path: Path) -> bool:
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return data[-64:] == hashlib.sha256(data[:-64]).hexdigest().encode()


def seal(dispatcher: Any) -> None:
    """Keeps the machine code of a function of Numba in files that say whether they are whole."""
    files = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if type(files) is IndexDataCacheFile:
        files.__class__ = _SealedFiles


def seal_all(module: Any) -> None:
    """The same for every function of a module."""
    for value in vars(module).values():
        if isinstance(value, Dispatcher):
            seal(value)


def njit(*, cache: bool = False, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Numba's ``njit``; with ``cache`` kept in sealed files, or not at all where there is no place to write."""
    made = numba.njit(**options)

    def decorated(function: Callable[..., Any]) -> Any:
        dispatcher = made(function)
        if cache:
            with suppress(RuntimeError, OSError):
                dispatcher.enable_caching()
            seal(dispatcher)
        return dispatcher

    return decorated

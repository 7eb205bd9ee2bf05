"""Set-up work in pieces that a few threads share; what the pieces are never depends on how many threads there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Piece = TypeVar("Piece")
Made = TypeVar("Made")
_threads: ContextVar[int] = ContextVar("threads", default=1)


@contextmanager
def on_threads(threads: int) -> Iterator[None]:
    """Within this block ``each`` uses up to so many threads. Generators need not know how many."""
    before = _threads.set(threads)
    try:
        yield
    finally:
        _threads.reset(before)


def each(work: Callable[[Piece], Made], pieces: Sequence[Piece]) -> list[Made]:
    """``work`` of every piece, in order. It should spend its time where the interpreter's lock is released.

    The first piece is done alone: it may compile, which no two threads should do at once.
    """
    threads = min(_threads.get(), len(pieces) - 1)
    if threads <= 1:
        return [work(piece) for piece in pieces]
    first = work(pieces[0])
    with ThreadPoolExecutor(threads) as pool:
        return [first, *pool.map(work, pieces[1:])]


def spans(length: int, size: int) -> list[tuple[int, int]]:
    """0 … length cut into spans of ``size``, the last one shorter."""
    return [(first, min(first + size, length)) for first in range(0, length, size)]

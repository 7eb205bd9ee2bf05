"""Room for the arrays of a run, on large pages of memory.

What lies at random places is found through tables of pages, and with pages of 4 KiB a processor forgets most entries
between two uses; with pages of 2 MiB it has nearly all. 100 days on ties at random, one thread, seconds with and
without: 1 M agents 0.130 and 0.135, 8.4 M agents 2.2 and 3.5.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Set
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

LEAST = 1 << 16
"""Octets from which on an array has its place here."""
LARGE = 1 << 22
"""Octets from which on numpy asks for large pages itself for what it copies."""
UNTOUCHED = 1 << 25
"""Octets from which on zeros are not written: a run may never come to them."""
PAGE, LINE = 1 << 21, 64


def together(arrays: Mapping[str, NDArray], shared: Set[str], zeros: Set[str]) -> dict[str, NDArray]:
    """The arrays that are worth it, moved side by side into one piece of memory. None where they would fill no page.

    ``shared``: arrays that a run only reads; large ones stay where they are. ``zeros``: those of nothing but zeros.
    """
    chosen = {n: a for n, a in arrays.items() if a.nbytes >= LEAST and not (n in shared and a.nbytes >= LARGE)}
    octets = sum(_whole(a.nbytes, LINE) for a in chosen.values())
    if octets < PAGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return {}
    room = _large_pages(octets)
    moved: dict[str, NDArray] = {}
    at = 0
    for name, array in chosen.items():
        place = room[at : at + array.nbytes].view(array.dtype).reshape(array.shape)
        if not (name in zeros and array.nbytes >= UNTOUCHED):
            place[...] = array
        moved[name] = place
        at += _whole(array.nbytes, LINE)
    return moved


def _whole(octets: int, unit: int) -> int:
    """The number rounded up to a multiple."""
    return -(-octets // unit) * unit


def _large_pages(octets: int) -> NDArray[np.uint8]:
    """Zeros that begin where a large page does. They are given back with the last array that lies in them."""
    held = mmap.mmap(-1, _whole(octets, PAGE) + PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a system without large pages
        held.madvise(mmap.MADV_HUGEPAGE)
    room = np.frombuffer(held, np.uint8)
    first = -room.ctypes.data % PAGE
    return room[first : first + octets]

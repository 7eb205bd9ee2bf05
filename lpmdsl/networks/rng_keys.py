"""Sites: the place of a draw in the text; apart from the generator, so that checking needs no compiler of theirs."""

from __future__ import annotations

from hashlib import blake2s


def site(path: str) -> int:
    """The 32-bit number of a place in the text: the first four bytes, little endian, of ``blake2s(path)``."""
    return int.from_bytes(blake2s(path.encode()).digest()[:4], "little")

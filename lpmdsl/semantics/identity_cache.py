"""Results kept by the identity of an argument: for parts of a Model, which are frozen but too deep to be hashed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")
MOST_KEPT = 32


def kept_by_identity(function: Callable[[Part], Result]) -> Callable[[Part], Result]:
    """Keep what a function of one frozen argument gave for the last ``MOST_KEPT`` arguments.

    The arguments are kept too: while they live, nothing else has their identity.
    """
    kept: dict[int, tuple[Part, Result]] = {}

    @wraps(function)
    def keeping(part: Part) -> Result:
        found = kept.get(id(part))
        if found is None:
            found = kept[id(part)] = part, function(part)
            for old in list(kept)[:-MOST_KEPT]:
                kept.pop(old, None)
        return found[1]

    return keeping

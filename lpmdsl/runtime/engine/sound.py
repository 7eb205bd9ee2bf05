"""Errors for what a run read that was no number in its range."""

from __future__ import annotations

from collections.abc import Mapping

from numpy.typing import NDArray

from lpmdsl.lowering.dense.watched_values import FIRST, NOT_YET
from lpmdsl.semantics.analysis.watched_values import FAULTS, Fault, Watched, doubtful, unsound
from lpmdsl.semantics.model import Model


def require_sound(model: Model, buffers: Mapping[str, NDArray]) -> None:
    """Raises ``LpmError`` E0744 of what one replicate's kernels noted first, if they noted anything."""
    first = buffers.get(FIRST)
    if first is None or first.min() == NOT_YET:
        return
    cells: list[tuple[Watched, Fault]] = [(one, fault) for one in doubtful(model) for fault in FAULTS]
    raise unsound(model, {cell: int(at) for cell, at in zip(cells, first, strict=True) if at != NOT_YET})

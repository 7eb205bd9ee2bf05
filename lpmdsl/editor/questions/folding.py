"""Parts of a text that can be folded: a line with the deeper ones below it, remarks of several lines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fold:
    """Lines from ``first`` to ``last``, from 0."""

    first: int
    last: int
    is_remark: bool = False


def folds(text: str) -> tuple[Fold, ...]:
    """The foldable parts, by their first lines. Only the indentation counts, so a broken text folds as well."""
    lines = text.split("\n")
    found = [*_deeper(lines), *_remarks(lines)]
    return tuple(sorted(found, key=lambda f: (f.first, -f.last)))


def _depth(line: str) -> int | None:
    """The indentation of a line, None for one without words; a remark at the margin belongs to nothing above it."""
    words = line.strip()
    return None if not words else len(line) - len(line.lstrip())


def _deeper(lines: list[str]) -> list[Fold]:
    found: list[Fold] = []
    open_: list[tuple[int, int]] = []
    last = 0
    for row, line in enumerate([*lines, "end"]):
        depth = _depth(line)
        if depth is None:
            continue
        while open_ and open_[-1][1] >= depth:
            first, _ = open_.pop()
            if last > first:
                found.append(Fold(first, last))
        open_.append((row, depth))
        last = row
    return found


def _remarks(lines: list[str]) -> list[Fold]:
    found: list[Fold] = []
    first: int | None = None
    for row, line in enumerate([*lines, ""]):
        if line.startswith("#"):
            first = row if first is None else first
        elif first is not None:
            if row - 1 > first:
                found.append(Fold(first, row - 1, is_remark=True))
            first = None
    return found

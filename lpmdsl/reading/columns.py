"""Columns of a table as texts: each different text once, and which of them every row has.

A file of millions of rows has few different cells in most columns; what is asked of a text is asked once of each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpmdsl.reading.problem import Problem


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """``words``: the different texts in order of first appearance, without blanks around them; ``codes``: of every row,
    which of them it has. ``problem``: why a column of a typed file cannot be read as texts."""

    codes: NDArray[np.int32]
    words: tuple[str, ...]
    problem: Problem | None = None

    def texts(self) -> list[str]:
        """The texts of all rows."""
        return [self.words[code] for code in self.codes.tolist()]

    def text(self, row: int) -> str:
        """The text of one row."""
        return self.words[self.codes[row]]

    def first(self, code: int) -> int:
        """The first row that has a word."""
        return int(np.argmax(self.codes == code))

    def until(self, rows: int) -> Cells:
        """The first so many rows."""
        codes = self.codes[:rows]  # words stand in the order of rows, so those that are left come first
        return Cells(codes, self.words[: int(codes.max(initial=-1)) + 1], self.problem)

    def mapped(self, meaning: Callable[[str], float]) -> NDArray[np.float64]:
        """A number for every row, each different text asked once."""
        return np.array([meaning(word) for word in self.words], np.float64)[self.codes]

    def among(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Of every row, which of these words its text is, −1 for none of them."""
        number = {word: k for k, word in reversed(list(enumerate(words)))}
        return np.array([number.get(word, -1) for word in self.words], np.int64)[self.codes]


class Gathered:
    """A column that grows piece by piece."""

    def __init__(self) -> None:
        self._number: defaultdict[str, int] = defaultdict()
        self._number.default_factory = self._number.__len__
        self._pieces: list[NDArray[np.int32]] = []

    def add(self, texts: Sequence[str]) -> None:
        """Append rows."""
        self._pieces.append(np.fromiter(map(self._number.__getitem__, texts), np.int32, len(texts)))

    def cells(self) -> Cells:
        """The column so far."""
        codes = np.concatenate([np.empty(0, np.int32), *self._pieces])
        trimmed = [word.strip() for word in self._number]
        number: defaultdict[str, int] = defaultdict()
        number.default_factory = number.__len__
        merged = np.array([number[word] for word in trimmed], np.int32)
        same = len(number) == len(trimmed)
        return Cells(codes if same or not merged.size else merged[codes], tuple(number))


def cells_of(texts: Sequence[str]) -> Cells:
    """A column of texts."""
    column = Gathered()
    column.add(texts)
    return column.cells()


def has_text(column: Cells) -> bool:
    """Return True if some row has more than nothing."""
    return bool(np.any(column.codes != column.words.index(""))) if "" in column.words else column.codes.size > 0

"""Tables as text: which sign parts the cells, which line is the header, and what does not read, with its line.

A cell never goes over a line end, so a quote that does not end on its line is a mistake on that line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lpmdsl.reading.columns import Cells, Gathered
from lpmdsl.reading.door import File, unreadable

SEPARATORS = {";": "semicolons", "\t": "tabs", ",": "commas"}
MOST_HEADER, MOST_NAME = 2**20, 200
PIECE = 1 << 22
"""Characters of text that are taken apart in one go."""
_ROWS = "Every row has as many cells as the header, parted by commas, semicolons or tabs."


@dataclass(frozen=True, slots=True)
class Header:
    """``names`` as they stand in the first line; ``separator``: what parts them; ``end``: where the rows begin.

    ``row_names``: the rows have one cell more than the header, the first, as R writes it.
    """

    names: tuple[str, ...]
    separator: str
    end: int
    row_names: bool = False


def header_of(file: File) -> Header:
    """The first line, taken apart. Raises ``Problem`` where it does not read."""
    start = 3 if file.data.startswith(b"\xef\xbb\xbf") else 0
    if file.data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise unreadable(file.name, "it is text in UTF-16", "Save it as CSV in UTF-8.")
    first = _line_at(file, start)
    separator = _separator(first)
    names = tuple(cell.strip() for cell in split_cells(first, separator))
    end = start + _length(file.data, start)
    if not any(names):
        raise unreadable(file.name, "it is empty, or its first line is", "The first line names the columns.")
    long = next((i for i, name in enumerate(names) if len(name) > MOST_NAME), None)
    if long is not None:
        why = f"the name of column {long + 1} has {len(names[long]):,} characters, and {MOST_NAME} is the most"
        raise unreadable(file.name, why, "The first line names the columns.")
    second = _line_at(file, end) if end < len(file.data) else ""
    more = len(split_cells(second, separator)) == len(names) + 1 and bool(second)
    return Header(names, separator, end, row_names=more)


def rows_of(file: File, header: Header) -> tuple[Cells, ...]:
    """All cells as texts, column by column. Raises ``Problem`` with the line that is wrong."""
    _quotes_end(file)
    width = len(header.names) + header.row_names
    columns = [Gathered() for _ in range(width)]
    try:
        for piece in _pieces(file.data, header.end):
            for column, texts in zip(columns, _columns(piece, header.separator, width), strict=True):
                column.add(texts)
    except (ValueError, csv.Error) as error:  # also of a byte that is no UTF-8
        raise _why(file, header, width) from error
    return _without_blank_end(tuple(column.cells() for column in columns))


def _pieces(data: bytes, start: int) -> Iterator[bytes]:
    """Runs of whole lines, each ended by a line feed; lines without any sign are left out."""
    while start < len(data):
        end = data.find(b"\n", start + PIECE) + 1 or len(data)
        piece = data[start:end]
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        piece = piece.strip(b"\n")
        while b"\n\n" in piece:
            piece = piece.replace(b"\n\n", b"\n")
        if piece:
            yield piece + b"\n"
        start = end


def _columns(piece: bytes, separator: str, width: int) -> Sequence[Sequence[str]]:
    """The cells of whole lines, column by column. Raises ``ValueError`` where a line has another number of them."""
    if b'"' in piece:
        rows = list(csv.reader(piece.decode("utf-8").split("\n")[:-1], delimiter=separator))
        if any(len(row) != width for row in rows):
            raise ValueError
        return list(zip(*rows, strict=True))
    signs = np.frombuffer(piece, np.uint8)
    ends = signs == 10
    cells = ends[ends | (signs == ord(separator))]
    if cells.size % width or not np.array_equal(np.flatnonzero(cells), np.arange(width - 1, cells.size, width)):
        raise ValueError
    flat = piece.decode("utf-8").replace(separator, "\n").split("\n")
    return [flat[k:-1:width] for k in range(width)]


def lines_of(file: File, header: Header) -> list[int]:
    """The line of every row, as an editor counts; lines without any sign are no rows."""
    first = 1 + file.data[: header.end].count(b"\n") + _lone_returns(file.data[: header.end])
    return [first + k for k, line in enumerate(file.data[header.end :].splitlines()) if line]


def split_cells(line: str, separator: str) -> list[str]:
    """The cells of a line; a quoted one may hold the separator, and a quote as two."""
    cells, cell, quoted, k = [], [], False, 0
    while k < len(line):
        sign = line[k]
        if quoted and sign == '"' and line[k + 1 : k + 2] == '"':
            cell.append('"')
            k += 1
        elif sign == '"' and (quoted or not cell):
            quoted = not quoted
        elif sign == separator and not quoted:
            cells.append("".join(cell))
            cell = []
        else:
            cell.append(sign)
        k += 1
    return [*cells, "".join(cell)]


def _separator(line: str) -> str:
    """Character that stands most often between the names: outside quotes, and outside the brackets of a unit."""
    counts, quoted, bracket = dict.fromkeys(SEPARATORS, 0), False, False
    for sign in line:
        quoted ^= sign == '"'
        bracket = (bracket or sign == "[") and sign != "]"
        if sign in counts and not quoted and not bracket:
            counts[sign] += 1
    most = max(counts.values())
    return next(sign for sign, n in counts.items() if n == most) if most else ","


# ------------------------------------------------------------------ lines


def _line_at(file: File, start: int) -> str:
    size = _length(file.data, start)
    if size > MOST_HEADER:
        raise unreadable(file.name, f"its first line has {size:,} characters", "The first line names the columns.")
    try:
        return file.data[start : start + size].rstrip(b"\r\n").decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(file, start + error.start) from error


def _length(data: bytes, start: int) -> int:
    """Characters of the line that begins at ``start``, with its end (line feed, return, or both)."""
    feed, back = data.find(b"\n", start), data.find(b"\r", start, start + MOST_HEADER)
    ends = [k for k in (feed, back) if k >= 0]
    if not ends:
        return len(data) - start
    end = min(ends)
    return end - start + (2 if data[end : end + 2] == b"\r\n" else 1)


def _lone_returns(data: bytes) -> int:
    return data.count(b"\r") - data.count(b"\r\n")


def _not_utf8(file: File, at: int) -> Exception:
    line = 1 + file.data.count(b"\n", 0, at) + _lone_returns(file.data[:at])
    return unreadable(file.name, f"line {line} is not text in UTF-8", "Save it as CSV in UTF-8.")


def _quotes_end(file: File) -> None:
    """Raises at the first line on which a quote does not end."""
    if b'"' not in file.data:
        return
    signs = np.frombuffer(file.data, np.uint8)
    ends = signs == 10
    ends[:-1] |= (signs[:-1] == 13) & (signs[1:] != 10)
    lines = np.searchsorted(np.flatnonzero(ends), np.flatnonzero(signs == 34))
    numbers, counts = np.unique(lines, return_counts=True)
    odd = np.flatnonzero(counts % 2)
    if odd.size:
        raise unreadable(
            file.name,
            f"a quote on line {numbers[odd[0]] + 1} does not end on that line",
            'End the quote; a cell is one line, and a quote in a quoted cell is written "".',
        )


def _without_blank_end(columns: tuple[Cells, ...]) -> tuple[Cells, ...]:
    """The rows without those at the end that hold nothing but separators."""
    if len(columns) < 2:
        return columns
    rows = 1 + max((int(np.flatnonzero(c.among([""]))[-1:].max(initial=-1)) for c in columns), default=-1)
    return tuple(column.until(rows) for column in columns)


def _why(file: File, header: Header, width: int) -> Exception:
    """The first row that has another number of cells, or is not UTF-8."""
    try:
        file.data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(file, error.start)
    for number, line in zip(lines_of(file, header), filter(None, file.data[header.end :].splitlines()), strict=True):
        cells = len(split_cells(line.decode("utf-8"), header.separator))
        if cells != width:
            told = f"line {number} has {cells} cell{'s' if cells != 1 else ''}, and the header has {len(header.names)}"
            return unreadable(file.name, told, _ROWS)
    return unreadable(file.name, "it is no table", _ROWS)

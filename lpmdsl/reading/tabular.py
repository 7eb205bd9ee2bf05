"""One reader of tables for checks and runs: CSV with commas, semicolons or tabs, Parquet, and Excel sheets."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lpmdsl.reading.columns import Cells, cells_of, has_text
from lpmdsl.reading.door import File, Place, names_shown, near, read_file, unreadable
from lpmdsl.reading.problem import Problem, needed
from lpmdsl.reading.separated import SEPARATORS, Header, header_of, lines_of, rows_of

_HEADER = re.compile(r"^\s*(?P<name>.*?)\s*(?:\[(?P<unit>[^\]]*)\])?\s*$")
_UNNAMED = re.compile(r"(Unnamed: \d+)?")
MOST_SHEET = 2**30
TABULAR = (".csv", ".tsv", ".txt", ".parquet", ".xlsx")
"""The suffixes of files that are read as tables."""


@dataclass(frozen=True, slots=True)
class Column:
    """``name [unit]`` of a header and where it stands among the columns that are read."""

    name: str
    unit: str | None
    header: str
    at: int


@dataclass(frozen=True, slots=True)
class DataFile:
    """A table of a file. ``notes``: how it was read, where that is not plain. ``separator`` "" if it is no text."""

    file: File
    columns: tuple[Column, ...]
    data: tuple[Cells, ...]
    separator: str
    notes: tuple[str, ...]
    text_header: Header | None
    first_row: int
    row_word: str = "Row"
    """Word for a row in messages."""

    @property
    def name(self) -> str:
        """Name of the file as the model writes it."""
        return self.file.name

    @property
    def path(self) -> Path:
        """Path of the file."""
        return self.file.path

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.data[0].codes.size if self.data else 0

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((c for c in self.columns if c.name == name), None)

    def first_column(self) -> Column:
        """The first column of the file, with a name or without: where a matrix has the names of its rows."""
        return next((c for c in self.columns if c.at == 0), Column("", None, "", 0))

    def need(self, name: str) -> Column:
        """The column of that name. Raises ``Problem`` with the columns that there are."""
        found = self.column(name)
        if found is None:
            names = [c.name for c in self.columns]
            other = next((n for n in names if n.casefold() == name.casefold()), None)
            hint = f" Did you mean `{other}`?" if other is not None else near(name, names)
            told = f"`{self.name}` has no column `{name}`.{hint}"
            one = len(self.columns) == 1 and self.text_header is not None
            seen = "Its first line has no commas, semicolons or tabs, one of which parts the columns."
            raise Problem("column", told, seen if one else f"Its columns are {names_shown(names)}.")
        return found

    def cells(self, column: Column) -> Cells:
        """Cells of a column. Raises ``Problem`` where they are neither texts nor numbers."""
        found = self.data[column.at]
        if found.problem is not None:
            raise found.problem
        return found

    def line(self, row: int) -> int:
        """The line of a row, as an editor or a spreadsheet counts."""
        if self.text_header is None:
            return row + self.first_row
        return lines_of(self.file, self.text_header)[row]

    def where(self, row: int, column: Column | None = None) -> str:
        """``Row 5 of `people.csv`, column `age` ``: a place for a message."""
        place = f"{self.row_word} {self.line(row)} of `{self.name}`"
        return f"{place}, column `{column.name}`" if column is not None else place

    def shown(self, cell: object) -> str:
        """A cell for a message: its text if it is short and the file may be quoted, else how long it is."""
        text = "" if cell is None else str(cell).strip()
        if not text:
            return "empty"
        if self.file.quotable and len(text) <= 40 and text.isprintable():
            return f"`{text}`"
        return f"a text of {len(text)} characters"

    def has_gaps(self) -> bool:
        """Return True if a line without any sign stands between two rows of text."""
        if self.text_header is None or not self.rows:
            return False
        lines = lines_of(self.file, self.text_header)[: self.rows]
        return lines[-1] - lines[0] + 1 != len(lines)


def read_tabular(name: str, place: Place) -> DataFile:
    """The table in the file that a text names. Raises ``Problem``.

    The file is opened each time; its table is made anew only if other bytes stand in it: each scenario is checked with
    the whole text, and an editor checks at every key.
    """
    file = read_file(name, place)
    kept = next((data for data in _KEPT if data.file == file), None)
    if kept is None:
        kept = _table_of(file)
        if len(file.data) <= LARGEST_KEPT:
            _KEPT.append(kept)
            del _KEPT[:-MOST_KEPT]
    return kept


_KEPT: list[DataFile] = []
MOST_KEPT, LARGEST_KEPT = 8, 2**25
"""Tables that are kept, and the largest file of one, in bytes."""


def _table_of(file: File) -> DataFile:
    match file.path.suffix.lower():
        case ".parquet":
            return _parquet(file)
        case ".xlsx":
            return _sheet(file)
        case ".xls" | ".xlsm" | ".ods" | ".numbers":
            raise unreadable(file.name, "this kind of file is not read", "Save it as CSV, Parquet or .xlsx.")
        case _:
            return _text(file)


def split_header(header: str, at: int = 0) -> Column:
    """``age [years]`` -> name ``age``, unit ``years``."""
    match = _HEADER.match(header)
    return Column(match["name"] if match else header, match["unit"] if match else None, header, at)


def _text(file: File) -> DataFile:
    header = header_of(file)
    table = rows_of(file, header)
    names = ("", *header.names) if header.row_names else header.names
    notes = [] if header.separator == "," else [f"its cells are parted by {SEPARATORS[header.separator]}"]
    return table_of(file, names, table, header.separator, notes, header, 2)


def _parquet(file: File) -> DataFile:
    from lpmdsl.reading.parquet import columns_of  # pyarrow is an extra, and takes its time to load

    names, columns = columns_of(file)
    return table_of(file, names, columns, "", [], None, 1)


def table_of(
    file: File, names: tuple[str, ...], table: tuple[Cells, ...], separator: str, notes: list[str],
    header: Header | None, first_row: int,
) -> DataFile:  # fmt: skip
    """The table with its named columns; a first column without a name holds row names."""
    columns: list[Column] = []
    for at, name in enumerate(names):
        if not _UNNAMED.fullmatch(name.strip()):
            columns.append(split_header(name, at))
        elif at == 0 and len(names) > 1:
            notes.append("its first column has no name and is taken for names of rows")
        elif has_text(table[at]):
            notes.append(f"its column {at + 1} has no name and is not read")
    seen: dict[str, int] = {}
    for column in columns:
        if column.name in seen:
            told = f"columns {seen[column.name] + 1} and {column.at + 1} have the same name"
            raise unreadable(file.name, told, "Give every column a name of its own.")
        seen[column.name] = column.at
    return DataFile(file, tuple(columns), table, separator, tuple(notes), header, first_row)


# ------------------------------------------------------------------ Excel


def _sheet(file: File) -> DataFile:
    openpyxl = needed("openpyxl", file.name, "an Excel file", "or save the sheet as CSV")
    try:
        with zipfile.ZipFile(io.BytesIO(file.data)) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > MOST_SHEET:
            raise unreadable(file.name, f"it unpacks to {size / 2**30:.1f} GiB")
        book = openpyxl.load_workbook(io.BytesIO(file.data), read_only=True, data_only=True)
        rows = [[_cell(c.value, c.data_type) for c in row] for row in book.worksheets[0].iter_rows()]
        others = len(book.worksheets) - 1
    except Problem:
        raise
    except Exception as error:  # openpyxl raises whatever its parsers do
        raise unreadable(file.name, "it is no Excel workbook", "Save it as .xlsx or CSV.") from error
    while rows and not any(rows[-1]):
        rows.pop()
    if not rows or not any(rows[0]):
        raise unreadable(file.name, "the first row of its first sheet is empty", "The first row names the columns.")
    width = max(len(row) for row in rows)
    grid = [row + [""] * (width - len(row)) for row in rows]
    table = tuple(cells_of([row[k] for row in grid[1:]]) for k in range(width))
    notes = [f"its first sheet of {others + 1} is read"] if others else []
    return table_of(file, tuple(grid[0]), table, "", notes, None, 2)


def _cell(value: Any, kind: str) -> str:
    """A cell of a sheet as the text that a CSV file would have; a date without a time as a date."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime.datetime() if value.time() == datetime.time():
            return value.date().isoformat()
        case datetime.datetime() | datetime.date():
            return value.isoformat()
        case float() if np.isfinite(value) and value == int(value) and abs(value) < 2**53:
            return str(int(value))
        case _:
            return str(value) if kind != "e" else f"{value}"

"""Parquet files, whose columns have types, as columns of texts."""

from __future__ import annotations

from typing import Any

import numpy as np

from lpmdsl.extras import optional
from lpmdsl.reading.columns import Cells, cells_of
from lpmdsl.reading.door import File, unreadable
from lpmdsl.reading.problem import Problem, needed


def columns_of(file: File) -> tuple[tuple[str, ...], tuple[Cells, ...]]:
    """Names and cells of a Parquet file's columns. Raises ``Problem``: it is none, or pyarrow is not there."""
    kind, instead = "a Parquet file", "or write it again as CSV"
    pyarrow = needed("pyarrow", file.name, kind, instead)
    parquet = needed("pyarrow.parquet", file.name, kind, instead)
    try:
        table = parquet.read_table(pyarrow.BufferReader(file.data))
        return tuple(table.column_names), tuple(_cells(file, n, table.column(n)) for n in table.column_names)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise unreadable(file.name, "it is no Parquet file", "Write it again as Parquet or CSV.") from error


def _cells(file: File, name: str, column: Any) -> Cells:
    """The cells as texts: numbers with all their digits, days as a CSV file would have them, "" for nothing."""
    pyarrow, compute = optional("pyarrow"), optional("pyarrow.compute")
    types = pyarrow.types
    cells = pyarrow.chunked_array(column.chunks, column.type).combine_chunks()
    if isinstance(cells, pyarrow.ChunkedArray):
        cells = cells.chunk(0) if cells.num_chunks else pyarrow.array([], pyarrow.string())
    if types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if types.is_boolean(cells.type):
        cells = compute.if_else(cells, "yes", "no")
    if types.is_duration(cells.type):
        why = f"Column `{name}` of `{file.name}` holds lengths of time in {cells.type.unit}."
        return Cells(np.zeros(len(cells), np.int32), ("",), Problem("number", why, "Export it as a number of days."))
    if types.is_timestamp(cells.type):
        # A day is that of the clock on the wall where it was written, not of Greenwich.
        cells = cells if cells.type.tz is None else compute.local_timestamp(cells)
        cells = compute.strftime(cells.cast(pyarrow.timestamp("s"), safe=False), "%Y-%m-%dT%H:%M:%S")
    try:
        return _distinct(cells if types.is_floating(cells.type) else cells.cast(pyarrow.string()), pyarrow)
    except (ValueError, pyarrow.ArrowException):
        why = f"Column `{name}` of `{file.name}` holds neither texts nor numbers."
        return Cells(np.zeros(len(cells), np.int32), ("",), Problem("number", why))


def _distinct(cells: Any, pyarrow: Any) -> Cells:
    """A column of texts or floating-point numbers, each different one written once."""
    named = cells.dictionary_encode(null_encoding="encode")
    words = cells_of([_written(word) for word in named.dictionary.to_pylist()])
    return Cells(words.codes[np.asarray(named.indices.to_numpy(zero_copy_only=False), np.int64)], words.words)


def _written(value: object) -> str:
    match value:
        case None:
            return ""
        case float() if value == value and abs(value) < 2**63 and value == int(value):
            return str(int(value))
        case float():
            return "" if value != value else repr(value)
        case _:
            return str(value)

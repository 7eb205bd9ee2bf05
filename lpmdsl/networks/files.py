"""Populations and ties from files. What is wrong with a file is said with its name, its line and its column."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lpmdsl.diagnostics import LpmError, did_you_mean, fail
from lpmdsl.networks.ties import edges_to_ties
from lpmdsl.networks.world import Ties
from lpmdsl.quantities import NUMBER_DIM, UNITS, Dimension, Kind, Type
from lpmdsl.reading.door import File, Place, read_file, shown_name
from lpmdsl.reading.problem import Problem
from lpmdsl.source import Span

TABULAR = (".csv", ".parquet")
NETWORKX = {
    ".graphml": "read_graphml",
    ".gexf": "read_gexf",
    ".gml": "read_gml",
    ".edgelist": "read_edgelist",
    ".adjlist": "read_adjlist",
    ".net": "read_pajek",
}
"""The suffixes that networkx reads and its functions for them."""
MISSING = ("", "na", "NA", "NaN", "nan")
YES_NO = {"yes": 1, "no": 0, "true": 1, "false": 0, "1": 1, "0": 0, "1.0": 1, "0.0": 0}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A column that the text asks for; ``type`` is the attribute's (``Kind.PLACE``: any names or numbers)."""

    name: str
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class People:
    """A population from a file: its size, one array per wanted column (dtypes as in ``World.attributes``), how many
    places each place column names, and the column ``id`` as text if there is one (each id once)."""

    count: int
    columns: dict[str, NDArray]
    places: dict[str, int]
    ids: NDArray | None


# ------------------------------------------------------------------ tables


def opened(name: str, place: Place, span: Span) -> File:
    """The bytes of the file that a text names. E0413, E0640, E0641."""
    try:
        return read_file(name, place)
    except Problem as problem:
        raise problem.failure(span) from problem


def read_table(file: File, span: Span) -> pd.DataFrame:
    """All columns of a CSV (cells as text) or Parquet file; the index counts data rows from 0. E0640, E0641."""
    path = file.path
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(io.BytesIO(file.data))
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                io.BytesIO(file.data),
                dtype=str,
                keep_default_na=False,
                skip_blank_lines=False,
                encoding="utf-8-sig",
                skipinitialspace=True,
                index_col=False,
            )
    except (OSError, ValueError, pd.errors.ParserError, pd.errors.ParserWarning, ImportError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise fail(
            "E0641",
            f"{path.name} does not read as a table: {reason}.",
            span,
            "Expected: a header line with column names, then one row a line, cells parted by commas.",
        ) from error
    table.columns = [str(c).strip() for c in table.columns]
    return table.loc[~_blank_rows(table)]


def _blank_rows(table: pd.DataFrame) -> pd.Series:
    """Rows without any text, such as empty lines at the end of the file."""
    blank = pd.Series(True, index=table.index)
    for column in table.columns:
        blank &= table[column].isna() | (table[column] == "")
    return blank


def _line(table: pd.DataFrame, row: int) -> int:
    """The line of the file on which the row at this position stands."""
    return int(table.index[row]) + 2


def _numbers(table: pd.DataFrame, column: str, path: Path, span: Span) -> NDArray[np.float64]:
    """The column as float64; E0643 names the first cell that is not a number."""
    values = np.asarray(pd.to_numeric(table[column], errors="coerce"), dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise _bad_cell(table, column, int(bad[0]), path, "is not a number", span)
    return values


def _bad_cell(table: pd.DataFrame, column: str, row: int, path: Path, why: str, span: Span, help: str = "") -> LpmError:
    cell = table[column].iloc[row]
    text = "an empty cell" if pd.isna(cell) or str(cell).strip() == "" else f"`{cell}`"
    return fail("E0643", f"{path.name}, line {_line(table, row)}, column `{column}`: {text} {why}.", span, help)


# ------------------------------------------------------------------ people


def read_people(name: str, place: Place, wanted: tuple[Wanted, ...], span: Span) -> People:
    """The population of a CSV or Parquet file, numbers in base units.

    A header may give the unit, ``age [years]``; the header of a number that is not pure must. E0640 to E0645, E0648.
    """
    file = opened(name, place, span)
    path, table = file.path, read_table(file, span)
    headers = {str(c).partition("[")[0].strip(): str(c) for c in table.columns}
    arrays: dict[str, NDArray] = {}
    places: dict[str, int] = {}
    for want in wanted:
        header = headers.get(want.name)
        if header is None:
            near = did_you_mean(want.name, headers)
            raise fail(
                "E0642",
                f"{path.name} has no column `{want.name}`.{near}",
                want.span,
                f"Its columns are: {', '.join(list(headers)[:12])}.",
            )
        match want.type.kind:
            case Kind.PLACE:
                arrays[want.name], places[want.name] = _places(table, header)
            case Kind.CATEGORY:
                known = {label: code for code, label in enumerate(want.type.labels)}
                arrays[want.name] = _codes(table, header, known, path, want.span)
            case Kind.BOOLEAN:
                arrays[want.name] = _codes(table, header, YES_NO, path, want.span)
            case _:
                arrays[want.name] = _quantities(table, header, want, path)
    return People(len(table), arrays, places, _ids(table, path, span))


def _ids(table: pd.DataFrame, path: Path, span: Span) -> NDArray | None:
    """The column ``id`` as text, by which a file of ties may name agents."""
    if "id" not in table.columns:
        return None
    ids = table["id"].astype(str)
    again = np.flatnonzero(ids.duplicated())
    if again.size:
        row = int(again[0])
        raise fail(
            "E0648",
            f"{path.name}, line {_line(table, row)}: the id `{ids.iloc[row]}` stands twice.",
            span,
            "An id names one agent.",
        )
    return np.asarray(ids, dtype=object)


def _places(table: pd.DataFrame, header: str) -> tuple[NDArray[np.int32], int]:
    """Places numbered in order of first appearance; an empty cell is no place (−1)."""
    cells = table[header]
    text = cells.where(~cells.isin(MISSING)) if cells.dtype.kind not in "iuf" else cells
    codes, names = pd.factorize(text)
    return np.asarray(codes, np.int32), len(names)


def _codes(table: pd.DataFrame, header: str, known: dict[str, int], path: Path, span: Span) -> NDArray[np.uint8]:
    cells = table[header].astype(str).str.strip()
    codes = cells.map(known) if known is not YES_NO else cells.str.lower().map(known)
    bad = np.flatnonzero(codes.isna())
    if bad.size:
        names = ["yes", "no"] if known is YES_NO else list(known)
        near = did_you_mean(cells.iloc[bad[0]], names)
        raise _bad_cell(table, header, int(bad[0]), path, f"is none of {', '.join(names)}", span, near.strip())
    return np.asarray(codes, np.uint8)


def _quantities(table: pd.DataFrame, header: str, want: Wanted, path: Path) -> NDArray[np.float64]:
    """The column in base units; shares and probabilities must lie in [0, 1]."""
    unit = header.partition("[")[2].rstrip("] ").strip()
    scale, dimension = _unit_of(unit, path, want)
    if dimension.without_people() != want.type.dimension.without_people():
        example = "[years]" if str(want.type.dimension) == "days" else "the unit in brackets"
        raise fail(
            "E0644",
            f"{path.name}, column `{header}`: `{want.name}` is {want.type}, the column is "
            + (f"in {unit}." if unit else "without a unit."),
            want.span,
            f"Write the unit into the header: `{want.name} {example}`.",
        )
    values = _numbers(table, header, path, want.span) * scale
    if want.type.kind in (Kind.SHARE, Kind.PROBABILITY):
        outside = np.flatnonzero((values < 0) | (values > 1))
        if outside.size:
            raise _bad_cell(
                table,
                header,
                int(outside[0]),
                path,
                "lies outside 0 to 1",
                want.span,
                f"If the column is in per cent, write `{want.name} [%]` into the header.",
            )
    return values


def _unit_of(text: str, path: Path, want: Wanted) -> tuple[float, Dimension]:
    """``USD per week`` → (1/7, money per time); ``%`` → 0.01; nothing → a pure number."""
    scale, dimension = 1.0, NUMBER_DIM
    if text in ("", "%"):
        return (0.01 if text else 1.0), dimension
    up, *down = (part.strip() for part in f" {text} ".split(" per "))
    for name, sign in [*((u, 1) for u in up.split()), *((u, -1) for part in down for u in part.split())]:
        unit = UNITS.get(name)
        if unit is None:
            near = did_you_mean(name, UNITS)
            raise fail(
                "E0645",
                f"{path.name}, column `{want.name}`: there is no unit `{name}`.{near}",
                want.span,
                "Units are written as in the model: `[years]`, `[USD per week]`, `[%]`.",
            )
        scale *= unit.scale**sign
        dimension = dimension * unit.dimension if sign > 0 else dimension / unit.dimension
    return scale, dimension


# ------------------------------------------------------------------ ties


def read_ties(name: str, place: Place, n: int, span: Span, ids: NDArray | None = None) -> Ties:
    """Ties from CSV or Parquet (two columns, or ``source`` and ``target``) or a graph file that networkx reads.

    Agents are numbers 0 … n − 1, or the ``ids`` of the population's file. A graph file's nodes are such numbers too; if
    their names are not numbers they are the agents in the order of the file. Direction and weights are not used.
    """
    suffix = Path(name).suffix.lower()
    if suffix in TABULAR:
        return _tabular_ties(opened(name, place, span), n, span, ids)
    if suffix in NETWORKX:
        return _graph_ties(opened(name, place, span), n, span)
    raise fail(
        "E0646",
        f"`{suffix or shown_name(name)}` is not a kind of file that ties are read from.",
        span,
        f"Known are {', '.join((*TABULAR, *NETWORKX))}.",
    )


def _tabular_ties(file: File, n: int, span: Span, ids: NDArray | None) -> Ties:
    path, table = file.path, read_table(file, span)
    columns = ["source", "target"] if {"source", "target"} <= set(table.columns) else list(table.columns[:2])
    if len(columns) < 2:
        raise fail(
            "E0642",
            f"{path.name} has {len(columns)} column; ties need two, one for either end.",
            span,
            "Write a header `source,target`, then one tie per line.",
        )
    ends = [_agents(table, column, n, path, span, ids) for column in columns]
    return edges_to_ties(n, ends[0], ends[1])


def _agents(table: pd.DataFrame, column: str, n: int, path: Path, span: Span, ids: NDArray | None) -> NDArray[np.int64]:
    if ids is not None:
        rows = pd.Index(ids).get_indexer(np.asarray(table[column].astype(str), dtype=object))
        unknown = np.flatnonzero(rows < 0)
        if unknown.size:
            raise _bad_cell(table, column, int(unknown[0]), path, "is no id of the population", span)
        return np.asarray(rows, np.int64)
    values = _numbers(table, column, path, span)
    outside = np.flatnonzero((values < 0) | (values >= n) | (values != np.floor(values)))
    if outside.size:
        row = int(outside[0])
        raise fail(
            "E0647",
            f"{path.name}, line {_line(table, row)}, column `{column}`: there is no agent "
            f"{table[column].iloc[row]}; the {n:,} agents are numbered 0 to {n - 1}.",
            span,
            "Numbers start at 0.",
        )
    return values.astype(np.int64)


def _graph_ties(file: File, n: int, span: Span) -> Ties:
    import networkx  # loaded only for graph files: every other run starts faster without it

    path = file.path
    try:
        graph = getattr(networkx, NETWORKX[path.suffix.lower()])(io.BytesIO(file.data))
        edges = list(graph.edges())
    except Exception as error:  # networkx's readers raise whatever their parser does
        reason = str(error).strip() or type(error).__name__
        raise fail(
            "E0641",
            f"{path.name} does not read as a graph: {reason}.",
            span,
            f"The suffix {path.suffix} says which format is expected.",
        ) from error
    names = {name: str(name) for name in graph.nodes()}
    if all(name.isdecimal() for name in names.values()):
        number = {name: int(text) for name, text in names.items()}
    else:
        number = {name: k for k, name in enumerate(names)}
    highest = max(number.values(), default=-1)
    if highest >= n:
        raise fail(
            "E0647",
            f"{path.name} has an agent {highest}; the {n:,} agents are numbered 0 to {n - 1}.",
            span,
            "Give the agent a larger count, or numbers that start at 0.",
        )
    ends = np.array([(number[a], number[b]) for a, b in edges], np.int64).reshape(-1, 2)
    return edges_to_ties(n, ends[:, 0], ends[:, 1])

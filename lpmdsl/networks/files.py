"""Populations and ties from files, as a run reads them. What is wrong is said with file, row and column."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpmdsl.diagnostics import fail
from lpmdsl.escaping import column_fault
from lpmdsl.extras import optional
from lpmdsl.networks.directed import to_rows
from lpmdsl.networks.storage.csr import edges_to_ties
from lpmdsl.networks.tie_columns import with_columns
from lpmdsl.networks.world import Ties
from lpmdsl.quantities import Kind
from lpmdsl.reading import cells
from lpmdsl.reading.columns import cells_of
from lpmdsl.reading.door import File, Place, read_file, shown_name
from lpmdsl.reading.ends import ends_of, no_header
from lpmdsl.reading.people import Wanted as Wanted, column_values
from lpmdsl.reading.problem import Problem
from lpmdsl.reading.tabular import TABULAR, Column, DataFile, read_tabular, table_of
from lpmdsl.source import Span

NETWORKX = {
    ".graphml": "read_graphml",
    ".gexf": "read_gexf",
    ".gml": "read_gml",
    ".edgelist": "read_edgelist",
    ".adjlist": "read_adjlist",
    ".net": "read_pajek",
}
"""The suffixes that networkx reads and its functions for them."""
_LISTS = (".edgelist", ".adjlist")
MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class People:
    """A population from a file: its size, one array per wanted column (float64; int64 for labels, int32 for places),
    how many places each place column names, and the column ``id`` as text if there is one (each id once)."""

    count: int
    columns: dict[str, NDArray]
    places: dict[str, int]
    ids: NDArray | None


# ------------------------------------------------------------------ people


def read_people(name: str, place: Place, wanted: tuple[Wanted, ...], span: Span) -> People:
    """The population of a table, numbers in base units.

    A header may give the unit, ``age [years]``; the header of a number that is not pure must. E0413 to E0415, E0640 to
    E0645, E0648.
    """
    try:
        data = read_tabular(name, place)
    except Problem as problem:
        raise problem.failure(span) from problem
    arrays: dict[str, NDArray] = {}
    places: dict[str, int] = {}
    for want in wanted:
        try:
            read = column_values(data, want)
        except Problem as problem:
            raise problem.failure(want.span) from problem
        arrays[want.name] = read.values
        if want.type.kind is Kind.PLACE:
            places[want.name] = read.places
    return People(data.rows, arrays, places, _ids(data, span))


def _ids(data: DataFile, span: Span) -> NDArray | None:
    """The column ``id`` as text, by which a file of ties may name agents."""
    column = data.column("id")
    if column is None:
        return None
    try:
        ids = cells.as_texts(data, column)
    except Problem as problem:
        raise problem.failure(span) from problem
    if len(ids.words) < data.rows:
        first = np.unique(ids.codes, return_index=True)[1]
        row = int(np.setdiff1d(np.arange(data.rows), first)[0])
        told = f"{data.where(row, column)}: the id {data.shown(ids.text(row))} is a duplicate."
        raise fail("E0648", told, span, "An id names one agent.")
    return np.asarray(ids.texts(), dtype=object)


# ------------------------------------------------------------------ ties


def read_ties(
    name: str,
    place: Place,
    n: int,
    span: Span,
    ids: NDArray | None = None,
    directed: bool = False,
    wanted: tuple[Wanted, ...] = (),
) -> Ties:
    """Ties from a table (two columns, ``source`` and ``target`` or ``from`` and ``to``) or a graph file.

    Agents are numbers 0 … n − 1, or the ``ids`` of the population's file. A graph file's nodes are such numbers too; if
    their names are not numbers they are the agents in the order of the file. ``directed``: a tie leads from its first
    end to the second; else it is mutual. ``wanted``: columns of a table that are kept beside the rows.
    """
    suffix = Path(name).suffix.lower()
    try:
        if suffix in TABULAR:
            data = read_tabular(name, place)
            a, b = _tabular_ends(data, n, span, ids)
        else:
            file, graph = _graph(name, place, span, directed)
            a, b = _graph_ends(file, graph, n, span)
            data = _table(file, graph) if wanted else None
        if wanted and data is not None:
            return with_columns(data, n, (a, b), wanted, directed)
        return to_rows(n, a, b)[0] if directed else edges_to_ties(n, a, b)
    except Problem as problem:
        raise problem.failure(span) from problem


def _tabular_ends(data: DataFile, n: int, span: Span, ids: NDArray | None) -> tuple[NDArray, NDArray]:
    ends = ends_of(data)
    if ids is not None and data.text_header is not None and {c.name for c in ends.columns} <= set(ids.tolist()):
        raise no_header(data)
    a, b = (_agents(data, column, n, span, ids) for column in ends.columns)
    return a, b


def _agents(data: DataFile, column: Column, n: int, span: Span, ids: NDArray | None) -> NDArray[np.int64]:
    if ids is not None:
        names = cells.as_texts(data, column)
        rows = names.among(ids.tolist())
        unknown = np.flatnonzero(rows < 0)
        if unknown.size:
            row = int(unknown[0])
            told = f"{data.where(row, column)}, is {data.shown(names.text(row))}, which is no id of the population."
            raise fail("E0643", told, span, "Correct the cell, or leave the tie out.")
        return rows
    found = cells.numbers(data, column)
    blank = np.flatnonzero(found.missing)
    if blank.size:
        told = f"{data.where(int(blank[0]), column)}, is empty: a tie has two ends."
        raise fail("E0643", told, span, "Fill in the cell, or leave the tie out.")
    values = found.values
    outside = np.flatnonzero((values < 0) | (values >= n) | (values != np.floor(values)))
    if outside.size:
        row = int(outside[0])
        told = f"{data.where(row, column)}: there is no agent {data.shown(cells.texts(data, column)[row])}"
        raise fail("E0647", f"{told}; the {n:,} agents are numbered 0 to {n - 1}.", span, "Numbers start at 0.")
    return values.astype(np.int64)


# ------------------------------------------------------------------ graphs


def graph_table(name: str, place: Place, span: Span, directed: bool = False) -> DataFile:
    """Table of what a graph file says of its ties, such as ``weight``: a row for each tie, a column for each thing.

    Raises as a run would, ``Problem`` and ``LpmError``, but for agents that are too few, which a run may be given more
    of: E0117, E0641, E0646, E0647, E1121.
    """
    file, graph = _graph(name, place, span, directed)
    _numbered(graph, None, file.name, span)
    return _table(file, graph)


def unused_in_graph(table: DataFile, read: set[str]) -> tuple[str, ...]:
    """Names of what a graph file says of its ties and no run reads; not what all ties share."""
    passed = {*_NAMES_OF_TIES, *read}
    return tuple(sorted(c.name for c in table.columns if c.name not in passed and len(table.cells(c).words) > 1))


_NAMES_OF_TIES = ("id", "key")


def _table(file: File, graph: Any) -> DataFile:
    """A row for each tie in the order of the graph; "" for what is not said of a tie."""
    said = [data for *_, data in graph.edges(data=True)]
    names = list(dict.fromkeys(word for data in said for word in data))
    columns = tuple(cells_of([_text(data.get(word)) for data in said]) for word in names)
    return replace(table_of(file, tuple(map(str, names)), columns, "", [], None, 1), row_word="Tie")


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def _graph_ends(file: File, graph: Any, n: int, span: Span) -> tuple[NDArray, NDArray]:
    number = _numbered(graph, n, file.name, span)
    ends = np.array([(number[str(a)], number[str(b)]) for a, b in graph.edges()], np.int64).reshape(-1, 2)
    return ends[:, 0], ends[:, 1]


def _graph(name: str, place: Place, span: Span, directed: bool) -> tuple[File, Any]:
    """The file and its graph, of a class of networkx.

    ``directed``: a list of ties is read as leading from the first end to the second. E1121 for another file that says
    its ties are mutual.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in NETWORKX:
        told = f"`{suffix or shown_name(name)}` is not a kind of file that ties are read from."
        raise fail("E0646", told, span, f"Known are {', '.join((*TABULAR, *NETWORKX))}.")
    networkx = optional("networkx", span, otherwise="or write the ties as CSV")
    file = read_file(name, place)
    try:
        asked = {"create_using": networkx.DiGraph} if directed and suffix in _LISTS else {}
        graph = getattr(networkx, NETWORKX[suffix])(io.BytesIO(file.data), **asked)
    except Exception as error:  # networkx's readers raise whatever their parser does
        # What they say quotes the file, so only where they stopped is reported.
        line = re.search(r"line (\d{1,9})\b", str(error))
        raise fail(
            "E0641",
            f"`{file.name}` does not read as a graph{f', at line {line[1]}' if line else ''}.",
            span,
            f"The suffix {suffix} says which format is expected.",
        ) from error
    if directed and not graph.is_directed():
        told = f"`{file.name}` says that its ties are mutual, so none of them has a direction."
        raise fail("E1121", told, span, "Leave `directed` out, or export a directed graph.")
    return file, graph


def _numbered(graph: Any, n: int | None, file: str, span: Span) -> dict[str, int]:
    """The agent of every node: its number if all names are numbers, else in the order of the file.

    ``n`` None: how many agents there are is not known yet.
    """
    names = [str(node) for node in graph.nodes()]
    fault = column_fault(names)
    if fault is not None:
        told = f"Node {fault[0] + 1:,} of `{file}`, in its name, {fault[1]}."
        raise fail("E0117", told, span, "Correct the name where the file was made, and export again.")
    if not all(name.isdecimal() for name in names):
        number = {name: k for k, name in enumerate(names)}
    else:
        long = next((name for name in names if len(name) > MOST_DIGITS), None)
        if long is not None:
            raise fail("E0647", f"`{file}` has an agent with a number of {len(long):,} digits.", span, _NUMBERS)
        number = {name: int(name) for name in names}
    highest = max(number.values(), default=-1)
    if n is not None and highest >= n:
        told = f"`{file}` has an agent {highest}; the {n:,} agents are numbered 0 to {n - 1}."
        raise fail("E0647", told, span, _NUMBERS)
    return number


_NUMBERS = "Give the agent a larger count, or numbers that start at 0."

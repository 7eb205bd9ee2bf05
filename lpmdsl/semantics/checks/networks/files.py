"""Files of ties: tables with two ends, and graphs."""

from __future__ import annotations

from pathlib import Path

from lpmdsl.diagnostics import LpmError
from lpmdsl.reading.door import must_be_there, names_shown, place_of, shown_name
from lpmdsl.reading.ends import ends_of
from lpmdsl.reading.problem import Problem
from lpmdsl.reading.tabular import TABULAR
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.data_files.named_files import read_data
from lpmdsl.source import Span
from lpmdsl.syntax import tree


def check_file(ctx: Context, written: tree.Network, path: str, span: Span) -> bool:
    """Return True if a file of ties can be read; else report why not."""
    try:
        must_be_there(path, place_of(span.source))
    except Problem as problem:
        problem.tell(ctx.report, span)
        return False
    if Path(path).suffix.lower() in TABULAR:
        return _has_ends(ctx, path, span, {a.name.id for a in written.attributes})
    return _is_graph(ctx, path, span, written)


def _is_graph(ctx: Context, path: str, span: Span, written: tree.Network) -> bool:
    """Return True if a graph file reads; else what a run would say is reported. What it says of its ties is kept as a
    table.

    Warns of what it says of its ties beyond their ends (W0653). How many agents it needs is looked at by a run.
    """
    from lpmdsl.networks.files import (  # loads what makes ties, which a check does without otherwise
        graph_table,
        unused_in_graph,
    )

    try:
        table = graph_table(path, place_of(span.source), span, written.directed is not None)
    except Problem as problem:
        problem.tell(ctx.report, span)
        return False
    except LpmError as error:
        for told in error.report.diagnostics:
            ctx.report.add(told.code, told.message, span, told.help)
        return False
    ctx.files[str(place_of(span.source).folder), path] = table
    read = {attribute.name.id for attribute in written.attributes}
    unused = unused_in_graph(table, read)
    if unused:
        alike = "nothing is read from that" if read else "every tie counts the same"
        one = unused[0] if unused[0].isidentifier() else "weight"
        ctx.report.add(
            "W0653",
            f"`{shown_name(path)}` tells its ties apart by {names_shown(unused)}; {alike}.",
            span,
            f"Say below the network what it holds, `{one} number`, or write the file without it.",
        )
    return True


def _has_ends(ctx: Context, path: str, span: Span, read: set[str]) -> bool:
    """Return True if a table of ties has two ends, which a run looks up. Unused columns are reported (W0653).

    ``read``: the columns that are the ties' own.
    """
    data = read_data(ctx, path, span)
    if data is None:
        return False
    try:
        ends = ends_of(data)
    except Problem as problem:
        problem.tell(ctx.report, span)
        return False
    unused = tuple(name for name in ends.unused if name not in read)
    if unused:
        first, second = (data.shown(c.name) for c in ends.columns)
        alike = "" if read else "; every tie counts the same"
        one = unused[0] if unused[0].isidentifier() else "weight"
        ctx.report.add(
            "W0653",
            f"The ends of the ties are the columns {first} and {second} of `{data.name}`{alike}, and nothing is read "
            f"from {names_shown(unused)}.",
            span,
            f"Say below the network what they hold, `{one} number`, or delete them; the ends may be named `source` and "
            "`target`.",
        )
    return True

"""Columns of a file of ties: what it says of each tie, by the reader of populations."""

from __future__ import annotations

from lpmdsl.quantities import ERROR, Kind
from lpmdsl.reading.door import shown_name
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.agents import printed_unit
from lpmdsl.semantics.checks.attributes import attribute_limits, missing_value
from lpmdsl.semantics.checks.signatures import member_of
from lpmdsl.semantics.checks.values.dates import needs_start
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.data_files.agents import check_columns
from lpmdsl.syntax import tree


def tie_columns(ctx: Context, written: tree.Network) -> tuple[model.Attribute, ...] | None:
    """Columns of a network's file that are its ties'; None after a report of a network that has no such file.

    A column that is wrong itself is left out, and reported.
    """
    if not written.attributes:
        return ()
    first = written.attributes[0]
    how = written.how
    if not isinstance(how, tree.FromFile):
        ctx.report.add(
            "E1127",
            f"The ties of `{written.name.id}` are read from no file, and `{first.name.id}` is said in a file.",
            first.name.span,
            f'Read the ties from a file: `network {written.name.id} joins {written.joins.id} from "edges.csv"`.',
        )
        return None
    file = tree.Agent(written.name, False, None, None, how.path, how.span, written.attributes, "", written.span)
    made: dict[str, model.Attribute] = {}
    for attribute in written.attributes:
        column = _column(ctx, file, attribute, made)
        if column is None:
            ctx.broken.add(attribute.name.id)
        else:
            made[column.name] = column
    whole = model.Agent(written.name.id, None, how.path, how.span, tuple(made.values()), "", written.span)
    return tuple(c for c in check_columns(ctx, whole).members if isinstance(c, model.Attribute))


def _column(
    ctx: Context, file: tree.Agent, written: tree.Attribute, made: dict[str, model.Attribute]
) -> model.Attribute | None:
    name = written.name.id
    if name in made:
        ctx.report.add("E0202", f"`{name}` is declared twice, so a reader cannot tell which one is meant.",
                       written.name.span, "Delete one of them.")  # fmt: skip
        return None
    if written.value is not None or written.drawn is not None:
        ctx.report.add(
            "E1128",
            f"`{name}` of a tie is read from the file, so it is neither drawn nor computed.",
            written.name.span,
            f"Write `{name} {written.type.name or 'number'}`, and the column into `{shown_name(file.file or '')}`.",
        )
        return None
    kind = member_of(ctx, file, written).type
    if kind == ERROR:
        return None
    if kind.kind is Kind.DATE and ctx.start is None:
        needs_start(ctx, name, written.type.span)
        return None
    unit, scale = printed_unit(written, kind)
    since = ctx.start if kind.kind is Kind.DATE else None
    return model.Attribute(
        name, kind, None, None, None, name, unit, scale, False, written.doc, written.span,
        *attribute_limits(ctx, written, kind), missing_value(ctx, written, kind, True), since,
    )  # fmt: skip

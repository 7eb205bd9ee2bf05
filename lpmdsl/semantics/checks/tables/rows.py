"""Branches of an exit by a row of a table of shares: ``to one of next[Stage]``."""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.diagnostics import did_you_mean
from lpmdsl.quantities import ERROR, Kind
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.expressions import table_key
from lpmdsl.semantics.checks.values.laws.shares import row_of, rows_are_whole
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.resolve.scope import Scope
from lpmdsl.syntax import tree


def branches_of_row(
    ctx: Context, condition: str, written: tree.Distribution, scope: Scope
) -> tuple[model.Branch, ...] | None:
    """A branch to each state that the table names, with its share of the row; None after a report."""
    table = ctx.tables.get(written.name.id)
    if table is None:
        if written.name.id not in ctx.broken:
            help = f"Write `table {written.name.id} by {condition}, {condition} of share`, with a row for each pair."
            ctx.unknown(written.name, "a table", ctx.names.tables(), help)
        return None
    if not _leads_to_states(ctx, condition, table, written):
        return None
    keys = tuple(table_key(ctx, key, table, d, scope) for d, key in enumerate(written.keys))
    if any(key.type == ERROR for key in keys) or not rows_are_whole(ctx, table, written):
        return None
    shares = zip(table.keys[-1], row_of(table, keys, written.span), strict=True)
    return tuple(model.Branch(ctx.states[condition].index(label), share, written.span) for label, share in shares)


def branches_from(
    ctx: Context, condition: str, state: int, branches: tuple[model.Branch, ...]
) -> tuple[model.Branch, ...]:
    """The same for those who leave one state: its own row where the table is by the condition, without the states that
    no row leads to; the last takes those who are left."""

    def known(expr: model.Expr) -> model.Expr:
        if isinstance(expr, model.StateOf) and expr.condition == condition:
            return model.Literal_(float(state), expr.type, expr.span)
        return model.mapped(expr, known)

    own = [replace(b, probability=known(b.probability)) for b in branches if b.probability is not None]
    there = [b for b in own if b.probability is not None and _ever(ctx, b.probability)]
    return (*there[:-1], replace(there[-1], probability=None))


def _ever(ctx: Context, probability: model.Expr) -> bool:
    """Return True if some row that may be looked up has a share above 0."""
    share = next(e for e in model.walk(probability) if isinstance(e, model.TableRef))
    table = ctx.tables[share.table]
    places = [0]
    for key, labels in zip(share.keys, table.keys, strict=True):
        wanted = [int(key.value)] if isinstance(key, model.Literal_) else range(len(labels))
        places = [at * len(labels) + k for at in places for k in wanted]
    return any(table.values[at] > 0 for at in places)


def _leads_to_states(ctx: Context, condition: str, table: model.Table, written: tree.Distribution) -> bool:
    """Return True if a row of the table is shares of the condition's states; else E1130."""
    states = ctx.states[condition]
    strange = [label for label in table.keys[-1] if label not in states]
    by = [a or "its rows" for a in table.key_attributes]
    if table.curve is not None:
        wrong = f"it is a line over {table.curve.over}"
    elif table.type.kind not in (Kind.SHARE, Kind.PROBABILITY):
        wrong = f"it is a table of {table.type}, not of shares"
    elif len(written.keys) != len(table.keys) - 1:
        given = f"{len(written.keys) or 'nothing'} stand{'' if len(written.keys) > 1 else 's'} in brackets"
        wrong = f"it is by {', '.join(by)}, and {given}"
    elif strange:
        wrong = f"`{strange[0]}` is no state of {condition}.{did_you_mean(strange[0], states)}".rstrip(".")
    else:
        return True
    keys = ", ".join(by[:-1]) or condition
    ctx.report.add(
        "E1130",
        f"No row of `{table.name}` says to which states of {condition} people go: {wrong}.".replace("?.", "?"),
        written.span,
        f"The last of what the table is by is {condition}, and the others stand in brackets: "
        f"`table {table.name} by {keys}, {condition} of share`, `to one of {table.name}[{keys}]`.",
        labels=ctx.declared(table.name),
    )
    return False

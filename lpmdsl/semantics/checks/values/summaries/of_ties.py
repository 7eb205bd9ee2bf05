"""Columns of ties in expressions: ``sum of tie.weight * their.x over friends``."""

from __future__ import annotations

from lpmdsl.diagnostics import did_you_mean, instead
from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context, nothing
from lpmdsl.semantics.resolve.scope import Scope
from lpmdsl.source import Span
from lpmdsl.syntax import tree


def of_tie(ctx: Context, written: tree.OfTie, scope: Scope) -> model.Expr:
    """``tie.weight``: a column of the network that is in view; an error after a report."""
    if not scope.tie:
        nobody = "whoever is in view was not found over a network" if scope.theirs else "nobody else is in view here"
        ctx.report.add(
            "E1125",
            f"`tie.{written.id}` is of a tie, and {nobody}.",
            written.span,
            f"Write over which ties: `sum of tie.{written.id} over NETWORK`.",
        )
        return nothing(written.span)
    network = ctx.networks.get(scope.tie)
    if network is None:
        return nothing(written.span)  # the network is wrong itself, and that is reported
    column = next((c for c in network.columns if c.name == written.id), None)
    if column is not None:
        return model.TieRef(network.name, column.name, column.type, written.span, column.low, column.high)
    if written.id in ctx.broken:
        return nothing(written.span)
    known = [c.name for c in network.columns]
    of, at = (
        network.back_of or network.name,
        Span(written.span.source, written.span.end - len(written.id), written.span.end),
    )
    help = f"Write it below `network {of}`, by the name of its column: `{written.id} number`."
    if network.back_of or network.file:
        told = f"Nothing says what `{written.id}` of a tie of `{of}` is.{did_you_mean(written.id, known)}"
    else:
        told = f"The ties of `{of}` are not read from a file, so nothing is said of each of them."
        help = f'Read them: `network {of} joins {network.of} from "edges.csv"`, and below it `{written.id} number`.'
    ctx.report.add("E1126", told, at, help, ctx.declared(of), instead(at, written.id, known))
    return nothing(written.span)

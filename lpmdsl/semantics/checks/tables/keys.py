"""Keys of a table: the labels that its rows go through."""

from __future__ import annotations

from lpmdsl.diagnostics import did_you_mean, instead
from lpmdsl.quantities import ERROR, Kind
from lpmdsl.semantics.context import Context
from lpmdsl.syntax import tree


def key_labels(
    ctx: Context, by: tuple[tree.Name, ...], rows: tuple[tree.TableRow, ...], what: str
) -> tuple[tuple[str, ...], ...] | None:
    """The labels of every dimension; () for a list keyed by its own rows; None after a report. ``what``: is by them."""
    found: list[tuple[str, ...]] = []
    for name in by:
        labels = labels_of(ctx, name.id)
        if labels is None:
            known = [a for members in ctx.members.values() for a in members]
            if ctx.names.is_library and name.id not in known:
                labels = tuple(dict.fromkeys(row.keys[len(found)].id for row in rows if len(row.keys) > len(found)))
            else:
                ctx.report.add(
                    "E0201",
                    f"There is no category attribute `{name.id}` for {what} to be by.{did_you_mean(name.id, known)}",
                    name.span,
                    f"{what.capitalize()} is by category or yes/no attributes of an agent, or by a condition.",
                    fixes=instead(name.span, name.id, known),
                )
                return None
        found.append(labels)
    return tuple(found) if () not in found else None


def labels_of(ctx: Context, name: str) -> tuple[str, ...] | None:
    """The labels of a category or yes/no attribute, or the states of a condition; () when it is wrong itself."""
    if name in ctx.states:
        return ctx.states[name]
    for members in ctx.members.values():
        if name in members:
            kind = members[name].type
            if kind == ERROR:
                return ()
            return ("no", "yes") if kind.kind is Kind.BOOLEAN else kind.labels or None
    return None

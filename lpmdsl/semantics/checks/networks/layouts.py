"""Layouts of networks: places, groups at random, generators and files of ties."""

from __future__ import annotations

from typing import assert_never

from lpmdsl.diagnostics import did_you_mean, instead
from lpmdsl.quantities import CONTACT_RATE
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.networks.files import check_file
from lpmdsl.semantics.checks.networks.generators import blocks_agree, check_generator
from lpmdsl.semantics.context import Context
from lpmdsl.source import Span
from lpmdsl.syntax import tree

MOST_GROUPS = 254
Layout = tuple[str, str, str | None, model.Generator | None, str | None]


def check_layout(ctx: Context, written: tree.Network, kind: str, contacts: model.Expr | None):
    """Layout, place, mixing table, generator and file of a network; None after a report."""
    match written.how:
        case tree.Sharing(place):
            return ("place", place.id, None, None, None) if _is_place(ctx, place, kind) else None
        case tree.AtRandom(mixing, span):
            if written.per_tie:
                ctx.report.add(
                    "E0617",
                    "At random nobody has ties, so contacts cannot be counted per tie.",
                    written.name.span,
                    "Leave `per tie` out.",
                )
                return None
            if mixing is not None and not _is_mixing(ctx, mixing, kind, contacts, span):
                return None
            return "random", "", mixing.id if mixing else None, None, None
        case tree.Generated(generator):
            made = check_generator(ctx, generator, kind)
            if made is None or (written.directed is None and not blocks_agree(ctx, kind, made)):
                return None
            return None if made is None else ("ties", "", None, made, None)
        case tree.FromFile(path, span):
            return ("ties", "", None, None, path) if check_file(ctx, written, path, span) else None
        case tree.BackOf() | tree.SourceOf():
            raise AssertionError("a network back is a copy of the other, and that of sources is made by a contagion")
        case _:
            assert_never(written.how)


def _is_place(ctx: Context, place: tree.Name, kind: str) -> bool:
    members = ctx.members[kind]
    if place.id not in members and ctx.names.is_library:
        return True
    if place.id in members and members[place.id].is_place:
        return place.id not in ctx.broken
    places = [name for name, member in members.items() if member.is_place]
    what = "is not a place" if place.id in members else f"is no place of a {kind}"
    ctx.report.add(
        "E0605",
        f"`{place.id}` {what}.{did_you_mean(place.id, places)}",
        place.span,
        f"Declare it in `agent {kind}`: `{place.id} place of size 20`.",
        fixes=instead(place.span, place.id, places),
        labels=ctx.declared(place.id),
    )
    return False


def _is_mixing(ctx: Context, name: tree.Name, kind: str, contacts: model.Expr | None, span: Span) -> bool:
    """Return True if the table is contacts per day by one category attribute of the kind, twice."""
    table = ctx.tables.get(name.id)
    if table is None:
        if name.id not in ctx.broken:
            ctx.unknown(name, "a table", ctx.names.tables())
        return False
    why = ""
    if table.curve is not None:
        why = f"is a line over {table.curve.over}, and mixing is by one attribute twice"
    elif len(table.keys) != 2 or table.key_attributes[0] != table.key_attributes[1]:
        why = f"is by {', '.join(a or 'its rows' for a in table.key_attributes)}, and mixing is by one attribute twice"
    elif table.key_attributes[0] not in ctx.members[kind] and not ctx.names.is_library:
        why = f"is by `{table.key_attributes[0]}`, which a {kind} does not have"
    elif table.type.dimension != CONTACT_RATE:
        why = f"is of {table.type}, and mixing is contacts per day"
    elif len(table.keys[0]) > MOST_GROUPS:
        why = f"has {len(table.keys[0])} groups, and people of {MOST_GROUPS} groups at most mix by a table"
    elif contacts is not None:
        why = "says already how many contacts a day there are, and `with` says it again"
    if why:
        ctx.report.add(
            "E0608",
            f"The mixing table `{name.id}` {why}.",
            name.span,
            "Write `table NAME by age_group, age_group of contacts per day`.",
            labels=ctx.declared(name.id),
        )
    return not why

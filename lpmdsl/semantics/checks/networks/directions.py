"""Directed networks: which ties may have a direction, and the same ties seen from their other ends."""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.networks.generators import NETWORKS
from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context
from lpmdsl.syntax import tree


def may_be_directed(ctx: Context, written: tree.Network, generator: model.Generator | None) -> bool:
    """Return True if ``directed`` and ``back`` have a meaning where they stand, or do not stand; else a report."""
    name, at = written.name.id, written.directed
    if at is None:
        if written.back is not None:
            ctx.report.add(
                "E1122",
                f"The ties of `{name}` are mutual, so from their other ends they are the same ties.",
                written.back.span,
                f"Write `directed back {written.back.id}`, or leave `back {written.back.id}` out.",
            )
        return written.back is None
    if isinstance(written.how, tree.Sharing | tree.AtRandom):
        ctx.report.add(
            "E1121",
            f"Nobody is tied to anybody in particular on `{name}`, so there is nothing that could have a direction.",
            at,
            'Leave `directed` out, or name ties: `as GENERATOR directed`, `from "edges.csv" directed`.',
        )
        return False
    if generator is not None and not NETWORKS[generator.name].directed:
        able = ", ".join(f"`{row.name}`" for row in NETWORKS.values() if row.directed)
        ctx.report.add(
            "E1120",
            f"`{generator.name}` does not say which of two agents a tie leads to.",
            at,
            f"Leave `directed` out, or write one of {able}.",
        )
        return False
    if written.contacts is not None:
        ctx.report.add(
            "E1124",
            f"A contact is one for both, and the ties of `{name}` have a direction.",
            written.contacts.span,
            "Leave `with …` out: directed ties say whom one sees.",
        )
        return False
    return True


def back_of(ctx: Context, written: tree.Network, how: tree.BackOf) -> model.Network | None:
    """The network of the same ties from their other ends; None if the first could not be made, which is reported."""
    forward = ctx.networks.get(how.network.id)
    if forward is None:
        return None
    return replace(
        forward, name=written.name.id, generator=None, file=None, span=written.name.span, back_of=forward.name
    )

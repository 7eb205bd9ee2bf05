"""Places that an intervention is of: each of them has one of its own."""

from __future__ import annotations

from lpmdsl.semantics.context import Context
from lpmdsl.syntax import tree


def kinds_with(ctx: Context, place: str) -> list[str]:
    """The kinds of agents that have a place of that name."""
    return [kind for kind, members in ctx.members.items() if place in members and members[place].is_place]


def domain_of(ctx: Context, place: tree.Name) -> tuple[str, str] | None:
    """The kind of agents and their place that are meant by a name; None if it is not clear, or no place."""
    kinds = kinds_with(ctx, place.id)
    return (kinds[0], place.id) if len(kinds) == 1 else None


def check_domain(ctx: Context, place: tree.Name) -> tuple[str, str] | None:
    """The same; None after a report (E0201, E0206, E0613, E1071)."""
    kinds = kinds_with(ctx, place.id)
    if len(kinds) == 1:
        return kinds[0], place.id
    if kinds:
        message = f"{' and '.join(kinds)} each have a `{place.id}`, and it is not clear whose is meant."
        ctx.report.add("E0613", message, place.span, "Give the places of different kinds different names.",
                       ctx.declared(place.id))  # fmt: skip
        return None
    if any(place.id in members for members in ctx.members.values()):
        ctx.report.add(
            "E1071",
            f"`{place.id}` is no place, and an intervention is for everybody or of each place.",
            place.span,
            f"Choose people in its blocks, `for Person where {place.id} …`; or write a place: `school place of size "
            "200`, and `of school`.",
            ctx.declared(place.id),
        )
        return None
    places = [name for members in ctx.members.values() for name, member in members.items() if member.is_place]
    if place.id not in ctx.broken:
        ctx.unknown(place, "a place", places, "An intervention is for everybody, or of each place: `of school`.")
    return None

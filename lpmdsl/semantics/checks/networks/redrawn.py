"""Networks whose ties are drawn anew after a period: which can be, and what may be said of contacts on them."""

from __future__ import annotations

from lpmdsl.networks.generators import NETWORKS
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.periods import check_period
from lpmdsl.semantics.context import Context, text_of
from lpmdsl.syntax import tree


def check_redrawn(ctx: Context, written: tree.Network, generator: model.Generator | None) -> float | None:
    """Days after which the ties are drawn anew, 0 where they stay; None after a report (E0705, E1111 to E1113)."""
    every = written.redrawn
    if every is None:
        return 0.0
    able = ", ".join(f"`{row.name}`" for row in NETWORKS.values() if row.redrawn)
    if generator is None or not NETWORKS[generator.name].redrawn:
        what = _stays(written.how) if generator is None else f"The ties of `{generator.name}` are written down, once."
        ctx.report.add("E1111", what, every.span, f"Leave `redrawn every {every.text}` out, or draw ties that are "
                       f"worked out when they are asked for: {able}.")  # fmt: skip
        return None
    if written.contacts is not None and not written.per_tie:
        ctx.report.add(
            "E1112",
            f"Contacts are spread evenly over one's ties, and those of `{written.name.id}` are others every "
            f"{every.text}.",
            written.contacts.span,
            f"Say how many there are on each: `with {text_of(written.contacts.span).strip('`')} per tie`.",
        )
        return None
    period = check_period(ctx, every, "A period")
    if period is not None and period.months:
        ctx.report.add("E1113", f"Ties are drawn anew after so many days, and {text_of(every.span)} has not always as "
                       "many.", every.span, "Write days or weeks: `redrawn every 4 weeks`.")  # fmt: skip
        return None
    return None if period is None else period.days


def _stays(how: object) -> str:
    match how:
        case tree.Sharing(place):
            return f"Who shares a `{place.id}` goes on sharing it."
        case tree.FromFile():
            return "The ties of a file are what it says."
        case _:
            return "Everybody meets everybody at random, so there are no ties that could be drawn anew."

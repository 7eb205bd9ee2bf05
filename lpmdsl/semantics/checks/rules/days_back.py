"""Looking back to ties that are over: ``each of met in the last 5 days``."""

from __future__ import annotations

from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.views import MOST_BACK
from lpmdsl.semantics.checks.values.periods import check_period
from lpmdsl.semantics.context import Context, text_of
from lpmdsl.syntax import tree


def days_back(ctx: Context, written: tree.Meeting, network: str | None) -> float | None:
    """Days of which the ties are meant, 0 where those of the moment are; None after a report (E1114, E1115)."""
    last = written.last
    if last is None:
        return 0.0
    made = ctx.networks.get(network or "")
    if made is None:
        return None
    if not made.redrawn:
        ctx.report.add("E1114", f"The ties of `{made.name}` are those that it has always had.", last.span,
                       _help(made), labels=ctx.declared(made.name))  # fmt: skip
        return None
    period = check_period(ctx, last, "A look back")
    if period is None:
        return None
    if period.months or round(period.days / ctx.step) > MOST_BACK:
        why = "has not always as many days" if period.months else f"is more than {MOST_BACK} steps of {ctx.step:g} days"
        ctx.report.add("E1115", f"{text_of(last.span)} {why}, and who was present is kept for {MOST_BACK} steps.",
                       last.span, f"Write at most `{MOST_BACK * ctx.step:g} days`.", ctx.clock_says())  # fmt: skip
        return None
    return period.days


def _help(network: model.Network) -> str:
    alone = f"Write `each of {network.name}`"
    if network.generator is None:
        return f"{alone}."
    return f"{alone}, or draw them anew: `as random_regular(degree 8) redrawn every day`."

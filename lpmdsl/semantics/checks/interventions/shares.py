"""Blocks for a share of people: who is in it is drawn into an attribute of its own, which the block reads."""

from __future__ import annotations

from lpmdsl.quantities import BOOLEAN, ERROR
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.periods import Period
from lpmdsl.semantics.checks.values.probabilities import check_probability
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.resolve.scope import acting
from lpmdsl.syntax import tree

ONCE = float(2**40)
"""More steps than any run has: a block with this period runs when its intervention becomes active, and then no more."""


def draw_share(
    ctx: Context, name: str, kind: str, share: tree.Expr, every: Period | None, where: model.Expr | None
) -> tuple[model.Repeated, model.Expr] | None:
    """The block that draws who is in the share, and the test of those in it with ``where``; None after a report.

    ``every`` None: drawn each time the intervention ``name`` becomes active.
    """
    chance = check_probability(ctx, share, acting(kind, f"the intervention `{name}`"), "the share of those reached")
    if chance.type == ERROR:
        return None
    taken = [a.name for _, a in ctx.shares]
    attribute = f"{name}_share_{sum(a.startswith(f'{name}_share_') for a in taken) + 1}"
    span = share.span
    no, yes = (model.Literal_(value, BOOLEAN, span) for value in (0.0, 1.0))
    made = model.Attribute(attribute, BOOLEAN, no, None, None, None, "", 1.0, True, "", span)
    ctx.shares.append((kind, made))
    actions = (model.SetAttribute(attribute, no, None, span), model.SetAttribute(attribute, yes, chance, span))
    days, months = (ONCE * ctx.step, 0) if every is None else (every.days, every.months)
    block = model.Repeated(kind, days, None, None, actions, f"{name}.{attribute}", span, months, counts_people=False)
    drawn: model.Expr = model.AttributeRef(kind, attribute, BOOLEAN, span)
    if where is not None:
        drawn = model.Apply("and", (drawn, where), BOOLEAN, where.span)
    return block, drawn

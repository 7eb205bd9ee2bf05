"""Random walks: what is believed of a piece of time, given the one before it."""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.distributions.walks import RANDOM_WALK
from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context, Family
from lpmdsl.syntax import tree

_LAWS = {"sd": ("normal", "mean"), "spread": ("lognormal", "median")}
"""Argument of a walk -> the distribution of a piece, and its argument that is the piece before."""

Parts = dict[tuple[str, ...], tree.Parameter]


def with_walk(ctx: Context, written: tree.Parameter, parts: Parts) -> Parts | None:
    """The parts, each piece of time with a prior about its own value; None after a report (E0935).

    ``followed`` puts the piece before it in the place of that value. The first has the prior that is written; without
    one, a step from its own value.
    """
    walk = written.walk
    assert walk is not None
    step = _step(ctx, written, walk)
    if step is None:
        return None
    made: Parts = {}
    for labels, part in parts.items():
        is_first = labels[0] == "1"
        made[labels] = part if is_first and written.prior else replace(part, prior=_about(part.value, step, walk))
    return made


def followed(ctx: Context, family: Family, made: model.Parameter) -> model.Parameter:
    """A part whose prior is about the piece of time before it; itself if it is no step of a walk."""
    before = family.before(made.name)
    if family.written.walk is None or before not in ctx.parameters or made.prior is None:
        return made
    (centre, _), *rest = made.prior.arguments
    arguments = ((centre, model.ParameterRef(before, made.type, made.prior.span)), *rest)
    return replace(made, prior=replace(made.prior, arguments=arguments))


def _about(value: tree.Expr, step: tree.Argument, walk: tree.Distribution) -> tree.Distribution:
    law, centre = _LAWS[step.name or ""]
    arguments = (tree.Argument(centre, value, walk.span), step)
    return tree.Distribution(tree.Name(law, walk.name.span), arguments, walk.span)


def _step(ctx: Context, written: tree.Parameter, walk: tree.Distribution) -> tree.Argument | None:
    """The argument that says how far a step goes; None after a report."""
    name, called = written.name.id, RANDOM_WALK.name
    if walk.name.id != called:
        ctx.report.add(
            "E0935", f"`{walk.name.id}` does not say how one value of `{name}` follows another.", walk.name.span,
            f"Write `~ {called}(sd …)` here, and a prior of its own on a line `prior …`.",
        )  # fmt: skip
        return None
    if written.every is None:
        ctx.report.add(
            "E0935", f"`{name}` has one value at all times, so there are no steps from one to the next.", walk.span,
            f"Write `parameter {name} every 4 weeks by …`, or a line `prior …`.",
        )  # fmt: skip
        return None
    if len(walk.arguments) != 1 or walk.arguments[0].name not in _LAWS:
        ctx.report.add(
            "E0935", f"`{called}` takes `sd` (steps are added) or `spread` (steps are factors).", walk.span,
            f"Write `{called}(sd 0.02 per day)`, in the parameter's unit, or `{called}(spread 1.1)`.",
        )  # fmt: skip
        return None
    return walk.arguments[0]

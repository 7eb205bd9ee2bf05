"""Promises to check: quantities that hold, and tests that hold always."""

from __future__ import annotations

from lpmdsl.quantities import BOOLEAN, ERROR, NUMBER
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.vertices import constant as constant_value
from lpmdsl.semantics.checks.values.expressions import check_expression, check_test, check_value
from lpmdsl.semantics.checks.values.units import denied
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.resolve.scope import constant, watching
from lpmdsl.source import Span
from lpmdsl.syntax import tree


def check_promise(
    ctx: Context, written: tree.CheckQuantity | tree.CheckAlways
) -> model.CheckQuantity | model.CheckAlways | None:
    """A ``check`` with its types; None after a report."""
    return _quantity(ctx, written) if isinstance(written, tree.CheckQuantity) else _always(ctx, written)


def _quantity(ctx: Context, written: tree.CheckQuantity) -> model.CheckQuantity | None:
    if written.quantity.id == "calls":
        return _calls(ctx, written)
    if written.quantity.id != "R0":
        ctx.report.add(
            "E0903",
            f"`{written.quantity.id}` is not a quantity that can be checked.",
            written.quantity.span,
            "Write `check R0 of CONDITION between LOW and HIGH`, or `check calls of BEHAVIOUR at most NUMBER`.",
        )
        return None
    if written.of.id not in ctx.states:
        if written.of.id not in ctx.broken:
            ctx.unknown(written.of, "a condition", ctx.states)
        return None
    if written.of.id not in ctx.names.contagions and not ctx.names.is_library:
        ctx.report.add(
            "E0903",
            f"{written.of.id} does not spread, so it has no R0.",
            written.of.span,
            f"Write a `contagion of {written.of.id}`.",
            labels=ctx.declared(written.of.id),
        )
        return None
    low = check_value(ctx, written.low, constant("a check"), NUMBER, "R0") if written.low is not None else None
    high = check_value(ctx, written.high, constant("a check"), NUMBER, "R0")
    if high.type == ERROR or (low is not None and low.type == ERROR) or not _rising(ctx, low, high, written.span):
        return None
    return model.CheckQuantity("R0", written.of.id, low, high, written.span)


def _calls(ctx: Context, written: tree.CheckQuantity) -> model.CheckQuantity | None:
    """Limit of the questions of a behaviour in a run: known beforehand as far as the archetypes show, else counted."""
    if written.of.id not in ctx.behaviours or ctx.behaviours[written.of.id].asked_with:
        if written.of.id not in ctx.broken:
            ctx.unknown(written.of, "a behaviour", ctx.names.behaviours())
        return None
    if ctx.behaviours[written.of.id].rule is not None:
        ctx.report.add(
            "E0903",
            f"`{written.of.id}` decides by a rule and makes no calls.",
            written.of.span,
            "Leave the check out, or let a language model decide.",
            labels=ctx.declared(written.of.id),
        )
        return None
    low = check_value(ctx, written.low, constant("a check"), NUMBER, "calls") if written.low is not None else None
    high = check_value(ctx, written.high, constant("a check"), NUMBER, "calls")
    if high.type == ERROR or (low is not None and low.type == ERROR) or not _rising(ctx, low, high, written.span):
        return None
    return model.CheckQuantity("calls", written.of.id, low, high, written.span)


def _always(ctx: Context, written: tree.CheckAlways) -> model.CheckAlways | None:
    scope = watching("a check")
    if written.low is None or written.high is None:
        test = check_test(ctx, written.test, scope, "what is always true")
        if test.type == ERROR:
            return None
        # Broken where its denial holds: what has no number yet breaks nothing.
        kept = model.Apply("not", (denied(test, test.span),), BOOLEAN, test.span)
        return model.CheckAlways(kept, None, None, written.span)
    test = check_expression(ctx, written.test, scope)
    if test.type == ERROR:
        return None
    if not test.type.is_numeric:
        ctx.report.add(
            "E0306",
            f"This is {test.type}, and only a number lies between two others.",
            test.span,
            "Leave `between` out.",
        )
        return None
    low, high = (check_value(ctx, e, scope, test.type, "a bound") for e in (written.low, written.high))
    if ERROR in (low.type, high.type) or not _rising(ctx, low, high, written.span):
        return None
    return model.CheckAlways(test, low, high, written.span)


def _rising(ctx: Context, low: model.Expr | None, high: model.Expr, span: Span) -> bool:
    if low is None:
        return True
    own = ctx.values
    if constant_value(low, own, ctx.tables) > constant_value(high, own, ctx.tables):
        ctx.report.add(
            "E0904",
            "The lower bound is above the upper one, so the check can never hold.",
            span,
            "Write the smaller one first.",
        )
        return False
    return True

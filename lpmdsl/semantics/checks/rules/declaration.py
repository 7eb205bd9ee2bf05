"""Rules: when they are due, for whom, and that every paragraph does something."""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.quantities import ERROR, NUMBER
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.rules.limits import check_limit, check_rank
from lpmdsl.semantics.checks.rules.paragraphs import check_paragraphs
from lpmdsl.semantics.checks.values.expressions import check_expression, check_test
from lpmdsl.semantics.checks.values.periods import Period, check_period
from lpmdsl.semantics.checks.values.probabilities import check_rate
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.resolve.scope import Scope, reporting, ruling
from lpmdsl.syntax import tree


def check_rule(ctx: Context, written: tree.Rule) -> model.Rule | None:
    """The rule with all paragraphs that are right; None after a report that leaves nothing of it."""
    kind = ctx.agent_kind(written.of)
    if kind is None:
        return None
    scope = ruling(kind, f"the rule `{written.name.id}`")
    block = _block(ctx, written, kind, scope)
    offset = _offset(ctx, written)
    when = _when(ctx, written, scope)
    paragraphs = check_paragraphs(ctx, written.paragraphs, written.name.id, scope)
    days = (written.time.days if written.time is not None else None) or ""
    if days and ctx.start is None:
        ctx.report.add("E0610", f"The clock has no date, so nobody knows which days are {days}.", written.span,
                       "Write `from 2024-10-01 for 180 days` in `clock`.")  # fmt: skip
        return None
    if block is None or offset is None or when is None or paragraphs is None:
        return None
    return model.Rule(written.name.id, kind, block, offset, days, paragraphs, written.doc, written.span, *when)


def _block(ctx: Context, written: tree.Rule, kind: str, scope: Scope) -> model.Repeated | None:
    time, name = written.time, written.name.id
    if time is None:
        return model.Repeated(kind, ctx.step, None, None, (), f"{name}.for", written.span)
    every = Period(ctx.step) if time.every is None else check_period(ctx, time.every, "A period")
    if time.kind is not None and time.kind.id != kind:
        message = f"The rule `{name}` is of {kind}, so it cannot be for {time.kind.id}."
        ctx.report.add("E1002", message, time.kind.span, f"Write `for at most NUMBER {kind}`.")
        return None
    where = check_test(ctx, time.where, scope, "what follows `where`") if time.where is not None else None
    at_most = check_limit(ctx, time.at_most, scope.place)
    rank = check_rank(ctx, time.rank, time.at_most, scope)
    if every is None or rank is None or any(e is not None and e.type == ERROR for e in (where, at_most)):
        return None
    block = model.Repeated(kind, every.days, at_most, where, (), f"{name}.for", time.span, every.months)
    return replace(block, order=rank[0], by=rank[1])


_When = tuple[float | None, model.Expr | None, model.Expr | None]


def _when(ctx: Context, written: tree.Rule, scope: Scope) -> _When | None:
    """The date, the test or the chance of a rule that follows no period; None after a report."""
    time = written.time
    if time is None or time.every is not None:
        return None, None, None
    if time.date is not None:
        day = check_expression(ctx, time.date, scope)
        return None if day.type == ERROR or not isinstance(day, model.Literal_) else (day.value, None, None)
    if time.rate is not None:
        rate = check_rate(ctx, time.rate, scope)
        return None if rate.type == ERROR else (None, None, _within_a_step(ctx, rate))
    assert time.test is not None
    nobody = replace(reporting(scope.place), reads=reporting(scope.place).reads | {"counts", "activity"})
    test = check_test(ctx, time.test, nobody, "what follows `when`")
    return None if test.type == ERROR else (None, test, None)


def _within_a_step(ctx: Context, rate: model.Expr) -> model.Expr:
    """The chance that something at a rate happens within a step: 1 - exp(-rate * step)."""
    span, one = rate.span, model.Literal_(1.0, NUMBER, rate.span)
    hazard = model.Apply("mul", (rate, model.Literal_(ctx.step, NUMBER, span)), NUMBER, span)
    missed = model.Apply("exp", (model.Apply("neg", (hazard,), NUMBER, span),), NUMBER, span)
    return model.Apply("sub", (one, missed), NUMBER, span)


def _offset(ctx: Context, written: tree.Rule) -> int | None:
    """The steps after the start at which a rule is first due; None after a report."""
    if written.time is None or written.time.after is None:
        return 0
    after: Period | None = check_period(ctx, written.time.after, "The time before a rule is first due")
    return None if after is None else round(after.days / ctx.step)

"""Interventions: when they start and stop, whom they reach, what they do, what they cost."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Literal, assert_never

from lpmdsl.diagnostics import Label
from lpmdsl.quantities import DOSE, DURATION, ERROR, MONEY, PERSON, TIME, Dimension
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.value_origins import origins
from lpmdsl.semantics.analysis.vertices import extremes
from lpmdsl.semantics.checks.actions import force_move, set_attribute
from lpmdsl.semantics.checks.interventions.places import in_each, refuse_others
from lpmdsl.semantics.checks.interventions.shares import ONCE, draw_share
from lpmdsl.semantics.checks.interventions.together import check_together
from lpmdsl.semantics.checks.interventions.while_active import LASTING, check_while_active, kind_of
from lpmdsl.semantics.checks.rules.limits import check_limit, check_rank
from lpmdsl.semantics.checks.rules.paragraphs import check_paragraphs
from lpmdsl.semantics.checks.values.expressions import check_expression, check_test, check_value
from lpmdsl.semantics.checks.values.periods import Period, check_period, written_months
from lpmdsl.semantics.checks.values.summaries.domains import check_domain
from lpmdsl.semantics.checks.values.units import common_dimension
from lpmdsl.semantics.context import Context, text_of, unit_of, value_of
from lpmdsl.semantics.resolve.scope import Scope, acting, constant, reporting
from lpmdsl.syntax import tree

CostsPer = Literal["day", "person", "start", ""]
_COSTS: tuple[tuple[Dimension, CostsPer], ...] = (
    (MONEY / TIME, "day"),
    (MONEY / PERSON, "person"),
    (MONEY / DOSE, "person"),
    (MONEY, "start"),
)
"""Units of costs, and what they are paid per; a dose is what a block gives to one person."""


def check_intervention(ctx: Context, written: tree.Intervention) -> model.Intervention:
    """The intervention with all that is right in it."""
    name = written.name.id
    domain = check_domain(ctx, written.of) if written.of is not None else None
    scope = replace(reporting(f"the trigger of `{name}`"), domain=domain)
    if written.of is not None and domain is None:
        written = replace(written, starts=None, stops=None, repeated=(), while_active=(), together=None)
    starts, stops = _moment(ctx, written.starts, scope, True), _moment(ctx, written.stops, scope, False)
    if isinstance(starts, model.OnDate) and isinstance(stops, model.OnDate) and stops.day <= starts.day:
        ctx.report.add(
            "E0719",
            f"`{name}` stops on {stops.iso}, not after it starts on {starts.iso}: it is never active.",
            stops.span,
            "Write a later date.",
            [Label(starts.span, "it starts here")],
        )
    if domain is not None:
        refuse_others(ctx, written, domain)
    repeated = [_repeated(ctx, name, k, clause, domain) for k, clause in enumerate(written.repeated)]
    held = (check_while_active(ctx, name, clause, domain) for clause in written.while_active)
    active = [a for a in held if a is not None]
    draws = [block for _, block in active if block is not None]
    costs, per = _costs(ctx, written)
    together, shares_with = check_together(ctx, written)
    made = model.Intervention(
        name,
        starts,
        stops,
        (*draws, *(block for blocks in repeated for block in blocks)),
        tuple(clause for clause, _ in active),
        costs,
        per,
        written.doc,
        written.span,
        together,
        name if together is not None else shares_with,
        written.costs.unit.parts[0][0] if written.costs is not None and written.costs.unit is not None else "",
    )
    return made if domain is None else in_each(made, *domain)


# ------------------------------------------------------------------ when


def _moment(
    ctx: Context, written: tree.Moment | None, scope: Scope, is_start: bool
) -> model.OnDate | model.Elapsed | model.Crossing | None:
    match written:
        case None:
            return None
        case tree.Date():
            return _on_date(ctx, written)
        case tree.OnDay():
            return _on_day(ctx, written)
        case tree.Elapsed():
            return _elapsed(ctx, written, is_start)
        case tree.Crossing():
            return _crossing(ctx, written, scope)
        case _:
            assert_never(written)


def _on_day(ctx: Context, written: tree.OnDay) -> model.OnDate | None:
    """``on day 30``: thirty days after the clock's start, which is day 0."""
    day = written.day
    plain = isinstance(day, tree.Quantity) and day.unit is None and not day.percent and day.per_number is None
    if not isinstance(day, tree.Quantity) or not plain:
        ctx.report.add("E0301", f"{text_of(day.span)} is no number of a day: the clock starts on day 0.", day.span,
                       "Write `on day 30`, or `after DURATION`.")  # fmt: skip
        return None
    return model.OnDate(day.number, f"day {day.number:g}", written.span)


def _elapsed(ctx: Context, written: tree.Elapsed, is_start: bool) -> model.Elapsed | None:
    """So long after the clock's start, or after it started."""
    if is_start and written.words == "since":
        ctx.report.add("E0719", "It would start after it starts.", written.span,
                       "Write `starts after 30 days`: that much after the clock's start.")  # fmt: skip
        return None
    delay = check_value(ctx, written.delay, constant("a delay"), DURATION, "a delay")
    if delay.type == ERROR:
        return None
    least = min((v for v, _ in extremes(ctx, (delay,))), default=1.0)
    if least < 0 or (least == 0 and not is_start):
        message = f"{text_of(delay.span)} can be {least:g} days, and something lasts longer than that."
        help = "Write a length of time above 0, such as `30 days`."
        ctx.report.add("E0316", message, delay.span, help, origins(ctx, delay))
        return None
    months = 0
    if written_months(written.delay) is not None:
        period = check_period(ctx, written.delay, "A time", whole=False)
        if period is None:
            return None
        months = period.months
    return model.Elapsed(delay, months, written.span)


def _on_date(ctx: Context, written: tree.Date) -> model.OnDate | None:
    if ctx.start is None:
        ctx.report.add(
            "E0610",
            "The clock has no date, so this day cannot be placed.",
            written.span,
            "Write `from 2024-10-01 for 180 days` in `clock`.",
        )
        return None
    passed = datetime.date.fromisoformat(written.iso) - datetime.date.fromisoformat(ctx.start)
    return model.OnDate(float(passed.days), written.iso, written.span)


def _crossing(ctx: Context, written: tree.Crossing, scope: Scope) -> model.Crossing | None:
    value, level = check_expression(ctx, written.value, scope), check_expression(ctx, written.level, scope)
    delay = (
        check_value(ctx, written.delay, constant("a delay"), DURATION, "a delay") if written.delay is not None else None
    )
    if any(e is not None and e.type == ERROR for e in (value, level, delay)):
        return None
    for side in (value, level):
        if not side.type.is_numeric:
            ctx.report.add(
                "E0306", f"{text_of(side.span)} is {side.type}, and only a number rises and falls.", side.span
            )
            return None
    if common_dimension(ctx, value, level, "compared") is None:
        return None
    moving = model.ObservationRef | model.Rolling | model.Time | model.Neighbours
    if not any(isinstance(e, moving) for e in model.walk(value)):
        ctx.report.add(
            "E0701",
            f"{text_of(value.span)} does not change in a run, so it never crosses a level.",
            value.span,
            "A trigger reads an observation.",
        )
        return None
    return model.Crossing(value, written.rises, level, delay, written.span)


# ------------------------------------------------------------------ whom and what


def _repeated(
    ctx: Context, name: str, k: int, written: tree.Repeated, domain: tuple[str, str] | None
) -> list[model.Repeated]:
    """The block, after the one that draws its share if it is for one; nothing after a report."""
    on: model.OnDate | None = None
    if isinstance(written.every, tree.Date):
        on, every = _on_date(ctx, written.every), Period(ONCE * ctx.step)
    else:
        every = check_period(ctx, written.every, "A period")
    kind = kind_of(ctx, written.kind, written.span, domain)
    if kind is None:
        return []
    scope = acting(kind, f"the intervention `{name}`")
    where = check_test(ctx, written.where, scope, "what follows `where`") if written.where is not None else None
    at_most = check_limit(ctx, written.at_most, f"the intervention `{name}`")
    rank = check_rank(ctx, written.rank, written.at_most, scope)
    actions = _plain_actions(ctx, written, kind, scope)
    paragraphs = check_paragraphs(ctx, written.paragraphs, f"{name}.each{k}", replace(scope, pulls=True))
    is_broken = any(e is not None and e.type == ERROR for e in (where, at_most))
    if every is None or rank is None or paragraphs is None or is_broken:
        return []
    draws: list[model.Repeated] = []
    if written.share is not None:
        drawn = draw_share(ctx, name, kind, written.share, every, where)
        if drawn is None:
            return []
        draws, where = [replace(drawn[0], on=on and on.day)], drawn[1]
    block = model.Repeated(
        kind,
        every.days,
        at_most,
        where,
        tuple(actions),
        f"{name}.each{k}",
        written.span,
        every.months,
        on and on.day,
        paragraphs,
        order=rank[0],
        by=rank[1],
    )
    return [*draws, block]


def _plain_actions(ctx: Context, written: tree.Repeated, kind: str, scope: Scope) -> list[model.Action]:
    """The actions of a block without paragraphs that are right."""
    actions: list[model.Action] = []
    for action in written.actions:
        match action:
            case tree.SetTo():
                made = set_attribute(ctx, action, kind, scope)
            case tree.MoveTo():
                made = force_move(ctx, action, kind, scope)
            case tree.DrawTo():
                made = None  # a block that draws has paragraphs
            case tree.Leave() | tree.Scale() | tree.Change():
                ctx.report.add(
                    "E0709",
                    f"`every` acts at a moment, and {LASTING[type(action)]} lasts.",
                    action.span,
                    "Write it under `while active`.",
                )
                made = None
            case _:
                assert_never(action)
        actions += [made] if made is not None else []
    return actions


def _costs(ctx: Context, written: tree.Intervention) -> tuple[float | None, CostsPer]:
    """Money per day active, per person treated or per start, in base units."""
    if written.costs is None:
        return None, ""
    _, dimension = unit_of(written.costs)
    for shape, per in _COSTS:
        if dimension == shape:
            return value_of(written.costs), per
    ctx.report.add(
        "E0714",
        f"{text_of(written.costs.span)} is not an amount of money.",
        written.costs.span,
        "Write `15 USD per person`, `15 USD per dose`, `2_000 USD per day`, or `50_000 USD` for each start.",
    )
    return None, ""

"""Networks: who meets whom, how often, on which days."""

from __future__ import annotations

import datetime

from lpmdsl.quantities import CONTACT_RATE, ERROR, NUMBER, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.networks.columns import tie_columns
from lpmdsl.semantics.checks.networks.directions import back_of, may_be_directed
from lpmdsl.semantics.checks.networks.layouts import check_layout
from lpmdsl.semantics.checks.networks.redrawn import check_redrawn
from lpmdsl.semantics.checks.networks.sources import source_of
from lpmdsl.semantics.checks.values.expressions import check_test, check_value
from lpmdsl.semantics.checks.values.probabilities import not_negative
from lpmdsl.semantics.context import Context, text_of
from lpmdsl.semantics.resolve.scope import apart, making
from lpmdsl.syntax import tree

CONTACTS = Type(Kind.NUMBER, CONTACT_RATE)


def check_network(ctx: Context, written: tree.Network) -> model.Network | None:
    """The network; None after a report about what it is made of."""
    match written.how:
        case tree.BackOf():
            return back_of(ctx, written, written.how)
        case tree.SourceOf():
            return source_of(ctx, written, written.how)
        case _:
            return _declared(ctx, written)


def _declared(ctx: Context, written: tree.Network) -> model.Network | None:
    """The network of a declaration of its own."""
    name = written.name.id
    if ctx.names.is_library and written.joins.id not in ctx.members:
        ctx.members[written.joins.id] = {}
    kind = ctx.agent_kind(written.joins)
    if kind is None:
        return None
    if written.days is not None and ctx.start is None and not ctx.names.is_library:
        ctx.report.add(
            "E0610",
            f"`{name}` runs on {written.days}, and the clock does not say which day is which.",
            written.name.span,
            "Write a date in `clock`: `from 2024-10-01 for 180 days`.",
        )
    contacts = None
    if written.contacts is not None:
        contacts = check_value(ctx, written.contacts, making(kind, f"the network `{name}`"), CONTACTS, "a contact rate")
        if contacts.type == ERROR or not _may_differ(ctx, written, contacts):
            return None
        not_negative(ctx, contacts, "a number of contacts")
    where = None
    if written.where is not None:
        where = check_test(ctx, written.where, apart(kind, f"the network `{name}`"), "what follows `where`")
        if where.type == ERROR:
            return None
    to = _second_kind(ctx, written, kind)
    how = check_layout(ctx, written, kind, contacts) if to is not None else None
    if how is None or to is None:
        return None
    layout, place, mixing, generator, file = how
    columns = tie_columns(ctx, written)
    redrawn = check_redrawn(ctx, written, generator)
    if columns is None or redrawn is None or not may_be_directed(ctx, written, generator):
        return None
    days = written.days or ""
    if days and not _a_day_is_whole(ctx):
        contacts, days = _share_of_week(ctx, written, name, contacts if mixing is None else None)
    return model.Network(
        name,
        kind,
        layout,
        place,
        mixing,
        generator,
        file,
        contacts,
        written.per_tie,
        days,
        written.doc,
        written.span,
        to,
        where,
        closed_days(ctx, written),
        written.directed is not None,
        columns=columns,
        redrawn=redrawn,
    )


def closed_days(ctx: Context, written: tree.Network) -> tuple[tuple[float, float], ...]:
    """Days since the start on which a network does not run, from one until before another; () after a report."""
    found: list[tuple[float, float]] = []
    for first, until in written.closed:
        start = _day(ctx, first)
        end = start + 1 if until is None else _day(ctx, until)
        if end <= start and until is not None:
            ctx.report.add(
                "E1059",
                f"No day lies from {first.iso} until {until.iso} begins.",
                until.span,
                "Write the first day on which it runs again after `to`; for one day write that day alone.",
            )
        found.append((start, end))
    return tuple(found) if ctx.start is not None else ()


def _day(ctx: Context, day: tree.Date) -> float:
    start = datetime.date.fromisoformat(ctx.start or day.iso)
    return float((datetime.date.fromisoformat(day.iso) - start).days)


def _may_differ(ctx: Context, written: tree.Network, contacts: model.Expr) -> bool:
    """Return True if contacts are everybody's own only where that has a meaning; else a report."""
    plain = isinstance(written.how, tree.AtRandom) and written.how.mixing is None and written.to is None
    if not model.reads_agent(contacts) or plain:
        return True
    ctx.report.add(
        "E0623",
        f"{text_of(contacts.span)} differs from person to person, and only at random does everybody have contacts of "
        "their own.",
        contacts.span,
        "Write one number after `with`, and multiply in the contagion: "
        f"`from I on {written.name.id} at RATE * FACTOR`.",
    )
    return False


def _a_day_is_whole(ctx: Context) -> bool:
    """Return True if each step lies within one day."""
    each = 1 / ctx.step
    return each > 0.5 and abs(each - round(each)) < 1e-9


def _share_of_week(
    ctx: Context, written: tree.Network, name: str, contacts: model.Expr | None
) -> tuple[model.Expr | None, str]:
    """Contacts on a step of whole weeks, which have five weekdays in seven; else a report (E0725)."""
    weeks = ctx.step / 7
    if contacts is None or written.closed or weeks < 0.5 or abs(weeks - round(weeks)) > 1e-9:
        why = "a day is no whole number of them" if ctx.step < 1 else "each of them has several days"
        ctx.report.add("E0725", f"`{name}` runs on {written.days}, and with steps of {ctx.step:g} days {why}.",
                       written.name.span, "Write `step 1 day` in `clock`.")  # fmt: skip
        return contacts, ""
    share = model.Literal_(5 / 7 if written.days == "weekdays" else 2 / 7, NUMBER, contacts.span)
    return model.Apply("mul", (contacts, share), contacts.type, contacts.span), ""


def _second_kind(ctx: Context, written: tree.Network, kind: str) -> str | None:
    """The kind after ``to``, "" if there is none; None after a report."""
    if written.to is None:
        return ""
    to = ctx.agent_kind(written.to)
    if to is None:
        return None
    if to == kind:
        ctx.report.add(
            "E0621",
            f"`{written.name.id}` joins {kind} to {kind}.",
            written.to.span,
            f"Among one kind write `joins {kind}`; after `to` stands another kind of agents.",
        )
        return None
    if not isinstance(written.how, tree.AtRandom) or written.how.mixing is not None or written.where is not None:
        ctx.report.add(
            "E0621",
            f"Two kinds of agents meet at random: `{written.name.id}` says another way.",
            written.to.span,
            f"Write `network {written.name.id} joins {kind} to {to} at random with 0.3 contacts per day`: "
            f"those of each {kind}.",
        )
        return None
    return to

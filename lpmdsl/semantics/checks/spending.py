"""Costs of interventions, reported by periods: observations of the form ``costs of … per week``."""

from __future__ import annotations

from lpmdsl.quantities import CURRENCIES, DOSE, MONEY, PERSON, TIME, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.periods import check_period
from lpmdsl.semantics.context import Context, days, unit_of
from lpmdsl.source import Span
from lpmdsl.syntax import tree


def check_spending(ctx: Context, written: tree.Observe, value: tree.Spending) -> model.Observation | None:
    """The observation of what interventions cost; None after a report."""
    period = check_period(ctx, value.per, "A reporting period")
    can_be = _reaches if value.is_number else _has_costs
    known = [name for name in value.interventions if can_be(ctx, name)]
    if len(known) < len(value.interventions) or period is None or not _clauses_fit(ctx, written, period.days):
        return None
    if not _each_once(ctx, known) or not (value.is_number or _one_currency(ctx, known)):
        return None
    names = tuple(name.id for name in known)
    money = "" if value.is_number else _currency(ctx, names[0])
    dimension = PERSON / TIME if value.is_number else MONEY / TIME
    return model.Observation(
        written.name.id, "", model.Spending(names, period.days, value.is_number), None, (), ("",), None, None,
        period.days, f"{money} per {value.per.text}".strip(), 1 / period.days, Type(Kind.NUMBER, dimension),
        written.doc, written.span, period.months,
    )  # fmt: skip


def reached_kinds(ctx: Context, value: tree.Spending) -> set[str]:
    """The kinds of agents whom the blocks of interventions are for."""
    named = [ctx.names.interventions()[n.id] for n in value.interventions if n.id in ctx.names.interventions()]
    kinds = ctx.names.agents()
    only = next(iter(kinds), "")
    written = {block.kind.id if block.kind is not None else only for one in named for block in one.repeated}
    return written & set(kinds)


def _reaches(ctx: Context, name: tree.Name) -> bool:
    """Return True if an intervention has a block that reaches somebody; else a report."""
    interventions = ctx.names.interventions()
    if name.id not in interventions:
        if name.id not in ctx.broken:
            help = "`number of …` counts whom an intervention reaches; people are counted by `count of KIND where …`."
            ctx.unknown(name, "an intervention", interventions, help)
        return False
    if not interventions[name.id].repeated:
        ctx.report.add("E1061", f"`{name.id}` reaches nobody: no block acts `every` period or `on` a day.",
                       name.span, f"Whether it runs is `{name.id} is active`.",
                       labels=ctx.declared(name.id))  # fmt: skip
        return False
    return True


def _has_costs(ctx: Context, name: tree.Name) -> bool:
    interventions = ctx.names.interventions()
    if name.id not in interventions:
        if name.id not in ctx.broken:
            ctx.unknown(name, "an intervention", interventions, "Costs are of interventions.")
        return False
    if interventions[name.id].costs is None:
        ctx.report.add("E0671", f"Nothing is said of what `{name.id}` costs.", name.span,
                       f"Write `costs 25 USD per person`, or `per day`, below `intervention {name.id}`.",
                           labels=ctx.declared(name.id))  # fmt: skip
        return False
    return bool(_currency(ctx, name.id)) and _pays_for_somebody(ctx, name)  # else E0714, where it stands


def _pays_for_somebody(ctx: Context, name: tree.Name) -> bool:
    """Return True unless each person costs something and none is ever reached; else a report (E0717)."""
    written = ctx.names.interventions()[name.id]
    assert written.costs is not None
    if written.repeated or unit_of(written.costs)[1] not in (MONEY / PERSON, MONEY / DOSE):
        return True
    ctx.report.add("E0717", f"`{name.id}` costs nothing: its costs are for each person whom an `every` block reaches, "
                   "and it has none.", name.span, "Write `costs AMOUNT per day`, or a block such as "
                   "`every day for at most 50 KIND`.", labels=ctx.declared(name.id))  # fmt: skip
    return False


def _clauses_fit(ctx: Context, written: tree.Observe, per: float) -> bool:
    """Return True if nothing but a period is said of the costs; else a report (E0704)."""
    counts = isinstance(written.value, tree.Spending) and written.value.is_number
    what = "Counts are known" if counts else "Costs are known"
    told: list[Span] = [clause.span for clause in (written.where, *written.by, written.thinned, written.delayed)
                        if clause is not None]  # fmt: skip
    if told:
        ctx.report.add("E0704", f"{what} in full and as they arise, and not by whom they were for.", told[0],
                       "Leave the clause out; for whom something is done is counted by "
                       "`observe NAME = number entering STATE per week by ATTRIBUTE`.")  # fmt: skip
        return False
    if written.every is not None and days(ctx, written.every) != per:
        those = "Counts" if counts else "Costs"
        ctx.report.add("E0704", f"{those} are reported once in their own period, which `per` names.",
                       written.every.span, f"Leave `every` out, or write `per {written.every.text}`.")  # fmt: skip
        return False
    return True


def _each_once(ctx: Context, names: list[tree.Name]) -> bool:
    twice = next((name for k, name in enumerate(names) if name.id in [n.id for n in names[:k]]), None)
    if twice is not None:
        ctx.report.add("E0673", f"`{twice.id}` is a duplicate, and what it costs would be counted twice.", twice.span,
                       "Name each intervention once.")  # fmt: skip
    return twice is None


def _one_currency(ctx: Context, names: list[tree.Name]) -> bool:
    first = _currency(ctx, names[0].id)
    for name in names[1:]:
        other = _currency(ctx, name.id)
        if other != first:
            ctx.report.add("E0672", f"`{names[0].id}` costs {first} and `{name.id}` {other}: they do not add up.",
                           name.span, "Observe each by itself, or write all costs in one currency.",
                           labels=(*ctx.declared(names[0].id), *ctx.declared(name.id)))  # fmt: skip
            return False
    return True


def _currency(ctx: Context, intervention: str) -> str:
    costs = ctx.names.interventions()[intervention].costs
    words = [word for word, _ in costs.unit.parts] if costs is not None and costs.unit is not None else []
    return next((word for word in words if word in CURRENCIES), "")

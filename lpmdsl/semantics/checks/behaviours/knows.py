"""Knowledge of a person when it decides: attributes, own states and reports, each with a finite number of labels."""

from __future__ import annotations

import math
from itertools import pairwise

from lpmdsl.quantities import BOOLEAN, ERROR, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.archetypes import NOT_YET_KNOWN, UNKNOWN
from lpmdsl.semantics.analysis.vertices import constant as constant_value
from lpmdsl.semantics.checks.agents import unit_written
from lpmdsl.semantics.checks.behaviours.sight import missing_label, seen
from lpmdsl.semantics.checks.values.expressions import check_value
from lpmdsl.semantics.checks.values.limits import check_limits
from lpmdsl.semantics.context import Context, Member, text_of, unit_text
from lpmdsl.semantics.resolve.scope import constant
from lpmdsl.syntax import tree

MOST_BANDS = 100


def check_knows(ctx: Context, written: tree.Behaviour, kind: str) -> tuple[model.Known, ...] | None:
    """Everything that is known, in written order; None after a report."""
    names = {name.id for clause in written.knows for name in clause.names}
    is_rule = written.decides[0].rule is not None
    found: dict[str, model.Known] = {}
    complete = True
    for clause in written.knows:
        for name in clause.names:
            if name.id in found:
                ctx.report.add("E0111", f"`{name.id}` is known twice.", name.span, "Keep one of them.")
                complete = False
                continue
            value = _value(ctx, name, kind, names) if clause.value is None else seen(ctx, name, clause, kind)
            known = _known(ctx, name, clause, value, is_rule)
            complete = complete and known is not None
            if known is not None:
                found[name.id] = known
    return tuple(found.values()) if complete else None


def _known(
    ctx: Context, name: tree.Name, clause: tree.Knows, value: model.Expr | None, is_rule: bool
) -> model.Known | None:
    if value is None:
        return None
    if value.type.kind is Kind.DATE:
        help = f"Make a yes/no or a length of time of it: `waits duration = {name.id} - 2024-10-01`."
        ctx.report.add(
            "E0731",
            f"`{name.id}` is a day, and nobody decides by a day itself.",
            name.span,
            help,
            labels=ctx.declared(name.id),
        )
        return None
    if value.type.is_numeric:
        return _banded(ctx, name, clause, value, is_rule)
    if clause.cuts:
        ctx.report.add(
            "E0731",
            f"`{name.id}` is {value.type}, which has labels already; bands are for numbers.",
            name.span,
            f"Write `knows {name.id}` on a line of its own." if clause.value is None else "Leave the bands out.",
            labels=ctx.declared(name.id),
        )
        return None
    labels = ("no", "yes") if value.type == BOOLEAN else value.type.labels
    return model.Known(name.id, value, (), labels, clause.span)


# ------------------------------------------------------------------ what is read


def _value(ctx: Context, name: tree.Name, kind: str, names: set[str]) -> model.Expr | None:
    """The expression behind a slot, read on the agent; None after a report."""
    member = ctx.members[kind].get(name.id)
    if member is not None:
        return _member(ctx, name, kind, member)
    if name.id in ctx.states:
        return _state(ctx, name, kind)
    if name.id in ctx.parameters:
        return model.ParameterRef(name.id, ctx.parameters[name.id].type, name.span)
    if name.id in ctx.observations:
        return _report(ctx, name, kind, ctx.observations[name.id], names)
    if name.id not in ctx.broken:
        known = [*ctx.members[kind], *ctx.states, *ctx.observations, *ctx.parameters]
        help = f"A {kind} knows its attributes and conditions, observations and parameters."
        ctx.unknown(name, "an observation", known, help)
    return None


def _member(ctx: Context, name: tree.Name, kind: str, member: Member) -> model.Expr | None:
    if member.is_place:
        ctx.report.add(
            "E0730",
            f"`{name.id}` is a place: which one it is says nothing to anybody.",
            name.span,
            "Let the person know an attribute or an observation.",
            labels=ctx.declared(name.id),
        )
        return None
    return None if member.type == ERROR else model.AttributeRef(kind, name.id, member.type, name.span)


def _state(ctx: Context, name: tree.Name, kind: str) -> model.Expr | None:
    if ctx.kind_of[name.id] != kind:
        ctx.report.add(
            "E0730",
            f"`{name.id}` is a condition of {ctx.kind_of[name.id]}, and a {kind} decides here.",
            name.span,
            labels=ctx.declared(name.id),
        )
        return None
    return model.StateOf(name.id, Type(Kind.CATEGORY, labels=ctx.states[name.id]), name.span)


def _report(
    ctx: Context, name: tree.Name, kind: str, observed: model.Observation, names: set[str]
) -> model.Expr | None:
    """The last report; of an observation by groups, the one of the agent's own group."""
    if observed.groups == ("",):
        return model.ObservationRef(name.id, None, observed.type, name.span)
    for part in observed.by:
        of, own = (
            (part.of, part.name)
            if isinstance(part, model.AttributeRef)
            else (ctx.kind_of[part.condition], part.condition)
            if isinstance(part, model.StateOf)
            else ("", "")
        )
        if of != kind:
            ctx.report.add(
                "E0730",
                f"`{name.id}` is reported by {own} of {of}, and a {kind} is in none of these groups.",
                name.span,
                "Observe it without groups, or by an attribute of those who decide.",
                labels=ctx.declared(name.id),
            )
            return None
        if own not in names:
            ctx.report.add(
                "E0730",
                f"`{name.id}` is reported by {own}, and nothing says that the {kind} knows its own {own}.",
                name.span,
                f"Write `knows {own}` too.",
                labels=ctx.declared(name.id),
            )
            return None
    return model.GroupReport(name.id, observed.by, observed.type, name.span)


# ------------------------------------------------------------------ bands


def _banded(ctx: Context, name: tree.Name, clause: tree.Knows, value: model.Expr, is_rule: bool) -> model.Known | None:
    if not clause.cuts:
        if is_rule:
            return model.Known(name.id, value, (), (), clause.span)
        ctx.report.add(
            "E0731",
            f"`{name.id}` is {_endless(value.type)}: it has endlessly many values, and each would be a prompt of its "
            "own.",
            name.span,
            f"Write `knows {name.id}{'' if clause.value is None else ' = …'} in bands at {_example(ctx, value)}`.",
            labels=ctx.declared(name.id),
        )
        return None
    if len(clause.cuts) >= MOST_BANDS:
        ctx.report.add(
            "E0732", f"`{name.id}` has {len(clause.cuts) + 1} bands, and {MOST_BANDS} are the most.", clause.span
        )
        return None
    cuts = _cuts(ctx, name, clause.cuts, value)
    if any(cut.type == ERROR for cut in cuts) or not _rising(ctx, cuts):
        return None
    labels = _named(ctx, name, clause) if clause.labels else band_labels(clause.cuts)
    if labels is None:
        return None
    missing = missing_label(ctx, value)
    if missing:
        labels = (*labels, missing)
    return model.Known(name.id, value, cuts, labels, clause.span)


def _named(ctx: Context, name: tree.Name, clause: tree.Knows) -> tuple[str, ...] | None:
    """The words that the text has for the bands, one for each; None after a report."""
    labels = tuple(" ".join(word.text.split()) for word in clause.labels)
    last = clause.labels[-1].span
    if len(labels) != len(clause.cuts) + 1:
        ctx.report.add(
            "E0732",
            f"`{name.id}` has {len(clause.cuts) + 1} bands and {len(labels)} names.",
            last,
            "Name each band, the lowest first: one name more than there are bounds.",
        )
        return None
    taken = (NOT_YET_KNOWN, UNKNOWN)
    twice = next((k for k, label in enumerate(labels) if not label or label in (*labels[:k], *taken)), None)
    if twice is not None:
        ctx.report.add(
            "E0732", f"`{labels[twice]}` names no band of its own.", clause.labels[twice].span, "Give it another name."
        )
        return None
    return labels


def _endless(found: Type) -> str:
    return str(found) if str(found).startswith("a ") else f"a number in {found}".replace("in per", "per")


def _example(ctx: Context, value: model.Expr) -> str:
    """Bands in the unit of what is known: the numbers are for the reader to choose."""
    if isinstance(value, model.ObservationRef | model.GroupReport):
        flow = isinstance(ctx.observations[value.observation].value, model.Flow)
        return "10, 100" if flow else "5 %, 10 %" if value.type.kind is Kind.SHARE else "1, 2"
    if value.type.kind in (Kind.SHARE, Kind.PROBABILITY):
        return "20 %, 50 %"
    match value:
        case model.AttributeRef():
            unit = next((a.unit for a in ctx.agents[value.of].attributes if a.name == value.name), "")
        case model.ParameterRef() if value.name in ctx.parameters:
            unit = ctx.parameters[value.name].unit
        case _:
            unit = ""
    unit = unit.replace("money", "USD")
    return ", ".join(f"{number} {unit}".strip() for number in (10, 20))


def _cuts(ctx: Context, name: tree.Name, cuts: tuple[tree.Expr, ...], value: model.Expr) -> tuple[model.Expr, ...]:
    """Cuts in base units: a bare number is one of the reports of a flow (cases of a week), as the reader sees them."""
    role, scope = f"a bound of `{name.id}`", constant("a band")
    if not isinstance(value, model.ObservationRef | model.GroupReport):
        unit = unit_written(ctx, value.of, value.name) if isinstance(value, model.AttributeRef) else ""
        return check_limits(ctx, cuts, scope, value.type, role, unit)
    observed = ctx.observations[value.observation]
    is_flow = isinstance(observed.value, model.Flow)
    return tuple(
        model.Literal_(cut.value * observed.scale, observed.type, cut.span)
        if is_flow and isinstance(cut, tree.Quantity) and cut.unit is None and not cut.percent
        else check_value(ctx, cut, scope, value.type, role)
        for cut in cuts
    )


def _rising(ctx: Context, cuts: tuple[model.Expr, ...]) -> bool:
    last = -math.inf
    for cut in cuts:
        here = constant_value(cut, ctx.values, ctx.tables)
        if here <= last:
            ctx.report.add(
                "E0732",
                f"{text_of(cut.span)} is not above the bound before it, so the band between them is empty.",
                cut.span,
                "Write the bounds from low to high, each once.",
            )
            return False
        last = here
    return True


def band_labels(cuts: tuple[tree.Expr, ...]) -> tuple[str, ...]:
    """``below 600 USD per week``, ``600 to 900 USD per week``, ``5000 or more``."""
    words = [_words(cut) for cut in cuts]
    between = (
        f"{low if unit == other else f'{low} {unit}'.strip()} to {f'{high} {other}'.strip()}"
        for (low, unit), (high, other) in pairwise(words)
    )
    first, last = (f"{number} {unit}".strip() for number, unit in (words[0], words[-1]))
    return (f"below {first}", *between, f"{last} or more")


def _words(cut: tree.Expr) -> tuple[str, str]:
    """A bound as a reader says it: its number and its unit."""
    match cut:
        case tree.Quantity():
            return f"{cut.number:.15g}", unit_text(cut)
        case tree.Name():
            return cut.id.replace("_", " "), ""
        case _:
            return text_of(cut.span)[1:-1], ""

"""Places as a whole: the share of its members for whom something holds, and how many places there are."""

from __future__ import annotations

from typing import Any

from lpmdsl.quantities import BOOLEAN, ERROR, NUMBER, SHARE
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.summaries.aggregates import (
    Checker,
    Tester,
    aggregate_type,
    counted,
    measure_of,
    numeric,
)
from lpmdsl.semantics.checks.values.summaries.domains import check_domain, kinds_with
from lpmdsl.semantics.context import Context, fresh_name, nothing, text_of
from lpmdsl.semantics.resolve.scope import Scope, apart, counting
from lpmdsl.syntax import tree


def is_place(ctx: Context, over: tree.Name) -> bool:
    """Return True if a name is that of a place, and of no kind of agents."""
    return over.id not in ctx.members and bool(kinds_with(ctx, over.id))


# ------------------------------------------------------------------ members of the place in view


def members_of(
    ctx: Context, written: tree.Aggregate, over: tree.Name, scope: Scope, check: Checker, test: Tester
) -> model.Expr:
    """``share of school where Flu is I`` of the place that is in view; an error expression after a report."""
    assert scope.domain is not None
    kind, place = scope.domain
    if written.group is not None:
        ctx.report.add("E1109", "The members of a place are those who are in it.", written.group.span,
                       f"Leave out `in their {written.group.id}`.")  # fmt: skip
        return nothing(written.span)
    if written.function == "commonest":
        ctx.report.add("E1078", f"The commonest label of a `{place}` is no number, and a trigger watches one.",
                       written.span, f"Write `share of {place} where …`.")  # fmt: skip
        return nothing(written.span)
    inside = apart(kind, f"what is seen of a {place}")
    where = test(ctx, written.where, inside, "what follows `where`") if written.where is not None else None
    what = check(ctx, written.what, inside) if written.what is not None else None
    what = what if what is None or what.type == ERROR else numeric(ctx, what, written.function)
    otherwise = check(ctx, written.otherwise, scope) if written.otherwise is not None else None
    measure = measure_of(ctx, written)
    if measure is None or any(part is not None and part.type == ERROR for part in (where, what, otherwise)):
        return nothing(written.span)
    function, level = measure
    type_ = aggregate_type(function, what)
    return model.Neighbours(function, "", what, where, otherwise, type_, written.span, level, kind, place)


# ------------------------------------------------------------------ numbers of places


def places_of(
    ctx: Context, written: tree.Aggregate, over: tree.Name, scope: Scope, check: Checker, test: Tester
) -> model.Expr:
    """``count of school where closing is active``: how many places; an error expression after a report."""
    domain = check_domain(ctx, over)
    if domain is None:
        return nothing(written.span)
    if not (scope.can("aggregates") or scope.can("counts")):
        return _out_of_view(ctx, written, over, domain[0], scope)
    if written.function not in ("count", "share") or written.what is not None:
        ctx.report.add(
            "E1078",
            f"`{written.function}` is taken of numbers, and a `{over.id}` has none of its own: places are counted.",
            written.span,
            f"Write `count of {over.id} where NAME is active`; or take it of people: `… over {domain[0]}`.",
        )
        return nothing(written.span)
    if written.group is not None:
        ctx.report.add("E1109", f"A {over.id} has no `{written.group.id}`: only agents have attributes.",
                       written.group.span, f"Leave out `in their {written.group.id}`.")  # fmt: skip
        return nothing(written.span)
    holds = None
    if written.where is not None:
        holds = test(ctx, written.where, counting(domain[0], "an aggregate"), "what follows `where`")
        if holds.type == ERROR or not _is_of_places(ctx, holds, domain, scope):
            return nothing(written.span)
    made = _counted_places(ctx, written, domain, holds)
    return made if scope.can("aggregates") else counted(ctx, made, None)


def _counted_places(
    ctx: Context, written: tree.Aggregate, domain: tuple[str, str], holds: model.Expr | None
) -> model.Aggregate:
    """The aggregate over the first member of each place, who stands for it."""
    kind, span = domain[0], written.span
    function: Any = written.function
    first: model.Expr = model.AttributeRef(kind, _first(ctx, *domain, written), BOOLEAN, span)
    if function == "share":
        one, none = (model.Literal_(value, SHARE, span) for value in (1.0, 0.0))
        is_one = model.Apply("select", (holds, one, none), SHARE, span) if holds is not None else one
        return model.Aggregate("mean", kind, is_one, first, None, SHARE, span)
    where = first if holds is None else model.Apply("and", (first, holds), BOOLEAN, span)
    return model.Aggregate("count", kind, None, where, None, NUMBER, span)


def _first(ctx: Context, kind: str, place: str, written: tree.Aggregate) -> str:
    """The name of the attribute that the first member of each place has, made when it is first asked for."""
    known = next((a.name for of, a in ctx.views if of == kind and a.first_of == place), None)
    if known is not None:
        return known
    name = fresh_name(f"{place}_first", {a.name for _, a in ctx.views} | set(ctx.members[kind]))
    made = model.Attribute(name, BOOLEAN, None, None, None, None, "", 1.0, False, "", written.span, first_of=place)
    ctx.views.append((kind, made))
    return name


def _is_of_places(ctx: Context, holds: model.Expr, domain: tuple[str, str], scope: Scope) -> bool:
    """Return True if a test holds for all members of a place or for none; if not, the reason is reported."""
    kind, place = domain
    for part in model.walk(holds):
        is_own = isinstance(part, model.IsActive) and (part.of, part.place) == domain
        if is_own or isinstance(part, model.Apply) or not model.reads_agent(part):
            continue
        people = f"or count people: `count of {kind} where …`."
        ctx.report.add(
            "E1076",
            f"{text_of(part.span)} differs between the members of a `{place}`, and whole places are counted here.",
            part.span,
            _over_network("Those", *domain)
            if scope.kind == kind
            else f"Ask whether an intervention of {place} is active: `count of {place} where NAME is active`; {people}",
        )
        return False
    return True


def _over_network(who: str, kind: str, place: str) -> str:
    return (
        f"{who} in one's own place are seen over its network: `share of NETWORK where their.…`, of a network that "
        f"joins {kind} sharing {place}."
    )


def _out_of_view(ctx: Context, written: tree.Aggregate, over: tree.Name, kind: str, scope: Scope) -> model.Expr:
    help = f"An intervention looks at each {over.id} if it is of {over.id}: `intervention NAME of {over.id}`."
    ctx.report.add(
        "E1077",
        f"{text_of(written.span)} is of the members of a `{over.id}`, and in {scope.place} no {over.id} is in view.",
        written.span,
        _over_network("Those", kind, over.id) if scope.kind == kind else help,
        ctx.declared(over.id),
    )
    return nothing(written.span)

"""Labels and ``is``: the state of a condition, the label of a category, whether an intervention is active."""

from __future__ import annotations

from functools import reduce

from lpmdsl.diagnostics import did_you_mean, instead
from lpmdsl.quantities import BOOLEAN, DURATION, ERROR, NUMBER_DIM, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.summaries.aggregates import Checker, may_read
from lpmdsl.semantics.checks.values.summaries.domains import domain_of
from lpmdsl.semantics.context import Context, nothing, text_of
from lpmdsl.semantics.resolve.scope import Scope
from lpmdsl.source import Span
from lpmdsl.syntax import tree

MOST_COMMON = 100
"""Labels that two categories with different lists may share, to be compared one by one."""


def label(ctx: Context, name: tree.Name, category: Type) -> model.Expr:
    """The index of a category's label."""
    if name.id in category.labels:
        return model.Literal_(float(category.labels.index(name.id)), category, name.span)
    ctx.report.add(
        "E0307",
        f"`{name.id}` is not one of {', '.join(category.labels) or 'the labels'}."
        f"{did_you_mean(name.id, category.labels)}",
        name.span,
        "A category has only the labels that its declaration names.",
        fixes=instead(name.span, name.id, category.labels),
    )
    return nothing(name.span)


def is_member(ctx: Context, name: tree.Name, scope: Scope) -> bool:
    """Return True if the name is an attribute or a place of the scope's agents."""
    return scope.kind is not None and name.id in ctx.members.get(scope.kind, {})


def check_is(ctx: Context, expr: tree.Is, scope: Scope, check: Checker) -> model.Expr:
    """``Flu is I or H``, ``age_group is adult``, ``campaign is active``, each perhaps negated."""
    subject = expr.subject
    if isinstance(subject, tree.Name) and subject.id in ctx.names.interventions():
        found = _is_active(ctx, subject, expr, scope)
    elif isinstance(subject, tree.Name) and subject.id in ctx.states and not is_member(ctx, subject, scope):
        found = _in_state(ctx, subject, expr, scope)
    else:
        found = _is_label(ctx, expr, scope, check)
    negated = expr.negated and found.type != ERROR
    return model.Apply("not", (found,), BOOLEAN, expr.span) if negated else found


def _is_active(ctx: Context, subject: tree.Name, expr: tree.Is, scope: Scope) -> model.Expr:
    if [v.id for v in expr.values] != ["active"]:
        ctx.report.add(
            "E0307",
            f"An intervention is active or it is not; `{expr.values[0].id}` says neither.",
            expr.values[0].span,
            f"Write `{subject.id} is active`.",
        )
        return nothing(expr.span)
    if not may_read(ctx, "activity", subject, scope):
        return nothing(expr.span)
    written = ctx.names.interventions()[subject.id]
    if written.of is None:
        return model.IsActive(subject.id, BOOLEAN, expr.span)
    domain = domain_of(ctx, written.of)
    if domain is None:
        return nothing(expr.span)  # the intervention is wrong itself, and that is reported
    if scope.kind == domain[0]:
        return model.IsActive(subject.id, BOOLEAN, expr.span, *domain)
    return _nowhere(ctx, subject, domain, expr, scope)


def _nowhere(ctx: Context, subject: tree.Name, domain: tuple[str, str], expr: tree.Is, scope: Scope) -> model.Expr:
    """An error expression: the place is missing in which the intervention would be active."""
    kind, place = domain
    of = "nobody in particular is looked at" if scope.kind is None else f"a {scope.kind} has no `{place}` of a {kind}"
    ctx.report.add(
        "E1074",
        f"`{subject.id}` is active in each `{place}` on its own, and in {scope.place} {of}.",
        expr.span,
        f"Count where it is: `count of {place} where {subject.id} is active`, or those whom it concerns: "
        f"`count of {kind} where {subject.id} is active`.",
        labels=ctx.declared(subject.id),
    )
    return nothing(expr.span)


def _in_state(ctx: Context, subject: tree.Name, expr: tree.Is, scope: Scope) -> model.Expr:
    if not is_of_own_kind(ctx, subject, scope):
        return nothing(expr.span)
    states = [ctx.state(subject.id, value) for value in expr.values]
    if any(s is None for s in states):
        return nothing(expr.span)
    return model.InState(subject.id, tuple(s for s in states if s is not None), BOOLEAN, expr.span)


def is_of_own_kind(ctx: Context, condition: tree.Name, scope: Scope) -> bool:
    """Return True if the state of the agent in view can be read in a condition; if not, the reason is reported."""
    if not may_read(ctx, "states", condition, scope):
        return False
    if ctx.kind_of[condition.id] == scope.kind:
        return True
    ctx.report.add(
        "E0314",
        f"`{condition.id}` is a condition of {ctx.kind_of[condition.id]}, and in {scope.place} agents of kind "
        f"{scope.kind} are looked at.",
        condition.span,
        labels=ctx.declared(condition.id),
    )
    return False


def state_of(ctx: Context, condition: tree.Name, scope: Scope) -> model.Expr:
    """The agent's state in a condition, as a category."""
    if not is_of_own_kind(ctx, condition, scope):
        return nothing(condition.span)
    return model.StateOf(condition.id, Type(Kind.CATEGORY, labels=ctx.states[condition.id]), condition.span)


def since(ctx: Context, expr: tree.Since, scope: Scope) -> model.Expr:
    """The length of time since the agent moved in a condition."""
    name = expr.condition
    if name.id not in ctx.states:
        if name.id not in ctx.broken:
            member = is_member(ctx, name, scope)
            help = f"Of a day it is `now - {name.id}`." if member else ""
            ctx.unknown(name, "a condition", ctx.states, help)
        return nothing(expr.span)
    read = tree.Name(f"time since {name.id}", expr.span)
    if not (may_read(ctx, "since", read, scope) and is_of_own_kind(ctx, name, scope)):
        return nothing(expr.span)
    return model.Since(name.id, DURATION, expr.span)


def _is_label(ctx: Context, expr: tree.Is, scope: Scope, check: Checker) -> model.Expr:
    subject = expr.subject
    found = check(ctx, subject, scope)
    if found.type == ERROR:
        return nothing(expr.span)
    if found.type.kind is Kind.BOOLEAN and all(v.id in ("yes", "no") for v in expr.values):
        return found if expr.values[0].id == "yes" else model.Apply("not", (found,), BOOLEAN, expr.span)
    numbers = [_as_number(v) for v in expr.values]
    if found.type.is_numeric and found.type.dimension.without_people() == NUMBER_DIM and None not in numbers:
        return _is_number(found, [n for n in numbers if n is not None], expr.span)
    if found.type.kind is not Kind.CATEGORY:
        ctx.report.add(
            "E0306",
            f"{text_of(subject.span)} is {found.type}, and `is` asks for the state of a condition or the label of a "
            "category.",
            subject.span,
            "Compare numbers with `<`, `<=`, `>` or `>=`.",
        )
        return nothing(expr.span)
    tests: list[model.Expr] = []
    for value in expr.values:
        if value.id not in found.type.labels and _is_category(ctx, value, scope):
            tests.append(_same_label(ctx, found, check(ctx, value, scope), expr.span))
            continue
        wanted = label(ctx, value, found.type)
        tests.append(wanted if wanted.type == ERROR else model.Apply("eq", (found, wanted), BOOLEAN, expr.span))
    if any(t.type == ERROR for t in tests):
        return nothing(expr.span)
    joined = tests[0]
    for test in tests[1:]:
        joined = model.Apply("or", (joined, test), BOOLEAN, expr.span)
    return joined


def _as_number(name: tree.Name) -> float | None:
    """The number that stands where a label could; None for a label."""
    try:
        return float(name.id.replace("_", ""))
    except ValueError:
        return None


def _is_number(found: model.Expr, numbers: list[float], span: Span) -> model.Expr:
    """Return True if a bare number is one of those written: ``doses is 1``, ``doses in 1, 2``."""
    tests: list[model.Expr] = [
        model.Apply("eq", (found, model.Literal_(n, found.type, span)), BOOLEAN, span) for n in numbers
    ]
    return reduce(_either, tests)


def _is_category(ctx: Context, name: tree.Name, scope: Scope) -> bool:
    """Return True if a name where a label could stand is a category of the agent that is looked at."""
    return is_member(ctx, name, scope) and ctx.members[scope.kind or ""][name.id].type.kind is Kind.CATEGORY


def _same_label(ctx: Context, left: model.Expr, right: model.Expr, span: Span) -> model.Expr:
    """Return True if two categories of an agent have the same label: ``works_in is home``."""
    if ERROR in (left.type, right.type):
        return nothing(span)
    if left.type.labels == right.type.labels:
        return model.Apply("eq", (left, right), BOOLEAN, span)
    common = [label for label in left.type.labels if label in right.type.labels]
    if not common or len(common) > MOST_COMMON:
        told = f"have {len(common)} labels in common, in different lists" if common else "have no label in common"
        ctx.report.add(
            "E0307",
            f"{text_of(left.span)} and {text_of(right.span)} {told}, so they cannot be compared.",
            right.span,
            "Draw both from tables by the same category, or declare both with the same labels in the same order.",
        )
        return nothing(span)
    return reduce(_either, (_both_are(label, left, right, span) for label in common))


def _both_are(label: str, left: model.Expr, right: model.Expr, span: Span) -> model.Expr:
    sides = tuple(
        model.Apply("eq", (e, model.Literal_(float(e.type.labels.index(label)), e.type, span)), BOOLEAN, span)
        for e in (left, right)
    )
    return model.Apply("and", sides, BOOLEAN, span)


def _either(left: model.Expr, right: model.Expr) -> model.Expr:
    return model.Apply("or", (left, right), BOOLEAN, left.span)

"""Expressions: each name looked up, each part typed; a mistake becomes a report and an error expression."""

from __future__ import annotations

import datetime
import math
from dataclasses import replace
from typing import assert_never

from lpmdsl.diagnostics import did_you_mean, instead
from lpmdsl.distributions.table import DISTRIBUTIONS
from lpmdsl.quantities import BOOLEAN, DURATION, ERROR, NUMBER, PERSON, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.choice import by_days, check_choice, look_up
from lpmdsl.semantics.checks.values.dates import DATE, needs_start, no_date
from lpmdsl.semantics.checks.values.finite_values import is_finite
from lpmdsl.semantics.checks.values.labels import check_is, is_member, label, since, state_of
from lpmdsl.semantics.checks.values.misreadings import misread, yes_no_as_number
from lpmdsl.semantics.checks.values.parts import own_part, part_at
from lpmdsl.semantics.checks.values.summaries.aggregates import aggregate, may_read
from lpmdsl.semantics.checks.values.summaries.neighbours import linked, neighbours, theirs
from lpmdsl.semantics.checks.values.summaries.of_ties import of_tie
from lpmdsl.semantics.checks.values.summaries.places import is_place, members_of, places_of
from lpmdsl.semantics.checks.values.summaries.reports import observation, rolling
from lpmdsl.semantics.checks.values.units import arithmetic, call, comparison, denied, expect
from lpmdsl.semantics.context import Context, literal, nothing, text_of
from lpmdsl.semantics.functions import FUNCTIONS
from lpmdsl.semantics.operators import BINARY
from lpmdsl.semantics.resolve.scope import Scope
from lpmdsl.syntax import tree


def check_expression(ctx: Context, expr: tree.Expr, scope: Scope) -> model.Expr:
    """The typed expression; its type is ``ERROR`` (and something is reported) where it makes no sense."""
    match expr:
        case tree.Quantity():
            return literal(expr)
        case tree.YesNo():
            return model.Literal_(float(expr.value), BOOLEAN, expr.span)
        case tree.Date():
            return _date(ctx, expr)
        case tree.Name():
            return _name(ctx, expr, scope)
        case tree.Theirs():
            return theirs(ctx, expr, scope)
        case tree.OfTie():
            return of_tie(ctx, expr, scope)
        case tree.Since():
            return since(ctx, expr, scope)
        case tree.Lookup():
            return _lookup(ctx, expr, scope)
        case tree.Call():
            return _call(ctx, expr, scope)
        case tree.Unary():
            return _unary(ctx, expr, scope)
        case tree.Binary():
            return _binary(ctx, expr, scope)
        case tree.Is():
            return check_is(ctx, expr, scope, check_expression)
        case tree.Choice():
            return check_choice(ctx, expr, lambda e: check_expression(ctx, e, scope), lambda e: _when(ctx, e, scope))
        case tree.Stepwise():
            return check_expression(ctx, by_days(ctx, expr), scope)
        case tree.Aggregate():
            if expr.over is None or isinstance(expr.over, tree.Quantity):
                return rolling(ctx, expr, expr.over, scope)
            if expr.function == tree.LINKED:
                return linked(ctx, expr, expr.over, scope, check_expression, check_test)
            return _summary_over(ctx, expr.over, scope)(ctx, expr, expr.over, scope, check_expression, check_test)
        case _:
            assert_never(expr)


def _summary_over(ctx: Context, over: tree.Name, scope: Scope):
    """The check of an aggregate over what is named: a network, places, the members of one, or a kind of agents."""
    if scope.domain is not None and over.id == scope.domain[1]:
        return members_of
    if over.id in ctx.names.networks():
        return neighbours
    return places_of if is_place(ctx, over) else aggregate


def check_test(ctx: Context, expr: tree.Expr, scope: Scope, role: str = "a test") -> model.Expr:
    """A truth value."""
    return expect(ctx, check_expression(ctx, expr, scope), BOOLEAN, role)


def check_value(ctx: Context, expr: tree.Expr, scope: Scope, want: Type, role: str) -> model.Expr:
    """A value of type ``want``; a bare label is read as one of its labels when ``want`` is a category."""
    if want.kind is Kind.CATEGORY and isinstance(expr, tree.Name) and not is_member(ctx, expr, scope):
        return label(ctx, expr, want)
    if want.kind is Kind.CATEGORY and isinstance(expr, tree.Choice):
        return check_choice(ctx, expr, lambda e: check_value(ctx, e, scope, want, role), lambda e: _when(ctx, e, scope))
    value = expect(ctx, check_expression(ctx, expr, scope), want, role)
    return value if is_finite(ctx, value, role) else nothing(expr.span)


def _when(ctx: Context, expr: tree.Expr, scope: Scope) -> model.Expr:
    return check_test(ctx, expr, scope, "what follows `where`")


def _date(ctx: Context, date: tree.Date) -> model.Expr:
    if ctx.start is None:
        ctx.report.add(
            "E0610",
            "The clock has no date, so this day cannot be placed.",
            date.span,
            "Write `from 2024-10-01 for 180 days` in `clock`.",
        )
        return nothing(date.span)
    passed = datetime.date.fromisoformat(date.iso) - datetime.date.fromisoformat(ctx.start)
    return model.Literal_(float(passed.days), DATE, date.span)


def _name(ctx: Context, name: tree.Name, scope: Scope) -> model.Expr:
    """A bare name: an attribute of the agent in view, a parameter, an observation, or a name that all models have."""
    if is_member(ctx, name, scope):
        return _member(ctx, name, scope)
    if scope.slots is not None and name.id in scope.slots:
        return replace(scope.slots[name.id], span=name.span)
    match name.id:
        case "pi":
            return model.Literal_(math.pi, NUMBER, name.span)
        case "time":
            return model.Time(DURATION, name.span) if may_read(ctx, "time", name, scope) else nothing(name.span)
        case "now" if ctx.names.word_of(name.id) is None:
            return _now(ctx, name, scope)
        case "population":
            return _population(ctx, name, scope)
    family = ctx.families.get(name.id)
    if family is not None and family.by:
        return own_part(ctx, family, name, scope, lambda key, table, d: table_key(ctx, key, table, d, scope))
    if name.id in ctx.parameters:
        return model.ParameterRef(name.id, ctx.parameters[name.id].type, name.span)
    if name.id in ctx.names.observations():
        return observation(ctx, name, None, scope)
    if name.id not in ctx.broken:
        _unresolved(ctx, name, scope)
    return nothing(name.span)


def _now(ctx: Context, name: tree.Name, scope: Scope) -> model.Expr:
    """The day that the run has reached; an error expression after a report."""
    if ctx.start is None:
        needs_start(ctx, name.id, name.span)
        return nothing(name.span)
    return model.Time(DATE, name.span) if may_read(ctx, "time", name, scope) else nothing(name.span)


def _member(ctx: Context, name: tree.Name, scope: Scope) -> model.Expr:
    assert scope.kind is not None
    member = ctx.members[scope.kind][name.id]
    if not may_read(ctx, "members", name, scope):
        return nothing(name.span)
    if scope.made is not None and name.id not in scope.made:
        ctx.report.add(
            "E0611",
            f"`{name.id}` is made after this, so it has no value yet.",
            name.span,
            f"Move the line of `{name.id}` above this one.",
            labels=ctx.declared(name.id),
        )
        return nothing(name.span)
    return model.AttributeRef(scope.kind, name.id, member.type, name.span)


def _population(ctx: Context, name: tree.Name, scope: Scope) -> model.Expr:
    kinds = list(ctx.members)
    kind = scope.kind or (kinds[0] if len(kinds) == 1 else None)
    if kind is None:
        ctx.report.add(
            "E0613",
            f"This model has {len(kinds)} kinds of agents, so `population` could be any of them.",
            name.span,
            f"Say whom you count: `count of {kinds[0]}`." if kinds else "Declare an agent first.",
        )
        return nothing(name.span)
    return model.Population(kind, Type(Kind.NUMBER, PERSON), name.span)


def _unresolved(ctx: Context, name: tree.Name, scope: Scope) -> None:
    owners = [kind for kind, members in ctx.members.items() if name.id in members]
    if owners:
        what = (
            "nobody in particular is looked at" if scope.kind is None else f"agents of kind {scope.kind} are looked at"
        )
        ctx.report.add(
            "E0314",
            f"`{name.id}` differs from one {owners[0]} to the next, and in {scope.place} {what}.",
            name.span,
            f"Use an observation, such as `observe mean_{name.id} = mean of {name.id} over {owners[0]}`.",
            labels=ctx.declared(name.id),
        )
        return
    if name.id in ctx.states:
        ctx.report.add(
            "E0206",
            f"`{name.id}` is a condition; by itself it is not a value.",
            name.span,
            f"Ask for a state: `{name.id} is {ctx.states[name.id][0]}`.",
            labels=ctx.declared(name.id),
        )
        return
    if ctx.names.word_of(name.id) == "table":
        ctx.report.add(
            "E0206",
            f"`{name.id}` is a table; by itself it is not a value.",
            name.span,
            f"Ask for an entry: `{name.id}[…]`.",
            labels=ctx.declared(name.id),
        )
        return
    known = [
        *ctx.parameters,
        *ctx.names.observations(),
        *ctx.members.get(scope.kind or "", {}),
        "time",
        "now",
        "population",
    ]
    ctx.unknown(name, "a value", known, _state_hint(ctx, name))


def _state_hint(ctx: Context, name: tree.Name) -> str:
    holders = [c for c, states in ctx.states.items() if name.id in states]
    return f"For the state, write `{holders[0]} is {name.id}`." if holders else ""


def _lookup(ctx: Context, expr: tree.Lookup, scope: Scope) -> model.Expr:
    name = expr.table.id
    if name in ctx.names.observations():
        return observation(ctx, expr.table, expr.keys, scope, expr.span)
    if name in ctx.families:
        return part_at(
            ctx, ctx.families[name], expr.keys, expr.span, lambda key, table, d: table_key(ctx, key, table, d, scope)
        )
    table = ctx.tables.get(name)
    if table is None:
        if name not in ctx.broken:
            ctx.unknown(expr.table, "a table", [*ctx.names.tables(), *ctx.names.observations()])
        return nothing(expr.span)
    wanted = 1 if table.curve is not None else len(table.keys)
    if len(expr.keys) != wanted:
        by = table.curve.over if table.curve else ", ".join(a or "its rows" for a in table.key_attributes)
        ctx.report.add(
            "E0412",
            f"`{name}` is {'over' if table.curve else 'by'} {by}: it takes {wanted} in brackets, and "
            f"{len(expr.keys)} stand here.",
            expr.span,
            f"Write `{name}[{by}]`.",
            labels=ctx.declared(name),
        )
        return nothing(expr.span)
    if table.curve is not None:
        return look_up(ctx, table, check_expression(ctx, expr.keys[0], scope), expr.span)
    keys = tuple(table_key(ctx, key, table, d, scope) for d, key in enumerate(expr.keys))
    return (
        nothing(expr.span) if any(k.type == ERROR for k in keys) else model.TableRef(name, keys, table.type, expr.span)
    )


def table_key(ctx: Context, key: tree.Expr, table: model.Table, dimension: int, scope: Scope) -> model.Expr:
    """A key of a table: a label of that dimension, or a category with the same labels."""
    labels = table.keys[dimension]
    wanted = Type(Kind.CATEGORY, labels=labels)
    written = key.text if isinstance(key, tree.Quantity) else None
    if written is not None and written in labels:
        return model.Literal_(float(labels.index(written)), wanted, key.span)
    # An attribute where nobody's can be read is reported as that, not as a wrong label.
    is_elsewhere = scope.kind is None and any(isinstance(key, tree.Name) and key.id in m for m in ctx.members.values())
    if isinstance(key, tree.Name) and _is_state_key(ctx, key, labels, scope):
        return state_of(ctx, key, scope)
    if isinstance(key, tree.Name) and (key.id in labels or not (is_elsewhere or is_member(ctx, key, scope))):
        return (
            label(ctx, key, wanted) if scope.kind is None or key.id in labels else _other_key(ctx, key, wanted, scope)
        )
    found = check_expression(ctx, key, scope)
    if found.type == ERROR or (found.type.kind is Kind.BOOLEAN and labels == ("no", "yes")) or found.type == wanted:
        return found
    ctx.report.add(
        "E0412",
        f"{text_of(key.span)} is {found.type}, and `{table.name}` is by "
        f"{table.key_attributes[dimension] or 'its rows'} ({', '.join(labels)}).",
        key.span,
        "Use the attribute that the table is `by`, or one of its labels.",
        labels=ctx.declared(table.name),
    )
    return nothing(key.span)


def _is_state_key(ctx: Context, key: tree.Name, labels: tuple[str, ...], scope: Scope) -> bool:
    """Return True if a key is a condition with the states that the table is by, and nothing nearer has its name."""
    return ctx.states.get(key.id) == labels and key.id not in labels and not is_member(ctx, key, scope)


def _other_key(ctx: Context, key: tree.Name, wanted: Type, scope: Scope) -> model.Expr:
    known = [*wanted.labels, *ctx.members.get(scope.kind or "", {})]
    ctx.report.add(
        "E0307",
        f"`{key.id}` is neither a label of this table nor an attribute of {scope.kind}.{did_you_mean(key.id, known)}",
        key.span,
        f"The labels are {', '.join(wanted.labels)}.",
        fixes=instead(key.span, key.id, known),
    )
    return nothing(key.span)


def _call(ctx: Context, expr: tree.Call, scope: Scope) -> model.Expr:
    row = FUNCTIONS.get(expr.function.id)
    if row is None:
        help = (
            "A distribution is written after `~`, `after` or `prior`."
            if expr.function.id in DISTRIBUTIONS
            else (f"The functions are {', '.join(sorted(FUNCTIONS))}.")
        )
        ctx.report.add(
            "E0309",
            f"There is no function `{expr.function.id}`.{did_you_mean(expr.function.id, FUNCTIONS)}",
            expr.function.span,
            help,
            fixes=instead(expr.function.span, expr.function.id, FUNCTIONS),
        )
        return nothing(expr.span)
    least, most = row.arity
    given = len(expr.arguments)
    if given < least or (most is not None and given > most):
        wants = f"{least} or more" if most is None else str(least)
        ctx.report.add("E0309", f"`{row.name}` takes {wants} numbers, and {given} stand here.", expr.span)
        return nothing(expr.span)
    return call(ctx, row, tuple(check_expression(ctx, a, scope) for a in expr.arguments), expr.span)


def _unary(ctx: Context, expr: tree.Unary, scope: Scope) -> model.Expr:
    if expr.op == "not":
        operand = check_test(ctx, expr.operand, scope, "what follows `not`")
        return nothing(expr.span) if operand.type == ERROR else denied(operand, expr.span)
    operand = check_expression(ctx, expr.operand, scope)
    if isinstance(operand, model.Literal_) and operand.type.is_numeric and operand.type != DATE:
        return model.Literal_(-operand.value, Type(Kind.NUMBER, operand.type.dimension), expr.span)
    operand = operand if operand.type.is_numeric else expect(ctx, operand, NUMBER, "what follows `-`")
    if operand.type == ERROR:
        return nothing(expr.span)
    if operand.type == DATE:
        no_date(ctx, "-", expr.span)
        return nothing(expr.span)
    return model.Apply("neg", (operand,), Type(Kind.NUMBER, operand.type.dimension), expr.span)


def _binary(ctx: Context, expr: tree.Binary, scope: Scope) -> model.Expr:
    row = BINARY[expr.op]
    if row.gives == "truth":
        sides = tuple(check_test(ctx, side, scope, f"each side of `{expr.op}`") for side in (expr.left, expr.right))
        return (
            nothing(expr.span)
            if any(s.type == ERROR for s in sides)
            else model.Apply(row.name, sides, BOOLEAN, expr.span)
        )
    if misread(ctx, expr):
        return nothing(expr.span)
    left, right = check_expression(ctx, expr.left, scope), check_expression(ctx, expr.right, scope)
    if yes_no_as_number(ctx, expr, left, right):
        return nothing(expr.span)
    operation = arithmetic if row.gives == "number" else comparison
    return operation(ctx, row, left, right, expr.span)

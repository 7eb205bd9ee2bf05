"""Dimensions and types: whether a value may stand where it stands, and what an operation makes of its operands."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import assert_never

from lpmdsl.quantities import (
    BOOLEAN,
    ERROR,
    NUMBER,
    NUMBER_DIM,
    PER_TIME,
    PROBABILITY,
    TIME,
    Dimension,
    Kind,
    Type,
)
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.value_origins import in_words, origins
from lpmdsl.semantics.checks.currencies import same_currency
from lpmdsl.semantics.checks.values.dates import has_date, is_day, no_date, with_dates, wrong_day
from lpmdsl.semantics.context import Context, nothing, text_of
from lpmdsl.semantics.functions import Function
from lpmdsl.semantics.operators import OPERATORS, Operator
from lpmdsl.source import Span

LONGEST_POWER = 8


def is_literal(expr: model.Expr) -> bool:
    """Return True if the value is built of written numbers alone."""
    return all(isinstance(e, model.Literal_ | model.Apply) for e in model.walk(expr))


def is_zero(expr: model.Expr) -> bool:
    """Return True if the expression is a written 0 without a unit."""
    return isinstance(expr, model.Literal_) and expr.value == 0 and expr.type.dimension == NUMBER_DIM


def expect(ctx: Context, expr: model.Expr, want: Type, role: str) -> model.Expr:
    """``expr`` if it can be ``role`` (``a contact rate``) of type ``want``; else an error expression, reported."""
    found = expr.type
    if ERROR in (found, want) or fits(expr, want):
        return expr
    if Kind.DATE in (found.kind, want.kind) and found.is_numeric and want.is_numeric:
        wrong_day(ctx, expr, want, role)
    elif want.is_numeric and found.is_numeric:
        _wrong_dimension(ctx, expr, want, role)
    else:
        ctx.report.add(
            "E0306",
            f"{text_of(expr.span)} is {found}, and {role} ({_wanted(want)}) belongs here.",
            expr.span,
            _kind_help(found, want),
            origins(ctx, expr),
        )
    return nothing(expr.span)


def fits(expr: model.Expr, want: Type) -> bool:
    """Return True if this value can be a ``want``: equal dimensions, zero of anything, a bare count of people."""
    found = expr.type
    if want.kind is Kind.CATEGORY:
        return found.kind is Kind.CATEGORY and found.labels == want.labels
    if not want.is_numeric or not found.is_numeric:
        return found.kind is want.kind
    if Kind.DATE in (found.kind, want.kind):
        return want.kind is Kind.DATE and is_day(expr)
    return found.dimension == want.dimension or is_zero(expr) or _counts_agree(expr, found.dimension, want.dimension)


def _counts_agree(expr: model.Expr, found: Dimension, want: Dimension) -> bool:
    return is_literal(expr) and found.without_people() == want.without_people()


def _wrong_dimension(ctx: Context, expr: model.Expr, want: Type, role: str) -> None:
    found, shown = expr.type, text_of(expr.span)
    wants_chance = want.kind in (Kind.SHARE, Kind.PROBABILITY)
    if wants_chance and found.dimension == PER_TIME:
        code = "E0304"
        message = f"{shown} is a rate (per day), and it stands as {role}: a rate can be above 1, a probability cannot."
        help = "A constant rate h over a time dt gives the probability `1 - exp(-h * dt)`."
    elif want.dimension == PER_TIME and found.kind in (Kind.SHARE, Kind.PROBABILITY):
        code = "E0305"
        message = (
            f"{shown} is {found}, and it stands as {role} (per day): a chance is over some time, a day or a month."
        )
        help = f"A chance p within a time dt is the rate `-log(1 - p) / dt`; or write {_with_unit(ctx, expr, want)}."
    elif found.dimension == NUMBER_DIM:
        code = "E0301"
        missing = f"the unit, `{_wanted(want)}`, is missing"
        why = "it could be per day or per week" if want.dimension == PER_TIME else missing
        message = f"{shown} is a bare number where {role} belongs: {why}."
        help = f"Write {_with_unit(ctx, expr, want)}."
    else:
        code = "E0303"
        message = f"{shown} is {in_words(found)} here but {role} is expected ({_wanted(want)})."
        help = _convert_help(found.dimension, want.dimension)
    ctx.report.add(code, message, expr.span, help, origins(ctx, expr))


def _wanted(want: Type) -> str:
    match want.kind:
        case Kind.NUMBER:
            return str(want.dimension)
        case Kind.SHARE | Kind.PROBABILITY:
            return "between 0 and 1"
        case Kind.CATEGORY:
            return f"one of {', '.join(want.labels)}"
        case _:
            return want.kind.value


def _with_unit(ctx: Context, expr: model.Expr, want: Type) -> str:
    """The same number with the unit that is missing, `` `0.3 per day` ``, also where a parameter is that number."""
    unit = {"days": "days", "a pure number": "%"}.get(str(want.dimension), str(want.dimension)).replace(" × ", " ")
    if isinstance(expr, model.Literal_):
        return f"`{text_of(expr.span)[1:-1]} {unit}`"
    default = ctx.parameters[expr.name].default if isinstance(expr, model.ParameterRef) else None
    if isinstance(expr, model.ParameterRef) and isinstance(default, model.Literal_):
        return f"`parameter {expr.name} = {text_of(default.span)[1:-1]} {unit}`"
    return f"the unit with its numbers, such as `0.3 {unit}`"


def _convert_help(found: Dimension, want: Dimension) -> str:
    ratio = want / found
    if want * found == NUMBER_DIM:
        return "The one is 1 over the other: a mean time of 5 days is a rate of `1 / (5 days)`. Check which you mean."
    if ratio in (TIME, PER_TIME):
        verb = "Multiply it by a length of time" if ratio == TIME else "Divide it by a length of time"
        return f"{verb}, or check which of the two you mean."
    return f"It would have to be multiplied by something in {ratio}; check the unit of each part.".replace(
        "in per", "per"
    )


def _kind_help(found: Type, want: Type) -> str:
    if want.kind is Kind.BOOLEAN and found.kind is Kind.CATEGORY:
        return f"Ask for one of its values with `is`, for example `… is {found.labels[0] if found.labels else 'a'}`."
    if want.kind is Kind.BOOLEAN and found.is_numeric:
        return "Compare it with something: `… > 0`."
    if want.is_numeric and found.kind is Kind.BOOLEAN:
        return "Put the test after `where`, or store a number instead."
    return ""


# ------------------------------------------------------------------ operations


def arithmetic(ctx: Context, row: Operator, left: model.Expr, right: model.Expr, span: Span) -> model.Expr:
    """``+ - * / ^`` of two numbers, with the dimension that follows."""
    if ERROR in (left.type, right.type) or not _numbers(ctx, row.spelling, left, right):
        return nothing(span)
    if has_date(left, right):
        kind = with_dates(row.spelling, left, right)
        if kind is None:
            no_date(ctx, row.spelling, span)
    else:
        dimension = _dimension(ctx, row, left, right)
        kind = None if dimension is None else Type(Kind.NUMBER, dimension)
    return nothing(span) if kind is None else model.Apply(row.name, (left, right), kind, span)


def _dimension(ctx: Context, row: Operator, left: model.Expr, right: model.Expr) -> Dimension | None:
    """The dimension of an operation on two numbers, or None after a report."""
    match row.dimensions:
        case "product":
            return left.type.dimension * right.type.dimension
        case "quotient":
            return left.type.dimension / right.type.dimension
        case "power":
            return _power(ctx, left, right)
        case "same":
            return common_dimension(ctx, left, right, row.told)
        case "none":
            return NUMBER_DIM
        case _:
            assert_never(row.dimensions)


def _numbers(ctx: Context, op: str, *operands: model.Expr) -> bool:
    fine = True
    for operand in operands:
        if not operand.type.is_numeric:
            ctx.report.add(
                "E0306",
                f"{text_of(operand.span)} is {operand.type}, and `{op}` works on numbers.",
                operand.span,
                _kind_help(operand.type, NUMBER),
                origins(ctx, operand),
            )
            fine = False
    return fine


def common_dimension(ctx: Context, left: model.Expr, right: model.Expr, verb: str) -> Dimension | None:
    """The dimension that both sides have, or None after reporting that they differ."""
    a, b = left.type.dimension, right.type.dimension
    if a == b and not same_currency(ctx, left, right, verb):
        return None
    if a == b or is_zero(right) or _counts_agree(right, b, a):
        return a
    if is_zero(left) or _counts_agree(left, a, b):
        return b
    bare = left if a == NUMBER_DIM and is_literal(left) else right if b == NUMBER_DIM and is_literal(right) else None
    if bare is not None:
        other = left.type if bare is right else right.type
        ctx.report.add(
            "E0301",
            f"{text_of(bare.span)} is a bare number beside {_dimension_words(other.dimension)}.",
            bare.span,
            f"Write {_with_unit(ctx, bare, other)}.",
            origins(ctx, left, right),
        )
        return None
    ctx.report.add(
        "E0302",
        f"{text_of(left.span)} is {in_words(left.type)} and {text_of(right.span)} is {in_words(right.type)}: "
        f"they cannot be {verb}.",
        left.span.to(right.span),
        "Bring both to the same unit, or check which one you mean.",
        origins(ctx, left, right),
    )
    return None


def _dimension_words(dimension: Dimension) -> str:
    return f"a value in {dimension}".replace("in per", "per")


def _power(ctx: Context, base: model.Expr, exponent: model.Expr) -> Dimension | None:
    if base.type.dimension == NUMBER_DIM and exponent.type.dimension == NUMBER_DIM:
        return NUMBER_DIM
    if isinstance(exponent, model.Literal_) and exponent.type.dimension == NUMBER_DIM and exponent.value.is_integer():
        return base.type.dimension ** int(exponent.value)
    wrong = exponent if exponent.type.dimension != NUMBER_DIM else base
    ctx.report.add(
        "E0308",
        f"{text_of(wrong.span)} is {in_words(wrong.type)}, and `^` needs pure numbers.",
        wrong.span,
        "Divide by a quantity of the same unit first; a whole written power, as in `x ^ 2`, keeps units.",
        origins(ctx, wrong),
    )
    return None


def comparison(ctx: Context, row: Operator, left: model.Expr, right: model.Expr, span: Span) -> model.Expr:
    """``< <= > >=`` of two numbers of one dimension: a truth value."""
    if ERROR in (left.type, right.type) or not _numbers(ctx, row.spelling, left, right):
        return nothing(span)
    if has_date(left, right) and with_dates(row.spelling, left, right) is None:
        no_date(ctx, row.spelling, span)
        return nothing(span)
    if common_dimension(ctx, left, right, row.told) is None:
        return nothing(span)
    return model.Apply(row.name, (left, right), BOOLEAN, span)


def denied(test: model.Expr, span: Span) -> model.Expr:
    """``not test``, applied to its comparisons: where one of two things compared has no number, neither the comparison
    nor its denial holds."""
    row = OPERATORS.get(test.op) if isinstance(test, model.Apply) else None
    if isinstance(test, model.Apply) and row is not None:
        if row.name == "not":
            return test.arguments[0]
        if row.denied:
            parts = test.arguments if row.gives == "comparison" else tuple(denied(a, a.span) for a in test.arguments)
            return replace(test, op=row.denied, arguments=parts, span=span)
    return model.Apply("not", (test,), BOOLEAN, span)


def call(ctx: Context, row: Function, arguments: tuple[model.Expr, ...], span: Span) -> model.Expr:
    """A function of numbers, its dimensions checked by its row."""
    if any(a.type == ERROR for a in arguments) or not _numbers(ctx, row.name, *arguments):
        return nothing(span)
    if has_date(*arguments):
        no_date(ctx, row.name, span)
        return nothing(span)
    dimension: Dimension | None = arguments[0].type.dimension
    if row.dimensions == "pure":
        wrong = next((a for a in arguments if a.type.dimension != NUMBER_DIM), None)
        if wrong is not None:
            ctx.report.add(
                "E0308",
                f"{text_of(wrong.span)} is {in_words(wrong.type)}, and `{row.name}` needs a pure number.",
                wrong.span,
                "Divide it by a quantity of the same unit, or multiply a rate by a time.",
                origins(ctx, wrong),
            )
            return nothing(span)
    elif row.dimensions == "square root":
        dimension = arguments[0].type.dimension ** Fraction(1, 2)
    elif row.dimensions == "number out":
        dimension = NUMBER_DIM
    for other in arguments[1:]:
        if dimension is not None and row.dimensions == "same":
            dimension = common_dimension(ctx, arguments[0], other, "compared")
    kind = Type(Kind.NUMBER, dimension) if dimension is not None else ERROR
    return model.Apply(row.name, arguments, kind, span) if dimension is not None else nothing(span)


def probability(ctx: Context, expr: model.Expr, role: str) -> model.Expr:
    """``expr`` as a probability; a share or a pure number will do (its range is looked at with all values known)."""
    return expect(ctx, expr, PROBABILITY, role)

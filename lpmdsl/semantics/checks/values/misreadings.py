"""Formulas read otherwise than they were meant: a unit below a stroke, a fraction of a rate, yes/no as a number."""

from __future__ import annotations

from lpmdsl.quantities import BOOLEAN, ERROR, PER_TIME, UNITS
from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context, literal, text_of, unit_text
from lpmdsl.syntax import tree


def misread(ctx: Context, expr: tree.Binary) -> bool:
    """Return True if a division is one of those; reported (E0201, E0743)."""
    return expr.op == "/" and (_is_per_unit(ctx, expr) or _is_fraction_of_rate(ctx, expr))


def _is_per_unit(ctx: Context, expr: tree.Binary) -> bool:
    """Return True if a unit is below a stroke, as in ``10 contacts/day``, and nothing else has its name; reported."""
    below = expr.right
    if not isinstance(below, tree.Name) or below.id not in UNITS or ctx.names.word_of(below.id) is not None:
        return False
    if any(below.id in members for members in ctx.members.values()):
        return False
    above = text_of(expr.left.span)[1:-1]
    help = (
        f"Write `{above} per {below.id}`."
        if isinstance(expr.left, tree.Quantity)
        else (f"Write the unit behind its number: `2 per {below.id}`; or divide by a length: `/ (1 {below.id})`.")
    )
    ctx.report.add("E0201", f"`{below.id}` is a unit, and a unit stands behind `per`, not below a stroke.", expr.span,
                   help)  # fmt: skip
    return True


def _is_fraction_of_rate(ctx: Context, expr: tree.Binary) -> bool:
    """Return True if a bare number is divided by several ``per`` something, as in ``1 / 7 per day``; reported."""
    above, below = expr.left, expr.right
    if not isinstance(above, tree.Quantity) or not isinstance(below, tree.Quantity):
        return False
    if above.unit or above.percent or above.per_number or below.percent or below.per_number or below.number <= 1:
        return False
    if below.unit is None or any(power > 0 for _, power in below.unit.parts):
        return False
    top, bottom = f"{above.number:g}", f"{below.number:g}"
    unit = unit_text(below)
    means = f"{text_of(expr.span)} is {top} / ({bottom} {unit}), not {top} / {bottom} of `1 {unit}`"
    ctx.report.add("E0743", f"{means}: a unit belongs to the number before it.", expr.span, _help(below, top, bottom))
    return True


def _help(below: tree.Quantity, top: str, bottom: str) -> str:
    unit = unit_text(below)
    if literal(below).type.dimension != PER_TIME:
        return f"Write `{top} / {bottom} * 1 {unit}`, or the number itself: `{float(top) / float(bottom):.6g} {unit}`."
    one = unit.removeprefix("per ").removesuffix("s")
    mean = f"{bottom} {one}s" if top == "1" else f"{bottom} {one}s / {top}"
    return (
        f"Write `{top} / {bottom} {one}s` for that rate; where a mean time belongs, `{mean}`, as in "
        f"`exponential(mean {mean})`. For a time this short write `{top} {one} / {bottom}`."
    )


def yes_no_as_number(ctx: Context, written: tree.Binary, left: model.Expr, right: model.Expr) -> bool:
    """Return True if a yes/no was multiplied, as in ``0.7 * vaccinated``; then the report says the choice to write."""
    if written.op != "*" or ERROR in (left.type, right.type) or (left.type == BOOLEAN) == (right.type == BOOLEAN):
        return False
    test, factor = (left, right) if left.type == BOOLEAN else (right, left)
    if not factor.type.is_numeric:
        return False
    name, number = (text_of(e.span)[1:-1] for e in (test, factor))
    help = f"Write `({number} where {name}, 0 otherwise)`"
    if isinstance(factor, model.Literal_):
        help += f"; for `1 - {number} * {name}` write `({1 - factor.value:g} where {name}, 1 otherwise)`"
    ctx.report.add("E0306", f"`{name}` is {test.type}, and `*` works on numbers.", test.span, f"{help}.")
    return True

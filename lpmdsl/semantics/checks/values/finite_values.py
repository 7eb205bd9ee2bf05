"""Values that are no finite number at what parameters and tables are: powers, divisions and logarithms gone wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lpmdsl.quantities import ERROR
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.value_origins import origins
from lpmdsl.semantics.analysis.vertices import constant
from lpmdsl.semantics.context import Context, text_of


def is_finite(ctx: Context, value: model.Expr, role: str) -> bool:
    """Return True if every part that parameters, tables and numbers alone decide is finite; else report it (E0742).

    What stands in a choice or a comparison may have no number: it need not be taken.
    """
    for part in _decided(ctx, value):
        if not math.isfinite(constant(part, ctx.values, ctx.tables)):
            message = f"{text_of(part.span)} is no finite number, and {role} is one."
            help = "Check what it is divided by, its powers and its units."
            ctx.report.add("E0742", message, part.span, help, origins(ctx, part))
            return False
    return True


def _decided(ctx: Context, value: model.Expr) -> Iterator[model.Expr]:
    """The largest parts whose number is known before a run."""
    if value.type == ERROR or not value.type.is_numeric:
        return
    if model.is_constant(value) and all(_is_known(ctx, part) for part in model.walk(value)):
        yield value
    elif isinstance(value, model.Apply) and value.op != "select":
        for part in value.arguments:
            yield from _decided(ctx, part)


def _is_known(ctx: Context, part: model.Expr) -> bool:
    match part:
        case model.ParameterRef():
            return math.isfinite(ctx.values.get(part.name, math.nan))
        case model.TableRef():
            return part.table in ctx.tables
        case model.Population() | model.Follows():
            return False
        case _:
            return True

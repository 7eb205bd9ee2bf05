"""Rows of tables of shares: what is drawn by the last category, for given labels of those before it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import reduce

from lpmdsl.quantities import NUMBER
from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context
from lpmdsl.source import Span
from lpmdsl.syntax import tree

ROUNDED = 1e-3
"""Part of a whole by which a row may differ from it."""
EXACT = 1e-9
"""The same for a row that is taken as it is: one who in so many goes by the last label."""


def rows_are_whole(ctx: Context, table: model.Table, written: tree.Distribution) -> bool:
    """Return True if the shares of every combination of the leading keys add up to a whole."""
    for row, total in zip(itertools.product(*table.keys[:-1]), _totals(table), strict=True):
        if abs(total - 1) > ROUNDED:
            ctx.report.add(
                "E0405",
                f"The shares of `{table.name}` for `{' '.join(row)}` add up to {100 * total:g} %, and everybody "
                "has one label.",
                written.span,
                "Correct the table so that they add up to 100 %.",
                ctx.declared(table.name),
            )
            return False
    return True


def row_of(table: model.Table, keys: tuple[model.Expr, ...], span: Span) -> tuple[model.Expr, ...]:
    """The shares of each label of the last category in the row that ``keys`` name; they add up to 1."""
    numbers = (model.Literal_(float(k), NUMBER, span) for k in range(len(table.keys[-1])))
    shares = tuple(model.TableRef(table.name, (*keys, number), table.type, span) for number in numbers)
    if all(abs(total - 1) <= EXACT for total in _totals(table)):
        return shares
    whole = reduce(lambda a, b: model.Apply("add", (a, b), NUMBER, span), shares)
    return tuple(model.Apply("div", (share, whole), table.type, span) for share in shares)


def _totals(table: model.Table) -> Iterator[float]:
    width = len(table.keys[-1])
    for k in range(0, len(table.values), width):
        yield math.fsum(table.values[k : k + width])

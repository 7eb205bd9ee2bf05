"""The clauses of an attribute: what it may be (``between``), and what a missing value of the file means."""

from __future__ import annotations

from lpmdsl.diagnostics import did_you_mean, instead
from lpmdsl.quantities import ERROR, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.vertices import constant as value_of
from lpmdsl.semantics.checks.values.expressions import check_value
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.resolve.scope import constant
from lpmdsl.syntax import tree


def attribute_limits(ctx: Context, written: tree.Attribute, kind: Type) -> tuple[float | None, float | None]:
    """The declared limits in base units; None where there is none, or after a report."""
    if written.low is None or written.high is None:
        return None, None
    if not kind.is_numeric:
        told = f"`{written.name.id}` is {kind}, and limits are for numbers."
        ctx.report.add("E0306", told, written.low.span, "Leave `between` out.")
        return None, None
    low, high = (_constant(ctx, e, kind, f"a limit of `{written.name.id}`") for e in (written.low, written.high))
    if low is not None and high is not None and high < low:
        told = f"Nothing lies between these limits of `{written.name.id}`."
        ctx.report.add("E0316", told, written.low.span, "Write the lower limit first.")
        return None, None
    return low, high


def missing_value(ctx: Context, written: tree.Attribute, kind: Type, is_read: bool) -> float | None:
    """Meaning of a missing value, in base units or as the number of a label (0 after a report); None: a mistake."""
    if written.missing is None:
        return None
    if not is_read:
        told = f"`{written.name.id}` is not read from a file, so it is never missing."
        ctx.report.add("E0603", told, written.missing.span, "Leave `missing as` out.")
        return None
    if kind.kind is Kind.CATEGORY:
        label = label_of(written.missing)
        if label in kind.labels:
            return float(kind.labels.index(label))
        told = f"`{label}` is no label of `{written.name.id}`.{did_you_mean(label, kind.labels)}"
        fixes = instead(written.missing.span, label, kind.labels)
        ctx.report.add("E0307", told, written.missing.span, f"The labels are {', '.join(kind.labels[:12])}.", (), fixes)
        return 0.0
    value = _constant(ctx, written.missing, kind, f"what a missing `{written.name.id}` means")
    return 0.0 if value is None else value


def label_of(written: tree.Expr) -> str:
    """The label that stands after ``missing as``: a word, a text in quotes, a number as it is written."""
    if isinstance(written, tree.Name):
        return written.id
    return written.span.source.text[written.span.start : written.span.end]


def _constant(ctx: Context, written: tree.Expr, kind: Type, role: str) -> float | None:
    checked: model.Expr = check_value(ctx, written, constant(role), kind, role)
    return None if checked.type == ERROR else float(value_of(checked, ctx.values, ctx.tables))

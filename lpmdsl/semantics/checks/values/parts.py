"""Parts of families of parameters where they are read: of the agent's own label, of one that is named, of a time."""

from __future__ import annotations

from collections.abc import Callable

from lpmdsl.quantities import BOOLEAN, ERROR, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.values.labels import is_member
from lpmdsl.semantics.context import Context, Family, nothing, part_name
from lpmdsl.semantics.resolve.scope import Scope
from lpmdsl.source import Span
from lpmdsl.syntax import tree

Key = Callable[[tree.Expr, model.Table, int], model.Expr]
"""A key in brackets, checked against the labels of one dimension of a table."""


def own_part(ctx: Context, family: Family, name: tree.Name, scope: Scope, key: Key) -> model.Expr:
    """The part with the labels of the agent in view; an error expression where nobody in view has them (E0932)."""
    unknown = next((by for by in family.by if not _has(ctx, by, scope)), None)
    if unknown is None:
        return part_at(ctx, family, tuple(tree.Name(by, name.span) for by in family.by), name.span, key)
    who = f"agents of kind {scope.kind}, who have none, are" if scope.kind is not None else "nobody in particular is"
    example = part_name(family.name, [labels[0] for labels in family.keys])
    ctx.report.add(
        "E0932",
        f"`{name.id}` differs by `{unknown}`, and in {scope.place} {who} looked at.",
        name.span,
        f"Name the part, as in `{example}`, or read it where an agent with a `{unknown}` is looked at.",
        ctx.declared(name.id),
    )
    return nothing(name.span)


def _has(ctx: Context, by: str, scope: Scope) -> bool:
    name = tree.Name(by, Span(ctx.names.module.source, 0, 0))
    return is_member(ctx, name, scope) or (by in ctx.states and ctx.kind_of[by] == scope.kind)


def part_at(ctx: Context, family: Family, keys: tuple[tree.Expr, ...], span: Span, key: Key) -> model.Expr:
    """The part at labels in brackets; without a number of a piece of time, that of the time."""
    labels, by = family.keys, family.by
    if len(keys) == len(family.by) + 1 and family.ends is not None:
        labels, by = (family.pieces, *labels), ("pieces of time", *by)
    if len(keys) != len(labels):
        ctx.report.add(
            "E0412", f"A part of `{family.name}` has {len(labels)} in brackets, and {len(keys)} stand here.", span,
            f"Write, for example, `{family.parts[0]}`.", ctx.declared(family.name),
        )  # fmt: skip
        return nothing(span)
    table = model.Table(family.name, by, labels, (), Type(Kind.NUMBER), "", "", span)
    found = [key(k, table, d) for d, k in enumerate(keys)]
    if any(k.type == ERROR for k in found):
        return nothing(span)
    return _chosen(ctx, family.name, list(zip(found, labels, strict=True)), (), span)


def _chosen(
    ctx: Context, family: str, keys: list[tuple[model.Expr, tuple[str, ...]]], labels: tuple[str, ...], span: Span
) -> model.Expr:
    """The parameter at these labels and those that the keys say."""
    if not keys:
        parameter = ctx.parameters.get(part_name(family, labels))
        return nothing(span) if parameter is None else model.ParameterRef(parameter.name, parameter.type, span)
    (key, known), *rest = keys
    if isinstance(key, model.Literal_):
        return _chosen(ctx, family, rest, (*labels, known[int(key.value)]), span)
    return _halved(key, [_chosen(ctx, family, rest, (*labels, label), span) for label in known], 0, span)


def _halved(key: model.Expr, values: list[model.Expr], first: int, span: Span) -> model.Expr:
    """The value of the key's label, found by halves; ``first``: the index of the first of these labels."""
    if len(values) == 1 or any(v.type == ERROR for v in values):
        return values[0] if len(values) == 1 else nothing(span)
    half = len(values) // 2
    low, high = _halved(key, values[:half], first, span), _halved(key, values[half:], first + half, span)
    if key.type.kind is Kind.BOOLEAN:
        return model.Apply("select", (key, high, low), high.type, span)
    return model.Apply("select", (_is_below(key, first, first + half, span), low, high), low.type, span)


def _is_below(key: model.Expr, first: int, end: int, span: Span) -> model.Expr:
    if isinstance(key, model.StateOf):
        return model.InState(key.condition, tuple(range(first, end)), BOOLEAN, span)
    return model.Apply("lt", (key, model.Literal_(float(end), key.type, span)), BOOLEAN, span)

"""Second places of a message about a value: where the names that stand in it have their values, or are declared."""

from __future__ import annotations

from collections.abc import Iterator

from lpmdsl.diagnostics import Label
from lpmdsl.quantities import NUMBER_DIM, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context, text_of
from lpmdsl.source import Span

MOST = 4
"""Places of one message; who uses more names has to look for them."""


def origins(ctx: Context, *values: model.Expr) -> tuple[Label, ...]:
    """Labels, one a name, in the order in which the values read them; a value that was set by hand has none."""
    found: dict[Span, Label] = {}
    for value in values:
        for part in _parts(value):
            for label in _origin(ctx, part):
                found.setdefault(label.span, label)
    return tuple(found.values())[:MOST]


def _parts(value: model.Expr) -> Iterator[model.Expr]:
    """Parts that give the value its number and unit: a table does, and not the labels by which it is read."""
    yield value
    for part in () if isinstance(value, model.TableRef | model.GroupReport) else model.children(value):
        yield from _parts(part)


def _origin(ctx: Context, part: model.Expr) -> Iterator[Label]:
    match part:
        case model.ParameterRef() if part.name in ctx.parameters and part.name not in ctx.given:
            default = ctx.parameters[part.name].default
            if default.span.source.text:
                yield Label(default.span, f"`{part.name}` is {text_of(default.span)}, written here")
        case model.AttributeRef() if part.name in ctx.members.get(part.of, {}):
            yield _declared(part.name, part.type, ctx.members[part.of][part.name].span)
        case model.TableRef() if part.table in ctx.tables:
            yield _declared(part.table, part.type, ctx.tables[part.table].span)
        case model.ObservationRef() | model.GroupReport() | model.Rolling() if part.observation in ctx.observations:
            yield _declared(part.observation, part.type, ctx.observations[part.observation].span)
        case _:
            pass


def _declared(name: str, kind: Type, span: Span) -> Label:
    told = in_words(kind) if kind.kind is Kind.NUMBER else str(kind)
    return Label(span, f"`{name}` is {told}, declared here")


def in_words(found: Type) -> str:
    """``a pure number``, ``in days``, ``per day``, ``yes or no``: a type as a sentence says it."""
    if not found.is_numeric or found.dimension != NUMBER_DIM:
        return f"in {found.dimension}".replace("in per", "per") if found.is_numeric else str(found)
    return "a pure number"

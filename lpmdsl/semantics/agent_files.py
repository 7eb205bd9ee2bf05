"""Populations from files: which columns are read, and whether every cell fits."""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.diagnostics import did_you_mean
from lpmdsl.quantities import NUMBER_DIM, Kind
from lpmdsl.semantics import model
from lpmdsl.semantics.check_data import Column, DataFile, distinct, header_scale, need_column, numbers, read_data, texts
from lpmdsl.semantics.context import Context

YES_NO = ("yes", "no", "true", "false", "1", "0")


def check_columns(ctx: Context, agent: model.Agent) -> model.Agent:
    """The kind with its columns' units; every mistake in the file is reported once per column."""
    assert agent.file is not None and agent.file_span is not None
    data = read_data(ctx, agent.file, agent.file_span)
    if data is None:
        return agent
    if agent.count is not None and data.rows < agent.count:
        ctx.report.add(
            "E0410",
            f"`{agent.file}` has {data.rows:_} rows, and {agent.count:_} {agent.name} are asked for: "
            f"{agent.count - data.rows:_} too few.",
            agent.file_span,
            "Leave `count` out to take every row.",
        )
    members: list[model.Attribute | model.Place] = []
    for member in agent.members:
        if isinstance(member, model.Place):
            if member.size is None:
                need_column(ctx, data, member.name, member.span)
            members.append(member)
        else:
            members.append(_attribute(ctx, data, member) if member.column is not None else member)
    return replace(agent, members=tuple(members))


def _attribute(ctx: Context, data: DataFile, attribute: model.Attribute) -> model.Attribute:
    column = need_column(ctx, data, attribute.column or "", attribute.span)
    if column is None:
        return attribute
    match attribute.type.kind:
        case Kind.CATEGORY:
            _known_cells(ctx, data, column, attribute, attribute.type.labels)
        case Kind.BOOLEAN:
            _known_cells(ctx, data, column, attribute, YES_NO)
        case _:
            return _number(ctx, data, column, attribute)
    return attribute


def _known_cells(
    ctx: Context, data: DataFile, column: Column, attribute: model.Attribute, known: tuple[str, ...]
) -> None:
    fold = (lambda text: text.lower()) if known is YES_NO else (lambda text: text)
    strange = [text for text in distinct(data, column) if fold(text) not in known]
    if strange:
        row = texts(data, column).index(strange[0]) + data.first_row
        shown = known[:2] if known is YES_NO else known
        ctx.report.add(
            "E0411",
            f"Row {row} of `{data.path.name}`, column `{column.name}`, is `{strange[0]}`, which is none of "
            f"{', '.join(shown)}.{did_you_mean(strange[0], shown)}",
            attribute.span,
            "Correct the cell, or add the label to `one of`.",
        )


def _number(ctx: Context, data: DataFile, column: Column, attribute: model.Attribute) -> model.Attribute:
    dimension = attribute.type.dimension
    if column.unit is None and dimension != NUMBER_DIM:
        ctx.report.add(
            "E0409",
            f"Column `{column.name}` of `{data.path.name}` has no unit, and `{attribute.name}` is {attribute.type}.",
            attribute.span,
            f"Write the unit into the header: `{column.name} [{_example(attribute)}]`.",
        )
        return attribute
    scale = header_scale(ctx, data, column, dimension, attribute.span)
    values = numbers(ctx, data, column, attribute.span)
    if scale is None or values is None:
        return attribute
    if attribute.type.kind in (Kind.SHARE, Kind.PROBABILITY):
        bad = next((i for i, v in enumerate(values) if not 0 <= v * scale <= 1), None)
        if bad is not None:
            ctx.report.add(
                "E0408",
                f"Row {bad + data.first_row} of `{data.path.name}`, column `{column.name}`, is {values[bad]:g}: "
                f"a {attribute.type.kind.value} lies between 0 and 1.",
                attribute.span,
                f"If the column is in per cent, write `{column.name} [%]` into the header.",
            )
    return replace(attribute, unit=column.unit or attribute.unit, scale=scale)


def _example(attribute: model.Attribute) -> str:
    return "years" if str(attribute.type.dimension) == "days" else str(attribute.type.dimension)

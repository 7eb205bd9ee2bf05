"""Populations from files: which columns are read, and whether every cell fits, by the reader that a run uses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lpmdsl.quantities import TIME, UNITS, Kind, Type
from lpmdsl.reading.people import Wanted, column_values
from lpmdsl.reading.problem import Problem
from lpmdsl.reading.tabular import DataFile
from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.data_files.named_files import parse_unit, read_data, tell_commas

OLD = 150 * UNITS["years"].scale
"""A life that is longer is doubted."""


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
        want = wanted(member)
        members.append(member if want is None else _checked(ctx, data, member, want))
    return replace(agent, members=tuple(members))


def wanted(member: model.Attribute | model.Place) -> Wanted | None:
    """The column that an attribute or a place is read from; None where it is made."""
    match member:
        case model.Place():
            return _place(member) if member.size is None else None
        case model.Attribute():
            if member.column is None:
                return None
            return Wanted(member.column, member.type, member.span, member.missing, member.low, member.high,
                          member.since)  # fmt: skip


def _place(place: model.Place) -> Wanted:
    return Wanted(place.name, Type(Kind.PLACE), place.span, -1.0 if place.missing_is_none else None)


def _checked(
    ctx: Context, data: DataFile, member: model.Attribute | model.Place, want: Wanted
) -> model.Attribute | model.Place:
    try:
        read = column_values(data, want)
    except Problem as problem:
        problem.tell(ctx.report, member.span)
        return member
    if isinstance(member, model.Place) or not member.type.is_numeric or member.type.kind is Kind.DATE:
        return member
    column = data.need(want.name)
    if read.comma:
        tell_commas(ctx.report, data, column, member.span)
    if member.type.dimension == TIME and want.high is None:
        _not_too_old(ctx, data, member, read.values)
    scale = parse_unit(column.unit)[0] if column.unit else None
    return replace(member, unit=column.unit or member.unit, scale=scale or 1.0)


def _not_too_old(ctx: Context, data: DataFile, member: model.Attribute, values: np.ndarray) -> None:
    """Warns of times above 150 years: a code for something that is not known (W0418)."""
    beyond = np.flatnonzero(values > OLD)
    if beyond.size:
        row = int(beyond[0])
        ctx.report.add(
            "W0418",
            f"{data.where(row, data.need(member.column or member.name))}, is {values[row] / UNITS['years'].scale:,.4g} "
            "years.",
            member.span,
            "Is it a code for an age that is not known? Declare what may be: `between 0 years and 120 years`.",
        )

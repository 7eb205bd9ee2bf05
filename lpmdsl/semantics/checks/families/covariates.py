"""Covariates of the parts of a family, of which a network makes their values in a fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lpmdsl.reading.problem import Problem
from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.data_files.named_files import Column, DataFile, need_column, numbers, read_data, texts
from lpmdsl.source import Span
from lpmdsl.syntax import tree

PIECE = "piece"
"""The column with the numbers of pieces of time."""
MOST_HIDDEN = 200
SPREAD = "1.86"
"""Of a part under the priors of the weights (``runtime.calibration.nets``): about a lognormal law."""

Parts = dict[tuple[str, ...], tree.Parameter]


def with_network(ctx: Context, written: tree.Parameter, parts: Parts) -> tuple[Parts, model.Net] | None:
    """The parts with the prior that the network's weights give them, and the network; None after a report."""
    given = written.covariates
    assert given is not None
    if not _is_alone(ctx, written, given) or not _is_size(ctx, given):
        return None
    data = read_data(ctx, given.file, given.file_span)
    if data is None:
        return None
    try:
        rows = _rows(ctx, written, data, given, list(parts))
    except Problem as problem:
        problem.tell(ctx.report, given.file_span)
        return None
    if rows is None:
        return None
    names, values = rows
    net = model.Net(
        written.name.id, tuple(p.name.id for p in parts.values()), names, values, int(given.hidden), given.span
    )
    return {labels: replace(part, prior=_prior(part, given.span)) for labels, part in parts.items()}, net


def _prior(part: tree.Parameter, span: Span) -> tree.Distribution:
    spread = tree.Quantity(float(SPREAD), False, None, None, SPREAD, span)
    arguments = (tree.Argument("median", part.value, span), tree.Argument("spread", spread, span))
    return tree.Distribution(tree.Name("lognormal", span), arguments, span)


def _is_alone(ctx: Context, written: tree.Parameter, given: tree.Covariates) -> bool:
    """Return True if nothing else says what is believed of the values; else E0936."""
    other = written.prior or written.walk or written.low
    if other is None:
        return True
    told = "The weights of a network have priors of their own, and what it gives is positive and has no other bound."
    ctx.report.add("E0936", told, other.span, "Leave this out.")
    return False


def _is_size(ctx: Context, given: tree.Covariates) -> bool:
    if given.hidden == int(given.hidden) and 1 <= given.hidden <= MOST_HIDDEN:
        return True
    told = f"A network has from 1 to {MOST_HIDDEN} hidden units."
    ctx.report.add("E0936", told, given.span, "Write `as network of 16`.")
    return False


def _rows(
    ctx: Context, written: tree.Parameter, data: DataFile, given: tree.Covariates, parts: list[tuple[str, ...]]
) -> tuple[tuple[str, ...], tuple[tuple[float, ...], ...]] | None:
    """Names of the covariates, and theirs for every part with mean 0 and standard deviation 1; None after a report."""
    keyed = ([PIECE] if written.every is not None else []) + [n.id for n in written.by]
    keys = [need_column(ctx, data, name, given.file_span) for name in keyed]
    if any(k is None for k in keys):
        return None
    others = [c for c in data.columns if c not in keys]
    columns = [numbers(ctx, data, c, given.file_span) for c in others]
    if any(c is None for c in columns):
        return None
    at = _places(ctx, data, [k for k in keys if k is not None], given, parts)
    if at is None:
        return None
    if not others:
        told = f"`{data.name}` has no column beside {' and '.join(f'`{k}`' for k in keyed)}."
        ctx.report.add(
            "E0936",
            told,
            given.file_span,
            "Add a column with what the parts may hang on: the network knows nothing else.",
        )
        return None
    table = np.array([list(c or ()) for c in columns]).T[at]
    spread = table.std(axis=0)
    scaled = (table - table.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return tuple(c.name for c in others), tuple(tuple(map(float, row)) for row in scaled)


def _places(
    ctx: Context, data: DataFile, keys: list[Column], given: tree.Covariates, parts: list[tuple[str, ...]]
) -> list[int] | None:
    """The row of every part; None after reporting a part without one, or with two (E0936)."""
    found: dict[tuple[str, ...], int] = {}
    for row, labels in enumerate(zip(*(texts(data, k) for k in keys), strict=True)):
        if labels in found:
            told = f"`{data.name}` has two rows of the part `{' '.join(labels)}`."
            ctx.report.add("E0936", told, given.file_span, "Delete one of them.")
            return None
        found[labels] = row
    missing = [labels for labels in parts if labels not in found]
    if missing:
        more = f" ({len(missing)} are missing)" if len(missing) > 1 else ""
        told = f"`{data.name}` has no row of the part `{' '.join(missing[0])}`{more}."
        named = " and ".join(f"`{k.name}`" for k in keys)
        ctx.report.add("E0936", told, given.file_span, f"Every part has a row, named by {named}.")
        return None
    return [found[labels] for labels in parts]

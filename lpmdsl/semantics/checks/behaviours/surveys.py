"""``validate against``: the survey whose shares a behaviour is compared with."""

from __future__ import annotations

from typing import Literal

from lpmdsl.diagnostics import did_you_mean, instead
from lpmdsl.quantities import ERROR
from lpmdsl.reading.door import is_there, leads_out, place_of
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.vertices import constant as constant_value
from lpmdsl.semantics.checks.values.probabilities import check_probability
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.data_files.named_files import DataFile, distinct, need_column, numbers, read_data
from lpmdsl.semantics.resolve.scope import constant
from lpmdsl.syntax import tree

Distance = Literal["mean_absolute", "total_variation", "rms"]
DISTANCES: dict[str, Distance] = {
    "mean_absolute": "mean_absolute",
    "total_variation": "total_variation",
    "root_mean_square": "rms",
    "rms": "rms",
}


def check_survey(ctx: Context, written: tree.Behaviour, knows: tuple[model.Known, ...]) -> model.Validate | None:
    """The survey with its columns as far as it is there; None after a report or without one."""
    clause = written.validate
    if clause is None:
        return None
    slots = {k.slot: k for k in knows}
    by = tuple(name.id for name in clause.by if _is_group(ctx, name, slots))
    if not _comes_later(ctx, clause):
        data = read_data(ctx, clause.file, clause.file_span)
        if data is not None:
            _columns(ctx, clause, data, slots)
    at_most = None
    if clause.at_most is not None:
        bound = check_probability(ctx, clause.at_most, constant("a distance"), "a distance between shares")
        at_most = None if bound.type == ERROR else constant_value(bound, ctx.values, ctx.tables)
    return model.Validate(clause.file, clause.column.id, by, _distance(ctx, clause), at_most, clause.span)


def _is_group(ctx: Context, name: tree.Name, slots: dict[str, model.Known]) -> bool:
    if name.id in slots and slots[name.id].labels:
        return True
    ctx.report.add(
        "E0733",
        f"`{name.id}` is not known in labels, so a survey cannot be compared by it.{did_you_mean(name.id, slots)}",
        name.span,
        f"A survey is by what is known: {', '.join(slots) or 'nothing here'}.",
        fixes=instead(name.span, name.id, slots),
    )
    return False


def _columns(ctx: Context, clause: tree.Validate, data: DataFile, slots: dict[str, model.Known]) -> None:
    column = need_column(ctx, data, clause.column.id, clause.column.span)
    if column is not None:
        numbers(ctx, data, column, clause.column.span)
    for name in clause.by:
        group = need_column(ctx, data, name.id, name.span)
        if group is None or name.id not in slots:
            continue
        labels = slots[name.id].labels
        strange = next((text for text in distinct(data, group) if text not in labels), None)
        if strange is not None:
            ctx.report.add(
                "E0411",
                f"`{clause.file}` has `{strange}` for `{name.id}`, which is not one of its labels."
                f"{did_you_mean(strange, labels)}",
                name.span,
                f"The labels are {', '.join(labels)}.",
            )


def _comes_later(ctx: Context, clause: tree.Validate) -> bool:
    """Return True if the survey is simply not here: a run needs none of it."""
    place = place_of(clause.file_span.source)
    if is_there(clause.file, place) or leads_out(clause.file, place):
        return False
    ctx.report.add(
        "N0906",
        f"`{clause.file}` is not beside the model, so its columns are not looked at now.",
        clause.file_span,
        "A run does not need it. Put it beside the model to have it checked.",
    )
    return True


def _distance(ctx: Context, clause: tree.Validate) -> Distance:
    if clause.distance is None:
        return "mean_absolute"
    if clause.distance.id not in DISTANCES:
        known = [name.replace("_", " ") for name in DISTANCES if name != "rms"]
        written = clause.distance.id.replace("_", " ")
        ctx.report.add(
            "E0905",
            f"There is no distance called `{written}`.{did_you_mean(written, known)}",
            clause.distance.span,
            f"There are {', '.join(known)}.",
            fixes=instead(clause.distance.span, written, known),
        )
    return DISTANCES.get(clause.distance.id, "mean_absolute")

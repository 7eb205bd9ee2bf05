"""Fits to data: what is estimated, and which report is held to which numbers."""

from __future__ import annotations

from lpmdsl.diagnostics import did_you_mean, instead
from lpmdsl.distributions.table import DISTRIBUTIONS
from lpmdsl.reading.door import beside, is_there, leads_out, place_of
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.studies.comparisons import _is_observed
from lpmdsl.semantics.checks.values.laws.distributions import check_distribution
from lpmdsl.semantics.checks.values.periods import check_period
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.data_files.named_files import read_data
from lpmdsl.semantics.resolve.scope import constant
from lpmdsl.syntax import tree

ESTIMATORS = ("sampling", "gradient", "neural posterior", "search")


def check_calibration(ctx: Context, written: tree.Calibrate) -> model.Calibrate:
    """A fit: parsed and typed now, carried out by the calibration."""
    fits = [fit for clause in written.fits if (fit := _fit(ctx, clause)) is not None]
    estimate = [part for name in written.estimate if _is_estimable(ctx, name) for part in _parts(ctx, name)]
    method = written.method.id.replace("_", " ") if written.method is not None else ESTIMATORS[0]
    if method not in ESTIMATORS and written.method is not None:
        ctx.report.add(
            "E0905",
            f"There is no way of estimating called `{method}`.",
            written.method.span,
            f"There are {', '.join(ESTIMATORS)}.",
        )
    for name in written.estimate:
        if name.id in ctx.nets and method != "gradient":
            ctx.report.add(
                "E0937",
                f"`{name.id}` is given by a network, which is trained by its gradient and by nothing else.",
                name.span,
                "Write `by gradient` at the end of the line.",
                ctx.declared(name.id),
            )
    held = check_period(ctx, written.hold_out, "The time held out") if written.hold_out is not None else None
    hold_out, months = (held.days, held.months) if held is not None else (0.0, 0)
    return model.Calibrate(tuple(fits), tuple(estimate), method, hold_out, written.span, months)


def _parts(ctx: Context, name: tree.Name) -> tuple[str, ...]:
    """The parameters that a name stands for: all parts of a family."""
    family = ctx.families.get(name.id)
    return (name.id,) if family is None else family.parts


def _believes_nothing(written: tree.Parameter) -> bool:
    return written.prior is None and written.walk is None and written.covariates is None


def _is_estimable(ctx: Context, name: tree.Name) -> bool:
    parameter = ctx.parameters.get(_parts(ctx, name)[-1])
    if parameter is None:
        if name.id not in ctx.broken:
            ctx.unknown(name, "a parameter", ctx.names.parameters(), "Parameters are estimated.")
        return False
    if parameter.prior is None and _believes_nothing(ctx.names.parameters()[name.id]):
        ctx.report.add(
            "E0902",
            f"`{name.id}` has no prior, so the data would be all that speaks for a value.",
            name.span,
            f"Add a line under `parameter {name.id}`: `prior lognormal(median …, spread 2)`.",
            labels=ctx.declared(name.id),
        )
        return False
    return True


def _comes_later(ctx: Context, written: tree.Fit) -> bool:
    """Return True if the data are just not here: a fit may read them from another folder, and a run needs none."""
    place = place_of(written.file_span.source)
    if is_there(written.file, place) or leads_out(written.file, place):
        return False
    ctx.report.add(
        "N0906",
        f"`{written.file}` is not beside the model, so its columns are not looked at now."
        f"{did_you_mean(written.file, beside(place))}",
        written.file_span,
        "A run does not need it. Put it beside the model to have it checked.",
        fixes=instead(written.file_span, written.file, beside(place)),
    )
    return True


def _may_count(ctx: Context, observed: model.Observation, likelihood: model.Distribution) -> bool:
    """Return True unless money is to scatter as counts of people do (E0674)."""
    if observed.type.dimension.money == 0 or DISTRIBUTIONS[likelihood.family].support != "whole":
        return True
    ctx.report.add("E0674", f"`{likelihood.family}` says how counts scatter, and `{observed.name}` is money "
                   f"({observed.unit}).", likelihood.span,
                   "Write `normal(sd AMOUNT)` or `lognormal(spread FACTOR)`, or fit a number of people.")  # fmt: skip
    return False


def _fit(ctx: Context, written: tree.Fit) -> model.Fit | None:
    if not _is_observed(ctx, written.observation):
        return None
    observed = ctx.observations[written.observation.id]
    likelihood = check_distribution(ctx, written.likelihood, observed.type, "likelihood", constant("a likelihood"))
    if not _comes_later(ctx, written):
        read_data(ctx, written.file, written.file_span)  # its rows are matched when everything is known: fit_data
    if likelihood is None or not _may_count(ctx, observed, likelihood):
        return None
    by = tuple(name.id for name in written.by)
    return model.Fit(
        written.observation.id, written.file, written.column.id, by, likelihood, written.file_span,
        written.column.span, written.span,
    )  # fmt: skip

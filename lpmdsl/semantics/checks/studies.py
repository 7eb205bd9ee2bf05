"""Studies of a model: scenarios, comparisons, promises to check, and fits to data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lpmdsl.diagnostics import did_you_mean, instead
from lpmdsl.distributions.table import DISTRIBUTIONS
from lpmdsl.quantities import BOOLEAN, ERROR, NUMBER
from lpmdsl.reading.door import beside, is_there, leads_out, place_of
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.attack_rate import observe_attack_rate
from lpmdsl.semantics.analysis.vertices import constant as constant_value
from lpmdsl.semantics.checks.families.declaration import changed_parts
from lpmdsl.semantics.checks.interventions.while_active import parameter_change
from lpmdsl.semantics.checks.observations import group_name, groups_by
from lpmdsl.semantics.checks.values.expressions import check_expression, check_test, check_value
from lpmdsl.semantics.checks.values.laws.distributions import check_distribution
from lpmdsl.semantics.checks.values.periods import check_period
from lpmdsl.semantics.checks.values.units import denied
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.data_files.named_files import read_data
from lpmdsl.semantics.host.report_times import adds_up
from lpmdsl.semantics.resolve.scope import constant, watching
from lpmdsl.semantics.resolve.tree_walk import in_order
from lpmdsl.source import Span
from lpmdsl.syntax import tree

BASELINE = "baseline"
ESTIMATORS = ("sampling", "gradient", "neural posterior", "search")


def check_scenarios(ctx: Context) -> tuple[model.Scenario, ...]:
    """All scenarios, what they include merged in, in written order."""
    declared = ctx.names.scenarios()
    ordered, circles = in_order(declared, lambda s: s.include)  # behaviours among them stand in no order
    for circle in circles:
        ctx.broken.update(circle)
        ctx.report.add(
            "E0205",
            f"These scenarios include each other: {' with '.join(circle)}.",
            declared[circle[0]].name.span,
            "Let only one of them include the other.",
        )
    done: dict[str, model.Scenario] = {}
    for written in ordered:
        if written.name.id not in ctx.broken:
            done[written.name.id] = _scenario(ctx, written, done)
    return tuple(done[name] for name in declared if name in done)


def _scenario(ctx: Context, written: tree.Scenario, done: dict[str, model.Scenario]) -> model.Scenario:
    without: dict[str, None] = {}
    changes: dict[str, model.Expr] = {}
    behaviours: dict[str, None] = {}
    for name in written.include:
        if name.id in done:
            without |= dict.fromkeys(done[name.id].without)
            changes |= dict(done[name.id].changes)
            behaviours |= dict.fromkeys(done[name.id].behaviours)
        elif name.id in ctx.behaviours and not ctx.behaviours[name.id].asked_with:
            behaviours[name.id] = None
        elif name.id not in ctx.broken:
            known = [*ctx.names.scenarios(), *ctx.names.behaviours()]
            ctx.unknown(name, "a scenario", known, "`with` includes a scenario, or lets a behaviour decide.")
    for name in written.without:
        known = [*ctx.names.interventions(), *ctx.names.behaviours(), *ctx.names.rules()]
        if name.id in known:
            without[name.id] = None
        else:
            help = "`without` leaves an intervention, a behaviour or a rule out."
            ctx.unknown(name, "an intervention", known, help)
    for clause in written.changes:
        for change in changed_parts(ctx, clause):
            value = _change(ctx, change)
            if value is not None:
                changes[change.target.id] = value
    return model.Scenario(
        written.name.id, tuple(without), tuple(changes.items()), written.doc, written.span, tuple(behaviours)
    )


def _change(ctx: Context, change: tree.Change) -> model.Expr | None:
    return parameter_change(ctx, change, constant("a scenario"), "A scenario")


# ------------------------------------------------------------------ comparisons


def check_compare(
    ctx: Context,
    written: tree.Compare,
    conditions: Sequence[model.Condition],
    interventions: Sequence[model.Intervention],
) -> model.Compare:
    """A comparison of known scenarios over known observations; an attack rate is of the one that spreads."""
    scenarios = [name.id for name in written.scenarios if _is_scenario(ctx, name)]
    baseline = written.baseline.id if _is_scenario(ctx, written.baseline) else BASELINE

    def summary(report: tree.Summary) -> model.Summary | None:
        if report.observation is not None:
            return _summary(ctx, report, report.observation)
        rate = observe_attack_rate(ctx, conditions, interventions, report.function, report.span)
        return None if rate is None else model.Summary("final", rate.name, (), report.function, report.span)

    repeat = 1
    if written.repeat is not None:
        repeat = int(written.repeat.value)
        if written.repeat.value != repeat or repeat < 1 or repeat > 1_000_000:
            ctx.report.add(
                "E0316",
                f"A comparison cannot be repeated {written.repeat.text} times.",
                written.repeat.span,
                "Write `repeat 20 times`.",
            )
    reports = [found for r in written.reports if (found := summary(r)) is not None]
    return model.Compare(tuple(scenarios), baseline, max(repeat, 1), tuple(reports), written.span)


def _summary(ctx: Context, written: tree.Summary, name: tree.Name) -> model.Summary | None:
    """A summary of an observation; one that is not ``by`` what is asked for is observed by it too, by another name."""
    if not _is_observed(ctx, name):
        return None
    observed = ctx.observations[name.id]
    by = tuple(name.id for name in written.by)
    text = f"{written.function} of {observed.name}{' by ' if by else ''}{' and '.join(by)}"
    if not set(by) <= {group_name(leaf) for leaf in observed.by}:
        grouped = _observed_by(ctx, written, observed)
        if grouped is None:
            return None
        observed = grouped
    elif by and set(by) != {group_name(leaf) for leaf in observed.by} and not adds_up(observed):
        _no_groups(ctx, written, observed.name, f"its groups do not add up to those by {', '.join(by)}")
        return None
    return model.Summary(written.function, observed.name, by, text, written.span)  # type: ignore[arg-type]


def _observed_by(ctx: Context, written: tree.Summary, observed: model.Observation) -> model.Observation | None:
    """The same observation in the groups asked for; None after a report."""
    if isinstance(observed.value, model.Derived):
        return _no_groups(ctx, written, observed.name, "a formula has the groups of the observations in it")
    if observed.thinned is not None or observed.delayed is not None:
        return _no_groups(ctx, written, observed.name, "what is thinned or delayed is drawn for the observation itself")
    leaves = groups_by(ctx, written.by, observed.of)
    if leaves is None:
        return None
    name = "_".join([observed.name, "by", *(n.id for n in written.by)])
    if name not in ctx.observations:
        ctx.observations[name] = replace(observed, name=name, by=leaves, groups=model.group_labels(leaves))
    return ctx.observations[name]


def _no_groups(ctx: Context, written: tree.Summary, observed: str, why: str) -> None:
    by = ", ".join(name.id for name in written.by)
    ctx.report.add(
        "E0703",
        f"`{observed}` cannot be told apart by {by}: {why}.",
        written.span,
        f"Write `by {by}` where it is observed.",
    )


def _is_scenario(ctx: Context, name: tree.Name) -> bool:
    known = ctx.names.scenarios()
    if name.id != BASELINE and name.id not in known and name.id not in ctx.broken:
        ctx.unknown(name, "a scenario", [*known, BASELINE], "`baseline` is the model as it is written.")
    return name.id == BASELINE or name.id in known


def _is_observed(ctx: Context, name: tree.Name) -> bool:
    if name.id not in ctx.observations and name.id not in ctx.broken:
        help = "Summaries are of observations."
        if name.id in ("cost", "costs"):
            help = (
                "What interventions cost in all is told below every table; to compare it, write "
                "`observe spent = costs of INTERVENTION per week` and `report total of spent`."
            )
        ctx.unknown(name, "an observation", ctx.names.observations(), help)
    return name.id in ctx.observations


# ------------------------------------------------------------------ promises


def check_promise(
    ctx: Context, written: tree.CheckQuantity | tree.CheckAlways
) -> model.CheckQuantity | model.CheckAlways | None:
    """A ``check`` with its types; None after a report."""
    return _quantity(ctx, written) if isinstance(written, tree.CheckQuantity) else _always(ctx, written)


def _quantity(ctx: Context, written: tree.CheckQuantity) -> model.CheckQuantity | None:
    if written.quantity.id == "calls":
        return _calls(ctx, written)
    if written.quantity.id != "R0":
        ctx.report.add(
            "E0903",
            f"`{written.quantity.id}` is not a quantity that can be checked.",
            written.quantity.span,
            "Write `check R0 of CONDITION between LOW and HIGH`, or `check calls of BEHAVIOUR at most NUMBER`.",
        )
        return None
    if written.of.id not in ctx.states:
        if written.of.id not in ctx.broken:
            ctx.unknown(written.of, "a condition", ctx.states)
        return None
    if written.of.id not in ctx.names.contagions and not ctx.names.is_library:
        ctx.report.add(
            "E0903",
            f"{written.of.id} does not spread, so it has no R0.",
            written.of.span,
            f"Write a `contagion of {written.of.id}`.",
            labels=ctx.declared(written.of.id),
        )
        return None
    low = check_value(ctx, written.low, constant("a check"), NUMBER, "R0") if written.low is not None else None
    high = check_value(ctx, written.high, constant("a check"), NUMBER, "R0")
    if high.type == ERROR or (low is not None and low.type == ERROR) or not _rising(ctx, low, high, written.span):
        return None
    return model.CheckQuantity("R0", written.of.id, low, high, written.span)


def _calls(ctx: Context, written: tree.CheckQuantity) -> model.CheckQuantity | None:
    """Limit of the questions of a behaviour in a run: known beforehand as far as the archetypes show, else counted."""
    if written.of.id not in ctx.behaviours or ctx.behaviours[written.of.id].asked_with:
        if written.of.id not in ctx.broken:
            ctx.unknown(written.of, "a behaviour", ctx.names.behaviours())
        return None
    if ctx.behaviours[written.of.id].rule is not None:
        ctx.report.add(
            "E0903",
            f"`{written.of.id}` decides by a rule and makes no calls.",
            written.of.span,
            "Leave the check out, or let a language model decide.",
            labels=ctx.declared(written.of.id),
        )
        return None
    low = check_value(ctx, written.low, constant("a check"), NUMBER, "calls") if written.low is not None else None
    high = check_value(ctx, written.high, constant("a check"), NUMBER, "calls")
    if high.type == ERROR or (low is not None and low.type == ERROR) or not _rising(ctx, low, high, written.span):
        return None
    return model.CheckQuantity("calls", written.of.id, low, high, written.span)


def _always(ctx: Context, written: tree.CheckAlways) -> model.CheckAlways | None:
    scope = watching("a check")
    if written.low is None or written.high is None:
        test = check_test(ctx, written.test, scope, "what is always true")
        if test.type == ERROR:
            return None
        # Broken where its denial holds: what has no number yet breaks nothing.
        kept = model.Apply("not", (denied(test, test.span),), BOOLEAN, test.span)
        return model.CheckAlways(kept, None, None, written.span)
    test = check_expression(ctx, written.test, scope)
    if test.type == ERROR:
        return None
    if not test.type.is_numeric:
        ctx.report.add(
            "E0306",
            f"This is {test.type}, and only a number lies between two others.",
            test.span,
            "Leave `between` out.",
        )
        return None
    low, high = (check_value(ctx, e, scope, test.type, "a bound") for e in (written.low, written.high))
    if ERROR in (low.type, high.type) or not _rising(ctx, low, high, written.span):
        return None
    return model.CheckAlways(test, low, high, written.span)


def _rising(ctx: Context, low: model.Expr | None, high: model.Expr, span: Span) -> bool:
    if low is None:
        return True
    own = ctx.values
    if constant_value(low, own, ctx.tables) > constant_value(high, own, ctx.tables):
        ctx.report.add(
            "E0904",
            "The lower bound is above the upper one, so the check can never hold.",
            span,
            "Write the smaller one first.",
        )
        return False
    return True


# ------------------------------------------------------------------ fits


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

"""Comparisons of scenarios: what is told of each, beside which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.attack_rate import observe_attack_rate
from lpmdsl.semantics.checks.observations import group_name, groups_by
from lpmdsl.semantics.checks.studies.scenarios import BASELINE
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.host.report_times import adds_up
from lpmdsl.syntax import tree


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

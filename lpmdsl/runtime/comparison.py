"""``compare``: each scenario against its baseline, replicate by replicate on common random numbers."""

from __future__ import annotations

import numpy as np

from lpmdsl.config import Manifest
from lpmdsl.quantities import MONEY, TIME, Kind, Type
from lpmdsl.runtime.quantiles import quantiles
from lpmdsl.runtime.results import statistics
from lpmdsl.runtime.table import Numbers, Table
from lpmdsl.semantics.checks.currencies import currency_of
from lpmdsl.semantics.checks.observations import group_name
from lpmdsl.semantics.checks.values.formulas import unit_of_type
from lpmdsl.semantics.model import Compare, Model, Summary

COMPARISON_COLUMNS = (
    "scenario",
    "baseline",
    "report",
    "group",
    "unit",
    "mean",
    "low",
    "high",
    "difference",
    "difference_low",
    "difference_high",
    "probability_below",
)


def scenarios_of(comparisons: tuple[Compare, ...]) -> tuple[str, ...]:
    """The scenarios that the comparisons need, baselines first, each once."""
    names = [c.baseline for c in comparisons] + [s for c in comparisons for s in c.scenarios]
    return tuple(dict.fromkeys(names))


def comparison_table(model: Model, table: Table, manifest: Manifest) -> Table:
    """One row per comparison, scenario, report and group.

    ``low`` to ``high`` hold the middle 95 % of the replicates. ``difference`` is the mean of scenario minus baseline
    within the same replicate, its interval the middle 95 % of these, and ``probability_below`` the share of replicates
    in which the scenario's value is the smaller one. The baseline's own rows leave the difference empty.
    """
    whole = statistics_with_totals(table, manifest)
    rows: list[tuple[object, ...]] = []
    for comparison in model.comparisons:
        for report in comparison.reports:
            unit = unit_of(model, report)
            numbers = _apart(model, table, manifest, report) if report.by else whole
            for scenario in dict.fromkeys((comparison.baseline, *comparison.scenarios)):
                rows += _rows(numbers, scenario, comparison.baseline, report, unit)
    cells = list(zip(*rows, strict=True)) or [()] * len(COMPARISON_COLUMNS)
    words = COMPARISON_COLUMNS.index("mean")
    kinds = [object] * words + [float] * (len(COMPARISON_COLUMNS) - words)
    return Table({n: np.array(c, kind) for n, c, kind in zip(COMPARISON_COLUMNS, cells, kinds, strict=True)})


def unit_of(model: Model, report: Summary) -> str:
    """``days`` of a peak, ``people`` for a total of what is counted per time, "" for a total of moments; else as the
    observation has it."""
    observation = model.observation(report.observation)
    if report.function == "peak day":
        return "days"
    if report.function != "total":
        return observation.unit
    dimension = observation.type.dimension
    if dimension == MONEY / TIME:
        return currency_of(observation.unit)
    return unit_of_type(Type(Kind.NUMBER, dimension * TIME)) if dimension.time == -1 else ""


def _apart(model: Model, table: Table, manifest: Manifest, report: Summary) -> Table:
    """The statistics of each group that a report asks for; the others of its observation are added up within it."""
    leaves = [group_name(leaf) for leaf in model.observation(report.observation).by]
    places = [leaves.index(name) for name in report.by]
    chosen = table.where("observation", report.observation)
    labels = {g: "|".join(g.split("|")[k] for k in places) for g in model.observation(report.observation).groups}
    record = manifest.observations[report.observation].model_copy(update={"is_flow": True, "adds_up": False})
    told = manifest.model_copy(update={"observations": {report.observation: record}})
    return statistics(chosen.having(group=np.array([labels[g] for g in chosen["group"]], object)), told)


def statistics_with_totals(table: Table, manifest: Manifest) -> Table:
    """``statistics`` where the total of a level is the sum of its reports: the model asked for it by name."""
    everything = {name: record.model_copy(update={"is_flow": True}) for name, record in manifest.observations.items()}
    return statistics(table, manifest.model_copy(update={"observations": everything}))


def _rows(numbers: Table, scenario: str, baseline: str, report: Summary, unit: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for group in _groups(numbers, scenario, report.observation):
        replicates, values = _values(numbers, scenario, report, group)
        others, base = _values(numbers, baseline, report, group)
        _, mine, theirs = np.intersect1d(replicates, others, return_indices=True)
        with np.errstate(invalid="ignore"):
            differences = values[mine] - base[theirs]
        differences = differences[~np.isnan(differences)] if scenario != baseline else differences[:0]
        below = float((differences < 0).mean()) if len(differences) else np.nan
        rows.append((scenario, baseline, report.text, group, unit, *_spread(values), *_spread(differences), below))
    return rows


def _groups(numbers: Table, scenario: str, observation: str) -> list[str]:
    return list(dict.fromkeys(numbers.where("scenario", scenario).where("observation", observation)["group"]))


def _values(numbers: Table, scenario: str, report: Summary, group: str) -> tuple[Numbers, Numbers]:
    """Replicates and their statistic; none where the scenario never reported."""
    chosen = numbers.where("scenario", scenario).where("observation", report.observation).where("group", group)
    return chosen["replicate"], np.asarray(chosen[report.function], np.float64)


def _spread(values: Numbers) -> tuple[float, float, float]:
    """Mean and the 2.5 and 97.5 % quantiles; missing values are left out."""
    known = values[~np.isnan(values)]
    if not len(known):
        return (np.nan, np.nan, np.nan)
    low, high = quantiles(known, [0.025, 0.975])
    return float(known.mean()), float(low), float(high)

"""Display of a run in a terminal: the bar while it goes on and the table when it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isnan
from statistics import median
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn

from lpmdsl import terminal
from lpmdsl.config import BehaviourRecord, Calibration, Manifest
from lpmdsl.runtime.engine.simulate import Advance, Stop
from lpmdsl.runtime.reports.parts import number
from lpmdsl.runtime.results import Results, summarised
from lpmdsl.runtime.scenarios import Plan
from lpmdsl.semantics.model import Model

if TYPE_CHECKING:
    from lpmdsl.runtime.engine.profile import Stage
    from lpmdsl.runtime.gradients.sensitivity import Sensitivity


@contextmanager
def progress_bar(plan: Plan, status: Callable[[], str] | None = None) -> Iterator[Advance]:
    """A bar on the error stream over all steps of all replicates; nothing is drawn where that is not a terminal.

    ``status``: what else is shown at every drawing, such as calls to a language model.
    """
    position = {v.name: k for k, v in enumerate(plan.variants)}
    total = len(plan.variants) * plan.options.replicates * plan.steps
    columns = ("description", BarColumn(), MofNCompleteColumn(), "steps", TimeRemainingColumn())
    with terminal.bar(*columns, *([status] if status is not None else [])) as bar:
        task = bar.add_task("starting", total=total)

        def advance(scenario: str, replicate: int, steps: int) -> None:
            before = (position[scenario] * plan.options.replicates + replicate) * plan.steps
            bar.update(
                task, completed=before + steps, description=f"{scenario} {replicate + 1}/{plan.options.replicates}"
            )

        yield advance


@contextmanager
def calibration_bar(stop: Stop | None = None, is_shown: bool = True) -> Iterator[Callable[[str, int, int, str], bool]]:
    """A bar on the error stream over the stages of a calibration, with a word on how it goes; says when to stop."""
    columns = ("description", BarColumn(), MofNCompleteColumn(), "word", TimeRemainingColumn())
    with terminal.bar(*columns, is_shown=is_shown) as bar:
        task = bar.add_task("starting", total=1, word="")

        def tell(stage: str, done: int, of: int, word: str) -> bool:
            bar.update(task, description=stage, completed=done, total=of, word=word)
            return stop is None or not stop.asked

        yield tell


def print_calibration(record: Calibration) -> None:
    """A line for every parameter, then the scores."""
    right = ("median", "50 %", "95 %", "R-hat", "effective draws")
    table = terminal.table(("parameter", *right, "unit"), right)
    for name, e in record.parameters.items():
        ess = "" if e.ess_bulk is None or e.ess_tail is None else f"{min(e.ess_bulk, e.ess_tail):.0f}"
        halves, most = f"{e.low_50:.4g} to {e.high_50:.4g}", f"{e.low_95:.4g} to {e.high_95:.4g}"
        r_hat = "" if e.r_hat is None else f"{e.r_hat:.3f}"
        terminal.row(table, name, f"{e.median:.4g}", halves, most, r_hat, ess, e.unit)
    for name, r in record.r0.items():
        halves, most = f"{r.low_50:.4g} to {r.high_50:.4g}", f"{r.low_95:.4g} to {r.high_95:.4g}"
        terminal.row(table, f"R0 of {name}", f"{r.median:.4g}", halves, most)
    terminal.show(table)
    for score in record.scores:
        terminal.out(
            f"{score.observation}, {score.part}: {score.points} points, WIS {score.wis:.4g}, CRPS {score.crps:.4g}, "
            f"{score.coverage_50:.0%} within 50 %, {score.coverage_95:.0%} within 95 %"
        )


def print_summary(results: Results) -> None:
    """Total, peak and final of every observation: medians over the replicates."""
    many_scenarios = len(results.manifest.scenarios) > 1
    numbers = ("total", "peak", "final")
    table = terminal.table(("observation", *(("scenario",) if many_scenarios else ()), *numbers, "unit"), numbers)
    for row in summarised(results).rows():
        name = f"{row['observation']} {row['group']}".strip()
        shown = [name, *([row["scenario"]] if many_scenarios else [])]
        unit = results.manifest.observations[row["observation"]].unit
        terminal.row(table, *shown, *(number(row[s]) for s in numbers), unit)
    if table.row_count:
        terminal.show(table)
        if results.manifest.replicates > 1:
            terminal.out("Medians over the replicates.")
    print_costs(results)


def print_costs(results: Results) -> None:
    """Print what every intervention cost in every scenario: the median over the replicates."""
    spent_as = "median" if results.manifest.replicates > 1 else "spent"
    table = terminal.table(("costs of", "scenario", spent_as, "unit"), (spent_as,))
    for name, record in results.manifest.costs.items():
        for scenario, spent in record.spent.items():
            terminal.row(table, name, scenario, number(median(spent)), record.currency)
    if table.row_count:
        terminal.show(table)


def print_profile(stages: list[Stage]) -> None:
    """Print where the time goes: seconds and share of each stage, with the lines of the model that it comes from."""
    total = sum(stage.seconds for stage in stages) or 1.0
    table = terminal.table(("stage", "seconds", "share", "lines"), ("seconds", "share"))
    for stage in stages:
        share = f"{100 * stage.seconds / total:.0f} %"
        terminal.row(table, stage.name, f"{stage.seconds:.3f}", share, "; ".join(stage.lines))
    terminal.show(table)


def print_comparison(results: Results) -> None:
    """Each scenario's report and its difference from the baseline, with 95 % intervals."""
    numbers = ("mean [95 %]", "difference from baseline [95 %]", "lower in")
    table = terminal.table(("report", "scenario", "unit", *numbers), numbers)
    for row in results.compared.rows():
        below = "" if isnan(row["probability_below"]) else f"{row['probability_below']:.0%}"
        difference = (
            "" if isnan(row["difference"]) else _interval(row, "difference", "difference_low", "difference_high")
        )
        name = f"{row['report']} {row['group']}".strip()
        unit = str(row.get("unit", ""))
        terminal.row(table, name, str(row["scenario"]), unit, _interval(row, "mean", "low", "high"), difference, below)
    terminal.show(table)
    print_costs(results)


def _interval(row: dict, middle: str, low: str, high: str) -> str:
    return f"{number(row[middle])} [{number(row[low])}, {number(row[high])}]"


def timing_line(manifest: Manifest) -> str:
    """``seconds: compile 0.42, set up 0.31, run 1.20 (12.5 M agent-steps a second)``"""
    seconds, rate = manifest.seconds, manifest.agent_steps_per_second
    speed = f"{rate / 1e6:.3g} M" if rate >= 1e6 else f"{rate:,.0f}"
    return (
        f"seconds: compile {seconds.compile:.2f}, set up {seconds.setup:.2f}, run {seconds.run:.2f} "
        f"({speed} agent-steps a second)"
    )


def print_sensitivities(found: Sequence[Sensitivity], model: Model, of: str) -> None:
    """A table of gradients per unit as the text writes it, and elasticities, the largest first."""
    numbers = ("value", "gradient", "95 % of it", "elasticity")
    title = f"{of}: mean {found[0].mean:,.4g}" if found else of
    table = terminal.table(("parameter", *numbers, "by", "certificate"), numbers, title, lined=True)
    for one in sorted(found, key=lambda s: -abs(s.elasticity)):
        terminal.row(table, *_sensitivity_cells(one, model))
    terminal.show(table)
    terminal.out(*(f"{', '.join(names)}: {why}" for why, names in _reasons(found).items()))


def _reasons(found: Sequence[Sensitivity]) -> dict[str, list[str]]:
    """Reasons why the parameters are estimated as they are, each reason once."""
    reasons: dict[str, list[str]] = {}
    for one in (s for s in found if s.why and s.why != "asked for"):
        reasons.setdefault(f"{one.estimator}, because {one.why}", []).append(one.parameter)
    return reasons


def _sensitivity_cells(one: Sensitivity, model: Model) -> list[str]:
    parameter = model.parameter(one.parameter)
    scale, reach = parameter.scale, 1.96 * one.se * parameter.scale
    gradient, proof = one.gradient * scale, one.certificate
    told = f"holds ({proof.ratio:.3f})" if proof.holds and one.gradient else proof.words
    return [
        one.parameter, f"{one.value / scale:g} {parameter.unit}".strip(), f"{gradient:,.4g}",
        f"{gradient - reach:,.4g} to {gradient + reach:,.4g}",
        f"{one.elasticity:+.3g} ± {1.96 * one.elasticity_se:.2g}", one.estimator, told,
    ]  # fmt: skip


def answer_lines(manifest: Manifest) -> list[str]:
    """``isolate: 18 archetypes, 360 asks, 340 from the ledger, no fallback`` and what it took; [] where nobody asks."""
    record = manifest.behaviours
    if record is None:
        return []
    lines = [_answer_line(name, one) for name, one in record.each.items()]
    cost = f", {record.cost:.4g} {record.currency}" if record.cost is not None else ""
    tokens = f"{record.prompt_tokens:,} + {record.reply_tokens:,} tokens{cost}"
    lines.append(f"answers of {record.model} ({record.mode}): {record.calls:,} calls, {tokens}")
    return [*lines, *([f"note: {record.note}"] if record.note else [])]


def _answer_line(name: str, record: BehaviourRecord) -> str:
    fallbacks = f"{record.fallbacks:,} fallbacks" if record.fallbacks else "no fallback"
    reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(record.reasons.items()))
    away = f", {100 * record.distance:.3g} % from the survey" if record.distance is not None else ""
    asked = f"{record.archetypes:,} archetypes, {record.asks:,} asks, {record.hits:,} from the ledger"
    return f"{name}: {asked}, {fallbacks}{f' ({reasons})' if reasons else ''}{away}"

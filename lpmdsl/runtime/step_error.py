"""The error of a model's step, measured: the model run with its step and with half of it, on common random numbers.

People, places, ties and draws are the same in both, replicate by replicate, so what differs is the step's doing and not
chance. Half a step's error is a quarter of that of the whole where the error is of second order, so the difference is
about three quarters of what the step does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from lpmdsl.config import MOST_STEPS, ObservationRecord, RunOptions
from lpmdsl.diagnostics import LpmError, Report, fail
from lpmdsl.escaping import json_number, json_text
from lpmdsl.runtime.api import LoadedModel, execute
from lpmdsl.runtime.reports.parts import in_words
from lpmdsl.runtime.results import Results, statistics
from lpmdsl.runtime.table import Table
from lpmdsl.semantics.analyse import analyse
from lpmdsl.semantics.model import Model
from lpmdsl.semantics.spans import word_span

SECONDS = 20.0
"""Seconds that both runs together may take, if the command does not say."""
FEWEST, MOST = 3, 20
"""Replicates: fewer have no spread to measure by, more tell nothing new."""
MOST_AGENTS = 100_000
MOST_WORK = 500_000_000
"""Agents of a kind, and these times the steps of a run; where the model has more, a town of fewer is run."""
SMALLEST_TOWN = 1_000
SHOWS = (0.01, 0.5)
"""A difference is told where it is more than such a share of the number itself and of the spread between replicates."""
_OF_FLOWS, _OF_LEVELS = ("total", "peak", "peak day"), ("mean", "peak", "peak day")


@dataclass(frozen=True, slots=True)
class Difference:
    """One number of an observation: its mean over replicates ``at_step`` and ``at_half``, in the observation's unit.

    ``error``: standard error of the mean difference of the same replicates; ``spread``: standard deviation between
    replicates at half the step, 0 where all are the same.
    """

    observation: str
    group: str
    statistic: str
    unit: str
    at_step: float
    at_half: float
    error: float
    spread: float

    @property
    def change(self) -> float:
        """The number at the step less that at half of it, as a share of the latter; infinite of nothing."""
        apart = self.at_step - self.at_half
        return apart / abs(self.at_half) if self.at_half else math.copysign(math.inf, apart) if apart else 0.0

    @property
    def in_spreads(self) -> float:
        """The difference in units of the spread between replicates; infinite where there is none."""
        apart = self.at_step - self.at_half
        return apart / self.spread if self.spread else math.copysign(math.inf, apart) if apart else 0.0

    @property
    def shows(self) -> bool:
        """Return True if the difference is more than a hundredth, half the spread, and three standard errors."""
        far = abs(self.at_step - self.at_half) > 3 * self.error
        return far and abs(self.change) > SHOWS[0] and abs(self.in_spreads) > SHOWS[1]


@dataclass(frozen=True, slots=True)
class StepError:
    """Effects of a step on every observation. ``agents``: of each kind as run; ``fewer``: kinds of which the model has
    more; ``seconds``: of both runs, without compiling."""

    step: float
    seed: int
    replicates: int
    agents: Mapping[str, int]
    fewer: Mapping[str, int]
    seconds: float
    differences: tuple[Difference, ...]


def step_error(loaded: LoadedModel, seconds: float = SECONDS, seed: int = 1) -> StepError:
    """The differences between the model's step and half of it, without scenarios.

    One replicate is run first; then as many as both runs can make in ``seconds``, from 3 to 20. Raises ``LpmError``:
    E0771, E0772, what a run raises.
    """
    _require_runs(loaded.model)
    fewer = _fewer(loaded.model)
    options = RunOptions(seed=seed, agents=fewer, backend="cpu")
    each = _seconds(_whole(loaded, options))
    # A run at half the step has twice the steps.
    replicates = int(min(MOST, max(FEWEST, seconds // max(3 * each, 1e-9))))
    options = options.model_copy(update={"replicates": replicates})
    coarse, fine = _whole(loaded, options), _whole(_halved(loaded), options)
    told = {kind: loaded.model.agent(kind).count or 0 for kind in fewer}
    took = _seconds(coarse) + _seconds(fine)
    found = tuple(_differences(coarse, fine))
    return StepError(loaded.model.clock.step, seed, replicates, coarse.manifest.agents, told, took, found)


def _require_runs(model: Model) -> None:
    """Raises ``LpmError``: E0771 where no number would differ, E0772 where a check cannot make the runs."""
    if model.is_library or not model.agents:
        raise fail("E0771", f"{model.name} has no agents of its own, so no run has a step.", model.clock.span,
                   "Ask for a model that uses it.")  # fmt: skip
    if not model.reported:
        raise fail("E0771", f"{model.name} observes nothing, so there is no number to compare.", model.clock.span,
                   "Add, for example, `observe cases = number entering I per day`.")  # fmt: skip
    asking = next((b for b in model.behaviours if b.rule is None), None)
    if asking is not None:
        raise fail("E0772", f"`{asking.name}` asks a language model, and a check asks nobody.",
                   word_span(asking.span, asking.name),
                   "Compare two runs with recorded answers (`lpmc run --ledger`), one at half the step.")  # fmt: skip
    if 2 * model.clock.steps > MOST_STEPS:
        told = f"At half the step a run has {2 * model.clock.steps:_} steps, and {MOST_STEPS:_} are the most."
        raise fail("E0772", told, model.clock.span, "Make the run shorter, or its step longer.")  # fmt: skip


def _fewer(model: Model) -> dict[str, int]:
    """Kinds of which the model has more agents than are run here, with how many are."""
    most = max(SMALLEST_TOWN, min(MOST_AGENTS, MOST_WORK // max(1, model.clock.steps)))
    largest = max((a.count or 0 for a in model.agents), default=0)
    if largest <= most:
        return {}
    # All kinds shrink alike: so many mosquitoes a person remain so many.
    return {a.name: max(1, round(a.count * most / largest)) for a in model.agents if a.count is not None}


def _halved(loaded: LoadedModel) -> LoadedModel:
    """The same model with twice as many steps of half the length; what it reports, and when, stays."""
    clock = loaded.model.clock
    model = replace(loaded.model, clock=replace(clock, step=clock.step / 2, steps=2 * clock.steps))
    return replace(loaded, model=model, facts=analyse(model, Report()))


def _whole(loaded: LoadedModel, options: RunOptions) -> Results:
    """The results of a run that came to its end. Raises ``LpmError`` where it did not."""
    results = execute(loaded, options, None, show_progress=False)
    if not results.manifest.complete:
        raise LpmError(results.report)
    return results


def _seconds(results: Results) -> float:
    return results.manifest.seconds.setup + results.manifest.seconds.run


def _differences(coarse: Results, fine: Results) -> list[Difference]:
    """Every statistic of every observation and group, in written order; one that has no number is left out."""
    tables = [statistics(r.table, r.manifest) for r in (coarse, fine)]
    found: list[Difference] = []
    for name, record in coarse.manifest.observations.items():
        for group in ("",) if record.adds_up else record.groups:
            for statistic in _OF_FLOWS if record.is_flow else _OF_LEVELS:
                unit = _unit(record, statistic)
                pair = [_column(table, name, group, statistic) for table in tables]
                found += _difference(name, group, statistic, unit, *pair)
    return found


def _unit(record: ObservationRecord, statistic: str) -> str:
    """Of a flow's total no unit: what is counted per day adds up to a number."""
    return {"peak day": "days", "total": ""}.get(statistic, record.unit)


def _column(table: Table, name: str, group: str, statistic: str) -> np.ndarray:
    """The statistic of each replicate, in their order; empty where nothing was reported."""
    rows = table.where("observation", name).where("group", group)
    order = np.argsort(rows["replicate"], kind="stable")
    return np.asarray(rows[statistic][order], np.float64)


def _difference(
    name: str, group: str, statistic: str, unit: str, coarse: np.ndarray, fine: np.ndarray
) -> list[Difference]:
    if not len(coarse) or len(coarse) != len(fine) or not np.isfinite([coarse, fine]).all():
        return []
    error = float(np.std(coarse - fine, ddof=1) / math.sqrt(len(fine)))
    means = float(coarse.mean()), float(fine.mean())
    return [Difference(name, group, statistic, unit, *means, error, float(np.std(fine, ddof=1)))]


# ------------------------------------------------------------------ told


def tell_step_error(loaded: LoadedModel, found: StepError, report: Report) -> None:
    """Report the largest difference that shows (N0773), if one does."""
    showing = [d for d in found.differences if d.shows and d.statistic != "peak day"]
    if not showing:
        return
    most = max(showing, key=lambda d: min(abs(d.in_spreads), 1e9))
    name = f"{most.observation} {most.group}".strip()
    report.add(
        "N0773",
        f"At steps of {in_words(found.step / 2)} the {most.statistic} of {name} is {_number(most.at_half)}, at "
        f"{in_words(found.step)} {_percent(most.change)}, which is {_spreads(most)}.",
        loaded.model.clock.span,
        f"Try `step {in_words(found.step / 2)}`: {len(showing)} of {len(found.differences)} numbers differ so.",
    )


def as_rows(found: StepError) -> list[tuple[str, ...]]:
    """A row for every number: observation, statistic, at the step, at half of it, difference, in spreads, unit."""
    return [
        (f"{d.observation} {d.group}".strip(), d.statistic, _number(d.at_step), _number(d.at_half), _told(d),
         f"{d.in_spreads:+.2f}", d.unit) for d in found.differences
    ]  # fmt: skip


def in_short(found: StepError) -> str:
    """The measurement in one line."""
    town = ", ".join(
        f"{n:,} {kind}" + (f" (of {found.fewer[kind]:,})" if kind in found.fewer else "")
        for kind, n in found.agents.items()
    )
    return (
        f"steps of {in_words(found.step)} beside {in_words(found.step / 2)}: {found.replicates} replicates of {town}, "
        f"the same people, ties and draws (seed {found.seed}); {found.seconds:.1f} s"
    )


def as_json(file: str, found: StepError) -> str:
    """One object on one line; what is infinite or no number is null."""
    rows = [
        {"observation": d.observation, "group": d.group, "statistic": d.statistic, "unit": d.unit,
         "at_step": json_number(d.at_step), "at_half_step": json_number(d.at_half),
         "difference": json_number(d.at_step - d.at_half), "standard_error": json_number(d.error),
         "spread": json_number(d.spread), "in_spreads": json_number(d.in_spreads), "shows": d.shows}
        for d in found.differences
    ]  # fmt: skip
    return json_text(
        {"step_error": {
            "file": file, "step_days": found.step, "half_step_days": found.step / 2, "seed": found.seed,
            "replicates": found.replicates, "agents": dict(found.agents), "agents_of_model": dict(found.fewer),
            "seconds": round(found.seconds, 3), "differences": rows,
        }}
    )  # fmt: skip


def _told(d: Difference) -> str:
    """Days of a peak as days, all else as a share of the number."""
    return f"{d.at_step - d.at_half:+.2f} days" if d.statistic == "peak day" else _percent(d.change)


def _percent(share: float) -> str:
    return f"{100 * share:+.2f} %" if math.isfinite(share) else "not 0"


def _spreads(d: Difference) -> str:
    if not math.isfinite(d.in_spreads):
        return "more than replicates differ"
    return f"{abs(d.in_spreads):.1f} times the spread between replicates"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"

"""The calibration as a function: parameters on the real line → replicates → log likelihood and log posterior."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.request import RunResult
from lpmdsl.config import CalibrationOptions, RunOptions
from lpmdsl.diagnostics import LpmError, Report, fail
from lpmdsl.distributions.family import Ops
from lpmdsl.quantities import Kind
from lpmdsl.runtime.behaviours.opening import open_answers
from lpmdsl.runtime.calibration.densities import NUMPY, draw, log_density
from lpmdsl.runtime.calibration.priors import Free, arguments, free_parameters, log_prior, prior_draws
from lpmdsl.runtime.engine.replicates import Repeats
from lpmdsl.runtime.objective import Quantity
from lpmdsl.runtime.scenarios import plan
from lpmdsl.semantics.analyse import Facts
from lpmdsl.semantics.analysis.dependencies import parameters_behind
from lpmdsl.semantics.data_files.fit_data import FitData, read_fit_data
from lpmdsl.semantics.host.calendar import months_earlier
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.semantics.model import Calibrate, Model, Net
from lpmdsl.source import Source, Span

Array = NDArray[np.float64]
REPLICATE_NUMBERS = 2**32 - 2


@dataclass(frozen=True, slots=True)
class FittedReports(Quantity):
    """Reports read from a replicate: the reports of every fit in turn, flattened (reports, groups)."""

    data: tuple[FitData, ...] = ()

    def of(self, model: Model, result: RunResult) -> Array:
        """Reports of a result, flattened as the data are."""
        parts = []
        for data in self.data:
            reports = result.observations[data.fit.observation]
            reports = reports.reshape(-1, len(model.observation(data.fit.observation).groups))
            parts.append((reports if len(data.groups) > 1 else reports.sum(axis=1)).reshape(-1))
        return np.concatenate(parts)


@dataclass(frozen=True, slots=True)
class Piece:
    """Indices of the reports of one fit among all, and which of them are fitted and which held out."""

    data: FitData
    at: slice
    fitted: NDArray[np.bool_]
    held_out: NDArray[np.bool_]
    is_share: bool

    @property
    def seen(self) -> Array:
        """Data of the fit, flattened (reports · groups)."""
        return self.data.values.reshape(-1)


@dataclass(frozen=True, slots=True)
class Problem:
    """Parameters to estimate, from which data. ``fixed``: values of all that is not estimated, as far as set."""

    model: Model
    calibrate: Calibrate
    options: CalibrationOptions
    free: tuple[Free, ...]
    pieces: tuple[Piece, ...]
    repeats: Repeats
    fixed: dict[str, float]
    moves_run: tuple[bool, ...]
    """For every free parameter whether a run reads it; else only the likelihood does."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters that are estimated."""
        return tuple(f.name for f in self.free)

    @property
    def nets(self) -> tuple[Net, ...]:
        """Networks that give what is estimated."""
        return tuple(net for net in self.model.nets if not set(net.parts).isdisjoint(self.names))

    def values(self, z: Array) -> dict[str, float]:
        """The estimated parameters in base units."""
        return {f.name: float(f.value(float(x))) for f, x in zip(self.free, z, strict=True)}

    def everything(self, values: Mapping[str, float]) -> dict[str, float]:
        """All parameters, those computed from others worked out."""
        return parameter_values(self.model, {**self.fixed, **values})

    def real(self, values: Mapping[str, float]) -> Array:
        """Values of parameters on the real line, (parameters,)."""
        return np.array([float(f.real(values[f.name])) for f in self.free])

    def prior_draws(self, random: Callable[[int], np.random.Generator], count: int) -> Array:
        """Draws of all priors in base units, (count, parameters); ``random(k)``: the generator of the k-th."""
        return prior_draws(self.free, self.model, self.fixed, random, count)

    def prior_on_the_line(self, random: Callable[[int], np.random.Generator], count: int) -> Array:
        """The same on the real line."""
        drawn = self.prior_draws(random, count)
        return np.stack([np.asarray(f.real(drawn[:, k]), np.float64) for k, f in enumerate(self.free)], axis=1)

    def log_prior(self, z: Array) -> float:
        """The log density of the prior on the real line, with the slope of the transform."""
        density = log_prior(self.free, self.model, self.everything(self.values(z)))
        return density + sum(f.log_slope(float(x)) for f, x in zip(self.free, z, strict=True))

    def run(self, z: Array, numbers: Sequence[int] | NDArray[np.int64]) -> Array:
        """(replicates, all reports) of replicates with these numbers."""
        moved = {f.name: v for f, v in zip(self.free, self.values(z).values(), strict=True)}
        return self.repeats.values({**self.fixed, **moved}, [int(k) for k in numbers])

    def log_likelihoods(self, z: Array, runs: Array, held_out: bool = False) -> Array:
        """(replicates,): of each run alone. ``held_out``: of the data kept back instead of the fitted."""
        everything = self.everything(self.values(z))
        return sum((self.of_piece(p, runs, everything, held_out) for p in self.pieces), np.zeros(len(runs)))

    def of_piece(
        self, piece: Piece, runs: Any, everything: Mapping[str, Any], held_out: bool = False, ops: Ops = NUMPY
    ) -> Any:
        """(replicates,): the log likelihood of the data of one fit."""
        chosen = piece.held_out if held_out else piece.fitted
        law = piece.data.fit.likelihood
        a = arguments(law, self.model, everything)
        where = np.flatnonzero(chosen) + (piece.at.start or 0)
        return log_density(law.family, a, runs[:, where], piece.seen[chosen], piece.is_share, ops).sum(-1)

    def data_draws(self, z: Array, reports: Array, random: np.random.Generator) -> Array:
        """Data as they could have been: one draw about each of the expected reports."""
        everything = self.everything(self.values(z))
        drawn = np.empty_like(reports)
        for piece in self.pieces:
            law = piece.data.fit.likelihood
            a = arguments(law, self.model, everything)
            drawn[..., piece.at] = draw(law.family, a, reports[..., piece.at], random, piece.is_share)
        return drawn


def keyed(seed: int, *key: int) -> np.random.Generator:
    """A generator of its own for every key: what is drawn does not depend on what was drawn before."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *key])))


def replicate_numbers(random: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Numbers of replicates that have draws of their own."""
    return random.integers(0, REPLICATE_NUMBERS, count)


def read_problem(
    model: Model, facts: Facts, options: CalibrationOptions, folder: Path | None, source: Source | None = None
) -> Problem:
    """The model's calibration with its data. Raises ``LpmError`` with all that is wrong (E0861, E0406 to E0915, …).

    ``source``: the text, beside which the answers lie that a behaviour asks for.
    """
    if not model.calibrations:
        raise fail("E0861", f"{model.name} has no `calibrate`.", Span(Source(model.name, ""), 0, 0),
                   "Add `calibrate`, below it `fit OBSERVATION to \"file.csv\" column c with poisson` and "
                   "`estimate PARAMETER`.")  # fmt: skip
    chosen = model.calibrations[0]
    run = RunOptions(seed=options.seed, settings=dict(options.settings), agents=dict(options.agents), threads=1,
                     redraw_people=options.redraw_people)  # fmt: skip
    planned = plan(model, run)
    report = Report()
    data = [read_fit_data(model, f, folder, report, planned.counts) for f in chosen.fits]  # fmt: skip
    if report.has_errors:
        raise LpmError(report)
    pieces = _pieces(model, tuple(d for d in data if d is not None), chosen)
    if not any(p.fitted.any() for p in pieces):
        raise fail("E0915", "All the data are held out.", chosen.span, "Hold out less, or give more data.")
    settings = _set(model, options)
    chosen = replace(chosen, estimate=tuple(name for name in chosen.estimate if name not in settings))
    if not chosen.estimate:
        raise fail("E0880", "Every parameter that is estimated is set by hand.", chosen.span,
                   "Leave out one of the `--set`.")  # fmt: skip
    free = free_parameters(model, chosen.estimate, settings)
    observed = parameters_behind(model, {f.observation for f in chosen.fits})
    reads = FittedReports("", chosen.fits[0].observation, tuple(p.data for p in pieces))
    (variant,) = planned.variants
    answers = None if source is None else open_answers(model, source, None, [variant.name], variant.parameters)
    repeats = Repeats(model, facts, planned, reads, answers=answers)
    return Problem(model, chosen, options, free, pieces, repeats, settings, tuple(f.name in observed for f in free))


def _set(model: Model, options: CalibrationOptions) -> dict[str, float]:
    from lpmdsl.runtime.settings import setting_values

    return setting_values(model, dict(options.settings), Report())


def _pieces(model: Model, data: tuple[FitData, ...], chosen: Calibrate) -> tuple[Piece, ...]:
    """The last data that there are say for all fits from when on data are held out."""
    last = max((float(d.times[~np.isnan(d.values).all(axis=1)].max()) for d in data), default=-math.inf)
    hold_out = chosen.hold_out
    if chosen.hold_months and math.isfinite(last):
        hold_out = last - months_earlier(model.clock, last, chosen.hold_months)
    made, begin = [], 0
    for d in data:
        late = d.times > last - hold_out + 1e-6 if hold_out > 0 else np.zeros(len(d.times), bool)
        known = ~np.isnan(d.values)
        held = (known & late[:, None]).reshape(-1)
        is_share = model.observation(d.fit.observation).type.kind in (Kind.SHARE, Kind.PROBABILITY)
        made.append(Piece(d, slice(begin, begin + d.values.size), known.reshape(-1) & ~held, held, is_share))
        begin += d.values.size
    return tuple(made)


def with_threads(problem: Problem, threads: int) -> Problem:
    """The same, with that many replicates side by side."""
    planned = problem.repeats.plan
    options = planned.options.model_copy(update={"threads": threads})
    repeats = replace(problem.repeats, plan=replace(planned, options=options))
    return replace(problem, repeats=repeats)

"""The figures of a calibration's page."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lpmdsl.distributions.table import frozen
from lpmdsl.runtime.calibration.outcome import Calibrated
from lpmdsl.runtime.calibration.priors import Free, arguments
from lpmdsl.runtime.calibration.problem import Piece
from lpmdsl.runtime.reports.drawing import (
    COLOURS,
    Band,
    Dots,
    Figure,
    Item,
    Line,
    Panel,
    Shade,
    Upright,
    colour_of,
    dates_or_days,
)
from lpmdsl.runtime.reports.figures import ribbon

Array = NDArray[np.float64]
SHOWN = 400
"""Draws of a scatter."""
BINS = 20
LONGEST_TRACE = 500


def draws_of(result: Calibrated, free: Free) -> Array:
    """(chains, draws) of a parameter in its own unit."""
    return np.asarray(result.posterior.posterior[free.name].values)  # type: ignore[attr-defined]


# ------------------------------------------------------------------ data


def predictive_figure(result: Calibrated, piece: Piece) -> Figure:
    """The data over ribbons of what the fitted model expects of them, one panel for a group."""
    assert result.predictive is not None
    drawn = result.predictive.left_out.data[:, piece.at].reshape(-1, *piece.data.values.shape)
    panels = tuple(_over_time(result, piece, drawn[:, :, g], g) for g in range(len(piece.data.groups)))
    return Figure(panels, f"{piece.data.fit.observation.replace('_', ' ')}: the data over what the model expects")


def _over_time(result: Calibrated, piece: Piece, drawn: Array, group: int) -> Panel:
    model = result.problem.model
    x = dates_or_days(piece.data.times, model.clock.start)
    items: list[Item] = [
        *_held_out_tint(piece, x, group),
        ribbon(x, drawn.T, 2.5, 97.5, COLOURS[0], 0.14),
        ribbon(x, drawn.T, 25, 75, COLOURS[0], 0.24),
        Line(x, np.median(drawn, axis=0).tolist(), COLOURS[0], "model, median"),
        *_points(piece, x, group),
    ]
    observation = model.observation(piece.data.fit.observation)
    label = "" if model.clock.start else "days"
    title = piece.data.groups[group].replace("|", ", ")
    return Panel(tuple(items), title, label, observation.unit, from_zero=True)


def _points(piece: Piece, x: list, group: int) -> list[Item]:
    items: list[Item] = []
    shape = piece.data.values.shape
    for name, chosen, is_open in (("data", piece.fitted, False), ("data held out", piece.held_out, True)):
        mine = chosen.reshape(shape)[:, group]
        if mine.any():
            at = [t for t, is_mine in zip(x, mine, strict=True) if is_mine]
            values = piece.data.values[mine, group].tolist()
            items.append(Dots(at, values, COLOURS[1] if is_open else COLOURS[7], name, is_open=is_open))
    return items


def _held_out_tint(piece: Piece, x: list, group: int) -> list[Item]:
    """A tint behind what the fit has not seen."""
    held = np.flatnonzero(piece.held_out.reshape(piece.data.values.shape)[:, group])
    return [Shade(x[max(0, held[0] - 1)], x[held[-1]], COLOURS[1])] if len(held) else []


# ------------------------------------------------------------------ parameters


def marginal(result: Calibrated, free: Free) -> Figure:
    """The posterior of one parameter over its prior."""
    values = draws_of(result, free).ravel()
    low, high = np.quantile(values, [0.001, 0.999])
    reach = max(high - low, 1e-12)
    grid = np.linspace(low - 0.4 * reach, high + 0.4 * reach, 160)
    grid = grid[(grid * free.parameter.scale >= free.low) & (grid * free.parameter.scale <= free.high)]
    law = frozen(free.prior.family, arguments(free.prior, result.problem.model, result.problem.everything({})))
    prior = np.nan_to_num(law.pdf(grid * free.parameter.scale) * free.parameter.scale)
    items: list[Item] = []
    if values.std() > 0:
        density = stats.gaussian_kde(values)(grid)
        items.append(Band(grid.tolist(), np.zeros_like(density).tolist(), density.tolist(), COLOURS[0], 0.2))
        items.append(Line(grid.tolist(), density.tolist(), COLOURS[0], "posterior"))
    items.append(Line(grid.tolist(), prior.tolist(), COLOURS[7], "prior", "dashed"))
    items.append(Upright(float(np.median(values)), COLOURS[0]))
    panel = Panel(tuple(items), x_label=_named(free), from_zero=True, has_ticks=False)
    return Figure((panel,), f"posterior and prior of {free.name}", narrow=True)


def _named(free: Free) -> str:
    return f"{free.name} ({free.parameter.unit})" if free.parameter.unit else free.name


def trace(result: Calibrated, free: Free) -> Figure:
    """Path of every chain, thinned to what a screen shows."""
    items = []
    for c, chain in enumerate(draws_of(result, free)):
        every = max(1, len(chain) // LONGEST_TRACE)
        items.append(Line(list(range(0, len(chain), every)), chain[::every].tolist(), colour_of(c), f"chain {c + 1}",
                          width=0.7))  # fmt: skip
    panel = Panel(tuple(items), x_label="draw", y_label=_named(free))
    return Figure((panel,), f"chains of {free.name}", has_legend=False, narrow=True)


def ranks(result: Calibrated, free: Free) -> Figure:
    """Histogram of the ranks of every chain among all draws: level where chains agree (Vehtari et al. 2021)."""
    draws = draws_of(result, free)
    ranked = stats.rankdata(draws).reshape(draws.shape) / draws.size
    items = []
    for c, chain in enumerate(ranked):
        counts = np.histogram(chain, bins=BINS, range=(0, 1))[0] / max(1, len(chain)) * BINS
        items.append(Line(((np.arange(BINS) + 0.5) / BINS).tolist(), counts.tolist(), colour_of(c), f"chain {c + 1}",
                          "steps"))  # fmt: skip
    panel = Panel(tuple(items), x_label=f"rank of {free.name}", y_label="how often", from_zero=True)
    return Figure((panel,), f"ranks of {free.name} by chain", has_legend=False, narrow=True)


def pairs(result: Calibrated) -> list[Figure]:
    """Every two parameters against each other."""
    found = []
    for a, b in combinations(result.problem.free, 2):
        x, y = draws_of(result, a).ravel(), draws_of(result, b).ravel()
        some = np.linspace(0, len(x) - 1, min(SHOWN, len(x))).astype(int)
        dots = Dots(x[some].tolist(), y[some].tolist(), COLOURS[0], size=3, alpha=0.35)
        panel = Panel((dots,), x_label=_named(a), y_label=_named(b))
        found.append(Figure((panel,), f"draws of {a.name} and {b.name}", has_legend=False, narrow=True))
    return found


def history(result: Calibrated) -> Figure:
    """Course of a fit: the log posterior of every start, or the loss of a training."""
    items = []
    for k, (name, values) in enumerate(result.history):
        shown = [v if np.isfinite(v) and v > -1e11 else float("nan") for v in values]
        items.append(Line(list(range(1, len(values) + 1)), shown, colour_of(k), name, width=1.2))
    is_loss = any("loss" in name for name, _ in result.history)
    panel = Panel(tuple(items), x_label="epoch" if is_loss else "iteration",
                  y_label="loss" if is_loss else "log posterior")  # fmt: skip
    return Figure((panel,), "progress of the fit")

"""The figures of a calibration's page, as Plotly's own JSON."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lpmdsl.runtime.calibration.outcome import Calibrated
from lpmdsl.runtime.calibration.priors import Free, arguments, frozen
from lpmdsl.runtime.calibration.problem import Piece
from lpmdsl.runtime.report_figures import COLOURS, Figure, dates_or_days, faded, ribbon, rounded

Array = NDArray[np.float64]
SHOWN = 400
"""Draws of a scatter."""
BINS = 20
LONGEST_TRACE = 500


def draws_of(result: Calibrated, free: Free) -> Array:
    """(chains, draws) of a parameter in its own unit."""
    return np.asarray(result.posterior.posterior[free.name].values)  # type: ignore[attr-defined]


# ------------------------------------------------------------------ data


def predictive_figures(result: Calibrated, piece: Piece) -> list[Figure]:
    """The data over ribbons of what the fitted model expects of them, one figure for a group."""
    assert result.predictive is not None
    drawn = result.predictive.data[:, piece.at].reshape(-1, *piece.data.values.shape)
    return [_over_time(result, piece, drawn[:, :, g], g) for g in range(len(piece.data.groups))]


def _over_time(result: Calibrated, piece: Piece, drawn: Array, group: int) -> Figure:
    model = result.problem.model
    x = dates_or_days(piece.data.times, model.clock.start)
    traces = [ribbon("model", x, drawn.T, low, high, faded(COLOURS[0], a)) for low, high, a in
              ((2.5, 97.5, 0.14), (25, 75, 0.24))]  # fmt: skip
    middle = rounded(np.median(drawn, axis=0))
    traces.append({"type": "scatter", "mode": "lines", "x": x, "y": middle, "name": "model, median",
                   "line": {"color": COLOURS[0], "width": 2}})  # fmt: skip
    shape = piece.data.values.shape
    for name, chosen, symbol in (("data", piece.fitted, "circle"), ("data held out", piece.held_out, "diamond-open")):
        mine = chosen.reshape(shape)[:, group]
        if mine.any():
            colour = COLOURS[1] if symbol != "circle" else "#333333"
            traces.append({"type": "scatter", "mode": "markers", "name": name,
                           "x": [t for t, is_mine in zip(x, mine, strict=True) if is_mine],
                           "y": rounded(piece.data.values[mine, group]),
                           "marker": {"color": colour, "size": 8, "symbol": symbol, "line": {"width": 2}}})  # fmt: skip
    observation = model.observation(piece.data.fit.observation)
    layout: dict[str, Any] = {
        "showlegend": True, "yaxis": {"title": {"text": observation.unit}, "rangemode": "tozero"},
        "xaxis": {} if model.clock.start else {"title": {"text": "days"}}, "shapes": _held_out_band(piece, x, group),
    }  # fmt: skip
    return Figure(piece.data.groups[group].replace("|", ", "), traces, layout)


def _held_out_band(piece: Piece, x: list[Any], group: int) -> list[dict[str, Any]]:
    """A tint behind what the fit has not seen."""
    held = np.flatnonzero(piece.held_out.reshape(piece.data.values.shape)[:, group])
    if not len(held):
        return []
    return [{"type": "rect", "xref": "x", "yref": "paper", "x0": x[max(0, held[0] - 1)], "x1": x[held[-1]], "y0": 0,
             "y1": 1, "fillcolor": faded(COLOURS[1], 0.08), "line": {"width": 0}, "layer": "below"}]  # fmt: skip


# ------------------------------------------------------------------ parameters


def marginal(result: Calibrated, free: Free) -> Figure:
    """The posterior of one parameter over its prior."""
    values = draws_of(result, free).ravel()
    low, high = np.quantile(values, [0.001, 0.999])
    reach = max(high - low, 1e-12)
    grid = np.linspace(low - 0.4 * reach, high + 0.4 * reach, 160)
    grid = grid[(grid * free.parameter.scale >= free.low) & (grid * free.parameter.scale <= free.high)]
    law = frozen(free.prior.family, arguments(free.prior, result.problem.model, result.problem.everything({})))
    prior = law.pdf(grid * free.parameter.scale) * free.parameter.scale
    data: list[dict[str, Any]] = []
    if values.std() > 0:
        density = rounded(stats.gaussian_kde(values)(grid))
        data.append({"type": "scatter", "mode": "lines", "x": rounded(grid), "y": density, "name": "posterior",
                     "fill": "tozeroy", "fillcolor": faded(COLOURS[0], 0.2),
                     "line": {"color": COLOURS[0], "width": 2}})  # fmt: skip
    believed = rounded(np.nan_to_num(prior))
    data.append({"type": "scatter", "mode": "lines", "x": rounded(grid), "y": believed, "name": "prior",
                 "line": {"color": COLOURS[7], "width": 2, "dash": "dash"}})  # fmt: skip
    median = float(np.median(values))
    middle = [{"type": "line", "xref": "x", "yref": "paper", "x0": median, "x1": median,
               "y0": 0, "y1": 1, "line": {"color": COLOURS[0], "width": 1, "dash": "dot"}}]  # fmt: skip
    layout = {"showlegend": True, "xaxis": {"title": {"text": _named(free)}}, "yaxis": {"showticklabels": False},
              "shapes": middle}  # fmt: skip
    return Figure("", data, layout)


def _named(free: Free) -> str:
    return f"{free.name} ({free.parameter.unit})" if free.parameter.unit else free.name


def trace(result: Calibrated, free: Free) -> Figure:
    """Where every chain was, thinned to what a screen shows."""
    data = []
    for c, chain in enumerate(draws_of(result, free)):
        every = max(1, len(chain) // LONGEST_TRACE)
        data.append({"type": "scatter", "mode": "lines", "x": list(range(0, len(chain), every)),
                     "y": rounded(chain[::every]), "name": f"chain {c + 1}",
                     "line": {"color": COLOURS[c % len(COLOURS)], "width": 1}})  # fmt: skip
    return Figure("", data, {"showlegend": False, "xaxis": {"title": {"text": "draw"}},
                             "yaxis": {"title": {"text": _named(free)}}})  # fmt: skip


def ranks(result: Calibrated, free: Free) -> Figure:
    """How often every chain has which ranks among all draws: level where chains agree (Vehtari et al. 2021)."""
    draws = draws_of(result, free)
    ranked = stats.rankdata(draws).reshape(draws.shape) / draws.size
    data = []
    for c, chain in enumerate(ranked):
        counts = np.histogram(chain, bins=BINS, range=(0, 1))[0] / max(1, len(chain)) * BINS
        data.append({"type": "scatter", "mode": "lines", "x": rounded((np.arange(BINS) + 0.5) / BINS),
                     "y": rounded(counts), "name": f"chain {c + 1}",
                     "line": {"color": COLOURS[c % len(COLOURS)], "shape": "hvh", "width": 1.5}})  # fmt: skip
    return Figure("", data, {"showlegend": False, "xaxis": {"title": {"text": f"rank of {free.name}"}},
                             "yaxis": {"title": {"text": "how often"}, "rangemode": "tozero"}})  # fmt: skip


def pairs(result: Calibrated) -> list[Figure]:
    """Every two parameters against each other."""
    found = []
    for a, b in combinations(result.problem.free, 2):
        x, y = draws_of(result, a).ravel(), draws_of(result, b).ravel()
        some = np.linspace(0, len(x) - 1, min(SHOWN, len(x))).astype(int)
        marker = {"color": faded(COLOURS[0], 0.35), "size": 4}
        data = [{"type": "scatter", "mode": "markers", "x": rounded(x[some]), "y": rounded(y[some]), "marker": marker}]
        layout = {"showlegend": False, "xaxis": {"title": {"text": _named(a)}}, "yaxis": {"title": {"text": _named(b)}},
                  "hovermode": "closest"}  # fmt: skip
        found.append(Figure("", data, layout))
    return found


def history(result: Calibrated) -> Figure:
    """What went on: the log posterior of every start, or the loss of a training."""
    data = [
        {"type": "scatter", "mode": "lines", "x": list(range(1, len(values) + 1)),
         "y": [None if not np.isfinite(v) or v < -1e11 else float(f"{v:.6g}") for v in values],
         "name": name, "line": {"color": COLOURS[k % len(COLOURS)], "width": 1.5}}
        for k, (name, values) in enumerate(result.history)
    ]  # fmt: skip
    is_loss = any("loss" in name for name, _ in result.history)
    return Figure("", data, {"showlegend": True, "xaxis": {"title": {"text": "epoch" if is_loss else "iteration"}},
                             "yaxis": {"title": {"text": "loss" if is_loss else "log posterior"}}})  # fmt: skip

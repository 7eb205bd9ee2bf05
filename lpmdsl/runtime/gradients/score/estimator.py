"""Derivatives by the score, with what chance has done to the quantity taken away first.

The quantity is a sum of reports. For one replicate

    ĝ = Σ_t s_t·(G_t − λ_t·M − c_t) + Σ_t λ_t·⟨s_t, M⟩

``s_t`` is the score of step t, ``G_t`` what is reported from then on, ``M`` sums that are zero in the mean (infections
less the hazard survived, stays less their mean, by parts of the run), ``⟨s_t, M⟩`` what is expected of ``s_t·M``, and
``c_t`` the mean of ``G_t`` in other replicates. The mean of ``ĝ`` is the derivative whatever ``λ`` is, as long as it
does not look at the replicate itself: so it is fitted on others. With many agents ``λ·M`` is nearly all that is random
in ``G``, and the error falls with the number of agents as that of differences does; without, it stays.

Control variates by regression: Lavenberg & Welch 1981, Manage Sci 27:322; these martingales of counting processes:
Andersen et al. 1993, Statistical Models Based on Counting Processes, ch. II.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from lpmdsl.runtime.gradients.score.runs import Scored

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

MOST_SLICES = 64
"""Of a run, between which scores are kept apart: so what is kept does not grow with the number of steps."""
PARTS = (1, 2, 4, 7, 12)
"""Into how many parts of a run its controls may be cut, each weighed anew; that which explains most is taken."""
PER_COEFFICIENT = 3
"""So many replicates at least for every weight that is fitted."""
RIDGES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, np.inf)
"""In units of the variance of a control; the last of them fits nothing."""


@dataclass(frozen=True, slots=True)
class Slices:
    """``starts``: the first row of each slice of a run."""

    starts: Indices

    def parts(self, count: int) -> Array:
        """Weights (parts, slices) of splines over the slices, cubic where there are four or more."""
        degree = min(3, count - 1)
        inner = np.linspace(0, 1, count - degree + 1)
        knots = np.concatenate([np.zeros(degree), inner, np.ones(degree)])
        at = (np.arange(len(self.starts)) + 0.5) / len(self.starts)
        return BSpline.design_matrix(at, knots, degree).toarray().T


@dataclass(frozen=True, slots=True)
class Ledgers:
    """Records of many replicates: ``reports`` (replicates, reports); ``score`` (replicates, slices, parameters);
    ``controls`` (replicates, slices, controls); ``products`` (replicates, slices, controls, parameters).

    ``moved``: places of the parameters that have a second score, along moved dwell times, after those of all.
    """

    reports: Array
    score: Array
    controls: Array
    products: Array
    moved: tuple[int, ...] = ()


def slices_of(pilot: Scored) -> Slices:
    """Cuts of runs into slices, by equal shares of what is random in the controls of a ``pilot`` run.

    The pilot must be none of the runs that are then cut: what is made of them must not look at themselves.
    """
    rows = len(pilot.controls)
    spread = np.sqrt((pilot.controls**2).sum(axis=0))
    share = (pilot.controls / np.where(spread > 0, spread, np.inf)) ** 2
    passed = np.cumsum(share.sum(axis=1) + 0.5 / rows)
    ends = np.linspace(0, passed[-1], min(rows, MOST_SLICES) + 1)[1:-1]
    starts = np.unique(np.append(0, np.searchsorted(passed, ends) + 1))
    return Slices(starts[starts < rows])


def cut(run: Scored, slices: Slices) -> Scored:
    """The same with one row for each slice."""
    score, controls, products = (
        np.add.reduceat(x, slices.starts, axis=0) for x in (run.score, run.controls, run.products)
    )
    return Scored(run.values, score, controls, products)


def joined(runs: Sequence[Scored], moved: tuple[int, ...] = ()) -> Ledgers:
    """Cut runs one beside the other."""
    columns = zip(*((r.values, r.score, r.controls, r.products) for r in runs), strict=True)
    return Ledgers(*(np.stack(column) for column in columns), moved=moved)


def still_to_come(reports: Array, weights: Array, boundaries: Indices, slices: Slices) -> Array:
    """(replicates, slices): the weighed sum of those reports on which the draws of a slice may act.

    ``boundaries``: the row after which each report is made.
    """
    counted = np.where(np.isnan(reports), 0.0, reports) * weights
    acts = boundaries[:, None] >= slices.starts
    return counted @ acts.astype(np.float64)


def without_controls(told: Ledgers, to_come: Array) -> Array:
    """ĝ of every replicate, (replicates, parameters), with λ = 0."""
    return np.einsum("rlk,rl->rk", told.score, to_come - others(to_come))


def with_controls(told: Ledgers, to_come: Array, slices: Slices) -> Array:
    """ĝ of every replicate, (replicates, parameters)."""
    whole = np.repeat(to_come[:, :1], to_come.shape[1], axis=1)
    replicates, count, kinds = told.controls.shape
    most = max(1, min(count, replicates // (PER_COEFFICIENT * max(1, kinds))))
    parts = [slices.parts(k) for k in PARTS if k <= most]
    designs = [np.einsum("pl,rlc->rpc", p, told.controls).reshape(replicates, -1) for p in parts]
    found = np.empty((replicates, told.score.shape[2]))
    for fold in folds(replicates):
        rest = np.setdiff1d(np.arange(replicates), fold)
        explained, expected = [], []
        known = [decomposed(d[rest]) for d in designs]
        for values in (whole, to_come):
            best, weights = fitted(known, values[rest])
            explained.append(designs[best] @ weights)
            by_part = weights.reshape(len(parts[best]), kinds, count)
            by_slice = np.einsum("pcl,pl->lc", by_part, parts[best])
            expected.append(np.einsum("lc,rlck->rk", by_slice, told.products))
        estimate = [_terms(told.score[part], whole[part], to_come[part], [e[part] for e in explained],
                           [e[part] for e in expected]) for part in (rest, fold)]  # fmt: skip
        found[fold] = estimate[1][0] - np.einsum("jrk,jk->rk", estimate[1][1], _shares(*estimate[0]))
    return found


def _terms(
    score: Array, whole: Array, to_come: Array, explained: list[Array], expected: list[Array]
) -> tuple[Array, Array]:
    """ĝ with the whole quantity and no controls, and what is zero in the mean and may be taken from it.

    Replicates that are compared have the same λ. What was reported before a draw has nothing to do with its score, so
    that product too is zero in the mean; it may help or not.
    """

    def product(values: Array) -> Array:
        return np.einsum("rlk,rl->rk", score, values - others(values))

    added = [product(e) - x for e, x in zip(explained, expected, strict=True)]
    return product(whole), np.stack([*added, product(whole - to_come)])


def _shares(wide: Array, added: Array) -> Array:
    """Weights (terms, parameters) of what may be taken away: all by least squares, or only what was reported before a
    draw; whichever leaves less of one replicate that is left out."""
    best = np.zeros((len(added), wide.shape[1]))
    for k in range(wide.shape[1]):
        x, y = added[:, :, k].T, wide[:, k]
        missed, weights = _ridge(decomposed(x), y[:, None])
        left = y - x[:, -1]
        if missed * y.var() < len(y) * left.var():
            best[:, k] = weights[:, 0]
        else:
            best[-1, k] = 1.0
    return best


def best_of_both(found: Array, moved: tuple[int, ...]) -> Array:
    """One ĝ for every parameter, (replicates, parameters): where there are two, the mean with the least variance.

    The weights are of the other replicates, so that the mean of ĝ is the derivative if that of both is.
    """
    count = found.shape[1] - len(moved)
    best = found[:, :count].copy()
    for second, k in enumerate(moved):
        drawn, gained = found[:, k], found[:, k] - found[:, count + second]
        for fold in folds(len(found)):
            rest = np.setdiff1d(np.arange(len(found)), fold)
            spread = np.cov(drawn[rest], gained[rest])
            share = np.clip(spread[0, 1] / spread[1, 1], 0.0, 1.0) if spread[1, 1] > 0 else 0.0
            best[fold, k] -= share * gained[fold]
    return best


def others(values: Array) -> Array:
    """For every replicate the mean of the others."""
    return (values.sum(axis=0) - values) / max(1, len(values) - 1)


def folds(replicates: int) -> list[Indices]:
    """Parts of the replicates, each of which is estimated with weights from the rest."""
    count = 2 if replicates < 40 else 5
    return [np.arange(replicates)[k::count] for k in range(count)]


@dataclass(frozen=True, slots=True)
class Decomposed:
    """Controls (replicates, controls), centred and each divided by its ``scale``, as ``u @ diag(d) @ vt``."""

    u: Array
    d: Array
    vt: Array
    scale: Array


def decomposed(controls: Array) -> Decomposed:
    """The singular values of controls (replicates, controls), by which any values are explained."""
    x = controls - controls.mean(axis=0)
    scale = x.std(axis=0)
    scale = np.where(scale > 0, scale, np.inf)
    return Decomposed(*np.linalg.svd(x / scale, full_matrices=False), scale)


def fitted(designs: list[Decomposed], values: Array) -> tuple[int, Array]:
    """The design that explains values (replicates, numbers) best, and its weights.

    Ridge regression; design and ridge are chosen by leaving one replicate out.
    """
    found = [_ridge(d, values) for d in designs]
    best = int(np.argmin([missed for missed, _ in found]))
    return best, found[best][1]


def _ridge(controls: Decomposed, values: Array) -> tuple[float, Array]:
    """The mean square that is missed of one left out, and weights (controls, numbers)."""
    u, d, vt, y = controls.u, controls.d, controls.vt, values - values.mean(axis=0)
    projected, size = u.T @ y, np.where(y.std(axis=0) > 0, y.std(axis=0), np.inf)
    best, least = np.zeros((vt.shape[1], y.shape[1])), np.inf
    for ridge in RIDGES:
        kept = d**2 / (d**2 + ridge * len(y)) if np.isfinite(ridge) else np.zeros_like(d)
        leverage = (u**2 @ kept) + 1 / len(y)
        missed = (y - (u * kept) @ projected) / size / np.maximum(1 - leverage, 1e-9)[:, None]
        if (missed**2).sum() < least:
            divided = np.divide(kept, d, out=np.zeros_like(d), where=d > 0)
            least, best = float((missed**2).sum()), vt.T @ (divided[:, None] * projected)
    return least, best / controls.scale[:, None]

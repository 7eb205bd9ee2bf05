"""Notes on what the data say of the parameters: nothing, only of a product, or something the prior did not expect."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lpmdsl.runtime.calibration.posterior import Posterior
from lpmdsl.runtime.calibration.problem import Piece, Problem, keyed

Array = NDArray[np.float64]
TIED = 0.95
"""Correlation of two parameters, on the real line, beyond which the data identify only a combination of them."""
WIDE = 0.3
"""Width of the posterior against the prior's from which on the data have said little of a parameter alone."""
LEVEL = 0.9
FAR = 0.005
PRIOR = 5
"""First key of the random numbers that are spent here."""


def notes_on(problem: Problem, found: Posterior) -> list[str]:
    """All that is to be said at the end of a fit of how its parameters are known, in sentences without a full stop."""
    notes = _data_notes(problem)
    if found.draws.size == 0:
        return notes
    flat = found.draws.reshape(-1, len(problem.free))
    prior = problem.prior_on_the_line(lambda k: keyed(problem.options.seed, PRIOR, k), 4000)
    widths = flat.std(axis=0) / np.maximum(prior.std(axis=0), 1e-12)
    tied = _tied(flat, widths)
    alone = set(range(len(widths))) - {k for a, b, _ in tied for k in (a, b)}
    notes += [_flat(problem.names[k]) for k in sorted(alone) if _says_nothing(flat[:, k], prior[:, k])]
    notes += [_together(problem.names[a], problem.names[b], correlation) for a, b, correlation in tied]
    return [*notes, *_far(problem, flat, prior)]


def _says_nothing(after: Array, before: Array) -> bool:
    width = float(after.std() / max(before.std(), 1e-12))
    moved = abs(float(np.median(after) - np.median(before))) / max(float(before.std()), 1e-12)
    return width > LEVEL and moved < 0.25


def _flat(name: str) -> str:
    return (
        f"the data say nothing of `{name}`: its posterior is its prior; fix it with `--set {name}=…`, or fit an "
        "observation that it moves"
    )


def _tied(flat: Array, widths: Array) -> list[tuple[int, int, float]]:
    """Pairs of which only the product or the quotient is known, both wide and nearly on a line, and the correlation."""
    found = []
    for a, b in combinations(range(flat.shape[1]), 2):
        if min(widths[a], widths[b]) < WIDE or flat[:, a].std() == 0 or flat[:, b].std() == 0:
            continue
        together = float(np.corrcoef(flat[:, a], flat[:, b])[0, 1])
        if abs(together) >= TIED:
            found.append((a, b, together))
    return found


def _together(first: str, second: str, correlation: float) -> str:
    kind = "product" if correlation < 0 else "quotient"
    return (
        f"only a combination of `{first}` and `{second}` is known, much like their {kind} (correlation "
        f"{correlation:.2f}): give one of them a narrower prior, or fix it with `--set {second}=…`"
    )


def _far(problem: Problem, flat: Array, prior: Array) -> list[str]:
    """Parameters whose posterior lies in the outermost part of the prior."""
    said = []
    for k, name in enumerate(problem.names):
        middle = float(np.median(flat[:, k]))
        outside = 2 * min(float(np.mean(prior[:, k] <= middle)), float(np.mean(prior[:, k] >= middle)))
        if outside < FAR:
            said.append(
                f"the data pull `{name}` to the edge of its prior, which holds such values for less likely than 1 in "
                f"{1 / FAR:.0f}: look whether the prior, the unit of the data or the model is wrong"
            )
    return said


def _data_notes(problem: Problem) -> list[str]:
    notes = []
    points = sum(int(piece.fitted.sum()) for piece in problem.pieces)
    if points <= len(problem.free):
        what = "one data point" if points == 1 else f"{points} data points"
        notes.append(f"{what} for {_parameters(len(problem.free))}: what the data leave open, the priors decide")
    for piece in problem.pieces:
        if piece.fitted.any() and not np.any(_values(piece)):
            notes.append(
                f"all data of `{piece.data.fit.observation}` are 0: they can only say that little happens; look "
                "whether this is the right column"
            )
    return notes


def _values(piece: Piece) -> Array:
    return piece.seen[piece.fitted]


def _parameters(count: int) -> str:
    return "one parameter" if count == 1 else f"{count} parameters"

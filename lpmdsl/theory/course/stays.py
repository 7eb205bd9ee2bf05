"""Stays in one state: their mean length and where they lead, discounted, as exact integrals without draws.

Of the exits of a state the earliest wins; a tie goes to the one written first. With S(a) the chance of being there
still after a days, a stay is worth D(θ) = ∫ e^(−θa) S(a) da and ends by exit j with P_j(θ) = E[e^(−θX); j]. Rates and
exponential times tilt what else there is: D and P are those of the others at θ + rate, and the rate wins rate·D.
A gamma time has its transform in closed form, and a lognormal one is added up over its normal logarithm; any other is
a Gauss–Legendre rule on its quantiles, finer towards both ends; what happens at certain times alone (fixed, a chance
now and then) is a sum over them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpmdsl.distributions.family import Law
from lpmdsl.distributions.table import is_memoryless, numbers
from lpmdsl.population.draws import draw
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.host.laws import parameters
from lpmdsl.theory.course.moments import MOST_TIMES, NEARLY, Moments, Rows, rows_of, timed_by_law, tries

FEW = 64
"""So many kinds of people get the fine rule; more of them share the work of a coarse one."""


@dataclass(frozen=True, slots=True)
class Staying:
    """One state for rows of people. ``rates``: (exit, per day) of what comes at a rate; ``timed``: all other exits."""

    rates: tuple[tuple[int, Rows], ...]
    timed: _Gamma | Rule | None

    def transform(self, theta: Rows) -> tuple[Rows, dict[int, Rows]]:
        """D(θ) in days and P_j(θ) by exit; infinite where the integral is."""
        total = theta + sum((rate for _, rate in self.rates), np.zeros(1))
        if self.timed is None:
            stay, leads = np.where(total > 0, 1 / np.where(total > 0, total, 1.0), np.inf), {}
        else:
            stay, leads = self.timed.transform(total)
        # Whoever never leaves is in the state without end, and nothing times that is nothing.
        by_rate = {exit_: rate * np.where(rate > 0, stay, 0.0) for exit_, rate in self.rates}
        return stay, {**leads, **by_rate}


@dataclass(frozen=True, slots=True)
class _Gamma:
    """One gamma time: E e^(−θX) = (1 + θ·scale)^(−shape)."""

    exit: int
    shape: Rows
    scale: Rows

    def transform(self, theta: Rows) -> tuple[Rows, dict[int, Rows]]:
        base = theta * self.scale
        known = base > -1
        power = -self.shape * np.log1p(np.where(known, base, 0.0))
        some = np.where(theta == 0, 1.0, theta)
        stay = np.where(theta == 0, self.shape * self.scale, -np.expm1(power) / some)
        return np.where(known, stay, np.inf), {self.exit: np.where(known, np.exp(power), np.inf)}


@dataclass(frozen=True, slots=True)
class Rule:
    """Moments with weights: a row of ``lengths``, ``weights`` and ``leaves`` (one of ``exits``) for each kind of
    people.

    ``never``: the chance that none of them comes; ``least``: the θ down to which integrals are finite; ``kind``: the
    row of each of the people.
    """

    exits: tuple[int, ...]
    lengths: Rows
    weights: Rows
    leaves: NDArray[np.int64]
    never: Rows
    least: Rows
    kind: NDArray[np.int64]

    def transform(self, theta: Rows) -> tuple[Rows, dict[int, Rows]]:
        """D(θ) in days and P_j(θ) by exit, the same for people of one kind with one θ."""
        pairs = np.stack(np.broadcast_arrays(self.kind.astype(np.float64), theta), axis=1)
        pairs, back = np.unique(pairs, axis=0, return_inverse=True)
        stays, leads = np.empty(len(pairs)), {e: np.empty(len(pairs)) for e in self.exits}
        block = max(1, 1_000_000 // self.lengths.shape[1])
        for begin in range(0, len(pairs), block):
            some = slice(begin, begin + block)
            stays[some], ends = self._pairs(pairs[some, 0].astype(np.int64), pairs[some, 1])
            for exit_, lead in leads.items():
                lead[some] = ends[exit_]
        back = back.reshape(-1)
        return stays[back], {e: lead[back] for e, lead in leads.items()}

    def _pairs(self, kind: NDArray[np.int64], theta: Rows) -> tuple[Rows, dict[int, Rows]]:
        length, weight, leaves = self.lengths[kind], self.weights[kind], self.leaves[kind]
        power = np.minimum(-theta[:, None] * length, 600.0)
        some = np.where(theta == 0, 1.0, theta)[:, None]
        worth = np.where(theta[:, None] == 0, length, -np.expm1(power) / some)
        late = np.exp(power)
        ever, endless = np.where(theta > 0, theta, 1.0), (theta <= 0) & (self.never[kind] > 0)
        rest = np.where(endless, np.inf, self.never[kind] / ever)
        stay = (weight * worth).sum(axis=1) + rest
        too_far = theta < self.least[kind]
        ends = {e: np.where(too_far, np.inf, (weight * late * (leaves == e)).sum(axis=1)) for e in self.exits}
        return np.where(too_far, np.inf, stay), ends


# ------------------------------------------------------------------ from the text


def staying(
    scope: Scope, exits: tuple[m.Exit, ...], size: int, step: float, by_moments: bool = False
) -> Staying:  # fmt: skip
    """The stay in the state whose exits these are, for ``size`` people of a scope; ``step`` of the clock in days.

    ``by_moments``: times as a ``Rule`` on their quantiles, even where the law has a shorter way.

    An exit by contagion is not taken, nor one by a test that only a run can answer. A test that holds is met at the
    next step. Raises ``LpmError`` E0811 for a law without numbers.
    """
    rates: list[tuple[int, Rows]] = []
    timed: list[tuple[int, tuple[Rows, ...], Callable[..., Moments]]] = []
    sole: _Gamma | Rule | None = None
    for exit_ in exits:
        match exit_.trigger:
            case m.AtRate():
                rates.append((exit_.index, np.maximum(rows_of(evaluate(exit_.trigger.rate, scope), size), 0.0)))
            case m.After() if is_memoryless(exit_.trigger.dwell.family):
                _require_numbers(exit_.trigger.dwell, scope, size)
                (mean,) = parameters(exit_.trigger.dwell, scope)
                rates.append((exit_.index, rows_of(1 / mean, size)))
            case m.After():
                _require_numbers(exit_.trigger.dwell, scope, size)
                sole = _by_itself(exit_.index, exit_.trigger.dwell, scope, size)
                timed.append((exit_.index, *timed_by_law(exit_.trigger.dwell, scope, size)))
            case m.Chance():
                p = np.clip(rows_of(evaluate(exit_.trigger.probability, scope), size), 0.0, 1.0)
                every = exit_.trigger.every
                timed.append((exit_.index, (p,), lambda fine, p, every=every: tries(p, every, step)))
            case m.When():
                holds = _holds(exit_.trigger.test, scope, size)
                timed.append((exit_.index, (holds,), lambda fine, yes: Moments(np.array([step]), np.array([yes]))))
            case m.ByContagion():
                pass
    if len(timed) == 1 and sole is not None and not by_moments:
        return Staying(tuple(rates), sole)
    return Staying(tuple(rates), _rule(timed, size) if timed else None)


def is_known(exit_: m.Exit) -> bool:
    """False for an exit by a test that only a run can answer."""
    return not isinstance(exit_.trigger, m.When) or not any(
        isinstance(e, m.ObservationRef | m.GroupReport | m.Rolling | m.Aggregate)
        for e in m.every_expression(exit_.trigger.test)
    )


def _holds(test: m.Expr, scope: Scope, size: int) -> Rows:
    try:
        return (rows_of(evaluate(test, scope), size) != 0).astype(np.float64)
    except ValueError:
        return np.zeros(size)


def _require_numbers(dwell: m.Distribution, scope: Scope, size: int) -> None:
    """Raises ``LpmError`` E0811 for a law without numbers. The parameters tell it where they can, without the library
    that has the median, which takes as long to load as all the rest."""
    if dwell.family in ("empirical", "fixed"):
        return
    if numbers(dwell.family).is_gamma or numbers(dwell.family).is_lognormal:
        with np.errstate(all="ignore"):
            shape, scale = (np.asarray(value) for value in parameters(dwell, scope))
            if np.all((shape > 0) & (scale > 0) & np.isfinite(shape * scale)):
                return
    draw(dwell, scope, np.full(size, 0.5))


def _by_itself(index: int, dwell: m.Distribution, scope: Scope, size: int) -> _Gamma | Rule | None:
    """A time that no other timed exit competes with, where its family has a shorter way than its quantiles."""
    row = numbers(dwell.family) if dwell.family != "empirical" else None
    if row is None or not (row.is_gamma or row.is_lognormal):
        return None
    shape, scale = (rows_of(value, size) for value in parameters(dwell, scope))
    return _Gamma(index, shape, scale) if row.is_gamma else _lognormal(index, shape, scale)


def _lognormal(index: int, sigma: Rows, median: Rows) -> Rule:
    """Moments of median·e^(sigma·z) for evenly spaced z, weighted by the normal density: the error of that rule falls
    off exponentially (Trefethen & Weideman 2014, SIAM Review 56:385). They reach beyond the z of the mean, sigma."""
    kinds, kind = np.unique(np.stack([sigma, median], axis=1), axis=0, return_inverse=True)
    apart = 1 / 8 if len(kinds) <= FEW else 1 / 3
    z = np.arange(-9.0, 9.0 + kinds[:, 0].max(initial=0.0), apart)
    weights = np.exp(-(z**2) / 2)
    lengths = kinds[:, 1:] * np.exp(np.minimum(kinds[:, :1] * z, 600.0))
    each = lengths.shape
    weights, never, least = np.broadcast_to(weights / weights.sum(), each), np.zeros(each[0]), np.zeros(each[0])
    return Rule((index,), lengths, weights, np.full(each, index), never, least, kind.reshape(-1))


# ------------------------------------------------------------------ exits that compete


def _rule(timed: list[tuple[int, tuple[Rows, ...], Callable[..., Moments]]], size: int) -> Rule:
    """The first of several timed exits, for each kind of people once."""
    columns = [c for _, arguments, _ in timed for c in arguments]
    if columns:
        kinds, kind = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    else:
        kinds, kind = np.zeros((1, 0)), np.zeros(size, np.int64)
    fine = len(kinds) <= FEW
    rows, never, least = [], [], []
    for values in kinds:
        found, at = [], 0
        for index, arguments, make in timed:
            found.append((index, make(fine, *(float(v) for v in values[at : at + len(arguments)]))))
            at += len(arguments)
        parts = [_wins(k, found, fine) for k in range(len(found))]
        rows.append(tuple(np.concatenate(part) for part in zip(*parts, strict=True)))
        left = float(np.prod([max(0.0, 1 - mo.weights.sum()) for _, mo in found]))
        never.append(left if left > NEARLY else 0.0)
        least.append(min(mo.least for _, mo in found))
    width = max(1, *(len(lengths) for lengths, _, _ in rows))
    lengths, weights = (np.stack([_padded(row[k], width, 0.0) for row in rows]) for k in range(2))
    leaves = np.stack([_padded(row[2], width, float(timed[0][0])) for row in rows])
    exits = tuple(index for index, _, _ in timed)
    return Rule(exits, lengths, weights, leaves.astype(np.int64), np.array(never), np.array(least), kind.reshape(-1))


def _padded(row: Rows, width: int, with_: float) -> Rows:
    return np.concatenate([row, np.full(width - len(row), with_)])


def _wins(which: int, found: list[tuple[int, Moments]], fine: bool) -> tuple[Rows, Rows, Rows]:
    """The moments of one exit, each with the chance that no other came before it."""
    index, own = found[which]
    others = [(k, mo) for k, (_, mo) in enumerate(found) if k != which]
    lengths, weights = own.lengths, own.weights
    certain = np.concatenate([mo.lengths for _, mo in others if mo.cdf is None] or [np.zeros(0)])
    if own.law is not None and 0 < len(certain) <= MOST_TIMES:
        lengths, weights = _between(own.law, certain, fine)
    for k, other in others:
        weights = weights * other.later(lengths, or_then=k > which)
    return lengths, weights, np.full(len(lengths), float(index))


def _between(curve: Law, certain: Rows, fine: bool) -> tuple[Rows, Rows]:
    """A rule on the quantiles of a law that knows the moments at which others may come: no part goes over one."""
    inside = np.asarray(curve.cdf(np.unique(certain[certain > 0])), np.float64)
    inside = inside[(inside > 1e-13) & (inside < 1 - 1e-13)]
    graded = 0.5 ** np.arange(1, 45 if fine else 12)
    edges = np.unique(np.concatenate([[0.0, 1.0], graded, 1 - graded, inside]))
    nodes = 8 if len(edges) < 400 else 3
    x, w = np.polynomial.legendre.leggauss(nodes)
    half = np.diff(edges)[:, None] / 2
    u, weights = (edges[:-1, None] + half * (1 + x)).reshape(-1), (half * w).reshape(-1)
    return np.maximum(np.asarray(curve.ppf(u), np.float64), 0.0), weights

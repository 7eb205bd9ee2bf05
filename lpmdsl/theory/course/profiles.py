"""Stays in which what a source gives changes with its time since infection, such as `infectivity[time since Flu]`.

With g(a) the hazard towards one contact a days after coming into the state, S(a) the chance of being there still and
φ(a) = e^(−θa), a stay gives ∫ φ(a) g(a) S(a) da contacts of whom each is another person (Kermack & McKendrick 1927,
Proc R Soc A 115:700). One who is met again and again is infected once: φ(a) = e^(−θa − ∫₀ᵃ g). S being a sum over the
moments X at which the stay may end, that is E[G(X)] with G the integral of φ·g: Gauss–Legendre between all moments and
all ages at which the hazard may bend or jump.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lpmdsl.theory.course.courses import Course
from lpmdsl.theory.course.moments import Rows
from lpmdsl.theory.course.stays import Rule, Staying

NODES, OCTAVES = 6, 20
"""Nodes between two ages; cells that halve towards 0, where the discount of a large θ has all its weight."""
TOGETHER = 2_000_000
"""So many hazards are worked out at a time."""
Some = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Profile:
    """Hazard of a source by its time since infection: ``value`` (ages, rows) → (rows, ages) per day.

    ``breaks``: ages, in days, at which it may bend or jump; it is flat beyond the last of them.
    """

    value: Callable[[Rows, Some], Rows]
    breaks: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Giving(Staying):
    """A stay that counts what is given in it, in place of its days, for ``size`` rows of people.

    ``factor``: susceptibility of one person who is met again and again; None where each contact is another person.
    """

    profile: Profile
    factor: float | None
    size: int

    def transform(self, theta: Rows) -> tuple[Rows, dict[int, Rows]]:
        """Contacts given and P_j(θ) by exit, in rows; infinite where the integral is."""
        rates = [np.broadcast_to(rate, (self.size,)) for _, rate in self.rates]
        total = np.broadcast_to(theta + sum(rates, np.zeros(1)), (self.size,))
        rule = self.timed
        assert rule is None or isinstance(rule, Rule)  # ``course`` keeps no shorter way for these states
        kind = rule.kind if rule is not None else np.zeros(self.size, np.int64)
        given, stay = np.empty(self.size), np.empty(self.size)
        leads = {e: np.empty(self.size) for e in (rule.exits if rule is not None else ())}
        for k in np.unique(kind):
            ends = _Ends.of(rule, int(k))
            edges = ends.edges(self.profile)
            for rows in _blocks(np.flatnonzero(kind == k), NODES * (len(edges) - 1) + 1):
                given[rows], stay[rows], out = ends.integrals(self.profile, edges, self.factor, total[rows], rows)
                for exit_, lead in leads.items():
                    lead[rows] = out[exit_]
        by_rate = {e: rate * np.where(rate > 0, stay, 0.0) for (e, _), rate in zip(self.rates, rates, strict=True)}
        return given, {**leads, **by_rate}


def giving(course: Course, profiles: dict[int, Profile], factor: float | None) -> Course:
    """The same course in which each state with a profile counts what is given there, in place of its days."""
    stays = dict(course.stays)
    for state, profile in profiles.items():
        if state in stays:
            stays[state] = Giving(stays[state].rates, stays[state].timed, profile, factor, course.size)
    return replace(course, stays=stays)


# ------------------------------------------------------------------ one kind of people


@dataclass(frozen=True, slots=True)
class _Ends:
    """Moments at which a stay ends by exits in time, with their weights; ``never``: the chance that none comes."""

    lengths: Rows
    weights: Rows
    leaves: Some
    never: float
    least: float

    @classmethod
    def of(cls, rule: Rule | None, kind: int) -> _Ends:
        if rule is None:
            none = np.zeros(0)
            return cls(none, none, np.zeros(0, np.int64), 1.0, -np.inf)
        some = rule.weights[kind] > 0
        lengths, weights, leaves = rule.lengths[kind][some], rule.weights[kind][some], rule.leaves[kind][some]
        return cls(lengths, weights, leaves, float(rule.never[kind]), float(rule.least[kind]))

    def edges(self, profile: Profile) -> Rows:
        """Ages between which hazard and survival are smooth, from 0 to the last at which either changes."""
        last = max([*profile.breaks, float(self.lengths.max(initial=0.0)), 1e-6])
        finer = last * 2.0 ** -np.arange(0.0, OCTAVES, 0.5)
        breaks = np.array([b for b in profile.breaks if 0 < b <= last])
        return np.unique(np.concatenate([[0.0], breaks, self.lengths, finer]))

    def integrals(
        self, profile: Profile, edges: Rows, factor: float | None, theta: Rows, rows: Some
    ) -> tuple[Rows, Rows, dict[int, Rows]]:
        """Contacts given, the discounted days and E[φ(X); exit], each of ``rows``; ``theta``: with all rates."""
        half = np.diff(edges) / 2
        x, w, up_to = _gauss()
        ages = (edges[:-1, None] + half[:, None] * (1 + x)).reshape(-1)
        asked = np.maximum(profile.value(np.append(ages, edges[-1]), rows), 0.0) * (1.0 if factor is None else factor)
        hazard = np.broadcast_to(asked[:, :-1], (len(rows), len(ages))).reshape(len(rows), len(half), NODES)
        met = 0.0 if factor is None else 1.0
        endured = np.concatenate([np.zeros((len(rows), 1)), np.cumsum((hazard @ w) * half, axis=1)], axis=1)
        inside = endured[:, :-1, None] + (hazard @ up_to.T) * half[:, None]
        phi = _exp(-theta[:, None, None] * ages.reshape(len(half), NODES) - met * inside)
        end = _exp(-theta[:, None] * edges - met * endured)
        left = theta + met * asked[:, -1]
        given = self._mean(_running(phi * hazard @ w * half), edges, _tail(asked[:, -1] * end[:, -1], left))
        days = self._mean(_running(phi @ w * half), edges, _tail(end[:, -1], left))
        at = np.searchsorted(edges, self.lengths)
        leads = {int(e): end[:, at] @ np.where(self.leaves == e, self.weights, 0.0) for e in np.unique(self.leaves)}
        endless = theta < self.least
        return (np.where(endless & (given > 0), np.inf, given), np.where(endless, np.inf, days),
                {e: np.where(endless, np.inf, lead) for e, lead in leads.items()})  # fmt: skip

    def _mean(self, integral: Rows, edges: Rows, rest: Rows) -> Rows:
        """E[G(X)] of an integral at the edges, and ``rest`` beyond the last of them for those who stay."""
        mean = integral[:, np.searchsorted(edges, self.lengths)] @ self.weights
        return mean + self.never * (integral[:, -1] + rest) if self.never > 0 else mean


def _running(cells: Rows) -> Rows:
    return np.concatenate([np.zeros((len(cells), 1)), np.cumsum(cells, axis=1)], axis=1)


def _tail(at_the_end: Rows, rate: Rows) -> Rows:
    """The integral of what falls off at a rate, from its value at the beginning."""
    some = np.where(rate > 0, rate, 1.0)
    return np.where(at_the_end == 0, 0.0, np.where(rate > 0, at_the_end / some, np.inf))


def _exp(power: Rows) -> Rows:
    return np.exp(np.minimum(power, 600.0))


@cache
def _gauss() -> tuple[Rows, Rows, Rows]:
    """Nodes and weights on (−1, 1), and the matrix that integrates from −1 to each node."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    powers = np.arange(NODES)
    up_to = ((x[:, None] ** (powers + 1) - (-1.0) ** (powers + 1)) / (powers + 1)) @ np.linalg.inv(x[:, None] ** powers)
    return x, w, up_to


def _blocks(rows: Some, nodes: int) -> list[Some]:
    each = max(1, TOGETHER // nodes)
    return [rows[k : k + each] for k in range(0, len(rows), each)]

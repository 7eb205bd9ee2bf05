"""Reproduction numbers from a sample of the model's own people: the next-generation matrix over groups and networks.

Types are (group, the network through which one was infected): Diekmann, Heesterbeek & Metz 1990 (J Math Biol 28:365).
Who is infected along ties has more ties than most, and one end of one is used: the excess degree E[k(k−1)]/E[k]
(Newman 2002, Phys Rev E 66:016128). In a place or along a tie one person can be infected once: 1 − E[exp(−hazard·stay)]
in place of the expected number of contacts (household saturation: Ball, Mollison & Scalia-Tomba 1997, Ann Appl
Probab 7:46, first generation). Growth solves Euler and Lotka's equation with the same matrix, discounted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from lpmdsl.networks.world import World
from lpmdsl.population.people import build_world
from lpmdsl.semantics import model as m
from lpmdsl.semantics.evaluate import Scope, evaluate
from lpmdsl.theory.coupled import coupled
from lpmdsl.theory.courses import Stay, at, courses, everyone_at_start, susceptible
from lpmdsl.theory.equations import undecided

SAMPLE, COURSES = 4_000, 24
EVERYONE = "everyone"
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reproduction:
    """``value``: R0. ``first_case``: mean number infected by the first infectious person. ``by_network``,
    ``by_group``: shares of infections while the outbreak grows. ``growth`` per day, and in steps of the model's clock:
    who is infected, infects from the next step on; ``doubling`` in days (None if it does not grow);
    ``herd_immunity``: share immune at which it stops; ``coverage``: attribute → share of people with it at which it
    stops (above 1: it cannot)."""

    condition: str
    value: float
    first_case: float
    by_network: Mapping[str, float]
    by_group: Mapping[str, float]
    growth: float
    growth_in_steps: float
    doubling: float | None
    herd_immunity: float
    coverage: Mapping[str, float]
    matrix: Matrix
    types: tuple[tuple[str, str], ...]
    assumptions: tuple[str, ...]

    @property
    def lost_to_steps(self) -> float:
        """The share of the growth that the steps of the clock take; 0 where it does not grow."""
        return 1 - self.growth_in_steps / self.growth if self.growth > 0 else 0.0


def reproduction(
    model: m.Model, condition: m.Condition, parameters: Mapping[str, float], seed: int = 1
) -> Reproduction:
    """The numbers of one condition that is passed on. Raises ``ValueError`` if it is not, or needs what a run knows."""
    if not model.is_passed_on(condition.name):
        raise ValueError(f"{condition.name} is not passed on")
    contagion = model.contagion_of(condition.name)
    assert contagion is not None
    samples = [_Sample(model, c, parameters, seed) for c in coupled(model, condition)]
    sample, types = samples[0], _types(samples)
    matrix = _together(samples, 0.0)
    value, vector = leading(matrix)
    shares = matrix @ vector
    shares = shares / shares.sum() if shares.sum() > 0 else shares
    growth = _growth(samples, value)
    immune = _immune(matrix, len(sample.types))
    return Reproduction(
        condition.name, value, sum(sample.first_case(s) for s in samples), _shares(types, shares, 1),
        _shares(types, shares, 0), growth, _growth(samples, value, model.clock.step),
        float(np.log(2) / growth) if growth > 0 else None, immune,
        _coverage(contagion, sample.scope, immune), matrix, tuple(types), sample.assumptions(len(samples) > 1),
    )  # fmt: skip


def _together(samples: list[_Sample], r: float) -> Matrix:
    """The matrix over the types of all conditions that infect one another."""
    return np.block([[to.matrix(r) if to is by else by.infects(to, r) for by in samples] for to in samples])


def _types(samples: list[_Sample]) -> list[tuple[str, str]]:
    """(group, network) of every type; with several kinds of agents, the kind is part of the group's name."""
    if len(samples) == 1:
        return samples[0].types
    return [(f"{s.condition.of} {g}".removesuffix(f" {EVERYONE}"), n) for s in samples for g, n in s.types]


def _immune(matrix: Matrix, own: int) -> float:
    """The share immune among those who have the first ``own`` types at which an outbreak stops, 1 if none is enough."""

    def excess(share: float) -> float:
        scaled = matrix.copy()
        scaled[:own] *= 1 - share
        return leading(scaled)[0] - 1

    if excess(0.0) <= 0 or not np.all(np.isfinite(matrix)):
        return 0.0 if np.all(np.isfinite(matrix)) else 1.0
    return 1.0 if excess(1.0) >= 0 else float(brentq(excess, 0.0, 1.0, xtol=1e-12))  # type: ignore[arg-type]


def leading(matrix: Matrix) -> tuple[float, Matrix]:
    """The largest eigenvalue of a matrix without negative elements and its vector, which adds up to 1."""
    if not np.all(np.isfinite(matrix)):
        return float("inf"), np.full(len(matrix), 1 / len(matrix))
    found = np.linalg.eig(matrix)
    values, vectors = np.real(found.eigenvalues), np.real(found.eigenvectors)
    k = int(np.argmax(values))
    vector = np.abs(vectors[:, k])
    return float(max(0.0, values[k])), vector / vector.sum() if vector.sum() > 0 else vector


def _growth(samples: list[_Sample], value: float, step: float = 0.0) -> float:
    """The r at which the discounted matrix has 1 as its largest eigenvalue.

    In steps a course is looked at up to one step late, at any moment of it alike: the mean discount of that is
    (1 − exp(−r·step)) / (r·step).
    """

    def excess(r: float) -> float:
        late = -math.expm1(-r * step) / (r * step) if r * step != 0 else 1.0
        return leading(late * _together(samples, r))[0] - 1

    if value <= 0 or not np.isfinite(value):
        return 0.0
    low, high = (0.0, 0.05) if value > 1 else (-0.05, 0.0)
    while value > 1 and excess(high) > 0 and high < 50:
        low, high = high, 2 * high
    while value <= 1 and excess(low) < 0 and low > -5:
        low, high = 2 * low, low
    if excess(low) * excess(high) > 0:
        return float("nan")
    if not np.isfinite(excess(low)) or not np.isfinite(excess(high)):
        return float("nan")
    return float(brentq(excess, low, high, xtol=1e-5))  # type: ignore[arg-type]


def _shares(types: list[tuple[str, str]], shares: Matrix, part: int) -> dict[str, float]:
    total: dict[str, float] = {}
    for kind, share in zip(types, shares, strict=True):
        total[kind[part]] = total.get(kind[part], 0.0) + float(share)
    return total


def _coverage(contagion: m.Contagion, scope: Scope, immune: float) -> dict[str, float]:
    """For every yes/no attribute that scales the target by one factor on all networks: the share immune / effect."""
    found: dict[str, float] = {}
    for scaling in contagion.scalings:
        named = isinstance(scaling.where, m.AttributeRef) and scaling.end == "target" and not scaling.networks
        if not named or m.reads_agent(scaling.factor):
            continue
        assert isinstance(scaling.where, m.AttributeRef)
        effect = 1 - float(evaluate(scaling.factor, scope))
        if effect > 0 and immune > 0:
            found[scaling.where.name] = immune / effect
    return found


class _Sample:
    """A sample of people, their courses, and what each weighs on every network."""

    def __init__(self, model: m.Model, condition: m.Condition, parameters: Mapping[str, float], seed: int) -> None:
        contagion = model.contagion_of(condition.name)
        assert contagion is not None
        self.model, self.condition, self.contagion = model, condition, contagion
        kind = model.agent(condition.of)
        counts = {} if kind.file is not None else {kind.name: min(kind.count or SAMPLE, SAMPLE)}
        self.world: World = build_world(model, parameters, seed, counts)
        self.scope = everyone_at_start(kind.name, self.world, model, parameters)
        self.size = self.world.counts[kind.name]
        self.networks = [model.network(n) for n in dict.fromkeys(s.network for s in contagion.spreads)]
        self.labels, self.group = self._groups()
        self.types = [(g, n.name) for g in self.labels for n in self.networks]
        agent = np.repeat(np.arange(self.size), COURSES)
        self.agent, self.stays = agent, courses(self.scope, condition, agent, seed)
        self.hazards = {n.name: self._hazards(n, contagion) for n in self.networks}
        self.factors = {n.name: self._susceptibility(n) for n in self.networks}
        self.contacts = {n.name: self._contacts(n) for n in self.networks}

    def assumptions(self, several: bool) -> tuple[str, ...]:
        words = f"a generation goes from one kind to the other; immune are agents of {self.condition.of}"
        said = [words] if several else []
        said += ["nearly everyone is susceptible, and nothing changes with time", "no intervention is active"]
        said += undecided(self.model)
        if any(n.layout == "place" for n in self.networks):
            said.append("in a place, cases of the first generation only: each person there can be infected once")
        if any(n.layout == "ties" for n in self.networks):
            said.append("ties form no short loops: the infected have one tie less to pass it on (excess degree)")
        if any(n.days for n in self.networks):
            said.append("contacts on some days only count as five sevenths (or two) of contacts on all days")
        return tuple(said)

    # -------------------------------------------------------------- people

    def _groups(self) -> tuple[tuple[str, ...], NDArray[np.int64]]:
        """Groups by which a mixing table goes, else everyone in one."""
        for network in self.networks:
            if network.mixing is not None:
                table = self.model.table(network.mixing)
                column = self.world.attributes[(network.of, table.key_attributes[0])]
                return table.keys[0], np.asarray(column, np.int64)
        return (EVERYONE,), np.zeros(self.size, np.int64)

    def _hazards(self, network: m.Network, contagion: m.Contagion) -> Matrix:
        """(states, agents): a day's contacts times the chance of each, as a source in each state; 0 where absent."""
        hazards = np.zeros((len(self.condition.states), self.size))
        everyone = np.arange(self.size)
        spreads = (s for s in contagion.spreads if s.network == network.name)
        for spread in (s for s in spreads if (s.of or contagion.condition) == self.condition.name):
            for state in spread.states:
                scope = at(self.scope, self.condition, state, everyone)
                value = np.asarray(evaluate(spread.rate, scope), np.float64)
                if network.contacts is not None and network.mixing is None:
                    value = value * evaluate(network.contacts, scope)
                absent = any(state in w.states and network.name in w.networks for w in self.condition.whiles)
                present = not absent and state not in self.condition.removed
                hazards[state] += np.maximum(_scaled(contagion, scope, "source", network, value), 0) * present
        return hazards * {"weekdays": 5 / 7, "weekends": 2 / 7}.get(network.days, 1.0)

    def _susceptibility(self, network: m.Network) -> Matrix:
        scope = at(self.scope, self.condition, susceptible(self.condition), np.arange(self.size))
        factor = _scaled(self.contagion, scope, "target", network, np.ones(self.size))
        return np.broadcast_to(np.maximum(factor, 0), (self.size,))

    # -------------------------------------------------------------- contacts

    def _contacts(self, network: m.Network) -> Matrix:
        """(agents, groups): how many others of each group one can infect; at random: contacts' shares by group."""
        match network.layout:
            case "random":
                return self._at_random(network)
            case "place":
                place = np.asarray(self.world.attributes[(network.of, network.place)], np.int64)
                return self._beside(place)
            case "ties":
                ties = self.world.ties[network.name]
                row = np.repeat(np.arange(self.size), np.diff(ties.offsets))
                cell = row * len(self.labels) + self.group[ties.targets]
                return np.bincount(cell, minlength=self.size * len(self.labels)).reshape(self.size, -1).astype(float)

    def _at_random(self, network: m.Network) -> Matrix:
        count = np.bincount(self.group, minlength=len(self.labels)).astype(float)
        if network.is_between:
            return np.zeros((self.size, len(self.labels)))  # nobody of one's own kind is met there
        if network.mixing is None:
            return np.broadcast_to(count / self.size, (self.size, len(self.labels)))
        table = np.asarray(self.model.table(network.mixing).values).reshape(len(self.labels), -1)
        # What one of group a gives to group b: b's contacts with a, for each of b, shared among those of a.
        given = table * count[:, None] / np.maximum(count, 1)[None, :]
        return given.T[self.group]

    def _beside(self, place: NDArray[np.int64]) -> Matrix:
        groups, inside = len(self.labels), place >= 0
        cells = np.zeros((place.max(initial=0) + 1, groups))
        np.add.at(cells, (place[inside], self.group[inside]), 1)
        others = np.where(inside[:, None], cells[place], 0)
        others[np.arange(self.size), self.group] -= inside
        return others

    # -------------------------------------------------------------- the matrix

    def matrix(self, r: float) -> Matrix:
        """[(to group, network), (from group, network)]: infections by one of the column, discounted by exp(−r·time)."""
        made = {n.name: self._made(n, r) for n in self.networks}
        columns = []
        for weight, through in zip(self._weights(), self.networks * len(self.labels), strict=True):
            parts = [self._offspring(n, made[n.name], n is through).T @ weight for n in self.networks]
            columns.append(np.array(parts).T.reshape(-1))  # by group, then network
        return np.array(columns).T

    def infects(self, to: _Sample, r: float) -> Matrix:
        """[(to group, network), (from group, network)]: those of another kind whom one of the column infects."""
        rows: list[Matrix] = []
        for network in to.networks:
            shares = self._among(to, network)
            made = self._made(network, r, self._hazards(network, to.contagion)) if shares.any() else np.zeros(self.size)
            rows.append(shares[:, None] * np.array([made @ w for w in self._weights()]))
        return np.array(rows).transpose(1, 0, 2).reshape(len(to.types), len(self.types))

    def _weights(self) -> list[Matrix]:
        """For each type of the columns, how likely each agent is to be the one: by group, then network."""
        found: list[Matrix] = []
        for g in range(len(self.labels)):
            for through in self.networks:
                weight = self._caught(through) * (self.group == g)
                found.append(weight / weight.sum() if weight.sum() > 0 else weight)
        return found

    def _among(self, to: _Sample, network: m.Network) -> Matrix:
        """(groups of the other kind): how many of them one contact falls on, by their susceptibility."""
        if not network.is_between or to.contagion.source_on(network.name) != self.condition.name:
            return np.zeros(len(to.labels))
        count = np.bincount(to.group, minlength=len(to.labels)) / to.size
        factor = np.array([to.factors[network.name][to.group == g].mean() if np.any(to.group == g) else 0.0
                           for g in range(len(to.labels))])  # fmt: skip
        met = to if network.met == to.condition.of else self
        return count * factor * to.everyone() / met.everyone()

    def everyone(self) -> int:
        """How many agents of the kind there are in the model, of whom the sample is some."""
        return self.model.agent(self.condition.of).count or self.size

    def first_case(self, to: _Sample) -> float:
        """Those with the condition of ``to`` whom someone infects who is taken at random, whom nobody infected."""
        if to is not self:
            one_of_each = [self._among(to, n).sum() * self._made(n, 0.0, self._hazards(n, to.contagion)).mean()
                           for n in to.networks]  # fmt: skip
            return float(sum(one_of_each))
        parts = [self._offspring(n, self._made(n, 0.0), False).sum(axis=1) for n in self.networks]
        return float(np.mean(sum(parts)))

    def _caught(self, network: m.Network) -> Matrix:
        """How likely each is to be infected through a network, up to a factor."""
        if network.layout == "random":
            return np.array(self.factors[network.name])
        others = self.contacts[network.name].sum(axis=1)
        evenly = network.contacts is not None and not network.per_tie
        return self.factors[network.name] * ((others > 0) if evenly else others)

    def _offspring(self, network: m.Network, made: Matrix, is_source: bool) -> Matrix:
        """(agents, groups): expected infections. ``is_source``: one of the contacts infected the agent."""
        contacts = self.contacts[network.name]
        if is_source and network.layout != "random":
            total = contacts.sum(axis=1, keepdims=True)
            contacts = contacts * np.where(total > 0, np.maximum(total - 1, 0) / np.maximum(total, 1), 0)
        factor = np.array([self.factors[network.name][self.group == g].mean() if np.any(self.group == g) else 0.0
                           for g in range(len(self.labels))])  # fmt: skip
        return made[:, None] * contacts * factor

    def _made(self, network: m.Network, r: float, hazards: Matrix | None = None) -> Matrix:
        """(agents): what one contact gets over the whole course: a hazard at random, else a chance below 1."""
        hazards = self._each(network) if hazards is None else hazards
        got, spared = np.zeros(self.agent.size), np.ones(self.agent.size)
        for stay in self.stays:
            rate = hazards[stay.state, self.agent[stay.particle]]
            late = np.exp(-r * stay.begin)
            if network.layout == "random":
                got[stay.particle] += late * rate * np.where(rate > 0, _during(r, stay), 0.0)
            else:
                got[stay.particle] += spared[stay.particle] * late * rate * _during(rate + r, stay)
                spared[stay.particle] *= np.exp(-rate * np.minimum(stay.length, 1e6))
        return got.reshape(self.size, -1).mean(axis=1)

    def _each(self, network: m.Network) -> Matrix:
        """The hazard on one contact: spread evenly over the others of a place, or over the other's ties."""
        hazards = self.hazards[network.name]
        if network.layout == "random" or network.contacts is None or network.per_tie:
            return hazards
        others = self.contacts[network.name].sum(axis=1)
        return hazards / np.maximum(others, 1)


def _scaled(contagion: m.Contagion, scope: Scope, end: str, network: m.Network, value: Matrix) -> Matrix:
    for scaling in contagion.scalings:
        if scaling.end == end and (not scaling.networks or network.name in scaling.networks):
            holds = True if scaling.where is None else np.asarray(evaluate(scaling.where, scope)) != 0
            value = value * np.where(holds, evaluate(scaling.factor, scope), 1.0)
    return value


def _during(rate: Matrix | float, stay: Stay) -> Matrix:
    """∫ exp(−rate·t) dt over each stay."""
    rate = np.broadcast_to(np.asarray(rate, np.float64), stay.length.shape)
    small = np.abs(rate) < 1e-12
    safe = np.where(small, 1.0, rate)
    with np.errstate(over="ignore"):
        return np.where(small, stay.length, -np.expm1(-safe * stay.length) / safe)

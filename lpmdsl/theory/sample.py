"""A sample of a model's own people, and how many of each type one of another infects.

A type is (group, network, group of the infector): in a place or along a tie somebody has met the one who infected
them, so one of that group fewer is left to infect (excess degree, for groups: Newman 2003, Phys Rev E 67:026126).
Groups are those of a mixing table and, where people meet the same others again, of how susceptible they are: there the
chance 1 − E[e^(−factor·hazard·time)] is no multiple of the factor.

With ``worlds`` that differ in one attribute, everybody stands in each of them with a share: those who are met have
each value with the same share, whoever meets them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lpmdsl.networks.directed import both_ways, turned
from lpmdsl.networks.world import World
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.evaluate import evaluate
from lpmdsl.theory.course.courses import at, course, everyone_at_start, product, susceptible
from lpmdsl.theory.course.moments import Rows
from lpmdsl.theory.course.profiles import Profile, giving
from lpmdsl.theory.sources import Sources, scaled

EVERYONE = "everyone"
MOST_CLASSES = 12
"""Classes of susceptibility on one network: where there are more values, neighbours share a class."""
Matrix = NDArray[np.float64]
Codes = NDArray[np.int64]


class Sample:
    """People of one condition. Rows: every agent in each world; ``weights`` add up to 1."""

    def __init__(
        self, model: m.Model, condition: m.Condition, parameters: Mapping[str, float], worlds: tuple[World, ...],
        sources: Mapping[str, m.Contagion],
    ) -> None:  # fmt: skip
        """``sources``: condition that can be caught from people with this one → its contagion."""
        contagion = model.contagion_of(condition.name)
        assert contagion is not None
        self.model, self.condition, self.contagion, self.worlds = model, condition, contagion, worlds
        self.scope = everyone_at_start(condition, worlds, model, parameters)
        self.size = worlds[0].counts[condition.of]
        self.rows = self.size * len(worlds)
        self.networks = [model.network(n) for n in contagion.networks]
        self.there = {n.name: self._takes_part(n) for n in model.networks if condition.of in (n.of, n.to)}
        self.factors = {n.name: self._susceptibility(n) for n in self.networks}
        self.sources = {(c, n): self._sources(model.network(n), by) for c, by in sources.items()
                        for n in _networks_from(condition, by)}  # fmt: skip
        self.hazards = {key: given.hazards() for key, given in self.sources.items()}
        self.profiles = {key: given.profiles() for key, given in self.sources.items()}
        self.mixing, self.labels, self.group = self._groups()
        self.course, self.alike = self._courses()
        self._times: tuple[float, dict[int, Rows]] | None = None
        lasting = [n for n in self.networks if n.layout != "random"]
        self.met = {n.name: self._met(n, "of") for n in lasting}
        self.both_ways = {n.name: self._met(n, "both") if n.directed else self.met[n.name] for n in lasting}
        self.reached = {n.name: self._met(n, "to") if n.directed else self.met[n.name] for n in lasting}
        self.weigh(np.full(len(worlds), 1 / len(worlds)))

    def weigh(self, shares: Rows) -> None:
        """Give each world its share of the people."""
        self.shares = shares
        self.weights = np.repeat(shares / self.size, self.size)
        self.of_group = np.bincount(self.group, self.weights, len(self.labels))
        #: The chance that one of a class of the agents, alike in every world, is of each group.
        self.chances = np.zeros((len(self.classes), len(self.labels)))
        for world, share in enumerate(shares):
            np.add.at(self.chances, (np.arange(len(self.classes)), self.classes[:, world]), share)
        #: Network → (rows, groups): how many others of each group one has in a place or on ties, by whom one may be
        #: infected and whom one may infect.
        self.others = {n: np.tile(met @ self.chances, (len(self.worlds), 1)) for n, met in self.met.items()}
        self.feeling = {n: np.tile(met @ self.chances, (len(self.worlds), 1)) for n, met in self.reached.items()}

    # -------------------------------------------------------------- people

    def _column(self, name: str) -> Rows:
        return np.asarray(self.scope.attributes[(self.condition.of, name)])

    def _takes_part(self, network: m.Network) -> NDArray[np.bool_]:
        """Of every row, at the start."""
        if network.where is None:
            return np.ones(self.rows, bool)
        scope = at(self.scope, self.condition, self.condition.start.state, np.arange(self.rows))
        return np.broadcast_to(np.asarray(evaluate(network.where, scope)) != 0, (self.rows,))

    def _susceptibility(self, network: m.Network) -> Rows:
        everyone = np.arange(self.rows)
        scope = at(self.scope, self.condition, susceptible(self.condition), everyone)
        factor = np.maximum(scaled(self.contagion, scope, "target", network, np.ones(self.rows)), 0.0)
        factor = np.broadcast_to(factor, (self.rows,)) * self.there[network.name]
        if network.layout == "ties" and _evenly(network):
            factor = factor / np.maximum(self._degrees(network), 1)
        return classed(factor) if network.layout != "random" else np.array(factor)

    def _degrees(self, network: m.Network) -> Rows:
        """Of every row, how many of those it is tied to take part."""
        ties = self.worlds[0].ties[network.name]
        row = np.repeat(np.arange(self.size), np.diff(ties.offsets))
        there = self.there[network.name].reshape(len(self.worlds), self.size)
        return np.concatenate([np.bincount(row, one[ties.targets], self.size).astype(float) for one in there])

    def _sources(self, network: m.Network, contagion: m.Contagion) -> Sources:
        """Hazards of every row towards one contact on a network; people in a place share what is given there evenly."""
        present = self.there[network.name].astype(np.float64)
        if network.layout == "place" and _evenly(network):
            present = present / np.maximum(self._others(network), 1)
        return Sources(self.scope, self.condition, contagion, network, present)

    def _others(self, network: m.Network) -> Rows:
        place = np.asarray(self.worlds[0].attributes[(network.of, network.place)], np.int64)
        found: list[Rows] = []
        for there in self.there[network.name].reshape(len(self.worlds), self.size):
            inside = (place >= 0) & there
            sizes = np.bincount(place[inside], minlength=max(1, int(place.max(initial=0)) + 1))
            found.append(np.where(inside, sizes[np.maximum(place, 0)] - 1.0, 0.0))
        return np.concatenate(found)

    def _groups(self) -> tuple[dict[str, Codes], tuple[str, ...], Codes]:
        """Of each attribute by which a table mixes the code of every row; the groups' names; the group of every row."""
        mixing: dict[str, Codes] = {}
        keys: dict[str, tuple[str, ...]] = {}
        for network in self.networks:
            if network.mixing is not None:
                table = self.model.table(network.mixing)
                name = table.key_attributes[0]
                mixing[name], keys[name] = self._column(name).astype(np.int64), table.keys[0]
        again = [self.factors[n.name] for n in self.networks if n.layout != "random"]
        columns = np.stack([*(c.astype(float) for c in mixing.values()), *again, np.zeros(self.rows)], axis=1)
        found, first, group = np.unique(columns, axis=0, return_index=True, return_inverse=True)
        group = group.reshape(-1)
        self.classes, own = np.unique(group.reshape(len(self.worlds), -1).T, axis=0, return_inverse=True)
        self.own_class = own.reshape(-1)
        #: Attribute of a mixing table → the code of each group.
        self.code_of = {name: codes[first] for name, codes in mixing.items()}
        labels = [", ".join(keys[name][int(codes[k])] for name, codes in self.code_of.items()) or EVERYONE
                  for k in range(len(found))]  # fmt: skip
        if len(set(labels)) < len(labels):
            labels = [self._name(label, int(row)) for label, row in zip(labels, first, strict=True)]
        return mixing, tuple(labels), group

    def _name(self, label: str, row: int) -> str:
        """The labels of the mixing tables, and what makes some of them more susceptible than others."""
        own = [label] if label != EVERYONE else []
        refs = {e.name: e for s in self.contagion.scalings if s.end == "target"
                for e in m.every_expression((s.where, s.factor)) if isinstance(e, m.AttributeRef)}  # fmt: skip
        for name, ref in refs.items():
            code = int(self._column(name)[row])
            match ref.type.kind:
                case Kind.CATEGORY:
                    own.append(ref.type.labels[code])
                case Kind.BOOLEAN:
                    own.append(name if code else f"not {name}")
                case _:
                    own.append(f"{name} about {self._column(name)[row]:.3g}")
        return ", ".join(dict.fromkeys(own)) or label

    def _courses(self):
        """The course of each kind of people who are alike in all that it reads and in what they give again and again;
        and the kind of every row."""
        read = {e.name for part in (self.condition.exits, self.condition.whiles) for e in m.every_expression(part)
                if isinstance(e, m.AttributeRef) and e.of == self.condition.of}  # fmt: skip
        read |= {w.attribute for w in self.condition.whiles if w.attribute is not None}
        read |= {name for given in self.sources.values() for name in given.read_by_profiles()}
        columns = [np.asarray(self._column(name), np.float64) for name in sorted(read)]
        again = [h for (_, n), states in self.hazards.items() if self.model.network(n).layout != "random"
                 for h in states.values()]  # fmt: skip
        again += [self.sources[key].present for key, states in self.profiles.items() if states]
        stacked = np.stack([*columns, *again, np.zeros(self.rows)], axis=1)
        _, first, alike = np.unique(stacked, axis=0, return_index=True, return_inverse=True)
        profiled = {s for states in self.profiles.values() for s in states}
        sources = {s for states in self.hazards.values() for s in states} | profiled
        self.first = first
        return course(self.scope, self.condition, first, sources, profiled), alike.reshape(-1)

    # -------------------------------------------------------------- who is met

    def _met(self, network: m.Network, ways: Literal["of", "to", "both"]) -> Matrix:
        """(agents, classes): how many others of each class one has in a place or on ties; of those with a direction the
        ties that lead from one, ``to`` one, or ``both``."""
        classes = len(self.classes)
        if network.layout == "ties":
            ties = self.worlds[0].ties[network.name]
            ties = ties if ways == "of" else turned(ties) if ways == "to" else both_ways(ties)
            row = np.repeat(np.arange(self.size), np.diff(ties.offsets))
            cell = row * classes + self.own_class[ties.targets]
            return np.bincount(cell, minlength=self.size * classes).reshape(self.size, -1).astype(float)
        place = np.asarray(self.worlds[0].attributes[(network.of, network.place)], np.int64)
        inside = place >= 0
        cells = np.zeros((place.max(initial=0) + 1, classes))
        np.add.at(cells, (place[inside], self.own_class[inside]), 1)
        others = np.where(inside[:, None], cells[np.maximum(place, 0)], 0)
        others[np.arange(self.size), self.own_class] -= inside
        return others

    def _drawn(self, network: m.Network) -> Matrix:
        """(codes of the mixing table or 1, groups): how many of each group one contact (or a day's) falls on."""
        among = self.of_group * self._mean_factor(network)
        if network.is_between:
            return np.zeros((1, len(among)))  # nobody of one's own kind is met there
        present = np.where(self.there[network.name], self.weights, 0.0)
        if network.is_by_person:
            assert network.contacts is not None
            present = present * np.maximum(evaluate(network.contacts, self.scope), 0)
        if network.mixing is None:
            return among[None, :] / max(float(present.sum()), 1e-300)
        written_table = self.model.table(network.mixing)
        code = self.code_of[written_table.key_attributes[0]]
        table = np.asarray(written_table.values).reshape(len(written_table.keys[0]), -1)
        count = np.bincount(self.mixing[written_table.key_attributes[0]], present, len(table))
        # What one of group a gives to group b: b's contacts with a, for each of b, shared among those of a.
        return (table[code] * among[:, None]).T / np.maximum(count, 1e-300)[:, None] * (count > 0)[:, None]

    def _mean_factor(self, network: m.Network) -> Rows:
        total = np.bincount(self.group, self.weights * self.factors[network.name], len(self.labels))
        return np.divide(total, self.of_group, out=np.zeros_like(total), where=self.of_group > 0)

    def among(self, to: Sample, network: m.Network) -> Rows:
        """(groups of the other kind): how many of them one contact falls on, by their susceptibility."""
        if not network.is_between or to.contagion.source_on(network.name) != self.condition.name:
            return np.zeros(len(to.labels))
        met = to if network.met == to.condition.of else self
        return to.of_group * to._mean_factor(network) * to.everyone() / met.everyone()

    def everyone(self) -> int:
        """Number of agents of the kind there are in the model, of whom the sample is some."""
        return self.model.agent(self.condition.of).count or self.size

    # -------------------------------------------------------------- what one gives

    def _made(self, to: str, network: m.Network, r: float) -> Matrix:
        """(rows, groups or 1): what one contact with each group gets over the whole course, discounted by exp(−r·time):
        a number at random, else a chance below 1."""
        hazards = self.hazards.get((to, network.name), {})
        profiles = self._profiles_of(to, network)
        if network.layout == "random":
            times = self._discounted(r) if hazards else {}
            found = sum((product(h, times[s][self.alike]) for s, h in hazards.items() if s in times),
                        np.zeros(self.rows))  # fmt: skip
            given = giving(self.course, profiles, None).times(float(r)) if profiles else {}
            return sum((given[s][self.alike] for s in profiles if s in given), found)[:, None]
        factors = self._mean_factor(network)
        once = {f: self._chance(hazards, profiles, float(f), r) for f in set(factors.tolist())}
        return np.stack([once[f] for f in factors], axis=1)

    def _profiles_of(self, to: str, network: m.Network) -> dict[int, Profile]:
        """State → profile of one network, of the kinds of people of ``course``."""

        def of_kinds(profile: Profile) -> Profile:
            return replace(profile, value=lambda ages, kinds: profile.value(ages, self.first[kinds]))

        return {s: of_kinds(p) for s, p in self.profiles.get((to, network.name), {}).items()}

    def _discounted(self, r: float) -> dict[int, Rows]:
        """The discounted days in each state; kept, because every network at random asks for the same."""
        if self._times is None or self._times[0] != r:
            self._times = r, self.course.times(float(r))
        return self._times[1]

    def _chance(self, hazards: Mapping[int, Rows], profiles: dict[int, Profile], factor: float, r: float) -> Rows:
        """(rows): the chance that one contact of a susceptibility is infected, discounted by the time until then."""
        if factor == 0 or not (hazards or profiles):
            return np.zeros(self.rows)
        own = {s: factor * h[self.first] for s, h in hazards.items()}
        none = np.zeros(len(self.first))
        course = giving(self.course, profiles, factor)
        times = course.times({s: r + own.get(s, none) for s in course.stays})
        got = sum((product(h, times[s]) for s, h in own.items() if s in times), none)
        return np.asarray(sum((times[s] for s in profiles if s in times), got))[self.alike]

    def types(self) -> list[tuple[int, str, int]]:
        """(group, network, group of the infector; −1 where they are not met again)."""
        every = range(len(self.labels))
        return [
            (g, n.name, a) for n in self.networks for g in every for a in ((-1,) if n.layout == "random" else every)
        ]

    def matrix(self, r: float) -> Matrix:
        """[type, type]: infections by one of the column, discounted by exp(−r·time)."""
        made = {n.name: self._made(self.condition.name, n, r) for n in self.networks}
        given = {n.name: self._given(n, made[n.name]) for n in self.networks}
        types = self.types()
        row = {kind: k for k, kind in enumerate(types)}
        found = np.zeros((len(types), len(types)))
        for through in self.networks:
            for g in range(len(self.labels)):
                weight = self._caught(through, g)  # (infector's groups, rows)
                total = weight.sum(axis=1, keepdims=True)
                share = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
                columns = [row[g, through.name, a] for a in self._infectors(through)]
                for network in self.networks:
                    gets = _weighted(share, given[network.name])
                    if network is through and network.layout != "random":
                        used = self._used(network, g, made[network.name])
                        gets = gets - np.divide(used, total, out=np.zeros_like(gets), where=total > 0)
                    rows = [row[c, network.name, -1 if network.layout == "random" else g]
                            for c in range(len(self.labels))]  # fmt: skip
                    found[np.ix_(rows, columns)] = np.where(np.abs(gets) < 1e-14, 0.0, gets).T
        return found

    def _infectors(self, network: m.Network) -> list[int]:
        return [-1] if network.layout == "random" else list(range(len(self.labels)))

    def _given(self, network: m.Network, made: Matrix) -> Matrix:
        """(rows, groups): whom one infects on a network who was not infected there."""
        if network.layout == "random":
            drawn = self._drawn(network)
            if network.mixing is not None:
                drawn = drawn[self.mixing[self.model.table(network.mixing).key_attributes[0]]]
            return product(made, drawn)
        return product(made, self.feeling[network.name])

    def _caught(self, network: m.Network, group: int) -> Matrix:
        """(infector's groups, rows): how likely each of a group is to be infected, up to a factor."""
        here = self.weights * (self.group == group)
        if network.layout == "random":
            return (here * self.factors[network.name])[None, :]
        return here * self.others[network.name].T

    def _used(self, network: m.Network, group: int, made: Matrix) -> Matrix:
        """(infector's groups, groups): what would have gone to the infector, summed as ``_caught`` is."""
        both = np.tile(self.both_ways[network.name], (len(self.worlds), 1))
        here = (self.weights * (self.group == group))[:, None] * both
        return np.einsum("ba,bc,bc->ac", self.chances, self.chances, here.T @ made)

    def infects(self, to: Sample, r: float) -> Matrix:
        """[type of ``to``, own type]: those of another kind whom one of the column infects."""
        found = np.zeros((len(to.types()), len(self.types())))
        row = {kind: k for k, kind in enumerate(to.types())}
        shares = {n.name: self.among(to, n) for n in to.networks}
        for k, (g, through, a) in enumerate(self.types()):
            weight = self._caught(self.model.network(through), g)[max(a, 0)]
            total = weight.sum()
            for network in to.networks:
                if total > 0 and shares[network.name].any():
                    made = self._made(to.condition.name, network, r)[:, 0]
                    one = _weighted(weight[None, :] / total, made[:, None])[0, 0]
                    for c, share in enumerate(shares[network.name]):
                        found[row[c, network.name, -1], k] = product(np.array(share), np.array(one))
        return found

    def first_case(self, to: Sample) -> float:
        """Those with the condition of ``to`` whom someone infects who is taken at random, whom nobody infected."""
        total = 0.0
        for network in to.networks:
            made = self._made(to.condition.name, network, 0.0)
            given = self._given(network, made) if to is self else product(made, self.among(to, network)[None, :])
            total += float(_weighted(self.weights[None, :], given).sum())
        return total


# ------------------------------------------------------------------ parts


def _networks_from(condition: m.Condition, contagion: m.Contagion) -> list[str]:
    """The networks on which something is caught from people with a condition."""
    spreads = (s for s in contagion.spreads if (s.of or contagion.condition) == condition.name)
    return list(dict.fromkeys(s.network for s in spreads))


def classed(values: Rows) -> Rows:
    """The values, or where there are too many of them the mean of each of a few classes of neighbours."""
    found, number = np.unique(values, return_inverse=True)
    if len(found) <= MOST_CLASSES:
        return np.array(values)
    order = np.argsort(number.reshape(-1), kind="stable")
    classes = np.empty(len(values))
    for part in np.array_split(order, MOST_CLASSES):
        classes[part] = values[part].mean()
    return classes


def _evenly(network: m.Network) -> bool:
    return network.contacts is not None and not network.per_tie


def _weighted(weights: Matrix, values: Matrix) -> Matrix:
    """weights @ values, with 0 times infinity 0."""
    if np.all(np.isfinite(values)):
        return weights @ values
    endless = (weights > 0).astype(float) @ (~np.isfinite(values)).astype(float) > 0
    return np.where(endless, np.inf, weights @ np.where(np.isfinite(values), values, 0.0))

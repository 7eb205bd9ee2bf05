"""Hazards that one source gives on a network in a day, state by state, constant or by how long it is there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.theory.course.courses import at
from lpmdsl.theory.course.moments import Rows
from lpmdsl.theory.course.profiles import Profile
from lpmdsl.theory.wording import written

LATEST = 1e5
"""Days: a number in a rate beyond it is taken for no age."""


class NotFinite(ValueError):
    """A rate or a factor that is no finite number for some of the people."""


def share_of_days(network: m.Network) -> float:
    """The share of all days on which a network is there."""
    return {"weekdays": 5 / 7, "weekends": 2 / 7}.get(network.days, 1.0)


def scaled(contagion: m.Contagion, scope: Scope, end: str, network: m.Network, value: Rows) -> Rows:
    """A value times the factors that hold for each at one end of a contact."""
    for scaling in _scalings(contagion, end, network):
        holds = True if scaling.where is None else np.asarray(evaluate(scaling.where, scope)) != 0
        value = value * np.where(holds, evaluate(scaling.factor, scope), 1.0)
    return value


def _scalings(contagion: m.Contagion, end: str, network: m.Network) -> list[m.Scaling]:
    return [s for s in contagion.scalings if s.end == end and (not s.networks or network.name in s.networks)]


@dataclass(frozen=True, slots=True)
class Sources:
    """Hazards that those with a condition give on one network to those who can catch ``contagion``.

    ``present``: of every row of ``scope``, the share of a hazard that one contact gets; 0 for who takes no part.
    """

    scope: Scope
    condition: m.Condition
    contagion: m.Contagion
    network: m.Network
    present: Rows

    def hazards(self) -> dict[int, Rows]:
        """State → a day's contacts times the chance of each, of every row as a source in it; 0 where absent."""
        everyone = np.arange(len(self.present))
        found: dict[int, Rows] = {}
        for state, spreads in self._states().items():
            if not self._varies(spreads):
                inside = at(self.scope, self.condition, state, everyone)
                found[state] = np.broadcast_to(self._value(spreads, inside) * self.present, (len(everyone),))
        return {state: hazard for state, hazard in found.items() if np.any(hazard > 0)}

    def profiles(self) -> dict[int, Profile]:
        """State → hazard of a source in it by its time since infection, where a rate reads that."""
        return {state: Profile(self._by_age(state, spreads), tuple(self._breaks(spreads)))
                for state, spreads in self._states().items() if self._varies(spreads)}  # fmt: skip

    def read_by_profiles(self) -> set[str]:
        """Attributes of the source that the profiles hang on."""
        varying = [s for spreads in self._states().values() if self._varies(spreads) for s in spreads]
        return {e.name for e in m.every_expression(self._parts(varying) if varying else ())
                if isinstance(e, m.AttributeRef) and e.of == self.condition.of}  # fmt: skip

    # -------------------------------------------------------------- parts

    def _states(self) -> dict[int, list[m.Spread]]:
        away = {s for w in self.condition.whiles if self.network.name in w.networks for s in w.states}
        away |= set(self.condition.removed)
        found: dict[int, list[m.Spread]] = {}
        for spread in self.contagion.spreads_on(self.network.name):
            if (spread.of or self.contagion.condition) == self.condition.name:
                for state in (s for s in spread.states if s not in away):
                    found.setdefault(state, []).append(spread)
        return found

    def _parts(self, spreads: Iterable[m.Spread]) -> tuple[object, ...]:
        scalings = _scalings(self.contagion, "source", self.network)
        return (*(s.rate for s in spreads), self.network.contacts, *((s.where, s.factor) for s in scalings))

    def _varies(self, spreads: list[m.Spread]) -> bool:
        expressions = m.every_expression(self._parts(spreads))
        return any(isinstance(e, m.Since) and e.condition == self.condition.name for e in expressions)

    def _value(self, spreads: list[m.Spread], scope: Scope) -> Rows:
        """Contacts a day times the chance of each, as ``scope`` is."""
        total = np.zeros(1)
        for spread in spreads:
            value = np.asarray(evaluate(spread.rate, scope), np.float64)
            if self.network.contacts is not None and self.network.mixing is None:
                value = value * evaluate(self.network.contacts, scope)
            if not np.all(np.isfinite(value)):
                raise NotFinite(f"`{' '.join(written(spread.rate.span).split())}` is no finite number")
            total = total + np.maximum(scaled(self.contagion, scope, "source", self.network, value), 0)
        return total * share_of_days(self.network)

    def _by_age(self, state: int, spreads: list[m.Spread]):
        def value(ages: Rows, rows: NDArray[np.int64]) -> Rows:
            inside = at(self.scope, self.condition, state, rows)
            attributes = {key: column[:, None] for key, column in inside.attributes.items()}
            states = {name: column[:, None] for name, column in inside.states.items()}
            aged = replace(inside, attributes=attributes, states=states,
                           since={**inside.since, self.condition.name: ages[None, :]})  # fmt: skip
            return np.broadcast_to(self._value(spreads, aged), (len(rows), len(ages))) * self.present[rows][:, None]

        return value

    def _breaks(self, spreads: list[m.Spread]) -> list[float]:
        """Ages at which the rate may bend or jump: points of its tables, and all numbers that it names."""
        found: set[float] = set()
        for expr in m.every_expression(self._parts(spreads)):
            match expr:
                case m.TableRef():
                    curve = self.scope.model.table(expr.table).curve
                    found |= {x for x, _ in curve.points} if curve is not None else set()
                case m.Literal_():
                    found.add(float(expr.value))
                case m.ParameterRef():
                    found.add(float(self.scope.parameters[expr.name]))
                case _:
                    pass
        return sorted(x for x in found if 0 < x < LATEST)

"""The reference of the relaxation, values: expressions in a case, and means over what is random."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import torch

from compiler_tests.relaxed_reference.stages import Stages
from lpmdsl.networks.world import World
from lpmdsl.reference.months import months
from lpmdsl.semantics import model as m

Tensor = torch.Tensor
ONE, NONE = torch.ones((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
ALONE, NOBODY = 1e-6, 1e-9
"""The fewest others, and the fewest people, that anything is divided by."""


@dataclass(slots=True)
class Values:
    """``chance[condition][state]``: (agents, stages). ``yes[kind, attribute]``: of attributes that change.

    ``owed[condition][state]``: (agents,), the force that was missed in the step before.
    """

    model: m.Model
    world: World
    parameters: dict[str, Tensor]
    steps: int
    disabled: frozenset[str]
    chance: dict[str, list[Tensor]] = field(default_factory=dict)
    yes: dict[tuple[str, str], Tensor] = field(default_factory=dict)
    owed: dict[str, dict[int, Tensor]] = field(default_factory=dict)
    law: dict[object, Stages] = field(default_factory=dict)
    waiting: dict[str, Tensor] = field(default_factory=dict)
    reports: dict[str, dict[int, Tensor]] = field(default_factory=dict)
    phase: dict[str, str] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)
    seen: dict[str, bool] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    ending: dict[str, int] = field(default_factory=dict)
    now: int = 0
    case: dict[object, object] = field(default_factory=dict)

    # ------------------------------------------------------------------ values

    def value(self, e: m.Expr, group: int | None = None) -> Tensor:
        """An expression in the case that is set, as float64: a scalar or (agents,)."""
        match e:
            case m.Literal_():
                return torch.tensor(float(e.value), dtype=torch.float64)
            case m.ParameterRef():
                return self.parameters[e.name]
            case m.Follows():
                default, now = self.model.parameter(e.parameter).default, self.now
                self.now = 0
                same = not isinstance(default, m.Literal_) and bool(self.value(default) == self.parameters[e.parameter])
                self.now = now
                return truth(same)
            case m.AttributeRef():
                return self._attribute(e)
            case m.InState():
                return truth(self.case[e.condition] in e.states)
            case m.StateOf():
                return torch.tensor(float(self.case[e.condition]), dtype=torch.float64)  # type: ignore[arg-type]
            case m.TableRef():
                table = self.model.table(e.table)
                values = torch.tensor(table.values, dtype=torch.float64).reshape([len(k) for k in table.keys])
                return values[tuple(self.value(k).long() for k in e.keys)]
            case m.ObservationRef():
                which = e.group if e.group is not None else group
                return self._observed(e.observation, self._last(e.observation), which)
            case m.Rolling():
                return self._rolling(e, group)
            case m.Population():
                return torch.tensor(float(self.world.counts[e.of]), dtype=torch.float64)
            case m.Time():
                return torch.tensor(self.now * self.model.clock.step, dtype=torch.float64)
            case m.IsActive():
                return truth(self.phase.get(e.intervention) == "active")
            case m.Apply():
                return apply(e.op, [self.value(a, group) for a in e.arguments])
            case _:
                raise AssertionError(e)

    def _attribute(self, e: m.AttributeRef) -> Tensor:
        key = (e.of, e.name)
        if key in self.case:
            value = self.case[key]
            assert isinstance(value, Tensor)
        else:
            value = torch.tensor(np.asarray(self.world.attributes[key]), dtype=torch.float64)
        for holds, read in self._clauses(e):
            before = dict(self.case)
            self.case["plain"] = True
            value = torch.where(self.value(holds) != 0, self.value(read), value)
            self.case = before
        return value

    def _clauses(self, e: m.AttributeRef) -> list[tuple[m.Expr, m.Expr]]:
        return [] if "plain" in self.case else m.overlays(self.model, e.of, e.name)

    def _last(self, name: str) -> int:
        return done(self.model, name, self.now) - (1 if covers(self.model, name) else 0)

    def _observed(self, name: str, row: int, group: int | None) -> Tensor:
        if row < 0:
            return torch.tensor(math.nan, dtype=torch.float64)
        observation = self.model.observation(name)
        report = self.reports[name][row]
        value = report[group] if group is not None and len(observation.groups) > 1 else report.sum()
        return value / observation.every if isinstance(observation.value, m.Flow) else value

    def _rolling(self, e: m.Rolling, group: int | None) -> Tensor:
        window = max(1, round(e.window / self.model.observation(e.observation).every))
        last = self._last(e.observation)
        rows = range(max(0, last - window + 1), last + 1)
        if not rows:
            return torch.tensor(math.nan, dtype=torch.float64)
        each = [self._observed(e.observation, r, e.group if e.group is not None else group) for r in rows]
        return torch.stack(each).mean()

    # ------------------------------------------------------------------ means over cases

    def state(self, condition: str, state: int) -> Tensor:
        return self.chance[condition][state].sum(dim=1)

    def cases(self, exprs: Iterable[m.Expr], given: Mapping[str, int]) -> Iterator[Tensor]:
        """The chance of every combination of states and attributes that are read; the case is set meanwhile."""
        conditions, attributes = self._random(list(exprs), set(given))
        before = dict(self.case)
        options = [[(c, s, self.state(c, s)) for s in range(len(self.chance[c]))] for c in sorted(conditions)]
        for a in sorted(attributes):
            q = self.yes[a]
            options.append([(a, torch.ones_like(q), q), (a, torch.zeros_like(q), 1 - q)])  # type: ignore[list-item]
        for combination in product(*options):
            self.case = {**before, **given, **{name: value for name, value, _ in combination}}
            chance = ONE
            for _, _, part in combination:
                chance = chance * part
            yield chance
        self.case = before

    def mean(self, exprs: Iterable[m.Expr], given: Mapping[str, int], value: Callable[[], Tensor]) -> Tensor:
        total = NONE
        for chance in self.cases(exprs, given):
            total = total + chance * value()
        return total

    def _random(
        self, exprs: list[m.Expr], given: set[str], is_plain: bool = False
    ) -> tuple[set[str], set[tuple[str, str]]]:
        conditions: set[str] = set()
        attributes: set[tuple[str, str]] = set()
        for e in (part for whole in exprs for part in m.walk(whole)):
            if isinstance(e, m.InState | m.StateOf) and e.condition not in given:
                conditions.add(e.condition)
            if isinstance(e, m.AttributeRef):
                if (e.of, e.name) in self.yes:
                    attributes.add((e.of, e.name))
                parts = [] if is_plain else [p for clause in self._clauses(e) for p in clause]
                more = self._random(parts, given, is_plain=True)
                conditions, attributes = conditions | more[0], attributes | more[1]
        return conditions, attributes


def done(model: m.Model, name: str, boundary: int) -> int:
    """Number of periods of an observation are complete at a boundary."""
    observation = model.observation(name)
    if observation.months:
        return months(model.clock, 0, boundary) // observation.months
    return boundary // max(1, round(observation.every / model.clock.step))


def is_due(model: m.Model, name: str, boundary: int) -> bool:
    """Return True if a report is made at a boundary."""
    return boundary == 0 or done(model, name, boundary) > done(model, name, boundary - 1)


def covers(model: m.Model, name: str) -> bool:
    """Whether a report covers the period before it."""
    observation = model.observation(name)
    if not isinstance(observation.value, m.Derived):
        return isinstance(observation.value, m.Flow)
    formula = observation.value.formula
    parts = {e.observation for e in m.walk(formula) if isinstance(e, m.ObservationRef | m.Rolling)}
    longest = max((model.observation(p).every for p in parts), default=0)
    return any(covers(model, p) for p in parts if model.observation(p).every == longest)


def truth(holds: bool) -> Tensor:
    return torch.tensor(1.0 if holds else 0.0, dtype=torch.float64)


def apply(op: str, a: list[Tensor]) -> Tensor:
    match op:
        case "select":
            return torch.where(a[0] != 0, a[1], a[2])
        case "neg":
            return -a[0]
        case "not":
            return 1 - a[0]
        case "add":
            return a[0] + a[1]
        case "sub":
            return a[0] - a[1]
        case "mul" | "and":
            return a[0] * a[1]
        case "or":
            return a[0] + a[1] - a[0] * a[1]
        case "div":
            return a[0] / a[1]
        case "pow":
            return a[0] ** a[1]
        case "lt" | "le" | "gt" | "ge" | "eq" | "ne":
            return getattr(torch, op)(a[0], a[1]).double()
        case "min" | "max":
            value = a[0]
            for other in a[1:]:
                value = (torch.minimum if op == "min" else torch.maximum)(value, other)
            return value
        case "round":
            return torch.floor(a[0] + 0.5)
        case "sign":
            return torch.where(torch.isnan(a[0]), a[0], torch.sign(a[0]))
        case "logit":
            return torch.log(a[0] / (1 - a[0]))
        case "inverse_logit":
            return torch.sigmoid(a[0])
        case _:
            return getattr(torch, op)(a[0])

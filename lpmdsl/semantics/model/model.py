"""The Model as a whole, and its expressions wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, get_args

from lpmdsl.quantities import BOOLEAN, Type
from lpmdsl.records import dataclass
from lpmdsl.semantics.model.agents import Agent
from lpmdsl.semantics.model.behaviours import Behaviour
from lpmdsl.semantics.model.conditions import Condition
from lpmdsl.semantics.model.contagion import Contagion, Spread
from lpmdsl.semantics.model.expressions import (
    Apply,
    AttributeRef,
    Expr,
    InState,
    Literal_,
    Neighbours,
    walk,
)
from lpmdsl.semantics.model.interventions import Intervention
from lpmdsl.semantics.model.networks import Network
from lpmdsl.semantics.model.observations import Observation
from lpmdsl.semantics.model.rules import Rule, rules_in
from lpmdsl.semantics.model.studies import Calibrate, CheckAlways, CheckQuantity, Compare, Scenario
from lpmdsl.semantics.model.values import Clock, Net, Parameter, Table, family_in
from lpmdsl.source import Span


@dataclass(frozen=True, slots=True)
class Model:
    """A whole model. Dict-like members are tuples in written order; ``find`` looks one up by name."""

    name: str
    version: str
    doc: str
    directory: str
    clock: Clock
    parameters: tuple[Parameter, ...]
    tables: tuple[Table, ...]
    agents: tuple[Agent, ...]
    networks: tuple[Network, ...]
    conditions: tuple[Condition, ...]
    contagions: tuple[Contagion, ...]
    observations: tuple[Observation, ...]
    interventions: tuple[Intervention, ...]
    scenarios: tuple[Scenario, ...]
    comparisons: tuple[Compare, ...]
    checks: tuple[CheckQuantity | CheckAlways, ...]
    calibrations: tuple[Calibrate, ...]
    is_library: bool = False
    behaviours: tuple[Behaviour, ...] = ()
    rules: tuple[Rule, ...] = ()
    nets: tuple[Net, ...] = ()

    @property
    def told_parameters(self) -> tuple[Parameter, ...]:
        """Parameters of which a reader is told: not the name of a family, which is at each time one of its parts."""
        families = {p.family for p in self.parameters if p.family}
        return tuple(p for p in self.parameters if p.family or family_in(p.name) not in families)

    def parts(self, name: str) -> tuple[str, ...]:
        """The parameters that a name stands for: the parts of a family, else the one of that name, if there is one."""
        return tuple(p.name for p in self.parameters if p.family == name) or tuple(
            p.name for p in self.parameters if p.name == name
        )

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name."""
        return _find(self.parameters, name)

    def table(self, name: str) -> Table:
        """The table of that name."""
        return _find(self.tables, name)

    def agent(self, name: str) -> Agent:
        """The kind of agents of that name."""
        return _find(self.agents, name)

    def network(self, name: str) -> Network:
        """The network of that name."""
        return _find(self.networks, name)

    def condition(self, name: str) -> Condition:
        """The condition of that name."""
        return _find(self.conditions, name)

    def observation(self, name: str) -> Observation:
        """The observation of that name."""
        return _find(self.observations, name)

    def intervention(self, name: str) -> Intervention:
        """The intervention of that name."""
        return _find(self.interventions, name)

    def behaviour(self, name: str) -> Behaviour:
        """The behaviour of that name."""
        return _find(self.behaviours, name)

    def scenario(self, name: str) -> Scenario:
        """The scenario of that name."""
        return _find(self.scenarios, name)

    @property
    def reported(self) -> tuple[Observation, ...]:
        """Observations that a reader asked for; not those that only the model itself reads."""
        return tuple(o for o in self.observations if not o.is_hidden)

    def contagion_of(self, condition: str) -> Contagion | None:
        """The contagion of a condition, if it has one."""
        return next((c for c in self.contagions if c.condition == condition), None)

    def networks_of(self, condition: str) -> list[Network]:
        """The networks on which a condition is passed on, each once."""
        contagion = self.contagion_of(condition)
        return [self.network(n) for n in contagion.networks] if contagion is not None else []

    def source_of(self, contagion: Contagion, spread: Spread) -> Condition:
        """The condition whose states ``spread.states`` are: another kind's on a network between two kinds."""
        return self.condition(spread.of or contagion.condition)

    def is_passed_on(self, condition: str) -> bool:
        """Return True if somebody can catch a condition from somebody."""
        contagion = self.contagion_of(condition)
        return contagion is not None and bool(contagion.spreads)


def every_rule(model: Model) -> tuple[Rule, ...]:
    """Everything in a model that has paragraphs, as rules: rules, blocks of interventions, clauses on entering."""
    return tuple(rule for part in (*model.rules, *model.interventions, *model.conditions) for rule in rules_in(part))


def overlays(model: Model, of: str, name: str) -> list[tuple[Expr, Expr]]:
    """Tests under which an attribute reads otherwise than stored, and as what: always, if it is a formula of what
    changes; then ``while`` clauses of conditions, then of interventions, in written order. The last that holds wins.
    Both are read from stored attributes."""
    found: list[tuple[Expr, Expr]] = [
        (Literal_(1.0, BOOLEAN, a.span), a.follows)
        for agent in model.agents
        if agent.name == of
        for a in agent.attributes
        if a.name == name and a.follows is not None
    ]
    found += [
        (InState(condition.name, clause.states, BOOLEAN, clause.span), clause.value)
        for condition in model.conditions
        if condition.of == of
        for clause in condition.whiles
        if clause.attribute == name and clause.value is not None
    ]
    for one in model.interventions:
        for clause in (w for w in one.while_active if w.of == of):
            active: Expr = one.active(clause.span)
            test = active if clause.where is None else Apply("and", (active, clause.where), BOOLEAN, clause.span)
            found += [(test, s.value) for s in clause.sets if s.attribute == name]
    return found


def is_fixed(model: Model, of: str, name: str) -> bool:
    """Return True if an attribute is the same for an agent all through a run: nothing writes it, nor makes it read
    otherwise for a while; nor does anything a place."""
    return not any(a.name == name and a.is_changed for agent in model.agents if agent.name == of
                   for a in agent.attributes)  # fmt: skip


def may_be_removed(model: Model, kind: str) -> bool:
    """Return True if agents of a kind can come to a state in which they are removed from everything."""
    return any(c.of == kind and c.removed for c in model.conditions)


def view_of(model: Model, ref: AttributeRef) -> Neighbours | None:
    """The sight of neighbours that an attribute shows; None of one that is the agent's own."""
    found = (a for agent in model.agents if agent.name == ref.of for a in agent.attributes if a.name == ref.name)
    return next((a.view for a in found), None)


def _find(items: tuple, name: str):
    for item in items:
        if item.name == name:
            return item
    raise KeyError(name)


def whole_expressions(node: object) -> Iterator[Expr]:
    """The whole expressions anywhere inside a declaration, without their parts."""
    waiting = [node]
    while waiting:
        part: Any = waiting.pop()
        kind = type(part)
        if kind in _EXPRESSIONS:
            yield part
        elif kind is tuple:
            waiting.extend(reversed(part))
        else:
            waiting.extend(getattr(part, name) for name in _parts(kind))


_EXPRESSIONS = frozenset(get_args(Expr))


@cache
def _parts(node: type) -> tuple[str, ...]:
    """The fields of a part of a Model that can hold expressions, the last first; () of what is no part of one."""
    is_part = is_dataclass(node) and node not in (Span, Type)
    return tuple(f.name for f in reversed(fields(node))) if is_part else ()


def every_expression(node: object) -> Iterator[Expr]:
    """All expressions (with their parts) anywhere inside a declaration."""
    for expr in whole_expressions(node):
        yield from walk(expr)

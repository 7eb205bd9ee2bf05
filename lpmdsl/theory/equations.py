"""The mean-field equations of a condition, as an epidemiologist would write them.

People of a group are alike and meet at random within what their networks say; their numbers are large. An exponential
dwell time leaves at 1/mean; a gamma one with a whole shape k is a chain of k stages (MacDonald 1978, Time Lags in
Biological Models); any other remembers its inflow: outflow(t) = ∫ inflow(t − a) f(a) da (Kermack & McKendrick 1927).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from lpmdsl.distributions.table import is_memoryless, numbers
from lpmdsl.escaping import latex
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.theory.coupled import coupled, is_coupled
from lpmdsl.theory.formulas import LONGEST, SHORT, Group, NoFormula, entry, formula, is_groupable, number, tex
from lpmdsl.theory.redrawn import as_random_contacts
from lpmdsl.theory.wording import undecided, unseen_absence, written

MOST_GROUPS = 12
MOST_STAGES = 12
MOST_VARIABLES = 200
"""So many equations somebody may still want to read."""


@dataclass(frozen=True, slots=True)
class Equations:
    """``rates``: variable → its rate of change per day. ``forces``: group → force of infection. ``remembered``: outflow
    symbol → (inflow, words for the dwell time) where a dwell time is no chain of stages."""

    condition: str
    groups: tuple[Group, ...]
    rates: Mapping[sp.Symbol, sp.Expr]
    forces: Mapping[sp.Symbol, sp.Expr]
    remembered: Mapping[sp.Symbol, tuple[sp.Expr, str]]
    assumptions: tuple[str, ...]

    def latex(self) -> list[str]:
        """One formula a line: forces, rates, remembered outflows."""
        lines = [rf"{tex(name)} = {tex(force)}" for name, force in self.forces.items()]
        lines += [rf"\frac{{d {tex(x)}}}{{dt}} = {tex(rate)}" for x, rate in self.rates.items()]
        for out, (inflow, words) in self.remembered.items():
            law = rf"f_{{\mathrm{{{latex(words)}}}}}"
            lines.append(rf"{tex(out)}(t) = \int_0^\infty \left[{tex(inflow)}\right](t - a)\, {law}(a)\, da")
        return lines


def equations(model: m.Model, condition: m.Condition, parameters: Mapping[str, float]) -> Equations:
    """The equations of one condition. Raises ``NoFormula`` where people differ in ways that are no groups."""
    model = as_random_contacts(model)
    groups = groups_of(model, condition)
    course = Course(model, condition, parameters)
    variables = len(groups) * sum(course.shape(s) for s in range(len(condition.states)))
    if variables > MOST_VARIABLES:
        raise NoFormula(f"{variables:,} equations are too many to write out")
    forces = {g.symbol("lambda"): force(course, g, groups) for g in groups}
    longest = max(int(f.count_ops()) for f in forces.values())
    if longest > LONGEST:
        raise NoFormula(f"the force of infection on one of {len(groups)} groups would have {longest} operations")
    writer = _Writer(course)
    for group in groups:
        writer.group(group)
    simple = len(groups) < 3
    rates = {x: sp.simplify(rate) if simple and rate.count_ops() <= SHORT else rate for x, rate in writer.rates.items()}
    return Equations(condition.name, groups, rates, forces, writer.remembered, _assumptions(model, condition))


def groups_of(model: m.Model, condition: m.Condition) -> tuple[Group, ...]:
    """Every combination of the categories that the course, the contagion or the mixing asks for."""
    own = condition.name
    _refuse_rules(model, condition)
    touched = [c for c in model.contagions if c.condition == own or any(s.of == own for s in c.spreads)]
    leaves = (e for part in (condition.exits, tuple(touched)) for e in m.every_expression(part))
    asked = {e.name: e for e in leaves if isinstance(e, m.AttributeRef) and e.of == condition.of}
    for network in model.networks_of(condition.name):
        if network.mixing is not None:
            name = model.table(network.mixing).key_attributes[0]
            attribute = next(a for a in model.agent(network.of).attributes if a.name == name)
            asked.setdefault(name, m.AttributeRef(network.of, name, attribute.type, network.span))
    seen = [f"`{written(view.span)}`" for ref in asked.values() if (view := m.view_of(model, ref)) is not None]
    if seen:
        raise NoFormula(f"what people see of their neighbours decides: {', '.join(seen)}")
    if not all(is_groupable(ref) for ref in asked.values()):
        raise NoFormula("people differ by numbers: " + ", ".join(n for n, r in asked.items() if not is_groupable(r)))
    choices = [[(n, k, _label(r, k)) for k in range(_size(r))] for n, r in asked.items()]
    every = itertools.product(*choices)
    kind = [condition.of] if _shares_names(model, condition) else []
    groups = [Group("_".join([*kind, *(c[2] for c in combo)]), {c[0]: c[1] for c in combo}) for combo in every]
    if len(groups) > MOST_GROUPS:
        raise NoFormula(f"{len(groups)} groups are too many to write out")
    return tuple(groups)


def _refuse_rules(model: m.Model, condition: m.Condition) -> None:
    """Raise ``NoFormula`` if a rule moves people in the condition."""
    for rule in model.rules:
        if any(isinstance(a, m.ForceMove | m.CopyState) and a.condition == condition.name for a in rule.actions):
            raise NoFormula(f"the rule `{rule.name}` moves people")


def _shares_names(model: m.Model, condition: m.Condition) -> bool:
    """Return True if a condition of another kind in the same equations has states of the same names."""
    others = (c for c in coupled(model, condition) if c is not condition)
    return any(set(condition.states) & set(c.states) for c in others)


def _size(ref: m.AttributeRef) -> int:
    return 2 if ref.type.kind is Kind.BOOLEAN else len(ref.type.labels)


def _label(ref: m.AttributeRef, code: int) -> str:
    if ref.type.kind is Kind.BOOLEAN:
        return ref.name if code else f"not_{ref.name}"
    return ref.type.labels[code]


# ------------------------------------------------------------------ the force of infection


def force(course: Course, on: Group, groups: tuple[Group, ...]) -> sp.Expr:
    """The force of infection on one of a group: Σ over networks, groups and states of source."""
    model, condition, total = course.model, course.condition, sp.Integer(0)
    contagion = model.contagion_of(condition.name)
    for network in model.networks_of(condition.name):
        assert contagion is not None
        if network.is_between:
            here = _from_other_kind(course, network, groups)
        else:
            here = sum((_from(course, network, source, on, groups) for source in groups), sp.Integer(0))
        total += here * scaled(model, contagion, condition, network, "target", on, condition.start.state)
    return total


def _from_other_kind(course: Course, network: m.Network, groups: tuple[Group, ...]) -> sp.Expr:
    """Force of the sources of the other kind on each: shared among those of the second kind who are present."""
    model, condition = course.model, course.condition
    contagion = model.contagion_of(condition.name)
    assert contagion is not None
    other = model.condition(contagion.source_on(network.name))
    sources = groups_of(model, other)
    theirs = Course(model, other, course.parameters)
    weight = sum((_weight(theirs, contagion, network, g) for g in sources), sp.Integer(0))
    met, of = (condition, groups) if network.met == condition.of else (other, sources)
    return weight / _all_present(model, met, of)


def _from(course: Course, network: m.Network, source: Group, on: Group, groups: tuple[Group, ...]) -> sp.Expr:
    """Force of the sources of one group on one of another, with whom they mix by a table or all alike."""
    model, condition = course.model, course.condition
    contagion = model.contagion_of(condition.name)
    assert contagion is not None
    if network.is_by_person or network.where is not None:
        raise NoFormula(f"who takes part in {network.name}, or how often, differs from person to person")
    weight = _weight(course, contagion, network, source)
    if network.mixing is not None:
        name = model.table(network.mixing).key_attributes[0]
        contacts = entry(model, network.mixing, [sp.Integer(on.codes[name]), sp.Integer(source.codes[name])])
        alike = [g for g in groups if g.codes[name] == source.codes[name]]
        return contacts * weight / _all_present(model, condition, alike)
    return weight * many(network) / _all_present(model, condition, groups)


def _weight(course: Course, contagion: m.Contagion, network: m.Network, source: Group) -> sp.Expr:
    """Weight of all sources of a group together on a network; ``course``: that of the condition they have."""
    return sum(
        (infectivity(course.model, contagion, course.condition, network, spread, source, s) * course.inside(source, s)
         for spread in contagion.spreads if spread.network == network.name for s in spread.states),
        sp.Integer(0),
    )  # fmt: skip


def _all_present(model: m.Model, condition: m.Condition, groups: Sequence[Group]) -> sp.Expr:
    return sum((present(model, condition, g) for g in groups), sp.Integer(0))


def many(network: m.Network) -> sp.Expr:
    """Number of others that one has contact with at a time, where the rate counts for each of them."""
    if network.layout == "random" or (network.contacts is not None and not network.per_tie):
        return sp.Integer(1)
    return sp.Symbol(f"others_{network.name}", positive=True)


def present(model: m.Model, condition: m.Condition, group: Group) -> sp.Expr:
    """Number of a group who are not removed."""
    gone = sum((group.symbol(condition.states[s]) for s in condition.removed), sp.Integer(0))
    return size(model, condition, group) - gone


def size(model: m.Model, condition: m.Condition, group: Group) -> sp.Symbol:
    """``N``, ``N_child``; ``N_Human``, ``N_Human_child`` where another kind of agents takes part."""
    kind = condition.of if is_coupled(model, condition) and not _shares_names(model, condition) else ""
    return sp.Symbol("_".join(["N", *(part for part in (kind, group.label) if part)]), positive=True)


def infectivity(
    model: m.Model, contagion: m.Contagion, condition: m.Condition, network: m.Network, spread: m.Spread, source: Group,
    state: int,
) -> sp.Expr:  # fmt: skip
    """Contacts a day times the chance of each, of one source; ``condition``: the one whose state makes it a source."""
    absent = any(state in w.states and network.name in w.networks for w in condition.whiles)
    if absent or state in condition.removed:
        return sp.Integer(0)
    value = formula(spread.rate, model, source, {condition.name: state})
    if network.contacts is not None and network.mixing is None:
        value *= formula(network.contacts, model, source, {condition.name: state})
    return value * scaled(model, contagion, condition, network, "source", source, state)


def scaled(
    model: m.Model, contagion: m.Contagion, condition: m.Condition, network: m.Network, end: str, group: Group,
    state: int,
) -> sp.Expr:  # fmt: skip
    """The product of the factors that hold for one of a group in a state of a condition."""
    product, inside = sp.Integer(1), {condition.name: state}
    for scaling in contagion.scalings:
        if scaling.end == end and (not scaling.networks or network.name in scaling.networks):
            holds = formula(scaling.where, model, group, inside) if scaling.where is not None else sp.Integer(1)
            product *= holds * formula(scaling.factor, model, group, inside) + (1 - holds)
    return product


# ------------------------------------------------------------------ the course


@dataclass(frozen=True, slots=True)
class Course:
    """The variables of a condition: one a state, or one a stage where a dwell time is a chain of stages."""

    model: m.Model
    condition: m.Condition
    parameters: Mapping[str, float]

    def stages(self, group: Group, state: int) -> list[sp.Symbol]:
        """Symbols of the stages of a state in a group, the first first."""
        name, count = self.condition.states[state], self.shape(state)
        return [group.symbol(name)] if count == 1 else [group.symbol(f"{name}{k + 1}") for k in range(count)]

    def inside(self, group: Group, state: int) -> sp.Expr:
        """Number of a group in a state."""
        return sum(self.stages(group, state), sp.Integer(0))

    def shape(self, state: int) -> int:
        """Number of stages: the whole shape of a gamma dwell time, else 1."""
        exits = self.condition.exits_of(state)
        if len(exits) != 1 or not isinstance(exits[0].trigger, m.After):
            return 1
        dwell = exits[0].trigger.dwell
        if dwell.family == "empirical" or not numbers(dwell.family).is_gamma:
            return 1
        mean, sd, shape = (self._number(dwell, n) for n in ("mean", "sd", "shape"))
        value = shape if shape is not None else (mean / sd) ** 2 if mean and sd else None
        whole = value is not None and abs(value - round(value)) < 1e-9 and 1 <= round(value) <= MOST_STAGES
        return round(value) if value is not None and whole else 1

    def _number(self, dwell: m.Distribution, name: str) -> float | None:
        expr = dwell.argument(name)
        if expr is None or m.reads_agent(expr):
            return None
        return float(evaluate(expr, Scope(self.model, self.parameters, idle=True)))


class _Writer:
    """Writes the rates of change, flow by flow, so that what leaves one state enters another."""

    def __init__(self, course: Course) -> None:
        self.course, self.model, self.condition = course, course.model, course.condition
        self.rates: dict[sp.Symbol, sp.Expr] = {}
        self.remembered: dict[sp.Symbol, tuple[sp.Expr, str]] = {}

    def group(self, group: Group) -> None:
        stages = {s: self._stages(s, group) for s in range(len(self.condition.states))}
        for chain in stages.values():
            self.rates |= dict.fromkeys(chain, sp.Integer(0))
        flows = [flow for s in stages for flow in self._flows(group, s, stages[s])]
        for source, first, amount in flows:
            target = stages[first][0] if isinstance(first, int) else first
            self.rates[source] -= amount
            self.rates[target] += amount
        for s in stages:
            self._remember(group, s, stages)

    def _stages(self, state: int, group: Group) -> list[sp.Symbol]:
        return self.course.stages(group, state)

    def _flows(self, group: Group, state: int, chain: list[sp.Symbol]) -> list[tuple]:
        found: list[tuple] = []
        for exit_ in self.condition.exits_of(state):
            amount = self._outflow(group, state, exit_, chain)
            found += [(a, b, self._stage_rate(group, state, len(chain)) * a) for a, b in itertools.pairwise(chain)]
            found += [(chain[-1], to, amount * share) for to, share in self.branches(group, state, exit_)]
        return found

    def _stage_rate(self, group: Group, state: int, count: int) -> sp.Expr:
        (exit_,) = self.condition.exits_of(state)
        return count / mean_dwell(self.model, self.condition, exit_, group)

    def _outflow(self, group: Group, state: int, exit_: m.Exit, chain: list[sp.Symbol]) -> sp.Expr:
        inside = {self.condition.name: state}
        match exit_.trigger:
            case m.ByContagion():
                return group.symbol("lambda") * chain[-1]
            case m.AtRate():
                return formula(exit_.trigger.rate, self.model, group, inside) * chain[-1]
            case m.Chance():
                p = formula(exit_.trigger.probability, self.model, group, inside)
                return -sp.log(1 - p) / number(exit_.trigger.every, exit_.span) * chain[-1]
            case m.After() if is_memoryless(exit_.trigger.dwell.family):
                return chain[-1] / mean_dwell(self.model, self.condition, exit_, group)
            case m.After() if len(chain) > 1:
                return self._stage_rate(group, state, len(chain)) * chain[-1]
            case m.After():
                return group.symbol(f"out_{self.condition.states[state]}")
            case m.When():
                raise NoFormula(f"`{written(exit_.span)}` happens when a test of a run holds")

    def branches(self, group: Group, state: int, exit_: m.Exit) -> list[tuple[int, sp.Expr]]:
        """Targets of an exit, with their shares."""
        rest, found = sp.Integer(1), []
        for branch in exit_.branches:
            inside = {self.condition.name: state}
            share = rest if branch.probability is None else formula(branch.probability, self.model, group, inside)
            found.append((branch.to, share))
            rest -= share
        return found

    def _remember(self, group: Group, state: int, stages: Mapping[int, list[sp.Symbol]]) -> None:
        """The outflow of a state whose dwell time is no chain, from its inflow."""
        out = group.symbol(f"out_{self.condition.states[state]}")
        (variable,) = stages[state] if len(stages[state]) == 1 else (None,)
        if variable is None or not self.rates[variable].has(out):
            return
        exits = self.condition.exits_of(state)
        if len(exits) != 1:
            raise NoFormula(f"`{self.condition.states[state]}` is left in several ways, whichever comes first")
        exit_ = exits[0]
        inflow = self.rates[variable] + out
        inflow = sp.simplify(inflow) if inflow.count_ops() <= SHORT else inflow
        assert isinstance(exit_.trigger, m.After)
        self.remembered[out] = (inflow, exit_.trigger.dwell.family)


def mean_dwell(model: m.Model, condition: m.Condition, exit_: m.Exit, group: Group) -> sp.Expr:
    """The mean time of an exit after a time, were it alone. Raises ``NoFormula`` for laws without a stated mean."""
    assert isinstance(exit_.trigger, m.After)
    dwell, inside = exit_.trigger.dwell, {condition.name: exit_.state}
    stated = {n: formula(e, model, group, inside) for n, e in dwell.arguments}
    mean = numbers(dwell.family).formulas.mean(stated) if dwell.family != "empirical" else None
    if mean is None:
        raise NoFormula(f"the mean of `{written(dwell.span)}` is not written")
    return mean


def _assumptions(model: m.Model, condition: m.Condition) -> tuple[str, ...]:
    said = ["numbers are large, and people of a group are alike", "no intervention is active", *undecided(model)]
    said += unseen_absence(model, condition) if model.is_passed_on(condition.name) else []
    for network in model.networks_of(condition.name):
        if network.layout != "random":
            said.append(f"contacts in {network.name} are as if at random: the same people do not meet again")
        if network.days:
            said.append(f"{network.name} runs on {network.days} only, which the equations do not show")
    return tuple(said)

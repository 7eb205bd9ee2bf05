"""R0 as a formula, where contacts are at random: the next-generation matrix over groups.

Element (a, b): infections among group a by one infected of group b (Diekmann, Heesterbeek & Roberts 2010, J R Soc
Interface 7:873): Σ over source states of time spent there × contacts a day × chance × susceptibility of a.
"""

from __future__ import annotations

import sympy as sp

from lpmdsl.semantics import model as m
from lpmdsl.theory.coupled import coupled, networks_of
from lpmdsl.theory.equations import entry, groups_of, infectivity, mean_dwell, scaled, size
from lpmdsl.theory.formulas import Group, NoFormula, formula


def r0_formula(model: m.Model, condition: m.Condition) -> sp.Expr:
    """R0 in parameters, table entries and group sizes ``N_group``. Raises ``NoFormula`` where it does not close."""
    together = coupled(model, condition)
    if any(n.layout != "random" for c in together for n in networks_of(model, c)):
        raise NoFormula("contacts are not at random, so no formula says whom one meets again")
    types = [(c, g) for c in together for g in groups_of(model, c)]
    rows = [[_made(model, *a, *b) for b in types] for a in types]
    return spectral_radius(sp.Matrix(rows))


def spectral_radius(matrix: sp.Matrix) -> sp.Expr:
    """The largest eigenvalue: the trace where the rank is one, a square root for two groups."""
    if _rank(matrix) <= 1:
        return sp.sympify(sp.simplify(sp.sympify(matrix.trace())))
    if matrix.rows == 2:
        half, det = sp.sympify(matrix.trace()) / 2, sp.sympify(matrix.det())
        return sp.sympify(sp.simplify(half + sp.sqrt(half**2 - det)))
    raise NoFormula(f"the largest eigenvalue of {matrix.rows} groups has no short formula")


def _rank(matrix: sp.Matrix) -> int:
    """The rank at one point in general position: every symbol a different prime."""
    symbols = sorted(matrix.free_symbols, key=str)
    return matrix.subs({s: sp.Rational(sp.prime(k + 5), sp.prime(k + 30)) for k, s in enumerate(symbols)}).rank()


def _made(model: m.Model, condition: m.Condition, to: Group, source: m.Condition, by: Group) -> sp.Expr:
    """Infections with ``condition`` among group ``to`` by one of group ``by`` with ``source``."""
    contagion = model.contagion_of(condition.name)
    times, total = times_in_states(model, source, by), sp.Integer(0)
    for spread in contagion.spreads if contagion is not None else ():
        if (spread.of or condition.name) != source.name:
            continue
        assert contagion is not None
        network = model.network(spread.network)
        for state in spread.states:
            one = infectivity(model, contagion, source, network, spread, by, state) * times.get(state, sp.Integer(0))
            share = _meets(model, network, condition, to, source, by)
            total += one * share * scaled(model, contagion, condition, network, "target", to, condition.start.state)
    return total


def _meets(
    model: m.Model, network: m.Network, condition: m.Condition, to: Group, source: m.Condition, by: Group
) -> sp.Expr:
    """How the contacts of one of a group are shared among groups; with a mixing table, how many there are a day."""
    met = condition if network.met == condition.of else source
    everyone = groups_of(model, met)
    if network.mixing is None:
        return size(model, condition, to) / sum((size(model, met, g) for g in everyone), sp.Integer(0))
    name = model.table(network.mixing).key_attributes[0]
    contacts = entry(model, network.mixing, [sp.Integer(to.codes[name]), sp.Integer(by.codes[name])])
    alike = (g for g in everyone if g.codes[name] == by.codes[name])
    return contacts * size(model, condition, to) / sum((size(model, met, g) for g in alike), sp.Integer(0))


def times_in_states(model: m.Model, condition: m.Condition, group: Group) -> dict[int, sp.Expr]:
    """The expected days in each state from infection until one can be infected again: visits × mean dwell time."""
    waiting = {e.state for e in condition.exits if isinstance(e.trigger, m.ByContagion)}
    inside = [s for s in range(len(condition.states)) if s not in waiting]
    entries, rows = sp.zeros(1, len(inside)), sp.zeros(len(inside), len(inside))
    catch = next(e for e in condition.exits_of(condition.start.state) if isinstance(e.trigger, m.ByContagion))
    for to, share in _shares(model, condition, group, catch):
        entries[inside.index(to)] = sp.sympify(entries[inside.index(to)]) + share
    dwell: dict[int, sp.Expr] = {}
    for s in inside:
        dwell[s], leads = _leaves(model, condition, group, s)
        for to, share in leads:
            if to in inside:
                rows[inside.index(s), inside.index(to)] += share
    visits = entries * (sp.eye(len(inside)) - rows).inv()
    return {s: sp.simplify(visits[k] * dwell[s]) for k, s in enumerate(inside)}


def _leaves(model: m.Model, condition: m.Condition, group: Group, state: int):
    """The mean dwell time of a state and where it leads. 0 for one without exits: nothing comes after it."""
    exits = condition.exits_of(state)
    if not exits:
        return sp.Integer(0), []
    if len(exits) == 1 and isinstance(exits[0].trigger, m.After):
        return mean_dwell(model, condition, state, group), _shares(model, condition, group, exits[0])
    rates = []
    for exit_ in exits:
        if not isinstance(exit_.trigger, m.AtRate):
            raise NoFormula(f"`{condition.states[state]}` is left in several ways that are not all rates")
        rates.append(formula(exit_.trigger.rate, model, group, {condition.name: state}))
    total = sum(rates, sp.Integer(0))
    leads = [(to, share * rate / total) for rate, e in zip(rates, exits, strict=True)
             for to, share in _shares(model, condition, group, e)]  # fmt: skip
    return 1 / total, leads


def _shares(model: m.Model, condition: m.Condition, group: Group, exit_: m.Exit) -> list[tuple[int, sp.Expr]]:
    rest, found = sp.Integer(1), []
    for branch in exit_.branches:
        inside = {condition.name: exit_.state}
        share = rest if branch.probability is None else formula(branch.probability, model, group, inside)
        found.append((branch.to, share))
        rest -= share
    return found

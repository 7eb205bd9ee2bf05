"""R0 as a formula, where contacts are at random: the next-generation matrix over groups.

Element (a, b): infections among group a by one infected of group b (Diekmann, Heesterbeek & Roberts 2010, J R Soc
Interface 7:873): Σ over source states of time spent there × contacts a day × chance × susceptibility of a.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from lpmdsl.distributions.table import DISTRIBUTIONS, is_memoryless
from lpmdsl.semantics import model as m
from lpmdsl.theory.coupled import coupled
from lpmdsl.theory.course.courses import catches, on_the_way, parts_of, susceptible
from lpmdsl.theory.equations import entry, groups_of, infectivity, mean_dwell, scaled, size
from lpmdsl.theory.formulas import LONGEST, Group, NoFormula, formula, short
from lpmdsl.theory.redrawn import as_random_contacts

MOST_STATES, MOST_TOGETHER = 40, 4
"""States of a formula in all, and of those that lead to one another."""
MOST_OPERATIONS = 4_000
DAYS = {"weekdays": sp.Rational(5, 7), "weekends": sp.Rational(2, 7)}


def r0_formula(model: m.Model, condition: m.Condition) -> sp.Expr:
    """R0 in parameters, table entries and group sizes ``N_group``. Raises ``NoFormula`` where it does not close."""
    model = as_random_contacts(model)
    together = coupled(model, condition)
    if any(n.layout != "random" for c in together for n in model.networks_of(c.name)):
        raise NoFormula("contacts are not at random, so no formula says whom one meets again")
    types = [(c, g) for c in together for g in groups_of(model, c)]
    sources = {c.name: _sources(model, c, together) for c in together}
    times = [times_in_states(model, c, g, sources[c.name]) for c, g in types]
    rows = [[_made(model, *a, *b, t) for b, t in zip(types, times, strict=True)] for a in types]
    return spectral_radius(sp.Matrix(rows))


def _sources(model: m.Model, source: m.Condition, together: tuple[m.Condition, ...]) -> set[int]:
    """The states of a condition from which something is caught."""
    contagions = [c for c in (model.contagion_of(t.name) for t in together) if c is not None]
    spreads = [s for c in contagions for s in c.spreads if (s.of or c.condition) == source.name]
    gone = set(source.removed)
    return {state for s in spreads for state in s.states if state not in gone and not _is_away(source, state, s)}


def _is_away(condition: m.Condition, state: int, spread: m.Spread) -> bool:
    return any(state in w.states and spread.network in w.networks for w in condition.whiles)


def spectral_radius(matrix: sp.Matrix) -> sp.Expr:
    """The largest eigenvalue: the trace where the rank is one, a square root where it is two."""
    if sum(int(sp.count_ops(e)) for e in matrix) > MOST_OPERATIONS:
        raise NoFormula("it would have too many operations")
    trace, rank = sp.sympify(matrix.trace()), _rank(matrix)
    if rank <= 1:
        return short(trace)
    if rank == 2:
        # All other eigenvalues are 0: λ² − trace·λ + (trace² − trace of the square) / 2 = 0.
        half, square = trace / 2, sp.sympify((matrix * matrix).trace())
        under = square / 2 - half**2
        return short(half + sp.sqrt(sp.factor(under) if sp.count_ops(under) <= LONGEST else under))
    raise NoFormula(f"the largest eigenvalue of {matrix.rows} groups has no short formula")


def _rank(matrix: sp.Matrix) -> int:
    """The largest rank at a few points in general position, in floats: exact powers there may not end."""
    symbols = sorted(matrix.free_symbols, key=str)
    computed = sp.lambdify(symbols, matrix, "numpy")
    random, ranks = np.random.default_rng(1), []
    for _ in range(3):
        with np.errstate(all="ignore"):
            at = np.array(computed(*random.uniform(0.3, 1.0, len(symbols))), np.float64)
        if np.all(np.isfinite(at)):
            ranks.append(int(np.linalg.matrix_rank(at, tol=1e-10 * np.abs(at).max(initial=0.0))))
    return max(ranks, default=matrix.rows)


def _made(
    model: m.Model, condition: m.Condition, to: Group, source: m.Condition, by: Group, times: dict[int, sp.Expr]
) -> sp.Expr:  # fmt: skip
    """Infections with ``condition`` among group ``to`` by one of group ``by``, so long in each state of ``source``."""
    contagion = model.contagion_of(condition.name)
    total = sp.Integer(0)
    for spread in contagion.spreads if contagion is not None else ():
        if (spread.of or condition.name) != source.name:
            continue
        assert contagion is not None
        network = model.network(spread.network)
        for state in spread.states:
            one = infectivity(model, contagion, source, network, spread, by, state) * times.get(state, sp.Integer(0))
            share = _meets(model, network, condition, to, source, by) * DAYS.get(network.days, sp.Integer(1))
            total += one * share * scaled(model, contagion, condition, network, "target", to, condition.start.state)
    return total


def _meets(
    model: m.Model, network: m.Network, condition: m.Condition, to: Group, source: m.Condition, by: Group
) -> sp.Expr:
    """Share of the contacts of one of group ``by`` that are with group ``to``; with a mixing table, contacts a day."""
    met = condition if network.met == condition.of else source
    everyone = groups_of(model, met)
    if network.mixing is None:
        return size(model, condition, to) / sum((size(model, met, g) for g in everyone), sp.Integer(0))
    name = model.table(network.mixing).key_attributes[0]
    contacts = entry(model, network.mixing, [sp.Integer(to.codes[name]), sp.Integer(by.codes[name])])
    alike = (g for g in everyone if g.codes[name] == by.codes[name])
    return contacts * size(model, condition, to) / sum((size(model, met, g) for g in alike), sp.Integer(0))


def times_in_states(
    model: m.Model, condition: m.Condition, group: Group, sources: set[int]
) -> dict[int, sp.Expr]:  # fmt: skip
    """The expected days in each state on the way to ``sources``, from infection until one is susceptible again.

    Raises ``NoFormula`` where it does not close, and where somebody in a source would never leave it.
    """
    end, caught = susceptible(condition), catches(condition)
    ways, kept = on_the_way(condition, sources)
    parts = parts_of(kept, ways)
    if max((len(part) for part in parts), default=0) > MOST_TOGETHER or len(kept) > MOST_STATES:
        raise NoFormula(f"{len(kept)} states lie on the way")
    visits: dict[int, sp.Expr] = dict.fromkeys(kept, sp.Integer(0))
    for to, share in _shares(model, condition, group, caught):
        if to in visits and to != end:
            visits[to] += share
    dwell: dict[int, sp.Expr] = {}
    for part in parts:
        leads: list[tuple[int, int, sp.Expr]] = []
        for s in part:
            dwell[s], out = _leaves(model, condition, group, s)
            leads += [(s, to, share) for to, share in out if to in visits]
        _among(part, visits, [w for w in leads if w[1] in part])
        for s, to, share in leads:
            if to not in part:
                visits[to] += visits[s] * share
    return {s: visits[s] * dwell[s] for s in kept}


def _among(part: tuple[int, ...], visits: dict[int, sp.Expr], ways: list[tuple[int, int, sp.Expr]]) -> None:
    """From how often each state of a part is entered from outside to how often in all."""
    if not ways:
        return
    system = sp.eye(len(part))
    for s, to, share in ways:
        k, j = part.index(s), part.index(to)
        system[k, j] = sp.sympify(system[k, j]) - share
    if _rank(sp.Matrix(system)) < len(part):
        raise NoFormula("who is infectious stays so without end")
    entries = sp.Matrix([[visits[s] for s in part]])
    for s, total in zip(part, entries * system.inv(), strict=True):
        visits[s] = sp.sympify(total)


def _leaves(model: m.Model, condition: m.Condition, group: Group, state: int):
    """The mean time in a state and where it leads: rates λ in all beside one time X give (1 − E e^(−λX)) / λ."""
    exits = [e for e in condition.exits_of(state) if not isinstance(e.trigger, m.ByContagion)]
    name, inside = condition.states[state], {condition.name: state}
    if not exits:
        raise NoFormula(f"nobody leaves `{name}`, and those in it are infectious")
    rates, timed = {}, None
    for exit_ in exits:
        match exit_.trigger:
            case m.AtRate():
                rates[exit_.index] = formula(exit_.trigger.rate, model, group, inside)
            case m.After() if is_memoryless(exit_.trigger.dwell.family):
                rates[exit_.index] = 1 / mean_dwell(model, condition, exit_, group)
            case m.After() if timed is None:
                timed = exit_
            case _:
                raise NoFormula(f"`{name}` is left in ways that have no common formula")
    total = sum(rates.values(), sp.Integer(0))
    if timed is None and total == 0:
        raise NoFormula(f"some never leave `{name}`, and those in it are infectious")
    if timed is None:
        mean, by_time = 1 / total, sp.Integer(0)
    elif total == 0:
        mean, by_time = mean_dwell(model, condition, timed, group), sp.Integer(1)
    else:
        by_time = _discounted(model, condition, timed, group, total)
        mean = (1 - by_time) / total
    chances = {e.index: rates[e.index] * mean if e.index in rates else by_time for e in exits}
    leads = [(to, share * chances[e.index]) for e in exits for to, share in _shares(model, condition, group, e)]
    return mean, leads


def _discounted(model: m.Model, condition: m.Condition, exit_: m.Exit, group: Group, rate: sp.Expr) -> sp.Expr:
    """E e^(−rate·X) of the time of an exit."""
    assert isinstance(exit_.trigger, m.After)
    dwell, inside = exit_.trigger.dwell, {condition.name: exit_.state}
    a = {n: formula(e, model, group, inside) for n, e in dwell.arguments}
    row = DISTRIBUTIONS[dwell.family].numbers
    if row is None or row.formulas.discounted is None:
        raise NoFormula(f"`{condition.states[exit_.state]}` is left in ways that have no common formula")
    return row.formulas.discounted(sp, rate, a)


def _shares(model: m.Model, condition: m.Condition, group: Group, exit_: m.Exit) -> list[tuple[int, sp.Expr]]:
    rest, found = sp.Integer(1), []
    for branch in exit_.branches:
        inside = {condition.name: exit_.state}
        share = rest if branch.probability is None else formula(branch.probability, model, group, inside)
        found.append((branch.to, share))
        rest -= share
    return found

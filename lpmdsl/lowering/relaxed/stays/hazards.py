"""Hazards of the relaxed program's exits over a step, and the part of a step that one who comes within it stays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lpmdsl.lowering.relaxed.chances import ONE, ZERO, Chances, Layout, minus, plus, times
from lpmdsl.lowering.relaxed.phase_type import ENTRY, LEAVES, REST
from lpmdsl.program.ir import KExpr, Load
from lpmdsl.program.nodes import integer, number, op, real, test
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.quantile_tables import plan, radix

SMALL = 0.1
SERIES = tuple((-1) ** k / math.factorial(k + 2) for k in range(9))
"""Of ψ up to hazards of ``SMALL``, where its closed form cancels digits; what is left out is below 10⁻¹⁶."""


def hazards_of(
    here: Chances, layout: Layout, state: int, forces: Mapping[int, KExpr]
) -> list[tuple[m.Exit, KExpr]]:  # fmt: skip
    """The exits of a state that have a hazard, with it; ``forces``: by state, that of the exit by contagion."""
    found: list[tuple[m.Exit, KExpr]] = []
    for exit_ in layout.condition.exits_of(state):
        match exit_.trigger:
            case m.ByContagion() if state in forces:
                found.append((exit_, forces[state]))
            case m.AtRate(rate):
                mean = here.of(rate, {layout.condition.name: state}, "rate")
                step = number(here.model.clock.step)
                found.append((exit_, here.let("hazard", real("max", times(mean, step), ZERO))))
            case m.After() if layout.dwell[state][1].is_hazard:
                found.append((exit_, here.let("hazard", numbers(here, layout, state, REST))))
            case _:
                pass
    return found


def numbers(here: Chances, layout: Layout, state: int, column: int) -> KExpr:
    """A number of the dwell time of a state, in the row of the agent's group."""
    buffer, shape, law = layout.dwell[state]
    leaves = plan(law)
    if not leaves:
        return Load(buffer, (integer(column),), "f64")
    row = here.scope.mixed_radix(leaves, [radix(leaf) for leaf in leaves])
    at = here.let("row", op("mul", row, integer(shape.columns)))
    return Load(buffer, (op("add", at, integer(column)),), "f64")


@dataclass(frozen=True, slots=True)
class Course:
    """Sums of the hazards of a step, and what they do: see ``course_of``.

    ``leaves``: 1 − e⁻ʰ, of those there as the step begins. ``half``: ψ(h) = (h − 1 + e⁻ʰ) / h², ½ at h = 0: the part of
    a step that one who comes at a uniform time of it stays. ``stays``: 1 − h ψ: the part that those there as it begins
    stay, in the mean, and the share of those who come that is still there at its end.
    """

    total: KExpr
    leaves: KExpr
    half: KExpr
    stays: KExpr


def course_of(here: Chances, layout: Layout, state: int, hazards: list[tuple[m.Exit, KExpr]]) -> Course:
    """The course of the hazards of a state's exits; the numbers of an exponential law alone are made by the host."""
    if not hazards:
        return Course(ZERO, ZERO, number(0.5), ONE)
    total = here.let("total_hazard", plus(*(h for _, h in hazards)))
    if len(hazards) == 1 and isinstance(hazards[0][0].trigger, m.After):
        leaves, stays, half = (here.let("of_law", numbers(here, layout, state, c)) for c in (LEAVES, ENTRY, ENTRY + 1))
        return Course(total, leaves, half, stays)
    leaves = here.let("leaves", minus(ONE, real("exp", real("neg", total))))
    small, large = real("min", total, number(SMALL)), here.let("large", real("max", total, number(SMALL)))
    series: KExpr = number(SERIES[-1])
    small = here.let("small", small)
    for term in reversed(SERIES[:-1]):
        series = real("add", number(term), real("mul", small, series))
    exact = real("div", minus(total, leaves), times(large, large))
    half = here.let("half_left", op("select", test("gt", total, number(SMALL)), exact, series, dtype="f64"))
    return Course(total, leaves, half, here.let("stays", minus(ONE, times(total, half))))

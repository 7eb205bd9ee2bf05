"""Exits with a chance a period of the relaxed program: what leaves by them, and for how much of a step one is there."""

from __future__ import annotations

from lpmdsl.lowering.relaxed.chances import ONE, ZERO, minus, plus, times
from lpmdsl.lowering.relaxed.flows import Moves, send
from lpmdsl.lowering.relaxed.phase_type import LEAVES, REST
from lpmdsl.lowering.relaxed.rounds import steps_of, tried
from lpmdsl.lowering.relaxed.stays.hazards import Course, numbers
from lpmdsl.program.ir import KExpr
from lpmdsl.program.nodes import number, real
from lpmdsl.semantics import model as m


def fails_once(moves: Moves, exit_: m.Exit, trigger: m.Chance) -> KExpr:
    """The chance that a try fails, held to at least 2⁻⁶⁰."""
    here = moves.here
    once = here.let("once", here.of(trigger.probability, {moves.condition.name: exit_.state}, "chance"))
    return here.let("fails", real("max", minus(ONE, once), number(2.0**-60)))


def _fails(moves: Moves, state: int) -> list[tuple[m.Exit, KExpr]]:
    """Exits with tries, and the chance not to leave by each in a step in which one may try."""
    round_, step = moves.layout.rounds.get(state), moves.here.model.clock.step
    found: list[tuple[m.Exit, KExpr]] = []
    for exit_, trigger in tried(moves.condition.exits_of(state)):
        fails, period = fails_once(moves, exit_, trigger), steps_of(trigger, step)
        if round_ is None or round_.stages < period:
            fails = minus(ONE, times(number(1 / period), minus(ONE, fails)))
        found.append((exit_, moves.here.let("stays", fails)))
    return found


def cover_while_leaving(moves: Moves, state: int, course: Course) -> None:
    """The whole step for who stays; in the mean over those who leave, less."""
    here, layout = moves.here, moves.layout
    first, count = layout.first[state], layout.counts[state]
    there = plus(*moves.stay[first : first + count])
    if layout.chain(state) is not None:
        leaves, rest = (numbers(here, layout, state, c) for c in (LEAVES, REST))
        there = minus(there, times(moves.stay[first + count - 1], leaves, rest))
    fails = _fails(moves, state)
    if fails:  # who leaves by a try misses half of the step
        trying = there if layout.chain(state) is not None else moves.stay[first + count - 1]
        there = minus(there, times(number(0.5), trying, minus(ONE, times(ONE, *(q for _, q in fails)))))
    moves.cover(state, here.let("covered", times(there, course.stays)))


def by_tries(moves: Moves, state: int, left: dict[int, KExpr]) -> None:
    """Take what leaves by tries from what is ``left`` in each column; who is on the way to a try goes on by a step."""
    here, round_ = moves.here, moves.layout.rounds.get(state)
    trying = dict(left) if round_ is None else {c: left[c] for c in list(left)[-1:]}
    for exit_, stays in _fails(moves, state):
        gone: list[KExpr] = []
        for column, value in trying.items():
            gone.append(here.let("gone", times(value, minus(ONE, stays))))
            trying[column] = here.let("left", minus(value, gone[-1]))
        send(moves, exit_, plus(*gone), "within", exit_.site)
    if round_ is None:
        left.update(trying)
        return
    columns = list(left)
    before = [left[c] for c in columns[:-1]]
    left.update(zip(columns, [ZERO, *before], strict=True))
    (failed,) = trying.values()
    entry = columns[round_.entry]
    left[entry] = here.let("left", plus(left[entry], failed))

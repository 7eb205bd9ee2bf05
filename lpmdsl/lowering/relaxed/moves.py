"""Moves of the relaxed program: what leaves each state in a step, and where in the next states it arrives.

Chance flows as people do, at real time: what enters a state within a step may leave it in the same step.
"""

from __future__ import annotations

from collections.abc import Collection

from lpmdsl.lowering.builder import is_dotted
from lpmdsl.lowering.dense.tries import tries
from lpmdsl.lowering.relaxed.chances import ONE, ZERO, Chances, Layout, minus, plus, times
from lpmdsl.lowering.relaxed.flows import Moves, send
from lpmdsl.lowering.relaxed.phase_type import ENTRY, LEAVES, REST, Shape
from lpmdsl.lowering.relaxed.stays.hazards import Course, course_of, hazards_of, numbers
from lpmdsl.lowering.relaxed.stays.tries import by_tries, cover_while_leaving, fails_once
from lpmdsl.program.ir import KExpr, Store
from lpmdsl.program.nodes import AGENT, integer, number, op, real
from lpmdsl.semantics import model as m

ROUNDS = 3
"""Rounds of chance in a step through a circle of states; what is left then arrives at the end of the step."""


def moves_of(here: Chances, condition: m.Condition) -> dict[int, KExpr]:
    """The moves of a condition without contagion, its chances stored; by state, the chance of entering it."""
    layout = here.relaxing.layouts[condition.name]
    stages = [here.stage(condition.name, c) for c in range(layout.columns)]
    moves = Moves(here, layout, list(stages))
    for state in range(len(condition.states)):
        leave(moves, state)
    arrive(moves)
    for column, value in enumerate(moves.stay):
        if value is not stages[column] or here.relaxing.current(layout.buffer) != layout.buffer:
            here.body.append(Store(layout.buffer, (AGENT, integer(column)), value, condition.span))
    return moves.all_entered()


def arrive(moves: Moves) -> None:
    """Let what has left arrive, and leave again; what comes to a state that is held stays in ``within``/``at_end``."""
    states = [s for s in _order(moves.condition) if s not in moves.held]
    for _ in range(ROUNDS):
        for state in states:
            _arrive_within(moves, state)
    for state in states:
        _arrive_at_end(moves, state)


def _order(condition: m.Condition) -> list[int]:
    """The states, each before those that it leads to wherever there is no circle."""
    done: list[int] = []
    seen: set[int] = set()

    def visit(state: int) -> None:
        if state in seen:
            return
        seen.add(state)
        for exit_ in condition.exits_of(state):
            for branch in exit_.branches:
                visit(branch.to)
        done.append(state)

    for state in range(len(condition.states)):
        visit(state)
    return done[::-1]


# ------------------------------------------------------------------ what leaves


def leave(moves: Moves, state: int) -> None:
    """Moves from the state as the step began: hazards first, then the dwell time, then chances at the end."""
    layout = moves.layout
    exits = moves.condition.exits_of(state)
    columns = range(layout.first[state], layout.first[state] + layout.counts[state])
    left = {c: moves.stay[c] for c in columns}
    hazards = hazards_of(moves.here, layout, state, moves.forces)
    course = course_of(moves.here, layout, state, hazards)
    if state in moves.sources:
        cover_while_leaving(moves, state, course)
    if hazards:
        by_hazard(moves, hazards, course, left)
    for exit_ in exits:
        if isinstance(exit_.trigger, m.After) and layout.chain(state) is not None:
            _by_dwell(moves, state, exit_, left)
    by_tries(moves, state, left)
    for exit_ in exits:
        chance = _at_end(moves, exit_, {moves.condition.name: state})
        if chance is not None:
            _by_chance(moves, state, exit_, chance, left)
    for column, value in left.items():
        moves.stay[column] = value


def by_hazard(
    moves: Moves, hazards: list[tuple[m.Exit, KExpr]], course: Course, left: dict[int, KExpr], again: bool = False
) -> None:  # fmt: skip
    """Take what leaves from what is left, divided in proportion to the hazards. ``again``: by a second look."""
    here = moves.here
    gone: list[KExpr] = []
    for column, value in left.items():
        gone.append(here.let("gone", times(value, course.leaves)))
        left[column] = here.let("left", minus(value, gone[-1]))
    amount = plus(*gone)
    for exit_, hazard in hazards:
        share = ONE if len(hazards) == 1 else real("div", hazard, real("max", course.total, number(1e-300)))
        send(moves, exit_, times(amount, share), "within", f"{exit_.site}.again" if again else exit_.site)


def _by_dwell(moves: Moves, state: int, exit_: m.Exit, left: dict[int, KExpr]) -> None:
    """Down the chain by one stage at most."""
    here = moves.here
    leaves = here.let("leaves", numbers(here, moves.layout, state, LEAVES))
    coming: KExpr = ZERO
    for column in left:
        gone = here.let("gone", times(left[column], leaves))
        left[column] = here.let("left", plus(minus(left[column], gone), coming))
        coming = gone
    send(moves, exit_, coming, "within", exit_.site)


def _at_end(moves: Moves, exit_: m.Exit, given: dict[str, int]) -> KExpr | None:
    """The chance of an exit at the end of the step, None for one that comes earlier."""
    here = moves.here
    match exit_.trigger:
        case m.Chance(months=months) if months:
            many = op("to_f64", tries(here.scope, exit_.trigger), dtype="f64")
            return minus(ONE, real("exp", times(many, real("log", fails_once(moves, exit_, exit_.trigger)))))
        case m.When(test_):
            return here.of(test_, given)
        case _:
            return None


def _by_chance(moves: Moves, state: int, exit_: m.Exit, chance: KExpr, left: dict[int, KExpr]) -> None:
    here = moves.here
    chance = here.let("chance", chance)
    gone: list[KExpr] = []
    for column, value in left.items():
        gone.append(here.let("gone", times(value, chance)))
        left[column] = here.let("left", minus(value, gone[-1]))
    send(moves, exit_, plus(*gone), "at_end", exit_.site)


# ------------------------------------------------------------------ what arrives


def _arrive_within(moves: Moves, state: int) -> None:
    """Moves of what came within the step: some of it leaves again at once, the rest stays."""
    parts = moves.within.pop(state, [])
    if not parts:
        return
    here = moves.here
    came = here.let("arrives", plus(*parts))
    hazards = hazards_of(here, moves.layout, state, moves.forces)
    course = course_of(here, moves.layout, state, hazards)
    amount = _at_once_by_hazard(moves, hazards, course, came) if hazards else came
    shape = moves.layout.chain(state)
    if shape is not None:
        _enter_chain(moves, state, shape, amount, times(came, course.half))
        return
    moves.cover(state, times(came, course.half))
    moves.add(state, moves.layout.rounds[state].entry if state in moves.layout.rounds else 0, amount)


def _enter_chain(moves: Moves, state: int, shape: Shape, amount: KExpr, half: KExpr) -> None:
    """Spread what came within the step over the stages. ``half``: the part covered if half a step were missed."""
    here = moves.here
    shares = [here.let("share", numbers(here, moves.layout, state, ENTRY + j)) for j in range(shape.stages)]
    stays: list[KExpr] = []
    for stage, share in enumerate(shares):
        stays.append(here.let("enters", times(amount, share)))
        moves.add(state, stage, stays[-1])
    if state in moves.sources:
        twice = times(number(2.0), numbers(here, moves.layout, state, REST))
        moves.cover(state, times(half, twice, plus(*shares)))
    if shape.passes:
        (exit_,) = (e for e in moves.condition.exits_of(state) if isinstance(e.trigger, m.After))
        send(moves, exit_, minus(amount, plus(*stays)), "within")


def _at_once_by_hazard(
    moves: Moves, hazards: list[tuple[m.Exit, KExpr]], course: Course, amount: KExpr
) -> KExpr:  # fmt: skip
    """Those who came at a uniform time feel hazards for what is left of the step; returns who stays."""
    here = moves.here
    left = here.let("left", times(amount, course.stays))
    gone = here.let("gone", minus(amount, left))
    for exit_, hazard in hazards:
        part = ONE if len(hazards) == 1 else real("div", hazard, real("max", course.total, number(1e-300)))
        send(moves, exit_, times(gone, part), "within")
    return left


def _arrive_at_end(moves: Moves, state: int) -> None:
    """Begin the dwell time of what came at the boundary, and of what has gone round in the step often enough."""
    parts = [*moves.within.pop(state, []), *moves.at_end.pop(state, [])]
    if parts:
        amount = moves.here.let("arrives_at_end", plus(*parts))
        enter_at_boundary(moves.here, moves.layout, state, amount, moves.add)


def enter_at_boundary(here: Chances, layout: Layout, state: int, amount: KExpr, add) -> None:
    """Chance that enters a state at a boundary, spread over its stages."""
    shape, round_ = layout.chain(state), layout.rounds.get(state)
    if round_ is not None and round_.waits:
        half = here.let("half", times(amount, number(0.5)))
        add(state, 0, half)
        add(state, round_.entry, half)
        return
    if shape is None:
        add(state, 0, amount)
        return
    stages = shape.stages
    for stage in range(stages):
        add(state, stage, times(amount, numbers(here, layout, state, ENTRY + stages + stage)))


def site_name(moved: Collection[str], site: str) -> str:
    """A buffer's name for the marginal values of a site: with a number, where the site has signs of labels."""
    plain = is_dotted(site) and [s.replace(".", "_") for s in moved].count(site.replace(".", "_")) == 1
    return "worth_" + (site.replace(".", "_") if plain else f"place_{list(moved).index(site)}")

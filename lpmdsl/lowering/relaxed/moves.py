"""Moves of the relaxed program: what leaves each state in a step, and where in the next states it arrives.

Chance flows as people do, at real time: what enters a state within a step may leave it in the same step.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from lpmdsl.lowering.builder import is_dotted, state_name
from lpmdsl.lowering.dense.conditions import tries
from lpmdsl.lowering.relaxed.chances import ONE, ZERO, Chances, Layout, minus, plus, times
from lpmdsl.lowering.relaxed.contagion import force_on
from lpmdsl.lowering.relaxed.phase_type import Shape
from lpmdsl.program.ir import KExpr, Let, Load, Store, Var
from lpmdsl.program.nodes import AGENT, integer, number, op, real, test
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.quantile_tables import plan, radix

ROUNDS = 3
"""Rounds of chance in a step through a circle of states; what is left then waits for the next step."""


@dataclass(slots=True)
class Moves:
    """One condition in one step. ``stay[column]``: what is in each stage afterwards.

    ``within`` and ``at_end``: by state, what arrives at some time within the step, and at its end.
    ``entered``: by state, all that has arrived.
    """

    here: Chances
    layout: Layout
    stay: list[KExpr]
    within: dict[int, list[KExpr]] = field(default_factory=dict)
    at_end: dict[int, list[KExpr]] = field(default_factory=dict)
    entered: dict[int, list[KExpr]] = field(default_factory=dict)

    @property
    def condition(self) -> m.Condition:
        """The condition whose chances move."""
        return self.layout.condition

    def add(self, state: int, stage: int, amount: KExpr) -> None:
        """Add a chance to a stage of a state, which holds at the end of the step."""
        column = self.layout.first[state] + stage
        self.stay[column] = plus(self.stay[column], amount)


def moves_of(here: Chances, condition: m.Condition) -> dict[int, KExpr]:
    """The moves of a condition, its chances stored; by state, the chance of entering it in this step."""
    layout = here.relaxing.layouts[condition.name]
    stages = [here.stage(condition.name, c) for c in range(layout.columns)]
    moves = Moves(here, layout, list(stages))
    for state in range(len(condition.states)):
        _leave(moves, state)
    for _ in range(ROUNDS):
        for state in _order(condition):
            _arrive_within(moves, state, last=False)
    for state in _order(condition):
        _arrive_within(moves, state, last=True)
        _arrive_at_end(moves, state)
    for column, value in enumerate(moves.stay):
        if value is not stages[column] or here.relaxing.current(layout.buffer) != layout.buffer:
            here.body.append(Store(layout.buffer, (AGENT, integer(column)), value, condition.span))
    return {s: here.let(f"entered_{state_name(condition, s)}", plus(*parts)) for s, parts in moves.entered.items()}


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


def _leave(moves: Moves, state: int) -> None:
    """Moves from the state as the step began: hazards first, then the dwell time, then chances at the end."""
    layout = moves.layout
    exits = moves.condition.exits_of(state)
    if not exits:
        return
    columns = range(layout.first[state], layout.first[state] + layout.counts[state])
    given = {moves.condition.name: state}
    hazards = [(e, h) for e in exits if (h := _hazard(moves, e, given)) is not None]
    left = {c: moves.stay[c] for c in columns}
    if hazards:
        _by_hazard(moves, state, hazards, left)
    for exit_ in exits:
        if isinstance(exit_.trigger, m.After):
            _by_dwell(moves, state, exit_, left)
    for exit_ in exits:
        chance = _at_end(moves, exit_, given)
        if chance is not None:
            _by_chance(moves, state, exit_, chance, left)
    for column, value in left.items():
        moves.stay[column] = value


def _hazard(moves: Moves, exit_: m.Exit, given: dict[str, int]) -> KExpr | None:
    """The hazard of an exit over the step, None for one that has none."""
    here = moves.here
    match exit_.trigger:
        case m.ByContagion():
            contagion = here.model.contagion_of(moves.condition.name)
            return None if contagion is None else here.let("force", force_on(here, contagion, exit_.state))
        case m.AtRate(rate):
            mean = here.of(rate, given, "rate")
            return here.let("hazard", real("max", times(mean, number(here.model.clock.step)), ZERO))
        case _:
            return None


def _by_hazard(moves: Moves, state: int, hazards: list[tuple[m.Exit, KExpr]], left: dict[int, KExpr]) -> None:
    here = moves.here
    total = here.let("total_hazard", plus(*(h for _, h in hazards)))
    leaves = here.let("leaves", minus(ONE, real("exp", real("neg", total))))
    gone: list[KExpr] = []
    for column, value in left.items():
        gone.append(here.let("gone", times(value, leaves)))
        left[column] = here.let("left", minus(value, gone[-1]))
    amount = plus(*gone)
    for exit_, hazard in hazards:
        share = ONE if len(hazards) == 1 else real("div", hazard, real("max", total, number(1e-300)))
        _send(moves, exit_, times(amount, share), "within", event=True)


def _by_dwell(moves: Moves, state: int, exit_: m.Exit, left: dict[int, KExpr]) -> None:
    """Down the chain by one stage at most."""
    here, (buffer, shape, law) = moves.here, moves.layout.dwell[state]
    leaves = here.let("leaves", numbers(here, buffer, shape, law, 0))
    coming: KExpr = ZERO
    for column in left:
        gone = here.let("gone", times(left[column], leaves))
        left[column] = here.let("left", plus(minus(left[column], gone), coming))
        coming = gone
    _send(moves, exit_, coming, "within", event=True)


def numbers(here: Chances, buffer: str, shape: Shape, law: m.Distribution, column: int) -> KExpr:
    """A number of a chain of stages, in the row of the agent's group."""
    leaves = plan(law)
    if not leaves:
        return Load(buffer, (integer(column),), "f64")
    row = here.scope.mixed_radix(leaves, [radix(leaf) for leaf in leaves])
    at = here.let("row", op("mul", row, integer(shape.columns)))
    return Load(buffer, (op("add", at, integer(column)),), "f64")


def _at_end(moves: Moves, exit_: m.Exit, given: dict[str, int]) -> KExpr | None:
    """The chance of an exit at the end of the step, None for one that comes earlier."""
    here = moves.here
    match exit_.trigger:
        case m.Chance(probability):
            once = here.let("once", here.of(probability, given, "chance"))
            fails = real("max", minus(ONE, once), number(2.0**-60))
            many = op("to_f64", tries(here.scope, exit_.trigger), dtype="f64")
            return minus(ONE, real("exp", times(many, real("log", fails))))
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
    _send(moves, exit_, plus(*gone), "at_end", event=True)


# ------------------------------------------------------------------ what arrives


def _send(moves: Moves, exit_: m.Exit, amount: KExpr, when: str, event: bool = False) -> None:
    """Divides what leaves through an exit among its branches."""
    here = moves.here
    arrives = moves.within if when == "within" else moves.at_end
    moved = here.let("moved", amount, exit_.site)
    if event and isinstance(moved, Var):
        here.relaxing.moved[exit_.site] = (moved.name,)
    rest: KExpr = ONE
    flows: list[str] = []
    for branch in exit_.branches:
        share = rest
        if branch.probability is not None:
            share = here.of(branch.probability, {moves.condition.name: exit_.state}, "branch")
            rest = minus(rest, share)
        # A local of its own, so that the adjoint of the branch can be kept.
        flow = Var(here.scope.fresh("flow"), "f64")
        here.body.append(Let(flow.name, times(moved, share)))
        flows.append(flow.name)
        arrives.setdefault(branch.to, []).append(flow)
        moves.entered.setdefault(branch.to, []).append(flow)
    if event and len(flows) > 1:
        here.relaxing.moved[f"{exit_.site}.branch"] = tuple(flows)


def _arrive_within(moves: Moves, state: int, last: bool) -> None:
    """Moves of what came within the step: some of it leaves again at once, the rest stays."""
    parts = moves.within.pop(state, [])
    if not parts:
        return
    here = moves.here
    amount = here.let("arrives", plus(*parts))
    if not last:
        amount = _at_once_by_rate(moves, state, amount)
    if state not in moves.layout.dwell:
        moves.add(state, 0, amount)
        return
    buffer, shape, law = moves.layout.dwell[state]
    stays: list[KExpr] = []
    for stage in range(shape.stages):
        stays.append(here.let("enters", times(amount, numbers(here, buffer, shape, law, 1 + stage))))
        moves.add(state, stage, stays[-1])
    passes = minus(amount, plus(*stays))
    if last:
        moves.add(state, shape.stages - 1, passes)
        return
    (exit_,) = (e for e in moves.condition.exits_of(state) if isinstance(e.trigger, m.After))
    _send(moves, exit_, passes, "within")


def _at_once_by_rate(moves: Moves, state: int, amount: KExpr) -> KExpr:
    """Those who came at a uniform time feel a rate for what is left of the step: 1 − (1 − e⁻ʰ) / h leave."""
    here, given = moves.here, {moves.condition.name: state}
    rated = [e for e in moves.condition.exits_of(state) if isinstance(e.trigger, m.AtRate)]
    hazards = [(e, h) for e in rated if (h := _hazard(moves, e, given)) is not None]
    if not hazards:
        return amount
    total = here.let("total_hazard", plus(*(h for _, h in hazards)))
    safe = here.let("safe", real("max", total, number(1e-4)))
    exact = minus(ONE, real("div", minus(ONE, real("exp", real("neg", safe))), safe))
    series = times(total, minus(number(0.5), times(total, number(1 / 6))))
    share = here.let("at_once", op("select", test("gt", total, number(1e-4)), exact, series, dtype="f64"))
    gone = here.let("gone", times(amount, share))
    for exit_, hazard in hazards:
        part = ONE if len(hazards) == 1 else real("div", hazard, real("max", total, number(1e-300)))
        _send(moves, exit_, times(gone, part), "within")
    return here.let("left", minus(amount, gone))


def _arrive_at_end(moves: Moves, state: int) -> None:
    """Begin the dwell time of what came at the boundary."""
    parts = moves.at_end.pop(state, [])
    if parts:
        amount = moves.here.let("arrives_at_end", plus(*parts))
        enter_at_boundary(moves.here, moves.layout, state, amount, moves.add)


def enter_at_boundary(here: Chances, layout: Layout, state: int, amount: KExpr, add) -> None:
    """Chance that enters a state at a boundary, spread over its stages."""
    if state not in layout.dwell:
        add(state, 0, amount)
        return
    buffer, shape, law = layout.dwell[state]
    for stage in range(shape.stages):
        add(state, stage, times(amount, numbers(here, buffer, shape, law, 1 + shape.stages + stage)))


def site_name(moved: Collection[str], site: str) -> str:
    """A buffer's name for the marginal values of a site: with a number, where the site has signs of labels."""
    plain = is_dotted(site) and [s.replace(".", "_") for s in moved].count(site.replace(".", "_")) == 1
    return "worth_" + (site.replace(".", "_") if plain else f"place_{list(moved).index(site)}")

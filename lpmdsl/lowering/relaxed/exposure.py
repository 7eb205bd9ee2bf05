"""Contagion of the relaxed program: a source counts for the mean part of the step for which it is one.

A step of a condition with contagion: the moves that hang on nobody else, in all states that have no exit by contagion
(``weigh``); the force of those who are sources meanwhile; infections by it, and what follows from them within the step
(``infect``). What the infected weigh in the step of their infection is made up. Where they can be sources soon
(``second_look``) it is felt in the same step by who is still susceptible (``again``). What is then still owed, or all
of it, is felt in the next step, with the rates, ties and presence of the step in which it was missed (``owe``).

So everybody weighs, in all, for as long as it is a source, on any step. Weights come in three parts, whose buffers are
told apart by a suffix: of the sources (""), and what is felt by a second look (``LATE``) and in the next step
(``OWED``). On a network on which all steps are alike what is owed is simply added to the weights of the next step.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpmdsl.lowering.dense.contagion.buffers import networks_of
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.relaxed.chances import ZERO, Chances, Layout, Relaxing, minus, plus, simple, times
from lpmdsl.lowering.relaxed.moves import Moves, arrive, by_hazard, enter_at_boundary, leave
from lpmdsl.lowering.relaxed.second_look import reached_within, sources_of, susceptible_of
from lpmdsl.lowering.relaxed.stays.hazards import course_of
from lpmdsl.lowering.relaxed.sums import force_on, sum_items
from lpmdsl.lowering.relaxed.weights import lasts, missed_name, presence, weigh, weight_name
from lpmdsl.program.ir import Kernel, KExpr, Launch, Load, ScheduleItem, Store
from lpmdsl.program.nodes import AGENT, integer, number, real
from lpmdsl.semantics import model as m

LATE, OWED = "_late", "_owed"


@dataclass(slots=True)
class _Step:
    """The step of one condition. ``phases``: the names of its parts so far, and what each has left to the last."""

    relaxing: Relaxing
    contagion: m.Contagion
    layout: Layout
    looks_again: bool
    phases: list[str]

    @property
    def condition(self) -> m.Condition:
        return self.layout.condition

    @property
    def susceptible(self) -> tuple[int, ...]:
        return susceptible_of(self.condition)

    @property
    def networks(self) -> list[m.Network]:
        return networks_of(self.relaxing.builder, self.contagion)

    @property
    def changing(self) -> list[m.Network]:
        """Networks on which it makes a difference in which step a weight is felt."""
        return [n for n in self.networks if not lasts(self.relaxing.builder, self.contagion, n)]

    @property
    def columns_at_risk(self) -> frozenset[int]:
        """Columns of the susceptible states, which only infections change."""
        first, counts = self.layout.first, self.layout.counts
        return frozenset(first[s] + k for s in self.susceptible for k in range(counts[s]))

    @property
    def owes(self) -> bool:
        """Return True if somebody can be a source in the step of the infection."""
        return reached_within(self.layout, self.contagion)

    def here(self, phase: str) -> Chances:
        """A kernel of a part of the step."""
        return Chances(self.relaxing, Scope(self.relaxing.builder, self.condition.of), self.kernel(phase))

    def kernel(self, phase: str) -> str:
        return f"{phase}_{self.condition.name}"

    def columns(self, phase: str) -> str:
        """Name of the buffer of chances after a part of the step."""
        return f"{self.condition.name}_after_{phase}"

    def came(self, state: int) -> str:
        """Name of the buffer of what came to a susceptible state within the step by moves that hang on nobody else."""
        return f"{self.condition.name}_came_{state}"

    def has_come(self, state: int) -> bool:
        return self.came(state) in self.relaxing.builder.buffers

    def place_of(self, state: int) -> KExpr:
        """Column of a susceptible state in a buffer that has one for each."""
        return integer(self.susceptible.index(state))


def contagion_items(relaxing: Relaxing, looked_again: frozenset[str]) -> list[ScheduleItem]:
    """The step of every condition with contagion, but for the last kernel, which ``settle`` is part of."""
    items: list[ScheduleItem] = []
    for contagion in relaxing.model.contagions:
        layout = relaxing.layouts[contagion.condition]
        step = _Step(relaxing, contagion, layout, contagion.condition in looked_again, [])
        items += [*_weigh(step), *sum_items(relaxing, contagion, "", step.networks), *_infect(step)]
        if step.owes and step.looks_again:
            items += [*sum_items(relaxing, contagion, LATE, step.networks), *_again(step)]
        if step.owes:
            items += [*sum_items(relaxing, contagion, OWED, step.changing), _owe(step)]
        relaxing.phases[contagion.condition] = tuple(step.phases)
    return items


# ------------------------------------------------------------------ parts of a step


def _weigh(step: _Step) -> list[ScheduleItem]:
    """Moves that hang on nobody else; what the agent weighs meanwhile; and whether it is present."""
    here = step.here("weigh")
    stay: list[KExpr] = [here.stage(step.condition.name, c) for c in range(step.layout.columns)]
    moves = Moves(here, step.layout, stay, held=frozenset(step.susceptible), sources=sources_of(step.contagion))
    for state in (s for s in range(len(step.condition.states)) if s not in step.susceptible):
        leave(moves, state)
    arrive(moves)
    for state in step.susceptible:
        amount = here.let("came", plus(*moves.within.pop(state, [])))
        if amount != ZERO:
            came = step.relaxing.scratch(step.came(state), (step.condition.of,), "what came within the step")
            here.body.append(Store(came, (AGENT,), amount, step.condition.span))
        moves.cover(state, plus(here.state(step.condition.name, state), times(number(0.5), amount)))
    items = weigh(here, step.contagion, moves.covered, "", step.networks, with_missed=step.owes)
    for network in step.networks:
        items += presence(here, network)
    return [_ended(step, moves, "weigh"), *items]


def _infect(step: _Step) -> list[ScheduleItem]:
    """Infections by the force of the step and what is owed from the last one, and what follows from them."""
    here = step.here("infect")
    name = step.condition.name
    stay: list[KExpr] = [
        here.stage(name, c) if c in step.columns_at_risk
        else here.let("before", Load(step.columns("weigh"), (AGENT, integer(c)), "f64"))
        for c in range(step.layout.columns)
    ]  # fmt: skip
    forces = {s: here.let("force", _felt_in(step, here, s)) for s in step.susceptible}
    moves = Moves(here, step.layout, stay, forces, sources=sources_of(step.contagion))
    for state in step.susceptible:
        came = here.let("came", Load(step.came(state), (AGENT,), "f64")) if step.has_come(state) else ZERO
        moves.within |= {state: [came]} if step.has_come(state) else {}
        if state in moves.sources:  # as it was weighed before it was known who would be infected
            half = times(number(0.5), came)
            moves.cover(state, simple(real("neg", plus(here.state(name, state), half))))
    for state in step.susceptible:
        leave(moves, state)
    return _after_infections(step, moves, "infect", LATE if step.looks_again else OWED)


def _felt_in(step: _Step, here: Chances, state: int) -> KExpr:
    force = force_on(here, step.contagion, state, "", step.networks)
    if step.owes and step.changing:
        owed = step.relaxing.state(f"{step.condition.name}_owed", (step.condition.of, len(step.susceptible)),
                                   "force of what was missed in the step before")  # fmt: skip
        force = plus(force, Load(owed, (AGENT, step.place_of(state)), "f64"))
    # Rounding may leave a place without its own weight a hair below nothing.
    return simple(real("max", force, ZERO))


def _again(step: _Step) -> list[ScheduleItem]:
    """Infections, of those left, by what the infected of this step weigh in it."""
    here = step.here("again")
    stay: list[KExpr] = [here.let("before", Load(step.columns("infect"), (AGENT, integer(c)), "f64"))
                         for c in range(step.layout.columns)]  # fmt: skip
    moves = Moves(here, step.layout, stay, sources=sources_of(step.contagion))
    for state in step.susceptible:
        first = step.layout.first[state]
        left = {c: moves.stay[c] for c in range(first, first + step.layout.counts[state])}
        force = here.let("force", simple(real("max", force_on(here, step.contagion, state, LATE, step.networks), ZERO)))
        there = plus(*left.values())
        hazards = [(e, force) for e in step.condition.exits_of(state) if isinstance(e.trigger, m.ByContagion)]
        by_hazard(moves, hazards, course_of(here, step.layout, state, hazards), left, again=True)
        for column, value in left.items():
            moves.stay[column] = value
        moves.cover(state, times(number(-0.5), minus(there, plus(*left.values()))))
    return _after_infections(step, moves, "again", OWED)


def _after_infections(step: _Step, moves: Moves, phase: str, part: str) -> list[ScheduleItem]:
    """Moves that follow from infections within the step, and what those infected weigh in it."""
    arrive_apart(moves, step.susceptible)
    networks = step.networks if part == LATE else step.changing
    items = weigh(moves.here, step.contagion, moves.covered, part, networks) if step.owes else []
    return [_ended(step, moves, phase), *items]


def arrive_apart(moves: Moves, susceptible: tuple[int, ...]) -> None:
    """Let all arrive, but keep what comes to susceptible states at the end of the step: nobody infects it any more."""
    kept = {s: moves.at_end.pop(s) for s in susceptible if s in moves.at_end}
    arrive(moves)
    moves.at_end |= kept


def _owe(step: _Step) -> ScheduleItem:
    """Keep for the next step what was missed in this one: its force, or where all steps are alike its weight."""
    here = step.here("owe")
    for network in (n for n in step.networks if n not in step.changing):
        weight = Load(weight_name(step.contagion, network, OWED), (AGENT,), "f64")
        here.body.append(Store(missed_name(step.contagion, network), (AGENT,), weight, network.span))
    for state in step.susceptible if step.changing else ():
        owed, force = f"{step.condition.name}_owed", force_on(here, step.contagion, state, OWED, step.changing)
        here.body.append(Store(owed, (AGENT, step.place_of(state)), force, step.contagion.span))
    return Launch(step.relaxing.builder.kernel(_kernel(step, here)))


# ------------------------------------------------------------------ what a part leaves to the next


def _ended(step: _Step, moves: Moves, phase: str) -> ScheduleItem:
    """Store what is left in each stage, and what has entered the states that are counted."""
    here, kind, span = moves.here, step.condition.of, step.condition.span
    columns, shape = step.columns(phase), (kind, step.layout.columns)
    step.relaxing.scratch(columns, shape, "chances at this point of the step")
    for column, value in enumerate(moves.stay):
        if column not in step.columns_at_risk or phase != "weigh":
            here.body.append(Store(columns, (AGENT, integer(column)), value, span))
    entered = {s: v for s, v in moves.all_entered().items() if s in _counted(step)}
    at_end = {s: plus(*parts) for s, parts in moves.at_end.items() if parts}
    for what, values in (("entered", entered), ("at_end", at_end)):
        for state, value in values.items():
            name = step.relaxing.scratch(f"{step.condition.name}_{what}_{state}_{phase}", (kind,))
            here.body.append(Store(name, (AGENT,), value, span))
    step.phases.append(phase)
    return Launch(step.relaxing.builder.kernel(_kernel(step, here)))


def _counted(step: _Step) -> frozenset[int]:
    """States whose entries are observed."""
    flows = [o.value for o in step.relaxing.model.observations if isinstance(o.value, m.Flow)]
    return frozenset(s for flow in flows if flow.condition == step.condition.name for s in flow.states)


def _kernel(step: _Step, here: Chances) -> Kernel:
    return Kernel(here.kernel, step.condition.of, tuple(here.scope.prologue), tuple(here.body), step.contagion.span)


def settle(here: Chances, condition: m.Condition) -> dict[int, KExpr]:
    """Store the chances at the end of the step; by state, the chance of having entered it in any part of the step."""
    layout, phases = here.relaxing.layouts[condition.name], here.relaxing.phases[condition.name]
    buffers = here.relaxing.builder.buffers
    stay: list[KExpr] = [here.let("after", Load(f"{condition.name}_after_{phases[-1]}", (AGENT, integer(c)), "f64"))
                         for c in range(layout.columns)]  # fmt: skip

    def add(state: int, stage: int, amount: KExpr) -> None:
        column = layout.first[state] + stage
        stay[column] = plus(stay[column], amount)

    entered: dict[int, KExpr] = {}
    for state in range(len(condition.states)):
        for what in ("entered", "at_end"):
            names = [n for p in phases if (n := f"{condition.name}_{what}_{state}_{p}") in buffers]
            amount = here.let(what, plus(*(Load(n, (AGENT,), "f64") for n in names)))
            if what == "entered" and names:
                entered[state] = amount
            elif names:
                enter_at_boundary(here, layout, state, amount, add)
    for column, value in enumerate(stay):
        here.body.append(Store(layout.buffer, (AGENT, integer(column)), value, condition.span))
    return entered

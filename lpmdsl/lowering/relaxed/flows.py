"""Chances of one condition in a part of a step, on the way from state to state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lpmdsl.lowering.builder import state_name
from lpmdsl.lowering.relaxed.chances import ONE, Chances, Layout, minus, plus, times
from lpmdsl.program.ir import KExpr, Let, Var
from lpmdsl.program.passes.adjoint import Event
from lpmdsl.semantics import model as m


@dataclass(slots=True)
class Moves:
    """One condition in a part of a step. ``stay[column]``: what is in each stage afterwards.

    ``forces``: by state, the force of infection over the step, where it is known. ``held``: states in which what
    arrives waits for a later part of the step. ``within`` and ``at_end``: by state, what arrives at some time within
    the step, and at its end. ``entered``: by state, all that has arrived. ``covered``: by state in ``sources``, the
    mean part of the step for which one is in it.
    """

    here: Chances
    layout: Layout
    stay: list[KExpr]
    forces: Mapping[int, KExpr] = field(default_factory=dict)
    held: frozenset[int] = frozenset()
    sources: frozenset[int] = frozenset()
    within: dict[int, list[KExpr]] = field(default_factory=dict)
    at_end: dict[int, list[KExpr]] = field(default_factory=dict)
    entered: dict[int, list[KExpr]] = field(default_factory=dict)
    covered: dict[int, list[KExpr]] = field(default_factory=dict)

    @property
    def condition(self) -> m.Condition:
        """The condition whose chances move."""
        return self.layout.condition

    def add(self, state: int, stage: int, amount: KExpr) -> None:
        """Add a chance to a stage of a state, which holds at the end of the step."""
        column = self.layout.first[state] + stage
        self.stay[column] = plus(self.stay[column], amount)

    def cover(self, state: int, part: KExpr) -> None:
        """Note a mean part of the step for which one is in a state, if the state is a source."""
        if state in self.sources:
            self.covered.setdefault(state, []).append(part)

    def all_entered(self) -> dict[int, KExpr]:
        """By state, the chance of entering it."""
        return {s: self.here.let(f"entered_{state_name(self.condition, s)}", plus(*parts))
                for s, parts in self.entered.items()}  # fmt: skip


def send(moves: Moves, exit_: m.Exit, amount: KExpr, when: str, event: str = "") -> None:
    """Divides what leaves through an exit among its branches. ``event``: the name that it is kept under."""
    here = moves.here
    arrives = moves.within if when == "within" else moves.at_end
    moved = here.let("moved", amount, exit_.site)
    if event and isinstance(moved, Var):
        here.relaxing.moved[event] = Event(here.kernel, (moved.name,))
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
        here.relaxing.moved[f"{event}.branch"] = Event(here.kernel, tuple(flows))

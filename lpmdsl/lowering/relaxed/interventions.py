"""Interventions of the relaxed program: triggers are gates on expected reports, blocks act on expected shares.

A gate is hard: whether it is open has no derivative. What a block does where it is open has one.
"""

from __future__ import annotations

from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.interventions.triggers import FIRST, declare_intervention, is_due, trigger_items
from lpmdsl.lowering.relaxed.chances import ONE, ZERO, Chances, Relaxing, minus, plus, simple, times, truth
from lpmdsl.lowering.relaxed.moves import enter_at_boundary
from lpmdsl.program import handles
from lpmdsl.program.ir import LANES, Fold, Kernel, KExpr, Launch, Load, ScheduleItem, Store, Tally
from lpmdsl.program.nodes import AGENT, all_of, integer, number, real, test
from lpmdsl.quantities import BOOLEAN
from lpmdsl.semantics import model as m


def intervention_items(relaxing: Relaxing) -> list[ScheduleItem]:
    """All triggers of a step, then all blocks, in written order."""
    builder, model = relaxing.builder, relaxing.model
    for one in model.interventions:
        declare_intervention(builder, one)
    items: list[ScheduleItem] = [item for one in model.interventions for item in trigger_items(builder, one)]
    for one in model.interventions:
        for k, block in enumerate(one.repeated):
            items += _block(relaxing, one, f"{one.name}_{k}", block)
    return items


def _block(relaxing: Relaxing, one: m.Intervention, name: str, block: m.Repeated) -> list[ScheduleItem]:
    """Statements of a block: who is eligible, the share of them that is treated, the change of the chances."""
    items: list[ScheduleItem] = []
    if block.at_most is not None:
        items += _share_items(relaxing, name, block)
    return [*items, _act(relaxing, one, name, block)]


def _who(relaxing: Relaxing, block: m.Repeated) -> tuple[m.Expr, ...]:
    removed = [m.InState(c.name, c.removed, BOOLEAN, c.span) for c in relaxing.model.conditions
               if c.of == block.of and c.removed]  # fmt: skip
    return (*removed, *([block.where] if block.where is not None else []))


def _eligible(here: Chances, block: m.Repeated) -> KExpr:
    """1.0 for who is not removed and satisfies ``where``, read in the case that the scope says."""
    (*removed,) = (e for e in _who(here.relaxing, block) if e is not block.where)
    tests = [test("not", here.scope.value(e)) for e in removed]
    tests += [here.scope.value(block.where)] if block.where is not None else []
    return truth(all_of(*tests))


def _share_items(relaxing: Relaxing, name: str, block: m.Repeated) -> list[ScheduleItem]:
    """``at most N``: of those eligible the share N / (how many they are expected to be)."""
    builder = relaxing.builder
    here = Chances(relaxing, Scope(builder, block.of))
    eligible = here.mean(_who(relaxing, block), {}, lambda: _eligible(here, block))
    total = relaxing.scratch(f"{name}_eligible", (1,), "how many are expected to be eligible")
    builder.buffer(handles.tally(total), "f64", (handles.chunks(block.of), 1, LANES), "tally")
    here.body.append(Tally(handles.tally(total), integer(0), eligible))
    count = Kernel(f"count_{name}", block.of, tuple(here.scope.prologue), tuple(here.body), block.span)
    assert block.at_most is not None
    scope = Scope(builder, "")
    limit = real("max", scope.value(block.at_most, "at_most"), ZERO)
    share = relaxing.scratch(f"{name}_share", (1,), "the share of the eligible that is treated")
    found = real("div", limit, real("max", Load(total, (FIRST,), "f64"), number(1e-9)))
    store = Store(share, (FIRST,), real("min", found, ONE), block.span)
    limited = Kernel(f"limit_{name}", "", tuple(scope.prologue), (store,), block.span)
    return [Launch(builder.kernel(count)), Fold(handles.tally(total), total, "add"), Launch(builder.kernel(limited))]


def _act(relaxing: Relaxing, one: m.Intervention, name: str, block: m.Repeated) -> ScheduleItem:
    """New chances, each from those before the block; where the block does not run they stay as they were."""
    builder = relaxing.builder
    here = Chances(relaxing, Scope(builder, block.of))
    treated = here.let("treated", _runs(here, one, block), "whether the block runs")
    if block.at_most is not None:
        share = here.scope.hoist("share", Load(f"{name}_share", (FIRST,), "f64"))
        treated = here.let("treated", times(treated, share), "the share of the eligible that is treated")
    versions: dict[str, str] = {}
    for action in block.actions:
        if isinstance(action, m.SetAttribute):
            base = handles.chance(block.of, action.attribute)
            versions[base] = relaxing.scratch(f"{base}_after_{name}", (block.of,))
            value = _set(here, block, action, treated)
            here.body.append(Store(versions[base], (AGENT,), value, action.span))
        else:
            base = relaxing.layouts[action.condition].buffer
            columns = relaxing.layouts[action.condition].columns
            versions[base] = relaxing.scratch(f"{base}_after_{name}", (block.of, columns))
            _force(here, block, action, treated, versions[base])
    relaxing.now |= versions
    kernel = Kernel(f"act_{name}", block.of, tuple(here.scope.prologue), tuple(here.body), block.span)
    return Launch(builder.kernel(kernel))


def _runs(here: Chances, one: m.Intervention, block: m.Repeated) -> KExpr:
    return truth(here.scope.hoist("runs", is_due(here.relaxing.builder, one, one.repeated.index(block))))


def _happens(here: Chances, block: m.Repeated, action: m.Action, treated: KExpr) -> KExpr:
    """The chance that the action is done to the agent, in the case that the scope says."""
    chance = ONE if action.probability is None else here.scope.value(action.probability, "chance")
    return times(treated, _eligible(here, block), chance)


def _set(here: Chances, block: m.Repeated, action: m.SetAttribute, treated: KExpr) -> KExpr:
    """yes + happens × (value − yes), in the mean over what is random."""
    attribute = next(a for a in here.model.agent(block.of).attributes if a.name == action.attribute)
    own = m.AttributeRef(block.of, action.attribute, attribute.type, action.span)
    exprs = (own, action.value, *_who(here.relaxing, block))
    exprs += () if action.probability is None else (action.probability,)

    def change() -> KExpr:
        stored = truth(here.scope.attributes[action.attribute])
        return times(_happens(here, block, action, treated), minus(truth(here.scope.value(action.value)), stored))

    return plus(here.yes(action.attribute), here.mean(exprs, {}, change))


def _force(here: Chances, block: m.Repeated, action: m.ForceMove, treated: KExpr, into: str) -> None:
    """From every other state the share that is moved, into the stages of those who enter at a boundary."""
    layout = here.relaxing.layouts[action.condition]
    stay: list[KExpr] = [here.stage(action.condition, c) for c in range(layout.columns)]
    moved: list[KExpr] = []
    exprs = (*_who(here.relaxing, block), *(() if action.probability is None else (action.probability,)))
    for state in (s for s in range(len(layout.condition.states)) if s != action.state):
        given = {action.condition: state}
        happens = here.let("happens", here.mean(exprs, given, lambda: _happens(here, block, action, treated)))
        for column in range(layout.first[state], layout.first[state] + layout.counts[state]):
            gone = here.let("moves", times(stay[column], happens))
            stay[column] = minus(stay[column], gone)
            moved.append(gone)
    amount = here.let("moved", plus(*moved))

    def add(state: int, stage: int, part: KExpr) -> None:
        stay[layout.first[state] + stage] = plus(stay[layout.first[state] + stage], part)

    enter_at_boundary(here, layout, action.state, amount, add)
    for column, value in enumerate(stay):
        here.body.append(Store(into, (AGENT, integer(column)), simple(value), action.span))
    _note_entry(here, block, action, amount)


def _note_entry(here: Chances, block: m.Repeated, action: m.ForceMove, amount: KExpr) -> None:
    """Forced moves are entries too: the step's flows add them."""
    name = here.relaxing.scratch(f"{action.condition}_forced_{action.state}", (block.of,), "moved there by force")
    before = Load(name, (AGENT,), "f64")
    earlier = here.relaxing.now.get(name)
    value = amount if earlier is None else plus(before, amount)
    here.relaxing.now[name] = name
    here.body.append(Store(name, (AGENT,), value, action.span))

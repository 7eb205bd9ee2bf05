"""Reading of the sums that are kept, where neighbours would be asked anew; who has no hazard by them is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lpmdsl.lowering.builder import Builder, as_stored, stored_as
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.neighbours import AT_END, look_name
from lpmdsl.lowering.plan.sights import Sight, Term, may_be_away
from lpmdsl.lowering.sparse.neighbours import listens, seen_at, sum_of, swept
from lpmdsl.lowering.sparse.worklists import plan_of, seen_changed
from lpmdsl.program import handles
from lpmdsl.program.ir import Decide, Gate, Kernel, KExpr, Launch, Load, Program, ScheduleItem, Store
from lpmdsl.program.nodes import AGENT, STEP, all_of, any_of, as_number, integer, number, op, real, test
from lpmdsl.program.rewrite import map_block
from lpmdsl.semantics import model as m


def read_sums(builder: Builder, program: Program, items: dict[str, list[ScheduleItem]]) -> Program:
    """The program in which sums that are kept are read where neighbours were asked anew; ``items`` by kind."""
    if not items:
        return program
    kept = plan_of(builder).kept
    sights = {look_name(s.kind, s.attribute, phase): s for s in kept for phase in ("", AT_END)}
    at_end = {look_name(s.kind, s.attribute, AT_END) for s in kept}
    at_once = {handles.attribute(s.kind, s.attribute.name): s for s in sights.values() if s.is_read_at_once}

    def read(expr: KExpr) -> KExpr:
        if isinstance(expr, Load) and expr.buffer in at_once:
            return _value(builder, at_once[expr.buffer], expr.index[0])
        return expr

    kernels = []
    for kernel in program.kernels:
        made = (
            _look_kernel(builder, kernel, sights[kernel.name], kernel.name in at_end)
            if kernel.name in sights
            else kernel
        )
        kernels.append(replace(made, prologue=map_block(made.prologue, read), body=map_block(made.body, read)))
    decided = {b for kind in items for b in listens(builder, kind)}

    def brought(given: Sequence[ScheduleItem]) -> tuple[ScheduleItem, ...]:
        made: list[ScheduleItem] = []
        fresh = ""
        for item in given:
            sight = sights.get(item.kernel) if isinstance(item, Launch) else None
            if sight is None:
                fresh = ""
                made.append(replace(item, items=brought(item.items)) if isinstance(item, Gate) else item)
                if isinstance(item, Decide) and item.into in decided:
                    made.append(Launch(f"forget_{seen_changed(builder.model.behaviour(item.behaviour).of)}"))
                continue
            if fresh != sight.kind:
                made += items[sight.kind]
                fresh = sight.kind
            if not sight.is_read_at_once:
                made.append(item)
        return tuple(made)

    kernels += [_forget_kernel(builder, kind) for kind in items]
    return replace(
        program, kernels=tuple(kernels), begin=brought(program.begin), step=brought(program.step)
    )  # fmt: skip


def _forget_kernel(builder: Builder, kind: str) -> Kernel:
    return Kernel(f"forget_{seen_changed(kind)}", "", (), (swept(kind),), seen_at(builder, kind))


def _look_kernel(builder: Builder, kernel: Kernel, sight: Sight, is_at_end: bool) -> Kernel:
    """The look at neighbours by the sums that are kept."""
    scope = Scope(builder, sight.kind, now=op("add", STEP, integer(1)) if is_at_end else STEP)
    body = read_states(scope)
    otherwise = sight.view.otherwise
    none = number(float("nan")) if otherwise is None else as_number(scope.value(otherwise))
    value = _value(builder, sight, AGENT, none)
    name, dtype = handles.attribute(sight.kind, sight.attribute.name), stored_as(sight.attribute.type)
    body.append(Store(name, (AGENT,), as_stored(value, dtype), kernel.span))
    return replace(kernel, prologue=tuple(scope.prologue), body=tuple(body))


def _value(builder: Builder, sight: Sight, agent: KExpr, none: KExpr | None = None) -> KExpr:
    """The value that an agent sees, of the sums that are kept; ``none``: where there is nobody."""
    sums = [_sum(builder, sight.kind, t, agent) for t in sight.terms]
    if len(sums) == 1:
        return as_number(sums[0])
    if none is None:
        otherwise = sight.view.otherwise
        none = number(float("nan") if otherwise is None else float(otherwise.value))  # type: ignore[union-attr]
    quotient = real("div", as_number(sums[0]), as_number(sums[1]))
    return op("select", test("eq", sums[1], integer(0)), none, quotient, dtype="f64")


def _sum(builder: Builder, kind: str, term: Term, agent: KExpr) -> KExpr:
    """The sum of a term over those whom an agent sees in this step."""
    network, name = builder.model.network(term.network), sum_of(builder, kind, term)
    tests: list[KExpr] = []
    if may_be_away(builder.model, network):
        tests.append(test("ne", op("to_i64", builder.load(handles.sees(network.name), agent)), integer(0)))
    if network.days:
        day = op("max", STEP, integer(0))  # at the end of a step those of its day are still met
        tests.append(test("ne", op("to_i64", builder.load(handles.open_days(network.name), day)), integer(0)))
    if network.layout == "place":
        place = op("max", integer(0), op("to_i64", builder.load(handles.attribute(kind, network.place), agent)))
        own = op("to_i64", builder.load(handles.told(name), agent))
        value = op("sub", op("to_i64", builder.load(name, place)), own)
    else:
        value = op("to_i64", builder.load(name, agent))
    return op("select", all_of(*tests), value, integer(0)) if tests else value


# ------------------------------------------------------------------ who is left alone


def is_woken(builder: Builder, condition: m.Condition, state: int) -> bool:
    """Return True if what is seen of neighbours decides whether anything can happen to who is in a state."""
    shown = {s.attribute.name for s in plan_of(builder).kept if s.kind == condition.of and s.is_read_at_once}
    for exit_ in condition.exits_of(state):
        match exit_.trigger:
            case m.AtRate(rate=read) | m.When(test=read):
                nodes = list(m.walk(read))
            case _:
                return False
        seen = any(isinstance(e, m.AttributeRef) and e.name in shown for e in nodes)
        if not seen or any(isinstance(e, m.Since) for e in nodes):
            return False
    return True


def may_leave(scope: Scope, condition: m.Condition, state: int) -> KExpr:
    """Test that an exit of a state has another hazard than 0, or comes true; what is no number is another."""
    before = scope.states[condition.name]
    scope.states[condition.name] = integer(state)
    tests: list[KExpr] = []
    for exit_ in condition.exits_of(state):
        match exit_.trigger:
            case m.AtRate(rate=rate):
                tests.append(test("ne", as_number(scope.value(rate, "rate")), number(0.0)))
            case m.When(test=holds):
                tests.append(scope.value(holds))
            case _:
                raise AssertionError("asked only of who may be woken")
    scope.states[condition.name] = before
    return any_of(*tests)

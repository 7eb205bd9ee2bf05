"""The Model becomes the Program of a processor: the same step, but only where something changes.

Those under a force of infection and those whose planned exit comes are put on a list, and only they make moves, by the
very statements by which everyone does in the dense Program (``lower``). Who has moved notifies others of what changes
for them. All of it is integers, so the counts are those of the dense Program.
"""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.dense.conditions import moves_kernel, open_states
from lpmdsl.lowering.dense.contagion.buffers import clear_made_up, forget_made_up, networks_of
from lpmdsl.lowering.dense.contagion.debts import came, exposed
from lpmdsl.lowering.dense.contagion.exposure import exposure
from lpmdsl.lowering.dense.contagion.infections import infection
from lpmdsl.lowering.dense.contagion.mixing import mixing_kernel
from lpmdsl.lowering.dense.contagion.sending import expose_items, send_items
from lpmdsl.lowering.dense.courses import Phase, left_buffer
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.looking_back import remember_items
from lpmdsl.lowering.dense.presence import is_static, presence_kernel
from lpmdsl.lowering.dense.program import (
    acting_items,
    begin_items,
    declare_all,
    lower,
    moves_views,
    observation_items,
    program_of,
)
from lpmdsl.lowering.dense.reports.kept_censuses import settle_items
from lpmdsl.lowering.dense.rules.program import entering_items
from lpmdsl.lowering.parts import Part
from lpmdsl.lowering.plan.plan import Plan, choose, left_at_any_step, susceptible, timed
from lpmdsl.lowering.sparse.constant_hazard import first_tell, fresh, spend, tell_kernel
from lpmdsl.lowering.sparse.incremental_force import resend_items, view_items
from lpmdsl.lowering.sparse.instrument import instrumented
from lpmdsl.lowering.sparse.kept_sums import is_woken, may_leave, read_sums
from lpmdsl.lowering.sparse.neighbours import declare_sights, sight_items
from lpmdsl.lowering.sparse.worklists import (
    at_risk,
    awake,
    calendar,
    declare_lists,
    feels_something,
    moving,
    not_at_risk,
    plan_of,
)
from lpmdsl.program import handles
from lpmdsl.program.ir import Append, Clear, Collect, If, Kernel, KStmt, Launch, Mark, Program, ScheduleItem, Store
from lpmdsl.program.nodes import AGENT, all_of, any_of, integer, is_one_of, op, test
from lpmdsl.semantics import model as m


def lower_sparse(
    model: m.Model,
    circles: frozenset[str] = frozenset(),
    parts: tuple[Part, ...] | None = None,
    plan: Plan | None = None,
) -> Program:
    """The Program of a checked model that keeps lists, calendars and sums instead of going through everyone.

    ``circles``: networks of which only the keys are there (``networks.random_regular``). ``parts``: sources
    that are also counted apart, where the hazard of every step is asked for. ``plan``: other choices than the model's.
    """
    if any(c.remembers for c in model.contagions):
        return lower(model, parts)  # who sent what to whom in a step is kept of everybody
    plan = plan or choose(model, circles)
    if parts is not None:
        plan = replace(plan, constant_hazard=frozenset(), woken={})  # whoever rests has no hazard of a step
    builder = Builder(model, plan, parts)
    declare_all(builder)
    declare_lists(builder)
    declare_sights(builder)
    contagion = _contagion_items(builder)
    observations = [*settle_items(builder), *observation_items(builder)]
    constant = [c for c in model.conditions if builder.has_constant_hazard(c.name)]
    entered = entering_items(builder)
    begin = [*begin_items(builder), *(item for c in constant for item in first_tell(builder, c)), *entered]
    acts = acting_items(builder)
    own = [*moves_views(builder), *_moves_items(builder, "own")]
    moves = [*contagion, *_moves_items(builder, "look")]
    if builder.again:
        moves += [*_send_items(builder), *_moves_items(builder, "again")]
    looks = {kind: sight_items(builder, kind) for kind in dict.fromkeys(s.kind for s in plan.kept)}
    builder.kernels = instrumented(builder)
    return read_sums(builder, program_of(builder, begin, acts, own, [*moves, *entered], observations), looks)


def _contagion_items(builder: Builder) -> list[ScheduleItem]:
    model = builder.model
    kinds = dict.fromkeys(
        model.condition(c.condition).of
        for c in model.contagions
        if any(not s.of and not model.network(s.network).is_afresh for s in c.spreads)
    )
    items = remember_items(builder)
    constant = {c.of for c in model.conditions if builder.has_constant_hazard(c.name)}
    for contagion in builder.contagions:
        for network in (n for n in networks_of(builder, contagion) if n.layout != "ties" and not n.is_between):
            items += clear_made_up(builder, contagion, network)
    for kind in (k for k in kinds if k not in constant):
        items += view_items(builder, kind)
    between: list[m.Network] = []
    for contagion in builder.contagions:
        networks = networks_of(builder, contagion)
        for network in networks:
            if network.layout == "random" and not network.is_between:
                items.append(Launch(builder.kernel(mixing_kernel(builder, contagion, network))))
        # Between two kinds and on redrawn ties: those who weigh are found by reading one byte of each.
        items += expose_items(builder, contagion, [n for n in networks if n.is_afresh])
        between += [n for n in networks if n.is_between and not is_static(builder, n)]
    return [*(Launch(builder.kernel(presence_kernel(builder, n))) for n in dict.fromkeys(between)), *items]


def _send_items(builder: Builder) -> list[ScheduleItem]:
    """Items that send what the infections of a step owe, for a second look."""
    model = builder.model
    contagions = [c for c in builder.contagions if c.condition in builder.again]
    pairs = [(c, n) for c in contagions for n in networks_of(builder, c)]
    items: list[ScheduleItem] = []
    for contagion, network in ((c, n) for c, n in pairs if n.layout != "ties" and not n.is_between):
        items += clear_made_up(builder, contagion, network)
    between = dict.fromkeys(n for _, n in pairs if n.is_between and not is_static(builder, n))
    items += [Launch(f"presence_{n.name}") for n in between]
    listed = dict.fromkeys(model.condition(c.condition).of for c, n in pairs if not n.is_afresh)
    constant = {c.of for c in model.conditions if builder.has_constant_hazard(c.name)}
    for kind in (k for k in listed if k not in constant):
        items += resend_items(builder, kind)
    for contagion in contagions:
        networks = networks_of(builder, contagion)
        for network in (n for n in networks if n.layout == "random" and not n.is_between):
            items.append(Launch(builder.kernel(mixing_kernel(builder, contagion, network, is_again=True))))
        items += send_items(builder, contagion, [n for n in networks if n.is_afresh])
    return items


# ------------------------------------------------------------------ moves


def _moves_items(builder: Builder, phase: Phase) -> list[ScheduleItem]:
    """The moves of one phase of a step: of everyone, or of those who are gathered first."""
    items: list[ScheduleItem] = []
    for kind in dict.fromkeys(c.of for c in builder.model.conditions):
        conditions = [c for c in builder.model.conditions if c.of == kind]
        kernel = moves_kernel(builder, kind, phase)
        if kernel is None:
            continue
        if plan_of(builder).ways[conditions[0].name] == "dense":
            items.append(Launch(builder.kernel(kernel)))
            continue
        (condition,) = conditions
        gathered = _due(builder, condition) if phase == "own" else _reached(builder, condition, phase)
        items += [Clear(handles.size(moving(condition))), *gathered]
        items.append(Launch(builder.kernel(replace(kernel, over=moving(condition)))))
        is_last = phase == "again" or (phase == "look" and condition.name not in builder.again)
        if is_last and builder.has_constant_hazard(condition.name):
            items += _told(builder, condition, "")
    return items


def _due(builder: Builder, condition: m.Condition) -> list[ScheduleItem]:
    """Lists those who move on their own: who is due, and who may leave in any step."""
    items: list[ScheduleItem] = []
    woken = plan_of(builder).woken.get(condition.name, frozenset())
    restless = [s for s in left_at_any_step(condition) if s not in open_states(condition) and s not in woken]
    if woken:
        items.append(Launch(builder.kernel(_awake_kernel(builder, condition, sorted(woken)))))
    if restless:
        items.append(Launch(builder.kernel(_restless_kernel(builder, condition, restless))))
    if timed(condition):
        items.append(Collect(calendar(condition), moving(condition)))
    return items


def _reached(builder: Builder, condition: m.Condition, phase: Phase) -> list[ScheduleItem]:
    """Lists those whose threshold is reached, and who may leave in other ways as well."""
    if plan_of(builder).ways[condition.name] == "swept":
        return [Launch(builder.kernel(_sweep_kernel(builder, condition, phase)))]
    if builder.has_constant_hazard(condition.name):
        if phase == "again":
            return _told(builder, condition, moving(condition))
        return [spend(builder, condition, left_buffer(condition.name, 0), moving(condition))]
    return [Launch(builder.kernel(_risk_kernel(builder, condition, phase)))] if susceptible(condition) else []


def _told(builder: Builder, condition: m.Condition, caught: str) -> list[ScheduleItem]:
    """Those whom a look made infectious tell their neighbours; ``caught``: a list of those infected by it in turn."""
    return [Launch(builder.kernel(tell_kernel(builder, condition, caught))), Clear(handles.size(fresh(condition)))]


def _restless_kernel(builder: Builder, condition: m.Condition, states: list[int]) -> Kernel:
    scope = Scope(builder, condition.of)
    body = read_states(scope)
    asleep = [] if builder.parts is not None else [s for s in states if is_woken(builder, condition, s)]
    leaving = [is_one_of(scope.states[condition.name], [s for s in states if s not in asleep])]
    leaving += [all_of(scope.in_state(condition.name, (s,)), may_leave(scope, condition, s)) for s in asleep]
    body.append(If(any_of(*leaving), (Append(moving(condition), AGENT),)))
    note = "who may leave in any step"
    return Kernel(f"list_{condition.name}", condition.of, tuple(scope.prologue), tuple(body), condition.span, note)


def _awake_kernel(builder: Builder, condition: m.Condition, states: list[int]) -> Kernel:
    """Of those who saw somebody change who may leave is listed; to the others nothing happens until they do again."""
    scope = Scope(builder, condition.of)
    body = read_states(scope)
    tests = [all_of(scope.in_state(condition.name, (s,)), may_leave(scope, condition, s)) for s in states]
    rests = Mark(awake(condition), AGENT, False)
    body.append(If(any_of(*tests), (Append(moving(condition), AGENT),), (rests,)))
    return Kernel(f"wake_{condition.name}", condition.of, tuple(scope.prologue), tuple(body), condition.span,
                  "who is awake", over=awake(condition))  # fmt: skip


def _sweep_kernel(builder: Builder, condition: m.Condition, phase: Phase) -> Kernel:
    """Every state is read: the susceptible feel the step's exposure, and who may leave in other ways too is listed."""
    scope = Scope(builder, condition.of)
    body = read_states(scope)
    state = scope.states[condition.name]
    for code in susceptible(condition):
        scope.states[condition.name] = integer(code)
        felt = _felt(scope, condition, code, phase)
        scope.states[condition.name] = state
        exit_ = condition.exits_of(code)[0]
        note = f"{condition.name}.{condition.states[code]}"
        body.append(If(test("eq", state, integer(code)), tuple(felt), span=exit_.span, note=note))
    restless = [s for s in left_at_any_step(condition) if s in open_states(condition)]
    if restless:
        body.append(If(is_one_of(state, restless), (Append(moving(condition), AGENT),)))
    name = f"sweep_{condition.name}{_AGAIN[phase]}"
    return Kernel(name, condition.of, tuple(scope.prologue), tuple(body), condition.span, "who may move")


_AGAIN: dict[Phase, str] = {"look": "", "again": "_again"}


def _risk_kernel(builder: Builder, condition: m.Condition, phase: Phase) -> Kernel:
    """The set of those at risk: who has nobody infectious left among its ties is no longer at risk.

    The set holds susceptible agents only, so with one susceptible state the state need not be read.
    """
    scope = Scope(builder, condition.of)
    alone = len(susceptible(condition)) == 1
    body = [] if alone else read_states(scope)
    leave, rest = Mark(at_risk(condition), AGENT, False), Mark(not_at_risk(condition), AGENT, True)
    for code in susceptible(condition):
        state = integer(code) if alone else scope.states[condition.name]
        scope.states[condition.name] = integer(code)
        felt = _felt(scope, condition, code, phase, (leave,))
        scope.states[condition.name] = state
        resting = (leave, rest) if phase == "look" else ()
        under = If(feels_something(builder, condition, AGENT, phase), tuple(felt), resting)
        body.append(under if alone else If(test("eq", state, integer(code)), (under,)))
    name = f"risk_{condition.name}{_AGAIN[phase]}"
    return Kernel(name, condition.of, tuple(scope.prologue), tuple(body), condition.span, "those at risk",
                  over=at_risk(condition))  # fmt: skip


def _felt(
    scope: Scope, condition: m.Condition, state: int, phase: Phase, caught: tuple[KStmt, ...] = ()
) -> list[KStmt]:
    """Reduce what is left of the threshold; who would use it up is left to the pass of moves, which does it again."""
    body, met = exposure(scope, condition, state, phase == "again")
    name = left_buffer(condition.name, 0)
    inner: list[KStmt] = []
    part = exposed(scope, condition, state, met.total, came(scope.builder, condition), inner)
    left = scope.let(inner, "left", op("sub", scope.builder.load(name, AGENT), part))
    forget = tuple(forget_made_up(scope.builder, condition))
    endured = infection(condition, condition.exits_of(state)[0], met.total, part, False)
    stays = (Store(name, (AGENT,), left), endured, *forget)
    inner.append(If(test("gt", left, integer(0)), stays, (Append(moving(condition), AGENT), *caught)))
    return [*body, If(all_of(test("gt", met.total, integer(0))), tuple(inner), forget)]

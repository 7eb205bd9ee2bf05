"""Agents about to decide, and everyone's archetype: computed before the step, kept for the decision in it.

Straight-line code without branches over agents, which a processor takes many agents at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce

from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.decision_tables import DONE, TURN
from lpmdsl.lowering.dense.expressions import Scope, joined, read_states
from lpmdsl.lowering.dense.neighbours import view_items
from lpmdsl.lowering.dense.presence import any_removed
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    Apply,
    Clear,
    DType,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Let,
    Load,
    ScheduleItem,
    Store,
    Var,
    expressions,
    walk,
)
from lpmdsl.program.nodes import AGENT, STEP, all_of, any_of, integer, op, test
from lpmdsl.program.rewrite import map_expression
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.archetypes import (
    asked_as,
    asks_by_itself,
    labels_of,
    most_archetypes,
    stages,
    steps_between,
)
from lpmdsl.semantics.analysis.events import attributes_written

FIRST = integer(0)
MOST_GROUPS = 8
"""Groups of which each one's digits are worked out once, before anyone is looked at."""


def declare_archetypes(builder: Builder, one: m.Behaviour) -> None:
    """Declare buffers of the archetypes that occur and of everyone's own; the one behind the last: does not decide."""
    codes = most_archetypes(one) + 1
    builder.buffer(handles.occurs(one.name), "u8", (codes,), "scratch", note="1: somebody is of this archetype")
    note = f"each one's archetype; {codes - 1}: does not decide"
    builder.buffer(handles.archetype(one.name), _narrowest(codes), (one.of,), "scratch", note=note)
    for known in (k for k in one.knows if is_fixed_number(builder, k)):
        builder.buffer(_band(one, known), "u8", (one.of,), "state", note=f"the band of {known.slot} as first made")


def _narrowest(codes: int) -> DType:
    return "u8" if codes <= 256 else "i16" if codes <= 1 << 15 else "i32"


def is_fixed_number(builder: Builder, known: m.Known) -> bool:
    """Return True if a slot is a number that an agent has for good, but for what a ``while`` clause makes of it."""
    if not (isinstance(known.value, m.AttributeRef) and known.cuts and all(m.is_constant(c) for c in known.cuts)):
        return False
    return (known.value.of, known.value.name) not in attributes_written(builder.model)


def _band(one: m.Behaviour, known: m.Known) -> str:
    return f"{one.name}_{known.slot}_band"


def band_items(builder: Builder) -> list[ScheduleItem]:
    """At the beginning: the bands of numbers that stay."""
    items: list[ScheduleItem] = []
    for one in (b for b in builder.model.behaviours if asks_by_itself(b)):
        for known in (k for k in one.knows if is_fixed_number(builder, k)):
            scope = Scope(builder, one.of)
            assert isinstance(known.value, m.AttributeRef)
            stored = builder.load(handles.attribute(one.of, known.value.name), AGENT)
            band = op("to_u8", _band_of(scope, known, stored), dtype="u8")
            store = Store(_band(one, known), (AGENT,), band, known.span)
            name = f"band_{one.name}_{known.slot}"
            items.append(Launch(builder.kernel(Kernel(name, one.of, tuple(scope.prologue), (store,), known.span))))
    return items


def look_items(builder: Builder, early: Callable[[int], list[ScheduleItem]]) -> list[ScheduleItem]:
    """Everyone's archetype, and which of them occur, for the behaviours that are about to be due.

    ``early``: the decisions of a stage, which those of the next one read when they look.
    """
    items: list[ScheduleItem] = []
    for stage in range(stages(builder.model)):
        items += early(stage - 1) if stage else []
        for one in builder.model.behaviours:
            if asks_by_itself(one) and one.stage == stage:
                items += known_views(builder, one)
                kernels = (_look_kernel(builder, one), _occurs_kernel(builder, one))
                items += [Clear(handles.occurs(one.name)), *(Launch(builder.kernel(k)) for k in kernels)]
    return items


# ------------------------------------------------------------------ turns


def declare_turn(builder: Builder) -> None:
    """Declare the buffer of the turn, where some decide after others at the same moment."""
    if stages(builder.model) > 1:
        note = f"in which turn people look; {DONE}: all have decided but the last; 0: nobody was asked"
        builder.buffer(TURN, "i64", (1,), "state", note=note)


def looks_in_turn(builder: Builder, stage: int) -> tuple[KExpr, ...]:
    """Tests that the behaviours of a stage look now."""
    if stages(builder.model) == 1:
        return ()
    return (test("eq", builder.load(TURN, FIRST), integer(stage + 1)),)


def decides_in_turn(builder: Builder, stage: int) -> tuple[KExpr, ...]:
    """Tests that those of a stage decide now: before the next ones look or, where nobody was asked, in the step."""
    if stage + 1 == stages(builder.model):
        return ()
    turn = builder.load(TURN, FIRST)
    return (any_of(test("eq", turn, integer(stage + 2)), test("eq", turn, integer(0))),)


def known_views(builder: Builder, one: m.Behaviour) -> list[ScheduleItem]:
    """Launches that bring up to date what the agent sees of its neighbours, where the behaviour is due."""
    is_asked = one.rule is None
    turn = looks_in_turn(builder, one.stage) if is_asked else decides_in_turn(builder, one.stage)
    return view_items(builder, (one.knows, one.rule), f"_{one.name}", due=lambda scope: is_due(scope, one, *turn))


def _look_kernel(builder: Builder, one: m.Behaviour) -> Kernel:
    scope = Scope(builder, one.of)
    due = is_due(scope, one, *looks_in_turn(builder, one.stage))
    body = read_states(scope)
    code = _code(scope, one, body)
    own = op("select", decides_here(scope, one, body), code, integer(most_archetypes(one)))
    narrow = _narrowest(most_archetypes(one) + 1)
    body.append(Store(handles.archetype(one.name), (AGENT,), op(f"to_{narrow}", own, dtype=narrow), one.span))
    straight = (If(due, tuple(_own_numbers_first(scope, body)), span=one.span, note=one.name),)
    return Kernel(f"look_{one.name}", one.of, tuple(scope.prologue), straight, one.span, "who is about to decide")


def _occurs_kernel(builder: Builder, one: m.Behaviour) -> Kernel:
    scope = Scope(builder, one.of)
    due = is_due(scope, one, *looks_in_turn(builder, one.stage))
    mark = Store(handles.occurs(one.name), (archetype_of(builder, one),), op("to_u8", integer(1), dtype="u8"), one.span)
    return Kernel(f"list_{one.name}", one.of, tuple(scope.prologue), (If(due, (mark,), note=one.name),), one.span,
                  "which archetypes occur")  # fmt: skip


def archetype_of(builder: Builder, one: m.Behaviour) -> KExpr:
    """The agent's archetype as it was computed before the step."""
    return op("to_i64", builder.load(handles.archetype(asked_as(one)), AGENT))


def is_due(scope: Scope, one: m.Behaviour, *turn: KExpr) -> Var:
    """Truth value: the behaviour is due in this step, and it is its turn, for everyone alike."""
    return scope.hoist(f"{one.name}_is_due", all_of(due_test(scope.builder, one), *turn))


def due_test(builder: Builder, one: m.Behaviour) -> KExpr:
    """The same as a test of buffers and of the step."""
    due: KExpr = test("eq", builder.load(handles.rests(one.name), FIRST), integer(0))
    steps = steps_between(builder.model, one)
    return all_of(due, test("eq", op("mod", STEP, integer(steps)), integer(0))) if steps > 1 else due


def decides_here(scope: Scope, one: m.Behaviour, body: list[KStmt]) -> KExpr:
    """Test that the agent decides where it is due: it is not removed, and what it watches has changed for it."""
    tests: list[KExpr] = []
    if is_ever_removed(scope.builder, one):
        tests.append(test("not", any_removed(scope, one.of)))
    if one.when:
        before = op("to_i64", scope.builder.load(handles.saw(one.name), AGENT))
        tests.append(test("ne", scope.let(body, f"{one.name}_sees", sight(scope, one, body)), before))
    return all_of(*tests)


def is_ever_removed(builder: Builder, one: m.Behaviour) -> bool:
    """Return True if agents who decide can be in a removed state."""
    return m.may_be_removed(builder.model, one.of)


def sight(scope: Scope, one: m.Behaviour, body: list[KStmt]) -> KExpr:
    """1 + the number of what is known of the slots that are watched; 0 is for those who never decided."""
    watched = [k for k in one.knows if k.slot in one.when]
    codes = [_digit(scope, one, k, body) for k in watched]
    return op("add", joined(codes, [len(k.labels) for k in watched]), integer(1))


# ------------------------------------------------------------------ the number of an archetype


def _code(scope: Scope, one: m.Behaviour, body: list[KStmt]) -> KExpr:
    """The number of the agent's archetype (``archetypes.digits``): a sum of digits, each times its weight."""
    sizes = [len(known.labels) for known in one.knows]
    memory = (len(labels_of(one)) + 1) ** one.remembers
    parts: list[KExpr] = []
    alike: dict[Load, list[KExpr]] = {}
    for position, known in enumerate(one.knows):
        weight = reduce(lambda a, b: a * b, sizes[position + 1 :], memory)
        inner: list[KStmt] = []
        digit = op("mul", _digit(scope, one, known, inner), integer(weight))
        own = _group_it_hangs_on(scope, [*_expressions(inner), digit])
        if known.cuts and own is not None:
            groups = range(_groups(scope.builder, own))
            moved = [_at_group(scope, own, g, inner, digit) for g in groups]
            alike[own] = [op("add", a, b) for a, b in zip(alike[own], moved, strict=True)] if own in alike else moved
        else:
            body += inner
            parts.append(digit)
    parts += [_of_own_group(scope, one, own, sums) for own, sums in alike.items()]
    if one.remembers:
        parts.append(op("to_i64", scope.builder.load(handles.memory(one.name), AGENT)))
    whole = reduce(lambda a, b: op("add", a, b), parts) if parts else integer(0)
    return scope.let(body, f"{one.name}_is_of", whole)


def _digit(scope: Scope, one: m.Behaviour, known: m.Known, body: list[KStmt]) -> KExpr:
    """Number of the agent's label of a slot: a category, or the band of a number."""
    if not known.cuts:
        return scope.index(known.value)
    where = body if m.reads_agent(known.value) else scope.prologue
    value = scope.value(known.value, known.slot)
    if one.rule is None and is_fixed_number(scope.builder, known):
        return scope.let(where, f"{known.slot}_band", _banded(scope, one, known, value))
    return scope.let(where, f"{known.slot}_band", _band_of(scope, known, scope.let(where, known.slot, value)))


def _banded(scope: Scope, one: m.Behaviour, known: m.Known, value: KExpr) -> KExpr:
    """The band of a number that stays, or of what a clause makes of it: nothing but bytes is read of an agent."""
    match value:
        case Apply(op="select", args=(chosen, made, other)):
            made, other = (_banded(scope, one, known, e) for e in (made, other))
            return op("select", chosen, made, other)
        case Load(index=(Var(name="i"),)):
            return op("to_i64", scope.builder.load(_band(one, known), AGENT))
        case _ if not any(e == AGENT for e in walk(value)):
            return scope.hoist(f"{known.slot}_band", _band_of(scope, known, value))
        case _:
            return _band_of(scope, known, value)


def _band_of(scope: Scope, known: m.Known, value: KExpr) -> KExpr:
    """Number of cuts that a number has reached, or the last label if it is none."""
    reached = (test("ge", value, scope.value(cut, known.slot)) for cut in known.cuts)
    band = reduce(lambda a, b: op("add", a, b), (op("select", r, integer(1), integer(0)) for r in reached))
    if len(known.labels) > len(known.cuts) + 1:
        band = op("select", test("ne", value, value), integer(len(known.cuts) + 1), band)
    return band


# ------------------------------------------------------------------ what all of a group have in common


def _expressions(body: list[KStmt]) -> list[KExpr]:
    return [e for s in body for e in expressions(s)]


def _group_it_hangs_on(scope: Scope, parts: list[KExpr]) -> Load | None:
    """The one category, of few labels, through which alone some expressions depend on the agent; None otherwise."""
    seen = {e for part in parts for e in walk(part)}
    own = {e for e in seen if isinstance(e, Load) and e.index == (AGENT,)}
    states = {e for e in seen if isinstance(e, Var) and e in scope.states.values()}
    if len(own) != 1 or states:
        return None
    (only,) = own
    every = [e for part in parts for e in walk(part)]
    is_all = every.count(AGENT) == every.count(only)
    return only if is_all and 1 < _groups(scope.builder, only) <= MOST_GROUPS else None


def _groups(builder: Builder, own: Load) -> int:
    """Number of labels of an agent's attribute; 0 for what is no category."""
    found = (a for k in builder.model.agents for a in k.attributes if handles.attribute(k.name, a.name) == own.buffer)
    return next((len(a.type.labels) for a in found), 0)


def _at_group(scope: Scope, own: Load, group: int, inner: list[KStmt], digit: KExpr) -> KExpr:
    """The digit of one group, worked out in the prologue."""
    names: dict[str, Var] = {}

    def moved(expr: KExpr) -> KExpr:
        if expr == own:
            return integer(group)
        return names.get(expr.name, expr) if isinstance(expr, Var) else expr

    for stmt in inner:
        assert isinstance(stmt, Let)
        names[stmt.name] = scope.hoist(stmt.name, map_expression(stmt.value, moved), stmt.note)
    return map_expression(digit, moved)


def _of_own_group(scope: Scope, one: m.Behaviour, own: Load, sums: list[KExpr]) -> KExpr:
    """Of the numbers of all groups the agent's: by choices, not from memory that something else might write."""
    each = [scope.hoist(f"{one.name}_in_{g}", total) for g, total in enumerate(sums)]
    chosen: KExpr = each[-1]
    for g in reversed(range(len(each) - 1)):
        chosen = op("select", test("eq", op("to_i64", own), integer(g)), each[g], chosen)
    return chosen


def _own_numbers_first(scope: Scope, body: list[KStmt]) -> list[KStmt]:
    """The agent's own numbers are read before anything is chosen by them: a read in a choice would be a branch."""
    own = {e for part in _expressions(body) for e in walk(part) if isinstance(e, Load) and e.index == (AGENT,)}
    numbers = sorted((e for e in own if e.dtype == "f64"), key=lambda e: e.buffer)
    first: list[KStmt] = []
    names: dict[KExpr, Var] = {load: scope.let(first, f"own_{load.buffer}", load) for load in numbers}
    for stmt in body:
        match stmt:
            case Let():
                first.append(replace(stmt, value=map_expression(stmt.value, lambda e: names.get(e, e))))
            case _:
                first.append(stmt)
    return first

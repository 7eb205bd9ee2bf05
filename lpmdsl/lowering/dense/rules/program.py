"""A rule becomes a schedule: choose for whom, keep what others were, act, settle what was written to others."""

from __future__ import annotations

from itertools import pairwise

from lpmdsl.lowering.builder import BOUNDARY, Builder, stored_as
from lpmdsl.lowering.dense.courses import entered
from lpmdsl.lowering.dense.draws import happens
from lpmdsl.lowering.dense.entries import set_on_entering
from lpmdsl.lowering.dense.expressions import Scope
from lpmdsl.lowering.dense.neighbours import look, view_items
from lpmdsl.lowering.dense.rules.choosing import (
    choice_items,
    days_passed,
    declare_block,
    eligible,
    is_chosen,
    is_period_over,
    runs,
)
from lpmdsl.lowering.dense.rules.moves import own_scope
from lpmdsl.lowering.dense.rules.paragraphs import Chain, paragraph, taken_paragraph, takes_somebody
from lpmdsl.lowering.dense.rules.taking import declare_take, no_turn, take_items
from lpmdsl.lowering.dense.rules.writes import declare_written, settle_items
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    Const,
    DType,
    Gate,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    LeftOut,
    OpenDays,
    ScheduleItem,
    Store,
    Tally,
)
from lpmdsl.program.nodes import AGENT, STEP, all_of, integer, number, op, test
from lpmdsl.semantics import model as m

FIRST = integer(0)


def declare_rule(builder: Builder, rule: m.Rule) -> None:
    """Scalars of a rule, and buffers by which those are chosen for whom it is."""
    builder.buffer(handles.times_run(rule.name), "i64", (1,), "control", note="how often the rule was due")
    if rule.test is not None:
        builder.buffer(handles.rule_is_due(rule.name), "i64", (1,), "control", note="1 where its test holds")
    note, filled = "1 where a scenario goes without it", LeftOut(rule.name)
    builder.buffer(handles.left_out(rule.name), "i64", (1,), "input", note=note, filled=filled)
    if rule.days:
        builder.buffer(
            handles.rule_days(rule.name),
            "u8",
            ("steps",),
            "input",
            note=f"1 on {rule.days}",
            filled=OpenDays(rule.name),
        )
    if rule.block.at_most is not None:
        declare_block(builder, rule.name, rule.block, False)


def rule_items(builder: Builder, rule: m.Rule) -> list[ScheduleItem]:
    """The schedule of one rule, under the test that it is due."""
    name, block = rule.name, rule.block
    items: list[ScheduleItem] = view_items(builder, rule, "")
    if block.at_most is not None:
        items += choice_items(builder, name, block, "")
    items += follow_items(builder, rule, block.at_most is not None)
    more = op("add", builder.load(handles.times_run(name), FIRST), integer(1))
    ran = Kernel(f"ran_{name}", "", (), (Store(handles.times_run(name), (FIRST,), more, rule.span),), rule.span)
    items.append(Launch(builder.kernel(ran)))
    return [*_tested(builder, rule), Gate(_is_due(builder, rule), tuple(items), name)]


def follow_items(builder: Builder, rule: m.Rule, is_limited: bool, counts: bool = False) -> list[ScheduleItem]:
    """The paragraphs, for those who are chosen (``is_limited``), else for all who may be; ``counts`` how many."""
    declare_written(builder, rule)
    before = _kept_buffers(builder, rule)
    keep = [Launch(builder.kernel(_keep_kernel(builder, rule, buffer, kept))) for buffer, kept in before.items()]
    settled = settle_items(builder, rule)
    return [*keep, *settled.before, *_act_items(builder, rule, before, is_limited, counts), *settled.after]


def entering_items(builder: Builder) -> list[ScheduleItem]:
    """The paragraphs on entering states, for those who entered them in this step, clause by clause."""
    rules = (rule for c in builder.model.conditions for rule in m.rules_in(c))
    return [item for rule in rules for item in follow_items(builder, rule, False)]


def _tested(builder: Builder, rule: m.Rule) -> list[ScheduleItem]:
    """The launch that notes whether the test of a rule holds."""
    if rule.test is None:
        return []
    scope = Scope(builder, "")
    holds = op("to_i64", scope.value(rule.test))
    store = Store(handles.rule_is_due(rule.name), (FIRST,), holds, rule.test.span)
    kernel = Kernel(f"test_{rule.name}", "", tuple(scope.prologue), (store,), rule.test.span)
    return [Launch(builder.kernel(kernel))]


def _is_due(builder: Builder, rule: m.Rule) -> KExpr:
    block, offset = rule.block, integer(rule.offset)
    tests: list[KExpr] = [test("eq", builder.load(handles.left_out(rule.name), FIRST), FIRST)]
    if rule.date is not None:
        has_come = test("ge", days_passed(builder), number(rule.date))
        return all_of(*tests, has_come, test("eq", builder.load(handles.times_run(rule.name), FIRST), FIRST))
    if rule.test is not None:
        return all_of(*tests, test("ne", builder.load(handles.rule_is_due(rule.name), FIRST), FIRST))
    if rule.offset:
        tests.append(test("ge", STEP, offset))
    tests.append(is_period_over(builder, block, offset, op("sub", STEP, offset) if rule.offset else STEP))
    if rule.days:
        tests.append(test("ne", builder.load(handles.rule_days(rule.name), STEP), FIRST))
    return all_of(*tests)


# ------------------------------------------------------------------ others as they were


def _kept_buffers(builder: Builder, rule: m.Rule) -> dict[str, str]:
    """Buffers that the rule writes and of which it may read what others have -> where they are kept as they were."""
    if not any(isinstance(e, m.Theirs | m.Neighbours) for e in m.every_expression(rule)) and not any(
        p.meeting is not None for p in rule.paragraphs
    ):
        return {}
    actions = [a for a in rule.actions if isinstance(a, m.CopyState) or (isinstance(a, m.ForceMove) and not a.theirs)]
    moved = dict.fromkeys(a.condition for a in actions)
    conditions = [builder.model.condition(c) for c in moved]
    own = {a.attribute for a in rule.actions if isinstance(a, m.SetAttribute) and not a.theirs}
    written = [handles.attribute(rule.of, name) for name in sorted(own | set_on_entering(conditions))] + list(moved)
    written += [handles.entered(c.name) for c in conditions if c.tells_since]
    types: dict[str, DType] = {
        handles.attribute(rule.of, a.name): stored_as(a.type) for a in builder.model.agent(rule.of).attributes
    }
    types |= {handles.entered(c.name): "i64" for c in conditions}
    kept = {name: f"{rule.name}_before_{name}" for name in written}
    for name, copy in kept.items():
        builder.buffer(copy, types.get(name, "u8"), (rule.of,), "state", note="as it was when the rule began")
    return kept


def _keep_kernel(builder: Builder, rule: m.Rule, buffer: str, kept: str) -> Kernel:
    store = Store(kept, (AGENT,), builder.load(buffer, AGENT), rule.span)
    return Kernel(f"keep_{kept}", rule.of, (), (store,), rule.span)


# ------------------------------------------------------------------ acting


def _scope(builder: Builder, rule: m.Rule, before: dict[str, str]) -> Scope:
    """The scope of an agent whose states and attributes are read as the rule has made them so far."""
    scope = Scope(builder, rule.of, others=before)
    if rule.is_after_moves:
        # What moves is read at the end of the step, the clock and reports as at its beginning.
        scope.now, scope.since_at, scope.is_before_reports = op("max", STEP, FIRST), BOUNDARY, test("lt", STEP, FIRST)
        scope.is_after_moves = True
    return scope


def _act_items(
    builder: Builder, rule: m.Rule, before: dict[str, str], is_limited: bool, counts: bool
) -> list[ScheduleItem]:
    """A pass for the paragraphs up to the first in which agents are taken, and another from each of these on."""
    takes = [k for k, one in enumerate(rule.paragraphs) if takes_somebody(one)]
    items: list[ScheduleItem] = []
    chain = Chain()
    for part, (first, last) in enumerate(pairwise([0, *takes, len(rule.paragraphs)])):
        scope = own_scope(_scope(builder, rule, before), rule, AGENT)
        inner = chain.taken_up(scope, rule) if part > 0 else _counted(rule, counts)
        for k, one in enumerate(rule.paragraphs[first:last]):
            is_taken = part > 0 and k == 0
            inner += taken_paragraph(scope, rule, one, chain) if is_taken else paragraph(scope, rule, one, chain)
        following = rule.paragraphs[last] if last < len(rule.paragraphs) else None
        if following is not None:
            declare_take(builder, rule, following)
            inner += chain.left_off(scope, rule, following)
        kernel = _act_kernel(rule, scope, inner, is_limited, part, following)
        items.append(Launch(builder.kernel(kernel)))
        if following is not None:
            items += take_items(builder, rule, following, _scope(builder, rule, before))
    return items


def _counted(rule: m.Rule, counts: bool) -> list[KStmt]:
    return [Tally(handles.tally(f"{rule.name}_chosen"), integer(0), integer(1))] if counts else []


def _act_kernel(
    rule: m.Rule, scope: Scope, inner: list[KStmt], is_limited: bool, part: int, following: m.Paragraph | None
) -> Kernel:
    """One pass; who follows the rule is found in the first and noted for those after it."""
    body: list[KStmt] = []
    name = f"act_{rule.name}" if part == 0 else f"act_{rule.name}_{part}"
    if following is not None:
        body.append(no_turn(following))
    if part > 0:
        follows = test("ne", scope.builder.load(f"{rule.name}_follows", AGENT), FIRST)
        body.append(If(follows, tuple(inner), span=rule.span))
        return Kernel(name, rule.of, tuple(scope.prologue), tuple(body), rule.span)
    if following is not None:
        scope.builder.buffer(f"{rule.name}_follows", "u8", (rule.of,), "state", note="1: follows the rule this time")
        body.append(Store(f"{rule.name}_follows", (AGENT,), Const(0, "u8")))
    if is_limited:
        chosen = is_chosen(scope, rule.name, rule.block, body)
    elif rule.is_after_moves:
        chosen = test("ne", scope.builder.load(entered(rule), AGENT), FIRST)
        inner.append(Store(entered(rule), (AGENT,), Const(0, "u8"), rule.span))
    else:
        look(scope, rule.block.where, body)
        chosen = eligible(scope, rule.block)
    if following is not None:
        inner = [Store(f"{rule.name}_follows", (AGENT,), Const(1, "u8")), *inner]
    if rule.chance is not None:
        drawn: list[KStmt] = []
        lucky = happens(scope, f"{rule.name}.rate", rule.chance, AGENT, runs(scope, rule), drawn)
        inner = [*drawn, If(lucky, tuple(inner), span=rule.chance.span)]
    body.append(If(chosen, tuple(inner), span=rule.span))
    return Kernel(name, rule.of, tuple(scope.prologue), tuple(body), rule.span)

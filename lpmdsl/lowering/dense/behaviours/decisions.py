"""Behaviours become passes over a kind of agents at the start of a step: the row of a table that is everyone's
archetype, a keyed draw, the decision. What the rows hold is asked for before the step, for the archetypes that occur
then (``lower_archetypes``).
"""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder, as_stored
from lpmdsl.lowering.decision_tables import TURN
from lpmdsl.lowering.dense.behaviours.archetypes import (
    FIRST,
    archetype_of,
    decides_here,
    decides_in_turn,
    declare_archetypes,
    due_test,
    is_due,
    known_views,
    sight,
)
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.plan.plan import told_attributes
from lpmdsl.networks.rng_keys import site
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    Assign,
    Clear,
    Const,
    Decide,
    Draw,
    Gate,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    LeftOut,
    ScheduleItem,
    Store,
    Var,
)
from lpmdsl.program.nodes import AGENT, STEP, all_of, any_of, chance_threshold, integer, number, op, real, test, word
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.archetypes import (
    LEAST_CHANCE,
    asks_by_itself,
    bounds_of,
    columns,
    labels_of,
    most_archetypes,
    stages,
    steps_between,
)


def declare_behaviour(builder: Builder, one: m.Behaviour) -> None:
    """The buffers of a behaviour: its table and which archetypes occur, and what each agent keeps of its decisions."""
    note, filled = "1 where a scenario goes without it", LeftOut(one.name)
    builder.buffer(handles.rests(one.name), "i64", (1,), "input", note=note, filled=filled)
    if one.rule is None:
        if asks_by_itself(one):
            declare_archetypes(builder, one)
        rows, dtype = most_archetypes(one) + 1, "f64" if is_replied(one) or one.blends is not None else "i64"
        builder.buffer(
            handles.answers(one.name), dtype, (rows, columns(one)), "state", note="what each archetype answers"
        )
    if one.remembers:
        none = (len(labels_of(one)) + 1) ** one.remembers - 1
        builder.buffer(
            handles.memory(one.name), "i32", (one.of,), "state", none, "the last decisions, the latest first"
        )
    if one.when:
        if not one.asked_with:
            note = "1 + what was known at the last decision"
            builder.buffer(handles.saw(one.name), "i32", (one.of,), "state", note=note)
        builder.buffer(handles.decisions_made(one.name), "i32", (one.of,), "state", note="how many decisions were made")


def is_replied(one: m.Behaviour) -> bool:
    """Return True if the table holds replies, one of which is drawn, and not thresholds of labels."""
    return not labels_of(one)


# ------------------------------------------------------------------ decisions


def decide_items(builder: Builder) -> list[ScheduleItem]:
    """Passes for each kind of agents that decide, in steps in which something is due.

    What a language model decided is known before the step, so only rules read what others may write; they come first.
    """
    items: list[ScheduleItem] = []
    for stage in range(stages(builder.model)):
        items += _stage_items(builder, stage, STEP_ITSELF)
    return [*items, *([Clear(TURN)] if TURN in builder.buffers else [])]


def early_items(builder: Builder, stage: int) -> list[ScheduleItem]:
    """The same of one stage, before those of the next one look."""
    return _stage_items(builder, stage, stage + 2)


STEP_ITSELF = 0
"""The turn of decisions in the step, where nobody was asked before it."""


def _stage_items(builder: Builder, stage: int, turn: int) -> list[ScheduleItem]:
    """Rules read what others may write, so they see and decide first."""
    behaviours = [b for b in builder.model.behaviours if b.stage == stage]
    items = [view for b in behaviours if b.rule is not None for view in known_views(builder, b)]
    for kind in dict.fromkeys(b.of for b in behaviours):
        deciding = [b for b in behaviours if b.of == kind]
        plain = [b for b in deciding if _is_plain(builder, b)]
        if others := [b for b in deciding if b not in plain]:
            items += _decide_together(builder, kind, others, stage, turn)
        for one in plain:
            is_early = bool(decides_in_turn(builder, stage))
            now = (test("eq", builder.load(TURN, FIRST), integer(turn)),) if is_early else ()
            items.append(Gate(all_of(due_test(builder, one), *now), (_decide(builder, one),), one.name))
    return items


def _decide_together(
    builder: Builder, kind: str, deciding: list[m.Behaviour], stage: int, turn: int
) -> list[ScheduleItem]:
    """One pass for all of them."""
    name = f"decide_{kind}" if stages(builder.model) == 1 else f"decide_{kind}_{stage + 1}"
    if name not in builder.kernels:
        builder.kernel(_decide_kernel(builder, name, deciding))
    launch = Launch(name)
    all_periods = {steps_between(builder.model, b) for b in deciding}
    periods = sorted(p for p in all_periods if not any(p % q == 0 for q in all_periods - {p}))
    due = any_of(*(test("eq", op("mod", STEP, integer(p)), integer(0)) for p in periods))
    is_gated = 1 not in periods and turn == STEP_ITSELF  # no gate stands where people look
    return [Gate(due, (launch,), ", ".join(b.name for b in deciding))] if is_gated else [launch]


def _is_plain(builder: Builder, one: m.Behaviour) -> bool:
    """Return True if a processor's ``Decide`` does all of it: one word and a table, nothing to remember."""
    if builder.plan is None or one.rule is not None or one.remembers or one.when or one.blends is not None:
        return False
    is_told = one.into in told_attributes(builder.model)
    return one.decides.kind is Kind.BOOLEAN or (is_replied(one) and not is_told)


def _decide(builder: Builder, one: m.Behaviour) -> Decide:
    episode = op("floordiv", STEP, integer(steps_between(builder.model, one)))
    is_listed = one.into in told_attributes(builder.model) and handles.noted(handles.changed(one.of)) in builder.buffers
    asks = one.asks if is_replied(one) else 0
    return Decide(one.name, handles.attribute(one.of, one.into), asks, site(one.site), episode,
                  handles.changed(one.of) if is_listed else "", one.span, one.asked_with)  # fmt: skip


def _decide_kernel(builder: Builder, name: str, deciding: list[m.Behaviour]) -> Kernel:
    """Everything is read before anything is written that another behaviour of the agent reads."""
    kind = deciding[0].of
    scope = Scope(builder, kind)
    body = read_states(scope)
    later: list[KStmt] = []
    for position, one in enumerate(deciding):
        inner: list[KStmt] = []
        due = is_due(scope, one, *decides_in_turn(builder, one.stage))
        value = _decision(scope, one, due, inner)
        sighted = _sighted(scope, one, inner)
        if any(_reads(builder.model, other, one.into) for other in deciding[position + 1 :]):
            flag = scope.let(body, f"{one.name}_decides", Const(False, "bool"))
            kept = scope.let(body, f"{one.name}_says", _zero(value))
            inner += [Assign(flag.name, Const(True, "bool")), Assign(kept.name, value), *sighted]
            later.append(If(flag, tuple(_written(scope, one, kept)), span=one.span))
        else:
            inner += [*sighted, *_written(scope, one, value)]
        decides = _decides(scope, one, body)
        body.append(If(all_of(due, decides), tuple(inner), span=one.span, note=one.name))
    return Kernel(name, kind, tuple(scope.prologue), (*body, *later), deciding[0].span,
                  "what people decide")  # fmt: skip


def _decides(scope: Scope, one: m.Behaviour, body: list[KStmt]) -> KExpr:
    """Test that the agent decides where it is due."""
    if one.rule is None:
        return test("ne", archetype_of(scope.builder, one), integer(most_archetypes(one)))
    return decides_here(scope, one, body)


def _sighted(scope: Scope, one: m.Behaviour, body: list[KStmt]) -> list[KStmt]:
    """Statements that note what a decision that waits for changes has seen."""
    if not one.when:
        return []
    made = op("add", op("to_i64", scope.builder.load(handles.decisions_made(one.name), AGENT)), integer(1))
    counted = Store(handles.decisions_made(one.name), (AGENT,), op("to_i32", made, dtype="i32"), one.span)
    if one.asked_with:
        return [counted]
    seen = sight(scope, one, body)
    return [Store(handles.saw(one.name), (AGENT,), op("to_i32", seen, dtype="i32"), one.span), counted]


def _zero(value: KExpr) -> Const:
    match value.dtype:
        case "bool":
            return Const(False, "bool")
        case "f64":
            return number(0.0)
        case _:
            return integer(0)


def _reads(model: m.Model, one: m.Behaviour, attribute: str) -> bool:
    """Return True if a behaviour's rule, or what it watches, reads an attribute, also through a ``while`` clause."""
    if one.rule is None and one.blends is None and not one.when:
        return False
    parts: tuple[object, ...] = (one.knows, one.rule, one.blends)
    parts += tuple(w.value for c in model.conditions if c.of == one.of for w in c.whiles)
    parts += tuple((w.where, w.sets) for i in model.interventions for w in i.while_active if w.of == one.of)
    read = (e for part in parts for e in m.every_expression(part))
    return any(isinstance(e, m.AttributeRef) and e.name == attribute for e in read)


def _decision(scope: Scope, one: m.Behaviour, due: Var, body: list[KStmt]) -> KExpr:
    """Value that the agent decides, a truth, a label or a share; its draw goes into ``body``."""
    if one.rule is not None:
        return _by_rule(scope, one, one.rule, due, body)
    row = archetype_of(scope.builder, one)
    drawn = _draw(scope, one, due, body)
    table = handles.answers(one.name)
    if one.blends is not None:
        said = scope.let(body, f"{one.name}_said", scope.builder.load(table, row, integer(0)))
        blended = scope.let(body, f"{one.name}_blended", _blended(scope, one, one.blends, said, body))
        return _says_yes(scope, one, drawn, blended, body)
    if is_replied(one):
        column = op("shr", op("mul", drawn, integer(one.asks)), integer(32))
        return scope.let(body, f"{one.name}_reply", scope.builder.load(table, row, column))
    bounds = [scope.builder.load(table, row, integer(k)) for k in range(len(labels_of(one)) - 1)]
    if one.decides.kind is Kind.BOOLEAN:
        return scope.let(body, f"{one.name}_is_yes", test("ge", drawn, bounds[0]))
    label: KExpr = integer(len(bounds))
    for k, bound in reversed(list(enumerate(bounds))):
        label = op("select", test("lt", drawn, bound), integer(k), label)
    return scope.let(body, f"{one.name}_label", label)


def _draw(scope: Scope, one: m.Behaviour, due: Var, body: list[KStmt]) -> Var:
    """The word that decides; its episode: how often it was due before, or how many decisions the agent has made."""
    if one.when:
        episode = op("to_i64", scope.builder.load(handles.decisions_made(one.name), AGENT))
    else:
        episode = op("floordiv", STEP, integer(steps_between(scope.builder.model, one)))
    name = scope.fresh("w")
    scope.fresh(f"{name}_words")  # a processor's name for those of a whole chunk
    together = None if one.when else due
    body.append(Draw(name, site(one.site), AGENT, episode, one.site, one.span, quartered=True, together=together))
    return word(name, 0)


def _by_rule(scope: Scope, one: m.Behaviour, rule: m.Expr, due: Var, body: list[KStmt]) -> KExpr:
    value = scope.value(rule, f"{one.name}_rule")
    if one.decides.kind is Kind.CATEGORY:
        return scope.let(body, f"{one.name}_label", value)
    if value.dtype == "bool" and one.shifted is None:
        return scope.let(body, f"{one.name}_is_yes", value)
    chance = _as_chance(value)
    if one.decides.kind is Kind.NUMBER:
        chance = real("floor", real("add", chance, number(0.5)))
    # What is no number counts as the least, as wherever a number becomes fixed point.
    low, high = (number(bound) for bound in bounds_of(one))
    held = scope.let(body, f"{one.name}_chance", real("min", high, real("max", low, chance)))
    if one.shifted is not None:
        held = scope.let(body, f"{one.name}_shifted", _shifted(scope, one.shifted, held))
    if one.decides.kind is not Kind.BOOLEAN:
        return held
    return _says_yes(scope, one, _draw(scope, one, due, body), held, body)


def _as_chance(value: KExpr) -> KExpr:
    return op("select", value, number(1.0), number(0.0), dtype="f64") if value.dtype == "bool" else value


def _says_yes(scope: Scope, one: m.Behaviour, drawn: KExpr, chance: KExpr, body: list[KStmt]) -> Var:
    """A local: whether the agent says yes, which it does in the upper part of what can be drawn."""
    no = chance_threshold(real("sub", number(1.0), chance))
    return scope.let(body, f"{one.name}_is_yes", test("ge", drawn, no))


def _blended(scope: Scope, one: m.Behaviour, blend: m.Blend, said: KExpr, body: list[KStmt]) -> KExpr:
    """The inverse logit of both logits, weighed; at the ends one of the two as it is."""
    value = scope.value(blend.rule, f"{one.name}_rule")
    chance = _as_chance(value)
    ruled = scope.let(body, f"{one.name}_ruled", real("min", number(1.0), real("max", number(0.0), chance)))
    weight = scope.value(blend.weight, "weight")
    logits = [_logit(scope.let(body, f"{one.name}_part", _held(p))) for p in (said, ruled)]
    mixed = real("add", real("mul", real("sub", number(1.0), weight), logits[0]), real("mul", weight, logits[1]))
    told = op("select", test("le", weight, number(0.0)), said, _inverse_logit(mixed), dtype="f64")
    return op("select", test("ge", weight, number(1.0)), ruled, told, dtype="f64")


def _held(chance: KExpr) -> KExpr:
    """The chance, no nearer to 0 and 1 than a draw can tell, so that its logit is a number."""
    return real("min", number(1.0 - LEAST_CHANCE), real("max", number(LEAST_CHANCE), chance))


def _logit(chance: KExpr) -> KExpr:
    return real("log", real("div", chance, real("sub", number(1.0), chance)))


def _inverse_logit(value: KExpr) -> KExpr:
    return real("div", number(1.0), real("add", number(1.0), real("exp", real("neg", value))))


def _shifted(scope: Scope, shift: m.Expr, chance: KExpr) -> KExpr:
    """The inverse logit of the logit and the shift; no shift leaves the chance as it is."""
    by = scope.value(shift, "shift")
    moved = _inverse_logit(real("add", _logit(chance), by))
    return op("select", test("eq", by, number(0.0)), chance, moved, dtype="f64")


def _written(scope: Scope, one: m.Behaviour, value: KExpr) -> list[KStmt]:
    """The decision in its attribute and in the agent's memory."""
    builder, name = scope.builder, handles.attribute(one.of, one.into)
    stored = as_stored(value, builder.buffers[name].dtype)
    body: list[KStmt] = [Store(name, (AGENT,), stored, one.span)]
    if one.remembers:
        size = len(labels_of(one)) + 1
        rest = op("floordiv", op("to_i64", builder.load(handles.memory(one.name), AGENT)), integer(size))
        label = op("to_i64", value) if value.dtype == "bool" else value
        latest = op("add", op("mul", label, integer(size ** (one.remembers - 1))), rest)
        body.append(Store(handles.memory(one.name), (AGENT,), op("to_i32", latest, dtype="i32"), one.span))
    return body

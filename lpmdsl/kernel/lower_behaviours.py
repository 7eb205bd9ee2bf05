"""Behaviours become one pass over a kind of agents at the start of a step: everyone's archetype, its row of a table, a
keyed draw, the decision. What the rows hold is asked for before the step (``look``), for the archetypes that occur.
"""

from __future__ import annotations

from functools import reduce

from lpmdsl.kernel.builder import (
    AGENT,
    STEP,
    Builder,
    all_of,
    any_of,
    chance_threshold,
    integer,
    number,
    op,
    real,
    test,
    word,
)
from lpmdsl.kernel.ir import (
    Assign,
    Clear,
    Const,
    Draw,
    Gate,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    ScheduleItem,
    Store,
    Var,
)
from lpmdsl.kernel.lower_expressions import Scope, joined, read_states
from lpmdsl.kernel.lower_lists import note_change
from lpmdsl.kernel.lower_presence import any_removed
from lpmdsl.kernel.strategy import told_attributes
from lpmdsl.networks.sites import site
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m
from lpmdsl.semantics.archetypes import columns, labels_of, most_archetypes, steps_between

FIRST = integer(0)


def declare_behaviour(builder: Builder, one: m.Behaviour) -> None:
    """The buffers of a behaviour: its table and which archetypes occur, and what each agent keeps of its decisions."""
    builder.buffer(f"{one.name}_rests", "i64", (1,), "input", note="1 where a scenario goes without it")
    if one.rule is None:
        codes, dtype = most_archetypes(one), "f64" if is_replied(one) else "i64"
        builder.buffer(f"{one.name}_occurs", "u8", (codes,), "scratch", note="1: somebody is of this archetype")
        builder.buffer(f"{one.name}_table", dtype, (codes, columns(one)), "state", note="what each archetype answers")
    if one.remembers:
        none = (len(labels_of(one)) + 1) ** one.remembers - 1
        builder.buffer(f"{one.name}_memory", "i32", (one.of,), "state", none, "the last decisions, the latest first")
    if one.when:
        builder.buffer(f"{one.name}_saw", "i32", (one.of,), "state", note="1 + what was known at the last decision")
        builder.buffer(f"{one.name}_made", "i32", (one.of,), "state", note="how many decisions were made")


def is_replied(one: m.Behaviour) -> bool:
    """Whether the table holds replies, one of which is drawn, and not thresholds of labels."""
    return one.decides.kind in (Kind.SHARE, Kind.PROBABILITY)


# ------------------------------------------------------------------ before a step


def look_items(builder: Builder) -> list[ScheduleItem]:
    """Which archetypes occur among those who are about to decide."""
    items: list[ScheduleItem] = []
    for kind in dict.fromkeys(b.of for b in builder.model.behaviours if b.rule is None):
        asking = [b for b in builder.model.behaviours if b.of == kind and b.rule is None]
        items += [Clear(f"{b.name}_occurs") for b in asking]
        items.append(Launch(builder.kernel(_look_kernel(builder, kind, asking))))
    return items


def _look_kernel(builder: Builder, kind: str, asking: list[m.Behaviour]) -> Kernel:
    scope = Scope(builder, kind)
    body = read_states(scope)
    for one in asking:
        inner: list[KStmt] = []
        code = _code(scope, one, inner)
        inner.append(Store(f"{one.name}_occurs", (code,), op("to_u8", integer(1), dtype="u8"), one.span))
        body.append(_if_due(scope, one, _due(scope, one), inner, decides=False))
    return Kernel(f"look_{kind}", kind, tuple(scope.prologue), tuple(body), asking[0].span, "who is about to decide")


def _due(scope: Scope, one: m.Behaviour) -> Var:
    """Whether the behaviour is due in this step, for everyone alike."""
    due: KExpr = test("eq", scope.builder.load(f"{one.name}_rests", FIRST), integer(0))
    steps = steps_between(scope.builder.model, one)
    if steps > 1:
        due = all_of(due, test("eq", op("mod", STEP, integer(steps)), integer(0)))
    return scope.hoist(f"{one.name}_is_due", due)


def _if_due(scope: Scope, one: m.Behaviour, due: Var, inner: list[KStmt], decides: bool) -> If:
    """``inner`` for agents who decide now: it is due, they are not removed, what they watch has changed for them."""
    tests: list[KExpr] = [due]
    if any(c.of == one.of and c.removed for c in scope.builder.model.conditions):
        tests.append(test("not", any_removed(scope, one.of)))
    if not one.when:
        return If(all_of(*tests), tuple(inner), span=one.span, note=one.name)
    before = op("to_i64", scope.builder.load(f"{one.name}_saw", AGENT))
    body: list[KStmt] = []
    seen = scope.let(body, f"{one.name}_sees", _sight(scope, one, body))
    after = _sighted(scope, one, seen) if decides else []
    changed = If(test("ne", seen, before), (*inner, *after), span=one.span)
    return If(all_of(*tests), (*body, changed), span=one.span, note=one.name)


def _sight(scope: Scope, one: m.Behaviour, body: list[KStmt]) -> KExpr:
    """1 + the number of what is known of the slots that are watched; 0 is for those who never decided."""
    watched = [k for k in one.knows if k.slot in one.when]
    codes = [_digit(scope, k, body) for k in watched]
    return op("add", joined(codes, [len(k.labels) for k in watched]), integer(1))


def _sighted(scope: Scope, one: m.Behaviour, seen: Var) -> list[KStmt]:
    """What a decision that waits for changes leaves behind."""
    made = op("add", op("to_i64", scope.builder.load(f"{one.name}_made", AGENT)), integer(1))
    return [
        Store(f"{one.name}_saw", (AGENT,), op("to_i32", seen, dtype="i32"), one.span),
        Store(f"{one.name}_made", (AGENT,), op("to_i32", made, dtype="i32"), one.span),
    ]


# ------------------------------------------------------------------ archetypes


def _code(scope: Scope, one: m.Behaviour, body: list[KStmt]) -> KExpr:
    """The number of the agent's archetype (``semantics.archetypes.digits``)."""
    codes = [_digit(scope, known, body) for known in one.knows]
    sizes = [len(known.labels) for known in one.knows]
    if one.remembers:
        codes.append(op("to_i64", scope.builder.load(f"{one.name}_memory", AGENT)))
        sizes.append((len(labels_of(one)) + 1) ** one.remembers)
    return scope.let(body, f"{one.name}_archetype", joined(codes, sizes))


def _digit(scope: Scope, known: m.Known, body: list[KStmt]) -> KExpr:
    """Which label of a slot is the agent's: how many cuts its number has reached, or the last one if there is none."""
    if not known.cuts:
        return scope.index(known.value)
    where = body if m.reads_agent(known.value) else scope.prologue
    value = scope.let(where, known.slot, scope.value(known.value, known.slot))
    reached = (test("ge", value, scope.value(cut, known.slot)) for cut in known.cuts)
    band = reduce(lambda a, b: op("add", a, b), (op("select", r, integer(1), integer(0)) for r in reached))
    if len(known.labels) > len(known.cuts) + 1:
        band = op("select", test("ne", value, value), integer(len(known.cuts) + 1), band)
    return scope.let(where, f"{known.slot}_band", band)


# ------------------------------------------------------------------ decisions


def decide_items(builder: Builder) -> list[ScheduleItem]:
    """One pass for each kind of agents that decide, in steps in which something is due."""
    items: list[ScheduleItem] = []
    for kind in dict.fromkeys(b.of for b in builder.model.behaviours):
        deciding = [b for b in builder.model.behaviours if b.of == kind]
        launch = Launch(builder.kernel(_decide_kernel(builder, kind, deciding)))
        all_periods = {steps_between(builder.model, b) for b in deciding}
        periods = sorted(p for p in all_periods if not any(p % q == 0 for q in all_periods - {p}))
        due = any_of(*(test("eq", op("mod", STEP, integer(p)), integer(0)) for p in periods))
        items.append(launch if 1 in periods else Gate(due, (launch,), ", ".join(b.name for b in deciding)))
    return items


def _decide_kernel(builder: Builder, kind: str, deciding: list[m.Behaviour]) -> Kernel:
    """Everything is read before anything is written that another behaviour of the agent reads."""
    scope = Scope(builder, kind)
    body = read_states(scope)
    later: list[KStmt] = []
    for position, one in enumerate(deciding):
        inner: list[KStmt] = []
        due = _due(scope, one)
        value = _decision(scope, one, due, inner)
        if any(_reads(builder.model, other, one.into) for other in deciding[position + 1 :]):
            flag = scope.let(body, f"{one.name}_decides", Const(False, "bool"))
            kept = scope.let(body, f"{one.name}_says", _zero(value))
            inner += [Assign(flag.name, Const(True, "bool")), Assign(kept.name, value)]
            later.append(If(flag, tuple(_written(scope, one, kept)), span=one.span))
        else:
            inner += _written(scope, one, value)
        body.append(_if_due(scope, one, due, inner, decides=True))
    return Kernel(f"decide_{kind}", kind, tuple(scope.prologue), (*body, *later), deciding[0].span,
                  "what people decide")  # fmt: skip


def _zero(value: KExpr) -> Const:
    match value.dtype:
        case "bool":
            return Const(False, "bool")
        case "f64":
            return number(0.0)
        case _:
            return integer(0)


def _reads(model: m.Model, one: m.Behaviour, attribute: str) -> bool:
    """Whether what a behaviour knows or its rule hangs on an attribute, also through a ``while`` clause."""
    parts: tuple[object, ...] = (one.knows, one.rule)
    parts += tuple(w.value for c in model.conditions if c.of == one.of for w in c.whiles)
    read = (e for part in parts for e in m.every_expression(part))
    return any(isinstance(e, m.AttributeRef) and e.name == attribute for e in read)


def _decision(scope: Scope, one: m.Behaviour, due: Var, body: list[KStmt]) -> KExpr:
    """What the agent decides: a truth, a label or a share."""
    if one.rule is not None:
        return _by_rule(scope, one, one.rule, due, body)
    row = _code(scope, one, body)
    drawn = _draw(scope, one, due, body)
    table = f"{one.name}_table"
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
        episode = op("to_i64", scope.builder.load(f"{one.name}_made", AGENT))
    else:
        episode = op("floordiv", STEP, integer(steps_between(scope.builder.model, one)))
    name = scope.fresh("w")
    scope.fresh(f"{name}_words")  # a processor's name for those of a whole chunk
    body.append(Draw(name, site(one.site), AGENT, episode, one.site, one.span, None if one.when else due))
    return word(name, 0)


def _by_rule(scope: Scope, one: m.Behaviour, rule: m.Expr, due: Var, body: list[KStmt]) -> KExpr:
    value = scope.value(rule, f"{one.name}_rule")
    if one.decides.kind is Kind.CATEGORY:
        return scope.let(body, f"{one.name}_label", value)
    if value.dtype == "bool" and one.shifted is None:
        return scope.let(body, f"{one.name}_is_yes", value)
    chance = op("select", value, number(1.0), number(0.0), dtype="f64") if value.dtype == "bool" else value
    # What is no number counts as 0, as wherever a number becomes fixed point.
    held = scope.let(body, f"{one.name}_chance", real("min", number(1.0), real("max", number(0.0), chance)))
    if one.shifted is not None:
        held = scope.let(body, f"{one.name}_shifted", _shifted(scope, one.shifted, held))
    if one.decides.kind is not Kind.BOOLEAN:
        return held
    no = chance_threshold(real("sub", number(1.0), held))
    return scope.let(body, f"{one.name}_is_yes", test("ge", _draw(scope, one, due, body), no))


def _shifted(scope: Scope, shift: m.Expr, chance: KExpr) -> KExpr:
    """The inverse logit of the logit and the shift; no shift leaves the chance as it is."""
    by = scope.value(shift, "shift")
    logit = real("log", real("div", chance, real("sub", number(1.0), chance)))
    moved = real("div", number(1.0), real("add", number(1.0), real("exp", real("neg", real("add", logit, by)))))
    return op("select", test("eq", by, number(0.0)), chance, moved, dtype="f64")


def _written(scope: Scope, one: m.Behaviour, value: KExpr) -> list[KStmt]:
    """The decision in its attribute and in the agent's memory; others hear of it where their force hangs on it."""
    builder, name = scope.builder, f"{one.of}_{one.into}"
    stored = value if builder.buffers[name].dtype == "f64" else op("to_u8", value, dtype="u8")
    body: list[KStmt] = [Store(name, (AGENT,), stored, one.span)]
    if builder.plan is not None and one.into in told_attributes(builder.model):
        kind = Kind.NUMBER if builder.buffers[name].dtype == "f64" else one.decides.kind
        before = Scope.typed(builder.load(name, AGENT), kind)
        differs = test("ne", before, value)
        body = [If(differs, (*body, *note_change(scope)), span=one.span)]
    if one.remembers:
        size = len(labels_of(one)) + 1
        rest = op("floordiv", op("to_i64", builder.load(f"{one.name}_memory", AGENT)), integer(size))
        label = op("to_i64", value) if value.dtype == "bool" else value
        latest = op("add", op("mul", label, integer(size ** (one.remembers - 1))), rest)
        body.append(Store(f"{one.name}_memory", (AGENT,), op("to_i32", latest, dtype="i32"), one.span))
    return body

"""Behaviours: what is decided, when, from what, by whom, and what happens without an answer."""

from __future__ import annotations

from lpmdsl.diagnostics import Label
from lpmdsl.quantities import BOOLEAN, ERROR, NUMBER, PROBABILITY, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.archetypes import MOST_ANSWERS, MOST_ARCHETYPES, columns, digits, most_archetypes
from lpmdsl.semantics.analysis.vertices import constant as constant_value
from lpmdsl.semantics.checks.behaviours.knows import check_knows
from lpmdsl.semantics.checks.behaviours.prompts import check_prompts
from lpmdsl.semantics.checks.behaviours.surveys import check_survey
from lpmdsl.semantics.checks.values.expressions import check_expression, check_value
from lpmdsl.semantics.checks.values.periods import check_period
from lpmdsl.semantics.checks.values.probabilities import check_probability
from lpmdsl.semantics.context import Context, nothing
from lpmdsl.semantics.resolve.scope import Scope, constant
from lpmdsl.semantics.spans import word_span
from lpmdsl.syntax import tree

MOST_ASKS = 1_000
MOST_REMEMBERED = 8
MOST_DECIDED = 255
DEFAULT_FALLBACKS = 0.05
_DECIDED = {"yes/no": Kind.BOOLEAN, "share": Kind.SHARE, "probability": Kind.PROBABILITY, "category": Kind.CATEGORY}


def check_behaviours(ctx: Context) -> None:
    """All behaviours into ``ctx.behaviours``, and a check that scenarios choose among those which decide the same."""
    for name, written in ctx.names.behaviours().items():
        made = _behaviour(ctx, written)
        if made is None:
            ctx.broken.add(name)
        else:
            ctx.behaviours[name] = made
    _told_apart(ctx)


def _behaviour(ctx: Context, written: tree.Behaviour) -> model.Behaviour | None:
    if ctx.names.is_library and written.of.id not in ctx.names.agents():
        return None  # about agents that its user will declare
    kind = ctx.agent_kind(written.of)
    if kind is None or written.decides is None or (written.every is None and not written.when):
        return None
    decides = _decides(ctx, written.decides, kind)
    knows = check_knows(ctx, written, kind)
    if decides is None or knows is None:
        return None
    every, when = _times(ctx, written, knows)
    rule = written.decides.rule
    asks = _asks(ctx, written, decides)
    otherwise = _otherwise(ctx, written, decides)
    shifted = _shifted(ctx, written, decides)
    remembers = _remembers(ctx, written, decides)
    decided = _rule(ctx, rule, decides, knows, kind) if rule is not None else None
    made = model.Behaviour(
        written.name.id,
        kind,
        decides,
        written.decides.into.id,
        every,
        when,
        knows,
        asks,
        _joined(written.asks.prompt if written.asks is not None else ()),
        _joined(written.system),
        remembers,
        shifted,
        otherwise,
        decided,
        _fallbacks(ctx, written),
        check_survey(ctx, written, knows),
        # Keyed by what is decided: whoever decides it in another scenario, a person's draw is the same.
        f"{kind}.{written.decides.into.id}.decided",
        written.doc,
        written.span,
        _answers(ctx, written.decides, decides),
    )
    if any(e is not None and e.type == ERROR for e in (otherwise, shifted, decided)):
        return None
    check_prompts(ctx, written, made)
    return made if _is_finite(ctx, made) else None


def _joined(lines: tuple[tree.Text, ...]) -> str:
    return " ".join(line.text for line in lines)


# ------------------------------------------------------------------ what is decided


def _decides(ctx: Context, clause: tree.Decides, kind: str) -> Type | None:
    """The type of the decision: that of the attribute it is written into."""
    wanted, into = _DECIDED.get(clause.type.name), clause.into
    if wanted is None:
        ctx.report.add(
            "E0735",
            f"A {clause.type.name} cannot be decided.",
            clause.type.span,
            f"A behaviour decides {', '.join(f'`{word}`' for word in _DECIDED)}.",
        )
        return None
    members = ctx.members[kind]
    if into.id not in members:
        help = f"Declare it: `extend {kind}` with the line `{into.id} {clause.type.name} = …`."
        ctx.unknown(into, "an attribute", members, help)
        return None
    member = members[into.id]
    if member.is_place or member.is_computed:
        why = "is a place" if member.is_place else "is computed from another attribute"
        ctx.report.add(
            "E0735",
            f"`{into.id}` cannot be decided: it {why}.",
            into.span,
            "Decide an attribute of its own and read that.",
            labels=ctx.declared(into.id),
        )
        return None
    if member.type == ERROR:
        return None
    if len(member.type.labels) > MOST_DECIDED:
        message = f"`{into.id}` has {len(member.type.labels)} labels, and a decision is one of {MOST_DECIDED} at most."
        ctx.report.add("E0882", message, into.span, "Decide a coarser category.")
        return None
    if member.type.kind is not wanted:
        ctx.report.add(
            "E0735",
            f"`{into.id}` is {member.type}, and this behaviour decides {Type(wanted)}.",
            clause.type.span,
            f"Write `decides {_word(member.type)} into {into.id}`, or decide another attribute."
            if member.type.kind in _DECIDED.values()
            else "Decide another attribute.",
            [Label(member.span, "declared here")],
        )
        return None
    return member.type


def _word(kind: Type) -> str:
    return next(word for word, found in _DECIDED.items() if found is kind.kind)


def _answers(ctx: Context, clause: tree.Decides, decides: Type) -> tuple[str, ...]:
    """Words for no and yes in a reply."""
    if not clause.answers:
        return ()
    yes, no = clause.answers
    if decides.kind is not Kind.BOOLEAN or clause.rule is not None:
        why = "a rule gives no words" if clause.rule is not None else "only yes and no can be called otherwise"
        _misfit(ctx, "as … or …", why, yes, "Leave it out.")
        return ()
    if yes.text == no.text:
        _misfit(ctx, "as … or …", "yes and no have the same word", no, "Name two: the word for yes, then that for no.")
        return ()
    return no.text, yes.text


Clause = tree.Expr | tree.Asks | tree.Name | tree.Text


def _misfit(ctx: Context, clause: str, why: str, where: Clause, help: str) -> None:
    ctx.report.add("E0736", f"`{clause}` does not belong here: {why}.", where.span, help)


# ------------------------------------------------------------------ when


def _every(ctx: Context, written: tree.Quantity) -> float:
    """The period of a decision in days; a step after a report."""
    period = check_period(ctx, written, "A period")
    if period is not None and period.months:
        ctx.report.add("E0736", "A decision is due every so many days, and months are unequal.", written.span,
                       f"Write `every {period.months * 30} days`.")  # fmt: skip
    return ctx.step if period is None or period.months else period.days


def _times(
    ctx: Context, written: tree.Behaviour, knows: tuple[model.Known, ...]
) -> tuple[float | None, tuple[str, ...]]:
    if written.every is not None:
        if written.when:
            why = "`every` says already when it is decided"
            _misfit(ctx, "when … changes", why, written.when[0], "Keep one of the two lines.")
        return _every(ctx, written.every), ()
    slots = {k.slot: k for k in knows}
    for name in written.when:
        if name.id not in slots:
            ctx.report.add(
                "E0733",
                f"`{name.id}` is not known to those who decide, so they cannot see it change.",
                name.span,
                f"Write `knows {name.id}` too; known are {', '.join(slots) or 'no slots'}.",
            )
        elif not slots[name.id].labels:
            why = "a number changes in nearly every step"
            _misfit(ctx, "when … changes", why, name, f"Write `knows {name.id} in bands at …`.")
    return None, tuple(name.id for name in written.when)


# ------------------------------------------------------------------ how


def _asks(ctx: Context, written: tree.Behaviour, decides: Type) -> int:
    clause, rule = written.asks, written.decides.rule if written.decides is not None else None
    if rule is not None and clause is not None:
        _misfit(ctx, "asks", "the rule decides and nobody is asked", clause, "Keep the rule or the prompt.")
    if rule is not None:
        return 0
    if clause is None:
        ctx.report.add(
            "E0112",
            "This behaviour does not say how it is decided.",
            word_span(written.span, written.name.id),
            "Write `asks 20 times per archetype` and the prompt below it, or `by rule …` after `into`.",
        )
        return 1
    if clause.times is None:
        if decides.kind not in (Kind.BOOLEAN, Kind.CATEGORY):
            why = "only answers that can be listed have probabilities"
            _misfit(ctx, "asks for probabilities", why, clause, "Write `asks 20 times per archetype`.")
        return 0
    number = clause.times.value
    if number != int(number) or not 1 <= number <= MOST_ASKS:
        ctx.report.add(
            "E0316",
            f"Nobody can be asked {clause.times.text} times.",
            clause.times.span,
            f"Write a whole number from 1 to {MOST_ASKS:,}: `asks 20 times per archetype`.",
        )
        return 1
    return int(number)


def _remembers(ctx: Context, written: tree.Behaviour, decides: Type) -> int:
    clause = written.remembers
    if clause is None:
        return 0
    if written.decides is not None and written.decides.rule is not None:
        _misfit(ctx, "remembers", "a rule reads what is known, not what was decided", clause, "Leave the line out.")
    elif decides.kind not in (Kind.BOOLEAN, Kind.CATEGORY):
        _misfit(ctx, "remembers", "a share has endlessly many values", clause, "Remember yes/no or a category.")
    elif clause.value != int(clause.value) or not 1 <= clause.value <= MOST_REMEMBERED:
        ctx.report.add(
            "E0316",
            f"{clause.text} decisions cannot be remembered.",
            clause.span,
            f"Write a whole number from 1 to {MOST_REMEMBERED}: `remembers the last 2 decisions`.",
        )
    else:
        return int(clause.value)
    return 0


def _shifted(ctx: Context, written: tree.Behaviour, decides: Type) -> model.Expr | None:
    if written.shifted is None:
        return None
    if decides.kind is Kind.CATEGORY:
        why = "a shift of the logit needs one probability or share, and a category has several"
        _misfit(ctx, "shifted by", why, written.shifted, "Leave the line out, or decide yes/no.")
        return None
    return check_value(ctx, written.shifted, constant("a shift"), NUMBER, "a shift of the logit")


def _otherwise(ctx: Context, written: tree.Behaviour, decides: Type) -> model.Expr:
    """The probability of yes, the share, or the label where no answer can be had."""
    clause = written.otherwise
    if clause is None:
        if written.decides is not None and written.decides.rule is not None:
            return model.Literal_(0.0, decides, written.span)
        ctx.report.add(
            "E0112",
            "This behaviour does not say what is decided when no answer can be had.",
            word_span(written.span, written.name.id),
            f"Add a line such as `otherwise {_some(decides)}`.",
        )
        return nothing(written.span)
    scope = constant("what is decided otherwise")
    if decides.kind is Kind.CATEGORY:
        return check_value(ctx, clause, scope, decides, "what is decided otherwise")
    if decides.kind is Kind.BOOLEAN and isinstance(clause, tree.YesNo):
        return model.Literal_(float(clause.value), PROBABILITY, clause.span)
    return check_probability(ctx, clause, scope, "what is decided otherwise")


def _some(decides: Type) -> str:
    return decides.labels[0] if decides.kind is Kind.CATEGORY and decides.labels else "10 %"


def _fallbacks(ctx: Context, written: tree.Behaviour) -> float:
    if written.fallbacks is None:
        return DEFAULT_FALLBACKS
    most = check_probability(ctx, written.fallbacks, constant("a bound on fallbacks"), "the share of fallbacks")
    return DEFAULT_FALLBACKS if most.type == ERROR else constant_value(most, ctx.values, ctx.tables)


# ------------------------------------------------------------------ by a rule


def _rule(ctx: Context, rule: tree.Expr, decides: Type, knows: tuple[model.Known, ...], kind: str) -> model.Expr:
    """The rule with what is known in place of each slot: a report by groups is that of the agent's own group."""
    slots = {k.slot: k.value for k in knows}
    scope = Scope("a rule", frozenset({"members", "states", "observations"}), kind, slots=slots)
    if decides.kind is Kind.CATEGORY:
        return check_value(ctx, rule, scope, decides, "the decision")
    if decides.kind is Kind.BOOLEAN:
        return _chance(ctx, rule, scope)
    return check_probability(ctx, rule, scope, "the decision")


def _chance(ctx: Context, rule: tree.Expr, scope: Scope) -> model.Expr:
    """The probability of yes; a truth value is certain."""
    found = check_expression(ctx, rule, scope)
    if found.type in (BOOLEAN, ERROR):
        return found
    return check_probability(ctx, rule, scope, "the probability of yes")


# ------------------------------------------------------------------ all together


def _is_finite(ctx: Context, made: model.Behaviour) -> bool:
    most = most_archetypes(made)
    if most <= MOST_ARCHETYPES and made.rule is None and most * columns(made) > MOST_ANSWERS:
        ctx.report.add(
            "E0737",
            f"`{made.name}` has {most:,} archetypes with {columns(made):,} numbers each, and {MOST_ANSWERS:,} numbers "
            "are the most.",
            word_span(made.span, made.name),
            "Let people know less, in fewer bands, or ask less often.",
        )
        return False
    if most <= MOST_ARCHETYPES:
        return True
    parts = [f"{len(k.labels):,} of {k.slot}" for k in made.knows]
    if made.remembers:
        labels = len(digits(made)[-1])
        parts.append(f"{labels**made.remembers:,} of {made.remembers} decisions")
    ctx.report.add(
        "E0737",
        f"`{made.name}` has {most:,} archetypes ({' × '.join(parts)}), and {MOST_ARCHETYPES:,} are the most.",
        word_span(made.span, made.name),
        "Let people know less, in fewer bands, or remember fewer decisions.",
    )
    return False


def _told_apart(ctx: Context) -> None:
    """Of several behaviours into one attribute the first decides; each other one needs a scenario that chooses it."""
    first: dict[tuple[str, str], model.Behaviour] = {}
    chosen = {name.id for scenario in ctx.names.scenarios().values() for name in scenario.include}
    for behaviour in ctx.behaviours.values():
        before = first.setdefault((behaviour.of, behaviour.into), behaviour)
        if before is not behaviour and behaviour.name not in chosen and not ctx.names.is_library:
            ctx.report.add(
                "E0738",
                f"`{before.name}` decides `{behaviour.into}` too, and no scenario lets `{behaviour.name}` do it "
                "instead.",
                word_span(behaviour.span, behaviour.name),
                f"Write a scenario with the line `with {behaviour.name}`.",
                [Label(word_span(before.span, before.name), "this one decides in the model as written")],
            )

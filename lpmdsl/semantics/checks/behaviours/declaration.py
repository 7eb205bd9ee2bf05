"""Behaviours: what is decided, when, from what, by whom, and what happens without an answer."""

from __future__ import annotations

from lpmdsl.diagnostics import Label
from lpmdsl.quantities import ERROR, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.archetypes import (
    MOST_ANSWERS,
    MOST_ARCHETYPES,
    asked_as,
    columns,
    digits,
    most_archetypes,
)
from lpmdsl.semantics.analysis.vertices import constant as constant_value
from lpmdsl.semantics.checks.behaviours.decided import (
    WHOLE,
    check_answers,
    check_blend,
    check_otherwise,
    check_rule,
    check_shift,
    further,
    misfit,
    site_of,
)
from lpmdsl.semantics.checks.behaviours.knows import check_knows
from lpmdsl.semantics.checks.behaviours.prompts import check_prompts
from lpmdsl.semantics.checks.behaviours.surveys import check_survey
from lpmdsl.semantics.checks.values.periods import check_period
from lpmdsl.semantics.checks.values.probabilities import check_probability
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.resolve.scope import constant
from lpmdsl.semantics.spans import word_span
from lpmdsl.syntax import tree

MOST_ASKS = 1_000
MOST_REMEMBERED = 8
DEFAULT_FALLBACKS = 0.05


def check_behaviours(ctx: Context) -> None:
    """All behaviours into ``ctx.behaviours``, and a check that scenarios choose among those which decide the same."""
    for name, written in ctx.names.behaviours().items():
        made = _behaviour(ctx, written)
        if not made:
            ctx.broken.add(name)
        ctx.behaviours |= {one.name: one for one in made}
    _told_apart(ctx)


def _behaviour(ctx: Context, written: tree.Behaviour) -> tuple[model.Behaviour, ...]:
    """A behaviour for each thing that is decided, the one that asks first; () after a report."""
    if ctx.names.is_library and written.of.id not in ctx.names.agents():
        return ()  # about agents that its user will declare
    kind = ctx.agent_kind(written.of)
    if kind is None or not written.decides or (written.every is None and not written.when):
        return ()
    answers = check_answers(ctx, written, kind)
    knows = check_knows(ctx, written, kind)
    if answers is None or knows is None:
        return ()
    first, otherwise = _first(ctx, written, kind, answers, knows)
    blended = () if first.blends is None else (first.blends.rule, first.blends.weight)
    if any(e is not None and e.type == ERROR for e in (*otherwise, *blended, first.shifted, first.rule)):
        return ()
    check_prompts(ctx, written, first)
    made = (first, *further(ctx, first, otherwise[1:]))
    return made if all(_is_finite(ctx, one) for one in made) else ()


def _first(
    ctx: Context, written: tree.Behaviour, kind: str, answers: tuple[model.Answer, ...], knows: tuple[model.Known, ...]
) -> tuple[model.Behaviour, tuple[model.Expr, ...]]:
    """The behaviour of what is decided first, and what each decision is otherwise."""
    every, when = _times(ctx, written, knows)
    clause, decides = written.decides[0], answers[0].decides
    asks, remembers = _asks(ctx, written, decides), _remembers(ctx, written, decides)
    otherwise = check_otherwise(ctx, written, answers)
    shifted = check_shift(ctx, written, answers)
    rule = check_rule(ctx, clause.rule, answers[0], knows, kind) if clause.rule is not None else None
    first = model.Behaviour(
        written.name.id,
        kind,
        decides,
        clause.into.id,
        every,
        when,
        knows,
        asks,
        _joined(written.asks.prompt if written.asks is not None else ()),
        _joined(written.system),
        remembers,
        shifted,
        otherwise[0],
        rule,
        _fallbacks(ctx, written),
        None if _is_unlike_a_survey(ctx, written) else check_survey(ctx, written, knows),
        site_of(kind, clause.into.id),
        written.doc,
        written.span,
        answers[0].words,
        answers[0].low,
        answers[0].high,
        answers[0].among,
        answers[1:],
        stage=_stage(ctx, written, kind),
        blends=check_blend(ctx, written, answers, knows, kind),
        representatives=_representatives(ctx, written),
    )
    return first, otherwise


def _is_unlike_a_survey(ctx: Context, written: tree.Behaviour) -> bool:
    """Return True, after a report, if a survey of shares cannot be held against the decision."""
    if written.validate is None or (len(written.decides) == 1 and written.decides[0].type.name != WHOLE):
        return False
    several = len(written.decides) > 1
    why = "it does not say which of the answers it is of" if several else "a survey holds shares, and this is a number"
    misfit(ctx, "validate against", why, written.validate, "Leave the line out, or decide one thing that has shares.")
    return True


def _joined(lines: tuple[tree.Text, ...]) -> str:
    return " ".join(line.text for line in lines)


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
            misfit(ctx, "when … changes", why, written.when[0], "Keep one of the two lines.")
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
            misfit(ctx, "when … changes", why, name, f"Write `knows {name.id} in bands at …`.")
    return None, tuple(name.id for name in written.when)


def _stage(ctx: Context, written: tree.Behaviour, kind: str) -> int:
    """0, or one more than the latest of those after which it decides."""
    stage = 0
    for name in written.after:
        before = ctx.behaviours.get(name.id)
        if before is None or before.asked_with or before.of != kind:
            _not_before(ctx, written, name, before)
        else:
            stage = max(stage, before.stage + 1)
    return stage


def _not_before(ctx: Context, written: tree.Behaviour, name: tree.Name, before: model.Behaviour | None) -> None:
    """E0784: no decision of the same people that is written before this one."""
    known = ctx.names.behaviours()
    if name.id not in known:
        ctx.unknown(name, "a behaviour", known, "`after` names a behaviour that decides before this one looks.")
    elif name.id not in ctx.broken:
        why = f"is of {before.of}" if before is not None else "is not written before it"
        ctx.report.add(
            "E0784",
            f"`{written.name.id}` cannot decide after `{name.id}`, which {why}.",
            name.span,
            "Behaviours of one moment are asked in written order: write it after those that it follows.",
            labels=ctx.declared(name.id),
        )


# ------------------------------------------------------------------ how


def _representatives(ctx: Context, written: tree.Behaviour) -> model.Representatives | None:
    """Representatives of the behaviour; None: each kind is asked for itself, or after a report."""
    clause = written.represented
    if clause is None:
        return None
    if written.decides[0].rule is not None:
        why = "the rule decides and nobody is asked"
        misfit(ctx, "asks … representatives", why, clause, "Keep the rule or the prompt.")
        return None
    number = clause.count.value
    if number != int(number) or number < 1:
        ctx.report.add("E0316", f"Nobody can be asked for by {clause.count.text} representatives.", clause.count.span,
                       "Write a whole number: `asks 12 representatives by response`.")  # fmt: skip
        return None
    return model.Representatives(int(number), clause.span)


def _asks(ctx: Context, written: tree.Behaviour, decides: Type) -> int:
    clause, rule = written.asks, written.decides[0].rule
    if rule is not None and clause is not None:
        misfit(ctx, "asks", "the rule decides and nobody is asked", clause, "Keep the rule or the prompt.")
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
        if len(written.decides) > 1:
            why = "log-probabilities tell of one answer, and here are several"
            misfit(ctx, "asks for probabilities", why, clause, "Write `asks 20 times per archetype`.")
        elif decides.kind not in (Kind.BOOLEAN, Kind.CATEGORY):
            why = "only answers that can be listed have probabilities"
            misfit(ctx, "asks for probabilities", why, clause, "Write `asks 20 times per archetype`.")
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
    first = written.decides[0]
    if len(written.decides) > 1:
        why = "there are several decisions, and an attribute keeps each"
        misfit(ctx, "remembers", why, clause, f"Write `knows {first.into.id}`.")
    elif first.rule is not None:
        misfit(ctx, "remembers", "a rule reads what is known, not what was decided", clause, "Leave the line out.")
    elif decides.kind not in (Kind.BOOLEAN, Kind.CATEGORY):
        misfit(ctx, "remembers", "a share has endlessly many values", clause, "Remember yes/no or a category.")
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


def _fallbacks(ctx: Context, written: tree.Behaviour) -> float:
    if written.fallbacks is None:
        return DEFAULT_FALLBACKS
    most = check_probability(ctx, written.fallbacks, constant("a bound on fallbacks"), "the share of fallbacks")
    return DEFAULT_FALLBACKS if most.type == ERROR else constant_value(most, ctx.values, ctx.tables)


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
        name = asked_as(behaviour)
        if before is not behaviour and name not in chosen and not ctx.names.is_library:
            ctx.report.add(
                "E0738",
                f"`{asked_as(before)}` decides `{behaviour.into}` too, and no scenario lets `{name}` do it instead.",
                word_span(behaviour.span, name),
                f"Write a scenario with the line `with {name}`.",
                [Label(word_span(before.span, asked_as(before)), "this one decides in the model as written")],
            )

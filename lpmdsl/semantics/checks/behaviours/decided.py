"""Decisions of a behaviour: one thing or several, their types and bounds, and what holds without an answer."""

from __future__ import annotations

from dataclasses import replace

from lpmdsl.diagnostics import Label
from lpmdsl.quantities import BOOLEAN, ERROR, NUMBER, PROBABILITY, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.archetypes import bounds_of
from lpmdsl.semantics.analysis.vertices import constant as constant_value
from lpmdsl.semantics.checks.values.expressions import check_expression, check_value
from lpmdsl.semantics.checks.values.labels import label
from lpmdsl.semantics.checks.values.probabilities import check_probability
from lpmdsl.semantics.context import Context, fresh_name, nothing, text_of
from lpmdsl.semantics.resolve.scope import Scope, constant
from lpmdsl.semantics.spans import word_span
from lpmdsl.source import Span
from lpmdsl.syntax import tree

MOST_DECIDED = 255
MOST_NUMBER = 1_000_000
"""Of a whole number, with either sign: what servers and models write without an exponent."""
WHOLE = "whole number"
_DECIDED = {
    "yes/no": Kind.BOOLEAN,
    "share": Kind.SHARE,
    "probability": Kind.PROBABILITY,
    "category": Kind.CATEGORY,
    WHOLE: Kind.NUMBER,
}
Clause = tree.Expr | tree.Asks | tree.Name | tree.Text | tree.Validate | tree.Blends | tree.Representatives


def misfit(ctx: Context, clause: str, why: str, where: Clause, help: str) -> None:
    """Reports a clause that does not go with the others (E0736)."""
    ctx.report.add("E0736", f"`{clause}` does not belong here: {why}.", where.span, help)


def site_of(kind: str, into: str) -> str:
    """The key of a decision's draws: by what is decided, so that a person's draw is the same whoever decides it."""
    return f"{kind}.{into}.decided"


def check_answers(ctx: Context, written: tree.Behaviour, kind: str) -> tuple[model.Answer, ...] | None:
    """Decisions in written order; None after a report."""
    made: dict[str, model.Answer] = {}
    for clause in written.decides:
        into = clause.into.id
        if into in made:
            ctx.report.add("E0111", f"`{into}` is decided twice.", clause.into.span, "Keep one of the lines.")
            return None
        answer = _answer(ctx, clause, kind)
        if answer is None:
            return None
        made[into] = answer
        if clause.rule is not None and len(written.decides) > 1:
            why = "a rule is one decision of its own"
            misfit(ctx, "by rule", why, clause.rule, "Write it as a behaviour of its own, or ask for all of them.")
            return None
    return tuple(made.values())


def _answer(ctx: Context, clause: tree.Decides, kind: str) -> model.Answer | None:
    decides = _decides(ctx, clause, kind)
    if decides is None:
        return None
    among = _among(ctx, clause, decides)
    bounds = _bounds(ctx, clause, kind)
    if among is None or bounds is None:
        return None
    return model.Answer(clause.into.id, decides, _words(ctx, clause, decides), *bounds, among)


def further(ctx: Context, first: model.Behaviour, otherwise: tuple[model.Expr, ...]) -> tuple[model.Behaviour, ...]:
    """The behaviours of what else is decided: each reads its part of the replies to the first, and draws for itself."""
    names = ctx.names
    taken = {*names.behaviours(), *ctx.behaviours, *ctx.observations, *names.rules(), *names.interventions()}
    made: list[model.Behaviour] = []
    for answer, value in zip(first.also, otherwise, strict=True):
        name = fresh_name(f"{first.name}_{answer.into}", taken | {one.name for one in made})
        one = replace(first, name=name, decides=answer.decides, into=answer.into, answers=answer.words, low=answer.low)
        one = replace(one, high=answer.high, among=answer.among, also=(), asked_with=first.name, otherwise=value)
        made.append(replace(one, site=site_of(first.of, answer.into), validate=None))
    return tuple(made)


# ------------------------------------------------------------------ one thing


def _decides(ctx: Context, clause: tree.Decides, kind: str) -> Type | None:
    """The type of the decision: that of the attribute it is written into."""
    wanted, into = _DECIDED.get(clause.type.name), clause.into
    if wanted is None:
        help = f"A behaviour decides {', '.join(f'`{word}`' for word in _DECIDED)}."
        ctx.report.add("E0735", f"A {clause.type.name} cannot be decided.", clause.type.span, help)
        return None
    members = ctx.members[kind]
    if into.id not in members:
        type_ = "number" if wanted is Kind.NUMBER else clause.type.name
        help = f"Declare it: `extend {kind}` with the line `{into.id} {type_} = …`."
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
    if member.type == ERROR or not _is_numbered(ctx, into, member.type):
        return None
    if member.type.kind is not wanted or (wanted is Kind.NUMBER and member.type != NUMBER):
        _other_type(ctx, clause, member.type, member.span)
        return None
    return member.type


def _is_numbered(ctx: Context, into: tree.Name, found: Type) -> bool:
    if len(found.labels) <= MOST_DECIDED:
        return True
    message = f"`{into.id}` has {len(found.labels)} labels, and a decision is one of {MOST_DECIDED} at most."
    ctx.report.add("E0882", message, into.span, "Decide a coarser category.")
    return False


def _other_type(ctx: Context, clause: tree.Decides, found: Type, declared: Span) -> None:
    """E0735: the attribute is of another type than the decision."""
    into, word = clause.into.id, next((word for word, kind in _DECIDED.items() if kind is found.kind), "")
    fits = bool(word) and (word != WHOLE or found == NUMBER)
    bounds = " from LOW to HIGH" if word == WHOLE else ""
    wanted = "a whole number" if clause.type.name == WHOLE else Type(_DECIDED[clause.type.name])
    ctx.report.add(
        "E0735",
        f"`{into}` is {found}, and this behaviour decides {wanted}.",
        clause.type.span,
        f"Write `decides {word}{bounds} into {into}`, or decide another attribute." if fits
        else "Decide another attribute.",
        [Label(declared, "declared here")],
    )  # fmt: skip


def _words(ctx: Context, clause: tree.Decides, decides: Type) -> tuple[str, ...]:
    """Words for no and yes in a reply."""
    if not clause.answers:
        return ()
    yes, no = clause.answers
    if decides.kind is not Kind.BOOLEAN or clause.rule is not None:
        why = "a rule gives no words" if clause.rule is not None else "only yes and no can be called otherwise"
        misfit(ctx, "as … or …", why, yes, "Leave it out.")
        return ()
    if yes.text == no.text:
        misfit(ctx, "as … or …", "yes and no have the same word", no, "Name two: the word for yes, then that for no.")
        return ()
    return no.text, yes.text


def _among(ctx: Context, clause: tree.Decides, decides: Type) -> tuple[str, ...] | None:
    """The labels that may be answered, each once; () for all, None after a report."""
    found = [label(ctx, name, decides) for name in clause.among]
    if any(one.type == ERROR for one in found):
        return None
    names = [name.id for name in clause.among]
    twice = next((name for k, name in enumerate(clause.among) if name.id in names[:k]), None)
    if twice is not None or len(names) == 1:
        why = f"`{twice.id}` stands twice" if twice is not None else "one label alone leaves nothing to decide"
        misfit(ctx, "one of …", why, twice or clause.among[0], "Name each of the labels that may be chosen once.")
        return None
    return tuple(names)


# ------------------------------------------------------------------ bounds


def _bounds(ctx: Context, clause: tree.Decides, kind: str) -> tuple[float | None, float | None] | None:
    """The bounds of a number or a share; (None, None) where there are none, None after a report."""
    if clause.low is None or clause.high is None:
        return None, None
    is_whole = clause.type.name == WHOLE
    if not is_whole and _DECIDED[clause.type.name] not in (Kind.SHARE, Kind.PROBABILITY):
        why = "only numbers and shares have bounds"
        misfit(ctx, "from … to …", why, clause.low, "Leave it out.")
        return None
    low, high = (_bound(ctx, written, is_whole) for written in (clause.low, clause.high))
    if low is None or high is None:
        return None
    if low >= high:
        why = f"{text_of(clause.low.span)} is not below {text_of(clause.high.span)}"
        _wrong_bounds(ctx, why, clause.high.span, "Write the lower bound first.")
        return None
    return (low, high) if _is_within(ctx, clause, kind, low, high) else None


def _bound(ctx: Context, written: tree.Expr, is_whole: bool) -> float | None:
    scope = constant("a bound of an answer")
    if is_whole:
        value = check_value(ctx, written, scope, NUMBER, "a bound of an answer")
    else:
        value = check_probability(ctx, written, scope, "a bound of an answer")
    if value.type == ERROR:
        return None
    found = constant_value(value, ctx.values, ctx.tables)
    unit = 1.0 if is_whole else 0.01
    if abs(found / unit - round(found / unit)) > 1e-9 or abs(found) > MOST_NUMBER:
        what = f"a whole number up to {MOST_NUMBER:,}" if is_whole else "a whole per cent"
        help = "Models are asked for whole numbers, of shares for whole per cents: servers hold replies to those."
        _wrong_bounds(ctx, f"{text_of(written.span)} is not {what}", written.span, help)
        return None
    return round(found / unit) * unit if is_whole else round(found / unit) / 100


def _is_within(ctx: Context, clause: tree.Decides, kind: str, low: float, high: float) -> bool:
    """Return True if all that can be answered lies within the attribute's own limits."""
    found = next(a for a in ctx.agents[kind].attributes if a.name == clause.into.id)
    least = found.low if found.low is not None else low
    most = found.high if found.high is not None else high
    if least <= low and high <= most:
        return True
    why = f"`{clause.into.id}` lies between {least:g} and {most:g}"
    _wrong_bounds(ctx, why, clause.type.span, "Ask for nothing else, or widen `between` of the attribute.")
    return False


def _wrong_bounds(ctx: Context, why: str, where: Span, help: str) -> None:
    ctx.report.add("E0782", f"These are no bounds of an answer: {why}.", where, help)


# ------------------------------------------------------------------ without an answer, and shifted


def check_otherwise(ctx: Context, written: tree.Behaviour, answers: tuple[model.Answer, ...]) -> tuple[model.Expr, ...]:
    """For each decision the probability of yes, the number, the share, or the label where no answer can be had."""
    if not written.otherwise:
        if written.decides[0].rule is not None:
            return (model.Literal_(0.0, answers[0].decides, written.span),)
        ctx.report.add(
            "E0112",
            "This behaviour does not say what is decided when no answer can be had.",
            word_span(written.span, written.name.id),
            f"Add a line such as `otherwise {', '.join(_some(answer) for answer in answers)}`.",
        )
        return (nothing(written.span),) * len(answers)
    if len(written.otherwise) != len(answers):
        ctx.report.add(
            "E0783",
            f"This behaviour decides {len(answers)} and says of {len(written.otherwise)} what holds otherwise.",
            written.otherwise[-1].span,
            f"Write one value for each, in their order: `otherwise {', '.join(_some(answer) for answer in answers)}`.",
        )
        return (nothing(written.span),) * len(answers)
    return tuple(_otherwise(ctx, clause, answer) for clause, answer in zip(written.otherwise, answers, strict=True))


def _otherwise(ctx: Context, clause: tree.Expr, answer: model.Answer) -> model.Expr:
    scope, role = constant("what is decided otherwise"), "what is decided otherwise"
    kind = answer.decides.kind
    if kind is Kind.CATEGORY:
        return check_value(ctx, clause, scope, answer.decides, role)
    if kind is Kind.BOOLEAN and isinstance(clause, tree.YesNo):
        return model.Literal_(float(clause.value), PROBABILITY, clause.span)
    if kind is not Kind.NUMBER:
        return check_probability(ctx, clause, scope, role)
    value, (low, high) = check_value(ctx, clause, scope, NUMBER, role), bounds_of(answer)
    if value.type != ERROR and not low <= constant_value(value, ctx.values, ctx.tables) <= high:
        why = f"{text_of(clause.span)} lies outside {low:g} to {high:g}"
        _wrong_bounds(ctx, why, clause.span, "Decide otherwise what could have been answered.")
        return nothing(clause.span)
    return value


def _some(answer: model.Answer) -> str:
    match answer.decides.kind:
        case Kind.CATEGORY if answer.decides.labels:
            return answer.decides.labels[0]
        case Kind.NUMBER:
            return f"{bounds_of(answer)[0]:g}"
        case _:
            return "10 %"


def check_shift(ctx: Context, written: tree.Behaviour, answers: tuple[model.Answer, ...]) -> model.Expr | None:
    """The shift of the logit of the one decision."""
    if written.shifted is None:
        return None
    first, why = answers[0], ""
    if len(answers) > 1:
        why = "it does not say which of the answers it shifts"
    elif first.decides.kind is Kind.CATEGORY:
        why = "a shift of the logit needs one probability or share, and a category has several"
    elif first.low is not None:
        why = "what has bounds of its own has no logit"
    if why:
        misfit(ctx, "shifted by", why, written.shifted, "Leave the line out, or decide yes/no.")
        return None
    return check_value(ctx, written.shifted, constant("a shift"), NUMBER, "a shift of the logit")


# ------------------------------------------------------------------ by a rule


def check_rule(
    ctx: Context, rule: tree.Expr, answer: model.Answer, knows: tuple[model.Known, ...], kind: str
) -> model.Expr:
    """The rule with what is known in place of each slot: a report by groups is that of the agent's own group."""
    slots = {k.slot: k.value for k in knows}
    scope = Scope("a rule", frozenset({"members", "states", "observations"}), kind, slots=slots)
    if answer.decides.kind in (Kind.CATEGORY, Kind.NUMBER):
        return check_value(ctx, rule, scope, answer.decides, "the decision")
    if answer.decides.kind is Kind.BOOLEAN:
        return _chance(ctx, rule, scope)
    return check_probability(ctx, rule, scope, "the decision")


def check_blend(
    ctx: Context, written: tree.Behaviour, answers: tuple[model.Answer, ...], knows: tuple[model.Known, ...], kind: str
) -> model.Blend | None:
    """The rule that is weighed with what a language model says of yes."""
    clause, first = written.blends, answers[0]
    if clause is None:
        return None
    why = ""
    if written.decides[0].rule is not None:
        why = "nobody is asked, so there is nothing to blend with"
    elif len(answers) > 1 or first.decides.kind is not Kind.BOOLEAN:
        why = "the logit of one probability is blended, that of yes"
    if why:
        misfit(ctx, "blends with rule", why, clause, "Leave the line out, or decide yes/no alone by asking.")
        return None
    rule = check_rule(ctx, clause.rule, first, knows, kind)
    weight = check_probability(ctx, clause.weight, constant("a weight"), "a weight")
    return model.Blend(rule, weight, clause.span)


def _chance(ctx: Context, rule: tree.Expr, scope: Scope) -> model.Expr:
    """The probability of yes; a truth value is certain."""
    found = check_expression(ctx, rule, scope)
    if found.type in (BOOLEAN, ERROR):
        return found
    return check_probability(ctx, rule, scope, "the probability of yes")

"""Paragraphs of a rule: who acts, who the other is, and what is done to whom."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import assert_never

from lpmdsl.diagnostics import replaced
from lpmdsl.quantities import ERROR, NUMBER
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.actions import (
    chance_of,
    force_move,
    moved_condition,
    nobody_in_view,
    set_attribute,
    settable,
)
from lpmdsl.semantics.checks.rules.agreement import check_agreement
from lpmdsl.semantics.checks.rules.days_back import days_back
from lpmdsl.semantics.checks.rules.draws import DRAWN, drawn_value
from lpmdsl.semantics.checks.values.expressions import check_expression, check_test
from lpmdsl.semantics.checks.values.laws.distributions import check_distribution
from lpmdsl.semantics.checks.values.probabilities import check_probability, not_negative
from lpmdsl.semantics.checks.values.summaries.neighbours import nobody_in_particular
from lpmdsl.semantics.checks.values.units import expect
from lpmdsl.semantics.context import Context, text_of
from lpmdsl.semantics.resolve.scope import Scope
from lpmdsl.source import Span
from lpmdsl.syntax import tree
from lpmdsl.syntax.tree import LASTING


def check_paragraphs(
    ctx: Context, written: tuple[tree.Paragraph, ...], owner: str, scope: Scope
) -> tuple[model.Paragraph, ...] | None:
    """The paragraphs of a rule or a block, from top to bottom; None after a report."""
    made: list[model.Paragraph | None] = []
    meets, is_taken, tie = False, False, ""
    for k, paragraph in enumerate(written):
        # Whom one has picked or taken stays in view of the paragraphs that are joined by `and`.
        own, follows = paragraph.meeting, paragraph.joined == "and"
        facing = replace(scope, theirs=scope.kind, tie=tie) if meets and follows else scope
        is_taken = own.how == "take" if own is not None else is_taken and follows
        made.append(check_paragraph(ctx, paragraph, owner, k, facing, is_taken))
        tie = over_which(ctx, own) if own is not None else tie
        meets = own.how != "each" if own is not None else meets and follows
    _all_do_something(ctx, written)
    if any(p is None for p in made):
        return None
    right = tuple(p for p in made if p is not None)
    check_agreement(ctx, right)
    return right


def _all_do_something(ctx: Context, paragraphs: tuple[tree.Paragraph, ...]) -> None:
    """Reports paragraphs without actions to which nothing is joined (E1008), and what is joined to nothing (E1009)."""
    for one, following in [*pairwise(paragraphs), *((p, None) for p in paragraphs[-1:])]:
        if not one.actions and (following is None or not following.joined):
            help, fixes = "Write below it what is done: `set ATTRIBUTE to VALUE`.", ()
            if following is not None:
                opens = text_of(following.span)
                help = f"Write below it what is done, or join the next paragraph to it: {opens[:1]}and {opens[1:]}."
                start = replace(following.span, end=following.span.start)
                fixes = (replaced(start, "and "),)
            ctx.report.add("E1008", "Nothing is done in this paragraph.", one.span, help, fixes=fixes)
    if paragraphs and paragraphs[0].joined:
        word = paragraphs[0].joined
        ctx.report.add("E1009", f"Nothing stands before this `{word}`, to which it could be joined.",
                       paragraphs[0].span, f"Leave `{word}` out, or write a paragraph above it.")  # fmt: skip


def check_paragraph(
    ctx: Context, written: tree.Paragraph, rule: str, number: int, scope: Scope, is_taken: bool
) -> model.Paragraph | None:
    """The paragraph; None after a report. ``number``: its place in the rule; ``is_taken``: the other is, by one."""
    assert scope.kind is not None
    site = f"{rule}.paragraph{number}"
    meeting, inside = None, scope
    if written.meeting is not None:
        meeting = _meeting(ctx, written.meeting, site, scope)
        inside = replace(scope, theirs=scope.kind, tie=over_which(ctx, written.meeting))
    where = check_test(ctx, written.where, scope, "what follows `where`") if written.where is not None else None
    probability = None
    if written.probability is not None:
        # Who is to take somebody is drawn before anybody is taken; whom one picked, or each in turn, is in view.
        takes = written.meeting is not None and written.meeting.how == "take"
        seen = scope if takes else inside
        probability = check_probability(ctx, written.probability, seen, "the chance of a paragraph")
    actions = [
        _action(ctx, action, written.meeting, inside, f"{site}.action{k}", is_taken)
        for k, action in enumerate(written.actions)
    ]
    broken = any(e is not None and e.type == ERROR for e in (where, probability)) or any(a is None for a in actions)
    if broken or (written.meeting is not None and meeting is None):
        return None
    done = tuple(a for a in actions if a is not None)
    return model.Paragraph(written.joined, where, probability, meeting, done, site, written.span)


# ------------------------------------------------------------------ who the other is


def over_which(ctx: Context, written: tree.Meeting) -> str:
    """The network over which the other is found, right or wrong; "": the whole kind."""
    return written.whom.id if written.whom.id in ctx.names.networks() else ""


def _meeting(ctx: Context, written: tree.Meeting, site: str, scope: Scope) -> model.Meeting | None:
    network = _whom(ctx, written, scope)
    inside = replace(scope, theirs=scope.kind, tie=over_which(ctx, written))
    where = check_test(ctx, written.where, inside, "what follows `where`") if written.where is not None else None
    by = check_expression(ctx, written.by, inside) if written.by is not None else None
    if by is not None and written.order == "weight":
        by = expect(ctx, by, NUMBER, "a weight") if not by.type.is_numeric else by
        if by.type != ERROR:
            not_negative(ctx, by, "a weight")
    elif by is not None and by.type != ERROR and not by.type.is_numeric:
        before = "choosing" if written.how == "take" else "with"
        by = expect(ctx, by, NUMBER, f"what stands behind `{before} {written.order}`")
    first = check_expression(ctx, written.first_by, scope) if written.first_by is not None else None
    if first is not None and first.type != ERROR and not first.type.is_numeric:
        first = expect(ctx, first, NUMBER, f"what stands behind `first {written.first}`")
    last = days_back(ctx, written, network)
    if network is None or last is None or any(e is not None and e.type == ERROR for e in (where, by, first)):
        return None
    return model.Meeting(
        written.how, network, written.is_other, where, written.order, by, site, written.span, last, written.first, first
    )


def _whom(ctx: Context, written: tree.Meeting, scope: Scope) -> str | None:
    """The network of those who may be met, "" for everybody of the kind; None after a report."""
    whom, kind = written.whom, scope.kind
    if whom.id == kind and written.how != "each":
        return ""
    if whom.id == kind:
        ctx.report.add("E1004", f"`each of {kind}` would be everybody with everybody.", whom.span,
                       f"Name a network: `each of NETWORK`; or an observation of all {kind}.")  # fmt: skip
        return None
    network = ctx.networks.get(whom.id)
    if network is None:
        if whom.id not in ctx.broken and whom.id not in ctx.names.networks():
            known = [*ctx.names.networks(), kind or ""]
            ctx.unknown(whom, "a network", known, f"Others are found over a network, or are any {kind}.")
        return None
    if written.is_other:
        ctx.report.add("E1004", "Nobody is a neighbour of oneself, so `other` says nothing here.", written.span,
                       f"Write `{written.how} one of {whom.id}`.")  # fmt: skip
        return None
    if network.of != kind or network.to:
        ctx.report.add("E0607", f"`{whom.id}` joins {network.of}, and the rule is of {kind}.", whom.span,
                       labels=ctx.declared(whom.id))  # fmt: skip
        return None
    if network.layout == "random":
        nobody_in_particular(ctx, whom, f"Write `{'take' if written.how == 'take' else 'pick'} one of other {kind}`.")
        return None
    return network.name


# ------------------------------------------------------------------ what is done


def _action(
    ctx: Context, action: tree.Action, meeting: tree.Meeting | None, scope: Scope, site: str, is_taken: bool
) -> model.RuleAction | None:
    assert scope.kind is not None
    match action:
        case tree.SetTo():
            made = set_attribute(ctx, action, scope.kind, scope)
            return made if made is None or _is_settled(ctx, action, made, meeting, is_taken) else None
        case tree.DrawTo():
            return drawn(ctx, action, meeting, scope, site, is_taken)
        case tree.MoveTo():
            if meeting is not None and meeting.how == "each" and isinstance(action.condition, tree.Name):
                _several(ctx, action.span, f"move {action.condition.id}")
                return None
            if isinstance(action.state, tree.Theirs) and scope.theirs is not None:
                return _copied(ctx, action, action.state, scope)
            return force_move(ctx, action, scope.kind, scope)
        case tree.Leave() | tree.Scale() | tree.Change():
            ctx.report.add("E0709", "A rule acts at a moment, and this lasts.", action.span,
                           f"`{LASTING[_WORDS[type(action)]]}` stands under `while`, or in an intervention "
                           "`while active`.")  # fmt: skip
            return None
        case _:
            assert_never(action)


def drawn(
    ctx: Context, action: tree.DrawTo, meeting: tree.Meeting | None, scope: Scope, site: str, is_taken: bool = False
) -> model.SetAttribute | None:
    """``set mood ~ normal(mean 0, sd 1)``; None after a report. ``site``: that of the action."""
    assert scope.kind is not None
    target, theirs = action.target, isinstance(action.target, tree.Theirs)
    if isinstance(target, tree.Theirs) and (scope.theirs is None or not is_taken):
        if scope.theirs is None:
            nobody_in_view(ctx, target)
        else:
            _either(ctx, target.id, action.span)
        return None
    if not theirs and meeting is not None and meeting.how == "each":
        _several(ctx, action.span, f"set {target.id}")
        return None
    member = settable(ctx, target, scope.kind)
    law = None if member is None else check_distribution(ctx, action.drawn, member.type, "draw", scope)
    chance = chance_of(ctx, action, scope)
    if member is None or law is None or (chance is not None and chance.type == ERROR):
        return None
    value = drawn_value(law, scope.kind, f"{site}.drawn", member.type, ctx.tables)
    if value is None:
        known = ", ".join(sorted({*DRAWN, "categorical"}))
        ctx.report.add("E1006", f"`{law.family}` cannot be drawn while the model runs.", action.drawn.span,
                       f"A rule can draw from {known}, and from a table of shares.")  # fmt: skip
        return None
    return model.SetAttribute(target.id, value, chance, action.span, theirs=theirs)


_WORDS = {tree.Leave: "leave", tree.Scale: "scale", tree.Change: "change"}


def _is_settled(
    ctx: Context, action: tree.SetTo, made: model.SetAttribute, meeting: tree.Meeting | None, is_taken: bool
) -> bool:
    """Return True if it is clear which value stays when several act on one agent; else it is reported."""
    if made.adds:
        return True
    if made.theirs and not is_taken and not isinstance(made.value, model.Literal_):
        _either(ctx, made.attribute, action.span)
        return False
    if not made.theirs and meeting is not None and meeting.how == "each":
        _several(ctx, action.span, f"set {made.attribute}")
        return False
    return True


def _either(ctx: Context, attribute: str, span: Span) -> None:
    ctx.report.add(
        "E1001",
        f"Two agents could give `their.{attribute}` different values, and only one could stay.",
        span,
        f"`add VALUE to their.{attribute}`, of which all are summed; set one constant value; or find the other by "
        "`take one of NETWORK`: nobody is taken twice.",
    )


def _several(ctx: Context, span: Span, what: str) -> None:
    ctx.report.add(
        "E1003",
        f"Of several neighbours each would `{what}`, and which of them is to stay?",
        span,
        "Write `add`, or use what is seen of all of them: `set x to mean of their.x over NETWORK`.",
    )


def _copied(ctx: Context, action: tree.MoveTo, theirs: tree.Theirs, scope: Scope) -> model.CopyState | None:
    """``move Type to their.Type``; None after a report."""
    assert scope.kind is not None
    condition = moved_condition(ctx, action, scope.kind)
    probability = chance_of(ctx, action, scope)
    if condition is None or (probability is not None and probability.type == ERROR):
        return None
    if theirs.id not in ctx.states or ctx.kind_of[theirs.id] != scope.theirs:
        if theirs.id not in ctx.broken:
            ctx.unknown(tree.Name(theirs.id, theirs.span), "a condition", ctx.states)
        return None
    if ctx.states[theirs.id] != ctx.states[condition]:
        ctx.report.add("E1005", f"`{theirs.id}` has other states than `{condition}`.", theirs.span,
                       f"Write `move {condition} to their.{condition}`.", labels=ctx.states_of(theirs.id))  # fmt: skip
        return None
    return model.CopyState(condition, theirs.id, len(ctx.states[condition]), probability, action.span)

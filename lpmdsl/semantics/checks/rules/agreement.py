"""Agreement of paragraphs: what a rule sets of others in several of them must be one value, or theirs who take."""

from __future__ import annotations

from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context


def check_agreement(ctx: Context, paragraphs: tuple[model.Paragraph, ...]) -> None:
    """Reports an attribute of others that two paragraphs set to different values (E1010).

    Who takes is alone with whom it takes, and what it sets replaces what was set by those who took before it in the
    text. All that others set must be the same constant.
    """
    first: dict[str, tuple[model.SetAttribute, bool]] = {}
    is_taken = False
    for one in paragraphs:
        is_taken = one.meeting.how == "take" if one.meeting is not None else is_taken and one.joined == "and"
        for action in one.actions:
            if not isinstance(action, model.SetAttribute) or not action.theirs or action.adds:
                continue
            before, was_taken = first.setdefault(action.attribute, (action, is_taken))
            if not (is_taken and was_taken) and not _are_equal(action.value, before.value):
                _differ(ctx, before, action)
                return


def _are_equal(a: model.Expr, b: model.Expr) -> bool:
    return isinstance(a, model.Literal_) and isinstance(b, model.Literal_) and a.value == b.value


def _differ(ctx: Context, before: model.SetAttribute, action: model.SetAttribute) -> None:
    ctx.report.add(
        "E1010",
        f"`their.{action.attribute}` is set here and on line {before.span.line} to different values, and one agent "
        "can be met in both ways.",
        action.span,
        "Write two rules, of which the later one decides, or set the same value.",
    )

"""Agreement of paragraphs: what a rule sets of others in several of them must be one value, or theirs who take."""

from __future__ import annotations

from lpmdsl.semantics import model
from lpmdsl.semantics.context import Context


def check_agreement(ctx: Context, paragraphs: tuple[model.Paragraph, ...]) -> None:
    """Reports what two paragraphs set of others to different values, or move to different states (E1010).

    Who takes is alone with whom it takes, and what it sets replaces what was set by those who took before it in the
    text. All that others set must be the same constant.
    """
    first: dict[str, tuple[model.RuleAction, bool]] = {}
    is_taken = False
    for one in paragraphs:
        is_taken = one.meeting.how == "take" if one.meeting is not None else is_taken and one.joined == "and"
        for action in one.actions:
            name = _set_of_others(action)
            before, was_taken = first.setdefault(name, (action, is_taken))
            if name and not (is_taken and was_taken) and not _are_equal(action, before):
                _differ(ctx, name, before, action)
                return


def _set_of_others(action: model.RuleAction) -> str:
    """The attribute or condition of others that an action sets; "" for all else."""
    match action:
        case model.SetAttribute(theirs=True, adds=False):
            return action.attribute
        case model.ForceMove(theirs=True):
            return action.condition
        case _:
            return ""


def _are_equal(a: model.RuleAction, b: model.RuleAction) -> bool:
    match a, b:
        case model.SetAttribute(value=model.Literal_(value=x)), model.SetAttribute(value=model.Literal_(value=y)):
            return x == y
        case model.ForceMove(), model.ForceMove():
            return a.state == b.state
        case _:
            return False


def _differ(ctx: Context, name: str, before: model.RuleAction, action: model.RuleAction) -> None:
    ctx.report.add(
        "E1010",
        f"`their.{name}` is set here and on line {before.span.line} to different values, and one agent can be met in "
        "both ways.",
        action.span,
        "Write two rules, of which the later one decides, or set the same value.",
    )

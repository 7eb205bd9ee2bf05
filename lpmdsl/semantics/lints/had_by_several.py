"""Things of others that several may have: each who meets an agent gets what it has, before it is set to nothing."""

from __future__ import annotations

from collections.abc import Iterator

from lpmdsl.diagnostics import Label, Report
from lpmdsl.semantics import model


def check_had_by_several(checked: model.Model, report: Report) -> None:
    """Warns (W1007) where, without ``take``, what the other has is read into the agent's own, and set to a constant:
    of several who meet the same one each gets all of it.

    A rule for one agent at a time is right. A test alone (``where their.free`` above ``set their.free to no``) says
    nothing: it may be a prey that two eat, or a rumour that two tell.
    """
    for rule in model.every_rule(checked):
        most = rule.block.at_most
        if isinstance(most, model.Literal_) and most.value <= 1:
            continue
        gains: dict[str, model.SetAttribute] = {}
        is_shared = False
        for one in rule.paragraphs:
            if one.meeting is not None or one.joined != "and":
                gains, is_shared = {}, one.meeting is not None and one.meeting.how != "take"
            if is_shared:
                _check_paragraph(one, gains, report)


def _check_paragraph(one: model.Paragraph, gains: dict[str, model.SetAttribute], report: Report) -> None:
    """Reports the first thing had by several; ``gains``: what was read into one's own so far, brought up to date."""
    sets = [a for a in one.actions if isinstance(a, model.SetAttribute)]
    for action in (a for a in sets if not a.theirs):
        for name in _read_of_others(action.value):
            gains.setdefault(name, action)
    for action in (a for a in sets if a.theirs and not a.adds and isinstance(a.value, model.Literal_)):
        if action.attribute in gains:
            gain = gains[action.attribute]
            report.add(
                "W1007",
                f"Several agents may meet the same one here, and each gets its `{action.attribute}` before that is "
                "set anew.",
                action.span,
                "Find the other by `take one of NETWORK`: nobody is taken twice.",
                labels=[Label(gain.span, f"`their.{action.attribute}` goes into `{gain.attribute}` here")],
            )
            return


def _read_of_others(value: model.Expr) -> Iterator[str]:
    for part in model.walk(value):
        if isinstance(part, model.Theirs) and isinstance(part.inner, model.AttributeRef):
            yield part.inner.name

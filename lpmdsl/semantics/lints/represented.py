"""Representatives that stand for nobody else (E0785)."""

from __future__ import annotations

from lpmdsl.diagnostics import Report
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.representatives import MOST_KINDS, kinds


def check_represented(checked: model.Model, report: Report) -> None:
    """Report behaviours whose representatives would save nothing, or of too many kinds to tell apart."""
    for one in checked.behaviours:
        if one.representatives is not None and not one.asked_with:
            _check(checked, one, one.representatives, report)


def _check(checked: model.Model, one: model.Behaviour, asked: model.Representatives, report: Report) -> None:
    of = kinds(checked, one)
    help = "Leave the line out."
    if len(of.own) == len(of.labels):
        why = "all that they know stays as it is, so each kind of people is asked once as it is"
    elif of.count <= asked.count:
        why = f"there are {of.count:,} kinds of people, by what never changes of them"
        help = f"Write fewer than {of.count:,}, or leave the line out." if of.count > 1 else help
    elif of.moments <= len(of.battery):
        why = f"the {of.moments:,} moments that they can know of are all asked to group them"
    elif of.count > MOST_KINDS:
        why = f"there are {of.count:,} kinds of people, and {MOST_KINDS:,} can be told apart"
        help = "Let people know less of themselves, in fewer bands."
    else:
        return
    report.add("E0785", f"Representatives of `{one.name}` would stand for nobody: {why}.", asked.span, help)

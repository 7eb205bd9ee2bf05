"""Mistakes of a whole line: choices, changes, actions, rows and clauses that are not written so."""

from __future__ import annotations

import re

from lpmdsl.diagnostics import did_you_mean
from lpmdsl.quantities import UNITS
from lpmdsl.syntax.mistakes.expected import listed
from lpmdsl.syntax.mistakes.stop import Answer, Stop
from lpmdsl.syntax.tree import AT_A_MOMENT, LASTING
from lpmdsl.syntax.words import ATTRIBUTE_LINE, CLAUSE_WORDS, CLAUSES, ELSEWHERE_LINES, LATER_LINES, OPENERS, ROW_LINE

_ACTIONS = frozenset(word.upper() for word in (*AT_A_MOMENT, *LASTING))
_OPENERS = frozenset(word.upper() for word in OPENERS)
_IF = re.compile(r"\bif\s+(?P<test>.+?)\s+then\s+(?P<yes>.+?)\s+else\s+(?P<no>.+)")
_IF_INSIDE = re.compile(r"(?P<yes>\S(?:[^(]*?\S)?)\s+if\s+(?P<test>.+?)\s+else\s+(?P<no>.+)")


def conditional(stop: Stop) -> Answer:
    """``if TEST then A else B``, ``A if TEST else B``."""
    before, found = 0, _IF.search(stop.line)
    if found is None:
        after = re.split(r"\bat\s+rate\b|\bat\b|\bby\b|\bto\b|\bprobability\b|=", stop.line)[-1]
        before, found = len(stop.line) - len(after), _IF_INSIDE.search(after)
    if found is None:
        return None
    yes, test, no = (found[part].strip() for part in ("yes", "test", "no"))
    choice = f"({yes} where {test}, {no} otherwise)"
    line = stop.text.index(stop.line, stop.line_start) + before
    fix = stop.fix(choice, line + found.start(), line + found.end())
    return "E0101", "A choice is written with `where` and `otherwise`", f"Write `{choice}`", fix


_CHANGE_BY = re.compile(r"change\s+(?P<name>\w+)\s+by\s+(?P<number>[\d_.]+)\s*(?P<percent>%?)")


def change_by(stop: Stop) -> Answer:
    """``change beta by 50 %``, which may mean half of it or half as much again."""
    found = _CHANGE_BY.match(stop.line)
    if found is None or stop.found != "by":
        return None
    factor = float(found["number"].replace("_", "")) / (100 if found["percent"] else 1)
    help = f"Write `change {found['name']} to {factor:g} * {found['name']}`"
    return "E0101", "A change says to what, and `by` could mean that much or that much more", help


def not_yet(stop: Stop) -> Answer:
    """Answer to a line that only a later version reads."""
    line = stop.line.replace(".", " ").split()
    if stop.line_start == 0 or not line:
        return None
    if line[0] == "on" and stop.keyword not in ("agent", "extend"):
        return None
    sentence = LATER_LINES.get(line[0]) or LATER_LINES.get(" ".join(line[:2]))
    return ("E0103", sentence, "Remove this line, or keep the version of the model without it") if sentence else None


def prompt(stop: Stop) -> Answer:
    """Answer to a missing prompt."""
    if stop.accepts != {"STRING"} or stop.prefix:
        return None
    help = 'Write it on lines of its own, indented: `"You are {age_group}. Do you isolate at home?"`'
    return "E0101", "The prompt is missing: what is asked comes before anything else", help


def action(stop: Stop) -> Answer:
    """Answer to a line that should be an action and is none."""
    if not (_ACTIONS & stop.accepts and stop.accepts <= _ACTIONS | _OPENERS):
        return None
    help = "Add `set ATTRIBUTE to VALUE`, `move CONDITION to STATE` or `leave NETWORK`"
    if stop.at_line_end or stop.found in CLAUSES[stop.keyword]:
        return "E0101", "This line does not say what happens", help
    return (
        "E0101",
        f"`{stop.found}` is not something that can happen.{did_you_mean(stop.found, (*AT_A_MOMENT, *LASTING))}",
        help,
        *stop.nearest((*AT_A_MOMENT, *LASTING)),
    )


def row(stop: Stop) -> Answer:
    """A row of a table that ends without its value, or with a word that is no unit."""
    if stop.keyword != "table" or stop.line_start == 0 or not stop.at_line_end or not stop.prefix:
        return None
    types, word = [kind for kind, _ in stop.before], stop.before[-1][1]
    if types == ["NUMBER", "NAME"]:
        return "E0113", f"No unit `{word}`.{did_you_mean(word, UNITS)}", "A row ends with its value, such as `0.5 %`"
    return "E0101", "This row has no value", f"A row reads `{ROW_LINE}`"


def clause(stop: Stop) -> Answer:
    """A line that starts with the wrong word."""
    if stop.line_start == 0 or stop.prefix or stop.at_line_end:
        return None
    clauses = CLAUSES[stop.keyword]
    if stop.keyword in ("agent", "extend"):
        return "E0101", f"`{stop.line}` does not read as an attribute", f"An attribute reads `{ATTRIBUTE_LINE}`"
    if stop.keyword == "network":
        help = "What a file says of each tie reads `NAME TYPE`, such as `weight number`"
        return "E0101", f"`{stop.line}` does not read as a column of ties", help
    if stop.keyword == "table":
        return "E0101", f"`{stop.line}` does not read as a row of the table", f"A row reads `{ROW_LINE}`"
    if not clauses and stop.found not in CLAUSE_WORDS:
        return "E0101", f"`{stop.keyword}` has no further lines", "Remove this line, or start it with a declaration"
    if stop.keyword == "clock" and stop.found[0].isdigit():
        return "E0101", "`clock` needs `step` before a duration", f"Write `step {stop.line}`"
    return _wrong_clause(stop, clauses)


def _wrong_clause(stop: Stop, clauses: dict[str, str]) -> Answer:
    possible = [word for word in clauses if word.upper() in stop.accepts]
    starts = listed([f"`{word}`" for word in possible or clauses], "or")
    help = f"A line here starts with {starts}" if clauses else f"`{stop.keyword}` has no further lines"
    if stop.keyword == "intervention":
        help = ELSEWHERE_LINES.get(stop.found, help)
    if stop.found in clauses:
        return "E0101", f"`{stop.found}` does not belong here in `{stop.keyword}`", help
    owners = [f"`{name}`" for name, theirs in CLAUSES.items() if stop.found in theirs]
    if owners:
        return "E0101", f"`{stop.found}` is a clause of {listed(owners, 'and')}, not of `{stop.keyword}`", help
    message = f"`{stop.keyword}` has no clause `{stop.found}`.{did_you_mean(stop.found, clauses)}"
    return "E0101", message, help, *stop.nearest(clauses)

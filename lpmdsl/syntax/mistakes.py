"""Explanations of syntax errors: the meaning for the person who wrote the line, and what to type instead."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lpmdsl.diagnostics import Report, did_you_mean
from lpmdsl.quantities import TIME, UNITS
from lpmdsl.reading.dates import days_meant
from lpmdsl.source import Source, Span
from lpmdsl.syntax.tree import AT_A_MOMENT, LASTING
from lpmdsl.syntax.words import (
    ATTRIBUTE_LINE,
    CLAUSE_WORDS,
    CLAUSES,
    FIRST_LINES,
    LATER_LINES,
    RESERVED,
    ROW_LINE,
    TYPES,
    words,
)

_FOUND = re.compile(r'"[^"\n]*"|[A-Za-z_][A-Za-z0-9_]*|\d[\w.]*|[<>]=|==|!=|[^\S\n]*\r?\n|.', re.DOTALL)
_CONTEXT_WORDS = 5

_PHRASES = {
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": "a text in quotes",
    "UNIT": "a unit",
    "DATE": "a date",
    "TYPE": "a type",
    "RELEASE": "a version such as `1.0`",
    "_NL": "the end of the line",
    "ARGUMENT": "an argument",
    "LAW_ARGUMENT": "an argument",
    "EQUAL": "`=`",
    "COMMA": "`,`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "DOT": "`.`",
    "PERCENT": "`%`",
    "PLUS": "`+`",
    "MINUS": "`-`",
    "STAR": "`*`",
    "DIVIDE": "`/`",
    "POWER": "`^`",
    "KIND": "`agent`, `parameter` or another kind of declaration",
    "DAYS": "`weekdays` or `weekends`",
    "END": "`source` or `target`",
    "CROSSES": "`rises above LEVEL` or `falls below LEVEL`",
    "SUMMARY": "`total`, `peak`, `peak day`, `mean`, `median`, `min`, `max` or `final`",
    "ATTACK_RATE": "`attack rate` or `final size`",
    "RELATION": "`<`, `<=`, `>` or `>=`",
    "PER_TIE": "`per tie`",
    "HEADER": "`model` or `library`",
    "YES_NO": "`yes` or `no`",
    "COSTS_OF": "`costs of`",
    "FLOW": "`number entering` or `number going from`",
    "EXCEPT": "`except`",
    "CATEGORY": "`category`",
    "BAND": "`band of`",
    "ONE": "`one of`",
    "TILDE": "`~`",
}
# Terminals that continue or decorate a value: named only when nothing else can come.
_OPERATORS = words("PLUS MINUS STAR DIVIDE POWER RELATION IS IN NOT AND OR LPAR LSQB PERCENT UNIT PER WHERE ELSE")
_VALUE_STARTS = words(
    "NAME NUMBER LPAR MINUS NOT THEIR YES_NO DATE COUNTED COUNTED_THEM AGGREGATE QUANTILE TOTAL ARGUMENT STRING"
)
_ACTIONS = frozenset(word.upper() for word in (*AT_A_MOMENT, *LASTING))
_EXITS = {
    "BY": "`by contagion`",
    "AFTER": "`after DISTRIBUTION`",
    "AT": "`at rate RATE`",
    "WITH": "`with probability P every PERIOD`",
    "WHEN": "`when TEST`",
}
_CHARACTERS = {
    "“": '"',
    "”": '"',
    "„": '"',
    "'": '"',
    "‘": '"',
    "’": '"',
    "≥": ">=",
    "≤": "<=",
    "×": "*",
    "·": "*",
    "÷": "/",
    "−": "-",
    "–": "-",
    "—": "-",
    "≠": "is not",
    "!=": "is not",
    "==": "is",
    ";": "a new line",
    ":": "a new line",
    "{": "a new line",
    "}": "a new line",
    "**": "^",
    "&": "and",
    "|": "or",
    "!": "not",
}


@dataclass(frozen=True, slots=True)
class Stop:
    """Place at which the grammar stopped: the offset in the chunk, what it would have taken, and the tokens before."""

    source: Source
    base: int
    text: str
    keyword: str
    position: int
    accepts: frozenset[str]
    before: tuple[tuple[str, str], ...]

    @property
    def found(self) -> str:
        match = _FOUND.match(self.text, self.position)
        return match.group() if match else ""

    @property
    def at_line_end(self) -> bool:
        return not self.found.strip()

    @property
    def span(self) -> Span:
        start = self.base + self.position
        return Span(self.source, start, start + (1 if self.at_line_end else len(self.found)))

    @property
    def line_start(self) -> int:
        return self.text.rfind("\n", 0, self.position) + 1

    @property
    def prefix(self) -> str:
        """The line up to where the grammar stopped."""
        return self.text[self.line_start : self.position].strip()

    @property
    def line(self) -> str:
        return self.text[self.line_start :].split("\n", 1)[0].strip()

    @property
    def first_word(self) -> str:
        return self.line.split(None, 1)[0] if self.line else ""

    @property
    def last_type(self) -> str:
        return self.before[-1][0] if self.before else ""

    @property
    def wants_value(self) -> bool:
        return {"NAME", "NUMBER", "LPAR"} <= self.accepts


def explain(stop: Stop, report: Report) -> None:
    """Report the one mistake at which a declaration stopped making sense."""
    for attempt in (
        _conditional,
        _change_by,
        _not_yet,
        _date,
        _prompt,
        _action,
        _row,
        _reserved,
        _thousands,
        _million,
        _bare_time,
        _unit,
        _character,
        _comparison,
        _type,
        _per,
        _clause,
    ):
        answer = attempt(stop)
        if answer:
            code, message, help = answer
            report.add(code, message, stop.span, help)
            return
    report.add("E0101", _general(stop), stop.span, _shape(stop))


Answer = tuple[str, str, str] | None


_IF = re.compile(r"\bif\s+(?P<test>.+?)\s+then\s+(?P<yes>.+?)\s+else\s+(?P<no>.+)")
_IF_INSIDE = re.compile(r"(?P<yes>\S(?:[^(]*?\S)?)\s+if\s+(?P<test>.+?)\s+else\s+(?P<no>.+)")


def _conditional(stop: Stop) -> Answer:
    """``if TEST then A else B``, ``A if TEST else B``."""
    found = _IF.search(stop.line)
    if found is None:
        after = re.split(r"\bat\s+rate\b|\bat\b|\bby\b|\bto\b|\bprobability\b|=", stop.line)[-1]
        found = _IF_INSIDE.search(after)
    if found is None:
        return None
    yes, test, no = (found[part].strip() for part in ("yes", "test", "no"))
    return "E0101", "A choice is written with `where` and `otherwise`", f"Write `({yes} where {test}, {no} otherwise)`"


_CHANGE_BY = re.compile(r"change\s+(?P<name>\w+)\s+by\s+(?P<number>[\d_.]+)\s*(?P<percent>%?)")


def _change_by(stop: Stop) -> Answer:
    """``change beta by 50 %``, which may mean half of it or half as much again."""
    found = _CHANGE_BY.match(stop.line)
    if found is None or stop.found != "by":
        return None
    factor = float(found["number"].replace("_", "")) / (100 if found["percent"] else 1)
    help = f"Write `change {found['name']} to {factor:g} * {found['name']}`"
    return "E0101", "A change says to what, and `by` could mean that much or that much more", help


def _not_yet(stop: Stop) -> Answer:
    line = stop.line.replace(".", " ").split()
    if stop.line_start == 0 or not line:
        return None
    if line[0] == "on" and stop.keyword not in ("agent", "extend"):
        return None
    sentence = LATER_LINES.get(line[0]) or LATER_LINES.get(" ".join(line[:2]))
    return ("E0103", sentence, "Remove this line, or keep the version of the model without it") if sentence else None


def _date(stop: Stop) -> Answer:
    """A day written in another way than year-month-day."""
    if "DATE" not in stop.accepts or "NAME" in stop.accepts:
        return None
    said, days = days_meant(stop.text[stop.position :])
    if not days:
        return None
    help = f"Write `{days[0]}`" + (f", or `{days[1]}` if the month stands first" if len(days) > 1 else "")
    return "E0101", f"`{said}` is not how a day is written: year, month, day", help


def _prompt(stop: Stop) -> Answer:
    if stop.accepts != {"STRING"} or stop.prefix:
        return None
    help = 'Write it on lines of its own, indented: `"You are {age_group}. Do you isolate at home?"`'
    return "E0101", "The prompt is missing: what is asked comes before anything else", help


def _reserved(stop: Stop) -> Answer:
    if stop.found not in RESERVED or "NAME" not in stop.accepts or "LPAR" in stop.accepts:
        return None
    message = f"`{stop.found}` is a word of the language and cannot be a name"
    return "E0109", message, f"Choose another name here, such as `{stop.found}_1`"


def _action(stop: Stop) -> Answer:
    if not stop.accepts <= _ACTIONS:
        return None
    help = "Add `set ATTRIBUTE to VALUE`, `move CONDITION to STATE` or `leave NETWORK`"
    if stop.at_line_end or stop.found in CLAUSES[stop.keyword]:
        return "E0101", "This line does not say what happens", help
    return (
        "E0101",
        f"`{stop.found}` is not something that can happen.{did_you_mean(stop.found, (*AT_A_MOMENT, *LASTING))}",
        help,
    )


def _row(stop: Stop) -> Answer:
    """A row of a table that ends without its value, or with a word that is no unit."""
    if stop.keyword != "table" or stop.line_start == 0 or not stop.at_line_end or not stop.prefix:
        return None
    types, word = [kind for kind, _ in stop.before], stop.before[-1][1]
    if types == ["NUMBER", "NAME"]:
        return "E0113", f"No unit `{word}`.{did_you_mean(word, UNITS)}", "A row ends with its value, such as `0.5 %`"
    return "E0101", "This row has no value", f"A row reads `{ROW_LINE}`"


def _thousands(stop: Stop) -> Answer:
    """``5,000``: a comma between digits where no list can go on."""
    rest = re.match(r",(\d{3})(?=(?:,\d{3})*\b)(?!\.)", stop.text[stop.position :])
    before = re.search(r"(?<![\w.,])\d{1,3}$", stop.text[: stop.position])
    if stop.found != "," or before is None:
        return None
    if rest is None:
        decimals = re.match(r",(\d+)", stop.text[stop.position :])
        written = f"{before.group()}.{decimals.group(1)}" if decimals else ""
        return ("E0101", "A comma does not belong into a number", f"Write `{written}`") if written else None
    groups = re.match(r"(?:,\d{3})+", stop.text[stop.position :])
    assert groups is not None
    written = before.group() + groups.group().replace(",", "_")
    return "E0101", "A comma does not belong into a number", f"Write `{written}`"


_LARGE = {"hundred": 2, "thousand": 3, "k": 3, "million": 6, "millions": 6, "mio": 6, "billion": 9}


def _million(stop: Stop) -> Answer:
    """``1 million``: a number in words."""
    if stop.found not in _LARGE or stop.last_type != "NUMBER":
        return None
    number = float(stop.before[-1][1].replace("_", "")) * 10 ** _LARGE[stop.found]
    written = f"{number:_.0f}" if number.is_integer() else f"{number:_}"
    return "E0113", f"`{stop.found}` is no unit, and numbers are written in digits", f"Write `{written}`"


def _bare_time(stop: Stop) -> Answer:
    """``after 5 days``: a time in a state without its distribution."""
    if stop.last_type != "AFTER" or "NAME" not in stop.accepts or "NUMBER" in stop.accepts:
        return None
    time = re.match(r"\d[\d_.]*\s*[A-Za-z]*", stop.text[stop.position :])
    if time is None:
        return None
    written = time.group().strip()
    return (
        "E0101",
        "How this time scatters is missing: `after` takes a distribution",
        f"Write `after exponential(mean {written})`, or `after fixed({written})` if it takes everybody as long",
    )


def _unit(stop: Stop) -> Answer:
    after_number = stop.last_type in ("NUMBER", "PERCENT", "PER", "EVERY", "LAST")
    if "UNIT" not in stop.accepts or not after_number or not re.match(r"[A-Za-z_]", stop.found):
        return None
    if stop.found in RESERVED or stop.found in UNITS:
        return None
    times = [name for name, unit in UNITS.items() if unit.dimension == TIME and name.endswith("s")]
    help = f"Time is measured in {_listed([f'`{name}`' for name in times], 'or')}"
    if stop.last_type == "NUMBER":
        help += f"; to multiply, write `{stop.before[-1][1]} * {stop.found}`"
    return "E0113", f"No unit `{stop.found}`.{did_you_mean(stop.found, UNITS)}", help


def _character(stop: Stop) -> Answer:
    two = stop.text[stop.position : stop.position + 2]
    character = two if two in _CHARACTERS else stop.found[:1]
    if two == "**" or character not in _CHARACTERS:
        if two != "**":
            return None
        character = "**"
    instead = _CHARACTERS[character]
    written = instead if instead == "a new line" else f"`{instead}`"
    return "E0101", f"`{character}` is not part of the language", f"Write {written} here"


def _comparison(stop: Stop) -> Answer:
    if stop.found in ("<", "<=", ">", ">=") and "CROSSES" in stop.accepts:
        message = f"A trigger does not compare with `{stop.found}`"
        return "E0101", message, "Write `rises above LEVEL` or `falls below LEVEL`"
    if stop.found in ("<", "<=", ">", ">=") and "PLUS" in stop.accepts and "RELATION" not in stop.accepts:
        return "E0101", "Comparisons do not chain", "Write two of them with `and`, such as `0 < x and x < 1`"
    if stop.found == "=" and ("IS" in stop.accepts or "RELATION" in stop.accepts):
        help = "Write `is` for states, categories and yes/no; numbers compare with `<`, `<=`, `>` and `>=`"
        return "E0101", "`=` does not compare", help
    return None


_RATES = ("rate", "rates", "hazard")


def _type(stop: Stop) -> Answer:
    if "TYPE" not in stop.accepts or not re.match(r"\w", stop.found):
        return None
    if stop.found in _RATES:
        message = f"No type `{stop.found}`: a rate is a number per time"
        return "E0101", message, "Write `number per day`, or `number per year` if the values are yearly"
    message = f"No type `{stop.found}`.{did_you_mean(stop.found, TYPES)}"
    known = _listed([f"`{name}`" for name in TYPES], "and")
    return "E0101", message, f"Types are {known}, or a unit: `contacts per day`"


def _per(stop: Stop) -> Answer:
    if stop.found != "per" or stop.wants_value:
        return None
    if re.match(r"per\s+tie\b", stop.text[stop.position :]):
        return "E0101", "`per tie` belongs after `with` in a network", "Remove `per tie` here"
    if "PLUS" not in stop.accepts:
        return None
    return "E0101", "A unit belongs directly after a number", "Give the unit where the value is written: `2 per day`"


def _clause(stop: Stop) -> Answer:
    """A line that starts with the wrong word."""
    if stop.line_start == 0 or stop.prefix or stop.at_line_end:
        return None
    clauses = CLAUSES[stop.keyword]
    if stop.keyword in ("agent", "extend"):
        return "E0101", f"`{stop.line}` does not read as an attribute", f"An attribute reads `{ATTRIBUTE_LINE}`"
    if stop.keyword == "table":
        return "E0101", f"`{stop.line}` does not read as a row of the table", f"A row reads `{ROW_LINE}`"
    if not clauses and stop.found not in CLAUSE_WORDS:
        return "E0101", f"`{stop.keyword}` has no further lines", "Remove this line, or start it with a declaration"
    if stop.keyword == "clock" and stop.found[0].isdigit():
        return "E0101", "`clock` needs `step` before a duration", f"Write `step {stop.line}`"
    return _wrong_clause(stop, clauses)


def _wrong_clause(stop: Stop, clauses: dict[str, str]) -> Answer:
    possible = [word for word in clauses if word.upper() in stop.accepts]
    starts = _listed([f"`{word}`" for word in possible or clauses], "or")
    help = f"A line here starts with {starts}" if clauses else f"`{stop.keyword}` has no further lines"
    if stop.found in clauses:
        return "E0101", f"`{stop.found}` does not belong here in `{stop.keyword}`", help
    owners = [f"`{name}`" for name, theirs in CLAUSES.items() if stop.found in theirs]
    if owners:
        return "E0101", f"`{stop.found}` is a clause of {_listed(owners, 'and')}, not of `{stop.keyword}`", help
    return "E0101", f"`{stop.keyword}` has no clause `{stop.found}`.{did_you_mean(stop.found, clauses)}", help


# ------------------------------------------------------------------ whatever else


def _general(stop: Stop) -> str:
    """``After `from S` comes …, not `to```."""
    found = "the end of the line" if stop.at_line_end else f"`{stop.found}`"
    options = _options(stop)
    context = " ".join(stop.prefix.split()[-_CONTEXT_WORDS:])
    if not context:
        return f"{found[0].upper()}{found[1:]} does not fit here; expected {options}"
    if options == "the end of the line":
        return f"The line ends after `{context}`; {found} does not belong to it"
    return f"After `{context}` comes {options}, not {found}"


def _options(stop: Stop) -> str:
    accepts = set(stop.accepts)
    if set(_EXITS) <= accepts:
        return _listed(list(_EXITS.values()), "or")
    if stop.wants_value:
        others = accepts - _VALUE_STARTS
        return _listed(["a value", *_phrases(others)], "or")
    if "NAME" in accepts and accepts <= {"NAME", "NUMBER", "STRING", "YES_NO"}:
        return "a name"
    plain = accepts - (_OPERATORS - _structural(accepts))
    if plain - {"_NL", "COMMA"}:
        plain -= {"_NL", "COMMA"}
    return _listed(_phrases(plain or accepts), "or")


def _structural(accepts: set[str]) -> set[str]:
    """Words that look like operators and here are part of the line, as `and` is in `between A and B`."""
    pairs = {"AND": "OR", "IN": "IS", "PER": "PLUS"}
    return {word for word, operator in pairs.items() if word in accepts and operator not in accepts}


def _phrases(terminals: set[str]) -> list[str]:
    return sorted({_PHRASES.get(name, f"`{name.lower()}`") for name in terminals if name != "$END"})


def _listed(words: list[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else "nothing more"


def _shape(stop: Stop) -> str:
    if "_NL" in stop.accepts and stop.line_start == 0 and stop.found in CLAUSES[stop.keyword]:
        return f"Start a new line with `{stop.found}`"
    if stop.line_start == 0:
        return f"This line reads `{FIRST_LINES[stop.keyword]}`"
    shape = CLAUSES[stop.keyword].get(stop.first_word)
    if shape is None and stop.keyword in ("agent", "extend"):
        shape = ATTRIBUTE_LINE
    if shape is None and stop.keyword == "table":
        shape = ROW_LINE
    return f"This line reads `{shape}`" if shape else ""

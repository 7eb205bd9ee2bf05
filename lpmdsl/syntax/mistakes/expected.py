"""Expected words where the grammar stopped, as a sentence."""

from __future__ import annotations

from lpmdsl.syntax.mistakes.stop import Stop
from lpmdsl.syntax.words import ATTRIBUTE_LINE, CLAUSES, FIRST_LINES, ROW_LINE, words

_CONTEXT_WORDS = 5
PHRASES = {
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
    "CUMULATIVE": "`cumulative number`",
    "FLOW": "`number entering` or `number going from`",
    "REACHED": "`number of INTERVENTION`",
    "TIME_SINCE": "`time since`",
    "IN_THEIR": "`in their ATTRIBUTE`",
    "RANK": "`highest` or `lowest`",
    "IN_BANDS": "`in bands`",
    "WHOLE": "`whole number`",
    "EXCEPT": "`except`",
    "CATEGORY": "`category`",
    "BAND": "`band of`",
    "ONE": "`one of`",
    "TILDE": "`~`",
}
# Terminals that continue or decorate a value: named only when nothing else can come.
OPERATORS = words("PLUS MINUS STAR DIVIDE POWER RELATION IS IN NOT AND OR LPAR LSQB PERCENT UNIT PER WHERE ELSE")
VALUE_STARTS = words(
    "NAME NUMBER LPAR MINUS NOT THEIR TIE YES_NO DATE COUNTED COUNTED_THEM AGGREGATE QUANTILE TOTAL TIME_SINCE "
    "ARGUMENT STRING"
)
_EXITS = {
    "BY": "`by contagion`",
    "AFTER": "`after DISTRIBUTION`",
    "AT": "`at rate RATE`",
    "WITH": "`with probability P every PERIOD`",
    "WHEN": "`when TEST`",
}


def what_comes(stop: Stop) -> str:
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
        return listed(list(_EXITS.values()), "or")
    if stop.wants_value:
        others = accepts - VALUE_STARTS
        return listed(["a value", *_phrases(others)], "or")
    if "NAME" in accepts and accepts <= {"NAME", "NUMBER", "STRING", "YES_NO"}:
        return "a name"
    plain = accepts - (OPERATORS - _structural(accepts))
    if plain - {"_NL", "COMMA"}:
        plain -= {"_NL", "COMMA"}
    return listed(_phrases(plain or accepts), "or")


def _structural(accepts: set[str]) -> set[str]:
    """Words that look like operators and here are part of the line, as `and` is in `between A and B`."""
    pairs = {"AND": "OR", "IN": "IS", "PER": "PLUS"}
    return {word for word, operator in pairs.items() if word in accepts and operator not in accepts}


def _phrases(terminals: set[str]) -> list[str]:
    return sorted({PHRASES.get(name, f"`{name.lower()}`") for name in terminals if name != "$END"})


def listed(words: list[str], last: str) -> str:
    """Words with commas between, and ``last`` before the last one."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else "nothing more"


def shape_of_line(stop: Stop) -> str:
    """Sentence on how such a line reads; "" where that is not known."""
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

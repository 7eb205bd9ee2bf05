"""Mistakes within a line: numbers, dates, units, types, characters and comparisons that are not written so."""

from __future__ import annotations

import re

from lpmdsl.diagnostics import did_you_mean
from lpmdsl.quantities import TIME, UNITS
from lpmdsl.reading.dates import days_meant
from lpmdsl.syntax.mistakes.expected import listed
from lpmdsl.syntax.mistakes.stop import Answer, Stop
from lpmdsl.syntax.words import RESERVED, TYPES

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


def date(stop: Stop) -> Answer:
    """A day written in another way than year-month-day."""
    if "DATE" not in stop.accepts or "NAME" in stop.accepts:
        return None
    said, days = days_meant(stop.text[stop.position :])
    if not days:
        return None
    help = f"Write `{days[0]}`" + (f", or `{days[1]}` if the month stands first" if len(days) > 1 else "")
    fixes = (stop.fix(day, stop.position, stop.position + len(said)) for day in days)
    return "E0101", f"`{said}` is not how a day is written: year, month, day", help, *fixes


def reserved(stop: Stop) -> Answer:
    """Answer to a word of the language where a name is wanted."""
    if stop.found not in RESERVED or "NAME" not in stop.accepts or "LPAR" in stop.accepts:
        return None
    message = f"`{stop.found}` is a word of the language and cannot be a name"
    return "E0109", message, f"Choose another name here, such as `{stop.found}_1`", stop.fix(f"{stop.found}_1")


def thousands(stop: Stop) -> Answer:
    """``5,000``: a comma between digits where no list can go on."""
    rest = re.match(r",(\d{3})(?=(?:,\d{3})*\b)(?!\.)", stop.text[stop.position :])
    before = re.search(r"(?<![\w.,])\d{1,3}$", stop.text[: stop.position])
    if stop.found != "," or before is None:
        return None
    if rest is None:
        decimals = re.match(r",(\d+)", stop.text[stop.position :])
        written = f"{before.group()}.{decimals.group(1)}" if decimals else ""
        if decimals is None:
            return None
        fix = stop.fix(written, before.start(), stop.position + decimals.end())
        return "E0101", "A comma does not belong into a number", f"Write `{written}`", fix
    groups = re.match(r"(?:,\d{3})+", stop.text[stop.position :])
    assert groups is not None
    written = before.group() + groups.group().replace(",", "_")
    fix = stop.fix(written, before.start(), stop.position + groups.end())
    return "E0101", "A comma does not belong into a number", f"Write `{written}`", fix


_LARGE = {"hundred": 2, "thousand": 3, "k": 3, "million": 6, "millions": 6, "mio": 6, "billion": 9}


def million(stop: Stop) -> Answer:
    """``1 million``: a number in words."""
    if stop.found not in _LARGE or stop.last_type != "NUMBER":
        return None
    number = float(stop.before[-1][1].replace("_", "")) * 10 ** _LARGE[stop.found]
    written = f"{number:_.0f}" if number.is_integer() else f"{number:_}"
    start = stop.text.rindex(stop.before[-1][1], 0, stop.position)
    fix = stop.fix(written, start, stop.position + len(stop.found))
    return "E0113", f"`{stop.found}` is no unit, and numbers are written in digits", f"Write `{written}`", fix


def bare_time(stop: Stop) -> Answer:
    """``after 5 days``: a time in a state without its distribution."""
    if stop.last_type != "AFTER" or "NAME" not in stop.accepts or "NUMBER" in stop.accepts:
        return None
    time = re.match(r"\d[\d_.]*\s*[A-Za-z]*", stop.text[stop.position :])
    if time is None:
        return None
    written = time.group().strip()
    end = stop.position + len(written)
    return (
        "E0101",
        "How this time scatters is missing: `after` takes a distribution",
        f"Write `after exponential(mean {written})`, or `after fixed({written})` if it takes everybody as long",
        stop.fix(f"exponential(mean {written})", stop.position, end),
        stop.fix(f"fixed({written})", stop.position, end),
    )


def unit(stop: Stop) -> Answer:
    """Answer to an unknown unit."""
    after_number = stop.last_type in ("NUMBER", "PERCENT", "PER", "EVERY", "LAST")
    if "UNIT" not in stop.accepts or not after_number or not re.match(r"[A-Za-z_]", stop.found):
        return None
    if stop.found in RESERVED or stop.found in UNITS:
        return None
    times = [name for name, unit in UNITS.items() if unit.dimension == TIME and name.endswith("s")]
    help = f"Time is measured in {listed([f'`{name}`' for name in times], 'or')}"
    if stop.last_type == "NUMBER":
        help += f"; to multiply, write `{stop.before[-1][1]} * {stop.found}`"
    return "E0113", f"No unit `{stop.found}`.{did_you_mean(stop.found, UNITS)}", help, *stop.nearest(UNITS)


def character(stop: Stop) -> Answer:
    """Answer to a character of other languages, with the one to write instead."""
    two = stop.text[stop.position : stop.position + 2]
    character = two if two in _CHARACTERS else stop.found[:1]
    if two == "**" or character not in _CHARACTERS:
        if two != "**":
            return None
        character = "**"
    instead = _CHARACTERS[character]
    is_line = instead == "a new line"
    fixes = () if is_line else (stop.fix(instead, stop.position, stop.position + len(character)),)
    written = instead if is_line else f"`{instead}`"
    return "E0101", f"`{character}` is not part of the language", f"Write {written} here", *fixes


def comparison(stop: Stop) -> Answer:
    """Answer to a comparison that is written as in other languages."""
    if stop.found in ("<", "<=", ">", ">=") and "CROSSES" in stop.accepts:
        message = f"A trigger does not compare with `{stop.found}`"
        return "E0101", message, "Write `rises above LEVEL` or `falls below LEVEL`"
    if stop.found in ("<", "<=", ">", ">=") and "PLUS" in stop.accepts and "RELATION" not in stop.accepts:
        return "E0101", "Comparisons do not chain", "Write two of them with `and`, such as `0 < x and x < 1`"
    if stop.found == "=" and ("IS" in stop.accepts or "RELATION" in stop.accepts):
        help = "Write `is` for states, categories and yes/no; numbers compare with `<`, `<=`, `>` and `>=`"
        return "E0101", "`=` does not compare", help, stop.fix("is")
    return None


_RATES = ("rate", "rates", "hazard")


def type_name(stop: Stop) -> Answer:
    """Answer to an unknown type."""
    if "TYPE" not in stop.accepts or not re.match(r"\w", stop.found):
        return None
    if stop.found in _RATES:
        message = f"No type `{stop.found}`: a rate is a number per time"
        return "E0101", message, "Write `number per day`, or `number per year` if the values are yearly"
    message = f"No type `{stop.found}`.{did_you_mean(stop.found, TYPES)}"
    known = listed([f"`{name}`" for name in TYPES], "and")
    return "E0101", message, f"Types are {known}, or a unit: `contacts per day`", *stop.nearest(TYPES)


def per(stop: Stop) -> Answer:
    """Answer to a unit that does not follow a number."""
    if stop.found != "per" or stop.wants_value:
        return None
    if re.match(r"per\s+tie\b", stop.text[stop.position :]):
        return "E0101", "`per tie` belongs after `with` in a network", "Remove `per tie` here"
    if "PLUS" not in stop.accepts:
        return None
    return "E0101", "A unit belongs directly after a number", "Give the unit where the value is written: `2 per day`"

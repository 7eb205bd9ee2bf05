"""Days as people write them: which day a text means that is no year-month-day."""

from __future__ import annotations

import datetime
import re

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY, _MONTH = r"(\d{1,2})(?:st|nd|rd|th)?", r"([A-Za-z]{3})[a-z]*\.?"
_NUMBERS = re.compile(r"(\d{1,4})([/.\-])(\d{1,2})\2(\d{1,4})\b")
_DAY_FIRST = re.compile(rf"{_DAY}\s+{_MONTH},?\s+(\d{{4}})")
_MONTH_FIRST = re.compile(rf"{_MONTH}\s+{_DAY},?\s+(\d{{4}})")


def days_meant(text: str) -> tuple[str, list[str]]:
    """The words at the start of a text that mean a day, and the days that they could mean, the likelier first."""
    if said := _NUMBERS.match(text):
        first, last = int(said[1]), int(said[4])
        middle = int(said[3])
        options = [(first, middle, last)] if len(said[1]) == 4 else [(last, middle, first), (last, first, middle)]
    elif said := _DAY_FIRST.match(text):
        options = [(int(said[3]), _month(said[2]), int(said[1]))]
    elif said := _MONTH_FIRST.match(text):
        options = [(int(said[3]), _month(said[1]), int(said[2]))]
    else:
        return "", []
    found = (_iso(*option) for option in options)
    return said.group(), list(dict.fromkeys(day for day in found if day))


def _month(word: str) -> int:
    """1 to 12; 0 for a word that is no month."""
    return MONTHS.index(word.lower()) + 1 if word.lower() in MONTHS else 0


def _iso(year: int, month: int, day: int) -> str:
    try:
        return datetime.date(year, month, day).isoformat()
    except ValueError:
        return ""

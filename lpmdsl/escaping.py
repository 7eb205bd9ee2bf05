"""Put a stranger's text into an output language as data: the only place that knows how each language escapes.

A model, a table and a ledger come from anybody. Whatever of their text reaches a page, a terminal, generated code,
LaTeX or a table goes through one function of this file, which names the language that it writes.
"""

from __future__ import annotations

import html as _html
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator

LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""Every character at which Python, a browser or an editor may begin a new line (``str.splitlines``)."""

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories without a glyph: controls, formats (bidirectional marks too), surrogates, separators."""
_JOINERS = {"\u200c", "\u200d"}
"""Joiners that Persian, Indic scripts and emoji need; they move nothing and end nothing."""


def is_hidden(character: str) -> bool:
    """Return True for a character that has no glyph and can move, hide or end text: never part of a name or label."""
    return unicodedata.category(character) in _HIDDEN and character not in _JOINERS


_SUSPECT = re.compile(r"[^ -~]")


def hidden_in(text: str) -> Iterator[int]:
    """The places of the hidden characters of ``text``, in order."""
    if not text.isprintable():
        yield from (found.start() for found in _SUSPECT.finditer(text) if is_hidden(found.group()))


def first_hidden(text: str) -> int | None:
    """Index of the first hidden character of ``text``, or None."""
    return next(hidden_in(text), None)


def hidden_in_lines(text: str) -> Iterator[int]:
    """The places in a text of many lines of hidden characters other than tabs, line ends and a mark of byte order."""
    for i in hidden_in(text):
        c = text[i]
        if c in "\n\t" or (c == "\r" and text[i + 1 : i + 2] == "\n") or (c == "\ufeff" and i == 0):
            continue
        yield i


def shown(character: str) -> str:
    """Name of a hidden character for a message: ``U+001B``, ``U+2028 (LINE SEPARATOR)``."""
    name = unicodedata.name(character, "") or _CONTROLS.get(character, "")
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


_CONTROLS = {
    "\0": "NULL",
    "\t": "TAB",
    "\n": "LINE FEED",
    "\r": "CARRIAGE RETURN",
    "\x1b": "ESCAPE",
    "\x85": "NEXT LINE",
}

MOST_NAME = 200
"""Characters of a name: those of files and of generated code are made of it."""
MOST_LABEL = 500
"""Characters of a label, or of a cell that becomes one."""


def cell_fault(text: str) -> str:
    """Reason why ``text`` cannot be a name, a label or a cell of data, as the end of a sentence, or nothing.

    ``holds U+001B (ESCAPE), which cannot be seen``, ``has 10,000 characters, more than 500``.
    """
    if len(text) > MOST_LABEL:
        return f"has {len(text):,} characters, more than {MOST_LABEL}"
    place = first_hidden(text)
    return "" if place is None else f"holds {shown(text[place])}, which cannot be seen"


def column_fault(cells: Iterable[object]) -> tuple[int, str] | None:
    """The first cell of a column that is a text with a fault: its row from 0, and why (``cell_fault``)."""
    for row, cell in enumerate(cells):
        if isinstance(cell, str) and (len(cell) > MOST_LABEL or not cell.isprintable()) and (why := cell_fault(cell)):
            return row, why
    return None


def plain(text: str) -> str:
    """One line without hidden characters; each is spelt as an escape (``\\x1b``, ``\\u2028``)."""
    if text.isprintable():
        return text
    return "".join(_spelt(c) if is_hidden(c) else c for c in text)


def _spelt(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def terminal(text: str) -> str:
    """Text of any number of lines for a terminal: line feeds stay, tabs become spaces, nothing moves the cursor."""
    return "\n".join(plain(line.replace("\t", "    ")) for line in text.split("\n"))


def comment(text: str, width: int = 160) -> str:
    """The words of a comment in generated code: one line of printable characters, at most ``width`` of them."""
    line = "".join(c if c.isprintable() and c != "\\" else "?" for c in text)
    return line if len(line) <= width else line[: width - 3] + "..."


def html(text: str) -> str:
    """Text between tags or inside a quoted attribute of HTML, SVG or MathML."""
    return _html.escape(plain_lines(text), quote=True)


def plain_lines(text: str) -> str:
    """Text whose lines end in line feeds alone, with tabs kept and every other hidden character spelt."""
    return "\n".join("\t".join(plain(part) for part in line.split("\t")) for line in text.split("\n"))


def json_text(value: object, **layout: object) -> str:
    """JSON of one line, or laid out as ``json.dumps`` would; hidden characters in texts are escaped."""
    text = json.dumps(value, ensure_ascii=False, **layout)  # type: ignore[arg-type]
    return text if text.isprintable() else "".join(_json_spelt(c) for c in text)


def json_number(value: float) -> float | None:
    """A number as JSON has it: None for an infinite or undefined one."""
    return value if math.isfinite(value) else None


def _json_spelt(character: str) -> str:
    return json.dumps(character)[1:-1] if is_hidden(character) and character != "\n" else character


def script_json(value: object) -> str:
    """JSON that may stand inside ``<script>``: no text in it can end the element or open a comment."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def mathml(name: str) -> str:
    """The name of a symbol that a printer of MathML writes as it is."""
    return html(plain(name))


def markdown(text: str) -> str:
    """Words of a paragraph in Markdown: no mark, list, link, picture or element of HTML comes out of them."""
    marked = _MARKS.sub(lambda found: f"\\{found[0]}", plain_lines(text))
    return _LINE_MARKS.sub(lambda found: f"{found[1]}\\{found[2]}", marked)


_MARKS = re.compile(r"[\\`*_{}\[\]<>&#|~!$:]")
_LINE_MARKS = re.compile(r"^(\s*\d*)([-+=.)])", re.MULTILINE)


def markdown_code(text: str) -> str:
    """Lines of a model in Markdown, in a fence that is longer than any in them."""
    fence = "`" * max(3, 1 + max((len(run) for run in _TICKS.findall(text)), default=0))
    return f"{fence}lpm\n{plain_lines(text)}\n{fence}"


_TICKS = re.compile("`+")

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\^{}", "~": r"\~{}", "<": r"\textless{}", ">": r"\textgreater{}", '"': r"\textquotedbl{}",
}  # fmt: skip


def latex(text: str) -> str:
    """Words inside ``\\text{…}`` or ``\\mathrm{…}`` of LaTeX."""
    return "".join(_LATEX.get(c, c) for c in plain(text))


def mermaid(text: str) -> str:
    """A label of a Mermaid diagram for use between double quotes; signs become entity codes."""
    return "".join(c if c.isalnum() or c in " .,-_%/()" else f"#{ord(c)};" for c in plain(text))


_ACTS = ("=", "+", "-", "@", "\t", "\r", "'")


def csv_cell(text: str) -> str:
    """A cell of text that no spreadsheet takes for a formula: with an apostrophe before ``= + - @``, tabs, line ends.

    A text that begins with an apostrophe gets one more, so that ``csv_words`` undoes it.
    """
    return "'" + text if text[:1] in _ACTS else text


def csv_words(cell: str) -> str:
    """The text that ``csv_cell`` made a cell of."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _ACTS else cell

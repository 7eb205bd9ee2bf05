"""Put a stranger's text into an output language as data: the only place that knows how each language escapes.

A model, a table and a ledger come from anybody. Whatever of their text reaches a page, a terminal, generated code,
LaTeX or a table goes through one function of this file, which names the language that it writes.
"""

from __future__ import annotations

import html as _html
import json
import unicodedata

LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""Every character at which Python, a browser or an editor may begin a new line (``str.splitlines``)."""

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories without a glyph: controls, formats (bidirectional marks too), surrogates, separators."""
_JOINERS = {"\u200c", "\u200d"}
"""Joiners that Persian, Indic scripts and emoji need; they move nothing and end nothing."""


def is_hidden(character: str) -> bool:
    """Return True for a character that has no glyph and can move, hide or end text: never part of a name or label."""
    return unicodedata.category(character) in _HIDDEN and character not in _JOINERS


def first_hidden(text: str) -> int | None:
    """Index of the first hidden character of ``text``, or None."""
    return next((i for i, c in enumerate(text) if is_hidden(c)), None)


def shown(character: str) -> str:
    """Name of a hidden character for a message: ``U+001B``."""
    return f"U+{ord(character):04X}"


def plain(text: str) -> str:
    """One line without hidden characters; each is spelt as an escape (``\\x1b``, ``\\u2028``)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spelt(c) if is_hidden(c) else c for c in text)


def _spelt(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def terminal(text: str) -> str:
    """Text of any number of lines for a terminal: line feeds stay, tabs become spaces, nothing moves the cursor."""
    return "\n".join(plain(line.replace("\t", "    ")) for line in text.split("\n"))


def comment(text: str, width: int = 160) -> str:
    """The words of a comment in generated code: one line of printable ASCII, at most ``width`` characters."""
    line = "".join(c if " " <= c <= "~" and c != "\\" else "?" for c in text)
    return line if len(line) <= width else line[: width - 3] + "..."


def html(text: str) -> str:
    """Text between tags or inside a quoted attribute of HTML, SVG or MathML."""
    return _html.escape(plain_lines(text), quote=True)


def plain_lines(text: str) -> str:
    """Text whose lines end in line feeds alone, with tabs kept and every other hidden character spelt."""
    return "\n".join("\t".join(plain(part) for part in line.split("\t")) for line in text.split("\n"))


def script_json(value: object) -> str:
    """JSON that may stand inside ``<script>``: no text in it can end the element or open a comment."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


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


def csv_cell(text: str) -> str:
    """A cell of text that no spreadsheet takes for a formula: an apostrophe before ``= + - @``, tab and line ends."""
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text

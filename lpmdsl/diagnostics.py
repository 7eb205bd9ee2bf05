"""Diagnostics: what is wrong, where, why, and what to type next.

Every diagnostic has a code from ``lpmdsl.codes.CODES``; every code has a page in ``docs/errors/``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from lpmdsl.codes import CODES
from lpmdsl.escaping import json_text, plain
from lpmdsl.source import Span

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that explains the first: ``first declared here``."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """An edit that answers a finding: ``text`` in place of what stands at ``span``. ``title``: what it does."""

    title: str
    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding with its place. Messages quote what was read: ``message`` and ``help`` are spelt as one line each.

    ``fixes``: edits that ``help`` or a question in the message proposes, the likeliest first; a program can make them.
    """

    code: str
    message: str
    span: Span
    help: str = ""
    labels: tuple[Label, ...] = ()
    fixes: tuple[Fix, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", plain(self.message))
        object.__setattr__(self, "help", plain(self.help))

    @property
    def severity(self) -> Severity:
        """Severity by the first letter of the code."""
        return {"E": "error", "W": "warning", "N": "note"}[self.code[0]]  # type: ignore[return-value]


@dataclass(slots=True)
class Report:
    """The diagnostics of one compilation, in the order in which they were found."""

    diagnostics: list[Diagnostic] = field(default_factory=list)

    def add(
        self, code: str, message: str, span: Span, help: str = "", labels: Iterable[Label] = (),
        fixes: Iterable[Fix] = (),
    ) -> None:  # fmt: skip
        """Record one diagnostic; the same code at the same place is recorded once. Its own place explains nothing."""
        assert code in CODES, f"diagnostic code {code} has no row in lpmdsl/codes.py"
        if not any(d.code == code and d.span == span for d in self.diagnostics):
            self.diagnostics.append(
                Diagnostic(
                    code, message, span, help, tuple(label for label in labels if label.span != span), tuple(fixes)
                )
            )

    @property
    def has_errors(self) -> bool:
        """Return True if one of the diagnostics is an error."""
        return any(d.severity == "error" for d in self.diagnostics)

    def sorted(self) -> list[Diagnostic]:
        """Diagnostics in the order of files and places."""
        return sorted(self.diagnostics, key=lambda d: (d.span.source.name, d.span.start))


class LpmError(Exception):
    """A user's mistake that stops the work: carries the report that explains it."""

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__("\n\n".join(render_text(d) for d in report.sorted()))


def fail(code: str, message: str, span: Span, help: str = "") -> LpmError:
    """An ``LpmError`` with one diagnostic: ``raise fail("E0801", …)``."""
    report = Report()
    report.add(code, message, span, help)
    return LpmError(report)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` Did you mean `I`?`` or nothing: the nearest of the known names, also by initial or upper case."""
    found = nearest(word, known)
    return f" Did you mean `{found}`?" if found else ""


def instead(span: Span, word: str, known: Iterable[str]) -> tuple[Fix, ...]:
    """The edit that ``did_you_mean`` asks about, none where it asks nothing. ``span``: that of the word, or of it in
    quotes."""
    found = nearest(word, known)
    quoted = span.source.text[span.start : span.start + 1] == '"'
    return (replaced(span, f'"{found}"' if quoted else found),) if found else ()


def replaced(span: Span, text: str) -> Fix:
    """The edit that writes ``text`` where something else stands."""
    return Fix(f"Write `{text}`", span, text)


def nearest(word: str, known: Iterable[str]) -> str:
    """The nearest of the known names, also by initial or upper case, "" if none is near."""
    names = sorted(set(known))
    folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    if close:
        return folded[close[0]]
    initials = [name for name in names if word and name == word[0].upper()]
    return initials[0] if initials else ""


def render_text(d: Diagnostic) -> str:
    """Four parts: the headline, the line with its caret, related places with their lines, and what to do next."""
    source = d.span.source
    if not source.text:
        parts = [f"{d.severity}[{d.code}] {source.name}: {d.message}"]
        return "\n".join([*parts, f"  help: {d.help}"] if d.help else parts)
    row, column = source.position(min(d.span.start, max(len(source.text) - 1, 0)))
    parts = [f"{d.severity}[{d.code}] {source.name}:{row}:{column}: {d.message}", *_excerpt(d.span)]
    for label in d.labels:
        line, col = label.span.source.position(label.span.start)
        parts.append(f"  {label.span.source.name}:{line}:{col}: {plain(label.text)}")
        is_shown = label.span.source.name == source.name and line == row
        parts += [] if is_shown or not label.span.source.text else _excerpt(label.span, "-")
    if d.help:
        parts.append(f"  help: {d.help}")
    return "\n".join(parts)


def _excerpt(span: Span, mark: str = "^") -> list[str]:
    row, column = span.line, span.column
    text = span.source.line(row)
    first, at = max(0, column - 80), column - 1
    last = min(len(text), first + 160)
    before, marked, after = (
        plain(part.replace("\t", " "))
        for part in (text[first:at], text[at : max(at, min(at + span.end - span.start, last))], text[at:last])
    )
    gutter = f"{row:>5} | "
    caret = " " * len(before) + mark * max(1, len(marked))
    return [gutter + before + after, " " * (len(gutter) - 2) + "| " + caret]


def render_json(d: Diagnostic) -> str:
    """One JSON object on one line: code, severity, message, file, line, column, end_line, end_column, help,
    ``related``: file, line, column and message of every place that explains it, and ``fixes``: edits that answer it,
    each with a title, a place and the text to write there."""
    source = d.span.source
    line, column = source.position(d.span.start)
    end_line, end_column = source.position(max(d.span.end, d.span.start))
    return json_text(
        {
            "code": d.code,
            "severity": d.severity,
            "message": d.message,
            "file": str(source.path or source.name),
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
            "help": d.help,
            "related": [_place(label) for label in d.labels],
            "fixes": [_edit(fix) for fix in d.fixes],
        }
    )


def _edit(fix: Fix) -> dict[str, str | int]:
    source = fix.span.source
    (line, column), (end_line, end_column) = source.position(fix.span.start), source.position(fix.span.end)
    return {
        "title": plain(fix.title), "file": str(source.path or source.name), "line": line, "column": column,
        "end_line": end_line, "end_column": end_column, "text": fix.text,
    }  # fmt: skip


def _place(label: Label) -> dict[str, str | int]:
    source = label.span.source
    line, column = source.position(label.span.start)
    return {"file": str(source.path or source.name), "line": line, "column": column, "message": plain(label.text)}

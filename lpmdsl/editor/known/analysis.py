"""Facts known of one text at one moment, worked out when they are first asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from lpmdsl.diagnostics import Diagnostic, Report
from lpmdsl.editor.known.occurrences import occurrences
from lpmdsl.editor.known.symbols import Occurrence
from lpmdsl.semantics.model import Model
from lpmdsl.semantics.passes import Passed, passes_from, refuse_values
from lpmdsl.semantics.resolve.library import Library
from lpmdsl.semantics.resolve.names import Names, resolve
from lpmdsl.source import Source
from lpmdsl.syntax import tree
from lpmdsl.syntax.chunks import lines_of, split
from lpmdsl.syntax.parse import parse

ROUNDS = 4
"""Times that lines that do not read are left out, to read the rest of their declaration."""


@dataclass(frozen=True)
class Analysis:
    """A text with its tree, names, Model and diagnostics. Nothing here raises for what a text holds.

    ``refused``: why the text cannot be read at all (too large, no text).
    """

    source: Source
    library: Library
    refused: tuple[Diagnostic, ...] = field(default=())

    @cached_property
    def read(self) -> tuple[tree.Module, tuple[Diagnostic, ...]]:
        """The tree of the declarations that can be read as they are, and what is wrong with the others."""
        report = Report()
        module = parse(self.source, report)
        return module, tuple(report.diagnostics)

    @cached_property
    def checked(self) -> tuple[Passed, tuple[Diagnostic, ...]]:
        """Products of the passes at the parameters' own values, and what they found."""
        if self.refused:
            return Passed(tree.Module(self.source, None, (), ())), self.refused
        module, found = self.read
        report = Report(list(found))
        passed = passes_from(module, report, self.library)
        return passed, tuple(report.sorted())

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The findings, with those of the values that scenarios set: all that ``lpmc check`` says before promises."""
        passed, found = self.checked
        report = Report(list(found))
        refuse_values(passed, report)
        return tuple(report.sorted())

    @property
    def model(self) -> Model | None:
        """The Model, None where the text has errors at the parameters' own values."""
        passed, found = self.checked
        return None if any(d.severity == "error" for d in found) else passed.model

    @cached_property
    def module(self) -> tree.Module:
        """The tree of all that can be read: lines that do not read are left out, and with them nothing else."""
        return readable_module(self.source, *self.read)

    @cached_property
    def names(self) -> Names:
        """The names of what can be read, with those of used files."""
        return resolve(self.module, self.library, Report())

    @cached_property
    def occurrences(self) -> tuple[Occurrence, ...]:
        """Every name of the text that stands for something declared, in the order of their places."""
        return occurrences(self.module, self.names)

    def occurrence_at(self, offset: int) -> Occurrence | None:
        """The name at, or just before, a place in the text."""
        return next((o for o in self.occurrences if o.span.start <= offset <= o.span.end), None)


def readable_module(source: Source, module: tree.Module, found: tuple[Diagnostic, ...]) -> tree.Module:
    """The tree of a text in which lines that do not read are blank; every place is that of the text itself.

    ``module``, ``found``: as it reads with them.
    """
    text = source.text
    for _ in range(ROUNDS):
        broken = _broken_lines(text, module, found)
        if not broken:
            break
        for start, end in broken:
            text = text[:start] + " " * (end - start) + text[end:]
        report = Report()
        module = parse(Source(source.name, text, source.path, source.readable, source.reads_anything), report)
        found = tuple(report.diagnostics)
    return module


def _broken_lines(text: str, module: tree.Module, found: tuple[Diagnostic, ...]) -> set[tuple[int, int]]:
    """The lines of errors that cost a declaration; a hidden character costs the whole text and stands anywhere.

    A declaration whose first line does not read is left out whole: its clauses would go on the declaration above.
    """
    read = [(d.span.start, d.span.end) for d in module.declarations]
    source = Source(module.source.name, text)
    ends = {chunk.start: chunk.start + len(chunk.text) - 1 for chunk, _ in split(source, lines_of(source))}
    lines: set[tuple[int, int]] = set()
    for d in found:
        at = d.span.start
        if d.severity == "error" and d.code != "E0108" and not any(start <= at < end for start, end in read):
            start, end = _line_around(text, at)
            whole = next((ends[first] for first in range(start, end) if first in ends), end)
            while start < whole:
                start, end = _line_around(text, start)
                lines.add((start, end))
                start = end + 1
    return {(start, end) for start, end in lines if text[start:end].strip()}


def _line_around(text: str, at: int) -> tuple[int, int]:
    """Return where the line of a character begins and ends."""
    end = text.find("\n", at)
    return text.rfind("\n", 0, at) + 1, len(text) if end < 0 else end

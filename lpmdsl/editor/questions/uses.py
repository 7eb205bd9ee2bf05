"""Places of a name: where it is declared, and every use of it in the texts of the workspace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lpmdsl.diagnostics import Report
from lpmdsl.editor.known.analysis import Analysis
from lpmdsl.editor.known.symbols import Occurrence, Symbol
from lpmdsl.editor.known.workspace import Workspace
from lpmdsl.source import Span
from lpmdsl.syntax import tree as t


@dataclass(frozen=True, slots=True)
class Use:
    """A use of a name in the text of ``path``."""

    path: Path
    occurrence: Occurrence


def definition(analysis: Analysis, offset: int) -> Span | None:
    """The declaration of the name at a place, or the file that a ``use`` names there."""
    found = analysis.occurrence_at(offset)
    if found is not None:
        return found.symbol.span
    for use in analysis.module.declarations:
        if isinstance(use, t.Use) and use.path_span.start <= offset <= use.path_span.end:
            file = analysis.library.find(use, Report())
            module = analysis.library.load(file, use, Report()) if file is not None else None
            return Span(module.source, 0, 0) if module is not None else None
    return None


def uses(workspace: Workspace, symbol: Symbol) -> Iterator[Use]:
    """Every use of a symbol, its declaration too, text by text. Texts without the word are not read further."""
    for path in workspace.paths():
        found = workspace.analysis(path)
        if found is not None and symbol.name in found.source.text:
            yield from (Use(path, o) for o in found.occurrences if o.symbol.key == symbol.key)

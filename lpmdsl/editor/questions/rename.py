"""Renaming: a name changed where it is declared and in every text that uses it, or a reason why it cannot be."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lpmdsl.editor.known.analysis import Analysis
from lpmdsl.editor.known.symbols import Occurrence, Symbol
from lpmdsl.editor.known.workspace import Workspace
from lpmdsl.editor.questions.uses import Use, uses
from lpmdsl.escaping import MOST_LABEL, MOST_NAME, first_hidden
from lpmdsl.source import Span
from lpmdsl.syntax.words import RESERVED

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Edit:
    """Other text in place of a span of the text of ``path``."""

    path: Path
    span: Span
    text: str


class Refused(Exception):
    """A renaming that cannot be, with the reason as a sentence."""


def renamed_at(analysis: Analysis, offset: int) -> Occurrence:
    """The name that would be renamed. Raises ``Refused`` where there is none that can be."""
    found = analysis.occurrence_at(offset)
    if found is None:
        raise Refused("Here stands no name that this model or one of its libraries declares.")
    return found


def rename(workspace: Workspace, path: Path, offset: int, new: str) -> list[Edit]:
    """The edits that give the name at a place a new one in all texts. Raises ``Refused``.

    The texts are checked with the edits made, so that a clash, a use that would mean something else and a name that
    a data file gives are found before anything is changed.
    """
    analysis = workspace.analysis(path)
    if analysis is None:
        raise Refused("This text cannot be read.")
    found = renamed_at(analysis, offset)
    if found.symbol.kind == "alias":
        edits = _of_alias(path, analysis, found, _plain_name(new))
    else:
        word = _own_part(found, new)
        _must_be_ours(workspace, found.symbol)
        edits = [_edit(use, word) for use in uses(workspace, found.symbol)]
    _must_mean_the_same(workspace, edits, found.symbol)
    return edits


def _plain_name(new: str) -> str:
    if not _NAME.fullmatch(new):
        raise Refused(f"`{new}` is no name: a letter or `_`, then letters, digits and `_`.")
    if new in RESERVED:
        raise Refused(f"`{new}` is a word of the language and cannot be a name.")
    if len(new) > MOST_NAME:
        raise Refused(f"A name has at most {MOST_NAME} characters.")
    return new


def _own_part(found: Occurrence, new: str) -> str:
    """The new name without what ``use … as`` puts before it; a label may be a text in quotes."""
    if found.symbol.kind == "label" and not _NAME.fullmatch(new):
        return _label(found.symbol, new.strip('"'))
    if not new.startswith(found.prefix):
        raise Refused(f"`{found.prefix}` belongs to the `use` line: a new name of this begins with it, too.")
    return _plain_name(new.removeprefix(found.prefix))


def _label(symbol: Symbol, new: str) -> str:
    if not new or '"' in new or "\t" in new or first_hidden(new) is not None or len(new) > MOST_LABEL:
        raise Refused("A label in quotes holds neither quotes nor characters that cannot be seen.")
    if symbol.name.isdigit():
        raise Refused(f"`{symbol.name}` is a number that rows are read by, and no name.")
    return f'"{new}"'


def _must_be_ours(workspace: Workspace, symbol: Symbol) -> None:
    path = symbol.path
    inside = path is not None and any(path.resolve().is_relative_to(f.resolve()) for f in workspace.folders)
    if path is not None and not inside and path.resolve() not in {p.resolve() for p in workspace.texts}:
        raise Refused(f"`{symbol.name}` is declared in {path.name}, which lies outside the folders of the editor.")


def _edit(use: Use, word: str) -> Edit:
    return Edit(use.path, use.occurrence.span, use.occurrence.prefix + word)


def _of_alias(path: Path, analysis: Analysis, alias: Occurrence, new: str) -> list[Edit]:
    """The ``use`` line, and every name to which its ``as`` gave a beginning."""
    old = f"{alias.symbol.name}_"
    edits = [Edit(path, alias.span, new)]
    for o in analysis.occurrences:
        if o.prefix.startswith(old):
            start = o.span.start
            edits.append(Edit(path, Span(o.span.source, start, start + len(old)), f"{new}_"))
    return edits


# ------------------------------------------------------------------ the texts with the edits made


def _must_mean_the_same(workspace: Workspace, edits: list[Edit], symbol: Symbol) -> None:
    """Raises ``Refused`` where a text would have an error that it has not, or a name would mean something else."""
    if not edits:
        raise Refused("Nothing in the open folders has this name.")
    texts = changed_texts(workspace, edits)
    after = Workspace(workspace.folders, workspace.allow_files, {**workspace.texts, **texts})
    count = 0
    for path in (*texts, *_users(workspace, texts)):
        before, found = workspace.analysis(path), after.analysis(path)
        if before is None or found is None:
            raise Refused(f"{path.name} cannot be read.")
        _no_new_error(before, found)
        count += len(found.occurrences) - len(before.occurrences)
    if count != 0:
        raise Refused("With this name, some uses would mean something else.")
    if symbol.kind != "alias":
        _as_many(after, edits, symbol)


def _users(workspace: Workspace, texts: Mapping[Path, str]) -> list[Path]:
    """Texts that use a changed one and do not change themselves: a new name may clash with theirs."""
    names = {path.name for path in texts}
    found: list[Path] = []
    for path in workspace.paths():
        analysis = workspace.analysis(path) if path not in texts else None
        if analysis is not None and any(Path(name).stem in analysis.source.text for name in names):
            found += [path] if names & set(analysis.names.used) else []
    return found


def _no_new_error(before: Analysis, after: Analysis) -> None:
    old = Counter(d.code for d in before.diagnostics if d.severity == "error")
    for d in after.diagnostics:
        old[d.code] -= d.severity == "error"
        if old[d.code] < 0:
            raise Refused(f"With this name, {after.source.name} has an error: {d.message}")


def _as_many(after: Workspace, edits: list[Edit], symbol: Symbol) -> None:
    """Every edited name must stand for one thing, declared where the old name was."""
    found = set()
    for path, places in _by_path(edits).items():
        analysis = after.analysis(path)
        shift = 0
        for edit in sorted(places, key=lambda e: e.span.start):
            here = analysis.occurrence_at(edit.span.start + shift + 1) if analysis is not None else None
            found.add(here.symbol.key if here is not None else None)
            shift += len(edit.text) - (edit.span.end - edit.span.start)
    if len(found) != 1 or None in found:
        raise Refused(f"With this name, some uses of `{symbol.name}` would mean something else.")


def _by_path(edits: list[Edit]) -> Mapping[Path, list[Edit]]:
    found: dict[Path, list[Edit]] = defaultdict(list)
    for edit in edits:
        found[edit.path].append(edit)
    return found


def changed_texts(workspace: Workspace, edits: list[Edit]) -> dict[Path, str]:
    """The texts with the edits made."""
    texts: dict[Path, str] = {}
    for path, places in _by_path(edits).items():
        analysis = workspace.analysis(path)
        text = analysis.source.text if analysis is not None else ""
        for edit in sorted(places, key=lambda e: -e.span.start):
            text = text[: edit.span.start] + edit.text + text[edit.span.end :]
        texts[path] = text
    return texts

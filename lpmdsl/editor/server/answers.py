"""Answers to questions in the words of the protocol."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from lsprotocol import types

from lpmdsl.diagnostics import Diagnostic, Fix
from lpmdsl.editor.known.analysis import Analysis
from lpmdsl.editor.known.symbols import Occurrence
from lpmdsl.editor.questions.completion import Completion
from lpmdsl.editor.questions.folding import Fold
from lpmdsl.editor.questions.hints import Hint
from lpmdsl.editor.questions.outline import Entry
from lpmdsl.editor.questions.rename import Edit
from lpmdsl.editor.questions.signatures import Signatures
from lpmdsl.editor.questions.tokens import MODIFIERS, TYPES, Coloured
from lpmdsl.editor.server.places import Places, uri_of
from lpmdsl.escaping import markdown, plain
from lpmdsl.source import Source, Span

_KINDS = {
    "keyword": types.CompletionItemKind.Keyword,
    "unit": types.CompletionItemKind.Unit,
    "state": types.CompletionItemKind.EnumMember,
    "label": types.CompletionItemKind.EnumMember,
    "parameter": types.CompletionItemKind.Constant,
    "table": types.CompletionItemKind.Struct,
    "agent": types.CompletionItemKind.Class,
    "attribute": types.CompletionItemKind.Field,
    "place": types.CompletionItemKind.Field,
    "network": types.CompletionItemKind.Interface,
    "condition": types.CompletionItemKind.Enum,
    "observe": types.CompletionItemKind.Value,
    "intervention": types.CompletionItemKind.Event,
    "behaviour": types.CompletionItemKind.Method,
    "rule": types.CompletionItemKind.Method,
    "scenario": types.CompletionItemKind.Module,
    "distribution": types.CompletionItemKind.Function,
    "generator": types.CompletionItemKind.Function,
    "function": types.CompletionItemKind.Function,
    "argument": types.CompletionItemKind.Property,
    "file": types.CompletionItemKind.File,
}
_SYMBOLS = {
    "model": types.SymbolKind.Module,
    "library": types.SymbolKind.Module,
    "use": types.SymbolKind.Package,
    "state": types.SymbolKind.EnumMember,
    "parameter": types.SymbolKind.Constant,
    "table": types.SymbolKind.Struct,
    "agent": types.SymbolKind.Class,
    "attribute": types.SymbolKind.Field,
    "place": types.SymbolKind.Field,
    "network": types.SymbolKind.Interface,
    "condition": types.SymbolKind.Enum,
    "contagion": types.SymbolKind.Operator,
    "observe": types.SymbolKind.Variable,
    "intervention": types.SymbolKind.Event,
    "behaviour": types.SymbolKind.Method,
    "rule": types.SymbolKind.Method,
    "scenario": types.SymbolKind.Namespace,
}


def items(found: Completion, source: Source, offset: int, places: Places) -> types.CompletionList:
    """The completions in their order: editors would sort them by letters."""
    span = types.Range(places.position(source, found.start), places.position(source, offset))
    return types.CompletionList(
        False,
        [
            types.CompletionItem(
                label=plain(one.word),
                kind=_KINDS.get(one.kind, types.CompletionItemKind.Text),
                detail=plain(one.detail) or None,
                sort_text=f"{rank:04}",
                filter_text=one.insert or one.word,
                text_edit=types.TextEdit(span, one.insert or one.word),
            )
            for rank, one in enumerate(found.found)
        ],
    )


def hovered(found: tuple[Span, str] | None, places: Places) -> types.Hover | None:
    """Facts about a name, in Markdown."""
    if found is None:
        return None
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, found[1]), places.range(found[0]))


def locations(spans: Iterable[Span], places: Places) -> list[types.Location]:
    """The places that are in files."""
    return [place for span in spans if (place := places.location(span)) is not None]


def highlights(found: Iterable[Occurrence], places: Places) -> list[types.DocumentHighlight]:
    """The uses of a name in its own text; a declaration is where it is written to."""
    kinds = types.DocumentHighlightKind
    return [
        types.DocumentHighlight(places.range(o.span), kinds.Write if o.is_definition else kinds.Read) for o in found
    ]


def edited(edits: Iterable[Edit], places: Places, uris: Mapping[Path, str]) -> types.WorkspaceEdit:
    """Edits of several texts, by the client's addresses of those that are open."""
    found: dict[str, list[types.TextEdit]] = defaultdict(list)
    for edit in edits:
        found[uris.get(edit.path) or uri_of(edit.path)].append(types.TextEdit(places.range(edit.span), edit.text))
    return types.WorkspaceEdit(changes=dict(found))


def quick_fixes(
    found: Iterable[tuple[Diagnostic, Fix]], given: Iterable[types.Diagnostic], places: Places, uri: str
) -> list[types.CodeAction]:
    """The edits of findings, each with the client's own record of its finding; the first one of each is preferred."""
    known = {(d.code, d.range.start.line, d.range.start.character): d for d in given}
    actions: list[types.CodeAction] = []
    for d, fix in found:
        start = places.position(d.span.source, d.span.start)
        answered = known.get((d.code, start.line, start.character))
        edit = types.TextEdit(places.range(fix.span), fix.text)
        actions.append(
            types.CodeAction(
                plain(fix.title),
                types.CodeActionKind.QuickFix,
                [answered] if answered is not None else None,
                fix is d.fixes[0],
                edit=types.WorkspaceEdit(changes={uri: [edit]}),
            )
        )
    return actions


def whole_text(analysis: Analysis, text: str | None, places: Places) -> list[types.TextEdit] | None:
    """Another text in place of the whole of one."""
    if text is None:
        return None
    source = analysis.source
    return [types.TextEdit(places.range(Span(source, 0, len(source.text))), text)]


def symbols(entries: Iterable[Entry], places: Places) -> list[types.DocumentSymbol]:
    """The outline of a text."""
    return [
        types.DocumentSymbol(
            name=plain(entry.name) or entry.kind,
            kind=_SYMBOLS.get(entry.kind, types.SymbolKind.Object),
            range=places.range(entry.span),
            selection_range=places.range(entry.name_span),
            detail=plain(entry.detail) or None,
            children=symbols(entry.parts, places),
        )
        for entry in entries
    ]


def folded(found: Iterable[Fold]) -> list[types.FoldingRange]:
    """Foldable lines."""
    kinds = types.FoldingRangeKind
    return [types.FoldingRange(f.first, f.last, kind=kinds.Comment if f.is_remark else kinds.Region) for f in found]


LEGEND = types.SemanticTokensLegend(list(TYPES), list(MODIFIERS))


def coloured(found: Iterable[Coloured], source: Source, places: Places) -> types.SemanticTokens:
    """Words as five numbers each: lines and columns from the word before, length, type, modifiers."""
    data: list[int] = []
    line = column = 0
    for one in found:
        start, end = places.position(source, one.start), places.position(source, one.end)
        if start.line != end.line or end.character <= start.character:
            continue
        same = start.line == line
        if same and data and start.character < column:
            continue
        bits = sum(1 << MODIFIERS.index(m) for m in one.modifiers)
        before = column if same else 0
        data += [start.line - line, start.character - before, end.character - start.character]
        data += [TYPES.index(one.type), bits]
        line, column = start.line, start.character
    return types.SemanticTokens(data)


def signed(found: Signatures | None) -> types.SignatureHelp | None:
    """The ways to write a call, with the argument that is being written."""
    if found is None:
        return None
    told = [
        types.SignatureInformation(
            s.label,
            types.MarkupContent(types.MarkupKind.Markdown, markdown(s.about)),
            [types.ParameterInformation(name, about) for name, about in s.arguments],
        )
        for s in found.found
    ]
    return types.SignatureHelp(told, found.chosen, found.argument)


def hinted(found: Iterable[Hint], source: Source, places: Places, within: types.Range) -> list[types.InlayHint]:
    """Units behind names, those on the lines that are shown."""
    return [
        types.InlayHint(place, plain(h.text), types.InlayHintKind.Type, tooltip=h.about)
        for h in found
        if within.start.line <= (place := places.position(source, h.at)).line <= within.end.line
    ]

"""Answers to questions in the words of the protocol."""

from __future__ import annotations

from lsprotocol import types

from lpmdsl.editor.completion import Completion
from lpmdsl.editor.server.places import Places
from lpmdsl.escaping import plain
from lpmdsl.source import Source

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
    "scenario": types.CompletionItemKind.Module,
    "distribution": types.CompletionItemKind.Function,
    "generator": types.CompletionItemKind.Function,
    "function": types.CompletionItemKind.Function,
    "argument": types.CompletionItemKind.Property,
    "file": types.CompletionItemKind.File,
}


def items(found: Completion, source: Source, offset: int, places: Places) -> types.CompletionList:
    """The completions in their order: editors would sort them by letters."""
    start, end = places.position(source, found.start), places.position(source, offset)
    span = types.Range(start, end)
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

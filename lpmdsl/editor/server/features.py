"""Every request that the server answers, each in a line or two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from lpmdsl.editor.questions.completion import completion
from lpmdsl.editor.questions.fixes import fixes
from lpmdsl.editor.questions.folding import folds
from lpmdsl.editor.questions.formatting import formatted
from lpmdsl.editor.questions.hints import hints
from lpmdsl.editor.questions.hover import hover
from lpmdsl.editor.questions.outline import outline
from lpmdsl.editor.questions.rename import Refused, rename, renamed_at
from lpmdsl.editor.questions.signatures import signatures
from lpmdsl.editor.questions.tokens import tokens
from lpmdsl.editor.questions.uses import definition, uses
from lpmdsl.editor.server import answers
from lpmdsl.editor.server.app import Server, guarded
from lpmdsl.editor.server.places import path_of


def register(server: Server) -> None:
    """Teach a server every request."""
    _texts(server)
    _typing(server)
    _names(server)
    _fixing(server)
    _renaming(server)
    _whole_texts(server)


def _texts(server: Server) -> None:
    @server.feature(types.INITIALIZED)
    async def initialized(_: types.InitializedParams) -> None:
        _take_folders(server)
        await _ask_for_changes(server)

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def folders_changed(_: types.DidChangeWorkspaceFoldersParams) -> None:
        _take_folders(server)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(given: types.DidOpenTextDocumentParams) -> None:
        server.changed(given.text_document.uri, given.text_document.text)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(given: types.DidChangeTextDocumentParams) -> None:
        uri = given.text_document.uri
        server.changed(uri, server.workspace.get_text_document(uri).source)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(given: types.DidSaveTextDocumentParams) -> None:
        _looked_at_anew(server, path_of(given.text_document.uri))

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(_: types.DidChangeWatchedFilesParams) -> None:
        _looked_at_anew(server, next(iter(server.uris), None))

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(given: types.DidCloseTextDocumentParams) -> None:
        server.closed(given.text_document.uri)


def _take_folders(server: Server) -> None:
    server.models.folders = tuple(path_of(folder.uri) for folder in server.workspace.folders.values())


async def _ask_for_changes(server: Server) -> None:
    """Ask a client that can to tell when libraries and tables change on the disk."""
    told = server.client_capabilities.workspace
    watched = told.did_change_watched_files if told is not None else None
    if watched is not None and watched.dynamic_registration:
        watchers = [types.FileSystemWatcher(f"**/*.{suffix}") for suffix in ("lpm", "csv", "tsv", "parquet", "xlsx")]
        options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
        wanted = types.Registration("files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
        await server.client_register_capability_async(types.RegistrationParams([wanted]))


def _looked_at_anew(server: Server, path: Path | None) -> None:
    server.models.forget()
    if path is not None and path in server.uris:
        server.check_soon(path)


def _about(server: Server, answer: Callable[..., Any]) -> Callable[[Any], Any]:
    """Hand an answer the analysis of the text that is asked about, and the offset if there is a position."""

    def handle(given: Any) -> Any:
        found = server.analysis(given.text_document.uri)
        if found is None:
            return None
        place = getattr(given, "position", None)
        return answer(given, found) if place is None else answer(found, server.places.offset(found.source, place))

    return guarded(handle)


def _typing(server: Server) -> None:
    """Answers while a line is being typed."""
    letters = types.CompletionOptions(trigger_characters=[" ", "(", "[", "{", '"', "/"])

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, letters)
    def complete(given: types.CompletionParams) -> types.CompletionList | None:
        return _about(server, lambda found, at: answers.items(completion(found, at), found.source, at, server.places))(
            given
        )

    @server.feature(types.TEXT_DOCUMENT_SIGNATURE_HELP, types.SignatureHelpOptions(trigger_characters=["(", ","]))
    def sign(given: types.SignatureHelpParams) -> types.SignatureHelp | None:
        return _about(server, lambda found, at: answers.signed(signatures(found.source, at)))(given)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def tell(given: types.HoverParams) -> types.Hover | None:
        path = path_of(given.text_document.uri)
        known = server.reproduction.get(path, {})
        return _about(
            server, lambda found, at: answers.hovered(hover(found, server.models.model(path), at, known), server.places)
        )(given)


def _names(server: Server) -> None:
    """Answers about where a name is declared and used."""

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def declared(given: types.DefinitionParams) -> list[types.Location] | None:
        def answer(found: Any, at: int) -> list[types.Location]:
            span = definition(found, at)
            return answers.locations([span] if span is not None else [], server.places)

        return _about(server, answer)(given)

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def used(given: types.ReferenceParams) -> list[types.Location] | None:
        def answer(found: Any, at: int) -> list[types.Location]:
            here = found.occurrence_at(at)
            all_uses = uses(server.models, here.symbol) if here is not None else ()
            with_it = given.context.include_declaration
            wanted = [u.occurrence.span for u in all_uses if with_it or not u.occurrence.is_definition]
            return answers.locations(wanted, server.places)

        return _about(server, answer)(given)

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def shown(given: types.DocumentHighlightParams) -> list[types.DocumentHighlight] | None:
        def answer(found: Any, at: int) -> list[types.DocumentHighlight]:
            here = found.occurrence_at(at)
            same = [o for o in found.occurrences if here is not None and o.symbol.key == here.symbol.key]
            return answers.highlights(same, server.places)

        return _about(server, answer)(given)


def _fixing(server: Server) -> None:
    kinds = types.CodeActionOptions([types.CodeActionKind.QuickFix])

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, kinds)
    def fixing(given: types.CodeActionParams) -> list[types.CodeAction] | None:
        def answer(_: Any, found: Any) -> list[types.CodeAction]:
            start, end = (server.places.offset(found.source, p) for p in (given.range.start, given.range.end))
            known = given.context.diagnostics
            return answers.quick_fixes(fixes(found, start, end), known, server.places, given.text_document.uri)

        return _about(server, answer)(given)


def _renaming(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare(given: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder:
        found = server.analysis(given.text_document.uri)
        if found is None:
            raise _refusal("This text cannot be read.")
        try:
            here = renamed_at(found, server.places.offset(found.source, given.position))
        except Refused as refused:
            raise _refusal(str(refused)) from refused
        return types.PrepareRenamePlaceholder(server.places.range(here.span), here.prefix + here.symbol.name)

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def renamed(given: types.RenameParams) -> types.WorkspaceEdit:
        path, found = path_of(given.text_document.uri), server.analysis(given.text_document.uri)
        if found is None:
            raise _refusal("This text cannot be read.")
        try:
            edits = rename(server.models, path, server.places.offset(found.source, given.position), given.new_name)
        except Refused as refused:
            raise _refusal(str(refused)) from refused
        return answers.edited(edits, server.places, server.uris)


def _refusal(reason: str) -> JsonRpcException:
    """An error that editors show as it is."""
    return JsonRpcException(reason, int(types.LSPErrorCodes.RequestFailed))


def _whole_texts(server: Server) -> None:
    """Answers about a whole text."""

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def formatting(given: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
        return _about(server, lambda _, found: answers.whole_text(found, formatted(found), server.places))(given)

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def outlined(given: types.DocumentSymbolParams) -> list[types.DocumentSymbol] | None:
        return _about(server, lambda _, found: answers.symbols(outline(found), server.places))(given)

    @server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    def folding(given: types.FoldingRangeParams) -> list[types.FoldingRange] | None:
        return _about(server, lambda _, found: answers.folded(folds(found.source.text)))(given)

    @server.feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, answers.LEGEND)
    def colours(given: types.SemanticTokensParams) -> types.SemanticTokens | None:
        return _about(server, lambda _, found: answers.coloured(tokens(found), found.source, server.places))(given)

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    def hinting(given: types.InlayHintParams) -> list[types.InlayHint] | None:
        path = path_of(given.text_document.uri)

        def answer(_: Any, found: Any) -> list[types.InlayHint]:
            return answers.hinted(hints(found, server.models.model(path)), found.source, server.places, given.range)

        return _about(server, answer)(given)

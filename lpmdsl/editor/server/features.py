"""Every request that the server answers, each in a line or two."""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types

from lpmdsl.editor.completion import completion
from lpmdsl.editor.server.answers import items
from lpmdsl.editor.server.app import Server, guarded
from lpmdsl.editor.server.places import path_of


def register(server: Server) -> None:
    """Teach a server every request."""
    _texts(server)
    _questions(server)


def _texts(server: Server) -> None:
    @server.feature(types.INITIALIZED)
    def initialized(_: types.InitializedParams) -> None:
        folders = server.workspace.folders.values()
        server.models.folders = tuple(path_of(folder.uri) for folder in folders)

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

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def folders_changed(_: types.DidChangeWorkspaceFoldersParams) -> None:
        initialized(types.InitializedParams())

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(given: types.DidCloseTextDocumentParams) -> None:
        uri = given.text_document.uri
        path = path_of(uri)
        server.forget(path)
        server.models.close(path)
        server.uris.pop(path, None)
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))


def _looked_at_anew(server: Server, path: Path | None) -> None:
    server.models.forget()
    if path is not None:
        server.check_soon(path)


def _questions(server: Server) -> None:
    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[" ", "(", "[", "{", '"', "/"])
    )
    @guarded
    def complete(given: types.CompletionParams) -> types.CompletionList | None:
        found = server.analysis(given.text_document.uri)
        if found is None:
            return None
        offset = server.places.offset(found.source, given.position)
        return items(completion(found, offset), found.source, offset, server.places)

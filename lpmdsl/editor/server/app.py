"""The server: its texts, how places are counted, and the requests that it answers."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from lpmdsl import __version__
from lpmdsl.editor.known.analysis import Analysis
from lpmdsl.editor.known.workspace import Workspace
from lpmdsl.editor.server.diagnostics import Published, reproduction_in_words, with_promises
from lpmdsl.editor.server.places import Places, path_of, places_for

PAUSE, PAUSE_OF_SCENARIOS, LONG_PAUSE = 0.02, 0.15, 0.8
"""Seconds without a keystroke before a text is checked, before the values of its scenarios are, and before its promises
are worked out."""


class Server(LanguageServer):
    """``models``: the texts and what is known of them. ``uris``: the client's address of every open text.

    ``reproduction``: R0 of the conditions of a text, in words, as far as it has been worked out.
    """

    def __init__(self, allow_files: bool = False) -> None:
        # Whole texts: models are small, and an edit by lines would have to count lines as the client does.
        super().__init__("lpmc", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.models = Workspace(allow_files=allow_files)
        self.uris: dict[Path, str] = {}
        self.reproduction: dict[Path, dict[str, str]] = {}
        self._worked_out: dict[Path, Analysis] = {}
        self._tells_more: set[Path] = set()
        self._waiting: dict[Path, asyncio.Task[None]] = {}

    @property
    def places(self) -> Places:
        """Columns as the client counts them."""
        return places_for(self.server_capabilities.position_encoding)

    def analysis(self, uri: str) -> Analysis | None:
        """Facts known of a text."""
        return self.models.analysis(path_of(uri))

    def changed(self, uri: str, text: str) -> None:
        """Take over a text and check it, and those that use it, when the keys have been still for a moment."""
        path = path_of(uri)
        self.uris[path] = uri
        self.models.open(path, text)
        self.check_soon(path)

    def closed(self, uri: str) -> None:
        """From now on the file counts; nothing is told of it any more."""
        path = path_of(uri)
        self.forget(path)
        self.models.close(path)
        for kept in (self.uris, self.reproduction, self._worked_out):
            kept.pop(path, None)
        self._tells_more.discard(path)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def check_soon(self, path: Path) -> None:
        """Check a text after a pause, and every other open one after it."""
        self.forget(path)
        self._waiting[path] = asyncio.get_running_loop().create_task(self._check(path))

    def forget(self, path: Path) -> None:
        """Leave out the check that waits for a text."""
        waiting = self._waiting.pop(path, None)
        if waiting is not None:
            waiting.cancel()

    async def _check(self, first: Path) -> None:
        await asyncio.sleep(PAUSE)
        for path in (first, *(p for p in self.uris if p != first)):
            await self._look_at(path)
        await asyncio.sleep(LONG_PAUSE)
        gc.collect()
        for path in tuple(self.uris):
            await self._work_out(path)

    async def _look_at(self, path: Path) -> None:
        """Tell what is found at the parameters' own values, then what at those of scenarios, if that is more.

        Where it was more the last time, nothing is told before, so that it does not vanish and come back at every key.
        """
        found = self.models.analysis(path)
        if found is None:
            return
        if path not in self._tells_more:
            self.tell(path, Published(found.checked[1]))
            await asyncio.sleep(PAUSE_OF_SCENARIOS)
        is_more = len(found.diagnostics) > len(found.checked[1])
        if is_more or path in self._tells_more:
            self.tell(path, Published(found.diagnostics))
        (self._tells_more.add if is_more else self._tells_more.discard)(path)
        await asyncio.sleep(0)

    async def _work_out(self, path: Path) -> None:
        """Work out, once for every state of a text, its promises and the R0 to be shown: longer than a keystroke."""
        found = self.models.analysis(path)
        model = found.model if found is not None else None
        is_wrong = found is None or any(d.severity == "error" for d in found.diagnostics)
        if found is None or model is None or is_wrong or self._worked_out.get(path) is found:
            return
        self._worked_out[path] = found
        self.tell(path, await asyncio.to_thread(guarded(with_promises), found, model))
        self.reproduction[path] = await asyncio.to_thread(guarded(reproduction_in_words), model) or {}

    def tell(self, path: Path, found: Published | None) -> None:
        """Send the diagnostics of a text to the client."""
        uri = self.uris.get(path)
        if uri is None or found is None:
            return
        told = found.in_protocol(self.places, path)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, told))


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, and None instead of an error of ours, which goes into the log: the server must not stop."""

    def answer(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception:
            logging.getLogger(__name__).exception("lpmc lsp: no answer")
            return None

    return answer

"""A client of the language server that knows nothing but the protocol: JSON on the standard streams of the process."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TIMEOUT = 60.0


class LspClient:
    """``request`` waits for the answer; ``published`` for the diagnostics of a text after the last change."""

    def __init__(self, folder: Path, *options: str, encodings: tuple[str, ...] = (), watches: bool = False) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lpmdsl.cli", "lsp", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder,
        )  # fmt: skip
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._told: queue.Queue[dict[str, Any]] = queue.Queue()
        self.asked: list[dict[str, Any]] = []
        self._id, self._version = 0, 0
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._drain, daemon=True).start()
        self.errors: list[bytes] = []
        general = {"positionEncodings": list(encodings)} if encodings else {}
        workspace = {"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}}} if watches else {}
        folders = [{"uri": folder.as_uri(), "name": folder.name}]
        given = {"processId": None, "rootUri": folder.as_uri(), "workspaceFolders": folders}
        self.capabilities = self.request("initialize", {**given, "capabilities": {"general": general, **workspace}})[
            "capabilities"
        ]
        self.notify("initialized", {})

    def _drain(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors.append(line)

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := stream.readline():
            length = int(header.split(b":")[1])
            while stream.readline().strip():
                pass
            message = json.loads(stream.read(length))
            if "method" in message and "id" in message:
                self.asked.append(message)
                self._send({"id": message["id"], "result": None})
            else:
                (self._told if "method" in message else self._answers).put(message)

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self.process.stdin.flush()

    def answer(self, method: str, params: Any) -> dict[str, Any]:
        """The whole answer, with its ``result`` or its ``error``."""
        self._id += 1
        self._send({"id": self._id, "method": method, "params": params})
        while True:
            message = self._answers.get(timeout=TIMEOUT)
            if message.get("id") == self._id:
                return message

    def request(self, method: str, params: Any) -> Any:
        """The result of a request that must succeed."""
        message = self.answer(method, params)
        assert "error" not in message, message
        return message["result"]

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    # -------------------------------------------------------------- texts

    def open(self, path: Path, text: str | None = None) -> str:
        """Opens a text, that of the file if none is given; gives its address."""
        uri, self._version = path.as_uri(), self._version + 1
        words = path.read_text(encoding="utf-8") if text is None else text
        document = {"uri": uri, "languageId": "lpm", "version": self._version, "text": words}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def change(self, uri: str, text: str) -> None:
        self._version += 1
        document = {"uri": uri, "version": self._version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})

    def close(self, uri: str) -> None:
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def published(self, uri: str, seconds: float = TIMEOUT) -> list[dict[str, Any]]:
        """The next diagnostics of a text."""
        end = time.monotonic() + seconds
        while True:
            message = self._told.get(timeout=max(0.01, end - time.monotonic()))
            if message["method"] == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri:
                return message["params"]["diagnostics"]

    def at(self, method: str, uri: str, text: str, mark: str, **more: Any) -> Any:
        """The result of a request about the place of ``|`` in ``mark``, a part of the text."""
        return self.request(f"textDocument/{method}", {**where(uri, text, mark), **more})

    def stop(self) -> int:
        """Exit status of the server after the client has said goodbye."""
        self.request("shutdown", None)
        self.notify("exit", None)
        return self.process.wait(TIMEOUT)


def where(uri: str, text: str, mark: str) -> dict[str, Any]:
    """A text and the position of ``|`` in ``mark``, the first such part of the text."""
    part = mark.replace("|", "", 1)
    offset = text.index(part) + mark.index("|")
    line = text.count("\n", 0, offset)
    character = offset - (text.rfind("\n", 0, offset) + 1)
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}


@contextmanager
def lsp_client(
    folder: Path, *options: str, encodings: tuple[str, ...] = (), watches: bool = False
) -> Iterator[LspClient]:
    """A server that runs in ``folder``; what it wrote on its error stream must be nothing."""
    client = LspClient(folder, *options, encodings=encodings, watches=watches)
    try:
        yield client
        assert client.stop() == 0
        assert not client.errors, b"".join(client.errors).decode()
    finally:
        client.process.kill()

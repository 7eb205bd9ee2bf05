"""The page of ``lpmc watch`` for a browser on this computer: the report, and a line that says how it stands.

It listens on 127.0.0.1 alone. Who does not know the address to its last letter gets nothing: it holds a token that is
drawn for every start. A web page elsewhere that has a name of its own lead here (DNS rebinding) is told by that name.
"""

from __future__ import annotations

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lpmdsl.diagnostics import fail
from lpmdsl.runtime.reports.page import POLICY
from lpmdsl.source import Source, Span
from lpmdsl.watching.board import Board, News
from lpmdsl.watching.shell import EMPTY, SHELL, SHELL_POLICY

HERE = "127.0.0.1"
NAMES = frozenset({HERE, "localhost"})
BEAT = 10.0  # seconds: after a silence of this length a line shows whether anybody still listens
HTML, EVENTS = "text/html; charset=utf-8", "text/event-stream"


class PageServer(ThreadingHTTPServer):
    """Server of one board at a free port. Raises ``LpmError`` (E0769) where none can be had."""

    daemon_threads = True

    def __init__(self, board: Board) -> None:
        self.board = board
        self.token = secrets.token_urlsafe(24)
        try:
            super().__init__((HERE, 0), _Handler)
        except OSError as error:
            raise fail(
                "E0769",
                f"The page of the report cannot be shown: {error.strerror or error}.",
                Span(Source("lpmc watch", ""), 0, 0),
                "Let programs of this computer listen on 127.0.0.1.",
            ) from error

    @property
    def address(self) -> str:
        """Address of the page."""
        return f"http://{HERE}:{self.server_address[1]}/{self.token}/"

    def start(self) -> None:
        """Answer from a thread of its own until the program ends."""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away."""


class _Handler(BaseHTTPRequestHandler):
    server_version, sys_version = "lpmc", ""
    timeout = 30

    @property
    def _page_server(self) -> PageServer:
        assert isinstance(self.server, PageServer)
        return self.server

    def do_GET(self) -> None:
        """Answers with the page, the report or the news, and with 404 to everything else."""
        server = self._page_server
        name = self.headers.get("Host", "").rsplit(":", 1)[0]
        _, _, rest = self.path.partition("/")
        token, _, what = rest.partition("/")
        if name not in NAMES or not secrets.compare_digest(token.encode(), server.token.encode()):
            self._send(404, "text/plain; charset=utf-8", "There is nothing here.\n", "default-src 'none'")
        elif what == "":
            self._send(200, HTML, SHELL, SHELL_POLICY)
        elif what.partition("?")[0] == "report":
            self._send(200, HTML, server.board.page or EMPTY, POLICY)
        elif what == "news":
            self._news()
        else:
            self._send(404, "text/plain; charset=utf-8", "There is nothing here.\n", "default-src 'none'")

    def _send(self, status: int, kind: str, text: str, policy: str) -> None:
        data = text.encode()
        self._head(status, kind, policy)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _head(self, status: int, kind: str, policy: str) -> None:
        self.send_response(status)
        for header, value in (
            ("Content-Type", kind), ("Content-Security-Policy", policy), ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
        ):  # fmt: skip
            self.send_header(header, value)

    def _news(self) -> None:
        """Every notice as an event, from the present one on, until the browser goes away."""
        self._head(200, EVENTS, "default-src 'none'")
        self.end_headers()
        number = -1
        while True:
            news = self._page_server.board.wait_for_more(number, BEAT)
            number = number if news is None else news.number
            self.wfile.write(b":\n\n" if news is None else _event(news))
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep no log: it would hold the token."""


def _event(news: News) -> bytes:
    told = {"number": news.number, "report": news.report, "state": news.state, "told": news.told}
    return f"data: {json.dumps(told)}\n\n".encode()

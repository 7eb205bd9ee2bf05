"""Servers for the tests of behaviours: the real one with the policy model, and a proxy that counts and makes faults."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "llm"
HAS_SERVER = importlib.util.find_spec("xllamacpp") is not None


@contextmanager
def policy_server() -> Iterator[str]:
    """The address of llama.cpp's server with the policy model; it ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(FOLDER / "serve_policy.py"), str(FOLDER / "policy.gguf"), str(port)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_ready(url: str, process: subprocess.Popen) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, "the server ended before it was ready"
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server was not ready within a minute")


Fault = Callable[["Handler", bytes], bool]
"""Answers one call in its own way and returns True, or returns False to let it through."""


@dataclass
class Proxy:
    """Stands before a server (``behind`` "": there is none) and counts; ``fault`` may answer in its place."""

    behind: str
    fault: Fault | None = None
    calls: int = 0
    bodies: list[dict] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        with self.proxy.lock:
            self.proxy.calls += 1
            self.proxy.bodies.append(json.loads(body))
        if self.proxy.fault is not None and self.proxy.fault(self, body):
            return
        request = urllib.request.Request(
            self.proxy.behind + "/chat/completions", body, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            self.answer(answer.read())

    def answer(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def say(self, content: str | None, finish: str = "stop", **message: object) -> bool:
        """A chat completion with this content."""
        usage = {"prompt_tokens": 50, "completion_tokens": 10, "total_tokens": 60}
        choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
        self.answer(json.dumps({"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}).encode())
        return True


@contextmanager
def proxied(behind: str = "", fault: Fault | None = None) -> Iterator[Proxy]:
    """A proxy on a free port; it ends with the block."""
    proxy = Proxy(behind, fault)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"proxy": proxy}))
    server.daemon_threads = True
    server.handle_error = lambda request, address: None  # a client that has gone is no news
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)

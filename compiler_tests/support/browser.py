"""A Chromium without a window, driven over a pipe: pages as somebody sees them, and pictures of them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WAIT = 60.0  # seconds
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe")


class Page:
    """One page, spoken to in Chromium's own protocol: JSON, each message ended by a zero byte."""

    def __init__(self, write: int, read: int, size: tuple[int, int]) -> None:
        self._write, self._read = os.fdopen(write, "wb", buffering=0), os.fdopen(read, "rb", buffering=0)
        self._number, self._rest, self._session = 0, b"", ""
        self.logged: list[str] = []
        made = self._ask("Target.createTarget", url="about:blank")
        self._session = self._ask("Target.attachToTarget", targetId=made["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable")
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False
        )

    def _ask(self, method: str, **parameters: object) -> dict[str, Any]:
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        asked = {"id": self._number, "method": method, "params": parameters, **session}
        self._write.write(json.dumps(asked).encode() + b"\0")
        while True:
            told = self._message()
            if told.get("id") == self._number:
                assert "error" not in told, told
                return told["result"]
            if told.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown", "Page.javascriptDialogOpening"):
                self.logged.append(json.dumps(told["params"]))

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._read.fileno(), 1 << 16)
            assert more, "the browser has ended"
            self._rest += more
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def open(self, address: str) -> None:
        """Go to an address."""
        self._ask("Page.navigate", url=address)

    def value(self, script: str) -> Any:
        """The value of an expression in the page."""
        return self._ask("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def until(self, script: str) -> None:
        """Waits for an expression to be true."""
        end = time.monotonic() + WAIT
        while not self.value(f"!!({script})"):
            assert time.monotonic() < end, f"{script} did not come: {self.logged}"
            time.sleep(0.02)

    def picture(self, path: Path) -> None:
        """Write what is seen as a PNG."""
        path.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"]))


@contextmanager
def browser_page(size: tuple[int, int] = (1000, 700)) -> Iterator[Page]:
    """An empty page in a browser of its own, which ends with it."""
    assert BROWSER is not None
    (their_read, write), (read, their_write) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # The browser reads from file 3 and writes to file 4.
        words = ["bash", "-c", f'exec "$0" "$@" 3<&{their_read} 4>&{their_write}', BROWSER, *QUIET]
        process = subprocess.Popen(
            [*words, f"--user-data-dir={profile}"], pass_fds=(their_read, their_write), stderr=subprocess.DEVNULL
        )
        os.close(their_read)
        os.close(their_write)
        try:
            yield Page(write, read, size)
        finally:
            process.kill()
            process.wait()

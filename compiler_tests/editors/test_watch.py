"""``lpmc watch``: files noticed, runs stopped and begun anew, who may read the page, and the command as a whole."""

from __future__ import annotations

import http.client
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lpmdsl.diagnostics import LpmError, Report, fail
from lpmdsl.reading.door import each_look
from lpmdsl.runtime.api import load
from lpmdsl.runtime.engine.simulate import Stop
from lpmdsl.source import NOWHERE
from lpmdsl.watching import files, loop, server
from lpmdsl.watching.board import Board
from lpmdsl.watching.files import Watched
from lpmdsl.watching.loop import Rounds, Watch
from lpmdsl.watching.server import PageServer
from lpmdsl.watching.shell import SHELL

MODEL = """model town version 1.0
clock
  step 1 day
  for 20 days
use "ills" with rate = 0.2 per day
agent Person from "people.csv"
  age duration
network town joins Person at random
condition Flu of Person
  states S, I, R
  start S except 1 Person in I
  from S by contagion to I
  from I at rate recovery to R
contagion of Flu
  from I on town at 0.5 per day
observe ill = count of Person where Flu is I every day
"""
ILLS = "library ills version 1.0\nparameter rate = 0.1 per day\nparameter recovery = rate\n"
PEOPLE = "age [years]\n" + "30\n" * 50
WAIT = 60.0  # seconds: long for a machine that does a hundred other things


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "ills.lpm").write_text(ILLS, encoding="utf-8")
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    path = tmp_path / "town.lpm"
    path.write_text(MODEL, encoding="utf-8")
    return path


def soon(is_so: Callable[[], bool]) -> bool:
    end = time.monotonic() + WAIT
    while not is_so() and time.monotonic() < end:
        time.sleep(0.01)
    return is_so()


# ------------------------------------------------------------------ files


def looked_at(model: Path) -> Watched:
    watched = Watched(model)
    watched.begin()
    with each_look(watched.look):
        load(model)
    watched.settle()
    return watched


@pytest.mark.parametrize("name", ["town.lpm", "ills.lpm", "people.csv"])
def test_a_change_of_any_file_that_was_read_counts_once(model: Path, name: str) -> None:
    watched = looked_at(model)
    assert not watched.changed()
    path = model.parent / name
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert watched.changed() and not watched.changed()
    (model.parent / "beside.csv").write_text("x\n1\n", encoding="utf-8")
    assert not watched.changed()


def test_a_file_that_takes_the_place_of_another_counts(model: Path) -> None:
    """Same size and same time of change: as some editors leave it."""
    watched = looked_at(model)
    before = model.stat()
    other = model.with_name("town.lpm~")
    other.write_bytes(model.read_bytes())
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(model)
    assert watched.changed()


def test_a_file_that_is_not_there_yet_is_waited_for(model: Path) -> None:
    """Its folder too: the nearest one that is there is watched."""
    text = MODEL.replace("people.csv", "data/people.csv")
    model.write_text(text, encoding="utf-8")
    watched = Watched(model)
    watched.begin()
    with each_look(watched.look), pytest.raises(LpmError):
        load(model)
    assert model.parent in watched.folders() and not watched.changed()
    (model.parent / "data").mkdir()
    (model.parent / "data" / "people.csv").write_text(PEOPLE, encoding="utf-8")
    assert watched.changed() and model.parent / "data" in watched.folders()


def test_files_that_a_text_names_no_longer_are_forgotten_once_it_is_right(model: Path) -> None:
    watched = looked_at(model)
    model.write_text(MODEL.replace('from "people.csv"\n  age duration', "count 50"), encoding="utf-8")
    assert watched.changed()
    watched.begin()
    with each_look(watched.look):
        load(model)
    (model.parent / "people.csv").unlink()
    assert watched.changed()  # so far the round has not come to its end
    watched.settle()
    (model.parent / "people.csv").write_text(PEOPLE, encoding="utf-8")
    assert not watched.changed()


def test_nothing_outside_is_looked_at(model: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a text may not read is not watched either: a watch would tell whether it is there."""
    outside = tmp_path_factory.mktemp("outside") / "people.csv"
    model.write_text(MODEL.replace("people.csv", str(outside)), encoding="utf-8")
    watched = Watched(model)
    watched.begin()
    with each_look(watched.look), pytest.raises(LpmError):
        load(model)
    assert outside.parent not in watched.folders()


def test_a_system_that_tells_nothing_is_a_diagnostic(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def limited(*folders: Path, **options: object) -> Iterator[object]:
        raise OSError("OS file watch limit reached")
        yield  # as the library does, it begins when it is first asked

    monkeypatch.setattr(files.watchfiles, "watch", limited)
    with pytest.raises(LpmError, match=r"E0770.*limit reached"):
        next(files.saves(Watched(model)))


# ------------------------------------------------------------------ the page


@contextmanager
def served(board: Board) -> Iterator[PageServer]:
    page = PageServer(board)
    page.start()
    try:
        yield page
    finally:
        page.shutdown()
        page.server_close()


def get(page: PageServer, what: str = "", token: str | None = None, method: str = "GET", **headers: str) -> Any:
    """The status, the headers and the body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", page.server_address[1], timeout=WAIT)
    connection.request(method, f"/{page.token if token is None else token}/{what}", headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read().decode()


def test_the_page_holds_the_report_and_nothing_else() -> None:
    board = Board()
    board.post("done", page="<p>the report</p>")
    with served(board) as page:
        assert get(page)[::2] == (200, SHELL)
        status, headers, body = get(page, "report?7")
        assert (status, body) == (200, "<p>the report</p>")
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; img-src data:")
        assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"
        for what in ("town.lpm", "../town.lpm", "report/", "news/", "%2e%2e/", "runs"):
            assert get(page, what)[0] == 404


def test_who_does_not_know_the_token_gets_nothing() -> None:
    board = Board()
    board.post("done", page="secret")
    with served(board) as page:
        assert len(page.token) == 32 and page.server_address[0] == "127.0.0.1"
        for token in ("", "x", page.token[:-1], page.token + "x", page.token.swapcase(), "%C3%A4"):
            for what in ("", "report", "news"):
                assert get(page, what, token)[0] == 404
        with served(board) as other:
            assert other.token != page.token


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::1]", "0.0.0.0"])
def test_a_name_that_somebody_led_here_gets_nothing(host: str) -> None:
    board = Board()
    board.post("done", page="secret")
    with served(board) as page:
        assert get(page, "report", Host=host)[0] == 404
        assert get(page, "report", Host="localhost")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_nothing_can_be_sent(method: str) -> None:
    with served(Board()) as page:
        assert get(page, method=method)[0] == 501


def test_no_port_is_a_diagnostic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HERE", "192.0.2.1")  # an address of nobody
    with pytest.raises(LpmError, match="E0769"):
        PageServer(Board())


def test_news_come_as_events_and_hold_texts_as_texts() -> None:
    board = Board()
    board.post("wrong", ("a\n\ndata: <script>",))
    with served(board) as page:
        connection = http.client.HTTPConnection("127.0.0.1", page.server_address[1], timeout=WAIT)
        connection.request("GET", f"/{page.token}/news")
        answer = connection.getresponse()
        assert answer.headers["Content-Type"] == "text/event-stream"
        first = answer.readline().decode()
        assert json.loads(first.removeprefix("data: "))["told"] == ["a\n\ndata: <script>"]
        assert answer.readline() == b"\n"
        board.post("done", page="<p>new</p>")
        second = json.loads(answer.readline().decode().removeprefix("data: "))
        assert second == {"number": 2, "report": 1, "state": "done", "told": []}


def test_the_script_of_the_page_is_the_one_that_may_run() -> None:
    """Of a digest; it writes what it is told by ``textContent`` alone."""
    assert SHELL.count("<script>") == 1 and "innerHTML" not in SHELL and "textContent" in SHELL
    assert 'sandbox="allow-same-origin"' in SHELL  # and not allow-scripts


# ------------------------------------------------------------------ the loop


class Fake:
    """Rounds that need no model: a run goes on until it is stopped or let go."""

    def __init__(self) -> None:
        self.loads, self.told = 0, queue.Queue[str]()
        self.runs: list[Stop] = []
        self.let_go, self.wrong = threading.Event(), False

    def load(self) -> Any:
        self.loads += 1
        if self.wrong:
            raise fail("E0101", "wrong", NOWHERE)
        return type("Loaded", (), {"report": Report(), "model": None, "source": None})()

    def run(self, loaded: Any, stop: Stop) -> Any:
        self.runs.append(stop)
        soon(lambda: stop.asked or self.let_go.is_set())
        if len(self.runs) == 3:
            raise ZeroDivisionError("ours")
        return type("Results", (), {"report": Report()})()

    def failed(self, error: Exception) -> str:
        self.told.put(repr(error))
        return repr(error)

    def rounds(self) -> Rounds:
        return Rounds(self.load, self.run, lambda report: None, lambda results: self.told.put("results"), self.failed)


def test_a_save_stops_the_run_and_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the text, and a fault of ours, are told, and the next save is tried."""
    path, fake, board = tmp_path / "m.lpm", Fake(), Board()
    path.write_text("1", encoding="utf-8")
    monkeypatch.setattr(loop, "report_page", lambda *_: "page")
    saves: queue.Queue[bool] = queue.Queue()

    def each_save(watched: Watched) -> Iterator[None]:
        while saves.get(timeout=WAIT):
            yield
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "saves", each_save)
    watch, ended = Watch(Watched(path), fake.rounds(), board), queue.Queue[bool]()
    threading.Thread(target=lambda: ended.put(watch.until_interrupted()), daemon=True).start()
    assert soon(lambda: len(fake.runs) == 1)
    saves.put(True)
    assert soon(lambda: len(fake.runs) == 2) and fake.runs[0].asked and not fake.runs[1].asked
    assert fake.told.empty()  # nobody is shown the results of a text that is no more
    fake.let_go.set()
    assert fake.told.get(timeout=WAIT) == "results"
    assert soon(lambda: board.news.state == "done") and board.page == "page"
    saves.put(True)
    assert fake.told.get(timeout=WAIT) == "ZeroDivisionError('ours')"
    fake.wrong = True
    assert soon(lambda: board.news.state == "wrong")
    saves.put(True)
    assert soon(lambda: "E0101" in str(board.news.told)) and board.page == "page"
    fake.wrong = False
    saves.put(True)
    assert fake.told.get(timeout=WAIT) == "results" and fake.loads == 5
    saves.put(False)
    assert ended.get(timeout=WAIT) is True


# ------------------------------------------------------------------ the command


class Process:
    """``lpmc watch`` as a user starts it, and the lines that it prints."""

    def __init__(self, model: Path, *words: str) -> None:
        command = [sys.executable, "-m", "lpmdsl.cli", "watch", str(model), "--no-browser", "--backend", "reference"]
        self.process = subprocess.Popen(
            [*command, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def until(self, pattern: str) -> list[str]:
        """The lines to the first that holds the pattern, with it."""
        seen: list[str] = []
        while not seen or not re.search(pattern, seen[-1]):
            seen.append(self.lines.get(timeout=WAIT))
        return seen


@pytest.fixture
def watching(model: Path) -> Iterator[Process]:
    process = Process(model, "--steps", "5", "--seed", "3", "--out", str(model.parent / "out"))
    yield process
    process.process.kill()
    process.process.wait()


def test_the_command_follows_every_file_shows_mistakes_and_ends_with_zero(model: Path, watching: Process) -> None:
    (line,) = watching.until("^page: ")
    address = line.removeprefix("page: ")
    found = re.fullmatch(r"http://(127\.0\.0\.1:\d+)(/[\w-]{32}/)", address)
    assert found is not None
    first = watching.until("^seconds: ")
    assert any(re.match(r"ill +– +\d+ +\d+ +people", line) for line in first)

    def page() -> str:
        connection = http.client.HTTPConnection(found.group(1), timeout=WAIT)
        connection.request("GET", found.group(2) + "report")
        return connection.getresponse().read().decode()

    assert soon(lambda: "<title>town</title>" in page()) and "50 Person" in page()
    assert (model.parent / "out" / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    (model.parent / "people.csv").write_text(PEOPLE + "40\n" * 10, encoding="utf-8")
    watching.until("^seconds: ")
    assert soon(lambda: "60 Person" in page())
    (model.parent / "ills.lpm").write_text(ILLS + "parameter = 1\n", encoding="utf-8")
    told = watching.until("1 error$")
    assert any("ills.lpm:4" in line and "error[E0101]" in line for line in told)
    assert "60 Person" in page()  # the report stays until there is a better one
    (model.parent / "ills.lpm").write_text(ILLS, encoding="utf-8")
    watching.until("^seconds: ")
    watching.process.send_signal(signal.SIGINT)
    assert watching.process.wait(timeout=WAIT) == 0


def test_a_model_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    process = Process(tmp_path / "town.lpm", "--agents", "Person=40", "--steps", "2")
    try:
        assert any("error[E0104]" in line for line in process.until("1 error$"))
        (tmp_path / "ills.lpm").write_text(ILLS, encoding="utf-8")
        text = MODEL.replace('from "people.csv"\n  age duration', "count 50")
        (tmp_path / "town.lpm").write_text(text, encoding="utf-8")
        process.until("^seconds: ")
        process.process.send_signal(signal.SIGINT)
        assert process.process.wait(timeout=WAIT) == 0
        assert sorted(path.name for path in tmp_path.iterdir()) == ["ills.lpm", "town.lpm"]  # nothing is written
    finally:
        process.process.kill()
        process.process.wait()


def test_wrong_words_end_it_at_once(model: Path) -> None:
    command = [sys.executable, "-m", "lpmdsl.cli", "watch", str(model), "--set", "nonsense"]
    assert subprocess.run(command, capture_output=True, timeout=WAIT, check=False).returncode == 2

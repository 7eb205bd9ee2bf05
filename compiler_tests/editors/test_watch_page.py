"""The page of ``lpmc watch`` in a real browser: renewed where it was scrolled to, and deaf to what a model says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from compiler_tests.support.browser import BROWSER, Page, browser_page
from lpmdsl.runtime.reports.page import whole_page
from lpmdsl.watching.board import Board
from lpmdsl.watching.server import PageServer

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: .ci/run installs it")
ATTACK = "<img src=x onerror=\"document.title='PWN';top.document.title='PWN'\"><script>document.title='PWN'</script>"
INSIDE = "document.getElementById('report').contentDocument"


def report(title: str, body: str = "") -> str:
    return whole_page(title, [f"<h1>{title}</h1>", body, *(f"<p>line {k}</p>" for k in range(200))])


@pytest.fixture
def watched() -> Iterator[tuple[Board, Page]]:
    board = Board()
    board.post("done", page=report("first"))
    server = PageServer(board)
    server.start()
    with browser_page() as page:
        page.open(server.address)
        page.until(f"{INSIDE} && {INSIDE}.title === 'first'")
        yield board, page
    server.shutdown()
    server.server_close()


def test_a_new_report_takes_the_place_of_the_old_where_it_was_scrolled_to(watched: tuple[Board, Page]) -> None:
    board, page = watched
    page.until("document.title === 'first'")
    page.value("document.getElementById('report').contentWindow.scrollTo(0, 1234)")
    board.post("running")
    page.until("document.body.dataset.state === 'running'")
    board.post("done", page=report("second"))
    page.until("document.title === 'second' && document.body.dataset.state === 'done'")
    assert page.value("document.getElementById('report').contentWindow.scrollY") == 1234
    assert page.value("document.getElementById('stand').textContent") == "up to date"
    assert page.value("history.length") <= 2  # going back does not go through old reports
    assert page.logged == []


def test_mistakes_stand_above_the_report_as_text(watched: tuple[Board, Page]) -> None:
    board, page = watched
    board.post("wrong", (f"error[E0101] town.lpm:1:1: {ATTACK}", "second"))
    page.until("document.getElementById('told').textContent.includes('second')")
    assert page.value("document.getElementById('told').children.length") == 0
    assert ATTACK in page.value("document.getElementById('told').textContent")
    assert page.value(f"{INSIDE}.title") == "first" and "PWN" not in page.value("document.title")
    board.post("done", page=report("second"))
    page.until("document.title === 'second'")
    assert page.value("getComputedStyle(document.getElementById('told')).display") == "none"


def test_no_script_of_a_report_runs(watched: tuple[Board, Page]) -> None:
    """Were one to get into it: neither its own policy nor the frame lets it."""
    board, page = watched
    board.post("done", page=report("second", ATTACK))
    page.until(f"{INSIDE}.title === 'second' && {INSIDE}.querySelector('img')")
    page.until(f"{INSIDE}.readyState === 'complete'")
    assert page.value(f"{INSIDE}.title") == "second" and page.value("document.title") == "second"
    board.post("done", page=f"<title>bare</title>{ATTACK}")  # without the policy that our pages bring
    page.until(f"{INSIDE}.title === 'bare' && {INSIDE}.readyState === 'complete'")
    assert page.value("document.title") in ("second", "bare")


def test_the_browser_would_tell() -> None:
    """The same look finds a script that does run."""
    with browser_page() as page:
        page.open(f"data:text/html,<title>quiet</title>{ATTACK}".replace("#", "%23"))
        page.until("document.title === 'PWN'")

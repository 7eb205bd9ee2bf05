"""The bad models of the error pages through the real server: the same codes at the same places as the command says."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compiler_tests.support.error_pages import Page, all_pages
from compiler_tests.support.lsp_client import LspClient, lsp_client
from lpmdsl.cli.checking import found_in
from lpmdsl.diagnostics import render_json

PAGES = [page for page in all_pages() if page.bad]
Place = tuple[str, int, int, int, int, int]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LspClient]:
    with lsp_client(tmp_path_factory.mktemp("pages"), encodings=("utf-32",)) as found:
        yield found


def as_the_command_says(path: Path) -> set[Place]:
    """Code and place, lines and columns from 0, and how many places explain it, of ``lpmc check --format json``.

    What is wrong in a used file is told where the model uses it.
    """
    found: set[Place] = set()
    for d in (json.loads(render_json(d)) for d in found_in(path, False).sorted()):
        place = d if Path(d["file"]).name == path.name else {**d["related"][-1], **END_OF_USE}
        start, end = (place["line"] - 1, place["column"] - 1), (place["end_line"] - 1, place["end_column"] - 1)
        found.add((d["code"], *start, *(end if place is d else start), len(d["related"])))
    return found


END_OF_USE = {"end_line": 0, "end_column": 0}
"""JSON has the start alone of a place that explains; the end of such a one is left out on both sides."""


def as_the_server_says(found: list[dict[str, Any]], uri: str) -> set[Place]:
    told: set[Place] = set()
    for d in found:
        start, end, explained = d["range"]["start"], d["range"]["end"], d.get("relatedInformation") or []
        if any(r["message"] == d["message"].split("\n")[0] and r["location"]["uri"] != uri for r in explained):
            end = start  # in a used file
        told.add((d["code"], start["line"], start["character"], end["line"], end["character"], len(explained)))
    return told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_the_server_says_what_the_command_says(client: LspClient, page: Page, tmp_path: Path) -> None:
    for name, content in page.files:
        (tmp_path / name).write_text(content, encoding="utf-8")
    path = tmp_path / "example.lpm"
    path.write_text(page.bad, encoding="utf-8")
    said = as_the_command_says(path)
    assert page.code in {place[0] for place in said}
    uri = client.open(path)
    told = as_the_server_says(client.published(uri), uri)
    if told != said:  # what is promised of R0 is told after a pause
        told = as_the_server_says(client.published(uri), uri)
    client.close(uri)
    assert told == said


def test_a_text_that_is_right_is_told_to_be(client: LspClient, tmp_path: Path) -> None:
    path = tmp_path / "good.lpm"
    uri = client.open(path, next(page.good for page in PAGES if page.code == "E0203"))
    assert [d for d in client.published(uri) if d["severity"] == 1] == []
    with pytest.raises(queue.Empty):
        while True:
            assert [d for d in client.published(uri, 1.5) if d["severity"] == 1] == []
    client.close(uri)

"""Edits that diagnostics propose: made, they answer what they were proposed for; editors offer them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compiler_tests.support.error_pages import Page, all_pages, diagnose
from compiler_tests.support.lsp_client import lsp_client, where
from lpmdsl.diagnostics import Diagnostic, Fix, Report, render_json
from lpmdsl.semantics.passes import passes
from lpmdsl.semantics.resolve.library import Library
from lpmdsl.source import Source

TOWN = (Path(__file__).parent.parent.parent / "models" / "town_flu.lpm").read_text(encoding="utf-8")
PAGES = [page for page in all_pages() if page.bad]


def found_in(text: str) -> list[Diagnostic]:
    report = Report()
    passes(Source("town_flu.lpm", text), report, Library())
    return report.sorted()


def made(text: str, fix: Fix) -> str:
    return text[: fix.span.start] + fix.text + text[fix.span.end :]


def test_pages_propose_edits() -> None:
    """A floor, so that the test below has something to try."""
    tried = sum(1 for page in PAGES if page.shown and "Did you mean" in page.shown)
    assert tried >= 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_an_edit_answers_its_finding(page: Page, tmp_path: Path) -> None:
    told = diagnose(page.bad, page, tmp_path)
    for d in told:
        if "Did you mean" in d.message and d.span.source.name == "example.lpm":
            assert d.fixes or d.code.startswith(("E04", "N09")), "a file's own words are not edited here"
        for fix in d.fixes:
            after = diagnose(made(page.bad, fix), page, tmp_path)
            assert (d.code, d.span.start) not in {(a.code, a.span.start) for a in after}
            assert sum(a.severity == "error" for a in after) <= sum(a.severity == "error" for a in told)


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("count 50_000", "count 50,000", "E0101"),
        ("count 50_000", "count 50 thousand", "E0113"),
        ("from 2024-10-01 for", "from 1.10.2024 for", "E0101"),
        ("age >= 5 years", "age ≥ 5 years", "E0101"),
        ("where age_group is adult", "where age_group = adult", "E0101"),
        ("gamma(mean 2 days, sd 1 day)", "gama(mean 2 days, sd 1 day)", "E0310"),
        ("gamma(mean 2 days, sd 1 day)", "2 days", "E0101"),
        ("  removed in D", "  remove in D", "E0101"),
        ("vaccinated yes/no = no", "vaccinated yesno = no", "E0101"),
        ("condition Flu of Person", "conditon Flu of Person", "E0102"),
        ("on homes, classes, offices", "on home, classes, offices", "E0201"),
        ("joins Person sharing household", "joins Person sharing houshold", "E0605"),
        ("from H on homes at 0.2 * transmissibility", "from H on homes at 0.2 * transmisibility", "E0201"),
        ("  step 1 day", "step 1 day", "W0114"),
        ("peak of in_hospital", "peak of in_hospitl", "E0201"),
        ("to H with probability hospital_risk[age_group]",
         "to H with probability if vaccinated then 1 % else 2 %", "E0101"),
    ],
)  # fmt: skip
def test_slips_of_the_pen_are_mended_by_the_edit(right: str, wrong: str, code: str) -> None:
    assert right in TOWN
    text = TOWN.replace(right, wrong, 1)
    told = next(d for d in found_in(text) if d.code == code)
    assert told.fixes, told.message
    after = found_in(made(text, told.fixes[0]))
    assert [d.message for d in after if d.severity == "error"] == []
    if wrong not in ("2 days",) and "if" not in wrong.split():
        assert made(text, told.fixes[0]) == TOWN


def test_what_nothing_reads_can_be_deleted_with_its_remark() -> None:
    unread = '## Of no use.\n## At all.\nparameter idle = 3 days\n  source "nowhere"\n'
    text = TOWN.replace("parameter reporting", f"{unread}parameter reporting")
    [told] = [d for d in found_in(text) if d.code == "W0615"]
    assert [fix.title for fix in told.fixes] == ["Delete `idle`"]
    assert made(text, told.fixes[0]) == TOWN
    table = "table idle by age_group of share\n  child 1 %\n  adult 2 %\n  elder 3 %\n"
    [told] = [d for d in found_in(TOWN + table) if d.code == "W0628"]
    assert made(TOWN + table, told.fixes[0]) == TOWN


def test_json_has_the_edits() -> None:
    [told] = [d for d in found_in(TOWN.replace("from E after", "from EE after")) if d.code == "E0203"]
    said = json.loads(render_json(told))
    line = TOWN.split("\n").index("  from E after gamma(mean 2 days, sd 1 day) to I") + 1
    assert said["fixes"] == [
        {"title": "Write `E`", "file": "town_flu.lpm", "line": line, "column": 8, "end_line": line, "end_column": 10,
         "text": "E"}
    ]  # fmt: skip


def test_an_editor_offers_them(tmp_path: Path) -> None:
    text = TOWN.replace("from E after", "from EE after")
    with lsp_client(tmp_path) as client:
        uri = client.open(tmp_path / "town.lpm", text)
        [told] = client.published(uri)
        given = {"textDocument": {"uri": uri}, "range": told["range"], "context": {"diagnostics": [told]}}
        [action] = client.request("textDocument/codeAction", given)
        assert (action["title"], action["kind"], action["isPreferred"]) == ("Write `E`", "quickfix", True)
        assert [d["code"] for d in action["diagnostics"]] == ["E0203"]
        assert action["edit"]["changes"] == {uri: [{"range": told["range"], "newText": "E"}]}
        place = where(uri, text, "|clock")["position"]
        elsewhere = {**given, "range": {"start": place, "end": place}}
        assert client.request("textDocument/codeAction", elsewhere) == []

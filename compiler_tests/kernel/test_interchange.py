"""Models and programs survive a journey through JSON, and nothing else is taken for one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lpmdsl import cli
from lpmdsl.backends.llvm import listing
from lpmdsl.compiler import check_source, compile_model
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.interchange import _hash, from_json, to_json
from lpmdsl.program.ir import Program
from lpmdsl.semantics.model import Model
from lpmdsl.syntax.parse import read_source

MODELS = sorted((Path(__file__).parent.parent.parent / "models").glob("*.lpm"))


def checked(path: Path):
    report = Report()
    source = read_source(path, report)
    assert source is not None
    found = check_source(source, report)
    assert found is not None, report.sorted()
    return found


@pytest.fixture(scope="module")
def written() -> dict:
    """A model as decoded JSON, to be spoilt."""
    return json.loads(to_json(checked(MODELS[0])[0]))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_and_its_program_come_back_equal(path: Path) -> None:
    model, facts = checked(path)
    text = to_json(model)
    again = from_json(text)
    assert again == model and to_json(again) == text
    program = compile_model(model, facts).program
    program_again = from_json(to_json(program))
    assert isinstance(program_again, Program)
    assert to_json(program_again) == to_json(program)
    assert repr(program_again) == repr(program)  # NaN, with which some buffers are filled, equals nothing
    assert listing.emit(program_again) == listing.emit(program)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_spans_keep_their_lines_and_each_text_stands_once(path: Path) -> None:
    model, _ = checked(path)
    text = to_json(model)
    again = from_json(text)
    assert isinstance(again, Model)
    assert [c.span.label for c in again.conditions] == [c.span.label for c in model.conditions]
    names = [source["name"] for source in json.loads(text)["sources"]]
    assert path.name in names and len(names) == len(set(names))


def refused(envelope: dict, rehash: bool = True) -> str:
    """The message about a spoilt text."""
    if rehash:
        envelope = {**envelope, "sha256": _hash(envelope["body"])}
    return refused_text(json.dumps(envelope))


def refused_text(text: str) -> str:
    with pytest.raises(LpmError) as failed:
        from_json(text, "town.json")
    (diagnostic,) = failed.value.report.diagnostics
    assert diagnostic.code == "E0830" and diagnostic.span.source.name == "town.json"
    return diagnostic.message


def test_what_is_no_model_is_refused(written: dict) -> None:
    body = written["body"]
    assert "body is not the one" in refused({**written, "body": {**body, "name": "other"}}, rehash=False)
    assert "no kind of node `Modell`" in refused({**written, "body": {**body, "node": "Modell"}})
    assert "`Model` has no field `colour`" in refused({**written, "body": {**body, "colour": 1}})
    assert "`Model` lacks `clock`" in refused({**written, "body": {k: v for k, v in body.items() if k != "clock"}})
    assert "`name` of `Model` cannot be 3" in refused({**written, "body": {**body, "name": 3}})
    assert "`agents` of `Model`" in refused({**written, "body": {**body, "agents": body["parameters"]}})
    assert "neither a model nor a program" in refused({**written, "body": body["clock"]})
    far = {**body["clock"], "span": {"node": "span", "at": [0, 0, 10**9]}}
    assert "points outside" in refused({**written, "body": {**body, "clock": far}})


def test_another_format_is_refused(written: dict) -> None:
    assert "version" in refused({**written, "version": 2})
    assert "format" in refused({**written, "format": "stan"})
    assert "extra" in refused({**written, "extra": 1})
    assert "Invalid JSON" in refused_text("{")
    refused_text('{"body":' * 100_000)


def test_the_error_page_shows_what_is_said() -> None:
    page = (MODELS[0].parent.parent / "docs" / "errors" / "E0830.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"from_json\('(.*)', \"town.json\"\)", page)
    with pytest.raises(LpmError) as failed:
        from_json(text, "town.json")
    assert f"```text\n{failed.value}\n```" in page


def test_emit_prints_the_model_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["emit", str(MODELS[0]), "--target", "json"])
    assert ended.value.code in (None, 0)
    assert from_json(capsys.readouterr().out) == checked(MODELS[0])[0]

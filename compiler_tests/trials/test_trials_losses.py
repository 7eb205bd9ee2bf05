"""Ledgers and answers that were attacked: another program's database, hidden characters, second answers, numbers that
are none."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lpmdsl.cli import app
from lpmdsl.diagnostics import LpmError
from lpmdsl.runtime.behaviours.client import _retry_after
from lpmdsl.runtime.behaviours.jsonl import export_lines, import_lines
from lpmdsl.runtime.behaviours.ledger import open_ledger
from lpmdsl.runtime.behaviours.opening import _log
from lpmdsl.runtime.behaviours.render import Part, Request
from lpmdsl.runtime.behaviours.replies import (
    MOST_TOKENS,
    Invalid,
    kept_probabilities,
    probabilities,
    read_completion,
)

TRIALS = Path(__file__).parent.parent / "trials"
WORDS = Request("k", "{}", (Part("decision", ("go_out", "isolate"), (0, 1)),))


def code_of(command) -> str:
    with pytest.raises(LpmError) as told:
        command()
    return told.value.report.diagnostics[0].code


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\ufeff"])
def test_lines_with_every_separator_go_there_and_back(sign: str, tmp_path: Path) -> None:
    """``nel``: two requests whose prompts hold U+2028 and U+0085, and the same with other separators."""
    text = (TRIALS / "nel.ledger.jsonl").read_bytes().decode().replace("\u2028", sign)
    header, *lines = text.rstrip("\n").split("\n")
    given = tmp_path / "given.jsonl"
    # JSON leaves controls below a blank no other spelling than an escape.
    spelt = [line.replace(sign, json.dumps(sign)[1:-1]) if sign < " " else line for line in lines]
    given.write_bytes("\n".join([header, *spelt, ""]).encode())
    ledger = open_ledger(tmp_path / "l.sqlite")
    assert import_lines(ledger, given) == 2
    written = list(export_lines(ledger))
    prompts = [json.loads(line)["request"]["messages"][1]["content"] for line in written[1:]]
    assert sorted(prompts) == [f"Person: age {who}. Isolate?{sign}now\x85x" for who in ("old", "young")]
    again = tmp_path / "again.jsonl"
    again.write_bytes("\n".join([*written, ""]).encode())
    other = open_ledger(tmp_path / "other.sqlite")
    assert import_lines(other, again) == 2 and list(export_lines(other)) == written
    ledger.close()
    other.close()


def test_another_programs_database_is_not_changed(tmp_path: Path) -> None:
    """With tables of its own, with a table named like ours, empty, with a mark of its own, and with a log beside."""
    made = {
        "browser": "CREATE TABLE history (url TEXT); INSERT INTO history VALUES ('x')",
        "facts": "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT); INSERT INTO facts VALUES ('version', '1')",
        "none": "PRAGMA user_version = 3",
        "marked": "PRAGMA application_id = 7; CREATE TABLE a (b)",
        "logged": "PRAGMA journal_mode = WAL; CREATE TABLE history (url TEXT)",
    }
    for name, script in made.items():
        path = tmp_path / f"{name}.sqlite"
        with sqlite3.connect(path) as db:
            db.executescript(script)
        db.close()
        before, beside = digest(path), sorted(p.name for p in tmp_path.iterdir())
        shown = CliRunner().invoke(app, ["ledger", "show", str(path)])
        assert isinstance(shown.exception, LpmError) and "E0857" in str(shown.exception), name
        assert code_of(lambda path=path: open_ledger(path)) == "E0857"
        assert digest(path) == before and sorted(p.name for p in tmp_path.iterdir()) == beside, name


def test_showing_a_ledger_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    ledger = open_ledger(path)
    import_lines(ledger, TRIALS / "nel.ledger.jsonl")
    ledger.close()
    before = {p.name: digest(p) for p in tmp_path.iterdir()}
    shown = CliRunner().invoke(app, ["ledger", "show", str(path)])
    assert shown.exit_code == 0 and "requests: 2" in shown.output
    assert {p.name: digest(p) for p in tmp_path.iterdir()} == before


def test_a_second_reply_to_one_request_is_told(tmp_path: Path) -> None:
    lines = (TRIALS / "nel.ledger.jsonl").read_bytes().decode().rstrip("\n").split("\n")
    other = lines[1].replace('1.0, \\"isolate\\": 0.0', '0.5, \\"isolate\\": 0.5')
    assert other != lines[1]
    twice, same, second = (tmp_path / n for n in ("twice.jsonl", "same.jsonl", "second.jsonl"))
    twice.write_bytes("\n".join([*lines, other, ""]).encode())
    same.write_bytes("\n".join([*lines, lines[1], ""]).encode())
    second.write_bytes("\n".join([lines[0], other, ""]).encode())
    ledger = open_ledger(tmp_path / "l.sqlite")
    assert code_of(lambda: import_lines(ledger, twice)) == "E0869" and ledger.summary()["requests"] == 0
    import_lines(ledger, same)
    before = list(export_lines(ledger))
    assert code_of(lambda: import_lines(ledger, second)) == "E0869" and list(export_lines(ledger)) == before
    ledger.close()


def test_lines_that_hold_more_are_not_replaced(tmp_path: Path) -> None:
    lines = (TRIALS / "nel.ledger.jsonl").read_bytes().decode().rstrip("\n").split("\n")
    one, out, path = tmp_path / "one.jsonl", tmp_path / "out.jsonl", tmp_path / "l.sqlite"
    one.write_bytes("\n".join([*lines[:2], ""]).encode())
    shutil.copy(TRIALS / "nel.ledger.jsonl", out)
    assert CliRunner().invoke(app, ["ledger", "import", str(one), "--ledger", str(path)]).exit_code == 0
    export = ["ledger", "export", str(path), "--out", str(out)]
    refused = CliRunner().invoke(app, export)
    assert isinstance(refused.exception, LpmError) and "E0865" in str(refused.exception)
    assert out.read_bytes() == (TRIALS / "nel.ledger.jsonl").read_bytes()
    assert CliRunner().invoke(app, [*export, "--force"]).exit_code == 0 and out.read_bytes().count(b"\n") == 2
    CliRunner().invoke(app, ["ledger", "import", str(TRIALS / "nel.ledger.jsonl"), "--ledger", str(path)])
    assert CliRunner().invoke(app, export).exit_code == 0, "nothing is lost where more is written"
    out.write_text("my notes\n")
    assert CliRunner().invoke(app, export).exit_code == 1 and out.read_text() == "my notes\n"


@pytest.mark.parametrize(
    "reply",
    [
        '{"go_out": true, "isolate": false}', '{"go_out": "1", "isolate": 0}', '{"go_out": NaN, "isolate": 1}',
        '{"go_out": 0.4, "go_out": 1, "isolate": 0}', '{"go_out": 1e999, "isolate": 0}', "[" * 100_000,
        '{"go_out": 1' + "0" * 400 + ', "isolate": 0}', '{"go_out": 1' + "0" * 5000 + ', "isolate": 0}',
        '{"go_out": -0.5, "isolate": 1.5}', "null",
    ],
)  # fmt: skip
def test_what_is_no_chance_is_told(reply: str) -> None:
    with pytest.raises(Invalid):
        kept_probabilities(WORDS, reply)
    assert kept_probabilities(WORDS, '{"go_out": 1, "isolate": 0.0}') == (1.0, 0.0)


def completion(logprob: str, tokens: str = "5") -> bytes:
    content = '{"token": "{\\"decision\\": \\"", "logprob": 0}, {"token": "go_out\\"", "logprob": NUMBER}'.replace(
        "NUMBER", logprob
    )
    return (
        '{"choices": [{"finish_reason": "stop", "message": {"content": "x"}, "logprobs": {"content": ['
        + content + ']}}], "usage": {"prompt_tokens": ' + tokens + ', "completion_tokens": 1}}'
    ).encode()  # fmt: skip


@pytest.mark.parametrize("logprob", ["NaN", "Infinity", "1e999", "0.5", "true", '"0"', "-Infinity"])
def test_a_log_probability_that_is_none_is_not_certain(logprob: str) -> None:
    with pytest.raises(Invalid):
        found = read_completion(completion(logprob)).choices[0].logprobs
        assert found is not None and found.content is not None
        probabilities(WORDS.words, found.content)


def test_log_probabilities_as_servers_round_them() -> None:
    found = read_completion(completion("0.0000001")).choices[0].logprobs
    assert found is not None and found.content is not None
    assert probabilities(WORDS.words, found.content) == (1.0, 0.0)


@pytest.mark.parametrize("tokens", [str(10**30), "-1", str(MOST_TOKENS + 1), "true", "1e400"])
def test_impossible_counts_of_tokens_are_told(tokens: str) -> None:
    with pytest.raises(Invalid):
        read_completion(completion("0", tokens))
    assert read_completion(completion("0", str(MOST_TOKENS))).usage is not None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Fri, 31 Dec 99999 23:59:59 GMT", math.inf), ("1e999", math.inf), ("nan", None), ("-5", 0.0), ("soon", None),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0), ("2.5", 2.5), ("9" * 5000, math.inf),
    ],
)  # fmt: skip
def test_whatever_a_server_says_of_waiting(text: str, seconds: float | None) -> None:
    assert _retry_after({"retry-after": text}) == seconds


def test_a_log_is_added_to_and_nothing_else_is(tmp_path: Path) -> None:
    log, mine = tmp_path / "log.jsonl", tmp_path / "mine.txt"
    line = {"request": {}, "seed": 1, "reply": "a\u2028b"}
    add = _log(log)
    assert add is not None
    add(line)
    log.write_bytes(log.read_bytes() + b'{"request": {}, "se')  # a program that was killed
    again = _log(log)
    assert again is not None
    again(line)
    assert [json.loads(x) for x in log.read_text().split("\n")[::2] if x] == [line, line]
    mine.write_text("my notes")
    assert code_of(lambda: _log(mine)) == "E0865" and mine.read_text() == "my notes"
    assert code_of(lambda: _log(Path("/dev/null"))) == "E0866"
    link = tmp_path / "link"
    link.symlink_to(log)
    assert code_of(lambda: _log(link)) == "E0866"

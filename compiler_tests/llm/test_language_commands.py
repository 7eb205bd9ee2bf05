"""``lpmc`` with recorded answers, as a reader types it: the ledger beside a model, budgets, exit codes, output."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler_tests.example_models.language_models import MODELS, law
from compiler_tests.support.llm_servers import Handler, proxied
from lpmdsl.cli import main

LEDGER = MODELS / "isolation_policy.ledger.jsonl"
AGES, CASES = ("0-19", "20-29", "30-39", "40-49", "50-64", "65+"), ("low", "medium", "high")
PEOPLE = ("--agents", "Person=1000", "--steps", "20", "--quiet")
Lpmc = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lpmc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Lpmc:
    """Runs a command in a folder that holds the policy model without a ledger: exit code, output, errors."""
    shutil.copy(MODELS / "isolation_policy.lpm", tmp_path / "town.lpm")
    monkeypatch.chdir(tmp_path)

    def command(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capfd.readouterr()
        assert "Traceback" not in err and "E0899" not in err
        return int(ended.value.code or 0), out, err

    return command


def test_the_shipped_ledger_holds_the_law() -> None:
    """18 archetypes, each once; what was recorded of the server is the law that the policy was trained on."""
    header, *lines = [json.loads(line) for line in LEDGER.read_text(encoding="utf-8").splitlines()]
    assert header["lpm_ledger"] == 1 and header["note"]
    found = {}
    for line in lines:
        words = re.search(r"age (\S+)\. Cases: (\w+)\.", line["request"]["messages"][1]["content"])
        assert words is not None
        (reply,) = line["replies"]
        found[words[1], words[2]] = json.loads(reply)["isolate"]
    assert found.keys() == {(age, cases) for age in AGES for cases in CASES}
    for a, age in enumerate(AGES):
        for c, cases in enumerate(CASES):
            assert abs(found[age, cases] - law(a, c)) < 0.02


def test_the_ledger_beside_a_model_is_replayed(lpmc: Lpmc) -> None:
    code, _, err = lpmc("run", "town.lpm", *PEOPLE)
    assert code == 1 and "E0850" in err
    shutil.copy(LEDGER, "town.ledger.jsonl")
    code, out, err = lpmc("run", "town.lpm", *PEOPLE, "--out", "a")
    assert (code, err) == (0, "")
    asks = re.search(r"isolate: (\d+) archetypes, \1 asks, \1 from the ledger, no fallback", out)
    assert asks is not None and 0 < int(asks[1]) <= 18
    assert "answers of policy (replay): 0 calls" in out and "note: " in out
    manifest = json.loads(Path("a/manifest.json").read_text(encoding="utf-8"))
    assert manifest["complete"] and manifest["behaviours"]["each"]["isolate"]["hits"] == int(asks[1])


def test_through_sqlite_and_back_nothing_changes(lpmc: Lpmc) -> None:
    shutil.copy(LEDGER, "town.ledger.jsonl")
    assert lpmc("run", "town.lpm", *PEOPLE, "--out", "lines")[0] == 0
    assert lpmc("ledger", "import", "town.ledger.jsonl", "--ledger", "kept.sqlite")[0] == 0
    Path("town.ledger.jsonl").unlink()
    assert lpmc("run", "town.lpm", *PEOPLE, "--out", "kept", "--llm", "replay", "--ledger", "kept.sqlite")[0] == 0
    assert Path("lines/observations.csv").read_bytes() == Path("kept/observations.csv").read_bytes()
    code, out, _ = lpmc("ledger", "show", "kept.sqlite")
    assert code == 0 and "requests: 18" in out and "models: policy" in out
    assert "isolate at home" not in out and "go_out" not in out, "no prompt and no reply is shown"
    assert lpmc("ledger", "export", "kept.sqlite", "--out", "again.jsonl")[0] == 0
    assert Path("again.jsonl").read_bytes() == LEDGER.read_bytes()


def test_a_miss_names_who_was_not_asked(lpmc: Lpmc) -> None:
    lines = LEDGER.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if "age 65+" not in line]
    assert len(kept) == len(lines) - 3
    Path("town.ledger.jsonl").write_text("".join(kept), encoding="utf-8")
    code, _, err = lpmc("run", "town.lpm", *PEOPLE, "--out", "a")
    assert code == 4 and "E0853" in err and "65+" in err
    assert json.loads(Path("a/manifest.json").read_text(encoding="utf-8"))["complete"] is False


@pytest.mark.parametrize("text", ["", "{}", '{"lpm_ledger": 99}', '{"lpm_ledger": 1}\nnot json\n', "SQLite format 3"])
def test_what_is_no_ledger_is_told(lpmc: Lpmc, text: str) -> None:
    Path("town.ledger.jsonl").write_text(text, encoding="utf-8")
    code, _, err = lpmc("run", "town.lpm", *PEOPLE)
    assert code == 1 and "E0857" in err
    Path("bad.sqlite").write_text(text or "x" * 4096, encoding="utf-8")
    code, _, err = lpmc("ledger", "show", "bad.sqlite")
    assert code == 1 and "E0857" in err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--llm-url", "http://127.0.0.1.example.org/v1", "--llm-model", "m"), "E0851"),
        (("--llm-url", "http://localhost@models.example.org/v1", "--llm-model", "m"), "E0856"),
        (("--llm-model", "m", "--prices", "none.toml"), "E0858"),
    ],
)
def test_what_may_not_be_asked_is_refused_before_a_call(lpmc: Lpmc, words: tuple[str, ...], code: str) -> None:
    ended, _, err = lpmc("run", "town.lpm", *PEOPLE, "--llm", "live", *words)
    assert ended == 1 and code in err
    assert not Path("runs").exists(), "nothing was begun"


def test_a_budget_ends_a_run_with_4_and_the_rest_is_asked_later(lpmc: Lpmc, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, prompt or reply is printed or written, but into the ledger and where a log was asked for."""
    monkeypatch.setenv("LPM_LLM_KEY", "sk-very-secret")

    def reply(handler: Handler, body: bytes) -> bool:
        return handler.say('{"decision": "isolate"}')

    text = Path("town.lpm").read_text(encoding="utf-8").replace("asks for probabilities", "asks 2 times per archetype")
    Path("town.lpm").write_text(text, encoding="utf-8")
    with proxied("", reply) as proxy:
        asked = ("run", "town.lpm", *PEOPLE, "--llm", "record", "--llm-url", proxy.url, "--llm-model", "m")
        code, out, err = lpmc(*asked, "--out", "a", "--max-calls", "5")
        assert code == 4 and "E0855" in err and proxy.calls == 5
        manifest = json.loads(Path("a/manifest.json").read_text(encoding="utf-8"))
        assert manifest["complete"] is False and manifest["behaviours"]["calls"] == 5
        again, out_again, err_again = lpmc(*asked, "--out", "b")
        assert again == 0
        whole = json.loads(Path("b/manifest.json").read_text(encoding="utf-8"))["behaviours"]
        assert proxy.calls == whole["each"]["isolate"]["asks"], "what was paid for is not asked again"
        assert whole["each"]["isolate"]["hits"] == 5
        assert lpmc(*asked, "--out", "c")[0] == 0 and proxy.calls == whole["each"]["isolate"]["asks"]
    written = out + err + out_again + err_again
    written += "".join(path.read_text(encoding="utf-8") for path in Path("a").glob("*.[jhc]*"))
    assert "sk-very-secret" not in written and '{"decision"' not in written and "Person: age 65+" not in written
    assert b"sk-very-secret" not in b"".join(path.read_bytes() for path in Path().glob("ledger.sqlite*"))


def test_cost_is_told_before_anything_is_asked(lpmc: Lpmc) -> None:
    Path("prices.toml").write_text(
        'date = 2026-01-31\ncurrency = "EUR"\n[models]\nm = {prompt = 1_000_000, reply = 0}\n', encoding="utf-8"
    )
    code, out, _ = lpmc("cost", "town.lpm", "--prices", "prices.toml", "--replicates", "3", "--agents", "Person=1000")
    assert code == 0 and "at most: 18 calls" in out and "prices of 2026-01-31" in out and "EUR" in out
    assert "30,000 calls" in out, "1000 people × 10 weeks × 3 replicates"
    code, out, _ = lpmc("cost", "town.lpm", "--format", "json")
    (part,) = json.loads(out)["parts"]
    assert code == 0 and (part["archetypes_most"], part["calls_most"], part["naive"]) == (18, 18, 200_000)

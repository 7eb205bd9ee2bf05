"""``lpmc``: what it prints, what it writes, and with which exit code it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from compiler_tests.example_models.small_models import BROKEN_PROMISE, OUTBREAK, WRONG_STATE
from lpmdsl import cli
from lpmdsl.codes import CODES

FAST = ("--backend", "reference", "--quiet")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "outbreak.lpm"
    path.write_text(OUTBREAK, encoding="utf-8")
    return path


def lpmc(*words: object) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    return int(ended.value.code or 0)


# ------------------------------------------------------------------ texts


def test_check_says_so_when_nothing_is_wrong(model, capsys):
    assert lpmc("check", model) == 0
    assert capsys.readouterr().out == f"{model}: no errors\n"


def test_check_points_at_the_mistake(model, capsys):
    model.write_text(WRONG_STATE, encoding="utf-8")
    assert lpmc("check", model) == 1
    out = capsys.readouterr().out
    assert "error[E0203] outbreak.lpm:" in out and "Infected" in out and "^^^^^^^^" in out
    assert out.endswith(f"{model}: 1 error\n")


def test_check_as_json_gives_one_object_a_line(model, capsys):
    model.write_text(WRONG_STATE, encoding="utf-8")
    assert lpmc("check", model, "--format", "json") == 1
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    keys = {"code", "severity", "message", "file", "line", "column", "end_line", "end_column", "help"}
    keys |= {"related", "fixes"}
    assert set(told) == keys and [r["message"] for r in told["related"]] == ["the states of Spots"]
    row = WRONG_STATE.splitlines().index("  from S by contagion to Infected") + 1
    assert (told["code"], told["severity"], told["line"], told["column"]) == ("E0203", "error", row, 26)


def test_check_of_a_missing_file(tmp_path, capsys):
    assert lpmc("check", tmp_path / "nothing.lpm") == 1
    assert "E0104" in capsys.readouterr().out


def test_new_writes_a_model_that_is_right_and_tidy(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert lpmc("new", "My-town.lpm") == 0
    assert lpmc("check", "My-town.lpm") == 0
    assert lpmc("fmt", "--check", "My-town.lpm") == 0
    assert "My-town.lpm: no errors" in capsys.readouterr().out
    assert lpmc("new", "My-town.lpm") == 1
    assert "E0826" in capsys.readouterr().err


def test_fmt_changes_only_the_look(model, capsys):
    model.write_text(OUTBREAK.replace("  step 1 day\n", "      step   1 day\n"), encoding="utf-8")
    assert lpmc("fmt", "--check", model) == 1
    assert lpmc("fmt", model) == 0
    assert "reformatted" in capsys.readouterr().out
    assert "\n  step 1 day\n" in model.read_text(encoding="utf-8")
    assert lpmc("fmt", "--check", model) == 0


def test_fmt_leaves_a_text_with_mistakes_alone(model, capsys):
    text = OUTBREAK.replace("clock\n", "clokc\n")
    model.write_text(text, encoding="utf-8")
    assert lpmc("fmt", model) == 1
    assert model.read_text(encoding="utf-8") == text
    assert "error[" in capsys.readouterr().err


def test_fmt_to_stdout(model, capsys):
    assert lpmc("fmt", "--stdout", model) == 0
    assert capsys.readouterr().out.splitlines()[1] == "model outbreak version 1.0"


def test_explain_prints_the_page(capsys):
    assert lpmc("explain", "e0820") == 0
    out = capsys.readouterr().out
    assert "E0820" in out and CODES["E0820"].replace("`", "") in " ".join(out.replace("`", "").split())


def test_explain_an_unknown_code(capsys):
    assert lpmc("explain", "E8020") == 1
    err = capsys.readouterr().err
    assert "E0825" in err and "Did you mean" in err


def test_version_and_usage(capsys):
    assert lpmc("--version") == 0
    assert re.fullmatch(r"lpmc \d+\.\d+\.\d+\n", capsys.readouterr().out)
    assert lpmc("check") == 2
    assert lpmc("no-such-command") == 2


@pytest.mark.parametrize(
    "words", [("--set", "beta"), ("--agents", "Pupil=many"), ("--replicates", "0"), ("--seed", "-1")]
)
def test_wrong_usage_ends_with_two(model, words, capsys):
    assert lpmc("run", model, *words) == 2
    assert not Path("runs").exists()


# ------------------------------------------------------------------ runs


def test_run_writes_everything_and_says_where(model, capsys):
    assert lpmc("run", model, "--backend", "reference", "--steps", 20, "--replicates", 2) == 0
    out = capsys.readouterr().out
    folder = Path("runs") / "outbreak-1"
    assert f"report: {folder / 'report.html'}" in out and "seconds: compile" in out
    assert re.search(r"^cases +\d", out, re.MULTILINE)
    names = {p.name for p in folder.iterdir()}
    assert names == {"observations.csv", "observations.parquet", "manifest.json", "report.html"}


def test_manifest_says_what_was_run(model):
    assert (
        lpmc("run", model, *FAST, "--steps", 14, "--seed", 7, "--set", "beta=0.05 per contact", "--agents", "Pupil=300")
        == 0
    )
    manifest = json.loads((Path("runs") / "outbreak-7" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["complete"] is True and manifest["stopped"] == ""
    assert (manifest["seed"], manifest["replicates"], manifest["backend"]) == (7, 1, "reference")
    assert manifest["agents"] == {"Pupil": 300}
    assert manifest["parameters"]["beta"]["value"] == 0.05
    assert manifest["parameters"]["beta"]["unit"] == "per contact"
    assert manifest["parameters"]["beta"]["source"] == "A made-up class, 2024"
    assert set(manifest["seconds"]) == {"compile", "setup", "run"}
    assert len(manifest["sha256"]) == 64 and manifest["versions"]["lpmdsl"]
    assert manifest["agent_steps_per_second"] > 0 and manifest["started"] <= manifest["finished"]


def test_csv_and_parquet_hold_the_same(model):
    assert lpmc("run", model, *FAST, "--steps", 14) == 0
    folder = Path("runs") / "outbreak-1"
    csv = pd.read_csv(folder / "observations.csv", keep_default_na=False)
    parquet = pd.read_parquet(folder / "observations.parquet")
    assert list(csv.columns) == ["scenario", "replicate", "step", "time", "observation", "group", "value"]
    assert csv["value"].tolist() == parquet["value"].tolist()
    assert csv["observation"].tolist() == parquet["observation"].tolist()
    assert "." not in (folder / "observations.csv").read_text(encoding="utf-8")  # counts and whole days


def test_report_needs_no_network(model):
    assert lpmc("compare", model, *FAST, "--steps", 20, "--replicates", 3) == 0
    page = (Path("runs") / "outbreak-1-compare" / "report.html").read_text(encoding="utf-8")
    assert len(page) < 1_000_000
    assert not re.search(r"""(src|href)\s*=\s*["']?\s*(https?:)?//""", page)
    assert not re.search(r"<(script|link|iframe|object|embed|base|form)\b", page)
    assert "@import" not in page and "default-src 'none'" in page
    assert page.count('<img class="figure"') >= 2
    for word in (
        "outbreak",
        "A school class with measles-like spread.",
        "A made-up class, 2024",
        "contagion",
        "Comparison",
    ):
        assert word in page
    assert page.count("<svg") == 1


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("--scenario", "unprotect"), "E0802", "Did you mean `unprotected`?"),
        (("--set", "bet=1 per contact"), "E0803", "Did you mean `beta`?"),
        (("--set", "beta=0.05"), "E0301", "per contact"),
        (("--set", "beta=0.05 per day"), "E0303", ""),
        (("--set", "beta=3 per contact"), "E0805", "between 0.001 per contact and 0.5 per contact"),
        (("--set", "beta=0.1 per contact # high"), "E0822", ""),
        (("--agents", "Pupils=10"), "E0806", "Did you mean `Pupil`?"),
        (("--agents", "Pupil=0"), "E0823", ""),
        (("--agents", "Pupil=1_000_000_000_000"), "E0823", ""),
        (("--threads", "4096"), "E0828", ""),
    ],
)
def test_what_cannot_be_run_is_told(model, words, code, hint, capsys):
    assert lpmc("run", model, "--quiet", *words) == 1
    err = capsys.readouterr().err
    assert f"error[{code}]" in err and hint in err and "Traceback" not in err


def test_without_a_gpu_the_processor_is_offered(model, monkeypatch, capsys):
    monkeypatch.delenv("TRITON_INTERPRET")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert lpmc("run", model, "--quiet", "--backend", "gpu") == 1
    err = capsys.readouterr().err
    assert "error[E0809]" in err and "--backend cpu" in err and "TRITON_INTERPRET=1" in err


def test_the_gpus_kernels_write_the_same_results(model, tmp_path, capsys):
    for backend in ("cpu", "gpu"):
        assert lpmc("run", model, "--quiet", "--backend", backend, "--replicates", 3, "--out", tmp_path / backend) == 0
    said = {b: (tmp_path / b / "observations.csv").read_text() for b in ("cpu", "gpu")}
    assert said["cpu"] == said["gpu"] != ""
    assert json.loads((tmp_path / "gpu" / "manifest.json").read_text())["backend"] == "gpu"


def test_a_profile_names_stages_seconds_and_lines(model, tmp_path, capsys):
    assert lpmc("run", model, "--backend", "cpu", "--profile", "--out", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert re.search(r"advance_\S+ +0\.\d{3} +\d+ % +outbreak\.lpm:[\d, ]+", said)
    shares = [int(share) for share in re.findall(r" (\d+) %", said)]
    assert 95 <= sum(shares) <= 105
    assert "cases" in said, "the run itself comes after"


def test_the_caret_stands_in_the_given_text(model, capsys):
    assert lpmc("run", model, "--quiet", "--set", "beta=0.05 per dya") == 1
    lines = capsys.readouterr().err.splitlines()
    at = next(k for k, line in enumerate(lines) if "beta=0.05 per dya" in line)
    assert lines[at][lines[at + 1].index("^") :].startswith("dya")


def test_a_folder_of_someone_else_is_left_alone(model, tmp_path, capsys):
    other = tmp_path / "letters"
    other.mkdir()
    (other / "letter.txt").write_text("Dear")
    assert lpmc("run", model, *FAST, "--out", other) == 1
    assert "E0807" in capsys.readouterr().err
    assert [p.name for p in other.iterdir()] == ["letter.txt"]


def test_a_folder_that_cannot_be_made(model, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert lpmc("run", model, *FAST, "--out", tmp_path / "file" / "below") == 1
    assert "E0808" in capsys.readouterr().err


def test_a_second_run_replaces_the_first(model):
    assert lpmc("compare", model, *FAST, "--steps", 7, "--replicates", 2, "--out", "here") == 0
    assert lpmc("run", model, *FAST, "--steps", 7, "--out", "here") == 0
    assert not (Path("here") / "comparison.csv").exists()
    assert set(pd.read_csv(Path("here") / "observations.csv")["scenario"]) == {"baseline"}


def test_a_broken_check_fails_the_run_and_keeps_its_results(model, capsys):
    model.write_text(BROKEN_PROMISE, encoding="utf-8")
    assert lpmc("run", model, *FAST) == 1
    err = capsys.readouterr().err
    assert "error[E0820]" in err and re.search(r"step \d+ \(2024-0\d-\d\d\)", err)
    folder = Path("runs") / "outbreak-1"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["complete"] is True and len(manifest["broken_checks"]) == 1
    assert (folder / "report.html").is_file()


def test_compare_prints_and_writes_the_table(model, capsys):
    assert lpmc("compare", model, "--backend", "reference") == 0
    out = capsys.readouterr().out
    assert "total of cases" in out and "unprotected" in out and "weaker" in out
    table = pd.read_csv(Path("runs") / "outbreak-1-compare" / "comparison.csv")
    assert len(table) == 6  # two reports of three scenarios
    weaker = table[(table["scenario"] == "weaker") & (table["report"] == "total of cases")].iloc[0]
    assert weaker["difference_low"] <= weaker["difference"] <= weaker["difference_high"] < 0
    assert weaker["probability_below"] == 1


def test_compare_without_compare(model, capsys):
    model.write_text(OUTBREAK[: OUTBREAK.index("compare ")], encoding="utf-8")
    assert lpmc("compare", model) == 1
    assert "E0821" in capsys.readouterr().err


def test_what_has_no_agents_is_not_run(tmp_path, capsys):
    (tmp_path / "shares.lpm").write_text("library shares version 1.0\n\nparameter p = 2\n", encoding="utf-8")
    clock = "clock\n  step 1 day\n  for 5 days\n"
    (tmp_path / "empty.lpm").write_text(f"model empty version 1.0\n\n{clock}", encoding="utf-8")
    for name, words in (("shares", "is a library"), ("empty", "has no agents")):
        assert lpmc("check", tmp_path / f"{name}.lpm") == 0
        for command in ("run", "cost"):
            assert lpmc(command, tmp_path / f"{name}.lpm") == 1
            told = capsys.readouterr().err
            assert "E0829" in told and words in told


@pytest.mark.parametrize("target", ["cpu", "ir"])
def test_emit_prints_source(model, target, capsys):
    assert lpmc("emit", model, "--target", target) == 0
    assert len(capsys.readouterr().out.splitlines()) > 20


def test_an_internal_error_is_one_line(model, monkeypatch, capsys):
    def fails(file: Path) -> None:
        raise ZeroDivisionError("for the test")

    monkeypatch.setattr(cli.runs, "load_told", fails)
    assert lpmc("run", model) == 1
    assert capsys.readouterr().err.startswith("error[E0899] internal error")
    assert lpmc("run", model, "--debug") == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_ctrl_c_keeps_what_was_written(model):
    command = [
        sys.executable,
        "-m",
        "lpmdsl.cli",
        "run",
        str(model),
        *FAST,
        "--steps",
        "1000000",
        "--agents",
        "Pupil=20000",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        manifest = Path("runs") / "outbreak-1" / "manifest.json"
        begun = manifest.parent / "unfinished" / "manifest.json"
        deadline = time.monotonic() + 60
        while not begun.is_file() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.1)
        was_begun = begun.is_file() and json.loads(begun.read_text(encoding="utf-8"))["complete"] is False
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert was_begun and process.returncode == 130, err
    assert "Traceback" not in err and "kept" in err
    written = json.loads(manifest.read_text(encoding="utf-8"))
    assert written["complete"] is False and "keyboard" in written["stopped"] and written["stopped_after"] > 0
    table = pd.read_csv(manifest.parent / "observations.csv")
    assert table.loc[table["observation"] == "cases", "step"].max() == written["stopped_after"]
    assert len(pd.read_parquet(manifest.parent / "observations.parquet")) == len(table)
    assert (manifest.parent / "report.html").is_file()

"""Installations without extras: they do everything but what extras are for, and say so in the reader's words."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from lpmdsl import terminal
from lpmdsl.cli import app
from lpmdsl.runtime.progress import calibration_bar

MODELS = Path(__file__).parent.parent.parent / "models"
EXTRAS = ("openai", "arviz", "h5netcdf", "scoringrules", "optuna", "sbi", "xllamacpp", "openpyxl")
HIDDEN = f"""
import sys
sys.modules.update(dict.fromkeys({EXTRAS}))  # None stands for a module that cannot be found
from lpmdsl.cli import main
main()
"""


def lpmc(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process in which no extra can be imported."""
    return subprocess.run([sys.executable, "-c", HIDDEN, *arguments], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("model", ["town_flu", "isolation_policy"])
def test_models_run_without_extras(model: str, tmp_path: Path) -> None:
    """Also one whose behaviour is replayed from the answers beside it."""
    path = str(MODELS / f"{model}.lpm")
    done = lpmc("run", path, "--agents", "Person=1_000", "--steps", "20", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr + done.stdout
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("calibrate", str(MODELS / "boarding_school.lpm")), "E0860"),
        (("calibrate", str(MODELS / "boarding_school.lpm"), "--method", "search"), "E0860"),
        (("calibrate", str(MODELS / "boarding_school.lpm"), "--method", "neural posterior"), "E0860"),
        (("run", str(MODELS / "isolation_policy.lpm"), "--llm", "record", "--llm-url", "http://127.0.0.1:9/v1",
          "--llm-model", "policy"), "E0852"),
    ],
    ids=["calibrate", "search", "neural", "record"],
)  # fmt: skip
def test_what_an_extra_is_for_names_it(arguments: tuple[str, ...], code: str, tmp_path: Path) -> None:
    done = lpmc(*arguments, "--out", str(tmp_path / "out"))
    assert done.returncode != 0
    assert code in done.stderr + done.stdout and "pip install" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("calibrate",), ("calibrate", "--method", "search"), ("calibrate", "--method", "neural posterior"),
     ("run", "--llm", "live", "--llm-model", "policy")],
    ids=["calibrate", "search", "neural", "live"],
)  # fmt: skip
def test_what_is_missing_is_told_before_anything_is_read(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """The model is not even there."""
    done = lpmc(arguments[0], str(tmp_path / "none.lpm"), *arguments[1:])
    assert done.returncode != 0 and 'pip install "lpmdsl[' in done.stderr and "none.lpm" not in done.stderr


def test_a_workbook_names_its_package(tmp_path: Path) -> None:
    (tmp_path / "people.xlsx").write_bytes(b"PK")
    model = 'model m version 1.0\nclock\n  step 1 day\n  for 3 days\nagent Person from "people.xlsx"\n  age duration\n'
    (tmp_path / "m.lpm").write_text(model, encoding="utf-8")
    done = lpmc("check", str(tmp_path / "m.lpm"))
    assert done.returncode == 1 and 'pip install "lpmdsl[excel]"' in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("is_terminal", "quiet", "is_drawn"), [(True, (), True), (True, ("--quiet",), False), (False, (), False)]
)
def test_progress_is_drawn_on_terminals_unless_quiet(
    is_terminal: bool, quiet: tuple[str, ...], is_drawn: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Console(file=io.StringIO(), force_terminal=is_terminal)
    monkeypatch.setattr(terminal, "console", lambda stderr=False: screen)
    model = "model m version 1.0\nclock\n  step 1 day\n  for 3 days\nagent Person count 5\n  x number = 1\n"
    (tmp_path / "m.lpm").write_text(model, encoding="utf-8")
    arguments = ["run", str(tmp_path / "m.lpm"), "--backend", "reference", "--out", str(tmp_path / "o"), *quiet]
    CliRunner().invoke(app, arguments)
    assert isinstance(screen.file, io.StringIO)
    assert ("baseline 1/1" in screen.file.getvalue()) == is_drawn
    with calibration_bar(is_shown=not quiet) as tell:
        tell("sampling", 1, 2, "")
    assert ("sampling" in screen.file.getvalue()) == is_drawn

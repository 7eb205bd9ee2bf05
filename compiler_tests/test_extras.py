"""What an installation without extras can do: everything but what they are for, which it says in the reader's words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MODELS = Path(__file__).parent.parent / "models"
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

"""Installations without extras: they do everything but what extras are for, and say so in the reader's words."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from lpmdsl import extras, terminal
from lpmdsl.cli import app
from lpmdsl.runtime.progress import calibration_bar

MODELS = Path(__file__).parent.parent.parent / "models"
EXTRAS = (*extras.EXTRA, "xllamacpp")
HIDDEN = f"""
import importlib.util, sys
HIDDEN = {EXTRAS}
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named '{{name}}'", name=name)
sys.meta_path.insert(0, Hidden())
from lpmdsl.cli import main
main()
"""


def lpmc(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process in which no extra can be imported."""
    return subprocess.run([sys.executable, "-c", HIDDEN, *arguments], capture_output=True, text=True, timeout=300)


LIGHT = {
    "check": ("check", "town_flu.lpm", "nyc_isolation.lpm"),
    "fmt": ("fmt", "--check", "town_flu.lpm"),
    "explain": ("explain", "E0301"),
    "emit": ("emit", "sir_network.lpm", "--target", "cpu"),
    "emit for a GPU": ("emit", "sir_network.lpm", "--target", "triton"),
    "emit the adjoint": ("emit", "sir_network.lpm", "--target", "adjoint"),
    "analyse": ("analyse", "sir_network.lpm"),
    "analyse as a page": ("analyse", "sir_network.lpm", "--format", "html"),
    "doc": ("doc", "sir_network.lpm", "--out", "OUT"),
    "compare": ("compare", "sir_network.lpm", "--replicates", "2", "--agents", "Person=500", "--out", "OUT"),
    "sensitivity": ("sensitivity", "sir_network.lpm", "--of", "total of new_infections", "--replicates", "3",
                    "--agents", "Person=500", "--steps", "20", "--estimator", "spread"),
    "cost": ("cost", "isolation_policy.lpm"),
}  # fmt: skip


@pytest.mark.parametrize("command", LIGHT)
def test_commands_do_without_extras(command: str, tmp_path: Path) -> None:
    words = [str(MODELS / w) if w.endswith(".lpm") else w.replace("OUT", str(tmp_path / "o")) for w in LIGHT[command]]
    done = lpmc(*words)
    assert done.returncode == 0, done.stderr + done.stdout


ROOMS = ("reference/", "backends/triton/", "runtime/engine/gpu", "runtime/gradients/", "runtime/calibration/methods/",
         "runtime/behaviours/client.py", "editor/server/", "notebook/magics.py",
         "runtime/reports/sheet.py")  # fmt: skip
"""Where packages of extras are imported at the top: whoever loads these modules has asked ``extras`` before."""
ALLOWED = {"runtime/table.py: pandas", "runtime/results.py: pandas",
           "runtime/calibration/outcome.py: arviz", "runtime/engine/build.py: triton",
           "runtime/results.py: matplotlib.figure"}  # fmt: skip
"""A name of a type, and what is built only after ``require_gpu``."""


def test_extras_are_loaded_through_one_door() -> None:
    package = Path(extras.__file__).parent
    found = {
        f"{path.relative_to(package).as_posix()}: {name}"
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in _imported(node)
        if name.split(".")[0] in extras.EXTRA
    }
    assert {one for one in found if not one.startswith(ROOMS)} == ALLOWED


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


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
          "--llm-model", "policy"), "E0860"),
        (("calibrate", str(MODELS / "boarding_school.lpm"), "--method", "gradient"), "E0860"),
        (("run", str(MODELS / "sir_network.lpm"), "--backend", "reference"), "E0860"),
        (("run", str(MODELS / "sir_network.lpm"), "--backend", "gpu"), "E0860"),
    ],
    ids=["calibrate", "search", "neural", "record", "gradient", "reference", "gpu"],
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

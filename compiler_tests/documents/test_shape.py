"""The shape of the source: short functions, and folders that a reader takes in at a glance."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import lpmdsl

SOURCE = Path(lpmdsl.__file__).parent
LONGEST_FUNCTION = 60
MOST_FILES = 15


def functions() -> Iterator[tuple[str, int]]:
    """Every function of the package, as ``file:line name``, with its lines from ``def`` to its end."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                place = f"{path.relative_to(SOURCE)}:{node.lineno} {node.name}"
                yield place, (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_function_is_longer_than_a_screen() -> None:
    found = dict(functions())
    assert len(found) > 1000  # the walk reaches them
    assert {place: lines for place, lines in found.items() if lines > LONGEST_FUNCTION} == {}


def test_no_folder_has_more_files_than_a_glance_takes_in() -> None:
    files = Counter(path.parent.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))
    assert files["semantics/checks"] > 1
    assert {folder: count for folder, count in files.items() if count > MOST_FILES} == {}


def test_no_file_of_the_package_is_ignored() -> None:
    """A wheel leaves out what ``.gitignore`` names, so a folder ``build`` of the package would be missing in it."""
    if shutil.which("git") is None or not (SOURCE.parent / ".git").exists():
        pytest.skip("not a working copy")
    files = [str(p) for p in SOURCE.rglob("*.py")]
    command = ["git", "check-ignore", "--no-index", "--stdin"]
    given = "\n".join(files)
    told = subprocess.run(command, cwd=SOURCE.parent, input=given, capture_output=True, text=True, check=False)
    assert len(files) > 300 and not told.stdout, told.stdout

"""The reference of the relaxation shares nothing with what it convicts: its imports prove it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parent.parent / "relaxed_reference").glob("*.py"))
FORBIDDEN = ("lpmdsl.lowering", "lpmdsl.program", "lpmdsl.backends", "lpmdsl.runtime", "lpmdsl.compiler")


def test_there_is_a_reference() -> None:
    assert len(FILES) >= 6


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_reference_of_the_relaxation_has_nothing_from_lowering(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    froms = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    plain = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert not [name for name in froms | plain if name.startswith(FORBIDDEN)]


def test_nothing_that_it_convicts_is_loaded_with_it() -> None:
    """All that it imports, and all that this imports, in a Python of its own."""
    code = "import compiler_tests.relaxed_reference.interpreter, sys; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "lpmdsl.reference.expressions" in found
    assert not [name for name in found if name.startswith(FORBIDDEN)]

"""Docstrings open with a verb or a noun, in the package, the tests and the benchmarks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from compiler_tests.support.documents import ROOT

QUESTIONS = {"What", "Whether", "How", "Who", "Where", "Which", "When", "Why"}
"""Words that open a question and not a description."""


def definitions(path: Path) -> Iterator[tuple[str, ast.Module | ast.ClassDef | ast.FunctionDef]]:
    """The module, its classes, functions and methods, each with its place, ``FILE:LINE NAME``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    where = path.relative_to(ROOT).as_posix()
    yield f"{where}:1", tree
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield f"{where}:{node.lineno} {node.name}", node


def asks(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> bool:
    """Return True if the docstring opens with a question."""
    text = ast.get_docstring(node) or ""
    return bool(text) and text.split()[0].rstrip(",.:;") in QUESTIONS


def test_docstrings_of_the_package_open_with_a_verb_or_a_noun() -> None:
    files = sorted((ROOT / "lpmdsl").rglob("*.py"))
    assert len(files) > 200
    assert [where for file in files for where, node in definitions(file) if asks(node)] == []


def test_docstrings_of_tests_and_benchmarks_open_with_a_verb_or_a_noun() -> None:
    files = [file for folder in ("compiler_tests", "benchmarks") for file in (ROOT / folder).rglob("*.py")]
    modules = [next(definitions(file)) for file in sorted(files)]
    assert len(modules) > 50
    assert [where for where, node in modules if asks(node)] == []

"""Docstrings: everything public in the package has one; each opens with a verb or a noun, in the tests as well."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from compiler_tests.support.documents import ROOT

QUESTIONS = {"What", "Whether", "How", "Who", "Where", "Which", "When", "Why"}
"""Words that open a question and not a description."""
BUILDERS = "lpmdsl/syntax/build/"
"""Methods there have the names of grammar rules, of which each makes the node: the rule says it all."""


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


def remarks(path: Path) -> Iterator[tuple[str, str]]:
    """Strings that stand below a constant or a field and say what it is."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        body = node.body if isinstance(node, ast.Module | ast.ClassDef) else []
        for above, here in pairwise(body):
            match above, here:
                case (ast.Assign() | ast.AnnAssign(), ast.Expr(ast.Constant(str(text)))):
                    yield f"{path.relative_to(ROOT).as_posix()}:{here.lineno}", text
                case _:
                    pass


def test_remarks_on_constants_open_with_a_noun() -> None:
    found = [one for file in sorted((ROOT / "lpmdsl").rglob("*.py")) for one in remarks(file)]
    assert len(found) > 100
    assert [where for where, text in found if text.split()[0].rstrip(",.:;") in QUESTIONS] == []


def test_docstrings_of_tests_and_benchmarks_open_with_a_verb_or_a_noun() -> None:
    files = [file for folder in ("compiler_tests", "benchmarks") for file in (ROOT / folder).rglob("*.py")]
    modules = [next(definitions(file)) for file in sorted(files)]
    assert len(modules) > 50
    assert [where for where, node in modules if asks(node)] == []


def public(node: ast.AST, where: str) -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef]]:
    """Public classes, functions and methods below a node; what is within a function belongs to it alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_"):
            if not (where.startswith(BUILDERS) and isinstance(node, ast.ClassDef)):
                yield f"{where}:{child.lineno} {child.name}", child
            if isinstance(child, ast.ClassDef):
                yield from public(child, where)


def test_everything_public_in_the_package_has_a_docstring() -> None:
    bare: list[str] = []
    seen = 0
    for file in sorted((ROOT / "lpmdsl").rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        where = file.relative_to(ROOT).as_posix()
        found = [(f"{where}:1", tree), *public(tree, where)]
        bare += [place for place, node in found if ast.get_docstring(node) is None]
        seen += len(found)
    assert bare == []
    assert seen > 1000

"""Functions of the small language: where their text and the names in it come from."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lpmdsl.native.types import Type


@dataclass(frozen=True, slots=True, eq=False)
class Routine:
    """A function as a syntax tree, read when it is needed. ``names``: what the names that are not its own mean.

    ``is_unit``: machine code of its own wherever it is called, so that a change of the caller leaves it alone.
    ``never_alias``: the arrays that it is given lie apart, so that a write to one changes no other.
    """

    name: str
    read: Callable[[], ast.FunctionDef]
    names: Mapping[str, Any]
    is_unit: bool = False
    is_inlined: bool = False
    never_alias: bool = False

    @property
    def tree(self) -> ast.FunctionDef:
        """Its definition."""
        return self.read()

    @property
    def parameters(self) -> list[str]:
        """Names of the parameters, in order."""
        return [a.arg for a in self.tree.args.args]


@dataclass(frozen=True, slots=True, eq=False)
class Instruction:
    """A machine instruction, called like a function; ``calls`` says what it is."""

    name: str


def instruction(function: Callable[..., Any]) -> Any:
    """Decorator: a function that stands for an instruction."""
    return Instruction(function.__name__)


@cache
def _functions_of(path: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def routine_of(function: Callable[..., Any], *, is_unit: bool, is_inlined: bool, never_alias: bool) -> Routine:
    """The routine of a function that stands at the top of a module of ours."""
    path, name = function.__code__.co_filename, function.__name__
    return Routine(name, lambda: _functions_of(path)[name], function.__globals__, is_unit, is_inlined, never_alias)


def routines_in(text: str, names: Mapping[str, Any], never_alias: bool) -> dict[str, Routine]:
    """The functions of a generated text, by name; they may call each other. The text is read and never run."""
    known = dict(names)
    made = {
        node.name: Routine(node.name, lambda node=node: node, known, is_unit=True, never_alias=never_alias)
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }
    known |= made
    return made


Key = tuple[Routine, tuple[Type, ...]]

"""Expressions that may be worked out where their value is not asked for: they read no memory and cost little."""

from __future__ import annotations

import ast
import types as modules

from lpmdsl.native.frame import Frame
from lpmdsl.native.routine import Routine

_SAFE = {"min", "max", "abs"}


def is_plain(frame: Frame, node: ast.expr) -> bool:
    """Return True if the expression can do no harm and needs no branch."""
    match node:
        case ast.Constant() | ast.Name():
            return True
        case ast.Attribute():
            return isinstance(node.value, ast.Name)
        case ast.BinOp(op=ast.FloorDiv() | ast.Mod()):
            divisor = node.right
            return isinstance(divisor, ast.Constant) and bool(divisor.value) and is_plain(frame, node.left)
        case ast.Call():
            return _is_plain_call(frame, node)
        case ast.BinOp() | ast.UnaryOp() | ast.BoolOp() | ast.Compare() | ast.IfExp():
            return all(is_plain(frame, part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))
        case _:
            return False


def _is_plain_call(frame: Frame, node: ast.Call) -> bool:
    if not all(is_plain(frame, a) for a in node.args):
        return False
    match node.func:
        case ast.Attribute(value=ast.Name(id=name)):
            return isinstance(frame.outside(name), modules.ModuleType)
        case ast.Name(id=name):
            found = frame.outside(name)
            routine = getattr(found, "routine", found)
            return name in _SAFE or (isinstance(routine, Routine) and _is_one_line(routine))
        case _:
            return False


def _is_one_line(routine: Routine) -> bool:
    """Return True if a function is no more than a choice or a comparison of its arguments."""
    body = [s for s in routine.tree.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    if len(body) != 1 or not isinstance(body[0], ast.Return) or body[0].value is None:
        return False
    return not any(isinstance(n, ast.Call | ast.Subscript) for n in ast.walk(body[0].value))

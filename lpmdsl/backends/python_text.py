"""Kernel IR printed as Python text; the listings of processors and of Triton share what is the same in both."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import assert_never

from lpmdsl.escaping import comment
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    LANES,
    Append,
    Apply,
    Assign,
    AtomicAdd,
    AtomicMax,
    Beside,
    Claim,
    Const,
    Draw,
    Enqueue,
    If,
    KExpr,
    KStmt,
    Let,
    Load,
    Loop,
    Mark,
    Prefetch,
    Quantile,
    Sample,
    Store,
    Tally,
    Threshold,
    Var,
    While,
    calendar_buffers,
)
from lpmdsl.program.nodes import AGENT
from lpmdsl.source import NOWHERE, Span

_INFIX = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "floordiv": "//",
    "mod": "%",
    "shl": "<<",
    "shr": ">>",
    "bit_and": "&",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "eq": "==",
    "ne": "!=",
    "and": "and",
    "or": "or",
}
_RANK = {
    "or": 1,
    "and": 2,
    "not": 3,
    "lt": 4,
    "le": 4,
    "gt": 4,
    "ge": 4,
    "eq": 4,
    "ne": 4,
    "bit_and": 5,
    "shl": 6,
    "shr": 6,
    "add": 7,
    "sub": 7,
    "mul": 8,
    "div": 8,
    "floordiv": 8,
    "mod": 8,
    "neg": 9,
}
_CAST = {"to_i64": "np.int64", "to_f64": "np.float64", "to_u8": "np.uint8", "to_i16": "np.int16", "to_i32": "np.int32"}
_FUNCTION = {
    "to_rank": "rank_of",
    "log": "log",
    "exp": "exp",
    "sin": "sin",
    "cos": "cos",
    "min": "smaller",
    "max": "larger",
    "minimum": "least",
    "maximum": "greatest",
    "abs": "abs",
    "floor": "np.floor",
    "sqrt": "np.sqrt",
}
INDENT = "    "


def text(expr: KExpr) -> str:
    """One expression, with no more parentheses than it needs."""
    return _print(expr)[0]


def _print(expr: KExpr) -> tuple[str, int]:
    match expr:
        case Const():
            return _constant(expr), 10
        case Var():
            return expr.name, 10
        case Load():
            return f"{expr.buffer}[{', '.join(text(k) for k in expr.index)}]", 10
        case Quantile():
            return f"quantile({expr.buffer}, {text(expr.row)}, {text(expr.word)})", 10
        case Threshold():
            return f"threshold({text(expr.high)}, {text(expr.low)})", 10
        case Beside():
            return f"neighbour({expr.keys}, {text(expr.agent)}, {text(expr.edge)}, {text(expr.count)})", 10
        case Apply():
            return _apply(expr)
        case _:
            assert_never(expr)


def _constant(expr: Const) -> str:
    if expr.dtype == "bool":
        return "True" if expr.value else "False"
    if expr.dtype == "f64":
        value = float(expr.value)
        return (
            "np.nan" if value != value else repr(value) if abs(value) != float("inf") else f"{'-' * (value < 0)}np.inf"
        )
    return str(int(expr.value))


def _apply(expr: Apply) -> tuple[str, int]:
    name, args = expr.op, expr.args
    if name in _CAST:
        return f"{_CAST[name]}({text(args[0])})", 10
    if name in _FUNCTION:
        return f"{_FUNCTION[name]}({', '.join(text(a) for a in args)})", 10
    if name == "select":
        return f"({text(args[1])} if {text(args[0])} else {text(args[2])})", 10
    rank = _RANK[name]
    if name in ("not", "neg"):
        return ("not " if name == "not" else "-") + _inside(args[0], rank), rank
    # Left operands of equal rank need no parentheses; right ones do, which keeps the written order of operations.
    return f"{_inside(args[0], rank)} {_INFIX[name]} {_inside(args[1], rank + 1)}", rank


def _inside(expr: KExpr, rank: int) -> str:
    printed, own = _print(expr)
    if own == 4 and rank == 4:
        return f"({printed})"
    return printed if own >= rank else f"({printed})"


def signature(head: str, names: list[str]) -> list[str]:
    """Lines of the head of a function, ``def NAME`` with its arguments, at most 120 letters each."""
    line = f"{head}({', '.join(names)}):"
    return [line] if len(line) <= 120 else [f"{head}(", *rows_of(names), "):"]


def rows_of(names: list[str]) -> list[str]:
    """Names with commas behind them, in indented lines of at most 120 letters."""
    lines, row = [], INDENT
    for name in names:
        if len(row) + len(name) > 116:
            lines.append(row.rstrip())
            row = INDENT
        row += f"{name}, "
    return [*lines, row.rstrip()]


def remark(span: Span = NOWHERE, note: str = "") -> str:
    """``  # town_flu.lpm:61  note`` or nothing: the one place where words get into generated text."""
    place = "" if span == NOWHERE or span.source.name.startswith("<built") else span.label
    words = "  ".join(w for w in (place, note) if w)
    return f"  # {comment(words)}" if words else ""


@dataclass(frozen=True, slots=True)
class Style:
    """``noted``: lists to which a pass over a chunk adds agents by notes of its own. ``among``: an addition to what
    several threads share asks how many they are."""

    noted: frozenset[str] = frozenset()
    among: bool = False


PLAIN = Style()


def names_read(text: str) -> set[str]:
    """The names that generated Python reads."""
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def block(body: tuple[KStmt, ...], depth: int, style: Style = PLAIN) -> list[str]:
    """The lines of a block; ``pass`` if it is empty."""
    lines = [line for stmt in body for line in statement(stmt, depth, style)]
    return lines or [INDENT * depth + "pass"]


def statement(stmt: KStmt, depth: int, style: Style = PLAIN) -> list[str]:
    """The lines of one statement at an indentation depth."""
    pad = INDENT * depth
    match stmt:
        case Let():
            return [f"{pad}{stmt.name} = {text(stmt.value)}{remark(stmt.span, stmt.note)}"]
        case Assign():
            return [f"{pad}{stmt.name} = {text(stmt.value)}"]
        case Draw(quartered=True):
            given = f"seed, {text(stmt.agent)}, {stmt.site}, {text(stmt.episode)}, replicate"
            return [f"{pad}{stmt.name}_0 = quarter({given}){remark(stmt.span, stmt.path)}"]
        case Draw():
            words = ", ".join(f"{stmt.name}_{k}" for k in range(4))
            call = f"philox(seed, {text(stmt.agent)}, {stmt.site}, {text(stmt.episode)}, replicate)"
            return [f"{pad}{words} = {call}{remark(stmt.span, stmt.path)}"]
        case Store():
            return [f"{pad}{stmt.buffer}[{_index(stmt.index)}] = {text(stmt.value)}"]
        case AtomicAdd():
            index = text(stmt.index[0]) if len(stmt.index) == 1 else f"({_index(stmt.index)})"
            add = "add_among(threads, " if style.among else "atomic_add("
            return [f"{pad}{add}{stmt.buffer}, {index}, {text(stmt.value)}){remark(stmt.span)}"]
        case AtomicMax():
            index = text(stmt.index[0]) if len(stmt.index) == 1 else f"({_index(stmt.index)})"
            return [f"{pad}{stmt.name} = fetch_max({stmt.buffer}, {index}, {text(stmt.value)}){remark(stmt.span)}"]
        case Tally():
            return [pad + _tally(stmt)]
        case If():
            return _if(stmt, depth, style)
        case Loop():
            head = f"{pad}for {stmt.var} in range({text(stmt.start)}, {text(stmt.stop)}):{remark(stmt.span)}"
            return [head, *block(stmt.body, depth + 1, style)]
        case While():
            return [f"{pad}while {text(stmt.test)}:{remark(stmt.span)}", *block(stmt.body, depth + 1, style)]
        case Append() if stmt.items in style.noted and stmt.value == AGENT:
            return [f"{pad}note({stmt.items}_notes, {text(stmt.value)}){remark(stmt.span)}"]
        case Append():
            return [
                f"{pad}append({stmt.items}, {handles.size(stmt.items)}, {text(stmt.value)}, threads){remark(stmt.span)}"
            ]
        case Mark():
            function = "put_in" if stmt.on else "take_out"
            return [f"{pad}{function}({stmt.bits}, {text(stmt.index)}, threads){remark(stmt.span)}"]
        case Claim():
            return [f"{pad}{stmt.name} = take_out({stmt.bits}, {text(stmt.index)}, threads){remark(stmt.span)}"]
        case Prefetch():
            return [f"{pad}prefetch({stmt.buffer}, {text(stmt.index)})"]
        case Enqueue():
            names = ", ".join(calendar_buffers(stmt.calendar))
            return [f"{pad}enqueue({names}, {text(stmt.step)}, {text(stmt.value)}, threads){remark(stmt.span)}"]
        case Sample():
            raise AssertionError(f"{stmt.path} is a draw, and not yet words and comparisons")
        case _:
            assert_never(stmt)


def _index(index: tuple[KExpr, ...]) -> str:
    return ", ".join(text(k) for k in index)


def _tally(stmt: Tally) -> str:
    place, value = f"{stmt.buffer}[chunk, {text(stmt.index)}]", text(stmt.value)
    if stmt.how == "add" and stmt.value.dtype == "f64":
        return f"{place[:-1]}, i & {LANES - 1}] += {value}"
    if stmt.how == "add":
        return f"{place} += {value}"
    return f"{place} = {'least' if stmt.how == 'min' else 'greatest'}({place}, {value})"


def _if(stmt: If, depth: int, style: Style) -> list[str]:
    pad = INDENT * depth
    if stmt.test == Const(True, "bool"):
        return [line for inner in stmt.then for line in statement(inner, depth, style)]
    lines = [f"{pad}if {text(stmt.test)}:{remark(stmt.span, stmt.note)}", *block(stmt.then, depth + 1, style)]
    if stmt.orelse:
        lines += [f"{pad}else:", *block(stmt.orelse, depth + 1, style)]
    return lines

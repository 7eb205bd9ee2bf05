"""Statements of the small language become blocks of instructions."""

from __future__ import annotations

import ast

from lpmdsl.native import memory
from lpmdsl.native.expressions import SIGNS, index_of, operand, several, test, value
from lpmdsl.native.frame import Frame
from lpmdsl.native.operations import as_kind, binary, compared, meet
from lpmdsl.native.text import Operand, Value, View, integer
from lpmdsl.native.types import LLVM


def run(frame: Frame, body: list[ast.stmt]) -> None:
    """A block, statement by statement."""
    for stmt in body:
        statement(frame, stmt)


def statement(frame: Frame, node: ast.stmt) -> None:
    """One statement."""
    match node:
        case ast.Assign():
            _assign(frame, node)
        case ast.AugAssign():
            changed = binary(frame.text, SIGNS[type(node.op)], value(frame, node.target), value(frame, node.value))
            _write(frame, node.target, changed, node)
        case ast.If():
            _if(frame, node)
        case ast.While():
            _while(frame, node)
        case ast.For():
            _for(frame, node)
        case ast.Return():
            _return(frame, node)
        case ast.Break() | ast.Continue():
            frame.text.jump(frame.loops[-1][isinstance(node, ast.Break)])
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            pass
        case ast.Expr():
            several(frame, node.value)
        case _:
            raise frame.fail(node, f"no {type(node).__name__} in native functions")


def _assign(frame: Frame, node: ast.Assign) -> None:
    found = several(frame, node.value)
    for target in node.targets:
        if not isinstance(target, ast.Tuple):
            _write(frame, target, found[0], node)
            continue
        if len(target.elts) != len(found):
            raise frame.fail(node, f"{len(found)} values for {len(target.elts)} names")
        for one, part in zip(target.elts, found, strict=True):
            _write(frame, one, part, node)


def _write(frame: Frame, target: ast.expr, found: Operand, node: ast.AST) -> None:
    match target:
        case ast.Name():
            frame.write(target.id, found, node)
        case ast.Subscript():
            view = operand(frame, target.value)
            index = index_of(frame, target.slice)
            if not isinstance(view, View) or not isinstance(found, Value) or len(index) != view.type.dimensions:
                raise frame.fail(node, "one element is written at a time")
            memory.store(frame.text, view, index, found)
        case _:
            raise frame.fail(node, "no place to write to")


def _if(frame: Frame, node: ast.If) -> None:
    text, condition = frame.text, test(frame, node.test)
    then, orelse, done = text.fresh("then"), text.fresh("else"), text.fresh("done")
    text.branch(condition.name, then, orelse if node.orelse else done)
    text.begin(then)
    run(frame, node.body)
    if node.orelse:
        _leave(frame, done)
        text.begin(orelse)
        run(frame, node.orelse)
    text.begin(done)


def _leave(frame: Frame, block: str) -> None:
    if frame.text.is_open:
        frame.text.jump(block)


def _while(frame: Frame, node: ast.While) -> None:
    text = frame.text
    head, body, done = text.fresh("while"), text.fresh("do"), text.fresh("done")
    text.begin(head)
    text.branch(test(frame, node.test).name, body, done)
    text.begin(body)
    frame.loops.append((head, done))
    run(frame, node.body)
    frame.loops.pop()
    _leave(frame, head)
    text.begin(done)


def _for(frame: Frame, node: ast.For) -> None:
    """``for k in range(…)``, or over the elements of an array."""
    if isinstance(node.iter, ast.Call):
        _for_range(frame, node, [value(frame, a) for a in node.iter.args])
        return
    view = operand(frame, node.iter)
    if not isinstance(view, View) or view.type.dimensions != 1:
        raise frame.fail(node, "a loop goes over a range, or over an array of one dimension")
    _loop(frame, node, integer(0), Value("i64", view.lengths[0]), integer(1), view)


def _for_range(frame: Frame, node: ast.For, given: list[Value]) -> None:
    start, stop = (integer(0), given[0]) if len(given) == 1 else given[:2]
    step = given[2] if len(given) == 3 else integer(1)
    start, stop, _ = meet(frame.text, start, stop, "i64")
    _loop(frame, node, start, stop, step)


def _loop(frame: Frame, node: ast.For, start: Value, stop: Value, step: Value, view: View | None = None) -> None:
    """A loop that counts by itself: a new value for its variable changes nothing."""
    if not isinstance(node.target, ast.Name):
        raise frame.fail(node, "a loop has one variable")
    text, kind = frame.text, start.kind
    place, llvm = text.place(LLVM[kind]), LLVM[kind]
    text.line(f"store {start.typed}, ptr {place}")
    head, body, following, done = (text.fresh(stem) for stem in ("for", "do", "next", "done"))
    text.begin(head)
    at = Value(kind, text.give(f"load {llvm}, ptr {place}"))
    down = step.literal is not None and step.literal < 0
    text.branch(compared(text, ">" if down else "<", at, stop).name, body, done)
    text.begin(body)
    now = at if view is None else memory.load(text, view, [at])
    if frame.locals.get(node.target.id, (now.kind,))[0] != now.kind:
        del frame.locals[node.target.id]  # another loop had a variable of this name
    frame.write(node.target.id, now, node)
    frame.loops.append((following, done))
    run(frame, node.body)
    frame.loops.pop()
    text.begin(following)
    flags = "nuw" if kind == "u64" else "nsw"
    more = as_kind(text, step, kind)
    text.line(f"store {llvm} {text.give(f'add {flags} {llvm} {at.name}, {more.name}')}, ptr {place}")
    text.jump(head)
    text.begin(done)


def _return(frame: Frame, node: ast.Return) -> None:
    found = several(frame, node.value) if node.value is not None else ()
    if frame.results not in (None, len(found)):
        raise frame.fail(node, "as many results at every return")
    frame.results = len(found)
    for k, one in enumerate(found):
        if not isinstance(one, Value):
            raise frame.fail(node, "an array is not returned: write to one that is given")
        frame.write(f".result{k}", one, node)
    frame.text.jump("exit")

"""Rules that every Program must satisfy, checked after each pass that makes one. A violation is our mistake."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from functools import cache

from lpmdsl.program import handles
from lpmdsl.program.ir import (
    LANES,
    OPS,
    Append,
    Apply,
    Assign,
    AtomicAdd,
    AtomicMax,
    Beside,
    Claim,
    Clear,
    Collect,
    Decide,
    Draw,
    Enqueue,
    Fold,
    Gate,
    If,
    Kernel,
    KExpr,
    KStmt,
    Launch,
    Let,
    Load,
    Loop,
    Mark,
    OrderStatistic,
    Prefetch,
    Program,
    Quantile,
    Rank,
    Sample,
    ScheduleItem,
    SelectSmallest,
    Spend,
    Store,
    Tally,
    Var,
    While,
    calendar_buffers,
    expressions,
    size_name,
    walk,
    words_of,
)

_GLOBAL = {"i", "t"}


class MalformedProgram(AssertionError):
    """A pass of the compiler broke a rule of the IR."""


def verify(program: Program) -> None:
    """Raise MalformedProgram unless every local is defined before use, every buffer declared and used as declared.

    Names are looked at by those who print them (``verify_names``).
    """
    names = {b.name: b for b in program.buffers}
    _require(len(names) == len(program.buffers), "a buffer is declared twice")
    kernels = {k.name for k in program.kernels}
    _require(len(kernels) == len(program.kernels), "a kernel is defined twice")
    for kernel in program.kernels:
        _Checker(program, kernel).run()
    for item in (*program.begin, *program.look, *program.step):
        _check_item(item, kernels, set(names))


_NAME = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*)?")
_WORDS = ("note", "path")
_MODEL = ("span", "expression", "distribution", "law")


def verify_names(program: Program) -> None:
    """Raise MalformedProgram unless every text of a program is a name of ASCII letters, or the words of a comment.

    Back ends print names as they are, and words through ``python_text.remark`` alone: so a label, a file name or
    whatever else somebody wrote can never be read as code.
    """
    waiting: list[object] = [program]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            _require(_NAME.fullmatch(node) is not None, f"{node!r:.80} is no name")
        elif isinstance(node, tuple):
            waiting.extend(node)
        else:
            waiting.extend(getattr(node, name) for name in _parts(type(node)))


@cache
def _parts(kind: type) -> tuple[str, ...]:
    """The fields of a node of the program that are printed as code."""
    written = fields(kind) if is_dataclass(kind) else ()
    return tuple(f.name for f in written if f.name not in (*_WORDS, *_MODEL))


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise MalformedProgram(message)


def _check_item(item: ScheduleItem, kernels: set[str], buffers: set[str]) -> None:
    match item:
        case Launch():
            _require(item.kernel in kernels, f"kernel {item.kernel} does not exist")
        case Clear():
            _require(item.buffer in buffers, f"buffer {item.buffer} does not exist")
        case Fold():
            _require({item.tally, item.into} <= buffers, f"fold of {item.tally} has no buffer")
        case SelectSmallest():
            _require({item.keys, item.cutoff, item.chosen} <= buffers, f"selection of {item.keys} has no buffer")
        case OrderStatistic():
            _require({item.values, item.groups, item.into} <= buffers, f"order of {item.values} has no buffer")
        case Rank():
            _require({item.values, item.keys, item.into} <= buffers, f"ranking of {item.values} has no buffer")
        case Collect():
            named = {*calendar_buffers(item.calendar), item.items, handles.size(item.items)}
            _require(named <= buffers, f"calendar {item.calendar} has no buffer")
        case Spend():
            _require(set(item.buffers) <= buffers, f"spending of {item.left} has no buffer")
        case Decide():
            _require(set(item.buffers) <= buffers, f"decision of {item.behaviour} has no buffer")
        case Gate():
            for inner in item.items:
                _check_item(inner, kernels, buffers)


class _Checker:
    """Walks one kernel with the set of locals defined so far."""

    def __init__(self, program: Program, kernel: Kernel) -> None:
        self.kernel = kernel
        self.buffers = {b.name: b for b in program.buffers}
        self.sizes = {size_name(d) for b in program.buffers for d in b.shape} - {""}

    def run(self) -> None:
        known = self.block(self.kernel.prologue, {"t"} | self.sizes)
        for ahead in self.kernel.ahead:
            self.block(ahead.body, known | {"i"})
        self.block(self.kernel.body, known | {"i"})

    def fail(self, message: str) -> None:
        raise MalformedProgram(f"kernel {self.kernel.name}: {message}")

    def block(self, body: tuple[KStmt, ...], known: set[str]) -> set[str]:
        known = set(known)
        for stmt in body:
            for expr in expressions(stmt):
                self.expression(expr, known)
            self.statement(stmt, known)
        return known

    def statement(self, stmt: KStmt, known: set[str]) -> None:
        match stmt:
            case Let():
                known.add(stmt.name)
            case Assign():
                if stmt.name not in known:
                    self.fail(f"{stmt.name} is assigned before it is defined")
            case Draw():
                known.update(words_of(stmt))
            case Store() | AtomicAdd() | Tally():
                self.written(stmt)
            case AtomicMax():
                known.add(stmt.name)
                self.written(stmt)
            case If():
                self.block(stmt.then, known)
                self.block(stmt.orelse, known)
            case Loop():
                self.block(stmt.body, known | {stmt.var})
            case While():
                self.block(stmt.body, known)
            case Claim():
                known.add(stmt.name)
                self.declared(stmt.bits)
            case Mark():
                self.declared(stmt.bits)
            case Prefetch():
                if stmt.buffer not in self.buffers:
                    self.fail(f"{stmt.buffer} is not declared")
            case Append():
                self.declared(stmt.items, handles.size(stmt.items))
            case Enqueue():
                self.declared(*calendar_buffers(stmt.calendar))
            case Sample():
                known.update({stmt.name} - {""})

    def declared(self, *names: str) -> None:
        for name in names:
            if name not in self.buffers or self.buffers[name].role in ("constant", "input"):
                self.fail(f"{name} is not declared, or read-only")

    def written(self, stmt: Store | AtomicAdd | AtomicMax | Tally) -> None:
        buffer = self.buffers.get(stmt.buffer)
        if buffer is None:
            return self.fail(f"buffer {stmt.buffer} is not declared")
        if buffer.role in ("constant", "input"):
            self.fail(f"{stmt.buffer} is read-only")
        if isinstance(stmt, Tally) != (buffer.role == "tally"):
            self.fail(f"{stmt.buffer} is a {buffer.role} buffer")
        if isinstance(stmt, AtomicMax) and buffer.dtype != "i64":
            self.fail(f"atomic maximum in {stmt.buffer}, which holds {buffer.dtype}")
        if isinstance(stmt, AtomicAdd) and buffer.dtype not in ("i64", "i32"):
            self.fail(f"atomic addition to {stmt.buffer}, which holds {buffer.dtype}: only integers commute")
        if isinstance(stmt, Tally):
            lanes = (LANES,) if stmt.how == "add" and stmt.value.dtype == "f64" else ()
            if buffer.shape[2:] != lanes:
                self.fail(f"{stmt.buffer} has {'no ' if lanes else ''}lanes")
        if stmt.value.dtype != buffer.dtype:
            self.fail(f"{stmt.value.dtype} stored in {stmt.buffer}, which holds {buffer.dtype}")

    def expression(self, expr: KExpr, known: set[str]) -> None:
        for node in walk(expr):
            match node:
                case Var():
                    if node.name not in known:
                        self.fail(f"{node.name} is read before it is defined")
                case Load():
                    buffer = self.buffers.get(node.buffer)
                    if buffer is None or buffer.dtype != node.dtype or len(buffer.shape) != len(node.index):
                        self.fail(f"{node.buffer} is not read as it is declared")
                case Apply():
                    if node.op not in OPS:
                        self.fail(f"no operation {node.op}")
                case Beside():
                    if node.keys not in self.buffers:
                        self.fail(f"keys {node.keys} are not declared")
                case Quantile():
                    if node.buffer not in self.buffers:
                        self.fail(f"table {node.buffer} is not declared")
                case _:
                    pass

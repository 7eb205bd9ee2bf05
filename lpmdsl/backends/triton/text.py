"""Kernel IR printed as Triton text: what one agent does becomes what a block of lanes does under a mask.

A value is *uniform* (one for the block) or *varying* (one a lane). A branch on a varying test becomes a narrower mask,
and where its body is expensive, also a jump past it for blocks in which no lane takes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

from lpmdsl.backends.python_text import INDENT, remark
from lpmdsl.backends.triton.values import TIGHT, Lanes
from lpmdsl.program.ir import (
    Append,
    Apply,
    Assign,
    AtomicAdd,
    AtomicMax,
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
    expressions,
    statements,
    walk,
    words_of,
)

DEAR = 8
"""From this cost on a branch is jumped past where no lane takes it; a jump costs about as many operations."""
_COSTS = {"floordiv": 20, "mod": 20, "div": 8, "log": 30, "exp": 30, "sin": 40, "cos": 40, "sqrt": 8}


@dataclass(slots=True)
class Printer:
    """The lines of one kernel. ``mask`` is the name of the lanes that take part; "" in uniform code."""

    lanes: Lanes
    lines: list[str] = field(default_factory=list)
    stored: set[str] = field(default_factory=set)
    masks: int = 0

    def block(self, body: tuple[KStmt, ...], depth: int, mask: str) -> None:
        """Print a block; an empty one prints nothing."""
        for stmt in body:
            self._settle(stmt, depth)
            self._statement(stmt, depth, mask)

    def line(self, depth: int, text: str) -> None:
        """Append a line, indented by ``depth``."""
        self.lines.append(INDENT * depth + text)

    def _settle(self, stmt: KStmt, depth: int) -> None:
        """Wait before the first read of what a lane wrote: another thread of its block may read it."""
        read = {e.buffer for x in expressions(stmt) for e in walk(x) if isinstance(e, Load)}
        if read & self.stored:
            self.line(depth, "tl.debug_barrier()")
            self.stored.clear()

    def _statement(self, stmt: KStmt, depth: int, mask: str) -> None:
        match stmt:
            case Let():
                self.lanes.defined_under[stmt.name] = mask
                self.line(depth, f"{stmt.name} = {self._initial(stmt, mask)}{remark(stmt.span, stmt.note)}")
            case Assign():
                self.line(depth, f"{stmt.name} = {self._assigned(stmt, mask)}")
            case Draw():
                self._draw(stmt, depth, mask)
            case Store():
                self._store(stmt, depth, mask)
            case AtomicAdd():
                self._add(stmt, depth, mask)
            case AtomicMax():
                self._raise(stmt, depth, mask)
            case Tally():
                self._tally(stmt, depth, mask)
            case If():
                self._if(stmt, depth, mask)
            case Loop():
                self._loop(stmt, depth, mask)
            case While():
                self._while(stmt, depth, mask)
            case Append() | Mark() | Claim() | Enqueue() | Prefetch():
                raise AssertionError("a GPU goes through everyone: its program has no lists")
            case Sample():
                raise AssertionError(f"{stmt.path} is a draw, and not yet words and comparisons")
            case _:
                assert_never(stmt)

    # -------------------------------------------------------------- locals

    def _initial(self, stmt: Let, mask: str) -> str:
        """A local that changes later starts with the shape and type that it keeps."""
        spread = stmt.name in self.lanes.assigned and stmt.name in self.lanes.varying
        return self.lanes.value_of(stmt.name, stmt.value, mask, spread)

    def _assigned(self, stmt: Assign, mask: str) -> str:
        if not mask or stmt.name not in self.lanes.varying:
            return self.lanes.value_of(stmt.name, stmt.value, mask, spread=False)
        if self.lanes.defined_under.get(stmt.name) == mask:
            return self.lanes.value_of(stmt.name, stmt.value, mask, spread=True)
        if stmt.value == Const(False, "bool"):
            return f"{stmt.name} & ~{mask}"
        if stmt.value == Const(True, "bool"):
            return f"{stmt.name} | {mask}"
        if isinstance(stmt.value, Const):
            return f"tl.where({mask}, {self.lanes.text(stmt.value, mask)}, {stmt.name})"
        return f"tl.where({mask}, {self.lanes.value_of(stmt.name, stmt.value, mask, spread=False)}, {stmt.name})"

    def _draw(self, stmt: Draw, depth: int, mask: str) -> None:
        words = ", ".join(words_of(stmt))
        agent, episode = (self.lanes.text(e, mask) for e in (stmt.agent, stmt.episode))
        call = f"{'quarter' if stmt.quartered else 'philox'}(seed, {agent}, {stmt.site}, {episode}, replicate)"
        self.line(depth, f"{words} = {call}{remark(stmt.span, stmt.path)}")

    # -------------------------------------------------------------- memory

    def _store(self, stmt: Store, depth: int, mask: str) -> None:
        self.stored.add(stmt.buffer)
        value = self.lanes.text(stmt.value, mask) if stmt.value.dtype != "f64" else self.lanes.typed(stmt.value, mask)
        place = self.lanes.place(stmt.buffer, stmt.index, mask)
        where = f", mask={mask}" if mask and any(self.lanes.is_varying(k) for k in stmt.index) else ""
        self.line(depth, f"tl.store({place}, {value}{where}){remark(stmt.span)}")

    def _add(self, stmt: AtomicAdd, depth: int, mask: str) -> None:
        value = self.lanes.text(stmt.value, mask)
        if self.lanes.is_small(stmt.buffer):
            index = self.lanes.block(self.lanes.flat(stmt.buffer, stmt.index), mask)
            self.line(depth, f"add_shared({stmt.buffer}, {index}, {value}, {mask}){remark(stmt.span)}")
            return
        place = self.lanes.place(stmt.buffer, stmt.index, mask)
        self.line(depth, f'tl.atomic_add({place}, {value}, mask={mask}, sem="relaxed"){remark(stmt.span)}')

    def _raise(self, stmt: AtomicMax, depth: int, mask: str) -> None:
        self.lanes.defined_under[stmt.name] = mask
        place = self.lanes.place(stmt.buffer, stmt.index, mask)
        value = self.lanes.block(stmt.value, mask)
        call = f'tl.atomic_max({place}, {value}, mask={mask}, sem="relaxed")'
        self.line(depth, f"{stmt.name} = {call}{remark(stmt.span)}")

    def _tally(self, stmt: Tally, depth: int, mask: str) -> None:
        """Counts of the block by one atomic a group; floats into the lane's own sum (``Lanes.sums``)."""
        value = self.lanes.text(stmt.value, mask)
        if stmt.value.dtype == "i64" and stmt.how == "add":
            self._count(stmt, value, depth, mask)
            return
        function = {"add": "{0} + {1}", "min": "least({0}, {1})", "max": "greatest({0}, {1})"}[stmt.how]
        groups = self.lanes.groups(stmt.buffer)
        index = self.lanes.text(stmt.index, mask)
        for group in [int(stmt.index.value)] if isinstance(stmt.index, Const) else range(groups):
            local = f"{stmt.buffer}_{group}"
            alone = groups == 1 or isinstance(stmt.index, Const)
            lanes = mask if alone else f"{mask} & ({index} == {group})"
            self.line(depth, f"{local} = tl.where({lanes}, {function.format(local, value)}, {local})")

    def _count(self, stmt: Tally, value: str, depth: int, mask: str) -> None:
        groups = self.lanes.groups(stmt.buffer)
        row = f"{stmt.buffer} + row" + (f" * {groups}" if groups > 1 else "")
        if groups > 1:
            self.line(depth, f"add_shared({row}, {self.lanes.block(stmt.index, mask)}, {value}, {mask})")
            return
        total = f"tl.sum({mask}.to(tl.int64), axis=0)"
        if stmt.value != Const(1, "i64"):
            total = f"tl.sum(tl.where({mask}, {value}, 0), axis=0)"
        self.line(depth, f'tl.atomic_add({row}, {total}, sem="relaxed")')

    # -------------------------------------------------------------- control

    def _if(self, stmt: If, depth: int, mask: str) -> None:
        if stmt.test == Const(True, "bool"):
            return self.block(stmt.then, depth, mask)
        if not self.lanes.is_varying(stmt.test):
            return self._uniform_if(stmt, depth, mask)
        then = self._mask()
        note = remark(stmt.span, stmt.note)
        parts = [(then, stmt.then, f"{mask} & {self.lanes.inside(stmt.test, mask, TIGHT)}")]
        if stmt.orelse:
            parts.append((self._mask(), stmt.orelse, f"{mask} & ~{then}"))
        for name, _, value in parts:
            self.line(depth, f"{name} = {value}{note}")
            note = ""
        for name, body, _ in parts:
            if cost(body) >= DEAR:
                self.line(depth, f"if some({name}):")
                self._nested(body, depth, name)
            else:
                self.block(body, depth, name)

    def _uniform_if(self, stmt: If, depth: int, mask: str) -> None:
        self.line(depth, f"if {self.lanes.text(stmt.test, mask)}:{remark(stmt.span, stmt.note)}")
        self._nested(stmt.then, depth, mask)
        if stmt.orelse:
            self.line(depth, "else:")
            self._nested(stmt.orelse, depth, mask)

    def _nested(self, body: tuple[KStmt, ...], depth: int, mask: str) -> None:
        """A block that may be jumped past: what it waited for may not have been waited for after it."""
        before, waiting = len(self.lines), set(self.stored)
        self.block(body, depth + 1, mask)
        self.stored |= waiting
        if len(self.lines) == before:
            self.line(depth + 1, "pass")

    def _loop(self, stmt: Loop, depth: int, mask: str) -> None:
        if not (self.lanes.is_varying(stmt.start) or self.lanes.is_varying(stmt.stop)):
            self._uniform_loop(stmt, depth, mask)
            return
        match stmt.body:
            case (
                AtomicAdd(buffer=counter, index=(Apply(op="to_i64", args=(Load(index=(edge,)) as ends,)),), value=v),
            ):
                assert edge == Var(stmt.var, "i64"), "a loop over ties reads its own edge"
                start, stop = self.lanes.typed(stmt.start, mask), self.lanes.typed(stmt.stop, mask)
                value = self.lanes.block(v, mask)
                self.line(depth, f"add_along_rows({counter}, {ends.buffer}, {start}, {stop}, {value}, {mask})")
            case (Assign(name=total, value=Apply(op="add", args=(Var(), Load(buffer=weights, index=(
                Apply(op="to_i64", args=(Load() as ends,)),))))),):  # fmt: skip
                start, stop = self.lanes.typed(stmt.start, mask), self.lanes.typed(stmt.stop, mask)
                function = "sum_reals_along_rows" if self.lanes.is_real(weights) else "sum_along_rows"
                gathered = f"{function}({weights}, {ends.buffer}, {start}, {stop}, {mask})"
                self.line(depth, f"{total} = {total} + {gathered}{remark(stmt.span)}")
            case _:
                self._loop_of_each(stmt, depth, mask)

    def _loop_of_each(self, stmt: Loop, depth: int, mask: str) -> None:
        """Every lane goes along a row of its own, until the last has come to its end."""
        going = self._mask()
        edge = Var(stmt.var, "i64")
        ahead = Apply("lt", (edge, stmt.stop), "bool")
        self.line(depth, f"{stmt.var} = {self.lanes.block(stmt.start, mask)}{remark(stmt.span)}")
        self.line(depth, f"{going} = {mask} & ({self.lanes.text(ahead, mask)})")
        self.line(depth, f"while some({going}):")
        self._nested(stmt.body, depth, going)
        self.line(depth + 1, f"{stmt.var} = {stmt.var} + 1")
        self.line(depth + 1, f"{going} = {going} & ({self.lanes.text(ahead, going)})")

    def _uniform_loop(self, stmt: Loop, depth: int, mask: str) -> None:
        if isinstance(stmt.start, Const) and isinstance(stmt.stop, Const):
            start, stop = self.lanes.text(stmt.start, mask), self.lanes.text(stmt.stop, mask)
            self.line(depth, f"for {stmt.var} in range({start}, {stop}):{remark(stmt.span)}")
            return self._nested(stmt.body, depth, mask)
        # Not `range`: the interpreter of older versions cannot count up to a number that was loaded.
        self.line(depth, f"{stmt.var} = {self.lanes.typed(stmt.start, mask)}{remark(stmt.span)}")
        self.line(depth, f"while {stmt.var} < {self.lanes.inside(stmt.stop, mask, TIGHT)}:")
        self._nested(stmt.body, depth, mask)
        self.line(depth + 1, f"{stmt.var} = {stmt.var} + 1")

    def _while(self, stmt: While, depth: int, mask: str) -> None:
        going = self._mask()
        self.line(depth, f"{going} = {mask} & {self.lanes.inside(stmt.test, mask, TIGHT)}{remark(stmt.span)}")
        self.line(depth, f"while some({going}):")
        self._nested(stmt.body, depth, going)
        self.line(depth + 1, f"{going} = {going} & {self.lanes.inside(stmt.test, going, TIGHT)}")
        if self.stored & _loaded(stmt.body):
            self.line(depth + 1, "tl.debug_barrier()")

    def _mask(self) -> str:
        self.masks += 1
        return f"lanes_{self.masks}"


def _loaded(body: tuple[KStmt, ...]) -> set[str]:
    return {e.buffer for s in statements(body) for x in expressions(s) for e in walk(x) if isinstance(e, Load)}


def cost(body: tuple[KStmt, ...]) -> int:
    """About how many operations a lane spends in a block; memory counts as four."""
    total = 0
    for stmt in statements(body):
        match stmt:
            case Draw():
                total += 60
            case While() | Loop():
                total += 50
            case AtomicAdd() | AtomicMax():
                total += 10
            case Store() | Tally():
                total += 4
            case _:
                total += 1
        total += sum(_expression_cost(x) for x in expressions(stmt))
    return total


def _expression_cost(expr: KExpr) -> int:
    total = 0
    for part in walk(expr):
        match part:
            case Load():
                total += 4
            case Quantile() | Threshold():
                total += 50
            case Apply():
                total += _COSTS.get(part.op, 1)
            case _:
                pass
    return total

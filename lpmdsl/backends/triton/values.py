"""Expressions of the kernel IR as Triton text, and what is uniform in a kernel and what varies from lane to lane.

Python's numbers lose their type in Triton (``0.1`` alone is a float32), so a constant that stands alone is printed with
its type. Both arms of a choice are computed; what an arm loads is loaded only where the arm is chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

from lpmdsl.backends.triton.uniformity import depends, narrow_names, varying_names
from lpmdsl.program.ir import (
    Apply,
    Assign,
    AtomicMax,
    Beside,
    Buffer,
    Const,
    Kernel,
    KExpr,
    Load,
    Quantile,
    Reports,
    Threshold,
    Var,
    parts,
    statements,
)
from lpmdsl.semantics.host.quantile_tables import CELLS

TYPES = {"bool": "tl.int1", "u8": "tl.uint8", "i16": "tl.int16", "i32": "tl.int32", "u32": "tl.uint32",
         "i64": "tl.int64", "f64": "tl.float64"}  # fmt: skip
_INFIX = {
    "or": ("|", 5), "and": ("&", 6), "bit_and": ("&", 6), "shl": ("<<", 7), "shr": (">>", 7), "add": ("+", 8),
    "sub": ("-", 8), "mul": ("*", 9), "div": ("/", 9), "lt": ("<", 4), "le": ("<=", 4), "gt": (">", 4),
    "ge": (">=", 4), "eq": ("==", 4), "ne": ("!=", 4),
}  # fmt: skip
_FUNCTION = {"log": "log", "exp": "exp", "sin": "sin", "cos": "cos", "min": "smaller", "max": "larger",
             "minimum": "least", "maximum": "greatest", "abs": "tl.abs", "floor": "tl.floor",
             "sqrt": "tl.sqrt", "to_rank": "rank_of"}  # fmt: skip
_CAST = {"to_i64": "tl.int64", "to_f64": "tl.float64", "to_u8": "tl.uint8", "to_i16": "tl.int16", "to_i32": "tl.int32"}
_OPPOSITE = {"eq": "ne", "ne": "eq"}
ATOM, UNARY, TIGHT = 11, 10, 7
"""Ranks of printed operators; ``TIGHT`` is what an operand of ``&`` needs."""
MOST_SHARED = 4096
"""Up to so many counters of one buffer are few: lanes that mean the same one are likely."""


@dataclass(slots=True)
class Lanes:
    """Facts about one kernel that printing needs. ``defined_under[local]``: the mask under which it was defined.

    ``alone``: what is printed now runs once, not for a block of lanes; then a mask is one truth value. ``raised``:
    buffers of maxima that lanes change while others read them: no read may be answered from what was read before.
    """

    buffers: dict[str, Buffer]
    varying: set[str]
    assigned: set[str]
    alone: bool = True
    narrow: set[str] = field(default_factory=set)
    integer: str = "tl.int64"
    raised: frozenset[str] = frozenset()
    defined_under: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, kernel: Kernel, buffers: dict[str, Buffer]) -> Lanes:
        """Facts about a kernel; ``buffers``: those of its Program, by name."""
        whole = (*kernel.prologue, *kernel.body)
        varying, narrow = (varying_names(kernel), narrow_names(kernel)) if kernel.domain else (set(), set())
        assigned = {s.name for s in statements(whole) if isinstance(s, Assign)}
        raised = frozenset(s.buffer for s in statements(whole) if isinstance(s, AtomicMax))
        return cls(buffers, varying, assigned, narrow=narrow, raised=raised)

    def value_of(self, name: str, expr: KExpr, mask: str, spread: bool) -> str:
        """The value of a local, in the type that it has; ``spread``: one a lane."""
        self.integer = "tl.int32" if name in self.narrow else "tl.int64"
        shown = self.block(expr, mask) if spread else self.typed(expr, mask)
        self.integer = "tl.int64"
        return shown

    def _type(self, expr: KExpr) -> str:
        return self.integer if expr.dtype == "i64" else TYPES[expr.dtype]

    def is_varying(self, expr: KExpr) -> bool:
        """Return True if the value differs between the lanes of a block."""
        return depends(expr, self.varying)

    # -------------------------------------------------------------- text

    def text(self, expr: KExpr, mask: str) -> str:
        """One expression; a lone constant without its type."""
        return self._print(expr, mask)[0]

    def typed(self, expr: KExpr, mask: str) -> str:
        """The expression as a value that has its type also when it stands alone."""
        if isinstance(expr, Const):
            return f"tl.full((), {_constant(expr)}, {self._type(expr)})"
        return self.text(expr, mask)

    def block(self, expr: KExpr, mask: str) -> str:
        """The expression with one value a lane."""
        if isinstance(expr, Const):
            return f"tl.full((BLOCK,), {_constant(expr)}, {self._type(expr)})"
        if self.is_varying(expr):
            return self.text(expr, mask)
        if expr.dtype == "bool":
            return self._spread_truth(expr, mask)
        return f"tl.zeros((BLOCK,), {self._type(expr)}) + {self.inside(expr, mask, 9)}"

    def _spread_truth(self, expr: KExpr, mask: str) -> str:
        # By way of a number: Triton's interpreter gives a truth value another type when it spreads it over lanes.
        return f"tl.zeros((BLOCK,), tl.int32) + {self.inside(expr, mask, ATOM)}.to(tl.int32) != 0"

    def inside(self, expr: KExpr, mask: str, rank: int) -> str:
        """The expression as an operand of an operator of that rank."""
        printed, own = self._print(expr, mask)
        return printed if own >= rank else f"({printed})"

    def _print(self, expr: KExpr, mask: str) -> tuple[str, int]:
        match expr:
            case Const():
                return _constant(expr), ATOM if float(expr.value) >= 0 else UNARY
            case Var():
                return expr.name, ATOM
            case Load():
                return self._load(expr, mask), ATOM
            case Quantile():
                row, word = self.text(expr.row, mask), self.text(expr.word, mask)
                return f"quantile({expr.buffer}, {row}, {word}, {mask}, {CELLS + 1})", ATOM
            case Threshold():
                return f"threshold({self.text(expr.high, mask)}, {self.text(expr.low, mask)})", ATOM
            case Apply():
                return self._apply(expr, mask)
            case Beside():
                parts = (self.text(e, mask) for e in (expr.edge, expr.count))
                agent = self.block(expr.agent, mask)
                return f"neighbour({expr.keys}, {agent}, {', '.join(parts)})", ATOM
            case _:
                assert_never(expr)

    def _load(self, expr: Load, mask: str) -> str:
        place = self.place(expr.buffer, expr.index, mask)
        masked = mask and (self.alone or any(self.is_varying(k) for k in expr.index))
        where = f", mask={mask}, other=0" if masked else ""
        anew = ", volatile=True" if expr.buffer in self.raised else ""
        return f"tl.load({place}{where}{anew})"

    def _apply(self, expr: Apply, mask: str) -> tuple[str, int]:
        name, args = expr.op, expr.args
        match name:
            case "to_i64" | "to_u8" | "to_i16" | "to_i32" if isinstance(args[0], Const):
                return str(int(args[0].value)), ATOM
            case "to_i64" | "to_f64" | "to_u8" | "to_i16" | "to_i32":
                to = self.integer if name == "to_i64" else _CAST[name]
                return f"{self._wide(self._operand, args[0], mask)}.to({to})", ATOM
            case "select" if isinstance(args[0], Const):
                # A test that became a constant where a local was put in its place.
                return self._print(args[1] if args[0].value else args[2], mask)
            case "select":
                return self._select(expr, mask), ATOM
            case "not":
                return self._not(args[0], mask)
            case "neg":
                return f"-{self.inside(args[0], mask, UNARY)}", UNARY
            case "floordiv" | "mod":
                return self._divide(expr, mask)
            case _ if name in _FUNCTION:
                lone = all(isinstance(a, Const) for a in args)
                shown = (self.typed(a, mask) if lone else self.text(a, mask) for a in args)
                return f"{_FUNCTION[name]}({', '.join(shown)})", ATOM
        sign, rank = _INFIX[name]
        if name in ("and", "or") and self.is_varying(expr):
            left, right = (self._truth(a, mask, rank + k) for k, a in enumerate(args))
            return f"{left} {sign} {right}", rank
        # A comparison inside another is put in parentheses: Python would chain the two.
        left, right = (self.inside(a, mask, rank + (k or rank == 4)) for k, a in enumerate(args))
        if all(isinstance(a, Const) for a in args):
            left = self.typed(args[0], mask)
        return f"{left} {sign} {right}", rank

    def _truth(self, expr: KExpr, mask: str, rank: int) -> str:
        """An operand of a logical operation over lanes."""
        return self.inside(expr, mask, rank) if self.is_varying(expr) else f"({self._spread_truth(expr, mask)})"

    def _operand(self, expr: KExpr, mask: str) -> str:
        return self.typed(expr, mask) if isinstance(expr, Const) else self.inside(expr, mask, ATOM)

    def _wide(self, show: Callable[..., str], *arguments: object) -> str:
        """Prints with integers as wide as they come."""
        before, self.integer = self.integer, "tl.int64"
        shown = show(*arguments)
        self.integer = before
        return shown

    def _select(self, expr: Apply, mask: str) -> str:
        test, chosen, other = expr.args
        where = self._wide(self.text, test, mask)
        lone = mask and not self.alone and not self.is_varying(test)  # one truth for a mask of lanes
        narrow = self._wide(self._truth if lone else self.inside, test, mask, TIGHT)
        yes = self.typed(chosen, _and(mask, narrow) if _loads(chosen) else mask)
        opposite = f"({self._wide(self._truth if lone else self.inside, test, mask, ATOM)} == 0)"
        no = self.text(other, _and(mask, opposite) if _loads(other) else mask)
        return f"tl.where({where}, {yes}, {no})"

    def _not(self, expr: KExpr, mask: str) -> tuple[str, int]:
        if isinstance(expr, Apply) and expr.op in _OPPOSITE:
            return self._apply(Apply(_OPPOSITE[expr.op], expr.args, "bool"), mask)
        return f"{self.inside(expr, mask, ATOM)} == 0", 4

    def _divide(self, expr: Apply, mask: str) -> tuple[str, int]:
        """Towards minus infinity; by a power of two that is a shift."""
        a, b = expr.args
        if isinstance(b, Const) and b.value > 0 and int(b.value) & (int(b.value) - 1) == 0:
            if expr.op == "floordiv":
                return f"{self.inside(a, mask, 7)} >> {int(b.value).bit_length() - 1}", 7
            return f"{self.inside(a, mask, TIGHT)} & {int(b.value) - 1}", 6
        function = "floor_divide" if expr.op == "floordiv" else "floor_modulo"
        return f"{function}({self.typed(a, mask)}, {self.text(b, mask)})", ATOM

    # -------------------------------------------------------------- memory

    def flat(self, buffer: str, index: tuple[KExpr, ...]) -> KExpr:
        """The place of an element in its buffer, counted from the start."""
        if len(index) == 1:
            return index[0]
        if len(index) == 3:
            assert index[1:] == (Const(0, "i64"),) * 2, "of a table of quantiles only the first cell is read directly"
            first = Const(0, "i64")
            return first if index[0] == first else Apply("mul", (index[0], Const(2 * (CELLS + 1), "i64")), "i64")
        width = self.buffers[buffer].columns
        if width == 1 and index[1] == Const(0, "i64"):
            return index[0]
        row = index[0] if width == 1 else Apply("mul", (index[0], Const(width, "i64")), "i64")
        return Apply("add", (row, index[1]), "i64")

    def place(self, buffer: str, index: tuple[KExpr, ...], mask: str) -> str:
        """Text of the address of an element of a buffer, for lanes under ``mask``."""
        where = self.flat(buffer, index)
        if where == Const(0, "i64"):
            return buffer
        return f"{buffer} + {self.inside(where, mask, 9) if isinstance(where, Apply) else self.text(where, mask)}"

    def groups(self, buffer: str) -> int:
        """Columns of a tally."""
        return self.buffers[buffer].columns

    def is_real(self, buffer: str) -> bool:
        """Return True if a buffer holds floats."""
        return self.buffers[buffer].dtype == "f64"

    def is_small(self, buffer: str) -> bool:
        """Return True if a buffer has so few counters that many lanes of a block mean the same one."""
        sizes = [1 if isinstance(d, Reports) else d for d in self.buffers[buffer].shape]
        return all(isinstance(d, int) and d <= MOST_SHARED for d in sizes)


def _and(mask: str, narrow: str) -> str:
    return f"{mask} & {narrow}" if mask else narrow


def _loads(expr: KExpr) -> bool:
    return isinstance(expr, Load) or any(_loads(p) for p in parts(expr))


def _constant(expr: Const) -> str:
    if expr.dtype == "bool":
        return "1" if expr.value else "0"
    if expr.dtype != "f64":
        return str(int(expr.value))
    value = float(expr.value)
    return repr(value) if abs(value) < float("inf") else f'float("{value}")'
